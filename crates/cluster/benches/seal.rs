//! What a seal costs: a heartbeat, a short message and a long one, sealed and opened.

#![allow(missing_docs, reason = "criterion's macros make functions without")]

use base::NodeId;
use cluster::Direction;
use cluster::seal::{Secret, Session};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// A message of 64 bytes behind a light header, a heartbeat of six nodes, and one of a thousand.
const PACKETS: [(&str, usize); 3] =
    [("message", 96), ("heartbeat", 2256 + 3 * 104 + 48), ("large heartbeat", 2256 + 100 * 104)];

fn session(direction: Direction) -> Session {
    let (secret, peer) = (Secret::new(b"the secret of a bench"), NodeId::parse(&[b'a'; 40]));
    Session::new(&secret, direction, peer.expect("an id"), &[1; 32], &[2; 32])
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    for (name, bytes) in PACKETS {
        let packet = vec![0x5a; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        let mut sender = session(Direction::Outbound);
        group.bench_function(format!("{name} sealed"), |bencher| {
            bencher.iter(|| sender.seal(black_box(&packet)));
        });
        let frame = session(Direction::Outbound).seal(&packet);
        let receiver = session(Direction::Inbound);
        group.bench_function(format!("{name} opened"), |bencher| {
            bencher.iter_batched_ref(
                || receiver.clone(),
                |receiver| receiver.open(black_box(&frame)).expect("its own").len(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, seal);
criterion_main!(benches);
