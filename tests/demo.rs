//! `redstart demo` as a user runs it: it works, it says what is wrong, and nothing of it stays.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testkit::{Client, Port, wait};

/// What a busy machine may take for a demo to come up.
const PATIENCE: Duration = Duration::from_secs(40);
/// What the user waits for after Ctrl-C, at most.
const END: Duration = Duration::from_secs(5);

/// A demo, with a folder for temporary files of its own, so that what it leaves can be seen.
struct Demo {
    child: Child,
    ports: Vec<Port>,
    folder: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Demo {
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
        let ports = Port::free_row(6);
        fs::create_dir(folder.path().join("tmp")).expect("the test's own folder can be written");
        let create = |name| fs::File::create(folder.path().join(name)).expect("as above");
        // Dies with the thread of this test.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_redstart"), "demo", "--port"])
            .arg(ports[0].number().to_string())
            .args(arguments)
            .env("TMPDIR", folder.path().join("tmp"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(create("out"))
            .stderr(create("err"))
            .spawn()
            .expect("setpriv is there");
        Demo { child, ports, folder }
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join(name)).unwrap_or_default())
            .into_owned()
    }

    fn await_text(&self, what: &str) {
        let shown = wait::until(PATIENCE, || self.text("out").contains(what));
        assert!(shown, "no \"{what}\" in:\n{}{}", self.text("out"), self.text("err"));
    }

    fn await_exit(&mut self, limit: Duration) -> ExitStatus {
        wait::some(limit, || self.child.try_wait().expect("it is our child")).unwrap_or_else(|| {
            panic!("still runs:\n{}{}", self.text("out"), self.text("err"));
        })
    }

    fn signal(pid: u32, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name} {pid}");
    }

    /// The processes of its nodes: those whose command line names its folder.
    fn nodes(&self) -> Vec<u32> {
        let folder = self.folder.path().join("tmp");
        let entries = fs::read_dir("/proc").expect("Linux");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&folder.display().to_string())
        })
        .collect()
    }

    fn assert_no_process_is_left(&self) {
        let gone = wait::until(END, || self.nodes().is_empty());
        assert!(gone, "left: {:?}", self.nodes());
        for port in &self.ports {
            // A process that ends has no command line any more while it still has its sockets.
            let is_free = wait::until(END, || Client::connect(port.number()).is_err());
            assert!(is_free, "{} is served", port.number());
        }
    }

    fn assert_nothing_is_left(&self) {
        self.assert_no_process_is_left();
        assert!(is_empty(&self.folder.path().join("tmp")), "the folder is removed");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("made above").next().is_none()
}

#[test]
fn demo_check_succeeds_and_leaves_nothing() {
    let mut demo = Demo::start(&["--check"]);
    let status = demo.await_exit(PATIENCE);
    let out = demo.text("out");
    assert!(status.success(), "{status}\n{out}{}", demo.text("err"));
    for text in ["cluster_state:ok on every node", "16,384 keys", "0-5460", "10923-16383"] {
        assert!(out.contains(text), "no {text} in:\n{out}");
    }
    assert!(!out.contains('\x1b'), "no colours in a file");
    assert_eq!(demo.text("err"), "");
    demo.assert_nothing_is_left();
}

#[test]
fn demo_names_the_port_that_is_taken_and_another() {
    for bus in [false, true] {
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
        let ports = Port::free_row(6);
        let taken = if bus { ports[1].bus() } else { ports[1].number() };
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).expect("it was free");
        let first = ports[0].number().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_redstart"))
            .args(["demo", "--check", "--port", &first])
            .env("TMPDIR", folder.path())
            .output()
            .expect("our executable runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(&format!("port {taken}")), "{error}");
        assert!(error.contains("redstart demo --port "), "{error}");
        assert!(is_empty(folder.path()), "nothing was started");
    }
}

#[test]
fn demo_serves_until_ctrl_c_and_then_ends_with_0() {
    for signal in ["INT", "TERM"] {
        let mut demo = Demo::start(&[]);
        demo.await_text("Ctrl-C stops the nodes");
        let first = demo.ports[0].number();
        let out = demo.text("out");
        for text in [
            format!("redis-cli -c -p {first}"),
            format!("RedisCluster(host=\"127.0.0.1\", port={first})"),
            format!("new Redis.Cluster([{{ port: {first}, host: \"127.0.0.1\" }}])"),
        ] {
            assert!(out.contains(&text), "no {text} in:\n{out}");
        }
        assert_eq!(demo.nodes().len(), 6);
        Demo::signal(demo.child.id(), signal);
        let status = demo.await_exit(END);
        assert!(status.success(), "{status}\n{}", demo.text("err"));
        assert!(demo.text("out").contains("Stopped 6 nodes"));
        demo.assert_nothing_is_left();
    }
}

#[test]
fn demo_can_be_ended_while_it_starts() {
    let mut demo = Demo::start(&[]);
    assert!(wait::until(PATIENCE, || demo.nodes().len() == 6), "nodes are started");
    Demo::signal(demo.child.id(), "INT");
    let status = demo.await_exit(END);
    assert!(status.success(), "{status}\n{}", demo.text("err"));
    demo.assert_nothing_is_left();
}

#[test]
fn demo_reports_a_node_that_ends_by_itself() {
    let mut demo = Demo::start(&[]);
    demo.await_text("Ctrl-C stops the nodes");
    let port = demo.ports[1].number();
    let served = format!("--port\0{port}\0");
    let line = |pid| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let victim =
        demo.nodes().into_iter().find(|pid| String::from_utf8_lossy(&line(*pid)).contains(&served));
    Demo::signal(victim.expect("the node runs"), "KILL");
    demo.await_text(&format!("127.0.0.1:{port} has ended by itself"));
    demo.await_text("Full resync requested by replica");
    Demo::signal(demo.child.id(), "INT");
    assert!(demo.await_exit(END).success());
    assert!(demo.text("out").contains("Stopped 5 nodes"));
    demo.assert_nothing_is_left();
}

#[test]
fn nodes_do_not_outlive_a_demo_that_is_killed() {
    let mut demo = Demo::start(&[]);
    demo.await_text("Ctrl-C stops the nodes");
    assert_eq!(demo.nodes().len(), 6);
    Demo::signal(demo.child.id(), "KILL");
    assert!(!demo.await_exit(END).success());
    demo.assert_no_process_is_left();
}
