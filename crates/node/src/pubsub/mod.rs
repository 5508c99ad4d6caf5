//! Publish and subscribe: the commands, who listens to what, and the messages.

mod channels;
mod commands;
mod events;
mod message;
mod report;
mod subscriptions;

pub use channels::Channels;
pub(crate) use events::event_classes;
pub(crate) use subscriptions::Subscriptions;

use crate::table::{SessionCommand, SessionRun};
use ::commands::spec::{Argument, Arity, Flag, Group, KeySpec};
use ::commands::{Body, Command, Spec};

/// The commands of publish and subscribe, by name.
pub(crate) const COMMANDS: &[SessionCommand] = &[
    PSUBSCRIBE,
    PUBLISH,
    PUBSUB,
    PUNSUBSCRIBE,
    SPUBLISH,
    SSUBSCRIBE,
    SUBSCRIBE,
    SUNSUBSCRIBE,
    UNSUBSCRIBE,
];

/// Flags of those that begin or end listening.
const LISTENING: &[Flag] = &[Flag::Pubsub, Flag::Noscript, Flag::Loading, Flag::Stale];
/// Flags of those that publish.
const PUBLISHING: &[Flag] = &[Flag::Pubsub, Flag::Loading, Flag::Stale, Flag::Fast];
/// Flags of those that tell.
const TELLING: &[Flag] = &[Flag::Pubsub, Flag::Loading, Flag::Stale];

const PATTERN: Argument = Argument::pattern("pattern");
const CHANNEL: Argument = Argument::string("channel");
const SHARD_CHANNEL: Argument = Argument::string("shardchannel");

/// Names of shard channels, to the last argument.
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec { not_key: true, ..KeySpec::range(1, -1, 1) }];

const fn command(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec: Spec { group: Group::Pubsub, ..spec }, body: Body::Run(run) }
}

const PSUBSCRIBE: SessionCommand = command(
    Spec {
        name: "psubscribe",
        summary: "Listens to all channels that match one of the patterns.",
        since: "2.0.0",
        complexity: "O(N) for N patterns.",
        arity: Arity::AtLeast(2),
        flags: LISTENING,
        arguments: &[PATTERN.multiple()],
        ..Spec::DEFAULT
    },
    commands::psubscribe,
);

const PUBLISH: SessionCommand = command(
    Spec {
        name: "publish",
        summary: "Sends a message to all who listen to a channel.",
        since: "2.0.0",
        complexity: "O(N+M) for N clients that listen to the channel and M patterns of all clients.",
        arity: Arity::Exactly(3),
        flags: PUBLISHING,
        arguments: &[CHANNEL, Argument::string("message")],
        ..Spec::DEFAULT
    },
    commands::publish,
);

const PUBSUB: SessionCommand = Command {
    spec: Spec {
        name: "pubsub",
        summary: "Contains the commands that tell what is listened to.",
        since: "2.8.0",
        complexity: "As the subcommand says.",
        group: Group::Pubsub,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[
        command(
            Spec {
                name: "channels",
                summary: "Returns the channels that somebody listens to.",
                since: "2.8.0",
                complexity: "O(N) for N such channels.",
                arity: Arity::AtLeast(2),
                flags: TELLING,
                arguments: &[PATTERN.optional()],
                ..Spec::DEFAULT
            },
            report::channels,
        ),
        command(
            Spec {
                name: "help",
                summary: "Explains the subcommands.",
                since: "6.2.0",
                arity: Arity::Exactly(2),
                flags: &[Flag::Loading, Flag::Stale],
                ..Spec::DEFAULT
            },
            report::help,
        ),
        command(
            Spec {
                name: "numpat",
                summary: "Counts the different patterns that are listened to.",
                since: "2.8.0",
                arity: Arity::Exactly(2),
                flags: TELLING,
                ..Spec::DEFAULT
            },
            report::numpat,
        ),
        command(
            Spec {
                name: "numsub",
                summary: "Counts who listens to channels.",
                since: "2.8.0",
                complexity: "O(N) for N channels that are asked for.",
                arity: Arity::AtLeast(2),
                flags: TELLING,
                arguments: &[CHANNEL.optional().multiple()],
                ..Spec::DEFAULT
            },
            report::numsub,
        ),
        command(
            Spec {
                name: "shardchannels",
                summary: "Returns the shard channels that somebody listens to.",
                since: "7.0.0",
                complexity: "O(N) for N such channels.",
                arity: Arity::AtLeast(2),
                flags: TELLING,
                arguments: &[PATTERN.optional()],
                ..Spec::DEFAULT
            },
            report::shard_channels,
        ),
        command(
            Spec {
                name: "shardnumsub",
                summary: "Counts who listens to shard channels.",
                since: "7.0.0",
                complexity: "O(N) for N channels that are asked for.",
                arity: Arity::AtLeast(2),
                flags: TELLING,
                arguments: &[SHARD_CHANNEL.optional().multiple()],
                ..Spec::DEFAULT
            },
            report::shard_numsub,
        ),
    ]),
};

const PUNSUBSCRIBE: SessionCommand = command(
    Spec {
        name: "punsubscribe",
        summary: "Stops listening by patterns.",
        since: "2.0.0",
        complexity: "O(N) for N patterns.",
        arity: Arity::AtLeast(1),
        flags: LISTENING,
        arguments: &[PATTERN.optional().multiple()],
        ..Spec::DEFAULT
    },
    commands::punsubscribe,
);

const SPUBLISH: SessionCommand = command(
    Spec {
        name: "spublish",
        summary: "Sends a message to all who listen to a shard channel.",
        since: "7.0.0",
        complexity: "O(N) for N clients that listen to the shard channel.",
        arity: Arity::Exactly(3),
        flags: PUBLISHING,
        keys: &[KeySpec { not_key: true, ..KeySpec::at(1) }],
        arguments: &[SHARD_CHANNEL, Argument::string("message")],
        ..Spec::DEFAULT
    },
    commands::spublish,
);

const SSUBSCRIBE: SessionCommand = command(
    Spec {
        name: "ssubscribe",
        summary: "Listens to shard channels.",
        since: "7.0.0",
        complexity: "O(N) for N shard channels.",
        arity: Arity::AtLeast(2),
        flags: LISTENING,
        keys: SHARD_CHANNELS,
        arguments: &[SHARD_CHANNEL.multiple()],
        ..Spec::DEFAULT
    },
    commands::ssubscribe,
);

const SUBSCRIBE: SessionCommand = command(
    Spec {
        name: "subscribe",
        summary: "Listens to channels.",
        since: "2.0.0",
        complexity: "O(N) for N channels.",
        arity: Arity::AtLeast(2),
        flags: LISTENING,
        arguments: &[CHANNEL.multiple()],
        ..Spec::DEFAULT
    },
    commands::subscribe,
);

const SUNSUBSCRIBE: SessionCommand = command(
    Spec {
        name: "sunsubscribe",
        summary: "Stops listening to shard channels.",
        since: "7.0.0",
        complexity: "O(N) for N shard channels.",
        arity: Arity::AtLeast(1),
        flags: LISTENING,
        keys: SHARD_CHANNELS,
        arguments: &[SHARD_CHANNEL.optional().multiple()],
        ..Spec::DEFAULT
    },
    commands::sunsubscribe,
);

const UNSUBSCRIBE: SessionCommand = command(
    Spec {
        name: "unsubscribe",
        summary: "Stops listening to channels.",
        since: "2.0.0",
        complexity: "O(N) for N channels.",
        arity: Arity::AtLeast(1),
        flags: LISTENING,
        arguments: &[CHANNEL.optional().multiple()],
        ..Spec::DEFAULT
    },
    commands::unsubscribe,
);
