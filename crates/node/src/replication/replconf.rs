//! REPLCONF: what a replica tells of itself, and how far it is.

use super::replica::{Replica, Stage};
use crate::event::Event;
use crate::node::Node;
use crate::session::Context;
use base::{Monotonic, number};
use commands::{CommandError, Outcome};
use engine::WorkerId;
use resp::{Args, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// How long an announced address may be, in bytes, as in Redis.
const ADDRESS_BYTES_MAX: usize = 255;

/// `REPLCONF option value [option value ...]`.
pub(super) fn replconf(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    for index in (1..args.len()).step_by(2) {
        let (option, value) = (&args[index], &args[index + 1]);
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        if is("ack") {
            acknowledge(context, args, index);
            return Ok(());
        }
        if is("getack") {
            // For a replica, from its primary.
            context.node.answer_getack();
            return Ok(());
        }
        let replica = context.introduced();
        let mut introduction = replica.introduction.lock();
        if is("listening-port") {
            introduction.port = parse_port(value)?;
        } else if is("ip-address") {
            if value.len() > ADDRESS_BYTES_MAX {
                return Err(CommandError::Owned(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            let text = String::from_utf8_lossy(value).into_owned();
            introduction.address = (!text.is_empty()).then_some(text);
        } else if is("capa") {
            // Of what is not known here, a replica does without.
            introduction.reads_unsized |= value.eq_ignore_ascii_case(b"eof");
            introduction.follows_renames |= value.eq_ignore_ascii_case(b"psync2");
        } else if is("rdb-only") {
            introduction.wants_only_snapshot = parse_flag(value)?;
        } else if is("version") {
            let version = std::str::from_utf8(value).ok().and_then(parse_version);
            introduction.version = version.ok_or_else(|| {
                let told = String::from_utf8_lossy(value);
                CommandError::Owned(format!("ERR Unrecognized version format: {told}"))
            })?;
        } else {
            let option = String::from_utf8_lossy(option).into_owned();
            return Err(CommandError::Owned(format!("ERR Unrecognized REPLCONF option: {option}")));
        }
    }
    reply.ok();
    Ok(())
}

/// `REPLCONF ACK offset [FACK offset]`: nothing is replied, whatever it says.
fn acknowledge(context: &mut Context<'_>, args: Args<'_>, index: usize) {
    let offset = |index: usize| args.get(index).and_then(number::parse_u64);
    let Some(replica) = &context.state.replica else { return };
    let Some(acknowledged) = offset(index + 1) else { return };
    let is_told = args.get(index + 2).is_some_and(|word| word.eq_ignore_ascii_case(b"fack"));
    let on_disk = if is_told { offset(index + 3) } else { None };
    replica.acknowledged.fetch_max(acknowledged, SeqCst);
    replica.acknowledged_on_disk.fetch_max(on_disk.unwrap_or(0), SeqCst);
    replica.acknowledged_at.store(context.now.monotonic.millis(), SeqCst);
    context.node.note_acknowledgement(replica, context.now.monotonic, context.worker);
}

fn parse_port(value: &[u8]) -> Result<u16, CommandError> {
    let port = number::parse_i64(value).ok_or(CommandError::NotInteger)?;
    u16::try_from(port).map_err(|_| CommandError::NotInteger)
}

fn parse_flag(value: &[u8]) -> Result<bool, CommandError> {
    match number::parse_i64(value) {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(_) => Err(CommandError::Text("ERR value is out of range, value must between 0 and 1")),
        None => Err(CommandError::NotInteger),
    }
}

/// `major.minor.patch` as 0xMMmmpp.
fn parse_version(text: &str) -> Option<u32> {
    let mut parts = text.split('.').map(|part| part.parse::<u8>().ok());
    let mut next = || parts.next().flatten();
    let (major, minor, patch) = (next()?, next()?, next()?);
    parts.next().is_none().then(|| u32::from_be_bytes([0, major, minor, patch]))
}

impl Node {
    /// A replica has said how far it is.
    fn note_acknowledgement(&self, replica: &Arc<Replica>, now: Monotonic, by: WorkerId) {
        let is_new = {
            let mut stage = replica.stage.lock();
            let reader = match &*stage {
                Stage::Loading { reader } => Some(Arc::clone(reader)),
                Stage::Waiting { .. } | Stage::Receiving { .. } | Stage::Online { .. } => None,
            };
            if let Some(reader) = &reader {
                *stage = Stage::Online { reader: Arc::clone(reader) };
            }
            reader.is_some()
        };
        if is_new {
            self.replication.tell(Event::Replication {
                message: format!("Synchronization with replica {} succeeded", replica.log_name()),
            });
            self.replication.renew_online();
            self.renew_replica_count(now);
            if self.cluster.is_some() && self.replication_offset() == 0 {
                // Of a replica that has nothing of the stream, others believe that it has no data.
                self.log_for_replicas(by, &[b"PING"]);
                self.announce_log(by);
            }
        }
        self.wake_waiting();
        let offsets = {
            let state = self.replication.state.lock();
            let online = state.replicas.iter().filter(|one| one.is_online());
            // One that has said nothing yet may be before all that this log ever had.
            let offset =
                |one: &Arc<Replica>| one.acknowledged.load(SeqCst).checked_add_signed(-state.shift);
            let end = self.log_end();
            online.filter_map(offset).map(|offset| offset.min(end)).collect()
        };
        self.confirm_by_replicas(offsets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers() {
        assert_eq!(parse_version("9.1.2"), Some(0x0009_0102));
        for text in ["", "9", "9.1", "9.1.2.3", "a.b.c", "300.1.1"] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }
}
