//! Consumer groups: each entry goes to one consumer of a group, who acknowledges it.

mod ack;
mod claim;
mod logged;
mod manage;
mod named;
mod pending;
mod read;

use super::{BLOCK, COUNT, ID, IDS, KEY, REFERENCES, STREAMS, UPDATES_KEY, streams_from};
use super::{DELETES_FROM_KEY, READS_KEY};
use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};
use engine::{Edit, EventClass};
pub(super) use manage::no_group_of_key;

const GROUP: Argument = Argument::string("group");
const CONSUMER: Argument = Argument::string("consumer");
const MIN_IDLE_TIME: Argument = Argument::string("min-idle-time");
const JUSTID: Argument = Argument::word("justid", "JUSTID").optional();
const ENTRIES_READ: Argument =
    Argument::integer("entriesread").shown("entries-read").token("ENTRIESREAD").optional();
const POSITION: Argument = Argument::one_of("id-selector", &[ID, Argument::word("new-id", "$")]);

/// Sends the event of a consumer who was not there, and counts the change.
fn note_new_consumer(edit: &mut Edit<'_, '_>, key: &[u8]) {
    edit.changed(1);
    edit.notify(EventClass::Stream, "xgroup-createconsumer", key);
}

pub(super) const XACK: KeyspaceCommand = Command {
    spec: Spec {
        name: "xack",
        summary: "Acknowledges entries, and returns how many were pending.",
        since: "5.0.0",
        complexity: "O(1) for each id.",
        group: Group::Stream,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::Fast],
        keys: UPDATES_KEY,
        arguments: &[KEY, GROUP, ID.multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(ack::xack)),
};

pub(super) const XACKDEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "xackdel",
        summary: "Acknowledges entries and deletes them.",
        since: "8.2.0",
        complexity: "O(1) for each id, and for each group where references matter.",
        group: Group::Stream,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        keys: DELETES_FROM_KEY,
        arguments: &[KEY, GROUP, REFERENCES, IDS],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(ack::xackdel)),
};

pub(super) const XAUTOCLAIM: KeyspaceCommand = Command {
    spec: Spec {
        name: "xautoclaim",
        summary: "Gives pending entries to another consumer, going over them with a cursor.",
        since: "6.2.0",
        complexity: "O(1) where COUNT is small.",
        group: Group::Stream,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: DELETES_FROM_KEY,
        arguments: &[KEY, GROUP, CONSUMER, MIN_IDLE_TIME, Argument::string("start"), COUNT, JUSTID],
        history: &[("7.0.0", "The ids of entries that are gone are returned as well.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(claim::xautoclaim)),
};

pub(super) const XCLAIM: KeyspaceCommand = Command {
    spec: Spec {
        name: "xclaim",
        summary: "Gives pending entries to another consumer.",
        since: "5.0.0",
        complexity: "O(log N) for each id, N being how many entries are pending.",
        group: Group::Stream,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: UPDATES_KEY,
        arguments: &[
            KEY,
            GROUP,
            CONSUMER,
            MIN_IDLE_TIME,
            ID.multiple(),
            Argument::integer("ms").token("IDLE").optional(),
            Argument::unix_time("unix-time-milliseconds").token("TIME").optional(),
            Argument::integer("count").token("RETRYCOUNT").optional(),
            Argument::word("force", "FORCE").optional(),
            JUSTID,
            Argument::string("lastid").token("LASTID").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(claim::xclaim)),
};

pub(super) const XGROUP: KeyspaceCommand = Command {
    spec: Spec {
        name: "xgroup",
        summary: "Manages the groups of streams and their consumers.",
        since: "5.0.0",
        complexity: "That of the subcommand.",
        group: Group::Stream,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[
        XGROUP_CREATE,
        XGROUP_CREATECONSUMER,
        XGROUP_DELCONSUMER,
        XGROUP_DESTROY,
        XGROUP_HELP,
        XGROUP_SETID,
    ]),
};

const INSERTS: &[KeySpec] = &[KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])];
const DELETES: &[KeySpec] = &[KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])];
const UPDATES: &[KeySpec] = &[KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Update])];

const XGROUP_CREATE: KeyspaceCommand = Command {
    spec: Spec {
        name: "create",
        summary: "Adds a group.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: INSERTS,
        arguments: &[
            KEY,
            GROUP,
            POSITION,
            Argument::word("mkstream", "MKSTREAM").optional(),
            ENTRIES_READ,
        ],
        history: &[("7.0.0", "ENTRIESREAD.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(manage::create)),
};

const XGROUP_CREATECONSUMER: KeyspaceCommand = Command {
    spec: Spec {
        name: "createconsumer",
        summary: "Adds a consumer to a group.",
        since: "6.2.0",
        group: Group::Stream,
        arity: Arity::Exactly(5),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: INSERTS,
        arguments: &[KEY, GROUP, CONSUMER],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(manage::create_consumer)),
};

const XGROUP_DELCONSUMER: KeyspaceCommand = Command {
    spec: Spec {
        name: "delconsumer",
        summary: "Removes a consumer from a group.",
        since: "5.0.0",
        complexity: "O(N) for N entries that are pending for it.",
        group: Group::Stream,
        arity: Arity::Exactly(5),
        flags: &[Flag::Write],
        keys: DELETES,
        arguments: &[KEY, GROUP, CONSUMER],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(manage::delete_consumer)),
};

const XGROUP_DESTROY: KeyspaceCommand = Command {
    spec: Spec {
        name: "destroy",
        summary: "Removes a group.",
        since: "5.0.0",
        complexity: "O(N) for N entries that are pending in it.",
        group: Group::Stream,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write],
        keys: DELETES,
        arguments: &[KEY, GROUP],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(manage::destroy)),
};

const XGROUP_HELP: KeyspaceCommand = Command {
    spec: Spec {
        name: "help",
        summary: "Tells about the subcommands.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(manage::help)),
};

const XGROUP_SETID: KeyspaceCommand = Command {
    spec: Spec {
        name: "setid",
        summary: "Lets a group go on after another entry.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write],
        keys: UPDATES,
        arguments: &[KEY, GROUP, POSITION, ENTRIES_READ],
        history: &[("7.0.0", "ENTRIESREAD.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(manage::set_id)),
};

pub(super) const XPENDING: KeyspaceCommand = Command {
    spec: Spec {
        name: "xpending",
        summary: "Returns which entries are pending in a group.",
        since: "5.0.0",
        complexity: "O(N) for N entries that are returned, or looked at with IDLE; O(N) for N consumers without a range.",
        group: Group::Stream,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: READS_KEY,
        arguments: &[
            KEY,
            GROUP,
            Argument::block(
                "filters",
                &[
                    Argument::integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
                    Argument::string("start"),
                    Argument::string("end"),
                    Argument::integer("count"),
                    CONSUMER.optional(),
                ],
            )
            .optional(),
        ],
        history: &[("6.2.0", "IDLE, and intervals without their ends.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(pending::xpending)),
};

pub(super) const XREADGROUP: KeyspaceCommand = Command {
    spec: Spec {
        name: "xreadgroup",
        summary: "Gives a consumer of a group entries of streams, and may wait for them.",
        since: "5.0.0",
        complexity: "O(N) for N entries of each stream.",
        group: Group::Stream,
        arity: Arity::AtLeast(7),
        flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
        keys: &[streams_from(4)],
        arguments: &[
            Argument::block("group-block", &[GROUP, CONSUMER]).token("GROUP"),
            COUNT,
            BLOCK,
            Argument::word("noack", "NOACK").optional(),
            STREAMS,
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(read::XREADGROUP)),
};
