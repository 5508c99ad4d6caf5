//! ROLE: whom the node follows, or who follows it.

use crate::replication::LinkStage;
use crate::session::Context;
use commands::Outcome;
use resp::{Args, Reply};

/// `master`, the replication offset, the replicas: address, port and offset of each. Of a replica: `slave`, the primary's address and port, how far the link
/// is, and the offset while it is up.
pub(super) fn role(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let node = context.node;
    if let Some(primary) = node.primary_report(context.now.monotonic) {
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(primary.host.as_bytes());
        reply.integer(i64::from(primary.port));
        reply.bulk(primary.stage.name().as_bytes());
        let offsets = primary.offsets.filter(|_| primary.stage == LinkStage::Up);
        reply.integer(offsets.map_or(-1, |(_, applied)| applied as i64));
        return Ok(());
    }
    let replicas = node.replica_reports(context.now.monotonic);
    let online: Vec<_> = replicas.iter().filter(|one| one.state == "online").collect();
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(node.replication_offset() as i64);
    reply.array(online.len());
    for replica in online {
        reply.array(3);
        reply.bulk(replica.host.as_bytes());
        reply.bulk(replica.port.to_string().as_bytes());
        reply.bulk(replica.offset.to_string().as_bytes());
    }
    Ok(())
}
