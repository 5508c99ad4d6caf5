//! XPENDING: which entries consumers have not acknowledged.

use super::super::id::{parse_end, parse_start, reply_id};
use super::named::read_group;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::View;
use resp::{Args, Reply};
use values::stream::{Group, Pending, StreamId};

pub(in crate::stream) fn xpending(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    if args.len() == 3 {
        reply_summary(reply, read_group(view, &args[1], &args[2])?);
        return Ok(());
    }
    let wanted = Wanted::parse(args)?;
    let now = view.moment().now.0;
    wanted.reply(reply, read_group(view, &args[1], &args[2])?, now);
    Ok(())
}

fn reply_summary(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.count(group.pending_len());
    let mut all = group.pending_range(StreamId::MIN, StreamId::MAX);
    let Some((first, _)) = all.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    let last = all.next_back().map_or(first, |(id, _)| id);
    reply_id(reply, first);
    reply_id(reply, last);
    let later = reply.array_later();
    let mut length = 0;
    for consumer in group.consumers().filter(|consumer| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_integer(consumer.pending_len() as i64);
        length += 1;
    }
    reply.close(later, length);
}

/// Which pending entries are asked for.
struct Wanted<'a> {
    idle_min: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(args: Args<'a>) -> Result<Wanted<'a>, CommandError> {
        if !(6..=9).contains(&args.len()) {
            return Err(CommandError::Syntax);
        }
        let integer = |index: usize| parse_i64(&args[index]).ok_or(CommandError::NotInteger);
        let (mut idle_min, mut at) = (0, 3);
        if args[3].eq_ignore_ascii_case(b"IDLE") {
            idle_min = integer(4)?;
            at = 5;
            if args.len() < 8 {
                return Err(CommandError::Syntax);
            }
        }
        let count = integer(at + 2)?.max(0) as usize;
        let (start, end) = (parse_start(&args[at])?, parse_end(&args[at + 1])?);
        Ok(Wanted { idle_min, start, end, count, consumer: args.get(at + 3) })
    }

    fn reply(&self, reply: &mut Reply<'_>, group: &Group, now: i64) {
        match self.consumer.map(|name| group.consumer_number(name)) {
            None => {
                self.reply_pending(reply, group, group.pending_range(self.start, self.end), now);
            }
            Some(None) => reply.array(0),
            Some(Some(number)) => {
                let pending = group.pending_range_of(number, self.start, self.end);
                self.reply_pending(reply, group, pending, now);
            }
        }
    }

    fn reply_pending<'g>(
        &self,
        reply: &mut Reply<'_>,
        group: &Group,
        pending: impl Iterator<Item = (StreamId, &'g Pending)>,
        now: i64,
    ) {
        let idle = |pending: &Pending| now - pending.delivered_at;
        let old = pending.filter(|(_, one)| self.idle_min == 0 || idle(one) >= self.idle_min);
        let later = reply.array_later();
        let mut length = 0;
        for (id, one) in old.take(self.count) {
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(group.consumer(one.consumer).name());
            reply.integer(idle(one).max(0));
            reply.integer(one.deliveries as i64);
            length += 1;
        }
        reply.close(later, length);
    }
}
