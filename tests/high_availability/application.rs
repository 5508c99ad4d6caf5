//! An application beside the servers: what it was told, and when.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::{Client, Daemon, Program, Reply, encode_command};

use super::deployment::eventually;
use super::network::{Host, Network};

/// Milliseconds of the epoch.
pub(super) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u64::try_from(now.as_millis()).expect("it is long before the end of time")
}

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// When its acknowledgement came.
    pub(super) at_ms: u64,
    /// When it was sent.
    pub(super) begun_ms: u64,
    number: u64,
}

/// How an application finds the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By asking Sentinels.
    Sentinel,
    /// By HAProxy's two ports.
    Haproxy,
    /// The same, by Django's cache.
    Django,
    /// By itself.
    Direct,
}

impl Way {
    /// What the script calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel",
            Self::Haproxy => "haproxy",
            Self::Django => "django",
            Self::Direct => "direct",
        }
    }
}

/// A script that writes and reads until its value is dropped.
#[derive(Debug)]
pub(super) struct Application {
    daemon: Daemon,
    /// What its keys begin with, and the database that they are in.
    prefix: String,
    database: &'static str,
}

impl Application {
    /// Starts one on a host; the rest is what the script takes.
    pub(super) fn start(
        network: &Network,
        host: Host,
        folder: &Path,
        (way, name): (Way, &str),
        hosts: &[Host],
        password: &str,
    ) -> Self {
        let script = crate::root().join("tests/high_availability/application.py");
        let mut arguments = vec!["-B".to_owned(), script.display().to_string()];
        arguments.extend([way.name(), name, password].map(str::to_owned));
        arguments.extend(hosts.iter().map(|host| host.address()));
        let log = folder.join(format!("{name}.log"));
        let daemon = network.start(host, &Program::python(), &arguments, folder, &log);
        let (prefix, database) = match way {
            // Django's cache puts its own prefix, which is empty, and the version of the key before it.
            Way::Django => (format!(":1:{name}"), "1"),
            Way::Haproxy => (name.to_owned(), "1"),
            Way::Sentinel | Way::Direct => (name.to_owned(), "0"),
        };
        Self { daemon, prefix, database }
    }

    /// The lines of one kind: the time, and what follows it.
    fn told(&self, what: &str) -> Vec<(u64, String)> {
        let parse = |line: &str| {
            let (time, rest) = line.strip_prefix(what)?.strip_prefix(' ')?.split_once(' ')?;
            Some((time.parse().ok()?, rest.to_owned()))
        };
        // The last line may be half written.
        let log = self.daemon.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter_map(parse).collect()
    }

    /// The writes that were acknowledged.
    pub(super) fn written(&self) -> Vec<Written> {
        let parse = |(at_ms, rest): (u64, String)| {
            let (begun, number) = rest.split_once(' ').expect("the script tells both");
            let number = number.parse().expect("a number");
            Written { at_ms, begun_ms: begun.parse().expect("a time"), number }
        };
        self.told("written").into_iter().map(parse).collect()
    }

    /// What has failed since a time.
    pub(super) fn failures_since(&self, since_ms: u64) -> Vec<String> {
        let told = self.told("failed").into_iter();
        told.filter(|(at_ms, _)| *at_ms >= since_ms).map(|(_, text)| text).collect()
    }

    /// The longest time between two acknowledged writes.
    pub(super) fn longest_pause_ms(&self) -> u64 {
        let written = self.written();
        let pauses = written.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms);
        pauses.max().unwrap_or_default()
    }

    /// Waits until it has written and read a hundred times after `since_ms`.
    pub(super) fn await_progress(&mut self, since_ms: u64) {
        let goes_on = || {
            let later = |told: Vec<(u64, String)>| {
                told.iter().filter(|(at_ms, _)| *at_ms > since_ms).count() >= 100
            };
            later(self.told("written")) && later(self.told("read"))
        };
        assert!(eventually(goes_on), "{} does not go on:\n{}", self.prefix, self.daemon.log());
        assert!(self.daemon.is_running(), "{}", self.daemon.log());
    }

    /// Ends it.
    pub(super) fn stop(&mut self) {
        self.daemon.kill();
    }

    /// Those writes that were acknowledged and are not there.
    pub(super) fn missing(&self, client: &mut Client) -> Vec<Written> {
        assert_eq!(client.command(&["SELECT", self.database]), Reply::ok());
        let written = self.written();
        let keys: Vec<String> =
            written.iter().map(|write| format!("{}:{}", self.prefix, write.number)).collect();
        let mut missing = Vec::new();
        for (writes, keys) in written.chunks(1000).zip(keys.chunks(1000)) {
            let bytes: Vec<u8> =
                keys.iter().flat_map(|key| encode_command(&["EXISTS", key])).collect();
            client.send_raw(&bytes).expect("it listens");
            for write in writes {
                let reply = client.reply().expect("every command is answered");
                if reply == Reply::Integer(0) {
                    missing.push(*write);
                } else {
                    assert_eq!(reply, Reply::Integer(1));
                }
            }
        }
        missing
    }
}
