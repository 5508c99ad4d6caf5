//! Commands and annotations out of one file, each with its place.

use crate::aof::annotation::{self, Annotation, Batch};
use crate::storage::File;
use memchr::memchr;
use resp::{Args, Decoder, Limits, Requests};
use std::io;
use std::ops::Range;

/// How much is read at once, in bytes; more only for a command that is longer.
const CHUNK_BYTES: usize = 256 * 1024;
const CHUNK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a command may be. Servers with a larger `proto-max-bulk-len` may have written more, which is refused.
const LIMITS: Limits = Limits { bulk_bytes_max: Limits::INPUT_BYTES_MAX as i64, ..Limits::DEFAULT };

/// A file, and how far it has been read.
pub(crate) struct FileReader {
    file: Box<dyn File>,
    length: u64,
    /// Bytes of the file from `start` on; those before `position` have been given.
    buffer: Vec<u8>,
    start: u64,
    position: usize,
    /// Where in the buffer the command begins that was given last.
    command: usize,
    decoder: Decoder,
    requests: Requests,
    /// Where the batch is whose line was read last.
    batch: Range<u64>,
}

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A command; its arguments are [`FileReader::args`].
    Command {
        /// Where it begins.
        offset: u64,
    },
    /// A time.
    Timestamp {
        /// Where its line begins.
        offset: u64,
        /// In seconds since 1970.
        seconds: i64,
    },
    /// The file is whole and at its end.
    End,
}

/// A place where a file is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In the file.
    pub(crate) offset: u64,
    /// What should be there.
    pub(crate) expected: String,
    /// What is.
    pub(crate) found: String,
}

/// Why nothing more comes out of a file.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It cannot be read.
    Io(u64, io::Error),
    /// It ends too early; all before the place is whole.
    Short(Place),
    /// It holds something else than commands.
    Damaged(Place),
}

impl FileReader {
    /// Reads a file from an offset on.
    pub(crate) fn new(file: Box<dyn File>, offset: u64) -> io::Result<FileReader> {
        Ok(FileReader {
            length: file.length()?,
            file,
            buffer: Vec::new(),
            start: offset,
            position: 0,
            command: 0,
            decoder: Decoder::new(),
            requests: Requests::new(),
            batch: 0..0,
        })
    }

    /// The length of the file when it was opened, in bytes.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// How far it has been read.
    pub(crate) const fn offset(&self) -> u64 {
        self.start + self.position as u64
    }

    /// Where the batch is whose line was read last.
    pub(crate) fn batch(&self) -> Range<u64> {
        self.batch.clone()
    }

    /// The command that [`Next::Command`] told of last.
    pub(crate) fn args(&self) -> Args<'_> {
        self.requests.args(0, &self.buffer[self.command..])
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Result<Next, Stop> {
        loop {
            let offset = self.offset();
            if self.position == self.buffer.len() && !self.fill()? {
                return Ok(Next::End);
            }
            match self.buffer.get(self.position) {
                Some(b'*') => {
                    self.command()?;
                    return Ok(Next::Command { offset });
                }
                Some(b'#') => {
                    if let Some(seconds) = self.annotation()? {
                        return Ok(Next::Timestamp { offset, seconds });
                    }
                }
                other => {
                    let found = format!("{:?}", char::from(other.copied().unwrap_or_default()));
                    return Err(self.damaged("a command ('*') or an annotation ('#')", found));
                }
            }
        }
    }

    fn command(&mut self) -> Result<(), Stop> {
        self.requests.clear();
        self.decoder = Decoder::new();
        loop {
            let input = &self.buffer[self.position..];
            if let Some(b'0' | b'-') = input.get(1) {
                return Err(self.damaged("a number of arguments", "none".to_owned()));
            }
            if let Err(error) = self.decoder.decode(input, &LIMITS, &mut self.requests, 1) {
                let text = error.to_string();
                let found = text.strip_prefix("Protocol error: ").unwrap_or(&text);
                return Err(self.damaged("a command", found.to_owned()));
            }
            if !self.requests.is_empty() {
                break;
            }
            if input.len() > Limits::INPUT_BYTES_MAX as usize {
                return Err(self.damaged("a command of at most 1 GiB", "a longer one".to_owned()));
            }
            if !self.fill()? {
                return Err(self.short("the rest of a command"));
            }
        }
        let end = self.position + self.requests.end_offset(0);
        if self.batch.contains(&self.offset()) && self.start + end as u64 > self.batch.end {
            return Err(self.damaged("whole commands in a batch", "one that goes on".to_owned()));
        }
        self.command = self.position;
        self.position = end;
        Ok(())
    }

    /// Reads a line that begins with `#`; gives a time, where it is one.
    fn annotation(&mut self) -> Result<Option<i64>, Stop> {
        let line = loop {
            let rest = &self.buffer[self.position..];
            let searched = &rest[..rest.len().min(annotation::LINE_BYTES_MAX)];
            if let Some(end) = memchr(b'\n', searched) {
                break &rest[..=end];
            }
            if rest.len() >= annotation::LINE_BYTES_MAX {
                return Err(self.damaged("an annotation", "a longer line".to_owned()));
            }
            if !self.fill()? {
                return Err(self.short("the rest of an annotation"));
            }
        };
        let length = line.len();
        match annotation::parse(line, self.offset()) {
            Ok(Annotation::Batch(batch)) => {
                self.check(batch, length)?;
                let begin = self.offset() + length as u64;
                self.batch = begin..begin + batch.length;
            }
            Ok(Annotation::Timestamp(seconds)) => {
                self.position += length;
                return Ok(Some(seconds));
            }
            Ok(Annotation::Unknown) => {}
            Err(damaged) => {
                let found = line.trim_ascii_end().escape_ascii().to_string();
                return Err(self.damaged(&damaged.to_string(), found));
            }
        }
        self.position += length;
        Ok(None)
    }

    /// Whether the batch behind a line of this length is all there and as it was written.
    fn check(&mut self, batch: Batch, line: usize) -> Result<(), Stop> {
        let begin = self.offset() + line as u64;
        if self.length.saturating_sub(begin) < batch.length {
            return Err(self.short(&format!("a batch of {} bytes", batch.length)));
        }
        let checksum = if batch.length <= CHUNK_BYTES as u64 {
            let end = line + batch.length as usize;
            while self.buffer.len() - self.position < end && self.fill()? {}
            let bytes = self.buffer.get(self.position + line..self.position + end);
            annotation::checksum(bytes.unwrap_or_default())
        } else {
            let sum = annotation::checksum_of_file(self.file.as_ref(), begin, batch.length);
            sum.map_err(|error| Stop::Io(begin, error))?
        };
        if checksum != batch.checksum {
            let expected =
                format!("a batch of {} bytes with checksum {:08x}", batch.length, batch.checksum);
            return Err(self.damaged(&expected, format!("checksum {checksum:08x}")));
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Stop> {
        self.file.read_at(offset, buffer).map_err(|error| Stop::Io(offset, error))
    }

    /// Reads more behind what is not given yet; false at the end of the file.
    fn fill(&mut self) -> Result<bool, Stop> {
        self.buffer.drain(..self.position);
        self.start += self.position as u64;
        (self.position, self.command) = (0, 0);
        let kept = self.buffer.len();
        let chunk = kept.clamp(CHUNK_BYTES, CHUNK_BYTES_MAX);
        let left = self.length.saturating_sub(self.start + kept as u64);
        let wanted = left.min(chunk as u64) as usize;
        if wanted == 0 {
            return Ok(false);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(kept + wanted, 0);
        let read = self.read_at(self.start + kept as u64, &mut buffer[kept..]);
        buffer.truncate(kept + read.as_ref().copied().unwrap_or_default());
        self.buffer = buffer;
        Ok(read? > 0)
    }

    fn place(&self, expected: &str, found: String) -> Place {
        Place { offset: self.offset(), expected: expected.to_owned(), found }
    }

    fn damaged(&self, expected: &str, found: String) -> Stop {
        Stop::Damaged(self.place(expected, found))
    }

    fn short(&self, expected: &str) -> Stop {
        Stop::Short(self.place(expected, format!("the end of the file, at {}", self.length)))
    }
}
