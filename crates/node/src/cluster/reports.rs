//! The CLUSTER subcommands that only tell.

use super::orders::{bus_time, enabled, node_id, refused, slot};
use crate::session::Context;
use base::Slot;
use base::number::parse_i64;
use cluster::{Direction, Health, Role, ShardNode, SlotsNode};
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

pub(super) fn info(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.verbatim(&enabled(context)?.ask(|machine| machine.info()));
    Ok(())
}

pub(super) fn nodes(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.verbatim(&enabled(context)?.ask(|machine| machine.cluster_nodes()));
    Ok(())
}

pub(super) fn my_id(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(enabled(context)?.ask(|machine| machine.my_id()).as_bytes());
    Ok(())
}

pub(super) fn my_shard_id(
    context: &mut Context<'_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    reply.bulk(enabled(context)?.ask(|machine| machine.my_shard_id()).as_bytes());
    Ok(())
}

/// Outside a cluster too: keys have slots everywhere.
pub(super) fn key_slot(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(i64::from(Slot::of_key(&args[2]).number()));
    Ok(())
}

pub(super) fn count_keys_in_slot(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    enabled(context)?;
    let slot = in_range(&args[2])?;
    reply.count(context.node.keyspace.reach().keys_in_slot(context.state.database, slot));
    Ok(())
}

pub(super) fn get_keys_in_slot(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    enabled(context)?;
    let slot = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    let count = parse_i64(&args[3]).ok_or(CommandError::NotInteger)?;
    let slot = u16::try_from(slot).ok().and_then(Slot::new);
    let (Some(slot), Ok(count)) = (slot, usize::try_from(count)) else {
        return Err(CommandError::Text("ERR Invalid slot or number of keys"));
    };
    let mut keys = Vec::new();
    let (database, now) = (context.state.database, context.now.wall);
    context.node.keyspace.reach().visit_slot(database, slot, now, |record| {
        if keys.len() < count {
            keys.push(record.key().to_vec());
        }
    });
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

/// A slot as COUNTKEYSINSLOT checks it: a number first, then its range.
fn in_range(word: &[u8]) -> Result<Slot, CommandError> {
    parse_i64(word).ok_or(CommandError::NotInteger)?;
    slot(word).map_err(|_| CommandError::Text("ERR Invalid slot"))
}

pub(super) fn count_failure_reports(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let cluster = enabled(context)?;
    let (now, id) = (bus_time(context), node_id(&args[2])?);
    let count = cluster.ask(|machine| machine.count_failure_reports(now, id)).map_err(refused)?;
    reply.count(count);
    Ok(())
}

pub(super) fn slots(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let entries = enabled(context)?.ask(|machine| machine.cluster_slots(false));
    reply.array(entries.len());
    for entry in entries {
        reply.array(2 + entry.nodes.len());
        reply.integer(i64::from(entry.range.first.number()));
        reply.integer(i64::from(entry.range.last.number()));
        entry.nodes.iter().for_each(|node| slots_node(node, reply));
    }
    Ok(())
}

fn slots_node(node: &SlotsNode, reply: &mut Reply<'_>) {
    reply.array(4);
    reply.bulk_or_null(node.endpoint.as_deref().map(str::as_bytes));
    reply.integer(i64::from(node.port));
    reply.bulk(node.id.as_bytes());
    reply.map(node.metadata.len());
    for (name, value) in &node.metadata {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
}

pub(super) fn shards(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let shards = enabled(context)?.ask(|machine| machine.cluster_shards());
    reply.array(shards.len());
    for shard in shards {
        reply.map(3);
        reply.bulk(b"slots");
        reply.array(shard.ranges.len() * 2);
        for range in &shard.ranges {
            reply.integer(i64::from(range.first.number()));
            reply.integer(i64::from(range.last.number()));
        }
        reply.bulk(b"nodes");
        reply.array(shard.nodes.len());
        shard.nodes.iter().for_each(|node| shard_node(node, reply));
        reply.bulk(b"id");
        reply.bulk(shard.id.as_bytes());
    }
    Ok(())
}

fn shard_node(node: &ShardNode, reply: &mut Reply<'_>) {
    let optional = [node.port != 0, node.tls_port != 0, node.hostname.is_some()];
    let fields = 6 + optional.iter().filter(|&&there| there).count();
    reply.map(fields);
    let text = |reply: &mut Reply<'_>, name: &str, value: &str| {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    };
    text(reply, "id", node.id.as_str());
    for (name, port) in [("port", node.port), ("tls-port", node.tls_port)] {
        if port != 0 {
            reply.bulk(name.as_bytes());
            reply.integer(i64::from(port));
        }
    }
    text(reply, "ip", &node.ip);
    reply.bulk(b"endpoint");
    reply.bulk_or_null(node.endpoint.as_deref().map(str::as_bytes));
    if let Some(hostname) = &node.hostname {
        text(reply, "hostname", hostname);
    }
    text(
        reply,
        "role",
        match node.role {
            Role::Primary => "master",
            Role::Replica => "replica",
        },
    );
    reply.bulk(b"replication-offset");
    reply.integer(node.offset as i64);
    text(
        reply,
        "health",
        match node.health {
            Health::Online => "online",
            Health::Fail => "fail",
            Health::Loading => "loading",
        },
    );
}

pub(super) fn links(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cluster = enabled(context)?;
    let links = cluster.ask(|machine| machine.cluster_links().collect::<Vec<_>>());
    reply.array(links.len());
    for link in links {
        let buffered = context.node.host.bus_link_buffer_bytes(link.link);
        reply.map(6);
        reply.bulk(b"direction");
        reply.bulk(match link.direction {
            Direction::Outbound => b"to",
            Direction::Inbound => b"from",
        });
        reply.bulk(b"node");
        reply.bulk(link.node.as_bytes());
        reply.bulk(b"create-time");
        reply.integer(link.created_at.0);
        reply.bulk(b"events");
        reply.bulk(if buffered == 0 { b"r" } else { b"rw" });
        reply.bulk(b"send-buffer-allocated");
        reply.count(buffered);
        reply.bulk(b"send-buffer-used");
        reply.count(buffered);
    }
    Ok(())
}

pub(super) fn help(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    const LINES: &[&str] = &[
        "ADDSLOTS <slot> [<slot> ...]",
        "    Assign slots to this node.",
        "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Assign ranges of slots to this node.",
        "BUMPEPOCH",
        "    Give this node the greatest config epoch.",
        "COUNT-FAILURE-REPORTS <node-id>",
        "    Return how many nodes report this one as failing.",
        "COUNTKEYSINSLOT <slot>",
        "    Return the number of keys in a slot.",
        "DELSLOTS <slot> [<slot> ...]",
        "    Make slots nobody's.",
        "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Make ranges of slots nobody's.",
        "FAILOVER [FORCE|TAKEOVER]",
        "    Have this replica take over.",
        "FLUSHSLOTS",
        "    Give up all slots of this node.",
        "FORGET <node-id>",
        "    Remove a node from the cluster.",
        "GETKEYSINSLOT <slot> <count>",
        "    Return keys of a slot.",
        "INFO",
        "    Return the state of the cluster.",
        "KEYSLOT <key>",
        "    Return the slot of a key.",
        "LINKS",
        "    Return the links of the bus.",
        "MEET <ip> <port> [<bus-port>]",
        "    Introduce a node.",
        "MYID",
        "    Return this node's id.",
        "MYSHARDID",
        "    Return the id of this node's shard.",
        "NODES",
        "    Return the nodes as nodes.conf has them.",
        "REPLICAS <node-id>",
        "    Return the replicas of a primary.",
        "REPLICATE <node-id>|NO ONE",
        "    Make this node a replica, or a primary that has nothing.",
        "RESET [HARD|SOFT]",
        "    Leave the cluster.",
        "SAVECONFIG",
        "    Write nodes.conf.",
        "SET-CONFIG-EPOCH <epoch>",
        "    Set the first config epoch of a new node.",
        "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>) [TIMEOUT <ms>]",
        "    Open, close or assign a slot.",
        "SHARDS",
        "    Return the shards, their slots and nodes.",
        "SLAVES <node-id>",
        "    Return the replicas of a primary (an old name of REPLICAS).",
        "SLOT-STATS (SLOTSRANGE <start slot> <end slot>|ORDERBY <metric> [LIMIT <count>] [ASC|DESC])",
        "    Return what the slots of this node hold.",
        "SLOTS",
        "    Return who serves which slots.",
    ];
    enabled(context)?;
    crate::help::help(reply, "CLUSTER", LINES);
    Ok(())
}
