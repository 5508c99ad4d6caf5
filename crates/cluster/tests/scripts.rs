//! Golden scripts: what a few nodes do, step by step, written down as cases.
//!
//! A script's lines that begin with `> ` are orders; below each stands what came of it. With
//! `UPDATE_GOLDENFILES=1` the answers are written anew: then read the difference.

use crate::net::Net;
use base::{Slot, SlotRange};
use std::path::{Path, PathBuf};

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = folder.read_dir().expect("the folder exists");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it is readable").path()).collect();
    files.sort();
    files
}

fn number(word: Option<&&str>) -> u64 {
    word.and_then(|word| word.trim_start_matches('n').parse().ok()).expect("a number")
}

fn range(words: &[&str]) -> [SlotRange; 1] {
    let slot = |word| Slot::new(number(word) as u16).expect("a slot");
    [SlotRange { first: slot(words.first()), last: slot(words.get(1).or(words.first())) }]
}

fn show(net: &Net, node: usize) -> Vec<String> {
    let machine = net.machines[node].as_ref().expect("the node runs");
    let mut lines = vec![format!(
        "state {} current epoch {} last vote {}",
        machine.state(),
        machine.current_epoch(),
        machine.last_vote_epoch()
    )];
    let text = net.named(&machine.cluster_nodes());
    let mut nodes: Vec<String> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [id, _, flags, _, _, _, epoch, link, slots @ ..] = fields.as_slice() else {
                return line.to_owned();
            };
            format!("{id:.2} {flags} epoch {epoch} {link} {}", slots.join(" "))
                .trim_end()
                .to_owned()
        })
        .collect();
    nodes.sort();
    lines.append(&mut nodes);
    lines
}

fn order(net: &mut Net, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (verb, rest) = words.split_first().expect("an order");
    let node = |nth: usize| number(rest.get(nth)) as usize;
    let mut shown = Vec::new();
    let mut result = |result: Result<(), cluster::ClusterError>| match result {
        Ok(()) => {}
        Err(error) => shown.push(error.to_string()),
    };
    match *verb {
        "nodes" => *net = Net::new(node(0), number(rest.get(1))),
        "meet" => net.meet(node(0), node(1)),
        "add" => result(net.order(node(0), |m, now| m.add_slots(now, &range(&rest[1..])))),
        "del" => result(net.order(node(0), |m, now| m.del_slots(now, &range(&rest[1..])))),
        "epoch" => {
            let epoch = number(rest.get(1)) as i64;
            result(net.order(node(0), |m, now| m.set_config_epoch(now, epoch)));
        }
        "bump" => shown.push(net.order(node(0), |m, now| m.bump_epoch(now)).to_string()),
        "forget" => {
            let id = net.machines[node(1)].as_ref().expect("the node runs").my_id();
            result(net.order(node(0), |m, now| m.forget(now, id)));
        }
        "reset" => result(net.order(node(0), |m, now| m.reset(now, cluster::Reset::Hard, false))),
        "replicate" => match rest.get(1) {
            Some(&"none") => net.order(node(0), |m, now| m.detach(now)),
            _ => {
                let id = net.machines[node(1)].as_ref().expect("the node runs").my_id();
                result(net.order(node(0), |m, now| m.replicate(now, id, false)));
            }
        },
        "failover" => {
            let how = match rest.get(1) {
                None => cluster::Takeover::Agreed,
                Some(&"force") => cluster::Takeover::Forced,
                Some(_) => cluster::Takeover::Unilateral,
            };
            result(net.order(node(0), |m, now| m.fail_over(now, how)));
        }
        "write" => net.data[node(0)].offset += number(rest.get(1)),
        "stall" => net.stalled.push(node(0)),
        "stream" => net.stalled.retain(|stalled| *stalled != node(0)),
        "restart" => net.restart(node(0), number(rest.get(1)), number(rest.get(2))),
        "cut" => net.cut(node(0), node(1)),
        "heal" => net.heal(),
        "kill" => net.kill(node(0)),
        "trace" => net.heartbeats_traced = true,
        "run" => net.run(number(rest.first())),
        "show" => shown = show(net, node(0)),
        other => panic!("unknown order {other}"),
    }
    let mut lines = std::mem::take(&mut net.trace);
    lines.append(&mut shown);
    lines
}

fn play(script: &str) -> String {
    let mut net = Net::new(0, 0);
    let mut out = String::new();
    for line in script.lines() {
        if let Some(words) = line.strip_prefix("> ") {
            out.push_str(&format!("{line}\n"));
            order(&mut net, words).iter().for_each(|line| out.push_str(&format!("{line}\n")));
        } else if line.starts_with('#') || line.is_empty() {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

#[test]
fn every_script_plays_as_written() {
    let update = std::env::var_os("UPDATE_GOLDENFILES").is_some();
    let files = scripts();
    assert!(files.len() >= 6);
    for file in files {
        let expected = std::fs::read_to_string(&file).expect("it is readable");
        let actual = play(&expected);
        if update {
            std::fs::write(&file, &actual).expect("it is writable");
        } else {
            assert_eq!(actual, expected, "{}", file.display());
        }
    }
}
