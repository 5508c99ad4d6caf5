//! What clap knows of the command line: help, completions, and the subcommands. The server's own options are read by `config`, exactly as
//! redis-server reads them.

use crate::{Failure, check_aof, check_rdb, cluster, demo, healthcheck, print, say};
use clap::{Arg, Command};
use clap_complete::Shell;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  redstart                                  serve on port 6379, with the defaults
  redstart /etc/redis/redis.conf            read a configuration file
  redstart redis.conf --port 7000 --save \"\"  read it, then override two of its directives
  echo 'maxclients 100' | redstart -        read the configuration from the standard input
  redstart --cluster-enabled yes --port 7000 --dir /var/lib/redstart
                                            be a node of a cluster
  redstart demo                             a cluster of three nodes to try, until Ctrl-C
  redstart cluster status 127.0.0.1:7000    look at a cluster; create, add, remove, rebalance it ...
  redstart check-rdb dump.rdb               look whether a file is whole, and what is in it
  redstart completions bash > /etc/bash_completion.d/redstart

Any directive of redis.conf can be given as --directive value.";

/// The command line. `every_directive` lists all of them as options, which is for completions; help would drown in them.
fn command(every_directive: bool) -> Command {
    let mut command = Command::new("redstart")
        .disable_version_flag(true)
        .about("A Redis-compatible clustered key-value server")
        .override_usage(
            "redstart [CONFIG-FILE | -] [--directive value ...]\n       redstart <SUBCOMMAND>",
        )
        .after_help(EXAMPLES)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("config-file")
                .value_name("CONFIG-FILE")
                .help("A file in the format of redis.conf; - is the standard input"),
        )
        .arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(clap::ArgAction::SetTrue)
                .help("Print version"),
        )
        .subcommand(check_aof::command())
        .subcommand(check_rdb::command())
        .subcommand(cluster::command())
        .subcommand(demo::command())
        .subcommand(healthcheck::command())
        .subcommand(
            Command::new("completions")
                .about("Print a script that completes command lines, for a shell")
                .arg(
                    Arg::new("shell")
                        .required(true)
                        .value_parser(["bash", "zsh", "fish"])
                        .help("The shell"),
                ),
        );
    if every_directive {
        for directive in config::directives().filter(|directive| !directive.hidden) {
            let option = Arg::new(directive.name).long(directive.name).num_args(0..);
            command = command.arg(option.help(directive.summary()));
        }
    }
    command
}

/// Whether the first word names a subcommand.
pub(crate) fn is_subcommand(word: &[u8]) -> bool {
    command(false).get_subcommands().any(|one| one.get_name().as_bytes() == word)
}

/// Runs the subcommand that the command line names.
pub(crate) fn run_subcommand() -> Result<ExitCode, Failure> {
    // Ends the program where the subcommand's own words are wrong, with the usage.
    let matches = command(false).get_matches();
    match matches.subcommand() {
        Some(("completions", chosen)) => {
            let shell = chosen.get_one::<String>("shell").map(String::as_str);
            complete(match shell {
                Some("zsh") => Shell::Zsh,
                Some("fish") => Shell::Fish,
                _ => Shell::Bash,
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Some(("check-rdb", arguments)) => check_rdb::run(arguments),
        Some(("check-aof", arguments)) => Ok(check_aof::run(arguments)),
        Some(("cluster", arguments)) => Ok(cluster::run(arguments)),
        Some(("healthcheck", arguments)) => healthcheck::run(arguments),
        Some(("demo", arguments)) => Ok(demo::run(arguments)),
        _ => Err(say("no such subcommand")),
    }
}

fn complete(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(true), "redstart", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// What `--help` prints.
pub(crate) fn help() -> String {
    command(false).render_long_help().to_string()
}

/// What `--version` prints, in the shape of redis-server's.
pub(crate) fn version() -> String {
    format!("Redstart server {}", version_fields())
}

/// The version and how it was built, a line.
pub(crate) fn version_fields() -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!(
        "v={} sha=00000000:0 malloc=mimalloc bits={} build={build}\n",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_its_own_declaration() {
        command(false).debug_assert();
        command(true).debug_assert();
    }

    #[test]
    fn only_subcommands_are_taken_for_subcommands() {
        assert!(is_subcommand(b"completions"));
        for word in ["redis.conf", "-", "--port", "", "Completions"] {
            assert!(!is_subcommand(word.as_bytes()), "{word}");
        }
    }
}
