//! Directives whose values are names: an enum each.

use crate::setting::Choice;

/// Declares an enum whose variants are the names of a directive's values.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {$($(#[$note])+ $variant,)+}
        impl Choice for $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, $name::$variant)),+];
        }
    };
}

choice! {
    /// Who may use something dangerous.
    Permission {
        /// Nobody.
        #[default] No = "no",
        /// Every client.
        Yes = "yes",
        /// Clients on the same machine.
        Local = "local",
    }
}

impl Permission {
    /// Whether a client may, given whether it is on the same machine.
    #[must_use]
    pub const fn allows(self, client_is_local: bool) -> bool {
        match self {
            Permission::No => false,
            Permission::Yes => true,
            Permission::Local => client_is_local,
        }
    }
}

choice! {
    /// What becomes of a write that replicas do not acknowledge in time.
    WriteAcksPolicy {
        /// The client is told that it may be lost; without enough replicas, writes are refused.
        #[default] Refuse = "refuse",
        /// It is replied to as if they had; without enough replicas, none is waited for.
        Degrade = "degrade",
    }
}

choice! {
    /// Which packets of the cluster bus have to be sealed with the cluster's secret.
    BusAuthMode {
        /// None, and nobody is told that they could be.
        #[default] Off = "off",
        /// Those between nodes that both can.
        Optional = "optional",
        /// All.
        Required = "required",
    }
}

choice! {
    /// The least important messages that are still logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// What is rarely useful.
        Verbose = "verbose",
        /// What an operator wants.
        #[default] Notice = "notice",
        /// Only what is important or critical.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As Redis writes it.
    #[default]
    Text,
    /// A JSON object.
    Json,
}

impl Choice for LogFormat {
    // `legacy` is what Valkey calls its text format.
    const NAMES: &'static [(&'static str, LogFormat)] =
        &[("text", LogFormat::Text), ("json", LogFormat::Json), ("legacy", LogFormat::Text)];
}

choice! {
    /// How a log line gives its time.
    LogTimestampFormat {
        /// `21 Nov 2026 05:04:35.814`.
        #[default] Legacy = "legacy",
        /// `2026-11-21T05:04:35.814+00:00`.
        Iso8601 = "iso8601",
        /// Milliseconds since 1970.
        Milliseconds = "milliseconds",
    }
}

choice! {
    /// What the system log calls the sender.
    SyslogFacility {
        /// A user's program.
        User = "user",
        /// Local use 0.
        #[default] Local0 = "local0",
        /// Local use 1.
        Local1 = "local1",
        /// Local use 2.
        Local2 = "local2",
        /// Local use 3.
        Local3 = "local3",
        /// Local use 4.
        Local4 = "local4",
        /// Local use 5.
        Local5 = "local5",
        /// Local use 6.
        Local6 = "local6",
        /// Local use 7.
        Local7 = "local7",
    }
}

choice! {
    /// Whose child the server is.
    Supervision {
        /// Upstart's.
        Upstart = "upstart",
        /// Systemd's.
        Systemd = "systemd",
        /// Found out from the environment.
        Auto = "auto",
        /// Nobody's.
        #[default] No = "no",
    }
}

choice! {
    /// When the append-only file is forced to the disk.
    AppendFsync {
        /// Once a second.
        #[default] Everysec = "everysec",
        /// Before a reply leaves.
        Always = "always",
        /// When the kernel likes.
        No = "no",
    }
}

choice! {
    /// Which keys make room when memory is short.
    EvictionPolicy {
        /// Of keys that expire, the least recently used.
        VolatileLru = "volatile-lru",
        /// Of keys that expire, the least frequently used.
        VolatileLfu = "volatile-lfu",
        /// Of keys that expire, any.
        VolatileRandom = "volatile-random",
        /// The keys that expire soonest.
        VolatileTtl = "volatile-ttl",
        /// The least recently used.
        AllkeysLru = "allkeys-lru",
        /// The least frequently used.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// None: writes are refused.
        #[default] Noeviction = "noeviction",
    }
}

choice! {
    /// What a replica does with a snapshot that comes over the network without touching its disk.
    DisklessLoad {
        /// Writes it to the disk first.
        #[default] Disabled = "disabled",
        /// Loads it at once if there is no data yet.
        OnEmptyDb = "on-empty-db",
        /// Loads it beside the old data.
        Swapdb = "swapdb",
        /// Drops the old data first.
        FlushBeforeLoad = "flush-before-load",
    }
}

choice! {
    /// What clients are told to connect to.
    EndpointType {
        /// The address.
        #[default] Ip = "ip",
        /// The host name.
        Hostname = "hostname",
        /// Nothing: they stay at the address they know.
        UnknownEndpoint = "unknown-endpoint",
    }
}

choice! {
    /// What happens when the cluster's state cannot be saved.
    ConfigSave {
        /// The node stops.
        #[default] Sync = "sync",
        /// It goes on and says so.
        BestEffort = "best-effort",
    }
}

choice! {
    /// What new users may subscribe to.
    PubsubDefault {
        /// All channels.
        Allchannels = "allchannels",
        /// None.
        #[default] Resetchannels = "resetchannels",
    }
}

choice! {
    /// What happens when a replicated command fails.
    PropagationError {
        /// It is counted.
        #[default] Ignore = "ignore",
        /// The server stops.
        Panic = "panic",
        /// A replica stops.
        PanicOnReplicas = "panic-on-replicas",
    }
}

choice! {
    /// How RDB files of newer versions are met.
    RdbVersionCheck {
        /// They are refused.
        #[default] Strict = "strict",
        /// They are tried.
        Relaxed = "relaxed",
    }
}

choice! {
    /// How thoroughly payloads of RESTORE and RDB are checked before use.
    SanitizePayload {
        /// Lightly.
        #[default] No = "no",
        /// Deeply.
        Yes = "yes",
        /// Deeply, when they come from clients.
        Clients = "clients",
    }
}

/// Whether the kernel is told which processes to kill first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomScoreAdj {
    /// No.
    #[default]
    No,
    /// Relative to the score at start.
    Relative,
    /// As absolute values.
    Absolute,
}

impl Choice for OomScoreAdj {
    const NAMES: &'static [(&'static str, OomScoreAdj)] = &[
        ("no", OomScoreAdj::No),
        ("yes", OomScoreAdj::Relative),
        ("relative", OomScoreAdj::Relative),
        ("absolute", OomScoreAdj::Absolute),
    ];
}

choice! {
    /// Whether TLS clients must show a certificate.
    TlsAuthClients {
        /// No.
        No = "no",
        /// Yes.
        #[default] Yes = "yes",
        /// Only checked when shown.
        Optional = "optional",
    }
}

choice! {
    /// Which field of a certificate names a user.
    TlsAuthUser {
        /// The common name.
        Cn = "CN",
        /// The URI.
        Uri = "URI",
        /// None.
        #[default] Off = "off",
    }
}
