//! The load generator for commands of any kind: so many requests, each asked as soon as the one before it is answered.
//!
//! As [`super::closed_loop`], but it runs by the number of requests, so that what they leave behind is the same in all servers,
//! and replies are counted rather than compared.

use super::closed_loop::Sockets;
use super::peer::Server;
use super::replies::Replies;
use super::template::Template;
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;
/// Requests in flight while data is loaded.
const LOAD_DEPTH: usize = 100;
/// How long a server may stay silent with requests in flight.
const SILENCE_DEADLINE: Duration = Duration::from_secs(60);

/// One connection.
struct Lane {
    template: Template,
    replies: Replies,
    /// Replies that have not come yet.
    waiting: usize,
}

/// Sends about `requests` requests over `connections`, `depth` of them at once on each, and receives all replies; how many requests there were.
pub(crate) fn run(
    port: u16,
    (connections, depth): (usize, usize),
    requests: usize,
    template: impl Fn(usize) -> Template,
    mut next_number: impl FnMut() -> u64,
) -> Result<usize> {
    let mut sockets = Sockets::connect(port, connections)?;
    let mut lanes: Vec<Lane> = (0..connections)
        .map(|_| Lane { template: template(depth), replies: Replies::default(), waiting: depth })
        .collect();
    let mut batches = requests.div_ceil(depth).max(connections) - connections;
    let sent = (batches + connections) * depth;
    for (index, lane) in lanes.iter_mut().enumerate() {
        sockets.stream(index).write_all(lane.template.with_numbers(&mut next_number))?;
    }
    let mut buffer = vec![0; READ_BYTES];
    let (mut ready, mut received) = (Vec::with_capacity(connections), 0);
    let mut heard = Instant::now();
    while received < sent {
        sockets.poll(&mut ready)?;
        for &index in &ready {
            let (lane, stream) = (&mut lanes[index], sockets.stream(index));
            let count = stream.read(&mut buffer).context("the server does not answer")?;
            ensure!(count > 0, "the server closed a connection");
            let complete = lane.replies.take(&buffer[..count])?;
            received += complete;
            lane.waiting =
                lane.waiting.checked_sub(complete).context("more replies than requests")?;
            if lane.waiting == 0 && batches > 0 {
                batches -= 1;
                lane.waiting = depth;
                stream.write_all(lane.template.with_numbers(&mut next_number))?;
            }
        }
        if ready.is_empty() {
            ensure!(heard.elapsed() < SILENCE_DEADLINE, "no reply for {SILENCE_DEADLINE:?}");
        } else {
            heard = Instant::now();
        }
    }
    Ok(sent)
}

/// Sends a request so often over one connection, with numbers from 0 on.
pub(crate) fn load(server: &Server, line: &str, requests: usize) -> Result<()> {
    let mut number = 0;
    load_with(server, line, requests, || {
        number += 1;
        number - 1
    })
}

/// The same with these numbers.
pub(crate) fn load_with(
    server: &Server,
    line: &str,
    requests: usize,
    next_number: impl FnMut() -> u64,
) -> Result<()> {
    let template = |depth| Template::new(line, depth);
    run(server.port, (1, LOAD_DEPTH.min(requests)), requests, template, next_number)
        .with_context(|| format!("{}: {line}", server.peer.title()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Script, scripted_server};
    use super::*;

    #[test]
    fn all_requests_are_answered() {
        let port = scripted_server(Script::Honest);
        let template = |depth| Template::new("GET key:#", depth);
        assert_eq!(run(port, (3, 7), 70, template, || 5).expect("honest replies"), 70);
    }
}
