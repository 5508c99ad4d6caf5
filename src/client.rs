//! A minimal blocking client: commands out, RESP2 replies in, many at once when asked.
//!
//! It believes a node no more than any peer: lengths and depths are bounded, and whoever sets a patience waits
//! no longer. It is no client library: no RESP3, no reconnecting, no redirections.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a node may take to accept, and to answer one command, unless somebody says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// The longest line, and the longest bulk string, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
const BULK_BYTES_MAX: usize = 512 << 20;
const ELEMENTS_MAX: usize = 1 << 24;
const DEPTH_MAX: usize = 8;
/// How many commands are sent before their replies are read. Neither side's socket buffer fills up then,
/// so that the two never wait for each other.
const BATCH: usize = 1000;

/// Where a node serves clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// A port of this machine.
    pub(crate) fn local(port: u16) -> Address {
        Address { host: "127.0.0.1".to_owned(), port }
    }

    /// `host:port`, an address of IPv6 with or without brackets.
    pub(crate) fn parse(text: &str) -> Option<Address> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|&port| port > 0)?;
        (!host.is_empty()).then(|| Address { host: host.to_owned(), port })
    }

    /// What the host's name stands for, the first of it.
    pub(crate) fn resolve(&self) -> io::Result<SocketAddr> {
        let mut found = (self.host.as_str(), self.port).to_socket_addrs()?;
        found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Who to say one is. Nobody where there is no password.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl Credentials {
    /// What is said first on a connection.
    pub(crate) fn auth(&self) -> Option<Vec<&str>> {
        let password = self.password.as_deref()?;
        Some(match self.user.as_deref() {
            Some(user) => vec!["AUTH", user, password],
            None => vec!["AUTH", password],
        })
    }
}

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Reply>),
}

impl Reply {
    /// The bytes of a bulk string as text.
    pub(crate) fn text(&self) -> Option<String> {
        let Reply::Bulk(bytes) = self else { return None };
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        let Reply::Integer(value) = self else { return None };
        Some(*value)
    }

    pub(crate) fn elements(&self) -> Option<&[Reply]> {
        let Reply::Array(elements) = self else { return None };
        Some(elements)
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, Reply::Status(text) if text == "OK")
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
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Client {
    /// Connects, to what the name stands for: one address after the other.
    pub(crate) fn connect(address: &Address) -> io::Result<Client> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "no such host");
        for place in (address.host.as_str(), address.port).to_socket_addrs()? {
            match Client::connect_to(place) {
                Ok(client) => return Ok(client),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn connect_to(place: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&place, PATIENCE)?;
        stream.set_nodelay(true)?;
        let client =
            Client { stream: BufReader::with_capacity(64 * 1024, stream), out: Vec::new() };
        client.wait_at_most(Some(PATIENCE))?;
        Ok(client)
    }

    /// How long to wait for a reply from now on.
    pub(crate) fn wait_at_most(&self, patience: Option<Duration>) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(patience)?;
        self.stream.get_ref().set_write_timeout(patience)
    }

    /// Sends one command and reads its reply.
    pub(crate) fn command<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Reply> {
        self.push(words);
        self.flush()?;
        self.receive()
    }

    /// Sends all commands, many at a time, and reads their replies in order.
    pub(crate) fn pipeline<W: AsRef<[u8]>>(
        &mut self,
        commands: &[Vec<W>],
    ) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(commands.len());
        for batch in commands.chunks(BATCH) {
            batch.iter().for_each(|words| self.push(words));
            self.flush()?;
            for _ in batch {
                replies.push(self.receive()?);
            }
        }
        Ok(replies)
    }

    /// The next reply, or message.
    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        read_reply(&mut self.stream, 0)
    }

    fn push<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        self.out.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            let word = word.as_ref();
            self.out.extend(format!("${}\r\n", word.len()).bytes());
            self.out.extend(word);
            self.out.extend(b"\r\n");
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
    // Grows with what comes, not with what is said.
    let mut bulk = Vec::new();
    input.take(bytes as u64 + 2).read_to_end(&mut bulk)?;
    if bulk.len() != bytes + 2 || !bulk.ends_with(b"\r\n") {
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
    fn addresses_are_read_with_their_last_colon() {
        let parse = |text| Address::parse(text).map(|address| (address.host, address.port));
        assert_eq!(parse("10.0.0.1:7000"), Some(("10.0.0.1".into(), 7000)));
        assert_eq!(parse("[::1]:7000"), Some(("::1".into(), 7000)));
        assert_eq!(parse("::1:7000"), Some(("::1".into(), 7000)));
        for wrong in ["7000", ":7000", "host:", "host:0", "host:70000", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
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
