//! The primary's host is cut off, with a Sentinel and an application on it: at no time do two primaries acknowledge.

use std::time::Duration;

use testkit::Reply;
use testkit::wait::until;

use super::application::{Written, now_ms};
use super::deployment::{APPLICATION, Deployment, PATIENCE, SERVERS, Security};
use super::sentinel::{LAG_MS, returns_as_replica};

/// `min-replicas-max-lag` of the examples, and the two seconds that noticing may take: the lag is counted in whole
/// seconds, once a second.
const WINDOW: Duration = Duration::from_secs(2 + 2);

#[test]
fn a_primary_that_is_cut_off_stops_acknowledging_before_another_is_chosen() {
    let program = crate::program();
    let deployment = Deployment::watched([&program; 3], Security::Open);
    let (old, others) = (SERVERS[0], &SERVERS[1..]);
    let mut application = deployment.application(APPLICATION, "sentinel", "app");
    let mut local = deployment.application(old, "direct", "local");
    application.await_progress(0);
    local.await_progress(0);

    let cut_ms = now_ms();
    deployment.network.cut(old);
    let new = deployment.await_failover(old, others);
    application.await_progress(now_ms());
    let refused = deployment.server(old).ask("SET probe 1");
    assert_eq!(refused, Reply::Error("NOREPLICAS Not enough good replicas to write.".into()));
    assert_eq!(deployment.server(old).role(), "master", "nobody can have told it");
    let value = deployment.server(old).ask("GET local:1").text();
    assert_eq!(value.as_deref(), Some("1"), "it answers reads");
    local.stop();

    let last_of_old = local.written().iter().map(|write| write.at_ms).max().expect("it wrote");
    let after_cut = |write: &&Written| write.begun_ms > cut_ms + LAG_MS;
    let first_of_new =
        application.written().iter().filter(after_cut).map(|write| write.at_ms).min();
    let first_of_new = first_of_new.expect("it goes on");
    println!(
        "the old primary acknowledged for {} ms, the new one from {} ms on",
        last_of_old.saturating_sub(cut_ms),
        first_of_new - cut_ms
    );
    assert!(last_of_old < first_of_new, "two primaries acknowledged at a time");
    let window_ms = u64::try_from(WINDOW.as_millis()).expect("it is short");
    assert!(last_of_old < cut_ms + window_ms, "it acknowledged beyond its lag");

    let mut idle = deployment.server(old).client();
    deployment.network.heal(old);
    assert!(until(PATIENCE, || idle.is_closed(Duration::from_millis(100))), "its clients are told");
    returns_as_replica(&deployment, old, new);
    application.await_progress(now_ms());
    application.stop();
    deployment.assert_equal_contents();
    println!("the application waited for {} ms", application.longest_pause_ms());

    // What the old primary acknowledged within the window is lost, and nothing else.
    for written in [&application, &local] {
        let missing = written.missing(&mut deployment.server(new).client());
        println!(
            "{} of {} acknowledged writes are missing",
            missing.len(),
            written.written().len()
        );
        for write in missing {
            let is_in_window = write.at_ms + LAG_MS > cut_ms && write.at_ms < cut_ms + window_ms;
            assert!(is_in_window, "cut off at {cut_ms}, and {write:?} is missing");
        }
    }
}
