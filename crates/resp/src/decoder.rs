//! Bytes to requests: incremental, bounded, and without going over a byte twice.
//!
//! # Invariants
//!
//! 1. A request is complete or not there: nothing of it is reported before its last byte has come.
//! 2. How the input is cut into reads does not change what is decoded.
//! 3. Memory grows only with bytes that have come, never with lengths that were announced.

use crate::args::{INLINE_BASE, Requests, Span};
use base::number::parse_i64;
use base::words;
use memchr::{memchr, memchr2};

/// The longest inline request, and the longest length line, in bytes without their end (Redis: PROTO_INLINE_MAX_SIZE).
/// Redis asks only when a line is not complete, and so takes a longer one that comes in one read.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What a client may announce.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most arguments of a request.
    pub arguments_max: i64,
    /// The longest argument, in bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: i64,
    /// Whether the client has yet to authenticate; it may then send 10 arguments of 16 KiB.
    pub unauthenticated: bool,
}

impl Limits {
    /// Redis's limits for an authenticated client: 2^31 - 1 arguments, 512 MiB each.
    pub const DEFAULT: Limits = Limits {
        arguments_max: i32::MAX as i64,
        bulk_bytes_max: 512 << 20,
        unauthenticated: false,
    };

    /// The longest input that may wait to be decoded, and the greatest `bulk_bytes_max` that makes sense: places in the
    /// input are kept in 31 bits. Whoever keeps the input may pass it by what one read brings.
    pub const INPUT_BYTES_MAX: u32 = 1 << 30;

    const UNAUTHENTICATED_ARGUMENTS_MAX: i64 = 10;
    const UNAUTHENTICATED_BULK_BYTES_MAX: i64 = 16 * 1024;
}

/// What is wrong with a client's bytes. The connection is of no use after it: reply and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The number of arguments is no number or above the limit.
    #[error("Protocol error: invalid multibulk length")]
    InvalidMultibulkLength,
    /// More arguments than a client may send before it authenticates.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// An argument does not begin with its length.
    #[error("Protocol error: expected '$', got '{}'", *.0 as char)]
    ExpectedBulk(u8),
    /// The length of an argument is no number, negative, or above the limit.
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// A longer argument than a client may send before it authenticates.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// The line with the number of arguments does not end.
    #[error("Protocol error: too big mbulk count string")]
    TooBigMultibulkCount,
    /// The line with the length of an argument does not end.
    #[error("Protocol error: too big bulk count string")]
    TooBigBulkCount,
    /// An inline request without an end.
    #[error("Protocol error: too big inline request")]
    TooBigInline,
    /// An inline request whose quotes do not match.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A length line whose CR no LF follows, or an argument that does not end in them.
    #[error("Protocol error: invalid CRLF in request")]
    InvalidLineEnd,
}

impl ProtocolError {
    /// Appends its text to `out`, with the client's own byte as it came.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(self.to_string().as_bytes());
        if let ProtocolError::ExpectedBulk(byte @ 0x80..) = self {
            out.truncate(start + out[start..].iter().position(|b| !b.is_ascii()).unwrap_or(0));
            out.extend_from_slice(&[byte, b'\'']);
        }
    }
}

/// Where in a request the decoder stands.
///
/// ```text
///        '*n'            '$len'           data CRLF
///  Start ─────► Length ─────────► Data ────────────┐
///    ▲            ▲                                │
///    │            └──────── more arguments ────────┤
///    └──────────────────── the last one ───────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Length { remaining: u32 },
    Data { remaining: u32, bytes: u32 },
}

/// Decodes the requests of one connection.
///
/// The caller keeps the bytes: it appends to a buffer, calls [`Decoder::decode`], executes what was decoded, then
/// drops the consumed bytes from the front of the buffer and calls [`Decoder::advance`].
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// How far into the buffer this decoder has read.
    position: usize,
    /// Where the request that is being decoded begins.
    request_start: usize,
    /// The arguments so far of the request that is being decoded.
    partial: Vec<Span>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub const fn new() -> Decoder {
        Decoder { state: State::Start, position: 0, request_start: 0, partial: Vec::new() }
    }

    /// How many bytes of the buffer belong to requests that were reported: they may be dropped once those are executed.
    #[must_use]
    pub const fn consumed(&self) -> usize {
        self.request_start
    }

    /// How many bytes are known to be missing to the argument that is being read: what to make room for.
    #[must_use]
    pub const fn missing(&self, buffered: usize) -> usize {
        match self.state {
            State::Data { bytes, .. } => {
                (self.position + bytes as usize + 2).saturating_sub(buffered)
            }
            State::Start | State::Length { .. } => 0,
        }
    }

    /// Tells that `count` bytes were dropped from the front of the buffer; at most [`Decoder::consumed`].
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.request_start);
        self.position -= count;
        self.request_start -= count;
        for span in &mut self.partial {
            span.start -= count as u32;
            span.end -= count as u32;
        }
    }

    /// Goes back to the end of a request: those behind it will be decoded again.
    pub fn rewind(&mut self, offset: usize) {
        debug_assert!(offset <= self.request_start);
        *self = Decoder { position: offset, request_start: offset, ..Decoder::new() };
    }

    /// Appends complete requests of `input` to `requests` until there are `requests_max` of them or the input ends.
    ///
    /// # Errors
    ///
    /// Where the bytes are not a request; the requests before it have been appended.
    pub fn decode(
        &mut self,
        input: &[u8],
        limits: &Limits,
        requests: &mut Requests,
        requests_max: usize,
    ) -> Result<(), ProtocolError> {
        while requests.len() < requests_max && self.position < input.len() {
            if self.state == State::Start && self.read_whole(input, limits, requests) {
                continue;
            }
            let progressed = match self.state {
                State::Start if input[self.position] == b'*' => self.read_count(input, limits)?,
                State::Start => self.read_inline(input, requests)?,
                State::Length { remaining } => {
                    self.read_arguments(input, limits, requests, remaining)?
                }
                State::Data { remaining, bytes } => {
                    if self.read_data(input, bytes)? {
                        self.finish_argument(remaining, requests);
                        true
                    } else {
                        false
                    }
                }
            };
            if !progressed {
                break;
            }
        }
        Ok(())
    }

    /// The common case in one go: a whole request of few and short arguments. False where it is none, or not all there: then
    /// nothing has changed, and what it is shows when its parts are read one by one.
    #[inline]
    fn read_whole(&mut self, input: &[u8], limits: &Limits, requests: &mut Requests) -> bool {
        let Some((count, line)) = short_line(&input[self.position..], b'*') else { return false };
        if count == 0 || limits.unauthenticated {
            return false;
        }
        let before = requests.spans.len();
        let mut position = self.position + line;
        for _ in 0..count {
            let Some((bytes, line)) = short_line(&input[position..], b'$') else { break };
            let start = position + line;
            let end = start + bytes;
            if input.get(end..end + 2) != Some(b"\r\n") {
                break;
            }
            requests.spans.push(Span { start: start as u32, end: end as u32 });
            position = end + 2;
        }
        if requests.spans.len() - before != count {
            requests.spans.truncate(before);
            return false;
        }
        requests.ends.push(requests.spans.len() as u32);
        requests.offsets.push(position as u32);
        self.position = position;
        self.request_start = position;
        true
    }

    /// `*<count>\r\n`; false where the line is not complete.
    fn read_count(&mut self, input: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let Some(line) = self.line(input, ProtocolError::TooBigMultibulkCount)? else {
            return Ok(false);
        };
        let count = parse_length(line).filter(|&count| count <= limits.arguments_max);
        let count = count.ok_or(ProtocolError::InvalidMultibulkLength)?;
        if limits.unauthenticated && count > Limits::UNAUTHENTICATED_ARGUMENTS_MAX {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.position += 1 + line.len() + 2;
        if count <= 0 {
            self.request_start = self.position;
        } else {
            self.state = State::Length { remaining: count as u32 };
        }
        Ok(true)
    }

    /// As many arguments as are there, in one loop without storing the state between them.
    fn read_arguments(
        &mut self,
        input: &[u8],
        limits: &Limits,
        requests: &mut Requests,
        mut remaining: u32,
    ) -> Result<bool, ProtocolError> {
        loop {
            if self.position >= input.len() {
                self.state = State::Length { remaining };
                return Ok(false);
            }
            let Some(bytes) = self.read_length(input, limits)? else {
                self.state = State::Length { remaining };
                return Ok(false);
            };
            if !self.read_data(input, bytes)? {
                self.state = State::Data { remaining, bytes };
                return Ok(false);
            }
            self.finish_argument(remaining, requests);
            if remaining == 1 {
                return Ok(true);
            }
            remaining -= 1;
        }
    }

    /// `$<bytes>\r\n`; `None` where the line is not complete.
    fn read_length(&mut self, input: &[u8], limits: &Limits) -> Result<Option<u32>, ProtocolError> {
        let (bytes, length) = match short_line(&input[self.position..], b'$') {
            Some((bytes, length)) => (bytes as i64, length),
            None => {
                let line = self.line(input, ProtocolError::TooBigBulkCount);
                let first = input[self.position];
                if first != b'$' && matches!(line, Ok(Some(_)) | Err(ProtocolError::InvalidLineEnd))
                {
                    return Err(ProtocolError::ExpectedBulk(first));
                }
                let Some(line) = line? else { return Ok(None) };
                let bytes = parse_length(line).filter(|&n| n >= 0 && n <= limits.bulk_bytes_max);
                (bytes.ok_or(ProtocolError::InvalidBulkLength)?, 1 + line.len() + 2)
            }
        };
        if limits.unauthenticated && bytes > Limits::UNAUTHENTICATED_BULK_BYTES_MAX {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        self.position += length;
        Ok(Some(bytes as u32))
    }

    /// The bytes of an argument and the CR LF that ends it; false where they have not all come.
    fn read_data(&mut self, input: &[u8], bytes: u32) -> Result<bool, ProtocolError> {
        let end = self.position + bytes as usize;
        let Some(line_end) = input.get(end..end + 2) else { return Ok(false) };
        if line_end != b"\r\n" {
            return Err(ProtocolError::InvalidLineEnd);
        }
        self.partial.push(Span { start: self.position as u32, end: end as u32 });
        self.position = end + 2;
        Ok(true)
    }

    fn finish_argument(&mut self, remaining: u32, requests: &mut Requests) {
        if remaining > 1 {
            self.state = State::Length { remaining: remaining - 1 };
            return;
        }
        requests.spans.append(&mut self.partial);
        requests.ends.push(requests.spans.len() as u32);
        requests.offsets.push(self.position as u32);
        self.state = State::Start;
        self.request_start = self.position;
    }

    /// One line of words, unquoted into the requests' own buffer.
    fn read_inline(
        &mut self,
        input: &[u8],
        requests: &mut Requests,
    ) -> Result<bool, ProtocolError> {
        let rest = &input[self.position..];
        let searched = &rest[..rest.len().min(LINE_BYTES_MAX + 1)];
        // A line with a zero byte in it never ends: Redis looks for the end as for that of a text.
        let length = match memchr2(b'\n', 0, searched) {
            Some(length) if searched[length] == b'\n' => length,
            Some(_) | None if rest.len() > LINE_BYTES_MAX => {
                return Err(ProtocolError::TooBigInline);
            }
            Some(_) | None => return Ok(false),
        };
        let line = rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]);
        let Requests { spans, ends, inline, offsets } = requests;
        let before = spans.len();
        let split = words::for_each(line, |word| {
            let start = INLINE_BASE + inline.len() as u32;
            inline.extend_from_slice(word);
            spans.push(Span { start, end: start + word.len() as u32 });
        });
        if split.is_err() {
            spans.truncate(before);
            return Err(ProtocolError::UnbalancedQuotes);
        }
        if spans.len() > before {
            ends.push(spans.len() as u32);
            offsets.push((self.position + length + 1) as u32);
        }
        self.position += length + 1;
        self.request_start = self.position;
        Ok(true)
    }

    /// What stands between the first byte and the CR LF of the line here; `None` where it is not complete.
    fn line<'a>(
        &self,
        input: &'a [u8],
        too_big: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        let rest = &input[self.position..];
        let Some(end) = memchr(b'\r', &rest[..rest.len().min(LINE_BYTES_MAX + 1)]) else {
            return if rest.len() > LINE_BYTES_MAX { Err(too_big) } else { Ok(None) };
        };
        match rest.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => Ok(Some(rest.get(1..end).unwrap_or_default())),
            Some(_) => Err(ProtocolError::InvalidLineEnd),
        }
    }
}

/// The number, below 1000, in the line at the front of `rest` that begins with `kind`, and how many bytes the line has.
#[inline]
fn short_line(rest: &[u8], kind: u8) -> Option<(usize, usize)> {
    let line: &[u8; 6] = rest.first_chunk()?;
    let digit = |at: usize| {
        let value = line[at].wrapping_sub(b'0');
        (value <= 9).then_some(usize::from(value))
    };
    let ends = |at: usize| line[at] == b'\r' && line[at + 1] == b'\n';
    if line[0] != kind {
        return None;
    }
    let first = digit(1)?;
    if ends(2) {
        return Some((first, 4));
    }
    let two = first * 10 + digit(2)?;
    if first == 0 {
        return None;
    }
    if ends(3) {
        return Some((two, 5));
    }
    let three = two * 10 + digit(3)?;
    ends(4).then_some((three, 6))
}

/// A length as clients write it.
fn parse_length(text: &[u8]) -> Option<i64> {
    parse_i64(text)
}

#[cfg(test)]
mod tests;
