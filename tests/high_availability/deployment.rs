//! One primary, two replicas and three Sentinels, set up by the files of `examples/high-availability`.

use std::thread;
use std::time::Duration;

use testkit::wait::until;
use testkit::{Folder, Program, Reply};

use super::application::{Application, Way};
use super::member::{Member, PASSWORD, example};
use super::network::{Host, Network};

/// Where the servers are, and a Sentinel beside each. The first begins as the primary.
pub(super) const SERVERS: [Host; 3] = [Host(1), Host(2), Host(3)];
/// Where HAProxy is.
pub(super) const PROXY: Host = Host(100);
/// Where applications are.
pub(super) const APPLICATION: Host = Host(200);

/// What a failover with everything around it may take on a busy machine; it takes 7 seconds on one that rests, and
/// the return of a primary 20.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks ten times a second until the condition holds; false when it does not come to hold. What there is of processors
/// is for servers and Sentinels.
pub(super) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    until(PATIENCE, || {
        let holds = condition();
        if !holds {
            thread::sleep(Duration::from_millis(100));
        }
        holds
    })
}

/// Which of the lines that stand in comments are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Plain,
    Password,
    WriteAcks,
}

impl Variant {
    /// Those of the servers' files.
    fn server_lines(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Password => &["requirepass ", "masterauth "],
            Self::WriteAcks => &["write-acks "],
        }
    }

    /// Those of `sentinel.conf`.
    fn sentinel_lines(self) -> &'static [&'static str] {
        if self == Self::Password { &["sentinel auth-pass "] } else { &[] }
    }

    /// Those of `haproxy.cfg`.
    pub(super) fn proxy_lines(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["tcp-check send AUTH", "tcp-check expect string +OK"],
            Self::Plain | Self::WriteAcks => &[],
        }
    }
}

/// A shard and those who watch over it. What is first here ends first.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) sentinels: Vec<Member>,
    pub(super) servers: Vec<Member>,
    pub(super) network: Network,
    pub(super) folder: Folder,
    pub(super) variant: Variant,
}

impl Deployment {
    /// A primary with two replicas that have all that it has.
    pub(super) fn replicated(programs: [&Program; 3], variant: Variant) -> Self {
        let network = Network::new(&[SERVERS.as_slice(), &[PROXY, APPLICATION]].concat());
        let (servers, sentinels, folder) = (Vec::new(), Vec::new(), Folder::new());
        let mut deployment = Self { sentinels, servers, network, folder, variant };
        for (host, program) in SERVERS.into_iter().zip(programs) {
            let name = if host == SERVERS[0] { "primary.conf" } else { "replica.conf" };
            let server = deployment.start_server(host, program, name);
            deployment.servers.push(server);
        }
        deployment.await_replicas(SERVERS[0]);
        deployment
    }

    /// The same with a Sentinel on each host, which know of each other.
    pub(super) fn watched(programs: [&Program; 3], variant: Variant) -> Self {
        let mut deployment = Self::replicated(programs, variant);
        deployment.start_sentinels();
        deployment
    }

    /// A server with one of the example files.
    pub(super) fn start_server(&self, host: Host, program: &Program, name: &str) -> Member {
        let folder = self.folder.path().join(format!("server{}", host.0));
        let place = ("/var/lib/redstart", &*folder.display().to_string());
        let mut config = example(name, self.variant.server_lines(), place);
        // Not for production: tests compare the servers' whole contents.
        config.push_str("\nenable-debug-command yes\n");
        Member::start(&self.network, host, &program.path, &config, folder)
    }

    fn start_sentinels(&mut self) {
        for host in SERVERS {
            let folder = self.folder.path().join(format!("sentinel{}", host.0));
            let place = ("/var/lib/redstart-sentinel", &*folder.display().to_string());
            let config = example("sentinel.conf", self.variant.sentinel_lines(), place);
            let program = Program::tool("redis-sentinel");
            self.sentinels.push(Member::start(&self.network, host, &program, &config, folder));
        }
        let know_all = || self.sentinels.iter().all(knows_all);
        assert!(eventually(know_all), "the Sentinels know all others and all replicas");
        for sentinel in &self.sentinels {
            let reply = sentinel.ask("SENTINEL CKQUORUM mymaster");
            assert!(!reply.is_error(), "{reply:?}");
            // One that got no processor for two seconds takes no decisions for thirty. Where tests run, that happens.
            assert_eq!(sentinel.ask("SENTINEL DEBUG TILT-PERIOD 3000"), Reply::ok());
        }
    }

    pub(super) fn server(&self, host: Host) -> &Member {
        self.servers.iter().find(|server| server.host == host).expect("a server is there")
    }

    pub(super) fn server_mut(&mut self, host: Host) -> &mut Member {
        self.servers.iter_mut().find(|server| server.host == host).expect("a server is there")
    }

    /// Starts the server of a host again.
    pub(super) fn restart(&mut self, host: Host) {
        let Self { servers, network, .. } = self;
        let server = servers.iter_mut().find(|server| server.host == host);
        server.expect("a server is there").restart(network);
    }

    /// Waits until all others are replicas of a host, and their links are up.
    pub(super) fn await_replicas(&self, primary: Host) {
        let others = || self.servers.iter().filter(|server| server.host != primary);
        let all_follow = || {
            others().all(|server| server.follows(primary))
                && self.server(primary).info("connected_slaves")
                    == (self.servers.len() - 1).to_string()
        };
        if !eventually(all_follow) {
            let views: Vec<String> = self
                .servers
                .iter()
                .filter_map(|server| server.ask("INFO replication").text())
                .collect();
            let (address, delay) = (primary.address(), self.delay());
            panic!("not all follow {address}{delay}:\n{}", views.join("\n"));
        }
    }

    /// Waits until the Sentinels of some hosts name another primary than `old`, and it says so, too.
    pub(super) fn await_failover(&self, old: Host, watchers: &[Host]) -> Host {
        let watching = |sentinel: &&Member| watchers.contains(&sentinel.host);
        let mut new = old;
        let is_over = eventually(|| {
            let named: Vec<Option<String>> =
                self.sentinels.iter().filter(watching).map(primary_address).collect();
            let is_named = |host: &Host| {
                let address = Some(host.address());
                *host != old && named.iter().all(|name| *name == address)
            };
            let chosen = SERVERS.into_iter().find(is_named);
            new = chosen.unwrap_or(old);
            chosen.is_some_and(|host| self.server(host).role() == "master")
        });
        assert!(is_over, "no failover from {}{}", old.address(), self.delay());
        new
    }

    /// Says so where a Sentinel has taken no decisions for a while, for it had got no processor.
    pub(super) fn delay(&self) -> &'static str {
        let has_tilted = self.sentinels.iter().any(|sentinel| sentinel.log().contains("+tilt"));
        if has_tilted { " (this machine is too busy for Sentinels: +tilt)" } else { "" }
    }

    /// The contents of all servers are the same, once what was written has come everywhere.
    pub(super) fn assert_equal_contents(&self) {
        let digests = || -> Vec<Option<String>> {
            self.servers.iter().map(|server| server.ask("DEBUG DIGEST").text()).collect()
        };
        let are_equal = || {
            let digests = digests();
            digests[0].is_some() && digests.iter().all(|digest| *digest == digests[0])
        };
        assert!(eventually(are_equal), "{:?}", digests());
    }

    /// An application that writes keys `name:1`, `name:2` ... and reads them.
    pub(super) fn application(&self, host: Host, way: Way, name: &str) -> Application {
        let hosts = match way {
            Way::Sentinel => SERVERS.as_slice(),
            Way::Haproxy | Way::Django => &[PROXY],
            Way::Direct => &[host],
        };
        let folder = self.folder.path();
        Application::start(&self.network, host, folder, (way, name), hosts, self.password())
    }

    /// What the scripts take for the password.
    pub(super) fn password(&self) -> &'static str {
        if self.variant == Variant::Password { PASSWORD } else { "-" }
    }
}

fn primary_address(sentinel: &Member) -> Option<String> {
    let reply = sentinel.ask("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
    let Reply::Array(parts) = reply else { return None };
    parts.first()?.text()
}

fn knows_all(sentinel: &Member) -> bool {
    let Reply::Array(parts) = sentinel.ask("SENTINEL MASTER mymaster") else {
        return false;
    };
    let fields: Vec<String> = parts.iter().filter_map(Reply::text).collect();
    ["num-slaves", "num-other-sentinels"].iter().all(|name| {
        fields.chunks(2).any(|pair| pair.first().is_some_and(|n| n == name) && pair[1] == "2")
    })
}
