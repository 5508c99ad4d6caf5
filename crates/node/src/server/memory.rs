//! MEMORY: what memory is used for, and what may be wrong with it.

use super::MemoryUse;
use crate::session::Context;
use commands::keyspace::memory::HELP;
use commands::{HelpEntry, Outcome, reply_help};
use resp::{Args, Reply};

/// The subcommands of the node, before and after USAGE.
const OWN_HELP: &[HelpEntry] = &[
    ("DOCTOR", &["Tell of problems with memory."]),
    ("MALLOC-STATS", &["Tell what the memory allocator knows."]),
    ("PURGE", &["Free what was flushed and is still kept."]),
    ("STATS", &["Tell what memory is used for."]),
];

pub(super) fn help(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_help(reply, "MEMORY", &[OWN_HELP, HELP].concat());
    Ok(())
}

/// A number of MEMORY STATS.
enum Number {
    Integer(i64),
    Double(f64),
}

pub(super) fn stats(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let memory = MemoryUse::of(context.node);
    let integer = |bytes: u64| Number::Integer(bytes as i64);
    let since_start = memory.used - memory.startup;
    // As in INFO: what the allocator has is taken to be what is resident.
    let fields = [
        ("peak.allocated", integer(memory.peak)),
        ("total.allocated", integer(memory.used)),
        ("startup.allocated", integer(memory.startup)),
        ("replication.backlog", integer(memory.log)),
        ("clients.slaves", integer(0)),
        ("clients.normal", integer(memory.clients)),
        ("cluster.links", integer(memory.links)),
        ("aof.buffer", integer(0)),
        ("lua.caches", integer(0)),
        ("functions.caches", integer(0)),
        ("overhead.total", integer(memory.overhead())),
        ("keys.count", integer(memory.keys)),
        ("keys.bytes-per-key", integer(since_start.checked_div(memory.keys).unwrap_or(0))),
        ("dataset.bytes", integer(memory.dataset)),
        ("dataset.percentage", Number::Double(memory.dataset_percent())),
        ("peak.percentage", Number::Double(memory.peak_percent())),
        ("allocator.allocated", integer(memory.used)),
        ("allocator.active", integer(memory.resident)),
        ("allocator.resident", integer(memory.resident)),
        ("allocator-fragmentation.ratio", Number::Double(1.0)),
        ("allocator-fragmentation.bytes", integer(0)),
        ("allocator-rss.ratio", Number::Double(1.0)),
        ("allocator-rss.bytes", integer(0)),
        ("rss-overhead.ratio", Number::Double(1.0)),
        ("rss-overhead.bytes", integer(0)),
        ("fragmentation", Number::Double(memory.fragmentation())),
        ("fragmentation.bytes", Number::Integer(memory.fragmentation_bytes())),
    ];
    reply.map(fields.len());
    for (name, number) in fields {
        reply.bulk(name.as_bytes());
        match number {
            Number::Integer(integer) => reply.integer(integer),
            Number::Double(double) => reply.double(double),
        }
    }
    Ok(())
}

/// Below this much memory in use there is nothing to find, in bytes.
const DOCTOR_USED_MIN: u64 = 5 << 20;

/// The peak is a problem beyond this many percent of what is used now.
const DOCTOR_PEAK_PERCENT: u64 = 150;

/// Resident memory is a problem beyond this many percent of what is used, where it is more by [`DOCTOR_WASTE_BYTES_MIN`].
const DOCTOR_RESIDENT_PERCENT: u64 = 140;
const DOCTOR_WASTE_BYTES_MIN: u64 = 20 << 20;

/// What a client may take on average, in bytes.
const DOCTOR_CLIENT_BYTES_MAX: u64 = 200 << 10;

pub(super) fn doctor(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let clients = context.node.clients.connected().max(1) as u64;
    reply.verbatim(&diagnosis(&MemoryUse::of(context.node), clients));
    Ok(())
}

fn diagnosis(memory: &MemoryUse, clients: u64) -> String {
    let MemoryUse { used, peak, resident, .. } = *memory;
    if used < DOCTOR_USED_MIN {
        return "There is hardly any memory in use: too little to tell whether something is wrong.\n"
            .to_owned();
    }
    let mut problems = Vec::new();
    if peak * 100 > used * DOCTOR_PEAK_PERCENT {
        problems.push(format!(
            "At its peak, {peak} bytes were in use; {used} are now. The process may keep memory that it needed \
             only then; MEMORY PURGE and a restart give it back."
        ));
    }
    if resident * 100 > used * DOCTOR_RESIDENT_PERCENT && resident - used > DOCTOR_WASTE_BYTES_MIN {
        problems.push(format!(
            "The process has {resident} bytes of memory for {used} that are in use. Memory may be fragmented, or \
             kept since a peak."
        ));
    }
    if memory.clients / clients > DOCTOR_CLIENT_BYTES_MAX {
        problems.push(format!(
            "Clients take {} bytes each on average. Some may send faster than they read: see qbuf and omem of \
             CLIENT LIST.",
            memory.clients / clients
        ));
    }
    if problems.is_empty() {
        return "Nothing is wrong with memory.\n".to_owned();
    }
    problems.iter().map(|problem| format!("* {problem}\n")).collect()
}

/// What was flushed is freed at once, not by and by, and all threads give back to the system what they do not need.
pub(super) fn purge(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    while context.node.free_flushed() {}
    context.node.ask_to_give_back();
    reply.ok();
    Ok(())
}

pub(super) fn malloc_stats(
    context: &mut Context<'_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let allocator = &context.node.facts.allocator;
    reply.verbatim(&format!("The allocator ({allocator}) is not asked for statistics.\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_finds_what_is_out_of_proportion() {
        let healthy = || MemoryUse {
            used: 100 << 20,
            peak: 110 << 20,
            startup: 1 << 20,
            clients: 1 << 20,
            log: 0,
            links: 0,
            dataset: 98 << 20,
            resident: 120 << 20,
            keys: 1000,
        };
        assert!(diagnosis(&healthy(), 50).starts_with("Nothing is wrong"));
        let small = MemoryUse { used: 1 << 20, ..healthy() };
        assert!(diagnosis(&small, 50).starts_with("There is hardly"));
        let sick =
            MemoryUse { peak: 200 << 20, resident: 190 << 20, clients: 20 << 20, ..healthy() };
        assert_eq!(diagnosis(&sick, 50).lines().count(), 3);
    }
}
