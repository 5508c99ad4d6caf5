//! What is wrong with a cluster, as its nodes tell it. Pure: it looks at a survey, and touches nothing.

use std::collections::{BTreeMap, BTreeSet};

use base::NodeId;

use super::members::{Member, ranges_text};
use super::placement::PRIMARIES_MIN;
use super::survey::{Node, Survey};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Keep the cluster, or some of it, from working: `check` fails.
    Error(String),
    /// It works, and less well than it could.
    Warning(String),
}

/// A slot that is between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenSlot {
    pub(super) slot: u16,
    /// Who says that it is migrating, and to whom.
    pub(super) migrating: Option<(NodeId, NodeId)>,
    /// Who says that it is importing, and from whom.
    pub(super) importing: Vec<(NodeId, NodeId)>,
}

/// Everything that is found.
pub(super) fn diagnose(survey: &Survey) -> Vec<Finding> {
    let mut found = Vec::new();
    find_silent(survey, &mut found);
    find_disagreement(survey, &mut found);
    find_uncovered(survey, &mut found);
    find_open(survey, &mut found);
    find_down(survey, &mut found);
    find_replicas(survey, &mut found);
    found
}

fn find_silent(survey: &Survey, found: &mut Vec<Finding>) {
    for node in &survey.nodes {
        let role = if node.member.is_primary { "primary" } else { "replica" };
        match &node.told {
            Err(why) => {
                found.push(Finding::Error(format!("{} ({role}) is not there: {why}", node.name())))
            }
            Ok(_) if node.member.is_failing => {
                found.push(Finding::Error(format!("{} ({role}) counts as failing", node.name())));
            }
            Ok(_) => {}
        }
    }
}

/// Who has which slots, as this node sees it: ranges by owner.
fn signature(view: &[Member]) -> BTreeMap<NodeId, Vec<u16>> {
    let owners = view.iter().filter(|member| !member.slots.is_empty());
    owners.map(|member| (member.id, member.slots.clone())).collect()
}

/// Whether all nodes that answer know the same nodes, and give them the same slots.
pub(super) fn agree(survey: &Survey) -> bool {
    let mut findings = Vec::new();
    find_disagreement(survey, &mut findings);
    findings.is_empty()
}

fn find_disagreement(survey: &Survey, found: &mut Vec<Finding>) {
    let mut views: BTreeMap<BTreeMap<NodeId, Vec<u16>>, Vec<&Node>> = BTreeMap::new();
    let known: BTreeSet<NodeId> = survey.nodes.iter().map(Node::id).collect();
    for node in &survey.nodes {
        let Ok(told) = &node.told else { continue };
        views.entry(signature(&told.view)).or_default().push(node);
        let knows: BTreeSet<NodeId> = told
            .view
            .iter()
            .filter(|member| !member.is_unreachable)
            .map(|member| member.id)
            .collect();
        let lacks: Vec<String> =
            known.difference(&knows).filter_map(|id| survey.node(*id).map(Node::name)).collect();
        if !lacks.is_empty() {
            found.push(Finding::Error(format!(
                "{} does not know {}",
                node.name(),
                lacks.join(", ")
            )));
        }
    }
    if views.len() > 1 {
        let mut groups: Vec<Vec<&Node>> = views.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        for group in groups.iter().skip(1) {
            let names: Vec<String> = group.iter().map(|node| node.name()).collect();
            found.push(Finding::Error(format!(
                "{} does not agree with the others about who has which slots",
                names.join(", ")
            )));
        }
    }
}

/// Slots that nobody has.
pub(super) fn uncovered(survey: &Survey) -> Vec<u16> {
    let owners = survey.owners();
    (0_u16..).zip(owners).filter(|(_, owner)| owner.is_none()).map(|(slot, _)| slot).collect()
}

fn find_uncovered(survey: &Survey, found: &mut Vec<Finding>) {
    let missing = uncovered(survey);
    if !missing.is_empty() {
        let ranges = ranges_text(&missing);
        found.push(Finding::Error(format!("nobody has {} of the slots: {ranges}", missing.len())));
    }
}

/// Slots that some node says are on their way.
pub(super) fn open_slots(survey: &Survey) -> Vec<OpenSlot> {
    let mut open: BTreeMap<u16, OpenSlot> = BTreeMap::new();
    fn slot_of(open: &mut BTreeMap<u16, OpenSlot>, slot: u16) -> &mut OpenSlot {
        open.entry(slot).or_insert(OpenSlot { slot, migrating: None, importing: Vec::new() })
    }
    for node in survey.nodes.iter().filter(|node| node.told.is_ok() && node.member.is_primary) {
        for (&slot, &to) in &node.member.migrating {
            slot_of(&mut open, slot).migrating = Some((node.id(), to));
        }
        for (&slot, &from) in &node.member.importing {
            slot_of(&mut open, slot).importing.push((node.id(), from));
        }
    }
    open.into_values().collect()
}

fn find_open(survey: &Survey, found: &mut Vec<Finding>) {
    let open = open_slots(survey);
    if open.is_empty() {
        return;
    }
    let name = |id: NodeId| survey.node(id).map_or_else(|| id.to_string(), Node::name);
    let mut ways: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for one in &open {
        let way = match (&one.migrating, one.importing.first()) {
            (Some((from, to)), _) => format!("from {} to {}", name(*from), name(*to)),
            (None, Some((to, from))) => format!("from {} to {}", name(*from), name(*to)),
            (None, None) => continue,
        };
        ways.entry(way).or_default().push(one.slot);
    }
    for (way, slots) in ways {
        found.push(Finding::Error(format!("slots are half-way {way}: {}", ranges_text(&slots))));
    }
}

fn find_down(survey: &Survey, found: &mut Vec<Finding>) {
    let down: Vec<String> = survey
        .nodes
        .iter()
        .filter(|node| node.told.as_ref().is_ok_and(|told| !told.is_ok))
        .map(Node::name)
        .collect();
    if !down.is_empty() {
        found.push(Finding::Error(format!("the cluster is down for {}", down.join(", "))));
    }
}

fn find_replicas(survey: &Survey, found: &mut Vec<Finding>) {
    let primaries: Vec<&Node> =
        survey.primaries().into_iter().filter(|node| !node.member.slots.is_empty()).collect();
    if primaries.len() < PRIMARIES_MIN {
        found.push(Finding::Warning(format!(
            "{} primaries with slots: below {PRIMARIES_MIN} there is no majority that could replace one that fails",
            primaries.len()
        )));
    }
    for node in &survey.nodes {
        let is_following = node.told.as_ref().ok().and_then(|told| told.is_following);
        if is_following == Some(false) {
            found.push(Finding::Error(format!("{} has no link to its primary", node.name())));
        }
    }
    // Nobody misses replicas where none are wanted.
    let has_replicas = survey.nodes.iter().any(|node| !node.member.is_primary);
    let mut together = Vec::new();
    for primary in &primaries {
        let replicas = survey.replicas(primary.id());
        if replicas.is_empty() && has_replicas {
            found.push(Finding::Warning(format!("{} has no replica", primary.name())));
        }
        let place = primary.candidate();
        for replica in replicas {
            let other = replica.candidate();
            if other.host == place.host {
                together.push(format!(
                    "{} and {} on one host",
                    primary.address(),
                    replica.address()
                ));
            } else if other.zone.is_some() && other.zone == place.zone {
                let zone = other.zone.unwrap_or_default();
                together.push(format!("{} and {} in {zone}", primary.address(), replica.address()));
            }
        }
    }
    found.extend(together_warning(&together).map(Finding::Warning));
}

/// Of pairs that one fault takes together.
pub(super) fn together_warning(pairs: &[String]) -> Option<String> {
    const SHOWN: usize = 3;
    if pairs.is_empty() {
        return None;
    }
    let mut text = pairs.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if pairs.len() > SHOWN {
        text.push_str(&format!(", and {} more pairs", pairs.len() - SHOWN));
    }
    Some(format!("a primary and its replica are lost together: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Address;
    use crate::cluster::members;
    use crate::cluster::survey::Told;

    fn id(number: usize) -> NodeId {
        NodeId::parse(format!("{number:040}").as_bytes()).unwrap()
    }

    /// What the primaries 0, 1 and 2 have.
    type Slots<'a> = [&'a str; 3];

    const WHOLE: Slots<'_> = ["0-5460", "5461-10922", "10923-16383"];

    /// Three primaries, and a replica of the first, as each of the four sees them.
    fn survey(views: [Slots<'_>; 4]) -> Survey {
        let node = |(number, slots): (usize, Slots<'_>)| {
            let line = |other: usize| {
                let own = if other == number { "myself," } else { "" };
                let (id, place) = (id(other), format!("10.0.0.{other}:7000@17000"));
                match slots.get(other) {
                    Some(slots) => {
                        format!("{id} {place} {own}master - 0 0 {other} connected {slots}\n")
                    }
                    None => format!("{id} {place} {own}slave {} 0 0 0 connected\n", self::id(0)),
                }
            };
            let asked = Address { host: format!("10.0.0.{number}"), port: 7000 };
            let text: String = (0..4).map(line).collect();
            let view = members::parse(&text, &asked).unwrap();
            let member = view[number].clone();
            let told = Told {
                view,
                is_ok: true,
                keys: 0,
                zone: None,
                offset: 0,
                is_following: (number == 3).then_some(true),
                server: String::new(),
                hands_over: false,
                databases: 1,
            };
            Node { member, reached_at: asked, told: Ok(told) }
        };
        Survey { nodes: views.into_iter().enumerate().map(node).collect() }
    }

    fn errors(found: &[Finding]) -> Vec<&str> {
        found
            .iter()
            .filter_map(|finding| match finding {
                Finding::Error(text) => Some(text.as_str()),
                Finding::Warning(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_whole_cluster_has_no_errors_and_lacks_replicas() {
        let found = diagnose(&survey([WHOLE; 4]));
        assert_eq!(errors(&found), [""; 0]);
        assert_eq!(found.len(), 2, "two primaries have no replica: {found:?}");
    }

    #[test]
    fn slots_of_nobody_and_other_views_are_found() {
        let other = ["0-5460", "5461-10000", "10923-16383"];
        let survey = survey([WHOLE, other, WHOLE, WHOLE]);
        assert_eq!(uncovered(&survey), (10_001..=10_922).collect::<Vec<_>>());
        let found = diagnose(&survey);
        let told = errors(&found).join("\n");
        assert!(told.contains("nobody has 922 of the slots: 10001-10922"), "{told}");
        assert!(told.contains("does not agree with the others"), "{told}");
        assert!(!agree(&survey));
    }

    #[test]
    fn open_slots_are_found_with_their_way() {
        let first = format!("0-5460 [7->-{}]", id(1));
        let second = format!("5461-10922 [7-<-{a}] [8-<-{a}]", a = id(0));
        let views =
            [[first.as_str(), WHOLE[1], WHOLE[2]], [WHOLE[0], &second, WHOLE[2]], WHOLE, WHOLE];
        let survey = survey(views);
        let importing = vec![(id(1), id(0))];
        assert_eq!(
            open_slots(&survey),
            [
                OpenSlot { slot: 7, migrating: Some((id(0), id(1))), importing: importing.clone() },
                OpenSlot { slot: 8, migrating: None, importing },
            ]
        );
        let found = diagnose(&survey);
        assert!(errors(&found).iter().any(|text| text.ends_with(": 7-8")), "{found:?}");
        assert!(agree(&survey), "who has the slot is agreed on");
    }

    #[test]
    fn a_node_that_is_silent_is_told() {
        let mut survey = survey([WHOLE; 4]);
        survey.nodes[3].told = Err("Connection refused".to_owned());
        let found = diagnose(&survey);
        assert!(
            errors(&found)[0].contains("(replica) is not there: Connection refused"),
            "{found:?}"
        );
    }
}
