//! What a large ranking costs: bytes and nanoseconds for a member.
#![allow(clippy::print_stdout, reason = "it is a program for people")]

use collections::Ranking;
use std::time::Instant;

const MEMBERS: u64 = 1_000_000;

fn main() {
    let mut ranking = Ranking::new((1, 2));
    let mut random = 1u64;
    let mut next = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    let member = |number: u64| format!("member:{number:08}").into_bytes();
    timed("insert", || {
        for number in 0..MEMBERS {
            ranking.insert(next() as f64, &member(number * 7_919 % MEMBERS));
        }
    });
    println!("{:.1} bytes a member", ranking.heap_bytes() as f64 / MEMBERS as f64);
    timed("member only", || {
        for _ in 0..MEMBERS {
            std::hint::black_box(member(next() % MEMBERS));
        }
    });
    timed("score", || {
        for _ in 0..MEMBERS {
            std::hint::black_box(ranking.score(&member(next() % MEMBERS)));
        }
    });
    timed("rank", || {
        for _ in 0..MEMBERS {
            std::hint::black_box(ranking.rank(&member(next() % MEMBERS)));
        }
    });
    timed("rank by score", || {
        for _ in 0..MEMBERS {
            let s = next() as f64;
            std::hint::black_box(ranking.rank_by_score(|own| own < s));
        }
    });
    timed("ten of a range", || {
        for _ in 0..MEMBERS {
            let from = (next() % (MEMBERS - 10)) as usize;
            std::hint::black_box(
                ranking.range(from..from + 10).map(|(member, _)| member.len()).sum::<usize>(),
            );
        }
    });
    timed("another score", || {
        for _ in 0..MEMBERS {
            let score = next() as f64;
            ranking.insert(score, &member(next() % MEMBERS));
        }
    });
    println!("{:.1} bytes a member", ranking.heap_bytes() as f64 / MEMBERS as f64);
    timed("remove", || {
        for number in 0..MEMBERS {
            ranking.remove(&member(number));
        }
    });
}

fn timed(what: &str, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    println!("{what}: {} ns", start.elapsed().as_nanos() / u128::from(MEMBERS));
}
