//! Replies to bytes: typed appends to an output buffer, in the protocol that the client speaks.

use base::double::push_double;
use base::number::push_i64;
use std::fmt::{self, Write as _};

/// The version of the protocol that a connection speaks; `HELLO` changes it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// RESP2: maps and sets become arrays, doubles become bulk strings.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// Appends one reply, or the parts of one, to an output buffer.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

/// An aggregate whose length is told when its elements are written; see [`Reply::array_later`].
#[derive(Debug)]
#[must_use = "an aggregate without its length is not a reply"]
pub struct Length {
    at: usize,
    kind: u8,
}

impl<'a> Reply<'a> {
    /// A writer at the end of `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Reply<'a> {
        Reply { out, protocol }
    }

    /// Writes the rest of the reply in another protocol (`HELLO`).
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// The protocol that is written.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string: text of ours, or of a client's that has no line ends in it.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.push_line(text);
    }

    /// An error, its code word included (`ERR ...`). Line ends become spaces, whatever the text was made of.
    pub fn error(&mut self, error: impl fmt::Display) {
        self.out.push(b'-');
        self.push_line(error);
    }

    /// An error whose text repeats bytes of a client's. Line ends become spaces, but for those at its end, which go.
    pub fn error_bytes(&mut self, error: &[u8]) {
        self.out.push(b'-');
        let start = self.out.len();
        let end = error.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        self.out.extend_from_slice(&error[..end.map_or(0, |last| last + 1)]);
        self.end_line(start);
    }

    /// A signed integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        match value {
            0 => self.out.extend_from_slice(b":0\r\n"),
            1 => self.out.extend_from_slice(b":1\r\n"),
            _ => self.header(b':', value),
        }
    }

    /// A length or count as an integer.
    pub fn count(&mut self, value: usize) {
        self.integer(value as i64);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + 16);
        self.header(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A bulk string whose bytes stand in two places.
    #[inline]
    pub fn bulk_of_parts(&mut self, parts: [&[u8]; 2]) {
        let [front, back] = parts;
        let length = front.len() + back.len();
        self.out.reserve(length + 16);
        self.header(b'$', length as i64);
        self.out.extend_from_slice(front);
        self.out.extend_from_slice(back);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A bulk string of an integer's decimal form.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        self.header(b'$', decimal_bytes(value));
        push_i64(self.out, value);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A bulk string, or null where there is none.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Null; in RESP2 the null bulk string.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// Null where an array was possible; in RESP2 the null array.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The head of an array; `length` replies follow.
    pub fn array(&mut self, length: usize) {
        self.header(b'*', length as i64);
    }

    /// The head of a map; `length` pairs of replies follow. In RESP2 a flat array.
    pub fn map(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length as i64 * 2),
            Protocol::Resp3 => self.header(b'%', length as i64),
        }
    }

    /// The head of a set; `length` replies follow. In RESP2 an array.
    pub fn set(&mut self, length: usize) {
        self.header(if self.protocol == Protocol::Resp2 { b'*' } else { b'~' }, length as i64);
    }

    /// The head of an out-of-band push; `length` replies follow. In RESP2 an array.
    pub fn push(&mut self, length: usize) {
        self.header(if self.protocol == Protocol::Resp2 { b'*' } else { b'>' }, length as i64);
    }

    /// The head of attributes of the reply that follows; RESP3 only.
    pub fn attributes(&mut self, length: usize) {
        debug_assert_eq!(self.protocol, Protocol::Resp3);
        self.header(b'|', length as i64);
    }

    /// A double, in the shortest form that reads back equal; in RESP2 a bulk string.
    pub fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => {
                let later = Length { at: self.out.len(), kind: b'$' };
                push_double(self.out, value);
                let length = self.out.len() - later.at;
                self.close(later, length);
            }
            Protocol::Resp3 => {
                self.out.push(b',');
                push_double(self.out, value);
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A double whose text is made by the caller; in RESP2 a bulk string.
    pub fn number(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b',');
                self.push_line(text);
            }
        }
    }

    /// A boolean; in RESP2 the integer 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        match self.protocol {
            Protocol::Resp2 => self.integer(i64::from(value)),
            Protocol::Resp3 => {
                self.out.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" })
            }
        }
    }

    /// A big number of decimal digits; in RESP2 a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b'(');
                self.push_line(digits);
            }
        }
    }

    /// Text for people, of format `txt`; in RESP2 a bulk string.
    pub fn verbatim(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.header(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(text.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Begins an array whose length is told afterwards, with [`Reply::close`].
    pub fn array_later(&mut self) -> Length {
        Length { at: self.out.len(), kind: b'*' }
    }

    /// Begins a set whose length is told afterwards, with [`Reply::close`]. In RESP2 an array.
    pub fn set_later(&mut self) -> Length {
        let kind = if self.protocol == Protocol::Resp2 { b'*' } else { b'~' };
        Length { at: self.out.len(), kind }
    }

    /// Ends an array or a set of `length` elements.
    pub fn close(&mut self, later: Length, length: usize) {
        let mut head = Vec::with_capacity(16);
        push_header(&mut head, later.kind, length as i64);
        self.out.splice(later.at..later.at, head);
    }

    /// The output, for whole replies that another writer appends.
    pub fn output(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Bytes that are already in wire form.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        push_header(self.out, kind, value);
    }

    fn push_line(&mut self, text: impl fmt::Display) {
        let start = self.out.len();
        write!(Text(self.out), "{text}").expect("writing to memory does not fail");
        self.end_line(start);
    }

    /// Ends the line whose text begins at `start`.
    fn end_line(&mut self, start: usize) {
        for byte in &mut self.out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

#[inline]
fn push_header(out: &mut Vec<u8>, kind: u8, value: i64) {
    match value {
        0..=9 => out.extend_from_slice(&[kind, b'0' + value as u8, b'\r', b'\n']),
        10..=99 => {
            let (tens, ones) = (b'0' + (value / 10) as u8, b'0' + (value % 10) as u8);
            out.extend_from_slice(&[kind, tens, ones, b'\r', b'\n']);
        }
        _ => push_long_header(out, kind, value),
    }
}

// Apart, so that the common case is small enough to be built into its callers.
#[inline(never)]
fn push_long_header(out: &mut Vec<u8>, kind: u8, value: i64) {
    out.push(kind);
    push_i64(out, value);
    out.extend_from_slice(b"\r\n");
}

/// How long the decimal form of `value` is.
fn decimal_bytes(value: i64) -> i64 {
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |power| power + 1);
    i64::from(digits) + i64::from(value < 0)
}

struct Text<'a>(&'a mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, protocol));
        String::from_utf8(out).expect("the tests write text")
    }

    #[test]
    fn replies_in_both_protocols() {
        let write = |reply: &mut Reply<'_>| {
            reply.map(1);
            reply.bulk(b"k");
            reply.null();
            reply.double(1.5);
            reply.boolean(true);
            reply.verbatim("hi");
            reply.set(100);
        };
        assert_eq!(
            written(Protocol::Resp2, write),
            "*2\r\n$1\r\nk\r\n$-1\r\n$3\r\n1.5\r\n:1\r\n$2\r\nhi\r\n*100\r\n"
        );
        assert_eq!(
            written(Protocol::Resp3, write),
            "%1\r\n$1\r\nk\r\n_\r\n,1.5\r\n#t\r\n=6\r\ntxt:hi\r\n~100\r\n"
        );
    }

    #[test]
    fn line_ends_cannot_be_smuggled_into_an_error() {
        let text = written(Protocol::Resp2, |reply| reply.error("ERR a\r\n+OK"));
        assert_eq!(text, "-ERR a  +OK\r\n");
        let text = written(Protocol::Resp2, |reply| reply.error_bytes(b"ERR a\r\n+OK\r\n"));
        assert_eq!(text, "-ERR a  +OK\r\n");
    }

    #[test]
    fn integers_of_every_size_are_written() {
        for value in [0, 1, -1, 9, 10, 99, 100, i64::MIN, i64::MAX] {
            assert_eq!(
                written(Protocol::Resp2, |reply| reply.integer(value)),
                format!(":{value}\r\n")
            );
            assert_eq!(
                written(Protocol::Resp2, |reply| reply.bulk_integer(value)),
                format!("${}\r\n{value}\r\n", value.to_string().len())
            );
        }
    }

    #[test]
    fn a_length_told_later_stands_before_the_elements() {
        let text = written(Protocol::Resp2, |reply| {
            let later = reply.array_later();
            reply.integer(7);
            reply.close(later, 1);
        });
        assert_eq!(text, "*1\r\n:7\r\n");
    }
}
