//! Failovers by Sentinel: the primary dies, or stops; applications go on, and it returns as a replica.

use std::time::Duration;

use super::application::{Application, Way, now_ms};
use super::deployment::{APPLICATION, Deployment, SERVERS, Variant, eventually};
use super::network::Host;

/// How far a replica may be behind in a test: what was acknowledged so shortly before the primary's end may be lost,
/// for it replies before replicas have it.
pub(super) const LAG_MS: u64 = 1000;

/// The old primary is a replica of the new one, and would be one if it were started again.
pub(super) fn returns_as_replica(deployment: &Deployment, old: Host, new: Host) {
    let server = deployment.server(old);
    let line = format!("replicaof {} 6379", new.address());
    let has_line = || server.config().lines().any(|own| own == line);
    let follows = eventually(|| server.follows(new));
    assert!(follows, "it does not follow{}: {}", deployment.delay(), server.role());
    assert!(eventually(has_line), "no {line} in\n{}", server.config());
    deployment.await_replicas(new);
    let is_primary =
        || !deployment.server(new).config().lines().any(|own| own.starts_with("replicaof"));
    assert!(eventually(is_primary), "{}", deployment.server(new).config());
    for server in &deployment.servers {
        let role = if server.host == new { "master" } else { "slave" };
        assert_eq!(server.role(), role, "{:?}", server.host);
    }
}

/// Of what the application was told to be written, all is there, but for what was under way when the primary ended; and
/// all servers have the same.
/// Gives how many are missing.
pub(super) fn assert_kept(
    application: &Application,
    deployment: &Deployment,
    new: Host,
    end_ms: u64,
) -> usize {
    deployment.assert_equal_contents();
    let missing = application.missing(&mut deployment.server(new).client());
    let written = application.written().len();
    println!(
        "{} of {written} acknowledged writes are missing; the longest pause was {} ms",
        missing.len(),
        application.longest_pause_ms()
    );
    for write in &missing {
        let was_under_way = write.at_ms + LAG_MS > end_ms && write.begun_ms < end_ms;
        assert!(was_under_way, "the primary ended at {end_ms}, and {write:?} is missing");
    }
    missing.len()
}

#[test]
fn a_primary_that_is_killed_is_replaced_and_returns_as_a_replica() {
    let program = crate::program();
    let mut deployment = Deployment::watched([&program; 3], Variant::Plain);
    let mut application = deployment.application(APPLICATION, Way::Sentinel, "app");
    application.await_progress(0);
    let (old, end_ms) = (SERVERS[0], now_ms());
    deployment.server_mut(old).kill();
    let new = deployment.await_failover(old, &SERVERS);
    application.await_progress(now_ms());
    deployment.restart(old);
    assert_eq!(deployment.server(old).role(), "master", "its file does not know better");
    returns_as_replica(&deployment, old, new);
    application.await_progress(now_ms());
    application.stop();
    let missing = assert_kept(&application, &deployment, new, end_ms);
    // Once more: whoever was a replica has all that a primary has. Nobody writes, so that nothing is lost.
    deployment.server_mut(new).kill();
    let newer = deployment.await_failover(new, &SERVERS);
    deployment.restart(new);
    returns_as_replica(&deployment, new, newer);
    assert_eq!(assert_kept(&application, &deployment, newer, end_ms), missing);
}

#[test]
fn a_primary_that_stops_for_a_while_is_replaced_and_becomes_a_replica() {
    let program = crate::program();
    let mut deployment = Deployment::watched([&program; 3], Variant::Password);
    let mut application = deployment.application(APPLICATION, Way::Sentinel, "app");
    application.await_progress(0);
    let (old, end_ms) = (SERVERS[0], now_ms());
    let mut idle = deployment.server(old).client();
    deployment.server_mut(old).signal("STOP");
    let new = deployment.await_failover(old, &SERVERS);
    application.await_progress(now_ms());
    deployment.server_mut(old).signal("CONT");
    assert!(eventually(|| idle.is_closed(Duration::from_millis(100))), "its clients are told");
    returns_as_replica(&deployment, old, new);
    application.await_progress(now_ms());
    application.stop();
    assert_kept(&application, &deployment, new, end_ms);
}
