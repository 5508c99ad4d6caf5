//! Slots move as a whole, where both nodes offer that: CLUSTER MIGRATESLOTS of Valkey 9. The source sends what is in
//! them, then what changes, and the target takes them all at once; no client sees anything half-way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base::NodeId;

use super::members::ranges;
use super::session::{Link, Session, Stop, refused};
use super::survey::entry;
use crate::client::Reply;

/// How many slots go at a time: after each the bar moves, and there is less to do again where one fails.
pub(super) const SLOTS_AT_ONCE: usize = 256;

/// How often the source is asked how far it is.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long another migration of the same source may keep it busy.
const BUSY_PATIENCE: Duration = Duration::from_secs(60);

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Moved,
    /// Why not. Everything is as it was before.
    NotMoved(String),
}

/// A migration, as its source tells it.
#[derive(Debug, PartialEq, Eq)]
struct Job {
    name: String,
    is_export: bool,
    state: String,
    message: String,
}

impl Job {
    fn is_over(&self) -> bool {
        ["success", "failed", "cancelled"].contains(&self.state.as_str())
    }
}

/// Moves slots of the source, whose connection this is.
pub(super) fn slots(
    session: &Session,
    source: &mut Link,
    to: NodeId,
    slots: &[u16],
) -> Result<Outcome, Stop> {
    // One that an interrupted run has left to go on by itself.
    let begin = Instant::now();
    let mut before = jobs(source)?;
    while before.iter().any(|job| job.is_export && !job.is_over())
        && begin.elapsed() < BUSY_PATIENCE
    {
        session.pause(LOOK_AGAIN)?;
        before = jobs(source)?;
    }
    let before: BTreeSet<String> = before.into_iter().map(|job| job.name).collect();
    let mut words = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"].map(str::to_owned).to_vec();
    for (first, last) in ranges(slots) {
        words.extend([first.to_string(), last.to_string()]);
    }
    words.extend(["NODE".to_owned(), to.to_string()]);
    let reply = source.ask(&words)?;
    if let Reply::Error(text) = reply {
        return Ok(Outcome::NotMoved(text));
    }
    loop {
        let job =
            jobs(source)?.into_iter().find(|job| job.is_export && !before.contains(&job.name));
        match job {
            Some(job) if job.state == "success" => return Ok(Outcome::Moved),
            Some(job) if job.is_over() => {
                return Ok(Outcome::NotMoved(format!("{}: {}", job.state, job.message)));
            }
            Some(_) => {}
            None => return Ok(Outcome::NotMoved("the source knows nothing of it".to_owned())),
        }
        if let Err(stop) = session.pause(LOOK_AGAIN) {
            // Nothing has moved until all has.
            source.ask(&["CLUSTER", "CANCELSLOTMIGRATIONS"])?;
            return Err(stop);
        }
    }
}

fn jobs(source: &mut Link) -> Result<Vec<Job>, Stop> {
    let words = ["CLUSTER", "GETSLOTMIGRATIONS"];
    let reply = source.ask(&words)?;
    let jobs = reply.elements().and_then(|jobs| jobs.iter().map(job).collect());
    jobs.ok_or_else(|| refused(&source.address, &words, &reply))
}

fn job(map: &Reply) -> Option<Job> {
    let text = |name| entry(map, name).and_then(Reply::text);
    Some(Job {
        name: text("name")?,
        is_export: text("operation")? == "EXPORT",
        state: text("state")?,
        message: text("message").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_read_as_its_source_tells_it() {
        let text = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let map = |state: &str| {
            let words =
                ["name", "89a7", "operation", "EXPORT", "slot_ranges", "0-0 5-9", "state", state];
            Reply::Array(words.into_iter().map(text).collect())
        };
        let read = job(&map("snapshotting")).unwrap();
        assert!(read.is_export && !read.is_over() && read.name == "89a7");
        for state in ["success", "failed", "cancelled"] {
            assert!(job(&map(state)).unwrap().is_over());
        }
        assert_eq!(job(&Reply::Null), None);
    }
}
