//! Keys of any type.

mod del;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on keys of any type, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[DEL];

const DEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "del",
        summary: "Deletes one or more keys.",
        since: "1.0.0",
        complexity: "O(N) for N keys, and O(M) more for each that holds M elements.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::Remove, &[KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(del::del)),
};
