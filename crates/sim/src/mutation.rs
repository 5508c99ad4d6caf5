//! Bugs that clusters of Redis and Valkey have had, to be switched on: a simulator that does not find them
//! would find no new one either.
//!
//! The machine has none of them and no switch for any. Each is brought about from outside: in what a node is
//! told, in what it hears of others, in what becomes of its orders, in what its disk keeps.

use cluster::wire::{HEADER_BYTES, NodeFlags, PacketType};
use cluster::{Data, Machine};

/// A bug, named for what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutation {
    /// The epochs of the cluster and of the last vote are not in `nodes.conf`.
    VarsUnsaved,
    /// `nodes.conf` is overwritten in place: a crash may leave a part of it.
    TornConfig,
    /// Timeouts are measured with the wall clock.
    WallClock,
    /// A primary that comes back with less than its replicas serves it.
    EmptyPrimaryServes,
    /// Replicas do not look at each other's offsets, nor voters at a candidate's.
    StaleElected,
    /// A primary that comes back takes a new epoch, and with it what was given away meanwhile.
    OldPrimaryRetakes,
    /// Two primaries with the same epoch keep it.
    CollisionKept,
    /// A candidate counts the votes of its last election, too.
    VotesKept,
    /// What primaries suspect does not count by the time the others have heard of it.
    ReportsExpire,
    /// A primary that gives way to its replica goes on writing.
    PauseLeaks,
    /// A primary that has given way, or was to, never takes writes again.
    PauseKept,
    /// A replica that does not know its primary's last epoch is not told.
    CandidateUntold,
}

/// Where fields lie in a packet.
const TYPE_AT: usize = 12;
const CURRENT_EPOCH_AT: usize = 16;
const CONFIG_EPOCH_AT: usize = 24;
const OFFSET_AT: usize = 32;
const REPLICA_OF_AT: usize = 2128;
const GOSSIP_COUNT_AT: usize = 14;
const GOSSIP_FLAGS_AT: usize = 98;

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 12] = [
        Mutation::VarsUnsaved,
        Mutation::TornConfig,
        Mutation::WallClock,
        Mutation::EmptyPrimaryServes,
        Mutation::StaleElected,
        Mutation::OldPrimaryRetakes,
        Mutation::CollisionKept,
        Mutation::VotesKept,
        Mutation::ReportsExpire,
        Mutation::PauseLeaks,
        Mutation::PauseKept,
        Mutation::CandidateUntold,
    ];

    /// What the command line calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mutation::VarsUnsaved => "vars-unsaved",
            Mutation::TornConfig => "torn-config",
            Mutation::WallClock => "wall-clock",
            Mutation::EmptyPrimaryServes => "empty-primary-serves",
            Mutation::StaleElected => "stale-elected",
            Mutation::OldPrimaryRetakes => "old-primary-retakes",
            Mutation::CollisionKept => "collision-kept",
            Mutation::VotesKept => "votes-kept",
            Mutation::ReportsExpire => "reports-expire",
            Mutation::PauseLeaks => "pause-leaks",
            Mutation::PauseKept => "pause-kept",
            Mutation::CandidateUntold => "candidate-untold",
        }
    }

    /// The mutation of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Mutation> {
        Mutation::ALL.into_iter().find(|mutation| mutation.name() == name)
    }
}

/// What is wrong in a run: nothing, or one bug.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Wrong(pub(crate) Option<Mutation>);

impl Wrong {
    pub(crate) fn is_none(self) -> bool {
        self.0.is_none()
    }

    fn is(self, mutation: Mutation) -> bool {
        self.0 == Some(mutation)
    }

    pub(crate) fn goes_by_wall_clock(self) -> bool {
        self.is(Mutation::WallClock)
    }

    pub(crate) fn lets_paused_write(self) -> bool {
        self.is(Mutation::PauseLeaks)
    }

    pub(crate) fn keeps_pause(self) -> bool {
        self.is(Mutation::PauseKept)
    }

    pub(crate) fn retakes(self) -> bool {
        self.is(Mutation::OldPrimaryRetakes)
    }

    pub(crate) fn keeps_votes(self) -> bool {
        self.is(Mutation::VotesKept)
    }

    /// What is written of a `nodes.conf`.
    pub(crate) fn written(self, text: String) -> String {
        match (self.is(Mutation::VarsUnsaved), text.rfind("vars ")) {
            (true, Some(at)) => format!("{}vars currentEpoch 0 lastVoteEpoch 0\n", &text[..at]),
            _ => text,
        }
    }

    /// What a crash leaves of a `nodes.conf` that was being written, `at` permille of it.
    pub(crate) fn torn(self, text: &str, at_permille: u64) -> Option<String> {
        let at = text.len() * at_permille as usize / 1000;
        self.is(Mutation::TornConfig).then(|| text.chars().take(at).collect())
    }

    /// What a node is told of its data, after so many starts.
    pub(crate) fn data(self, data: Data, starts: u32) -> Data {
        if self.is(Mutation::EmptyPrimaryServes) && starts > 1 {
            // As if they were those of an append-only file that is known to be whole.
            return Data { offset: 0, has_keys: true, ..data };
        }
        data
    }

    /// What a node reads in the place of a packet that has come.
    pub(crate) fn heard(self, machine: &Machine, bytes: &mut [u8]) -> Heard {
        let (Some(mutation), true) = (self.0, bytes.len() >= HEADER_BYTES) else {
            return Heard::AsSent;
        };
        let kind = u16::from_be_bytes([bytes[TYPE_AT], bytes[TYPE_AT + 1]]);
        let is_heartbeat =
            [PacketType::Ping, PacketType::Pong].map(|one| one as u16).contains(&kind);
        let is_replica = bytes[REPLICA_OF_AT] != 0;
        let id = machine.my_id();
        let is_mine = bytes[REPLICA_OF_AT..].starts_with(id.as_bytes());
        match mutation {
            Mutation::StaleElected if is_replica && kind == PacketType::AuthRequest as u16 => {
                bytes[OFFSET_AT..OFFSET_AT + 8].fill(0xff);
            }
            Mutation::StaleElected if is_replica && !is_mine => {
                bytes[OFFSET_AT..OFFSET_AT + 8].fill(0)
            }
            Mutation::CollisionKept if is_heartbeat && !is_replica => {
                let mine = machine.config_epoch().0.to_be_bytes();
                let theirs = &mut bytes[CONFIG_EPOCH_AT..CONFIG_EPOCH_AT + 8];
                if theirs == mine {
                    theirs
                        .copy_from_slice(&machine.config_epoch().0.saturating_sub(1).to_be_bytes());
                }
            }
            Mutation::ReportsExpire if is_heartbeat => forget_suspicions(bytes),
            Mutation::CandidateUntold if kind == PacketType::Update as u16 => return Heard::Lost,
            Mutation::VarsUnsaved
            | Mutation::TornConfig
            | Mutation::WallClock
            | Mutation::EmptyPrimaryServes
            | Mutation::StaleElected
            | Mutation::OldPrimaryRetakes
            | Mutation::CollisionKept
            | Mutation::VotesKept
            | Mutation::ReportsExpire
            | Mutation::PauseLeaks
            | Mutation::PauseKept
            | Mutation::CandidateUntold => {}
        }
        Heard::AsSent
    }

    /// A vote of an earlier election as it would count in this one.
    pub(crate) fn renewed(vote: &[u8], epoch: u64) -> Vec<u8> {
        let mut bytes = vote.to_vec();
        bytes[CURRENT_EPOCH_AT..CURRENT_EPOCH_AT + 8].copy_from_slice(&epoch.to_be_bytes());
        bytes
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    /// It is read, as it stands now.
    AsSent,
    /// It is not.
    Lost,
}

fn forget_suspicions(bytes: &mut [u8]) {
    let count = u16::from_be_bytes([bytes[GOSSIP_COUNT_AT], bytes[GOSSIP_COUNT_AT + 1]]);
    for nth in 0..usize::from(count) {
        let at = HEADER_BYTES + nth * cluster::wire::GOSSIP_BYTES + GOSSIP_FLAGS_AT;
        if let Some(flags) = bytes.get_mut(at..at + 2) {
            let told = u16::from_be_bytes([flags[0], flags[1]]) & !NodeFlags::PFAIL.0;
            flags.copy_from_slice(&told.to_be_bytes());
        }
    }
}
