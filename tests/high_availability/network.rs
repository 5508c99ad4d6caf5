//! Hosts for a test: network namespaces that are joined by a bridge. Each has an address of its own, so that files of
//! configuration are tried as they stand, and its cable can be cut.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use testkit::wait::PATIENCE;
use testkit::{Daemon, Program};

/// Makes the host `$1` at the address 10.0.0.`$1`, and so on. What is mounted and named here goes with the namespaces.
const SCRIPT: &str = "
set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add bridge type bridge
ip link set bridge up
for host in \"$@\"; do
    ip netns add $host
    ip link add cable$host type veth peer name eth0 netns $host
    ip link set cable$host master bridge up
    ip -n $host addr add 10.0.0.$host/24 dev eth0
    ip -n $host link set lo up
    ip -n $host link set eth0 up
done
echo ready
exec cat
";

/// A host: the last number of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host(pub(super) u8);

impl Host {
    pub(super) fn address(self) -> String {
        format!("10.0.0.{}", self.0)
    }
}

/// Hosts that reach each other, and nothing else. They go with the value, and with the test.
#[derive(Debug)]
pub(super) struct Network {
    holder: Child,
    as_root: bool,
}

impl Network {
    pub(super) fn new(hosts: &[Host]) -> Self {
        let as_root = testkit::run(&Program::tool("id"), &["-u"], b"", PATIENCE).stdout == "0\n";
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount"]);
        if !as_root {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["sh", "-c", SCRIPT, "sh"]).args(hosts.iter().map(|host| host.0.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn().expect("unshare is there (util-linux)");
        let mut said = String::new();
        let out = holder.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut said).expect("it can be read");
        if said != "ready\n" {
            let mut errors = String::new();
            let stderr = holder.stderr.as_mut().expect("it is piped");
            stderr.read_to_string(&mut errors).expect("it can be read");
            panic!(
                "this test needs hosts of its own: run it as root, or where users may make network \
                 namespaces and join them by a bridge. {errors}"
            );
        }
        Self { holder, as_root }
    }

    /// Starts a program on a host, in a folder; what it prints is added to the file `log`.
    pub(super) fn start(
        &self,
        host: Host,
        program: &Path,
        arguments: &[String],
        folder: &Path,
        log: &Path,
    ) -> Daemon {
        let namespace = format!("/proc/{}/root/run/netns/{}", self.holder.id(), host.0);
        let mut command = self.entering(&namespace);
        // To enter a namespace of users makes the kernel forget that the process is to end with the test.
        command.extend(["setpriv", "--pdeathsig", "KILL", "--"].map(str::to_owned));
        command.push(program.display().to_string());
        command.extend_from_slice(arguments);
        Daemon::start(&Program::tool("nsenter"), &command, folder, log)
    }

    /// Pulls the cable of a host: what is on its way is lost, and nobody is told.
    pub(super) fn cut(&self, host: Host) {
        self.set_cable(host, "down");
    }

    /// Puts the cable of a host back.
    pub(super) fn heal(&self, host: Host) {
        self.set_cable(host, "up");
    }

    fn set_cable(&self, host: Host, state: &str) {
        let mut command = self.entering(&format!("/proc/{}/ns/net", self.holder.id()));
        let cable = format!("cable{}", host.0);
        command.extend(["ip", "link", "set", &cable, state].map(str::to_owned));
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let done = testkit::run(&Program::tool("nsenter"), &arguments, b"", PATIENCE);
        assert!(done.success(), "{done:?}");
    }

    /// What makes nsenter(1) run a program in a network namespace of these hosts.
    fn entering(&self, namespace: &str) -> Vec<String> {
        let mut arguments = vec![format!("--net={namespace}")];
        if !self.as_root {
            arguments.push(format!("--user=/proc/{}/ns/user", self.holder.id()));
            arguments.push("--preserve-credentials".to_owned());
        }
        arguments.push("--".to_owned());
        arguments
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
