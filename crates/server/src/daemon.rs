//! `daemonize yes`: the server goes on in the background.
//!
//! Forking a process that has begun is not safe in Rust. So the program starts itself once more, with the same arguments and without a
//! terminal, and ends; the new process makes itself the leader of a session of its own.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Tells the new process what it is.
const MARK: &str = "REDSTART_DAEMON";

/// Whether this process is already the one in the background.
#[must_use]
pub fn is_detached() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts this program once more in the background. `stdin` is what the first one has read from its standard input.
///
/// # Errors
///
/// Where it could not be started.
pub fn detach(stdin: Option<&[u8]>) -> io::Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        pipe.write_all(text)?;
    }
    Ok(())
}

/// Lets go of the terminal that the first process was started from.
///
/// # Errors
///
/// Where this process leads a group already.
pub fn begin_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}
