//! A minimal blocking client: commands out, RESP2 replies in, many at once when asked.
//!
//! It talks to nodes that the demo itself started, but believes them no more than any peer: lengths and
//! depths are bounded, and every wait ends. It is no client library: no RESP3, no reconnecting.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a node may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest line, and the longest bulk string, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
const BULK_BYTES_MAX: usize = 16 << 20;
const ELEMENTS_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 8;
/// How many commands are sent before their replies are read. Neither side's socket buffer fills up then,
/// so that the two never wait for each other.
const BATCH: usize = 1000;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Reply>),
}

impl Reply {
    /// The bytes of a bulk string as text.
    pub(super) fn text(&self) -> Option<String> {
        let Reply::Bulk(bytes) = self else { return None };
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    pub(super) fn integer(&self) -> Option<i64> {
        let Reply::Integer(value) = self else { return None };
        Some(*value)
    }

    pub(super) fn elements(&self) -> Option<&[Reply]> {
        let Reply::Array(elements) = self else { return None };
        Some(elements)
    }
}

/// As `redis-cli` shows it, on one line.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Status(text) => f.write_str(text),
            Reply::Error(text) => write!(f, "(error) {text}"),
            Reply::Integer(value) => write!(f, "(integer) {value}"),
            Reply::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Reply::Null => f.write_str("(nil)"),
            Reply::Array(elements) => write!(f, "(array of {})", elements.len()),
        }
    }
}

/// One connection.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Client {
    /// Connects to a port of this machine.
    pub(super) fn connect(port: u16) -> io::Result<Client> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream: BufReader::with_capacity(64 * 1024, stream), out: Vec::new() })
    }

    /// Sends one command and reads its reply.
    pub(super) fn command(&mut self, words: &[&str]) -> io::Result<Reply> {
        self.push(words);
        self.flush()?;
        read_reply(&mut self.stream, 0)
    }

    /// Sends all commands, many at a time, and reads their replies in order.
    pub(super) fn pipeline(&mut self, commands: &[Vec<&str>]) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(commands.len());
        for batch in commands.chunks(BATCH) {
            batch.iter().for_each(|words| self.push(words));
            self.flush()?;
            for _ in batch {
                replies.push(read_reply(&mut self.stream, 0)?);
            }
        }
        Ok(replies)
    }

    fn push(&mut self, words: &[&str]) {
        self.out.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            self.out.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let sent = self.stream.get_mut().write_all(&self.out);
        self.out.clear();
        sent
    }
}

fn read_reply(input: &mut impl BufRead, depth: usize) -> io::Result<Reply> {
    let line = read_line(input)?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| wrong("an empty line"))?;
    Ok(match kind {
        "+" => Reply::Status(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Integer(number(rest)?),
        "$" | "*" if rest == "-1" => Reply::Null,
        "$" => Reply::Bulk(read_bulk(input, length(rest, BULK_BYTES_MAX)?)?),
        "*" if depth < DEPTH_MAX => {
            let count = length(rest, ELEMENTS_MAX)?;
            Reply::Array(
                (0..count).map(|_| read_reply(input, depth + 1)).collect::<io::Result<_>>()?,
            )
        }
        _ => return Err(wrong(&line)),
    })
}

fn read_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the node closed the connection"));
    }
    let text = line.strip_suffix(b"\r\n").ok_or_else(|| wrong("a line without its end"))?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn read_bulk(input: &mut impl BufRead, bytes: usize) -> io::Result<Vec<u8>> {
    let mut bulk = vec![0; bytes + 2];
    input.read_exact(&mut bulk)?;
    if !bulk.ends_with(b"\r\n") {
        return Err(wrong("a bulk string without its end"));
    }
    bulk.truncate(bytes);
    Ok(bulk)
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| wrong(text))
}

fn length(text: &str, most: usize) -> io::Result<usize> {
    text.parse().ok().filter(|&length| length <= most).ok_or_else(|| wrong(text))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a reply: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> io::Result<Reply> {
        let reply = read_reply(&mut bytes, 0)?;
        assert!(bytes.is_empty(), "all is read");
        Ok(reply)
    }

    #[test]
    fn every_type_of_reply_is_read() {
        for (bytes, expected) in [
            (&b"+OK\r\n"[..], Reply::Status("OK".into())),
            (b"-MOVED 1 :2\r\n", Reply::Error("MOVED 1 :2".into())),
            (b":-7\r\n", Reply::Integer(-7)),
            (b"$4\r\na\r\nb\r\n", Reply::Bulk(b"a\r\nb".into())),
            (b"$-1\r\n", Reply::Null),
            (b"*-1\r\n", Reply::Null),
            (b"*2\r\n:1\r\n*0\r\n", Reply::Array(vec![Reply::Integer(1), Reply::Array(vec![])])),
        ] {
            assert_eq!(read(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        let deep = b"*1\r\n".repeat(100_000);
        for bytes in [
            &b""[..],
            b"\r\n",
            b"?\r\n",
            b"+OK\n",
            b":x\r\n",
            b"$5\r\nab\r\n",
            b"$1\r\nabc",
            b"$99999999999\r\n",
            b"*-2\r\n",
            &deep,
        ] {
            assert!(read(bytes).is_err(), "{}", bytes[..bytes.len().min(20)].escape_ascii());
        }
    }
}
