//! RESP: decoding any bytes however they are cut, and coming back as written.

use resp::{Decoder, Limits, Protocol, ProtocolError, Requests};

use super::Source;
use crate::client::encode_command;
use crate::reply::{Reply, decode};

type Decoded = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// This byte of the fuzzer's stands for a run of this length: what is near the limit of a line is out of
/// reach otherwise.
const RUN: u8 = 0xfe;
const RUN_BYTES: usize = 65_530;
const RUNS_MAX: usize = 3;

/// Any bytes give the same requests and the same error however they are cut, and no request is made of
/// bytes that are not there.
pub fn resp_decode(bytes: &[u8]) {
    let mut source = Source(bytes);
    let limits = Limits { unauthenticated: source.byte() & 1 == 1, ..Limits::DEFAULT };
    let cuts: Vec<usize> = (0..source.byte() % 8).map(|_| source.number()).collect();
    let input = with_runs(source.0);
    let (requests, error) = decode_cut(&input, &[], &limits);
    let arguments: usize = requests.iter().flatten().map(Vec::len).sum();
    assert!(arguments <= input.len(), "{arguments} bytes out of {}", input.len());
    assert!(requests.iter().all(|request| !request.is_empty()), "a request without a name");
    let again = decode_cut(&input, &cuts, &limits);
    assert!(again == (requests, error), "cut at {cuts:?}, then {:?}, else {error:?}", again.1);
}

/// What requests are made of.
pub(super) fn words() -> Vec<Vec<u8>> {
    [
        "*1\r\n",
        "*2\r\n",
        "*",
        "$",
        "$1\r\na\r\n",
        "$3\r\nGET\r\n",
        "$0\r\n\r\n",
        "-1\r\n",
        "0",
        "\r\n",
        "\n",
        "\r",
        "\"",
        "'",
        "\\x41",
        "PING\r\n",
        "$16385\r\n",
        "*11\r\n",
        "99999999999999999999",
    ]
    .map(|word| word.as_bytes().to_vec())
    .into_iter()
    .chain([vec![RUN]])
    .collect()
}

fn with_runs(bytes: &[u8]) -> Vec<u8> {
    let mut input = Vec::with_capacity(bytes.len());
    let mut runs = 0;
    for &byte in bytes {
        if byte == RUN && runs < RUNS_MAX {
            runs += 1;
            input.resize(input.len() + RUN_BYTES, b'a');
        } else {
            input.push(byte);
        }
    }
    input
}

/// Feeds pieces as a connection would, dropping what was executed. A piece is as long as the number in
/// `cuts`; the rest comes last.
fn decode_cut(input: &[u8], cuts: &[usize], limits: &Limits) -> Decoded {
    let mut decoder = Decoder::new();
    let mut requests = Requests::new();
    let (mut buffer, mut decoded) = (Vec::new(), Vec::new());
    let mut source = Source(input);
    for piece in cuts.iter().copied().chain([usize::MAX]) {
        buffer.extend_from_slice(source.bytes(piece));
        loop {
            requests.clear();
            let result = decoder.decode(&buffer, limits, &mut requests, 4);
            for index in 0..requests.len() {
                let arguments = requests.args(index, &buffer);
                decoded.push(arguments.iter_from(0).map(<[u8]>::to_vec).collect());
            }
            let consumed = decoder.consumed();
            buffer.drain(..consumed);
            decoder.advance(consumed);
            if let Err(error) = result {
                return (decoded, Some(error));
            }
            if requests.len() < 4 {
                break;
            }
        }
    }
    (decoded, None)
}

/// Requests of any arguments come back from the decoder, and replies of any values from a decoder that was
/// written apart from the server's encoder.
pub fn resp_round_trip(bytes: &[u8]) {
    let mut source = Source(bytes);
    let protocol = if source.byte() & 1 == 0 { Protocol::Resp2 } else { Protocol::Resp3 };
    let mut out = Vec::new();
    let expected = push_reply(&mut source, &mut resp::Reply::new(&mut out, protocol), 0);
    match decode(&out) {
        Ok(Ok((reply, length))) => {
            assert_eq!(reply, expected);
            assert_eq!(length, out.len(), "all of it is one reply");
        }
        other => panic!("{other:?} of b\"{}\", not {expected:?}", out.escape_ascii()),
    }

    let mut arguments = vec![source.bytes(3)];
    while !source.is_empty() {
        let length = source.byte();
        arguments.push(source.bytes(usize::from(length)));
    }
    let request: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.to_vec()).collect();
    let wire = encode_command(&arguments);
    let twice = [wire.as_slice(), &wire].concat();
    let decoded = decode_cut(&twice, &[wire.len() / 2, wire.len()], &Limits::DEFAULT);
    assert_eq!(decoded, (vec![request.clone(), request], None));
}

/// Writes a reply and gives what a client must read.
fn push_reply(source: &mut Source<'_>, reply: &mut resp::Reply<'_>, depth: usize) -> Reply {
    let is_new = reply.protocol() == Protocol::Resp3;
    let choice = source.byte() % 14;
    match choice {
        0..=2 => push_integer(source, reply, choice),
        3..=6 => push_text(source, reply, choice, is_new),
        7 => {
            reply.null();
            if is_new { Reply::Null } else { Reply::NullBulk }
        }
        8 => {
            reply.null_array();
            if is_new { Reply::Null } else { Reply::NullArray }
        }
        9 => push_double(source, reply, is_new),
        _ if depth < 6 => push_aggregate(source, reply, choice, depth),
        _ => {
            reply.ok();
            Reply::Status("OK".to_owned())
        }
    }
}

fn push_integer(source: &mut Source<'_>, reply: &mut resp::Reply<'_>, choice: u8) -> Reply {
    let value = eight(source) as i64;
    if choice == 0 {
        reply.bulk_integer(value);
        return Reply::Bulk(value.to_string().into_bytes());
    }
    if choice == 1 {
        let is_true = value & 1 == 1;
        reply.boolean(is_true);
        return match reply.protocol() {
            Protocol::Resp2 => Reply::Integer(i64::from(is_true)),
            Protocol::Resp3 => Reply::Boolean(is_true),
        };
    }
    reply.integer(value);
    Reply::Integer(value)
}

fn push_text(
    source: &mut Source<'_>,
    reply: &mut resp::Reply<'_>,
    choice: u8,
    is_new: bool,
) -> Reply {
    let length = source.byte();
    let bytes = source.bytes(usize::from(length));
    let text = String::from_utf8_lossy(bytes).into_owned();
    match choice {
        3 => {
            reply.bulk_or_null(Some(bytes));
            Reply::Bulk(bytes.to_vec())
        }
        4 => {
            // The line ends that a client's own words may bring.
            reply.error(&text);
            Reply::Error(text.replace(['\r', '\n'], " "))
        }
        5 => {
            reply.verbatim(&text);
            match is_new {
                true => Reply::Verbatim("txt".to_owned(), text.into_bytes()),
                false => Reply::Bulk(text.into_bytes()),
            }
        }
        _ => {
            let digits: String = bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect();
            reply.big_number(&digits);
            match is_new {
                true => Reply::BigNumber(digits),
                false => Reply::Bulk(digits.into_bytes()),
            }
        }
    }
}

fn push_double(source: &mut Source<'_>, reply: &mut resp::Reply<'_>, is_new: bool) -> Reply {
    let value = f64::from_bits(eight(source));
    let mut out = Vec::new();
    resp::Reply::new(&mut out, Protocol::Resp3).double(value);
    let text = String::from_utf8_lossy(&out);
    let text = text.trim_start_matches(',').trim_end();
    let read: f64 = text.parse().expect("a double is a number");
    assert!(read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan()), "{text}");
    reply.double(value);
    if is_new { Reply::Double(text.to_owned()) } else { Reply::Bulk(text.as_bytes().to_vec()) }
}

fn push_aggregate(
    source: &mut Source<'_>,
    reply: &mut resp::Reply<'_>,
    choice: u8,
    depth: usize,
) -> Reply {
    let length = usize::from(source.byte() % 5);
    let is_new = reply.protocol() == Protocol::Resp3;
    if choice == 10 {
        reply.map(length);
        let items: Vec<_> = (0..2 * length).map(|_| push_reply(source, reply, depth + 1)).collect();
        if !is_new {
            return Reply::Array(items);
        }
        let pair = |pair: &[Reply]| (pair[0].clone(), pair[1].clone());
        return Reply::Map(items.chunks_exact(2).map(pair).collect());
    }
    let later = match choice {
        11 => {
            reply.set(length);
            None
        }
        12 => {
            reply.push(length);
            None
        }
        _ => Some(reply.array_later()),
    };
    let items = (0..length).map(|_| push_reply(source, reply, depth + 1)).collect();
    if let Some(later) = later {
        reply.close(later, length);
    }
    match choice {
        11 if is_new => Reply::Set(items),
        12 if is_new => Reply::Push(items),
        _ => Reply::Array(items),
    }
}

fn eight(source: &mut Source<'_>) -> u64 {
    (0..8).fold(0, |value, _| value << 8 | u64::from(source.byte()))
}
