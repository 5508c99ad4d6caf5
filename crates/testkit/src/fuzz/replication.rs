//! The replica's side of the handshake, and the snapshot's end, against a primary that sends anything.

use super::Source;
use replication::{
    Answer, Greeting, Handshake, LINE_BYTES_MAX, MARK_BYTES, MarkSearch, Payload, ReplicationId,
    first_line,
};

/// So many questions has a handshake.
const QUESTIONS_MAX: usize = 7;

/// Any bytes of a primary end the handshake, with an answer or a refusal, after no more questions than there are; and the end of a snapshot is the same however
/// what comes is cut.
pub fn replica_handshake(bytes: &[u8]) {
    let mut source = Source(bytes);
    let (control, cut) = (source.byte(), source.number());
    if control & 1 == 1 {
        return search(source.0, cut);
    }
    let id = ReplicationId::parse(&[b'a'; 40]);
    let greeting = Greeting {
        password: vec![b'p'; usize::from(control >> 1 & 1)],
        address: (control & 4 != 0).then(|| "::1".to_owned()),
        place: id.filter(|_| control & 8 != 0).map(|id| (id, 7)),
        ..Greeting::default()
    };
    let has_place = greeting.place.is_some();
    let (mut handshake, _) = Handshake::begin(greeting);
    let (mut rest, mut questions) = (source.0, 1);
    while let Ok(Some((line, bytes))) = first_line(rest) {
        assert!(bytes <= LINE_BYTES_MAX && line.len() < bytes);
        // What a snapshot begins with is read from any line.
        let _ = Payload::parse(line);
        match handshake.take(line) {
            Ok(Answer::Alive) => assert!(line.is_empty()),
            Ok(Answer::Send(request)) => {
                questions += 1;
                assert!(!request.is_empty() && questions <= QUESTIONS_MAX);
            }
            Ok(Answer::GoOn { .. }) => return assert!(has_place, "there is nothing to go on from"),
            Ok(Answer::Full { .. } | Answer::Unplaced(_)) | Err(_) => return,
        }
        rest = &rest[bytes..];
    }
}

/// Looks for a mark that the fuzzer's bytes begin with in the rest of them, at once and in parts.
fn search(bytes: &[u8], cut: usize) {
    let Some((mark, stream)) = bytes.split_first_chunk::<MARK_BYTES>() else { return };
    let found = |step: usize| {
        let (mut search, mut out) = (MarkSearch::new(*mark), Vec::new());
        for (number, part) in stream.chunks(step).enumerate() {
            if let Some(behind) = search.take(part, &mut out) {
                return (out, Some(number * step + part.len() - behind));
            }
        }
        (out, None)
    };
    let whole = found(stream.len().max(1));
    assert_eq!(found(cut % 50 + 1), whole);
    assert_eq!(found(1), whole);
    if let (snapshot, Some(end)) = whole {
        assert_eq!(&stream[..end - MARK_BYTES], &snapshot[..]);
        assert_eq!(&stream[end - MARK_BYTES..end], mark);
    }
}

pub(super) fn words() -> Vec<Vec<u8>> {
    let words: [&[u8]; 10] = [
        b"\x00\x00\x00",
        b"\x08\x00\x00",
        b"+PONG\r\n",
        b"+OK\r\n",
        b"-NOAUTH x\r\n",
        b"+CONTINUE\r\n",
        b"+FULLRESYNC aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 12\r\n",
        b"$EOF:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
        b"\x01\x00\x07aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"aaaaaaaaaaaaaaaaaaaa",
    ];
    words.into_iter().map(<[u8]>::to_vec).collect()
}
