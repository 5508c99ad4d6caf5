//! What a node tells its operator: the server takes the events from the worker after each batch and logs them.

use std::fmt;

/// Something that an operator should know. What [`fmt::Display`] gives is the line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A client spoke HTTP, as a browser does that was tricked into it; it was disconnected. At most once a minute.
    CrossProtocolRequest {
        /// The client's address.
        address: String,
    },
    /// SHUTDOWN SAFE was refused, for slots of the cluster would be without an owner.
    ShutdownRefused,
    /// The end would lose the data: what was switched to the append-only file is not in it yet.
    FirstLogRuns {
        /// Whether it ends all the same.
        is_forced: bool,
    },
    /// The data are saved before the end.
    LastSave,
    /// The data could not be saved before the end.
    LastSaveFailed {
        /// Whether it ends all the same.
        is_forced: bool,
    },
    /// The end that a signal has asked for was taken back.
    EndAborted,
    /// Something about a primary or a replica. Each is limited by how often they come and go.
    Replication {
        /// What happened, in Redis's words where it has any.
        message: String,
    },
    /// DEBUG LOG: a line that a client wants to be in the log. Limited by who may use DEBUG.
    DebugLog {
        /// What it says.
        message: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::CrossProtocolRequest { address } => write!(
                f,
                "Possible SECURITY ATTACK detected: a client at {address} sent HTTP (POST or Host:). Somebody may be \
                 using a browser or another program to send commands here. The connection was closed."
            ),
            Event::ShutdownRefused => write!(
                f,
                "SHUTDOWN SAFE was refused: this node owns slots of the cluster. Move them, or add FORCE."
            ),
            Event::FirstLogRuns { is_forced } => {
                write!(f, "Writing initial AOF{}", outcome(*is_forced))
            }
            Event::LastSave => write!(f, "Saving the final RDB snapshot before exiting."),
            Event::LastSaveFailed { is_forced } => {
                write!(f, "Error trying to save the DB{}", outcome(*is_forced))
            }
            Event::EndAborted => write!(f, "Shutdown manually aborted."),
            Event::Replication { message } => f.write_str(message),
            Event::DebugLog { message } => write!(f, "DEBUG LOG: {message}"),
        }
    }
}

/// What becomes of an end that something stands in the way of, in Valkey's words.
fn outcome(is_forced: bool) -> &'static str {
    if is_forced { ". Exit anyway." } else { ", can't exit." }
}
