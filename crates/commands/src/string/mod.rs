//! Strings: bytes, integers and floating-point numbers under a key.

mod get;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on strings, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[GET];

const GET: KeyspaceCommand = Command {
    spec: Spec {
        name: "get",
        summary: "Returns the string value of a key.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(get::get)),
};
