//! A server for the tests of the load generators: it answers the benchmark's requests, and misbehaves once
//! where its script says so.

use super::wire::Kind;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long [`Script::StallAt`] stands still.
pub(super) const STALL: Duration = Duration::from_millis(200);

/// What the server does; numbers count commands over all connections, from 1.
#[derive(Clone, Copy)]
pub(super) enum Script {
    /// Answers everything as a server would.
    Honest,
    /// Answers this command with other bytes of the same length.
    WrongReplyAt(u64),
    /// Closes the connection instead of answering this command.
    CloseAt(u64),
    /// Stands still for [`STALL`] before it answers this command.
    StallAt(u64),
}

/// Starts the server and returns its port; its threads end with the test process.
pub(super) fn scripted_server(script: Script) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound address").port();
    let commands = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("an incoming connection");
            let commands = Arc::clone(&commands);
            std::thread::spawn(move || connection(stream, script, &commands));
        }
    });
    port
}

fn connection(mut stream: TcpStream, script: Script, commands: &AtomicU64) {
    let mut request = vec![0; Kind::Set.request_bytes()];
    loop {
        let kind = match stream.read_exact(&mut request[..2]) {
            Ok(()) if request[1] == b'2' => Kind::Get,
            Ok(()) => Kind::Set,
            Err(_) => return,
        };
        if stream.read_exact(&mut request[2..kind.request_bytes()]).is_err() {
            return;
        }
        let number = commands.fetch_add(1, Ordering::Relaxed) + 1;
        let mut reply = kind.reply().to_vec();
        match script {
            Script::WrongReplyAt(at) if at == number => reply[0] = b'-',
            Script::CloseAt(at) if at == number => return,
            Script::StallAt(at) if at == number => std::thread::sleep(STALL),
            Script::Honest | Script::WrongReplyAt(_) | Script::CloseAt(_) | Script::StallAt(_) => {}
        }
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}
