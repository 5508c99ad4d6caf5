//! The parts that all is read of: numbers, lengths and strings, out of a buffer that is filled by the block.

use super::checksum::Checksum;
use super::error::{Cause, LoadError};
use super::format::{LENGTH_32, LENGTH_64, STRING_I8, STRING_I16, STRING_I32, STRING_LZF};
use super::lzf::decompress;
use base::number::push_i64;
use std::io::{ErrorKind, Read};

/// A string as it stands in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Text {
    /// It is the text of this number.
    Integer(i64),
    /// Its bytes have been appended.
    Bytes,
}

/// Reads numbers, lengths and strings.
pub(super) struct Decoder<R> {
    input: R,
    buffer: Box<[u8]>,
    /// What of the buffer has come and was not read yet.
    start: usize,
    end: usize,
    /// Up to where the buffer has been checksummed.
    summed: usize,
    checksum: Checksum,
    /// How many bytes stood in the buffer before.
    gone: u64,
    /// Compressed bytes, while they are decompressed.
    compressed: Vec<u8>,
}

impl<R: Read> Decoder<R> {
    /// One that asks for so many bytes at a time.
    pub(super) fn new(input: R, block_bytes: usize) -> Decoder<R> {
        Decoder {
            input,
            buffer: vec![0; block_bytes.max(16)].into(),
            start: 0,
            end: 0,
            summed: 0,
            checksum: Checksum::default(),
            gone: 0,
            compressed: Vec::new(),
        }
    }

    /// How many bytes have been read.
    pub(super) fn offset(&self) -> u64 {
        self.gone + self.start as u64
    }

    /// The checksum of all that was read.
    pub(super) fn checksum(&mut self) -> u64 {
        self.checksum.update(&self.buffer[self.summed..self.start]);
        self.summed = self.start;
        self.checksum.value()
    }

    /// The error that something is wrong here.
    pub(super) fn fail(&self, cause: Cause) -> LoadError {
        LoadError { offset: self.offset(), cause }
    }

    /// The error that something else was expected here.
    pub(super) fn malformed(&self, expected: &'static str) -> LoadError {
        self.fail(Cause::Malformed(expected))
    }

    /// Asks for more where the buffer has been read.
    fn fill(&mut self) -> Result<(), LoadError> {
        debug_assert_eq!(self.start, self.end);
        self.checksum.update(&self.buffer[self.summed..self.end]);
        self.gone += self.end as u64;
        (self.start, self.end, self.summed) = (0, 0, 0);
        loop {
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Err(self.fail(Cause::Truncated)),
                Ok(count) => {
                    self.end = count;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(Cause::Read(error))),
            }
        }
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, LoadError> {
        if self.start == self.end {
            self.fill()?;
        }
        let byte = self.buffer[self.start];
        self.start += 1;
        Ok(byte)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        if let Some(bytes) = self.buffer[self.start..self.end].first_chunk() {
            self.start += N;
            return Ok(*bytes);
        }
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// A time in milliseconds.
    pub(super) fn time(&mut self) -> Result<i64, LoadError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Appends so many bytes, and takes memory only as they come.
    #[inline]
    pub(super) fn bytes(&mut self, count: u64, out: &mut Vec<u8>) -> Result<(), LoadError> {
        let here = self.end - self.start;
        if count <= here as u64 {
            let end = self.start + count as usize;
            out.extend_from_slice(&self.buffer[self.start..end]);
            self.start = end;
            return Ok(());
        }
        self.many_bytes(count, out)
    }

    fn many_bytes(&mut self, count: u64, out: &mut Vec<u8>) -> Result<(), LoadError> {
        let mut left = count;
        while left > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let piece = left.min((self.end - self.start) as u64) as usize;
            out.extend_from_slice(&self.buffer[self.start..self.start + piece]);
            self.start += piece;
            left -= piece as u64;
        }
        Ok(())
    }

    /// A length.
    #[inline]
    pub(super) fn length(&mut self) -> Result<u64, LoadError> {
        let first = self.byte()?;
        match self.length_from(first)? {
            Some(length) => Ok(length),
            None => Err(self.malformed("a length")),
        }
    }

    /// The length that begins with a byte; none where that is the mark of a string of another kind.
    #[inline]
    fn length_from(&mut self, first: u8) -> Result<Option<u64>, LoadError> {
        Ok(Some(match first {
            0..=0x3f => u64::from(first),
            0x40..=0x7f => u64::from(first & 0x3f) << 8 | u64::from(self.byte()?),
            LENGTH_32 => u32::from_be_bytes(self.array()?).into(),
            LENGTH_64 => u64::from_be_bytes(self.array()?),
            0x82..=0xbf => return Err(self.malformed("a length of a known form")),
            0xc0..=0xff => return Ok(None),
        }))
    }

    /// A string; appends its bytes where it is not kept as a number.
    #[inline]
    pub(super) fn text(&mut self, out: &mut Vec<u8>) -> Result<Text, LoadError> {
        let first = self.byte()?;
        if let Some(length) = self.length_from(first)? {
            self.bytes(length, out)?;
            return Ok(Text::Bytes);
        }
        self.special_text(first, out)
    }

    fn special_text(&mut self, first: u8, out: &mut Vec<u8>) -> Result<Text, LoadError> {
        Ok(Text::Integer(match first {
            STRING_I8 => i8::from_le_bytes(self.array()?).into(),
            STRING_I16 => i16::from_le_bytes(self.array()?).into(),
            STRING_I32 => i32::from_le_bytes(self.array()?).into(),
            STRING_LZF => {
                self.compressed_text(out)?;
                return Ok(Text::Bytes);
            }
            _ => return Err(self.malformed("a string of a known form")),
        }))
    }

    fn compressed_text(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        let (compressed_bytes, bytes) = (self.length()?, self.length()?);
        let mut compressed = std::mem::take(&mut self.compressed);
        compressed.clear();
        self.bytes(compressed_bytes, &mut compressed)?;
        let Ok(bytes) = usize::try_from(bytes) else {
            return Err(self.malformed("compressed data of the length that it tells"));
        };
        let done = decompress(&compressed, bytes, out);
        self.compressed = compressed;
        done.map_err(|expected| self.malformed(expected))
    }

    /// A string; appends its text.
    #[inline]
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        if let Text::Integer(integer) = self.text(out)? {
            push_i64(out, integer);
        }
        Ok(())
    }

    /// A string in the place of what was there.
    #[inline]
    pub(super) fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        out.clear();
        self.string(out)
    }

    /// A string that is not needed.
    pub(super) fn skip_string(&mut self) -> Result<(), LoadError> {
        self.string(&mut Vec::new())
    }
}
