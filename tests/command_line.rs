//! The program as a user starts it: options, files, standard input, errors, help, completions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::{Client, Finished, Port, Reply, Server, Setup, run, wait};

const LIMIT: Duration = Duration::from_secs(20);

fn redstart(arguments: &[&str], input: &str) -> Finished {
    run(&crate::program().path, arguments, input.as_bytes(), LIMIT)
}

fn failure(arguments: &[&str], input: &str) -> Finished {
    let finished = redstart(arguments, input);
    let code = finished.status.and_then(|status| status.code());
    assert_eq!(code, Some(1), "{arguments:?}: {}\n{}", finished.stdout, finished.stderr);
    finished
}

/// A server with a configuration file of this text, and the file.
fn with_file(text: &str, folder: &Path) -> PathBuf {
    let path = folder.join("redis.conf");
    fs::write(&path, text).expect("the test's own folder can be written");
    path
}

#[test]
fn version_and_help_are_told() {
    for option in ["--version", "-v"] {
        let told = redstart(&[option], "").expect_success();
        assert!(told.starts_with("Redstart server v=") && told.contains(" sha="), "{told}");
    }
    for option in ["--help", "-h"] {
        let told = redstart(&[option], "").expect_success();
        assert!(told.contains("redstart redis.conf --port 7000"), "{told}");
    }
}

#[test]
fn completions_know_every_directive() {
    for shell in ["bash", "zsh", "fish"] {
        let script = redstart(&["completions", shell], "").expect_success();
        assert!(script.contains("maxmemory-policy") && script.contains("completions"), "{shell}");
    }
}

#[test]
fn a_bad_directive_names_its_place_and_what_was_meant() {
    let told = failure(&["--prot", "7"], "").stderr;
    for part in ["FATAL CONFIG FILE ERROR", ">>> 'prot \"7\"'", "Did you mean 'port'?"] {
        assert!(told.contains(part), "no {part}:\n{told}");
    }
    let told = failure(&["-"], "hz 10\n\ntimeout x\n").stderr;
    for part in ["at line 3", "argument couldn't be parsed into an integer", "the standard input"] {
        assert!(told.contains(part), "no {part}:\n{told}");
    }
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = with_file("port 0\nloglevel loud\n", folder.path());
    let path = path.to_str().expect("a path in text");
    let told = failure(&[path], "").stderr;
    for part in ["at line 2", path, "debug, verbose, notice"] {
        assert!(told.contains(part), "no {part}:\n{told}");
    }
    let told = failure(&["/nonexistent/redis.conf"], "").stderr;
    assert!(told.contains("can't open config file '/nonexistent/redis.conf'"), "{told}");
}

#[test]
fn what_would_be_unsafe_to_leave_out_is_refused() {
    let told = failure(&["--port", "0", "--tls-port", "6380"], "").stderr;
    assert!(told.contains("not supported yet"), "{told}");
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let server = Server::standalone(&crate::program());
    let port = server.port().to_string();
    let told = failure(&["--bind", "127.0.0.1", "--port", &port], "").stdout;
    let mine = format!("Another server is listening on 127.0.0.1:{port}");
    for part in ["Address already in use", &mine, "--port", "Failed listening on port"] {
        assert!(told.contains(part), "no {part}:\n{told}");
    }
}

#[test]
fn options_win_over_the_file_and_rewrite_keeps_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = with_file("# mine\nhz 20\ntimeout 30\n", folder.path());
    let port = Port::free();
    let text = path.to_str().expect("a path in text");
    let log = folder.path().join("redstart.log");
    let pidfile = folder.path().join("redstart.pid");
    let mut command = std::process::Command::new(&crate::program().path);
    command.args([text, "--hz", "30", "--bind", "127.0.0.1", "--daemonize", "yes"]);
    command.args(["--port", &port.number().to_string()]);
    command.arg("--dir").arg(folder.path()).arg("--logfile").arg(&log);
    command.arg("--pidfile").arg(&pidfile);
    let status = command.status().expect("the program is there");
    assert!(status.success(), "{status}");
    let daemon = Daemon { pidfile };
    let mut client = wait::some(LIMIT, || Client::connect(port.number()).ok())
        .unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap_or_default()));
    assert_eq!(client.command(&["CONFIG", "SET", "timeout", "40"]), Reply::Status("OK".into()));
    assert_eq!(client.command(&["CONFIG", "REWRITE"]), Reply::Status("OK".into()));
    let rewritten = fs::read_to_string(&path).expect("it was rewritten");
    assert!(rewritten.starts_with("# mine\nhz 30\ntimeout 40\n\n# Generated"), "{rewritten}");
    assert!(daemon.pidfile.exists());
    daemon.stop();
    let is_gone = || !daemon.pidfile.exists();
    assert!(wait::until(LIMIT, is_gone), "the file of the process id stays");
}

/// A server in the background; ends with the test, also when that fails.
struct Daemon {
    pidfile: PathBuf,
}

impl Daemon {
    fn stop(&self) {
        let Ok(pid) = fs::read_to_string(&self.pidfile) else { return };
        let _ = std::process::Command::new("kill").args(["-TERM", pid.trim()]).status();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn the_port_can_be_changed_and_changed_back_while_it_runs() {
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    let other = Port::free();
    let taken = Server::standalone(&crate::program());
    let set = |client: &mut Client, port: u16| {
        client.command(&["CONFIG", "SET", "port", &port.to_string()])
    };
    assert_eq!(set(&mut client, other.number()), Reply::Status("OK".into()));
    assert!(Client::connect(server.port()).is_err(), "the old port is closed");
    let mut second = Client::connect(other.number()).expect("the new port is open");
    let refused = set(&mut second, taken.port());
    let text = "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. \
                Check server logs.";
    assert_eq!(refused, Reply::Error(text.into()));
    let mut third = Client::connect(other.number()).expect("the port is open as before");
    assert_eq!(third.command(&["PING"]), Reply::Status("PONG".into()));
}

#[test]
fn idle_clients_are_disconnected_and_hangups_survived() {
    let mut server = Server::start(&crate::program(), Setup::new().with("timeout", &["1"]));
    let mut idle = server.client();
    assert_eq!(idle.command(&["PING"]), Reply::Status("PONG".into()));
    assert!(idle.is_closed(LIMIT), "an idle client stays");
    server.signal("HUP");
    let mut client = server.client();
    assert_eq!(client.command(&["PING"]), Reply::Status("PONG".into()));
}

#[test]
fn a_client_that_asks_for_more_than_it_may_leave_unread_is_disconnected() {
    let limit = ["normal", "100kb", "0", "0"];
    let setup = Setup::new().with("client-output-buffer-limit", &limit);
    let server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    let value = "x".repeat(200_000);
    assert_eq!(client.command(&["SET", "k", &value]), Reply::Status("OK".into()));
    client.send_raw(b"GET k\r\n").expect("it listens");
    assert!(client.is_closed(LIMIT), "it got more than the limit");
    // Up to 16 KiB, a limit counts for nothing: who has set one too low can still speak.
    let mut client = server.client();
    let set = ["CONFIG", "SET", "client-output-buffer-limit", "normal 10 0 0"];
    assert_eq!(client.command(&set), Reply::ok());
    assert!(client.command(&["INFO"]).text().is_some_and(|text| text.len() > 1000));
    client.send_raw(b"GET k\r\n").expect("it listens");
    assert!(client.is_closed(LIMIT), "it got more than the limit");
    let told = || server.log().contains("closed for overcoming of output buffer limits.");
    assert!(wait::until(LIMIT, told), "{}", server.log());
}

#[test]
fn log_lines_are_json_on_request() {
    let server = Server::start(&crate::program(), Setup::new().with("log-format", &["json"]));
    let told = || {
        let log = server.log();
        let is_object = |line: &str| line.starts_with("{\"time\":\"") && line.ends_with('}');
        log.contains("\"msg\":\"Server initialized\"") && log.lines().all(is_object)
    };
    assert!(wait::until(LIMIT, told), "{}", server.log());
}
