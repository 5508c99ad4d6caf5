//! What the program is when it is called `redis-cli` or `valkey-cli`: the part of that tool that scripts and containers use.
//!
//! One command from the arguments, or commands from the standard input, and replies as that tool prints them; and the verbs of
//! `--cluster` that [`crate::cluster`] has. There is no prompt, and no mode that samples or measures: for these the tool
//! itself is there, which works with this server as it is.

mod cluster_verbs;
mod format;
mod options;

use std::ffi::OsStr;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use self::options::{Options, Wanted};
use crate::client::{Address, Client, Reply};

/// The longest value that `-x` takes, in bytes.
const INPUT_BYTES_MAX: u64 = 512 << 20;

/// Whether the program was called by the name of the tool.
pub(crate) fn is_called_by(name: &OsStr) -> bool {
    let name = Path::new(name).file_name().unwrap_or_default();
    ["redis-cli", "valkey-cli", "redstart-cli"].iter().any(|known| name == *known)
}

/// Runs as the tool does.
pub(crate) fn run_as(name: &OsStr, arguments: &[Vec<u8>]) -> ExitCode {
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    match options::parse(arguments) {
        Err(text) => {
            complain(&text);
            ExitCode::FAILURE
        }
        Ok(Wanted::Help) => tell(options::USAGE.replace("redis-cli", &name).as_bytes()),
        Ok(Wanted::Version) => tell(format!("{name} {}\n", env!("CARGO_PKG_VERSION")).as_bytes()),
        Ok(Wanted::Cluster(options, words)) => cluster_verbs::run(&options, &words),
        Ok(Wanted::Commands(options, words)) => {
            if options.has_typed_password && !options.is_quiet {
                complain(
                    "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.",
                );
            }
            commands(options, words)
        }
    }
}

fn tell(bytes: &[u8]) -> ExitCode {
    // Where standard output is closed nobody listens.
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
    ExitCode::SUCCESS
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn commands(options: Options, words: Vec<Vec<u8>>) -> ExitCode {
    let Some(mut talk) = Talk::begin(options) else { return ExitCode::FAILURE };
    if words.is_empty() {
        return lines(&mut talk);
    }
    let mut words = words;
    if talk.options.reads_last_argument {
        let mut value = Vec::new();
        if io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut value).is_err() {
            return ExitCode::FAILURE;
        }
        words.push(value);
    }
    let (times, interval) = (talk.options.times, talk.options.interval);
    for time in 0..times {
        if time > 0 {
            std::thread::sleep(interval);
        }
        if !talk.command(&words) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A command a line.
fn lines(talk: &mut Talk) -> ExitCode {
    if io::stdin().is_terminal() {
        complain(
            "There is no prompt here. Give a command, such as: redis-cli PING; or commands on the standard input.",
        );
        return ExitCode::FAILURE;
    }
    let mut code = ExitCode::SUCCESS;
    for line in io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { return ExitCode::FAILURE };
        match base::words::split(&line) {
            None => {
                tell(b"Invalid argument(s)\n");
            }
            Some(words) if words.is_empty() => {}
            Some(words) => {
                if !talk.command(&words) {
                    code = ExitCode::FAILURE;
                }
            }
        }
    }
    code
}

/// One connection, and what is printed of it.
struct Talk {
    options: Options,
    address: Address,
    client: Client,
    is_raw: bool,
}

impl Talk {
    fn begin(options: Options) -> Option<Talk> {
        let is_raw = options.is_raw.unwrap_or_else(|| !io::stdout().is_terminal());
        let address = options.address.clone();
        let client = connect(&options, &address)?;
        Some(Talk { options, address, client, is_raw })
    }

    /// Runs one command, and follows redirections. False where it cannot be sent, or has failed and that counts.
    fn command(&mut self, words: &[Vec<u8>]) -> bool {
        let mut asking = false;
        loop {
            let reply = match self.ask(words, asking) {
                Ok(reply) => reply,
                Err(_) if is_end(words) => return true,
                Err(error) => {
                    let text = match error.kind() == io::ErrorKind::UnexpectedEof {
                        true => "Server closed the connection".to_owned(),
                        false => error.to_string(),
                    };
                    complain(&format!("Error: {text}"));
                    return false;
                }
            };
            let way = if self.options.follows { redirection(&reply) } else { None };
            let Some((slot, address, is_ask)) = way else {
                if let Reply::Error(text) = &reply
                    && self.options.fails_on_error
                {
                    complain(text);
                    return false;
                }
                tell(&format::reply(&reply, self.is_raw));
                if is_endless(words) {
                    self.listen();
                }
                return true;
            };
            if self.options.tells_redirections {
                tell(format!("-> Redirected to slot [{slot}] located at {address}\n").as_bytes());
            }
            let Some(client) = connect(&self.options, &address) else { return false };
            (self.client, self.address, asking) = (client, address, is_ask);
        }
    }

    fn ask(&mut self, words: &[Vec<u8>], asking: bool) -> io::Result<Reply> {
        if asking {
            self.client.command(&["ASKING"])?;
        }
        self.client.command(words)
    }

    /// Messages, until the connection ends.
    fn listen(&mut self) {
        while let Ok(message) = self.client.receive() {
            tell(&format::reply(&message, self.is_raw));
        }
    }
}

/// Commands after which messages come without being asked for.
fn is_endless(words: &[Vec<u8>]) -> bool {
    let name = words.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    [&b"subscribe"[..], b"psubscribe", b"ssubscribe", b"monitor"].contains(&name.as_slice())
}

/// Commands after which the server closes the connection.
fn is_end(words: &[Vec<u8>]) -> bool {
    let name = words.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    [&b"shutdown"[..], b"quit"].contains(&name.as_slice())
}

/// Where a reply sends the client: the slot, the node, and whether it is for once.
fn redirection(reply: &Reply) -> Option<(u16, Address, bool)> {
    let Reply::Error(text) = reply else { return None };
    let mut words = text.split(' ');
    let is_ask = match words.next()? {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    Some((words.next()?.parse().ok()?, Address::parse(words.next()?)?, is_ask))
}

/// Connects, says who one is and chooses the database. What is wrong is told.
fn connect(options: &Options, address: &Address) -> Option<Client> {
    let client = Client::connect(address).and_then(|client| {
        // A command may block for as long as it likes.
        client.wait_at_most(options.patience)?;
        Ok(client)
    });
    let mut client = match client {
        Ok(client) => client,
        Err(error) => {
            complain(&format!("Could not connect to Redis at {address}: {}", reason(&error)));
            return None;
        }
    };
    if let Some(auth) = options.credentials.auth()
        && let Ok(Reply::Error(text)) = client.command(&auth)
    {
        complain(&format!("AUTH failed: {text}"));
    }
    if options.database != 0
        && let Ok(Reply::Error(text)) = client.command(&["SELECT", &options.database.to_string()])
    {
        complain(&format!("SELECT {} failed: {text}", options.database));
    }
    Some(client)
}

/// What an error is called, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// How long is waited between repeated commands, of a number of seconds.
fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_read() {
        let read = |text: &str| {
            redirection(&Reply::Error(text.to_owned()))
                .map(|(slot, address, is_ask)| (slot, address.to_string(), is_ask))
        };
        assert_eq!(read("MOVED 5 10.0.0.1:7000"), Some((5, "10.0.0.1:7000".to_owned(), false)));
        assert_eq!(read("ASK 5 10.0.0.1:7000"), Some((5, "10.0.0.1:7000".to_owned(), true)));
        assert_eq!(read("ERR MOVED"), None);
        assert_eq!(read("MOVED x 10.0.0.1:7000"), None);
    }

    #[test]
    fn the_program_knows_its_names() {
        assert!(
            is_called_by(OsStr::new("/usr/bin/redis-cli"))
                && is_called_by(OsStr::new("valkey-cli"))
        );
        assert!(!is_called_by(OsStr::new("redis-server")) && !is_called_by(OsStr::new("redstart")));
    }
}
