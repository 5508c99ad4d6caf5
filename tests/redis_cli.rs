//! The program under the name of redis-cli, beside the real one; and `redstart healthcheck`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::{Cluster, Finished, Folder, Port, Program, Server, Setup, run};

const LIMIT: Duration = Duration::from_secs(20);

/// Our program under another name.
fn named(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    symlink(crate::program().path, &path).expect("the test's own folder can be written");
    path
}

/// What ours and the real one say, to the same server.
struct Both {
    _folder: Folder,
    ours: PathBuf,
    theirs: PathBuf,
}

impl Both {
    fn new() -> Both {
        let folder = Folder::new();
        let ours = named(&folder, "redis-cli");
        Both { _folder: folder, ours, theirs: Program::tool("redis-cli") }
    }

    /// Both say the same, and end alike.
    fn agree(&self, arguments: &[&str], input: &[u8]) -> Finished {
        let theirs = run(&self.theirs, arguments, input, LIMIT);
        let ours = run(&self.ours, arguments, input, LIMIT);
        assert_eq!(ours.stdout, theirs.stdout, "{arguments:?}");
        assert_eq!(ours.stderr, theirs.stderr, "{arguments:?}");
        assert_eq!(code(&ours), code(&theirs), "{arguments:?}");
        ours
    }
}

fn code(finished: &Finished) -> Option<i32> {
    finished.status.and_then(|status| status.code())
}

#[test]
fn replies_are_printed_as_by_redis_cli() {
    let both = Both::new();
    let server = Server::standalone(&crate::program());
    let port = server.port().to_string();
    let commands: &[&[&str]] = &[
        &["ping"],
        &["set", "k", "v"],
        &["get", "k"],
        &["get", "absent"],
        &["llen", "l"],
        &["lrange", "l", "0", "-1"],
        &["lrange", "absent", "0", "-1"],
        &["mget", "k", "absent", "k"],
        &["foo", "bar"],
        &["incr", "k"],
        &["command", "info", "get"],
        &["object", "help"],
        &["quit"],
    ];
    let mut client = server.client();
    client.command(&["RPUSH", "l", "a", "b\nc", "", "d\"\u{1}é", "5", "6", "7", "8", "9", "10"]);
    for command in commands {
        for form in [&[][..], &["--no-raw"], &["--raw"], &["-e"], &["-e", "--no-raw"]] {
            let arguments = [&["-p", &port][..], form, command].concat();
            both.agree(&arguments, b"");
        }
    }
}

#[test]
fn options_mean_what_they_mean_to_redis_cli() {
    let both = Both::new();
    let server = Server::standalone(&crate::program());
    let port = server.port().to_string();
    let free = Port::free().number().to_string();
    let uri = format!("redis://localhost:{port}/3");
    for (arguments, input) in [
        (&["-p", &port, "-n", "3", "set", "k", "three"][..], &b""[..]),
        (&["-u", &uri, "get", "k"], b""),
        (&["-p", &port, "get", "k"], b""),
        (&["-p", &port, "-n", "99", "get", "k"], b""),
        (&["-p", &port, "-r", "3", "-i", "0.01", "ping"], b""),
        (&["-p", &port, "-x", "set", "input"], b"line\nand more"),
        (&["-p", &port, "get", "input"], b""),
        (&["-p", &port], b"set a \"x y\"\n\nget a\nnonsense\nget \"a\n"),
        (&["-h", "localhost", "-p", &port, "ping"], b""),
        (&["-p", &free, "ping"], b""),
        (&["-p", &port, "-n"], b""),
        (&["-p", &port, "--bogus"], b""),
    ] {
        both.agree(arguments, input);
    }
}

#[test]
fn passwords_are_given_and_refused_as_by_redis_cli() {
    let both = Both::new();
    let server = Server::start(&crate::program(), Setup::new().with("requirepass", &["secret"]));
    let port = server.port().to_string();
    for arguments in [
        &["-p", &port, "ping"][..],
        &["-p", &port, "-a", "secret", "ping"],
        &["-p", &port, "--pass", "wrong", "ping"],
        &["-p", &port, "--user", "default", "--pass", "secret", "--no-auth-warning", "ping"],
        &["-u", &format!("redis://default:secret@127.0.0.1:{port}"), "ping"],
    ] {
        both.agree(arguments, b"");
    }
}

#[test]
fn redirections_are_followed_as_by_redis_cli() {
    let both = Both::new();
    let program = crate::program();
    let cluster = Cluster::start(&[&program; 3], Duration::from_secs(5));
    let port = cluster.nodes[0].port().to_string();
    for (arguments, input) in [
        (&["-p", &port, "set", "foo", "1"][..], &b""[..]),
        (&["-p", &port, "-c", "set", "foo", "1"], b""),
        (&["-p", &port, "-c", "--no-raw", "get", "foo"], b""),
        (&["-p", &port, "-c"], b"set foo 2\nget foo\nset bar 1\n"),
    ] {
        both.agree(arguments, input);
    }
}

#[test]
fn help_and_version_are_told_under_every_name() {
    let folder = Folder::new();
    for name in ["redis-cli", "valkey-cli"] {
        let tool = named(&folder, name);
        let told = run(&tool, &["--version"], b"", LIMIT).expect_success();
        assert!(told.starts_with(&format!("{name} ")), "{told}");
        let told = run(&tool, &["--help"], b"", LIMIT).expect_success();
        assert!(told.contains(&format!("Usage: {name} [OPTIONS]")), "{told}");
    }
}

fn healthcheck(arguments: &[&str]) -> Finished {
    run(&crate::program().path, &[&["healthcheck"], arguments].concat(), b"", LIMIT)
}

#[test]
fn healthcheck_is_0_only_when_the_server_answers() {
    let mut server =
        Server::start(&crate::program(), Setup::new().with("requirepass", &["secret"]));
    let port = server.port().to_string();
    let refused = healthcheck(&["-p", &port]);
    assert_eq!(code(&refused), Some(1));
    assert!(refused.stderr.contains("NOAUTH"), "{}", refused.stderr);
    let refused = healthcheck(&["-p", &port, "--pass", "wrong"]);
    assert!(code(&refused) == Some(1) && refused.stderr.contains("WRONGPASS"), "{refused:?}");
    assert_eq!(healthcheck(&["-p", &port, "--pass", "secret"]).expect_success(), "PONG\n");
    assert_eq!(healthcheck_with_variable(&port, "secret"), Some(0));
    assert_eq!(healthcheck_with_variable(&port, "wrong"), Some(1));
    let no_cluster = healthcheck(&["-p", &port, "--pass", "secret", "--cluster"]);
    assert_eq!(code(&no_cluster), Some(1), "{no_cluster:?}");
    server.kill();
    assert_eq!(code(&healthcheck(&["-p", &port])), Some(1));
}

fn healthcheck_with_variable(port: &str, password: &str) -> Option<i32> {
    let mut command = std::process::Command::new(crate::program().path);
    command.args(["healthcheck", "-p", port]).env("REDISCLI_AUTH", password);
    command.output().expect("our program runs").status.code()
}

#[test]
fn healthcheck_asks_for_the_state_of_the_cluster_where_it_is_told_to() {
    let blank = Server::start(&crate::program(), Setup::cluster(Duration::from_secs(5)));
    let port = blank.port().to_string();
    assert_eq!(code(&healthcheck(&["-p", &port])), Some(0));
    let told = healthcheck(&["-p", &port, "--cluster"]);
    assert!(code(&told) == Some(1) && told.stderr.contains("cluster_state:fail"), "{told:?}");
    let program = crate::program();
    let cluster = Cluster::start(&[&program; 3], Duration::from_secs(5));
    let port = cluster.nodes[0].port().to_string();
    assert_eq!(healthcheck(&["-p", &port, "--cluster"]).expect_success(), "PONG\n");
}

/// As process 1 of a namespace of its own, a server is found without being told where it is.
#[test]
fn healthcheck_finds_the_server_of_its_container() {
    let port = Port::free().number().to_string();
    let folder = Folder::new();
    let program = crate::program().path;
    let script = format!(
        "for n in $(seq 100); do {health} healthcheck && exit 0; sleep 0.1; done; exit 1",
        health = program.display()
    );
    assert_eq!(in_container(folder.path(), &program, &port, &script), Some(0));
}

/// Runs a server as process 1 of namespaces of its own, and a script beside it.
fn in_container(folder: &Path, program: &Path, port: &str, script: &str) -> Option<i32> {
    // The shell becomes the server; the script runs in its background and says how it ended.
    let line = format!(
        "(sh -c '{script}'; echo $? > {out}; kill 1) & exec {program} --port {port} --bind 127.0.0.1 --save '' --dir {folder}",
        out = folder.join("code").display(),
        program = program.display(),
        folder = folder.display(),
    );
    let arguments = ["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", &line];
    let _ = run(&Program::tool("unshare"), &arguments, b"", LIMIT);
    std::fs::read_to_string(folder.join("code")).ok()?.trim().parse().ok()
}
