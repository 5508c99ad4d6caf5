//! Replies as bytes: where each of them ends.

/// Puts `error` in the place of each reply in `output`, and keeps what comes between replies (pushed messages). What follows a reply that is not complete, or is none, is left out.
#[must_use]
pub fn replace_replies(output: &[u8], error: &[u8]) -> Vec<u8> {
    let (mut replaced, mut rest) = (Vec::new(), output);
    while let Some(length) = reply_bytes(rest) {
        let (reply, behind) = rest.split_at(length);
        replaced.extend_from_slice(if reply[0] == b'>' { reply } else { error });
        rest = behind;
    }
    replaced
}

/// The length of the reply that these bytes begin with; `None` where it is not complete.
fn reply_bytes(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut left) = (0, 1_u64);
    while left > 0 {
        let line = bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        let (kind, text) = bytes[at..at + line].split_first()?;
        let count =
            || std::str::from_utf8(text).ok()?.parse::<i64>().ok().map(|count| count.max(0) as u64);
        at += line + 2;
        left -= 1;
        match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {}
            b'$' | b'=' | b'!' if text == b"-1" => {}
            b'$' | b'=' | b'!' => at += usize::try_from(count()?).ok()? + 2,
            b'*' | b'~' | b'>' => left += count()?,
            b'%' => left += 2 * count()?,
            // They stand before the reply that they belong to.
            b'|' => left += 2 * count()? + 1,
            _ => return None,
        }
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, Reply};

    #[test]
    fn each_reply_is_replaced_and_messages_stay() {
        let mut output = Vec::new();
        let mut reply = Reply::new(&mut output, Protocol::Resp3);
        reply.ok();
        reply.map(2);
        reply.bulk(b"a\r\nb");
        reply.array(2);
        reply.integer(1);
        reply.null();
        reply.bulk(b"");
        reply.double(1.5);
        reply.push(2);
        reply.bulk(b"message");
        reply.bulk(b"text");
        reply.verbatim("text");
        reply.attributes(1);
        reply.bulk(b"ttl");
        reply.integer(1);
        reply.set(1);
        reply.boolean(true);
        let replaced = replace_replies(&output, b"-E\r\n");
        assert_eq!(replaced, b"-E\r\n-E\r\n>2\r\n$7\r\nmessage\r\n$4\r\ntext\r\n-E\r\n-E\r\n");
        let mut output = Vec::new();
        let mut reply = Reply::new(&mut output, Protocol::Resp2);
        reply.null();
        reply.null_array();
        reply.array(0);
        assert_eq!(replace_replies(&output, b"-\r\n"), b"-\r\n-\r\n-\r\n");
    }

    #[test]
    fn what_is_not_complete_is_left_out() {
        for bytes in [
            &b"$5\r\nab"[..],
            b"*2\r\n:1\r\n",
            b"*99999999999\r\n",
            b"?\r\n",
            b"$9223372036854775807\r\n",
            b"\r\n",
        ] {
            assert_eq!(replace_replies(bytes, b"-E\r\n"), b"", "{bytes:?}");
        }
    }
}
