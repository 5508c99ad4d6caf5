//! The options of redis-cli that are there. Others are refused by name, rather than taken for something else.

use std::time::Duration;

use crate::client::{Address, Credentials};
use crate::cluster::password_of_environment;

pub(super) const USAGE: &str = "\
redis-cli, as Redstart has it: one command, or commands from the standard input

Usage: redis-cli [OPTIONS] [cmd [arg [arg ...]]]
  -h <hostname>      Server hostname (default: 127.0.0.1).
  -p <port>          Server port (default: 6379).
  -u <uri>           redis://user:password@host:port/db
  -t <timeout>       Seconds to wait for a reply (default: no limit).
  -a, --pass <password>
                     Password. The variable REDISCLI_AUTH is safer.
  --user <username>  Name for AUTH. Needs -a.
  -n <db>            Database number.
  -c                 Follow MOVED and ASK.
  -r <repeat>        Run the command N times.
  -i <interval>      Wait so many seconds between them.
  -x                 Read the last argument from the standard input.
  -e                 Exit with 1 when the command fails.
  --raw, --no-raw    Replies for programs (where the output is no terminal), or for people.
  --no-auth-warning  Do not warn of -a.
  --cluster <command> [args...] [opts...]
                     create, check, info, fix, add-node, del-node, rebalance: see --cluster help.
  --help, --version

There is no prompt, and nothing that samples or measures: Redis's and Valkey's own tools do that.
";

/// What is asked for.
#[derive(Debug)]
pub(super) enum Wanted {
    Help,
    Version,
    Commands(Options, Vec<Vec<u8>>),
    /// The words behind `--cluster`, with its options.
    Cluster(Options, Vec<String>),
}

/// How it is to be done.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) address: Address,
    pub(super) credentials: Credentials,
    pub(super) has_typed_password: bool,
    pub(super) is_quiet: bool,
    pub(super) database: u32,
    pub(super) follows: bool,
    /// Only where commands come from the standard input.
    pub(super) tells_redirections: bool,
    pub(super) times: u64,
    pub(super) interval: Duration,
    pub(super) reads_last_argument: bool,
    pub(super) fails_on_error: bool,
    pub(super) is_raw: Option<bool>,
    pub(super) patience: Option<Duration>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password.
        f.debug_struct("Options").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Options {
    fn new() -> Options {
        Options {
            address: Address::local(6379),
            credentials: Credentials { user: None, password: password_of_environment() },
            has_typed_password: false,
            is_quiet: false,
            database: 0,
            follows: false,
            tells_redirections: false,
            times: 1,
            interval: Duration::ZERO,
            reads_last_argument: false,
            fails_on_error: false,
            is_raw: None,
            patience: None,
        }
    }
}

/// Reads the command line: options, then the command.
pub(super) fn parse(arguments: &[Vec<u8>]) -> Result<Wanted, String> {
    let mut options = Options::new();
    let mut rest = arguments.iter();
    let mut words: Vec<Vec<u8>> = Vec::new();
    while let Some(word) = rest.next() {
        let text = std::str::from_utf8(word).unwrap_or_default();
        if !text.starts_with('-') || text == "-" {
            words.push(word.clone());
            words.extend(rest.cloned());
            break;
        }
        match text {
            "--help" => return Ok(Wanted::Help),
            // As there, without a name behind it.
            "-h" if rest.len() == 0 => return Ok(Wanted::Help),
            "-v" | "--version" => return Ok(Wanted::Version),
            "--cluster" => {
                let words = rest.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                return Ok(Wanted::Cluster(options, words));
            }
            _ => option(&mut options, text, &mut || {
                rest.next().and_then(|word| std::str::from_utf8(word).ok())
            })?,
        }
    }
    options.tells_redirections = words.is_empty();
    Ok(Wanted::Commands(options, words))
}

/// Reads one option and its value, if it has one.
pub(super) fn option<'a>(
    options: &mut Options,
    name: &str,
    value: &mut dyn FnMut() -> Option<&'a str>,
) -> Result<(), String> {
    let unknown = || format!("Unrecognized option or bad number of args for: '{name}'");
    let mut text = || value().ok_or_else(unknown);
    match name {
        "-h" => options.address.host = text()?.to_owned(),
        "-p" => {
            options.address.port = text()?.parse().map_err(|_| "Invalid server port.".to_owned())?
        }
        "-u" => uri(options, text()?)?,
        "-t" => {
            let patience = super::seconds(text()?).ok_or_else(unknown)?;
            options.patience = Some(patience).filter(|patience| !patience.is_zero());
        }
        "-a" | "--pass" => {
            options.credentials.password = Some(text()?.to_owned());
            options.has_typed_password = true;
        }
        "--user" => options.credentials.user = Some(text()?.to_owned()),
        "-n" => options.database = text()?.parse().map_err(|_| unknown())?,
        "-c" => options.follows = true,
        "-r" => options.times = text()?.parse().map_err(|_| unknown())?,
        "-i" => options.interval = super::seconds(text()?).ok_or_else(unknown)?,
        "-x" => options.reads_last_argument = true,
        "-e" => options.fails_on_error = true,
        // The only protocol that this tool speaks.
        "-2" => {}
        "--raw" => options.is_raw = Some(true),
        "--no-raw" => options.is_raw = Some(false),
        "--no-auth-warning" => options.is_quiet = true,
        _ => return Err(unknown()),
    }
    Ok(())
}

/// `redis://[user:]password@host:port/db`.
fn uri(options: &mut Options, text: &str) -> Result<(), String> {
    let rest = ["redis://", "valkey://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = rest.ok_or_else(|| "Invalid URI scheme".to_owned())?;
    let (who, place) =
        rest.rsplit_once('@').map_or((None, rest), |(who, place)| (Some(who), place));
    if let Some(who) = who {
        let (user, password) =
            who.split_once(':').map_or((None, who), |(user, word)| (Some(user), word));
        options.credentials.user = user.filter(|user| !user.is_empty()).map(str::to_owned);
        options.credentials.password = Some(password.to_owned());
        options.has_typed_password = true;
    }
    let (place, database) = place.split_once('/').unwrap_or((place, ""));
    if !database.is_empty() {
        options.database =
            database.parse().map_err(|_| "Invalid database in the URI".to_owned())?;
    }
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "6379"));
    if !host.is_empty() {
        options.address.host = host.to_owned();
    }
    options.address.port = port.parse().map_err(|_| "Invalid server port.".to_owned())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Wanted, String> {
        let words: Vec<Vec<u8>> =
            line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
        parse(&words)
    }

    #[test]
    fn options_stand_before_the_command() {
        let Ok(Wanted::Commands(options, words)) = read("-h db -p 7 -n 3 -a x -c get -n") else {
            panic!("a command")
        };
        assert_eq!((options.address.to_string(), options.database), ("db:7".to_owned(), 3));
        assert!(options.follows && options.has_typed_password && !options.tells_redirections);
        assert_eq!(words, [b"get".to_vec(), b"-n".to_vec()]);
    }

    #[test]
    fn a_uri_says_all_at_once() {
        let Ok(Wanted::Commands(options, _)) = read("-u redis://me:secret@db:7000/2 ping") else {
            panic!("a command")
        };
        assert_eq!((options.address.to_string(), options.database), ("db:7000".to_owned(), 2));
        assert_eq!(options.credentials.auth(), Some(vec!["AUTH", "me", "secret"]));
        assert!(read("-u http://x ping").is_err());
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for line in ["--bigkeys", "--pipe", "-n", "-n x", "-3"] {
            let text = read(line).map(|_| ()).unwrap_err();
            assert!(text.contains(line.split(' ').next().unwrap()), "{text}");
        }
        assert!(
            matches!(read("-h"), Ok(Wanted::Help))
                && matches!(read("--version"), Ok(Wanted::Version))
        );
    }
}
