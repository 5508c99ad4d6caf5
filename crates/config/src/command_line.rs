//! The command line, exactly as redis-server takes it: `[config-file | -] [--directive value ...]
//! [-]`.
//!
//! Options are not interpreted here. They become lines of configuration, which
//! [`load`](crate::load) reads after the file and the standard input, so that they win.

use base::words;
use thiserror::Error;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Serve.
    Start(Start),
    /// Print the version.
    Version,
    /// Print how the program is used.
    Help,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The file, as it was named.
    pub file: Option<Vec<u8>>,
    /// Whether the standard input holds configuration, read after the file.
    pub stdin: bool,
    /// The options as lines of configuration, read last.
    pub options: Vec<u8>,
}

/// A command line that is understood, but asks for what is not there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandLineError {
    /// `--sentinel`.
    #[error(
        "Sentinel mode is not supported: run redis-sentinel or valkey-sentinel beside this server, \
         it can watch it like any other"
    )]
    Sentinel,
}

impl Invocation {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// When a mode is asked for that is not there. Unknown options are found when they are loaded.
    pub fn parse(arguments: &[Vec<u8>]) -> Result<Invocation, CommandLineError> {
        match arguments.first().map(Vec::as_slice) {
            Some(b"-v" | b"--version") => return Ok(Invocation::Version),
            Some(b"-h" | b"--help") => return Ok(Invocation::Help),
            _ => {}
        }
        if arguments.iter().any(|argument| argument == b"--sentinel") {
            return Err(CommandLineError::Sentinel);
        }
        let mut start = Start::default();
        let mut rest = arguments;
        if let [file, after @ ..] = rest
            && !file.starts_with(b"-")
        {
            start.file = Some(file.clone());
            rest = after;
        }
        push_options(rest, arguments.len(), &mut start);
        Ok(Invocation::Start(start))
    }
}

/// Turns options into lines. What starts with two dashes names a directive, unless the directive
/// before it still waits for its first value: `--masterauth --x` sets the password `--x`.
fn push_options(options: &[Vec<u8>], arguments: usize, start: &mut Start) {
    let mut wants_value = false;
    for (at, option) in options.iter().enumerate() {
        let first = arguments == options.len() && at == 0;
        let next = options.get(at + 1);
        if option == b"-" && (first || next.is_none()) {
            start.stdin = true;
        } else if let (false, Some(name)) = (wants_value, option.strip_prefix(b"--")) {
            if !start.options.is_empty() {
                start.options.push(b'\n');
            }
            start.options.extend(name);
            start.options.push(b' ');
            // `--port` waits for a value, `"--port 6380"` has one.
            wants_value = words::split(option).is_some_and(|words| words.len() == 1);
            // An empty shell variable may leave `--save` bare: before 7.0.1 that meant no saving,
            // and still does.
            let bare = next.is_none_or(|next| next.starts_with(b"--"));
            if bare && option.eq_ignore_ascii_case(b"--save") {
                start.options.extend(b"\"\"");
                wants_value = false;
            }
        } else {
            words::push_quoted(&mut start.options, option);
            start.options.push(b' ');
            wants_value = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Invocation, CommandLineError> {
        let arguments: Vec<_> = arguments.iter().map(|a| a.as_bytes().to_vec()).collect();
        Invocation::parse(&arguments)
    }

    fn started(arguments: &[&str]) -> Start {
        match parse(arguments) {
            Ok(Invocation::Start(start)) => start,
            other => panic!("{arguments:?}: {other:?}"),
        }
    }

    #[test]
    fn options_become_lines_as_in_redis_server() {
        for (arguments, lines) in [
            (&["--timeout", "5"][..], r#"timeout "5" "#),
            (&["--timeout 5"], "timeout 5 "),
            (&["--timeout", "--hz"], r#"timeout "--hz" "#),
            (&["--timeout", "--hz", "--port", "1"], "timeout \"--hz\" \nport \"1\" "),
            (&["--timeout", "5", "6"], r#"timeout "5" "6" "#),
            (&["--save"], r#"save """#),
            (&["--save", ""], r#"save "" "#),
            (&["--save", "--timeout", "5"], "save \"\"\ntimeout \"5\" "),
            (&["--SAVE", "--timeout", "5"], "SAVE \"\"\ntimeout \"5\" "),
            (&["--save", "3600", "1"], r#"save "3600" "1" "#),
            (&["--save 1 2", "--port", "7"], "save 1 2 \nport \"7\" "),
            (&["--masterauth", "--x", "--port", "7"], "masterauth \"--x\" \nport \"7\" "),
            (&["--oom-score-adj-values", "-1", "0", "1"], r#"oom-score-adj-values "-1" "0" "1" "#),
            (&["--masterauth", "a\"\n"], r#"masterauth "a\"\n" "#),
            (&["--", "a"], r#" "a" "#),
            (&["-x"], r#""-x" "#),
        ] {
            let start = started(arguments);
            assert_eq!(String::from_utf8_lossy(&start.options), lines, "{arguments:?}");
            assert_eq!((start.file, start.stdin), (None, false));
        }
    }

    #[test]
    fn the_first_argument_is_the_file_and_a_dash_at_either_end_the_standard_input() {
        let start = started(&["/etc/redis.conf", "--port", "7"]);
        assert_eq!(start.file.as_deref(), Some(&b"/etc/redis.conf"[..]));
        assert!(!start.stdin);
        assert!(started(&["-", "--port", "7"]).stdin);
        assert!(started(&["--port", "7", "-"]).stdin);
        assert!(started(&["a.conf", "-"]).stdin);
        assert!(!started(&["a.conf", "-", "--port", "7"]).stdin);
        assert_eq!(started(&[]), Start::default());
    }

    #[test]
    fn version_help_and_sentinel_are_known() {
        assert_eq!(parse(&["--version"]), Ok(Invocation::Version));
        assert_eq!(parse(&["-v", "--port", "1"]), Ok(Invocation::Version));
        assert_eq!(parse(&["-h"]), Ok(Invocation::Help));
        assert_eq!(parse(&["x.conf", "--sentinel"]), Err(CommandLineError::Sentinel));
        assert_eq!(started(&["--port", "1", "--version"]).options, b"port \"1\" \nversion ");
    }
}
