//! Servers that follow one another, and what they tell of it.

use std::time::Duration;

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Reply, Server, Setup};

/// How long a link may take until it is up, what is sent first included.
pub(super) const LINKING: Duration = Duration::from_secs(60);

/// A primary that makes nobody wait, and whose backlog covers what a test writes.
pub(super) fn setup() -> Setup {
    Setup::new().with("repl-diskless-sync-delay", &["0"]).with("repl-backlog-size", &["64mb"])
}

/// A field of INFO; none where it is not told.
pub(super) fn field(client: &mut Client, name: &str) -> Option<String> {
    let text = client.line("INFO").text()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// A field of INFO that has to be there.
pub(super) fn told(server: &Server, name: &str) -> String {
    field(&mut server.client(), name).unwrap_or_else(|| panic!("no {name} in INFO"))
}

/// A number of INFO.
pub(super) fn count(server: &Server, name: &str) -> u64 {
    let text = told(server, name);
    text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}"))
}

/// How often a primary has sent all, gone on from an offset, and refused to. It refuses who comes with another history, as who was a primary before does.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub(super) struct Syncs {
    pub(super) full: u64,
    pub(super) partial: u64,
    pub(super) refused: u64,
}

pub(super) fn syncs(server: &Server) -> Syncs {
    Syncs {
        full: count(server, "sync_full"),
        partial: count(server, "sync_partial_ok"),
        refused: count(server, "sync_partial_err"),
    }
}

/// Tells a server whom it follows from now on.
pub(super) fn follow(replica: &Server, primary: &Server) {
    let port = primary.port().to_string();
    assert_eq!(replica.client().command(&["REPLICAOF", "127.0.0.1", &port]), Reply::ok());
}

/// Tells a server that it follows nobody any more.
pub(super) fn promote(server: &Server) {
    assert_eq!(server.client().line("REPLICAOF NO ONE"), Reply::ok());
}

/// Whether the link of a replica is up. A server that loads is asked again.
pub(super) fn is_up(replica: &Server) -> bool {
    field(&mut replica.client(), "master_link_status").as_deref() == Some("up")
}

/// Waits until the link of a replica is up.
pub(super) fn await_up(replica: &Server) {
    assert!(wait::until(LINKING, || is_up(replica)), "the link does not come up");
}

/// Whether a replica has all that its primary has written.
pub(super) fn has_all(replica: &Server, primary: &Server) -> bool {
    let mut asked = replica.client();
    field(&mut asked, "master_link_status").as_deref() == Some("up")
        && field(&mut asked, "slave_repl_offset").is_some()
        && field(&mut asked, "slave_repl_offset")
            == field(&mut primary.client(), "master_repl_offset")
}

/// Waits until a replica has all that its primary has written.
pub(super) fn await_all(replica: &Server, primary: &Server) {
    assert!(
        wait::until(LINKING, || has_all(replica, primary)),
        "the replica is at {:?}, the primary at {}",
        field(&mut replica.client(), "slave_repl_offset"),
        told(primary, "master_repl_offset")
    );
}

/// Waits until a primary counts so many replicas.
pub(super) fn await_replicas(primary: &Server, number: usize) {
    let number = number.to_string();
    let mut client = primary.client();
    let is_so = || field(&mut client, "connected_slaves").as_ref() == Some(&number);
    assert!(wait::until(PATIENCE, is_so), "it has {}", told(primary, "connected_slaves"));
}
