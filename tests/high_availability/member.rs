//! A server or a Sentinel on one of the hosts, which a test asks by a socket in the file system: that one reaches it
//! also while its host is cut off.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::wait::{PATIENCE, some, until};
use testkit::{Client, Daemon, Reply};

use super::network::{Host, Network};

/// The password of the examples, which stands in their comments.
pub(super) const PASSWORD: &str = "secret";

/// For an example file that names no folder.
pub(super) const NO_FOLDER: (&str, &str) = ("", "");

/// An example file of `examples/high-availability`, with some of the lines in force that stand in comments there, and
/// with a folder in the place of the one that it names. What is to be changed has to be there.
pub(super) fn example(name: &str, lines: &[&str], (place, folder): (&str, &str)) -> String {
    let path = crate::root().join("examples/high-availability").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(text.contains(place), "{name} has no {place}");
    lines.iter().fold(text.replace(place, folder), |text, line| {
        let comment = format!("# {line}");
        assert!(text.contains(&comment), "{name} has no {comment}");
        text.replace(&comment, line)
    })
}

/// One process of Redis's kind.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) host: Host,
    daemon: Daemon,
    program: PathBuf,
    folder: PathBuf,
    has_password: bool,
}

impl Member {
    /// Starts a program with a configuration, in a folder that it makes, and waits until it answers.
    pub(super) fn start(
        network: &Network,
        host: Host,
        program: &Path,
        config: &str,
        folder: PathBuf,
    ) -> Self {
        fs::create_dir(&folder).expect("the test's own folder can be written");
        let socket = format!("\nunixsocket {}/socket\n", folder.display());
        fs::write(folder.join("own.conf"), config.to_owned() + &socket)
            .expect("the folder is ours");
        let has_password = config.contains("\nrequirepass ");
        let daemon = launch(network, host, program, &folder);
        let program = program.to_path_buf();
        let member = Self { host, daemon, program, folder, has_password };
        member.await_answer();
        member
    }

    fn await_answer(&self) {
        let answers = || {
            let client = Client::connect_unix(&self.folder.join("socket"));
            client.is_ok_and(|mut client| client.try_command(&["PING"]).is_ok())
        };
        assert!(until(PATIENCE, answers), "{} does not answer", self.program.display());
    }

    /// A new connection.
    pub(super) fn client(&self) -> Client {
        self.connect().unwrap_or_else(|| panic!("no connection: {}", self.daemon.log()))
    }

    fn connect(&self) -> Option<Client> {
        let mut client = Client::connect_unix(&self.folder.join("socket")).ok()?;
        if self.has_password {
            let reply = client.try_command(&["AUTH", PASSWORD]).ok()?;
            assert_eq!(reply, Reply::ok());
        }
        Some(client)
    }

    /// The reply to the words of a line. Sentinel closes the connections of all clients now and then: a question that
    /// it has met is asked again.
    pub(super) fn ask(&self, line: &str) -> Reply {
        let words = testkit::words(line).expect("the test's own quotes match");
        let reply = some(PATIENCE, || self.connect()?.try_command(&words).ok());
        reply.unwrap_or_else(|| panic!("{line} is not answered: {}", self.daemon.log()))
    }

    /// A field of INFO; empty where it is not there.
    pub(super) fn info(&self, field: &str) -> String {
        let text = self.ask("INFO").text().unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    /// `role` of INFO, as the wire has it.
    pub(super) fn role(&self) -> String {
        self.info("role")
    }

    /// Whether it is a replica of a host, and has all that the host sends.
    pub(super) fn follows(&self, host: Host) -> bool {
        let text = self.ask("INFO replication").text().unwrap_or_default();
        let primary = format!("master_host:{}\r", host.address());
        ["role:slave\r", primary.as_str(), "master_link_status:up\r"]
            .iter()
            .all(|line| text.contains(line))
    }

    /// Its configuration file, as it has rewritten it.
    pub(super) fn config(&self) -> String {
        fs::read_to_string(self.folder.join("own.conf")).expect("it is there")
    }

    /// All it has logged.
    pub(super) fn log(&self) -> String {
        self.daemon.log()
    }

    /// Kills it as kill -9 does.
    pub(super) fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Sends a signal by name.
    pub(super) fn signal(&mut self, name: &str) {
        self.daemon.signal(name);
    }

    /// Starts it again after its end, with its configuration file as it is now.
    pub(super) fn restart(&mut self, network: &Network) {
        self.daemon = launch(network, self.host, &self.program, &self.folder);
        self.await_answer();
    }
}

fn launch(network: &Network, host: Host, program: &Path, folder: &Path) -> Daemon {
    let config = folder.join("own.conf").display().to_string();
    network.start(host, program, &[config], folder, &folder.join("log"))
}
