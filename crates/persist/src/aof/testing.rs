//! Files to test with, and how a server would load them.

use super::{Layout, Manifest, ReadError, Reader, Step, Truncation, annotation};
use crate::storage::Storage;
use base::Rng;
use std::path::Path;

pub(super) type Command = Vec<Vec<u8>>;

pub(super) fn layout() -> Layout {
    Layout::new(Path::new(""), b"appendonlydir", b"appendonly.aof")
}

pub(super) fn encode(command: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", command.len()).into_bytes();
    for argument in command {
        out.extend(format!("${}\r\n", argument.len()).bytes());
        out.extend(argument);
        out.extend(b"\r\n");
    }
    out
}

pub(super) fn command(words: &[&str]) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// A file, its commands, and where it may end without one of them being torn: after each unit, how many commands there are.
pub(super) struct Sample {
    pub(super) bytes: Vec<u8>,
    pub(super) commands: Vec<Command>,
    pub(super) ends: Vec<(usize, usize)>,
}

/// Random commands and transactions, some bytes more than `least`; in batches with their lines, and times, or bare.
pub(super) fn sample(rng: &mut Rng, least: usize, annotated: bool) -> Sample {
    let mut sample = Sample { bytes: Vec::new(), commands: Vec::new(), ends: vec![(0, 0)] };
    while sample.bytes.len() < least {
        if annotated && rng.percent(20) {
            annotation::push_timestamp(&mut sample.bytes, 1_700_000_000 + rng.below(1000) as i64);
        }
        let mut batch = Vec::new();
        for _ in 0..=rng.below(if annotated { 6 } else { 1 }) {
            let unit = unit(rng);
            batch.extend(unit.iter().flat_map(|command| encode(command)));
            sample.commands.extend(unit);
        }
        if annotated {
            let offset = sample.bytes.len() as u64;
            annotation::push_batch(&mut sample.bytes, offset, &batch);
        }
        sample.bytes.extend(batch);
        sample.ends.push((sample.bytes.len(), sample.commands.len()));
    }
    sample
}

fn unit(rng: &mut Rng) -> Vec<Command> {
    let mut one = || {
        let most = if rng.percent(5) { 2000 } else { 20 };
        let mut value = vec![0; rng.below(most) as usize];
        rng.fill(&mut value);
        vec![b"SET".to_vec(), format!("key:{}", rng.below(100)).into_bytes(), value]
    };
    let (first, second) = (one(), one());
    if rng.percent(10) {
        vec![command(&["MULTI"]), first, second, command(&["exec"])]
    } else {
        vec![first]
    }
}

/// What a load gave.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) commands: Vec<Command>,
    pub(super) truncations: Vec<Truncation>,
}

/// Loads as a server does: what stands in a transaction happens at its EXEC.
pub(super) fn load(
    storage: &dyn Storage,
    manifest: &Manifest,
    load_truncated: bool,
) -> Result<Loaded, ReadError> {
    let layout = layout();
    let mut reader = Reader::new(storage, &layout, manifest, load_truncated)?;
    let mut loaded = Loaded::default();
    let mut queued: Vec<Command> = Vec::new();
    while let Some(step) = reader.next_step()? {
        match step {
            Step::Command { args, .. } => {
                let command: Command = args.iter_from(0).map(<[u8]>::to_vec).collect();
                let is_multi = args.name().eq_ignore_ascii_case(b"MULTI");
                let is_exec = args.name().eq_ignore_ascii_case(b"EXEC");
                if is_multi || !queued.is_empty() {
                    queued.push(command);
                } else {
                    loaded.commands.push(command);
                }
                if is_exec {
                    loaded.commands.append(&mut queued);
                }
            }
            Step::End { truncated, .. } => {
                loaded.truncations.extend(truncated);
                queued.clear();
            }
            Step::Rdb { .. } => panic!("no RDB is here"),
        }
    }
    assert_eq!(
        reader.read_bytes(),
        reader.total_bytes(),
        "all bytes are counted, also those that were cut off"
    );
    Ok(loaded)
}
