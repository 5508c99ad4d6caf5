//! What decoding costs: pipelined requests as they come from a socket, and a request cut in two.

#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use resp::{Decoder, Limits, Requests};
use std::hint::black_box;

/// Requests in one read, as in the throughput row of `cargo xtask bench`.
const DEPTHS: [usize; 3] = [1, 16, 100];

const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n";
const SET: &[u8] =
    b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$32\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
const INLINE: &[u8] = b"GET key:000000012345\r\n";

fn batches(criterion: &mut Criterion) {
    let limits = Limits::DEFAULT;
    let mut group = criterion.benchmark_group("decode");
    for (name, request) in [("GET", GET), ("SET", SET), ("inline", INLINE)] {
        for depth in DEPTHS {
            let input = request.repeat(depth);
            group.throughput(Throughput::Elements(depth as u64));
            group.bench_with_input(BenchmarkId::new(name, depth), &input, |bencher, input| {
                let mut requests = Requests::new();
                bencher.iter(|| {
                    requests.clear();
                    let mut decoder = Decoder::new();
                    decoder
                        .decode(black_box(input), &limits, &mut requests, usize::MAX)
                        .expect("these are requests");
                    assert_eq!(requests.len(), depth);
                    black_box(requests.args(depth - 1, input).name().len())
                });
            });
        }
    }
    group.finish();
}

fn cut_in_two(criterion: &mut Criterion) {
    let limits = Limits::DEFAULT;
    let mut group = criterion.benchmark_group("decode a SET cut in two");
    for (name, cut) in [("in a length", 30), ("in the value", 50)] {
        group.bench_function(name, |bencher| {
            let mut requests = Requests::new();
            bencher.iter(|| {
                requests.clear();
                let mut decoder = Decoder::new();
                for input in [&SET[..cut], SET] {
                    decoder
                        .decode(black_box(input), &limits, &mut requests, usize::MAX)
                        .expect("this is a request");
                }
                assert_eq!(requests.len(), 1);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, batches, cut_in_two);
criterion_main!(benches);
