//! Row `types-memory`: what large collections take of memory, against Valkey.

use super::counted_loop;
use super::memory::settled;
use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::rss_bytes;
use super::suites::{DATA_SETS, DataSet};
use anyhow::Result;

/// By how much the data sets of a quick run are smaller.
const QUICK: usize = 20;

/// What one data set takes with one program, in bytes.
pub(crate) struct Size {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// The data set's place among all.
    pub(crate) data_set: usize,
    /// Growth of the resident set.
    pub(crate) rss: f64,
    /// Growth of `used_memory`.
    pub(crate) used: f64,
}

/// What the row found.
pub(crate) struct TypesMemory(pub(crate) Vec<Size>);

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<TypesMemory> {
    let mut sizes = Vec::new();
    for (index, data_set) in DATA_SETS.iter().enumerate() {
        for program in programs.iter().filter(|program| program.peer != Peer::Echo) {
            let (rss, used) = measure(options, program, data_set)?;
            let title = program.peer.title();
            println!(
                "[types-memory] {}, {title}: {rss:.0} B in RSS, {used:.0} B in used_memory",
                data_set.name
            );
            sizes.push(Size { peer: program.peer, data_set: index, rss, used });
        }
    }
    Ok(TypesMemory(sizes))
}

fn measure(options: &Options, program: &Program, data_set: &DataSet) -> Result<(f64, f64)> {
    let server = Server::start(program)?;
    // The first connection and the first commands leave their buffers behind; they are not the data's.
    counted_loop::load(&server, "PING", 100)?;
    let (rss_start, used_start) = (rss_bytes(server.pid())?, server.used_memory()?);
    let requests = data_set.requests / if options.quick { QUICK } else { 1 };
    counted_loop::load(&server, data_set.line, requests)?;
    let (rss, used) = settled(&server)?;
    let growth = |now: u64, start: u64| now.saturating_sub(start) as f64;
    Ok((growth(rss, rss_start), growth(used, used_start)))
}

impl TypesMemory {
    /// What a data set takes with a program.
    pub(crate) fn of(&self, peer: Peer, data_set: usize) -> Option<&Size> {
        self.0.iter().find(|size| size.peer == peer && size.data_set == data_set)
    }

    /// Ours as a part of Valkey's: of the resident set and of `used_memory`.
    pub(crate) fn ratios(&self, data_set: usize) -> Option<(f64, f64)> {
        let (ours, theirs) = (self.of(Peer::Redstart, data_set)?, self.of(Peer::Valkey, data_set)?);
        Some((ours.rss / theirs.rss.max(1.0), ours.used / theirs.used.max(1.0)))
    }

    /// The data set that takes most against Valkey's, by the worse of both figures.
    pub(crate) fn worst(&self) -> Option<(&'static str, f64)> {
        let ratios = DATA_SETS.iter().enumerate().filter_map(|(index, data_set)| {
            let (rss, used) = self.ratios(index)?;
            Some((data_set.name, rss.max(used)))
        });
        ratios.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}
