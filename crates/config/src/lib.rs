//! Configuration: what stands in redis.conf, on the command line, and behind CONFIG.
//!
//! - [`directives`] is the table of all directives, each declared once (`table/`).
//! - [`Config`] holds their values in plain typed fields.
//! - [`Invocation::parse`] reads the command line, [`load`] the files it names; both as
//!   redis-server does.
//! - [`Config::matching`] is CONFIG GET, [`Config::with`] CONFIG SET, [`rewrite`] CONFIG REWRITE.
//!
//! Texts of errors and the shape of rewritten files are those of Valkey 9.1, except where a comment
//! says why not. There is no I/O here: files come through [`FileSource`], and what a changed value
//! means is the node's to do.

mod command_line;
mod config;
mod directive;
mod load;
mod nearest;
mod refusal;
mod rewrite;
mod setting;
mod table;
mod values;

pub use command_line::{CommandLineError, Invocation, Start};
pub use config::{Change, Config, SetError};
pub use directive::{Check, Directive, Effect, Mutability, Rule};
pub use load::{
    Declared, FileSource, INCLUDE_DEPTH_MAX, LoadError, Loaded, Origin, Place, SOURCES_MAX, load,
};
pub use refusal::Refusal;
pub use rewrite::{Added, ExtraLines, rewrite};
pub use setting::memory as parse_memory;
pub use table::choices::{
    AppendFsync, BusAuthMode, ConfigSave, DisklessLoad, EndpointType, EvictionPolicy, LogFormat,
    LogLevel, LogTimestampFormat, OomScoreAdj, Permission, PropagationError, PubsubDefault,
    RdbVersionCheck, SanitizePayload, Supervision, SyslogFacility, TlsAuthClients, TlsAuthUser,
    WriteAcksPolicy,
};
pub use table::{
    Cluster, Encoding, General, Logging, Memory, Network, Persistence, Replication, Security,
    Telemetry, Tls, directives, markdown,
};
pub use values::{
    Addresses, EventClass, KeyspaceEvents, MemoryShare, OomScores, OutputLimit, OutputLimits,
    Percentiles, ReplicaOf, SavePoint, SavePoints, ShutdownFlags,
};
