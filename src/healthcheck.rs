//! `redstart healthcheck`: exit 0 when the server answers PONG; what the container's HEALTHCHECK runs.
//!
//! Where nothing is said, and process 1 is a Redstart, as in a container, it is asked at the port that its command
//! line and configuration file name: one HEALTHCHECK in the image serves whatever the container is told to run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use config::Invocation;
use server::DiskFiles;

use crate::client::{Address, Client, Credentials, Reply};
use crate::cluster::password_of_environment;
use crate::{Failure, print, say};

/// Under which names the program is a server.
const SERVER_NAMES: [&str; 3] = ["redstart", "redis-server", "valkey-server"];

/// The subcommand's declaration.
pub(crate) fn command() -> Command {
    Command::new("healthcheck")
        .about("Exit 0 when the server answers PONG, 1 otherwise")
        .disable_help_flag(true)
        .after_help(
            "Without -p, process 1 is asked where its command line says that it serves, else port 6379.\n\
             The password comes from --pass, from the variable REDISCLI_AUTH, or from that command line.",
        )
        .arg(
            Arg::new("host")
                .short('h')
                .long("host")
                .value_name("HOST")
                .help("Where the server is; 127.0.0.1 if not said"),
        )
        .arg(
            Arg::new("port")
                .short('p')
                .long("port")
                .value_name("PORT")
                .value_parser(value_parser!(u16).range(1..))
                .help("Its port"),
        )
        .arg(Arg::new("user").long("user").value_name("NAME").help("Who to say one is"))
        .arg(Arg::new("pass").long("pass").short('a').value_name("PASSWORD").help("The password"))
        .arg(
            Arg::new("cluster")
                .long("cluster")
                .action(ArgAction::SetTrue)
                .help("Ask for cluster_state:ok, too"),
        )
        .arg(Arg::new("help").long("help").action(ArgAction::Help).help("Print help"))
}

/// Asks.
pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, Failure> {
    let text = |name| arguments.get_one::<String>(name).cloned();
    let port = arguments.get_one::<u16>("port").copied();
    let contained = if port.is_none() { contained_server() } else { None };
    let (contained_port, contained_password) = contained.unzip();
    let address = Address {
        host: text("host").unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: port.or(contained_port).unwrap_or(6379),
    };
    let credentials = Credentials {
        user: text("user"),
        password: text("pass").or_else(password_of_environment).or(contained_password.flatten()),
    };
    ask(&address, &credentials, arguments.get_flag("cluster"))
        .map_err(|why| say(format!("{address}: {why}")))?;
    print("PONG\n")?;
    Ok(ExitCode::SUCCESS)
}

fn ask(address: &Address, credentials: &Credentials, needs_cluster: bool) -> Result<(), String> {
    let mut client = Client::connect(address).map_err(|error| error.to_string())?;
    let mut told = |words: &[&str]| client.command(words).map_err(|error| error.to_string());
    if let Some(auth) = credentials.auth()
        && let Reply::Error(text) = told(&auth)?
        // A server without a password is as well as one with the right one.
        && !text.contains("without any password configured")
    {
        return Err(text);
    }
    let reply = told(&["PING"])?;
    if reply != Reply::Status("PONG".to_owned()) {
        return Err(reply.to_string());
    }
    if needs_cluster {
        let info = told(&["CLUSTER", "INFO"])?;
        let text = info.text().unwrap_or_else(|| info.to_string());
        if !text.contains("cluster_state:ok") {
            let state = text.lines().next().unwrap_or_default();
            return Err(format!("the cluster does not serve: {state}"));
        }
    }
    Ok(())
}

/// Where process 1 serves, and with which password, if it is a server of ours.
fn contained_server() -> Option<(u16, Option<String>)> {
    let line = fs::read("/proc/1/cmdline").ok()?;
    served_by(&line)
}

fn served_by(line: &[u8]) -> Option<(u16, Option<String>)> {
    let words: Vec<Vec<u8>> =
        line.strip_suffix(b"\0")?.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    let (program, arguments) = words.split_first()?;
    let name = Path::new(OsStr::from_bytes(program)).file_name()?.to_str()?;
    if !SERVER_NAMES.contains(&name) {
        return None;
    }
    let Ok(Invocation::Start(start)) = Invocation::parse(arguments) else { return None };
    if start.stdin {
        return None;
    }
    let config = config::load(&start, None, &mut DiskFiles).ok()?.config;
    let password = String::from_utf8(config.security.requirepass.clone()).ok();
    let password = password.filter(|password| !password.is_empty());
    Some((config.network.port, password)).filter(|(port, _)| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_and_password_of_process_1_are_those_of_its_command_line() {
        let line = |words: &[&str]| {
            let line: String = words.iter().map(|word| format!("{word}\0")).collect();
            served_by(line.as_bytes())
        };
        assert_eq!(line(&["redis-server", "--port", "7000"]), Some((7000, None)));
        let words = ["/usr/local/bin/redstart", "--requirepass", "x"];
        assert_eq!(line(&words), Some((6379, Some("x".to_owned()))));
        for other in
            [&["/sbin/init"][..], &["redis-server", "--prot", "7"], &["redis-server", "-"], &[]]
        {
            assert_eq!(line(other), None, "{other:?}");
        }
    }
}
