//! The runner against a server of a few lines, so that a failing step is seen to fail.

use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Answers commands by name: PING, SET, GET of one value, COUNT (1, 2, 3 ...), and what the runner asks.
struct Toy(u16);

impl Toy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for socket in listener.incoming() {
                thread::spawn(move || serve(socket.unwrap()));
            }
        });
        Self(port)
    }
}

impl Target for Toy {
    fn connect(&self) -> io::Result<Box<dyn Connection>> {
        Ok(Box::new(TcpStream::connect(("127.0.0.1", self.0))?))
    }
}

fn serve(socket: TcpStream) {
    let mut out = socket.try_clone().unwrap();
    let mut reader = BufReader::new(socket);
    let mut value = None;
    let mut count = 0;
    while let Some(words) = request(&mut reader) {
        let answer = match words[0].as_str() {
            "PING" => "+PONG\r\n".to_owned(),
            "SET" => {
                value = Some(words[2].clone());
                "+OK\r\n".to_owned()
            }
            "GET" => value
                .as_ref()
                .map_or("$-1\r\n".to_owned(), |value| format!("${}\r\n{value}\r\n", value.len())),
            "COUNT" => {
                count += 1;
                format!(":{count}\r\n")
            }
            "CONFIG" => "*0\r\n".to_owned(),
            "INFO" => {
                let text = "connected_clients:1\r\n";
                format!("${}\r\n{text}\r\n", text.len())
            }
            "QUIT" => break,
            _ => "+OK\r\n".to_owned(),
        };
        out.write_all(answer.as_bytes()).unwrap();
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut line = String::new();
    let mut number = |reader: &mut BufReader<TcpStream>| {
        line.clear();
        reader.read_line(&mut line).ok()?;
        line.get(1..)?.trim().parse::<usize>().ok()
    };
    let count = number(reader)?;
    (0..count)
        .map(|_| {
            let mut word = vec![0; number(reader)? + 2];
            reader.read_exact(&mut word).ok()?;
            String::from_utf8(word[..word.len() - 2].to_vec()).ok()
        })
        .collect()
}

fn outcome(text: &str) -> Summary {
    let options = Options {
        protocol: Protocol::Resp2,
        oracle: false,
        features: &[],
        filter: None,
        record: false,
        compatibility: None,
    };
    let mut scripts = [Script::parse("toy/file", text).unwrap()];
    run(&mut scripts, &options, |_| Box::new(Toy::start()))
}

#[test]
fn a_file_that_holds_passes() {
    let summary = outcome(
        "> PING\nPONG\n> SET k $(ab*2)\nOK\n> GET k\n\"abab\"\nc2> GET k\n(nil)\n\
         ? COUNT\n(integer) 5\n> COUNT\n(integer) ~ 6..6 -> $n\n> SET k ${n}\nOK\n> GET k\n\"6\"\n\
         c2>> PING\nc2<\nPONG\n= \"*1\\r\\n$4\\r\\n\" \"PING\\r\\n\"\n<\nPONG\nc2>> QUIT\nc2! closed\nc2> GET k\n(nil)\n",
    );
    assert_eq!(summary.failures, [""; 0]);
    assert_eq!((summary.files, summary.steps), (1, 15));
}

#[test]
fn a_step_that_differs_names_its_place_and_both_replies() {
    let summary = outcome("> PING\nPONG\n> GET k\n\"x\"\n> PING\nPONG\n");
    assert_eq!(
        summary.failures,
        ["toy/file:3 (Resp2) > GET k\n  expected: \"x\"\n  answered: (nil)"]
    );
}

#[test]
fn an_expectation_that_is_missing_fails() {
    let summary = outcome("> PING\n");
    assert_eq!(summary.failures.len(), 1);
    assert!(summary.failures[0].contains("no reply is written"), "{:?}", summary.failures);
}

#[test]
fn a_file_that_needs_what_is_not_there_is_left_out_with_its_reason() {
    let summary = outcome("needs: list\n> PING\nPONG\n");
    assert_eq!(summary.left_out, ["toy/file: needs list"]);
    assert_eq!(summary.files, 0);
}
