use super::*;
use proptest::prelude::*;

/// Feeds `input` in pieces that end at `cuts`; gives the requests decoded and the error, if any.
fn decode_in_pieces(
    input: &[u8],
    cuts: &[usize],
    limits: &Limits,
) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let mut decoder = Decoder::new();
    let mut buffer = Vec::new();
    let mut requests = Requests::new();
    let mut decoded = Vec::new();
    let mut fed = 0;
    for &cut in cuts.iter().chain([&input.len()]) {
        let cut = cut.clamp(fed, input.len());
        buffer.extend_from_slice(&input[fed..cut]);
        fed = cut;
        loop {
            requests.clear();
            let result = decoder.decode(&buffer, limits, &mut requests, 3);
            for index in 0..requests.len() {
                let args = requests.args(index, &buffer);
                decoded.push(args.iter_from(0).map(<[u8]>::to_vec).collect());
            }
            let consumed = decoder.consumed();
            buffer.drain(..consumed);
            decoder.advance(consumed);
            if let Err(error) = result {
                return (decoded, Some(error));
            }
            if requests.len() < 3 {
                break;
            }
        }
    }
    (decoded, None)
}

fn decode(input: &[u8]) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    decode_in_pieces(input, &[], &Limits::DEFAULT)
}

fn encode(request: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for argument in request {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[test]
fn pipelined_and_inline_requests_are_decoded_in_order() {
    let (requests, error) = decode(
        b"*1\r\n$4\r\nPING\r\nset \"a b\" 1\r\n\r\n*0\r\n*-1\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
    );
    assert_eq!(error, None);
    assert_eq!(
        requests,
        [
            vec![b"PING".to_vec()],
            vec![b"set".to_vec(), b"a b".to_vec(), b"1".to_vec()],
            vec![b"GET".to_vec(), b"".to_vec()],
        ]
    );
}

#[test]
fn errors_bear_redis_s_words() {
    let long = [b'a'; LINE_BYTES_MAX + 1];
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n".to_vec(),
            "Protocol error: expected '$', got 'f'",
        ),
        (b"*-10000000000000000000\r\n".to_vec(), "Protocol error: invalid multibulk length"),
        (b"*20000000000\r\n".to_vec(), "Protocol error: invalid multibulk length"),
        (b"*a\r\n".to_vec(), "Protocol error: invalid multibulk length"),
        (b"*1\r\n$-1\r\n".to_vec(), "Protocol error: invalid bulk length"),
        (b"*1\r\n$2000000000\r\n".to_vec(), "Protocol error: invalid bulk length"),
        (b"*1\rX".to_vec(), "Protocol error: invalid CRLF in request"),
        (b"*1\r\n$4\rX".to_vec(), "Protocol error: invalid CRLF in request"),
        (b"*1\r\n$4\r\nPINGPING".to_vec(), "Protocol error: invalid CRLF in request"),
        (b"*1\r\nX\rX".to_vec(), "Protocol error: expected '$', got 'X'"),
        (b"set \"a\r\n".to_vec(), "Protocol error: unbalanced quotes in request"),
        (long.to_vec(), "Protocol error: too big inline request"),
        ([b"*", &long[..]].concat(), "Protocol error: too big mbulk count string"),
        ([b"*1\r\n$", &long[..]].concat(), "Protocol error: too big bulk count string"),
    ];
    for (input, text) in cases {
        let (requests, error) = decode(&input);
        assert!(requests.is_empty());
        assert_eq!(error.expect("an error").to_string(), text);
    }
}

#[test]
fn lines_of_the_longest_length_are_decoded_however_they_are_cut() {
    let run = |count: usize, byte: u8| vec![byte; count];
    for (input, is_read) in [
        ([run(LINE_BYTES_MAX, b'a'), b"\n".to_vec()].concat(), true),
        ([run(LINE_BYTES_MAX + 1, b'a'), b"\n".to_vec()].concat(), false),
        ([b"*".to_vec(), run(LINE_BYTES_MAX - 2, b'0'), b"1\r\n".to_vec()].concat(), false),
        ([b"*".to_vec(), run(LINE_BYTES_MAX, b'0'), b"1\r\n".to_vec()].concat(), false),
    ] {
        let whole = decode(&input);
        assert_eq!(whole.1.is_none(), is_read);
        for cut in input.len() - 4..input.len() {
            assert_eq!(decode_in_pieces(&input, &[cut], &Limits::DEFAULT), whole, "{cut}");
        }
    }
}

#[test]
fn unauthenticated_clients_may_send_little() {
    let limits = Limits { unauthenticated: true, ..Limits::DEFAULT };
    let (_, error) = decode_in_pieces(b"*11\r\n", &[], &limits);
    assert_eq!(error, Some(ProtocolError::UnauthenticatedMultibulkLength));
    let (_, error) = decode_in_pieces(b"*1\r\n$16385\r\n", &[], &limits);
    assert_eq!(error, Some(ProtocolError::UnauthenticatedBulkLength));
}

#[test]
fn an_error_names_the_byte_that_came() {
    for (byte, text) in [(b'a', &b"got 'a'"[..]), (0xff, b"got '\xff'"), (0x80, b"got '\x80'")] {
        let mut out = b"-".to_vec();
        ProtocolError::ExpectedBulk(byte).write_to(&mut out);
        assert_eq!(out, [b"-Protocol error: expected '$', ", text].concat());
    }
}

#[test]
fn lines_are_as_long_as_the_limit_and_no_longer_however_they_come() {
    let most = [&b"ECHO "[..], &[b'a'; LINE_BYTES_MAX - 5], b"\n"].concat();
    let over = [&b"ECHO "[..], &[b'a'; LINE_BYTES_MAX - 4], b"\n"].concat();
    for cut in [0, 10, LINE_BYTES_MAX, LINE_BYTES_MAX + 1] {
        let (requests, error) = decode_in_pieces(&most, &[cut], &Limits::DEFAULT);
        assert_eq!((requests.len(), error), (1, None), "cut at {cut}");
        let (requests, error) = decode_in_pieces(&over, &[cut], &Limits::DEFAULT);
        let too_big = Some(ProtocolError::TooBigInline);
        assert_eq!((requests.len(), error), (0, too_big), "cut at {cut}");
    }
}

#[test]
fn an_inline_request_with_a_zero_byte_never_ends() {
    assert_eq!(decode(b"PING\0\nPING\n"), (vec![], None));
    assert_eq!(decode(b"PING\n\0\nPING\n"), (vec![vec![b"PING".to_vec()]], None));
    let long = [&b"\0\n"[..], &[b'a'; LINE_BYTES_MAX]].concat();
    assert_eq!(decode(&long), (vec![], Some(ProtocolError::TooBigInline)));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_requests(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..8),
        cuts in prop::collection::vec(0usize..2000, 0..30),
    ) {
        let input: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let (decoded, error) = decode_in_pieces(&input, &cuts, &Limits::DEFAULT);
        prop_assert_eq!(error, None);
        prop_assert_eq!(decoded, requests);
    }

    #[test]
    fn any_bytes_decode_alike_however_they_are_cut(
        input in prop::collection::vec(
            prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'"'), Just(0), any::<u8>()],
            0..200),
        cuts in prop::collection::vec(0usize..200, 0..20),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(
            decode_in_pieces(&input, &cuts, &Limits::DEFAULT),
            decode(&input)
        );
    }
}
