//! What an operator asked for and cannot have. `Display` is the text on the wire, without its `-ERR ` or other prefix's dash.

use base::{NodeId, Slot};

/// A refused cluster command; `Display` is the error reply from its code word on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClusterError {
    /// A slot number that is none.
    #[error("ERR Invalid or out of range slot")]
    SlotOutOfRange,
    /// A slot named twice.
    #[error("ERR Slot {0} specified multiple times")]
    SlotRepeated(Slot),
    /// ADDSLOTS of a slot with an owner.
    #[error("ERR Slot {0} is already busy")]
    SlotBusy(Slot),
    /// DELSLOTS of a slot without one.
    #[error("ERR Slot {0} is already unassigned")]
    SlotUnassigned(Slot),
    /// A range that ends before it starts.
    #[error("ERR start slot number {0} is greater than end slot number {1}")]
    RangeReversed(Slot, Slot),
    /// An id that names no node we know.
    #[error("ERR Unknown node {0}")]
    UnknownNode(String),
    /// SETSLOT MIGRATING of a slot that is not ours.
    #[error("ERR I'm not the owner of hash slot {0}")]
    SlotNotMine(Slot),
    /// SETSLOT IMPORTING of a slot that is ours.
    #[error("ERR I'm already the owner of hash slot {0}")]
    SlotMine(Slot),
    /// SETSLOT MIGRATING or IMPORTING with an id that names no node we know.
    #[error("ERR I don't know about node {0}")]
    Stranger(String),
    /// SETSLOT MIGRATING or IMPORTING with our own id.
    #[error("ERR Target node is myself")]
    OtherIsMyself,
    /// SETSLOT with a replica.
    #[error("ERR Target node is not a master")]
    NotPrimary,
    /// SETSLOT NODE that would leave keys behind.
    #[error(
        "ERR Can't assign hashslot {0} to a different node while I still hold keys for this hash slot."
    )]
    SlotHasKeys(Slot),
    /// SETSLOT at a replica.
    #[error("ERR Please use SETSLOT only with masters.")]
    SetSlotAtReplica,
    /// SETSLOT with an action that is none, or without what it needs.
    #[error("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")]
    SetSlotAction,
    /// FORGET of oneself.
    #[error("ERR I tried hard but I can't forget myself...")]
    ForgetMyself,
    /// FORGET of one's own primary.
    #[error("ERR Can't forget my master!")]
    ForgetPrimary,
    /// REPLICATE of oneself.
    #[error("ERR Can't replicate myself")]
    ReplicateMyself,
    /// REPLICATE of a replica.
    #[error("ERR I can only replicate a master, not a replica.")]
    ReplicateReplica,
    /// REPLICATE by a primary that has slots or keys.
    #[error("ERR To set a master the node must be empty and without assigned slots.")]
    ReplicateWithData,
    /// REPLICAS of a replica.
    #[error("ERR The specified node is not a master")]
    NoPrimary,
    /// FAILOVER of a primary.
    #[error("ERR You should send CLUSTER FAILOVER to a replica")]
    FailoverOfPrimary,
    /// FAILOVER of a replica that does not know its primary.
    #[error("ERR I'm a replica but my master is unknown to me")]
    PrimaryUnknown,
    /// FAILOVER without FORCE while the primary cannot be asked.
    #[error("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE")]
    PrimaryDown,
    /// MEET with a port that is no number.
    #[error("ERR Invalid base port specified: {0}")]
    BasePort(String),
    /// MEET with a bus port that is no number.
    #[error("ERR Invalid bus port specified: {0}")]
    BusPort(String),
    /// MEET with something that is no IP address.
    #[error("ERR Invalid node address specified: {0}:{1}")]
    Address(String, i64),
    /// MEET with a port outside 1 to 65535.
    #[error("ERR Port number is out of range")]
    PortRange,
    /// MEET with a bus port, given or derived, outside 1 to 65535.
    #[error("ERR Cluster bus port number is out of range")]
    BusPortRange,
    /// MEET while too many nodes are known or being met.
    #[error("ERR Too many nodes")]
    TooManyNodes,
    /// FLUSHSLOTS with keys.
    #[error("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.")]
    FlushWithKeys,
    /// RESET of a primary with keys.
    #[error("ERR CLUSTER RESET can't be called with master nodes containing keys")]
    ResetWithKeys,
    /// SET-CONFIG-EPOCH with a negative number.
    #[error("ERR Invalid config epoch specified: {0}")]
    NegativeEpoch(i64),
    /// SET-CONFIG-EPOCH in a cluster of more than one.
    #[error(
        "ERR The user can assign a config epoch only when the node does not know any other node."
    )]
    EpochNotAlone,
    /// SET-CONFIG-EPOCH twice.
    #[error("ERR Node config epoch is already non-zero")]
    EpochAlreadySet,
}

impl ClusterError {
    /// `Unknown node` for an id as the client wrote it.
    #[must_use]
    pub fn unknown_node(id: &[u8]) -> ClusterError {
        ClusterError::UnknownNode(String::from_utf8_lossy(id).into_owned())
    }

    pub(crate) fn stranger(id: &[u8]) -> ClusterError {
        ClusterError::Stranger(String::from_utf8_lossy(id).into_owned())
    }

    pub(crate) fn unknown(id: NodeId) -> ClusterError {
        ClusterError::UnknownNode(id.to_string())
    }
}
