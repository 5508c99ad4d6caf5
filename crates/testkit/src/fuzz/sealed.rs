//! The sealed bus: whatever comes to a node that wants seals, nothing but what was sealed for its link moves it.

use std::sync::OnceLock;

use base::{Monotonic, Rng, UnixMillis};
use cluster::seal::{BusAuth, BusAuthMode, Secret};
use cluster::wire::packet_bytes;
use cluster::{Config, Input, LinkId, Machine, Now, Output};

use super::Source;

const FRAMES_MAX: usize = 6;
const TAIL_BYTES_MAX: usize = 400;

/// A node that was greeted on a link, and all that went over it so far, either way.
struct Scene {
    node: Machine,
    link: LinkId,
    seen: Vec<Vec<u8>>,
}

fn time(millis: u64) -> Now {
    let wall = UnixMillis(1_700_000_000_000 + millis as i64);
    Now { monotonic: Monotonic::from_millis(millis), wall }
}

fn machine(nth: u8) -> Machine {
    let mut config = Config::for_port(7000 + u16::from(nth));
    config.auth = BusAuth {
        mode: BusAuthMode::Required,
        secrets: vec![Secret::new(b"the secret of the fuzzer")],
        nonce_key: Secret::new(&[nth]),
    };
    Machine::new(config, Rng::from_seed(u64::from(nth)), time(1000))
}

/// The frames that a machine sends, and the link that it opens.
fn outputs(machine: &mut Machine) -> (Vec<Vec<u8>>, Option<LinkId>) {
    let (mut frames, mut opened) = (Vec::new(), None);
    while let Some(output) = machine.poll_output() {
        if let Output::Send { bytes, .. } = output {
            frames.push(bytes);
        } else if let Output::Connect { link, .. } = output {
            opened = Some(link);
        }
    }
    (frames, opened)
}

/// Another node meets ours, by the real handshake.
fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let (mut node, mut peer) = (machine(1), machine(2));
        let ip = "127.0.0.1".parse().expect("an address");
        peer.meet(time(1000), "127.0.0.1", 7001, None).expect("it may");
        peer.handle(time(1100), Input::Tick);
        let ours = outputs(&mut peer).1.expect("it connects");
        let link = node.accept(time(1100), ip, ip).expect("the first link is taken");
        outputs(&mut node);
        peer.handle(time(1100), Input::Connected { link: ours, local: Some(ip) });
        let mut seen = outputs(&mut peer).0;
        node.handle(time(1100), Input::Packet { link, bytes: &seen[0] });
        let welcome = outputs(&mut node).0;
        peer.handle(time(1100), Input::Packet { link: ours, bytes: &welcome[0] });
        let meet = outputs(&mut peer).0;
        assert!(meet[0].starts_with(b"RSsl"), "MEET is sealed");
        node.handle(time(1100), Input::Packet { link, bytes: &meet[0] });
        seen.extend(meet);
        seen.extend(welcome);
        assert_eq!(node.known_nodes(), 2, "it has been met");
        outputs(&mut node);
        Scene { node, link, seen }
    })
}

/// Any frames on a sealed link and on a new one: none panics, and none changes what the node knows.
pub fn sealed_packet(bytes: &[u8]) {
    let scene = scene();
    let mut source = Source(bytes);
    let mut node = scene.node.clone();
    let before = (node.digest(), node.counters().received_total());
    let ip = "127.0.0.1".parse().expect("an address");
    for _ in 0..FRAMES_MAX {
        let control = source.byte();
        let mut frame = match scene.seen.get(usize::from(control & 7)) {
            Some(frame) => frame.clone(),
            None => source.bytes(TAIL_BYTES_MAX).to_vec(),
        };
        for _ in 0..control >> 6 {
            let (at, value) = (source.number(), source.byte());
            let length = frame.len().max(1);
            if let Some(place) = frame.get_mut(at % length) {
                *place ^= value;
            }
        }
        if control & 8 != 0 {
            frame.extend_from_slice(source.bytes(usize::from(control)));
            let length = (frame.len() as u32).to_be_bytes();
            if let Some(place) = frame.get_mut(4..8) {
                place.copy_from_slice(&length);
            }
        }
        let link = match control & 16 {
            0 => Some(scene.link),
            _ => node.accept(time(1200), ip, ip),
        };
        let Some(link) = link else { continue };
        match packet_bytes(&frame) {
            Ok(Some(length)) if length == frame.len() => {
                node.handle(time(1200), Input::Packet { link, bytes: &frame });
            }
            Ok(_) => {}
            Err(_) => node.handle(time(1200), Input::Unframed { link }),
        }
        outputs(&mut node);
        assert_eq!((node.digest(), node.counters().received_total()), before);
    }
}
