//! The echo floor: what the kernel and tokio cost before a server does anything.
//!
//! A `current_thread` runtime like that of a Redstart worker. It knows the benchmark's requests by their
//! length and returns as many bytes as a server's replies have: one write for all complete requests of
//! a read. It neither decodes, nor looks anything up, nor stores; no server on tokio can cost less.
//!
//! `echo-floor --port N` serves on 127.0.0.1 until it is killed.

#![allow(clippy::print_stderr, reason = "a failure is told to the terminal")]

#[path = "../bench/wire.rs"]
#[allow(dead_code, reason = "the client's half of the module")]
mod wire;

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};

/// Bytes of the read buffer, which all connections share.
const READ_BYTES: usize = 64 * 1024;

/// What the connections of the one worker share.
struct Worker {
    input: Vec<u8>,
    output: Vec<u8>,
}

/// What is left over from the last read: a request that has not come in whole.
#[derive(Default)]
struct Partial {
    /// The first two bytes of the request as far as they have come.
    head: Vec<u8>,
    /// Bytes of it that have come, `head` included.
    received: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = match arguments.as_slice() {
        [option, port] if option == "--port" => port.parse::<u16>().ok(),
        _ => None,
    };
    let Some(port) = port else {
        eprintln!("usage: echo-floor --port N");
        return ExitCode::FAILURE;
    };
    match serve(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-floor: port {port}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let worker = Rc::new(RefCell::new(Worker {
            input: vec![0; READ_BYTES],
            output: Vec::with_capacity(READ_BYTES),
        }));
        loop {
            let (stream, _) = listener.accept().await?;
            let worker = Rc::clone(&worker);
            // A connection that breaks ends; the others do not care.
            tokio::task::spawn_local(async move { connection(stream, &worker).await });
        }
    })
}

async fn connection(stream: TcpStream, worker: &RefCell<Worker>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut partial = Partial::default();
    loop {
        stream.readable().await?;
        let unsent = match read_and_answer(&stream, worker, &mut partial) {
            Ok(Some(unsent)) => unsent,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let mut rest = unsent.as_slice();
        while !rest.is_empty() {
            stream.writable().await?;
            match stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// One batch: read what has come, answer it with one write. Returns what the socket did not take, or
/// `None` when the client has closed.
fn read_and_answer(
    stream: &TcpStream,
    worker: &RefCell<Worker>,
    partial: &mut Partial,
) -> io::Result<Option<Vec<u8>>> {
    let Worker { input, output } = &mut *worker.borrow_mut();
    let count = stream.try_read(input)?;
    if count == 0 {
        return Ok(None);
    }
    output.clear();
    answer(&input[..count], output, partial)?;
    let written = match stream.try_write(output) {
        Ok(written) => written,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    Ok(Some(output[written..].to_vec()))
}

/// Appends a reply for each request that `input` completes.
fn answer(mut input: &[u8], output: &mut Vec<u8>, partial: &mut Partial) -> io::Result<()> {
    while !input.is_empty() {
        if partial.received == 0 && input.len() >= 2 {
            let kind = kind_of(input[1])?;
            if input.len() >= kind.request_bytes() {
                output.extend_from_slice(kind.reply());
                input = &input[kind.request_bytes()..];
                continue;
            }
        }
        if partial.head.len() < 2 {
            partial.head.push(input[0]);
            partial.received += 1;
            input = &input[1..];
            continue;
        }
        let kind = kind_of(partial.head[1])?;
        let missing = kind.request_bytes() - partial.received;
        let taken = missing.min(input.len());
        partial.received += taken;
        input = &input[taken..];
        if taken == missing {
            output.extend_from_slice(kind.reply());
            *partial = Partial::default();
        }
    }
    Ok(())
}

/// The benchmark's two requests differ in the number of their arguments.
fn kind_of(arguments: u8) -> io::Result<wire::Kind> {
    match arguments {
        b'2' => Ok(wire::Kind::Get),
        b'3' => Ok(wire::Kind::Set),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "not a request of the benchmark")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_the_same_however_requests_are_split() {
        let mut requests = Vec::new();
        let mut expected = Vec::new();
        for (index, kind) in [wire::Kind::Get, wire::Kind::Set, wire::Kind::Get].iter().enumerate()
        {
            wire::append_request(&mut requests, *kind, index as u64);
            expected.extend_from_slice(kind.reply());
        }
        for first in 0..=requests.len() {
            for second in first..=requests.len() {
                let mut output = Vec::new();
                let mut partial = Partial::default();
                for part in [&requests[..first], &requests[first..second], &requests[second..]] {
                    answer(part, &mut output, &mut partial).expect("these are known requests");
                }
                assert_eq!(output, expected, "split at {first} and {second}");
            }
        }
    }

    #[test]
    fn foreign_requests_are_refused() {
        let outcome = answer(b"*1\r\n$4\r\nPING\r\n", &mut Vec::new(), &mut Partial::default());
        assert!(outcome.is_err());
    }
}
