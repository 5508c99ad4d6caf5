//! One file from its first byte to the first that is not as it should be.
//!
//! Arguments are passed over, not kept: a file is checked in little memory, whatever it says of lengths.

use crate::aof::annotation::{self, Annotation, Batch};
use crate::storage::File;
use std::io;
use std::ops::Range;

const CHUNK_BYTES: usize = 256 * 1024;

/// The longest line of a length, as the tool of Redis reads it.
const LENGTH_LINE_BYTES_MAX: usize = 127;

/// The longest name of a command that matters here.
const NAME_BYTES: u64 = 5;

pub(super) struct Scan<'a> {
    file: &'a dyn File,
    size: u64,
    path: String,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    start: u64,
    position: u64,
    /// The part that is being read, for errors.
    element: u64,
    lines: u64,
    is_in_transaction: bool,
    /// Where the last batch is, and its line.
    batch: Range<u64>,
    batch_line: u64,
}

/// How a scan ended.
pub(super) enum Scanned {
    /// At the end of the file or at an error.
    Done(Stopped),
    /// At a time that is later than the one asked for, which stands here.
    Later(u64),
    /// At a time that is none.
    OddTimestamp,
}

/// Where a scan stopped.
pub(super) struct Stopped {
    /// Up to where the file is whole.
    pub(super) whole: u64,
    pub(super) lines: u64,
    /// What is wrong, with its place.
    pub(super) error: Option<String>,
    /// Whether there is something that is neither a command nor an annotation.
    pub(super) is_other: bool,
}

/// Why a part cannot be read.
enum Fault {
    Io(io::Error),
    /// The file ends where nothing of the part has been read; Redis's tool says nothing of it.
    End,
    Wrong(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(file: &'a dyn File, size: u64, begin: u64, path: String) -> Scan<'a> {
        Scan {
            file,
            size,
            path,
            buffer: Vec::new(),
            start: begin,
            position: begin,
            element: begin,
            lines: 1,
            is_in_transaction: false,
            batch: 0..0,
            batch_line: 0,
        }
    }

    pub(super) fn run(
        &mut self,
        until: Option<i64>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<Scanned> {
        let mut whole = self.position;
        let mut told = 0;
        let mut error = None;
        let mut is_other = false;
        loop {
            if !self.is_in_transaction {
                whole = self.position;
            }
            if self.position - told >= CHUNK_BYTES as u64 {
                told = self.position;
                progress(told);
            }
            let begin = self.position;
            let done = match self.bytes(1)?.first() {
                None => break,
                Some(b'*') => self.command().map(|()| None),
                Some(b'#') => self.annotation(),
                Some(_) => {
                    is_other = true;
                    break;
                }
            };
            match done {
                Ok(None) => {}
                Ok(Some(Annotation::Timestamp(seconds))) => {
                    if until.is_some_and(|until| seconds > until) {
                        return Ok(Scanned::Later(self.before_batch(begin)));
                    }
                }
                // Redis's tool asks for a number only when it has a use for it.
                Ok(Some(_)) if until.is_some() => return Ok(Scanned::OddTimestamp),
                Ok(Some(_)) => {}
                Err(Fault::Io(error)) => return Err(error),
                Err(Fault::End) => break,
                Err(Fault::Wrong(text)) => {
                    error = Some(text);
                    break;
                }
            }
        }
        if self.is_in_transaction && self.position == self.size && error.is_none() {
            error = Some("Reached EOF before reading EXEC for MULTI".to_owned());
        }
        progress(self.size);
        let error = error.map(|text| format!("0x{:>16x}: {text}", self.element));
        let whole = self.before_batch(whole);
        Ok(Scanned::Done(Stopped { whole, lines: self.lines, error, is_other }))
    }

    /// A place to cut at: in front of a batch where it is inside of one, which would be damaged by it.
    fn before_batch(&self, place: u64) -> u64 {
        let is_inside = self.batch_line < place && place < self.batch.end;
        if is_inside { self.batch_line } else { place }
    }

    /// The next bytes, as many as there are; they stay the next.
    fn bytes(&mut self, count: usize) -> io::Result<&[u8]> {
        let mut begin = self.position.saturating_sub(self.start) as usize;
        if self.position < self.start || begin + count > self.buffer.len() {
            let left = (self.size - self.position).min(CHUNK_BYTES.max(count) as u64);
            self.buffer.resize(left as usize, 0);
            let read = self.file.read_at(self.position, &mut self.buffer)?;
            self.buffer.truncate(read);
            self.start = self.position;
            begin = 0;
        }
        let end = self.buffer.len().min(begin + count);
        Ok(self.buffer.get(begin..end).unwrap_or_default())
    }

    fn command(&mut self) -> Result<(), Fault> {
        let count = self.number(b'*')?;
        if count < 1 {
            return Err(Fault::Wrong(format!("Expected a number of arguments, got: {count}")));
        }
        let mut is_end = false;
        for index in 0..count {
            let length = self.number(b'$')?;
            let Ok(length) = u64::try_from(length) else {
                return Err(Fault::Wrong(format!(
                    "Expected to read string of {length} bytes, which is not in the suitable range"
                )));
            };
            self.element = self.position;
            let left = self.size - self.position;
            if left < length.saturating_add(2) {
                let wanted = length.saturating_add(2);
                return Err(Fault::Wrong(format!(
                    "Expected to read {wanted} bytes, got {left} bytes"
                )));
            }
            let mut name = Vec::new();
            if index == 0 && length <= NAME_BYTES {
                name = self.bytes(length as usize)?.to_ascii_uppercase();
            }
            self.position += length;
            self.line_end()?;
            is_end |= self.follow(&name)?;
        }
        let is_last = self.position == self.batch.end && self.batch.contains(&self.element);
        if self.batch.contains(&self.element) && self.position > self.batch.end {
            return Err(Fault::Wrong("Expected whole commands in a batch".to_owned()));
        }
        if is_last && self.is_in_transaction && !is_end {
            return Err(Fault::Wrong("Expected EXEC in the batch of its MULTI".to_owned()));
        }
        Ok(())
    }

    /// Follows transactions; true where one ends here.
    fn follow(&mut self, name: &[u8]) -> Result<bool, Fault> {
        let path = &self.path;
        match (name, self.is_in_transaction) {
            (b"MULTI", true) => Err(Fault::Wrong(format!("Unexpected MULTI in AOF {path}"))),
            (b"EXEC", false) => Err(Fault::Wrong(format!("Unexpected EXEC in AOF {path}"))),
            (b"MULTI", false) => {
                self.is_in_transaction = true;
                Ok(false)
            }
            (b"EXEC", true) => {
                self.is_in_transaction = false;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// `<prefix><number>\r\n`
    fn number(&mut self, prefix: u8) -> Result<i64, Fault> {
        self.element = self.position;
        let line = self.bytes(LENGTH_LINE_BYTES_MAX)?;
        let Some(&first) = line.first() else { return Err(Fault::End) };
        if first != prefix {
            let (prefix, first) = (char::from(prefix), char::from(first));
            let text = format!("Expected prefix '{prefix}', got: '{first}'");
            return Err(Fault::Wrong(text));
        }
        let sign = usize::from(line.get(1) == Some(&b'-'));
        let digits = line.iter().skip(1 + sign).take_while(|byte| byte.is_ascii_digit()).count();
        let end = 1 + sign + digits;
        let number = line.get(1..end).and_then(base::number::parse_i64);
        let shown = String::from_utf8_lossy(line.get(1..end).unwrap_or_default()).into_owned();
        self.position += end as u64;
        self.line_end()?;
        number.ok_or_else(|| Fault::Wrong(format!("Expected a number, got: '{shown}'")))
    }

    fn line_end(&mut self) -> Result<(), Fault> {
        let end = self.bytes(2)?;
        if end != b"\r\n" {
            let byte = |index: usize| end.get(index).copied().unwrap_or_default();
            let text = format!("Expected \\r\\n, got: {:02x}{:02x}", byte(0), byte(1));
            return Err(Fault::Wrong(text));
        }
        self.position += 2;
        self.lines += 1;
        Ok(())
    }

    /// A line that begins with `#`; gives it where it is, or should be, a time.
    fn annotation(&mut self) -> Result<Option<Annotation>, Fault> {
        self.element = self.position;
        let begin = self.position;
        let bytes = self.bytes(annotation::LINE_BYTES_MAX)?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = bytes.get(..end.map_or(bytes.len(), |end| end + 1)).unwrap_or_default();
        if end.is_none() {
            return Err(Fault::Wrong("Expected the end of an annotation".to_owned()));
        }
        let is_time = line.starts_with(b"#TS:");
        let length = line.len() as u64;
        let annotation = annotation::parse(line, begin);
        let annotation =
            annotation.map_err(|damaged| Fault::Wrong(format!("Expected {damaged}")))?;
        if let Annotation::Batch(batch) = annotation {
            self.check(batch, begin + length)?;
            self.batch_line = begin;
            self.batch = begin + length..begin + length + batch.length;
        }
        self.position = begin + length;
        Ok(is_time.then_some(annotation))
    }

    fn check(&self, batch: Batch, begin: u64) -> Result<(), Fault> {
        let left = self.size - begin;
        if left < batch.length {
            let wanted = batch.length;
            let text = format!("Expected to read a batch of {wanted} bytes, got {left} bytes");
            return Err(Fault::Wrong(text));
        }
        let found = annotation::checksum_of_file(self.file, begin, batch.length)?;
        if found != batch.checksum {
            let wanted = batch.checksum;
            let text = format!("Expected a batch with checksum {wanted:08x}, got {found:08x}");
            return Err(Fault::Wrong(text));
        }
        Ok(())
    }
}
