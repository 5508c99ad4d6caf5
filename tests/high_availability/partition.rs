//! The primary's host is cut off, with a Sentinel and an application on it: at no time do two primaries acknowledge.

use std::time::Duration;

use testkit::{Kind, Reply};

use super::application::{Application, Way, Written, now_ms};
use super::deployment::{APPLICATION, Deployment, SERVERS, Variant, eventually};
use super::network::Host;
use super::sentinel::{LAG_MS, returns_as_replica};

/// What has been written while the primary was cut off and came back, and who is the primary now.
struct Cut {
    at_ms: u64,
    new: Host,
    /// On the side of those who chose another primary.
    application: Application,
    /// On the old primary's host.
    local: Application,
}

impl Cut {
    fn last_of_old_ms(&self) -> u64 {
        self.local.written().iter().map(|write| write.at_ms).max().expect("it wrote")
    }

    fn first_of_new_ms(&self) -> u64 {
        let is_later = |write: &&Written| write.begun_ms > self.at_ms + LAG_MS;
        let written = self.application.written();
        written.iter().filter(is_later).map(|write| write.at_ms).min().expect("it goes on")
    }

    /// Those acknowledged writes of either side that are missing.
    fn missing(&self, deployment: &Deployment) -> Vec<Written> {
        let mut client = deployment.server(self.new).client();
        let sides = [("that side", &self.local), ("the other side", &self.application)];
        let of_side = sides.into_iter().flat_map(|(name, side)| {
            let missing = side.missing(&mut client);
            let written = side.written().len();
            println!("{name}: {} of {written} acknowledged writes are missing", missing.len());
            missing
        });
        of_side.collect()
    }
}

fn cut_off_and_heal(deployment: &Deployment) -> Cut {
    let (old, others) = (SERVERS[0], &SERVERS[1..]);
    let mut application = deployment.application(APPLICATION, Way::Sentinel, "app");
    let mut local = deployment.application(old, Way::Direct, "local");
    application.await_progress(0);
    local.await_progress(0);

    let at_ms = now_ms();
    deployment.network.cut(old);
    let new = deployment.await_failover(old, others);
    application.await_progress(now_ms());
    let refused = deployment.server(old).ask("SET probe 1");
    assert_eq!(refused, Reply::Error("NOREPLICAS Not enough good replicas to write.".into()));
    assert_eq!(deployment.server(old).role(), "master", "nobody can have told it");
    let value = deployment.server(old).ask("GET local:1").text();
    assert_eq!(value.as_deref(), Some("1"), "it answers reads");
    local.stop();

    let mut idle = deployment.server(old).client();
    deployment.network.heal(old);
    assert!(eventually(|| idle.is_closed(Duration::from_millis(100))), "its clients are told");
    returns_as_replica(deployment, old, new);
    application.await_progress(now_ms());
    application.stop();
    deployment.assert_equal_contents();
    let cut = Cut { at_ms, new, application, local };
    let (last, first) = (cut.last_of_old_ms(), cut.first_of_new_ms());
    let (stopped, resumed) = (last.saturating_sub(at_ms), first - at_ms);
    println!("the old primary acknowledged for {stopped} ms, the new one from {resumed} ms on");
    assert!(last < first, "two primaries acknowledged at a time");
    cut
}

#[test]
fn a_primary_that_is_cut_off_stops_acknowledging_before_another_is_chosen() {
    let program = crate::program();
    let deployment = Deployment::watched([&program; 3], Variant::Plain);
    let cut = cut_off_and_heal(&deployment);
    // What the old primary acknowledged before it stopped is lost, and nothing else.
    let window = cut.at_ms - LAG_MS..=cut.last_of_old_ms();
    for write in cut.missing(&deployment) {
        assert!(window.contains(&write.at_ms), "{write:?} is missing, which is not of {window:?}");
    }
}

#[test]
fn with_write_acks_nothing_that_was_acknowledged_is_lost() {
    let program = crate::program();
    if program.kind != Kind::Redstart {
        println!("{:?} has no write-acks", program.kind);
        return;
    }
    let deployment = Deployment::watched([&program; 3], Variant::WriteAcks);
    let cut = cut_off_and_heal(&deployment);
    let missing = cut.missing(&deployment);
    assert!(missing.is_empty(), "{missing:?}");
}
