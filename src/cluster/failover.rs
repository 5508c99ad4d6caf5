//! `redstart cluster failover`: a replica becomes the primary of its shard, and that is waited for.

use std::time::{Duration, Instant};

use super::session::{Session, Stop, failed};
use super::survey::{Node, survey};
use crate::client::Address;

/// How long it is tried.
const PATIENCE: Duration = Duration::from_secs(60);
/// Above the time that servers give a failover themselves, 5 s unless they are told otherwise.
const GIVEN_UP: Duration = Duration::from_secs(7);

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The primary, which hands over, and the majority.
    Agreed,
    /// The majority alone.
    Force,
    /// Nobody.
    Takeover,
}

/// Makes this replica the primary.
pub(super) fn run(session: &mut Session, entry: &Address, how: How) -> Result<(), Stop> {
    let found = survey(session, entry)?;
    let own = found.nodes.iter().find(|node| node.reached_at == *entry && node.member.is_myself);
    let own = own.ok_or_else(|| failed(format!("{entry} does not say who it is"), ""))?;
    let Some(primary) = own.member.primary.filter(|_| !own.member.is_primary) else {
        let replicas: Vec<String> =
            found.replicas(own.id()).iter().map(|node| node.address().to_string()).collect();
        return Err(failed(
            format!("{} is a primary already", own.name()),
            match replicas.first() {
                Some(first) => {
                    format!("To put a replica in its place: redstart cluster failover {first}")
                }
                None => "It has no replica that could take its place.".to_owned(),
            },
        ));
    };
    let old = found.node(primary);
    let old_name = old.map_or_else(|| primary.to_string(), Node::name);
    if how == How::Agreed
        && let Some(Err(why)) = old.map(|node| &node.told)
    {
        return Err(failed(
            format!("the primary {old_name} is not there to hand over: {why}"),
            format!(
                "Without it: redstart cluster failover {entry} --force; if most primaries are gone, too: --takeover.\n       \
                 Writes that have not reached the replica are lost then."
            ),
        ));
    }
    session.line("Plan:");
    let how_text = match how {
        How::Agreed => "which hands over: no write is lost",
        How::Force => "which is not asked: writes that have not come from it are lost",
        How::Takeover => {
            "and neither it nor the other primaries are asked: writes that have not come from it are lost"
        }
    };
    session.line(format!("    {} takes the place of {old_name}, {how_text}", own.name()));
    if !session.confirm()? {
        return Ok(());
    }
    let words = match how {
        How::Agreed => vec!["CLUSTER", "FAILOVER"],
        How::Force => vec!["CLUSTER", "FAILOVER", "FORCE"],
        How::Takeover => vec!["CLUSTER", "FAILOVER", "TAKEOVER"],
    };
    let id = own.id();
    let own_name = own.name();
    // Who is not there already is not waited for.
    let asked: Vec<_> = found.nodes.iter().filter(|node| node.told.is_ok()).map(Node::id).collect();
    let mut ordered: Option<Instant> = None;
    let mut failure = None;
    let what = "nodes that see the new primary";
    let took = session.await_all(what, asked.len(), PATIENCE, |session| {
        let now = survey(session, entry).ok();
        let is_primary = |node: &&Node| node.id() == id && node.member.is_primary;
        let is_done =
            now.as_ref().is_some_and(|now| now.nodes.iter().any(|node| is_primary(&node)));
        // A server gives up without a word when it takes too long.
        if !is_done && ordered.is_none_or(|last| last.elapsed() >= GIVEN_UP) {
            let outcome = session.open(entry).and_then(|mut link| link.order(&words));
            // Once it has begun, it is no failure that it is done already.
            failure = outcome.err().filter(|_| ordered.is_none());
            ordered = Some(Instant::now());
        }
        if failure.is_some() {
            return asked.len();
        }
        let sees = |node: &&Node| {
            let told = node.told.as_ref().ok();
            asked.contains(&node.id())
                && told.is_some_and(|told| {
                    told.view.iter().any(|member| member.id == id && member.is_primary)
                })
        };
        now.map_or(0, |now| now.nodes.iter().filter(sees).count())
    })?;
    if let Some(stop) = failure {
        return Err(stop);
    }
    match took {
        Some(took) => {
            session.screen.done(&format!("{own_name} is the primary"), took);
            Ok(())
        }
        None => Err(failed(
            format!("{own_name} has not become the primary after {} s", PATIENCE.as_secs()),
            format!(
                "Its log says why. The primary serves on unless it is gone: redstart cluster status {entry}"
            ),
        )),
    }
}
