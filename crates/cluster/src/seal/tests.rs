//! Frames against bytes that another implementation has made, and against everything that may be done to them on the way.

use super::*;
use crate::links::Direction;
use base::NodeId;
use proptest::prelude::*;

const TEXT: &[u8] = b"correct horse battery staple";

fn id(byte: u8) -> NodeId {
    NodeId::parse(&[byte; 40]).expect("an id")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Both ends of a link that has been sealed: the opener's and the acceptor's.
fn ends(secret: &Secret, hello: [u8; 32], welcome: [u8; 32]) -> (Session, Session) {
    let opener = Session::new(secret, Direction::Outbound, id(b'b'), &hello, &welcome);
    let acceptor = Session::new(secret, Direction::Inbound, id(b'a'), &hello, &welcome);
    (opener, acceptor)
}

/// The tags are those of Python's hmac and hashlib over the bytes that docs/decisions/0023 names.
#[test]
fn frames_are_what_the_decision_says_byte_for_byte() {
    let secret = Secret::new(TEXT);
    let opener = Greeting { sender: id(b'a'), nonce: [0x11; 32] };
    let acceptor = Greeting { sender: id(b'b'), nonce: [0x22; 32] };
    let hello = opener.frame(Kind::Hello, &secret, &[]);
    let mut prefix = b"RSgr\0\0\0\x78\0\x01\0\x01\0\0\0\0".to_vec();
    prefix.extend_from_slice(&[b'a'; 40]);
    prefix.extend_from_slice(&[0x11; 32]);
    assert_eq!(hello[..88], prefix);
    assert_eq!(
        hex(&hello[88..]),
        "b167a037ecf53737e6dae0601699e2547bebcadcc61e4e03a84bbb4d5452017b"
    );
    let welcome = acceptor.frame(Kind::Welcome, &secret, &hello);
    assert_eq!(
        hex(&welcome[88..]),
        "dde71b68c887a09a891b19dfdaf3a11eb0d7d3ce542b386d1e49014373f1d76c"
    );
    let packet = b"RCmb\0\0\0\x1a\0\x01\0\0\x80\x04\0\0\0\0\0\x01\0\0\0\x01cm";
    let (mut there, mut back) = ends(&secret, opener.nonce, acceptor.nonce);
    let frame = there.seal(packet);
    assert_eq!(frame[..16], *b"RSsl\0\0\0\x4a\0\0\0\0\0\0\0\x01");
    assert_eq!(packet_within(&frame), Some(&packet[..]));
    assert_eq!(
        hex(&frame[frame.len() - 32..]),
        "ebb980a3b7f8c996f12814847a1be6f423ebc1e379ac5dfe776f40e78b87ff99"
    );
    back.seal(packet);
    let frame = back.seal(packet);
    assert_eq!(
        hex(&frame[frame.len() - 32..]),
        "3b895ff85949c22a353e64180b5d571b31e64e9cea08556038422201b7e1e79f"
    );
}

#[test]
fn a_greeting_is_read_by_those_who_know_the_secret_alone() {
    let (secret, other) = (Secret::new(TEXT), Secret::new(b"another secret of some length"));
    let greeting = Greeting { sender: id(b'a'), nonce: [7; 32] };
    let hello = greeting.frame(Kind::Hello, &secret, &[]);
    assert_eq!(Greeting::read(&hello, Kind::Hello, &secret, &[]), Some(greeting));
    assert_eq!(Greeting::read(&hello, Kind::Hello, &other, &[]), None);
    let welcome = greeting.frame(Kind::Welcome, &secret, &hello);
    assert_eq!(Greeting::read(&welcome, Kind::Welcome, &secret, &hello), Some(greeting));
    // The answer to another HELLO; and each for the other.
    let late = Greeting { nonce: [8; 32], ..greeting }.frame(Kind::Hello, &secret, &[]);
    assert_eq!(Greeting::read(&welcome, Kind::Welcome, &secret, &late), None);
    assert_eq!(Greeting::read(&hello, Kind::Welcome, &secret, &[]), None);
    assert_eq!(Greeting::read(&welcome, Kind::Hello, &secret, &hello), None);
    for at in 0..hello.len() {
        for bit in 0..8 {
            let mut flipped = hello;
            flipped[at] ^= 1 << bit;
            assert_eq!(Greeting::read(&flipped, Kind::Hello, &secret, &[]), None, "{at}.{bit}");
        }
        assert_eq!(Greeting::read(&hello[..at], Kind::Hello, &secret, &[]), None);
    }
}

#[test]
fn secrets_are_lines_and_never_shown() {
    let of = |text: &[u8]| Secret::of_lines(text);
    assert_eq!(of(b"\n  \n"), Err(SecretError::None));
    assert_eq!(of(b"short\n"), Err(SecretError::TooShort));
    let (one, two) = (b"0123456789abcdef".as_slice(), b"fedcba9876543210".as_slice());
    assert_eq!(of(b"0123456789abcdef"), Ok(vec![Secret::new(one)]));
    let both = of(b"0123456789abcdef\r\n\nfedcba9876543210\n");
    assert_eq!(both, Ok(vec![Secret::new(one), Secret::new(two)]));
    assert_eq!(
        of(b"0123456789abcdef\nfedcba9876543210\nfedcba9876543211"),
        Err(SecretError::TooMany)
    );
    assert_eq!(format!("{both:?}"), "Ok([Secret, Secret])");
}

#[test]
fn a_packet_is_opened_once_in_its_order_on_its_link_and_in_its_direction() {
    let secret = Secret::new(TEXT);
    let (mut opener, mut acceptor) = ends(&secret, [1; 32], [2; 32]);
    let (first, second, third) = (opener.seal(b"one"), opener.seal(b"two"), opener.seal(b"three"));
    assert!(!acceptor.is_proven && opener.is_proven);
    // Its own packet, back to its sender.
    assert_eq!(opener.open(&first), Err(Refused::Forged));
    assert_eq!(acceptor.open(&first), Ok(&b"one"[..]));
    assert!(acceptor.is_proven);
    assert_eq!(acceptor.open(&first), Err(Refused::Replayed));
    // One may be missing; it is too late for it then.
    assert_eq!(acceptor.open(&third), Ok(&b"three"[..]));
    assert_eq!(acceptor.open(&second), Err(Refused::Replayed));
    // Another link of the same nodes with the same secret.
    let (_, mut elsewhere) = ends(&secret, [1; 32], [3; 32]);
    assert_eq!(elsewhere.open(&first), Err(Refused::Forged));
    let (_, mut stranger) = ends(&Secret::new(b"another secret"), [1; 32], [2; 32]);
    assert_eq!(stranger.open(&first), Err(Refused::Forged));
}

proptest! {
    #[test]
    fn a_changed_frame_opens_nothing_and_moves_nothing(
        packet in proptest::collection::vec(any::<u8>(), 16..300),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        end in any::<prop::sample::Index>(),
        tail in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let (mut opener, mut acceptor) = ends(&Secret::new(TEXT), [1; 32], [2; 32]);
        let frame = opener.seal(&packet);
        let mut flipped = frame.clone();
        *at.get_mut(&mut flipped) ^= 1 << bit;
        prop_assert_eq!(acceptor.open(&flipped), Err(Refused::Forged));
        prop_assert_eq!(acceptor.open(&frame[..end.index(frame.len())]), Err(Refused::Forged));
        let longer = [frame.as_slice(), &tail].concat();
        prop_assert_eq!(acceptor.open(&longer), Err(Refused::Forged));
        prop_assert!(!acceptor.is_proven);
        prop_assert_eq!(acceptor.open(&frame), Ok(&packet[..]));
    }

    #[test]
    fn whatever_the_order_each_packet_is_opened_once_and_none_behind_a_later_one(
        order in proptest::collection::vec(0usize..12, 1..60),
    ) {
        let (mut opener, mut acceptor) = ends(&Secret::new(TEXT), [1; 32], [2; 32]);
        let frames: Vec<Vec<u8>> = (0..12u8).map(|nth| opener.seal(&[nth])).collect();
        let mut last = None;
        for nth in order {
            let opened = acceptor.open(&frames[nth]);
            if last.is_none_or(|last| nth > last) {
                prop_assert_eq!(opened, Ok(&[nth as u8][..]));
                last = Some(nth);
            } else {
                prop_assert_eq!(opened, Err(Refused::Replayed));
            }
        }
    }
}
