//! The parts that all is written of: numbers, lengths and strings, gathered in a buffer and checksummed by the block.

use super::checksum::Checksum;
use super::format::{
    LENGTH_14, LENGTH_32, LENGTH_64, STRING_I8, STRING_I16, STRING_I32, STRING_LZF,
};
use super::lzf::Compressor;
use base::number::{parse_i64, with_digits};
use std::io::{self, Empty, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// So many bytes are buffered before they go out.
pub(super) const BLOCK_BYTES: usize = 64 << 10;

/// The memory that is kept for what is buffered next.
const KEPT_BYTES_MAX: usize = 4 * BLOCK_BYTES;

/// Strings are compressed, and go out, in pieces of up to this length, between which it is asked whether they are still wanted.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// Strings up to this length are not compressed.
const COMPRESSED_MIN: usize = 20;

/// By so many bytes a string has to become shorter to be kept compressed.
const COMPRESSED_SAVES_MIN: usize = 4;

/// The longest text that may be stored as a number: that of the smallest of 32 bits.
const INTEGER_TEXT_MAX: usize = 11;

/// Writes numbers, lengths and strings to a sink. Where that fails nothing more is written, and [`Encoder::check`] tells.
#[derive(Debug)]
pub struct Encoder<W> {
    sink: W,
    buffer: Vec<u8>,
    checksum: Checksum,
    /// The bytes that have gone out.
    gone: u64,
    /// So many bytes are buffered before they go out.
    block_bytes: usize,
    compressor: Option<Compressor>,
    compresses: bool,
    failure: Option<io::Error>,
    /// Says that nobody wants the rest.
    is_cancelled: Option<Arc<AtomicBool>>,
}

impl Encoder<Empty> {
    /// One that buffers all, for [`Encoder::take`].
    pub(super) fn buffering(compresses: bool) -> Encoder<Empty> {
        Encoder { block_bytes: usize::MAX, ..Encoder::new(io::empty(), compresses) }
    }

    /// Takes what was buffered.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// What was buffered.
    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Begins to buffer anew.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BYTES_MAX);
    }
}

impl<W: Write> Encoder<W> {
    /// One that writes to `sink`; whether long strings are compressed (`rdbcompression`).
    pub fn new(sink: W, compresses: bool) -> Encoder<W> {
        Encoder {
            sink,
            buffer: Vec::new(),
            checksum: Checksum::default(),
            gone: 0,
            block_bytes: BLOCK_BYTES,
            compressor: None,
            compresses,
            failure: None,
            is_cancelled: None,
        }
    }

    /// Makes room for so many bytes at once: a buffer that grows leaves memory of each size behind.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.buffer.reserve(bytes);
    }

    /// Has it give up, as if the sink had failed, once `is_cancelled` says so.
    pub(super) fn cancel_with(&mut self, is_cancelled: Arc<AtomicBool>) {
        self.is_cancelled = Some(is_cancelled);
    }

    /// Whether what is written from here on is of any use: the sink takes it, and it is wanted. Asked between the pieces of large values.
    #[inline]
    pub fn goes_on(&mut self) -> bool {
        let is_cancelled = self.is_cancelled.as_ref().is_some_and(|flag| flag.load(Relaxed));
        if is_cancelled && self.failure.is_none() {
            self.failure = Some(io::ErrorKind::Interrupted.into());
        }
        self.failure.is_none()
    }

    /// How many bytes have been written.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.gone + self.buffer.len() as u64
    }

    /// Whether all has been written so far.
    ///
    /// # Errors
    ///
    /// Those of the sink, once.
    pub fn check(&mut self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Hands all that was buffered to the sink.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn flush(&mut self) -> io::Result<()> {
        self.send();
        self.check()?;
        self.sink.flush()
    }

    /// The checksum of all that was written.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut checksum = self.checksum;
        checksum.update(&self.buffer);
        checksum.value()
    }

    /// Gives the sink back; what was buffered and not flushed is gone.
    pub fn into_sink(self) -> W {
        self.sink
    }

    #[cold]
    #[inline(never)]
    fn send(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.send_bytes(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.checksum.update(bytes);
            self.gone += bytes.len() as u64;
            self.failure = self.sink.write_all(bytes).err();
        }
    }

    /// Has what was buffered go out once it is a block.
    #[inline]
    fn settle(&mut self) {
        if self.buffer.len() >= self.block_bytes {
            self.send();
        }
    }

    /// Bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        if bytes.len() >= self.block_bytes {
            // What is long need not be buffered.
            self.send();
            for piece in bytes.chunks(PIECE_BYTES_MAX) {
                if self.goes_on() {
                    self.send_bytes(piece);
                }
            }
        } else {
            self.buffer.extend_from_slice(bytes);
            self.settle();
        }
    }

    /// One byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    /// A length.
    #[inline]
    pub fn length(&mut self, length: u64) {
        push_length(&mut self.buffer, length);
        self.settle();
    }

    /// A string: as a number where it is the text of a small one, compressed where that makes it shorter.
    #[inline]
    pub fn string(&mut self, string: &[u8]) {
        if string.len() <= INTEGER_TEXT_MAX
            && let Some(integer) = parse_i64(string)
            && self.small_integer(integer)
        {
            return;
        }
        if string.len() > COMPRESSED_MIN && self.compresses && self.compressed(string) {
            return;
        }
        self.length(string.len() as u64);
        self.bytes(string);
    }

    /// A string that is the text of an integer.
    pub fn integer(&mut self, integer: i64) {
        if !self.small_integer(integer) {
            with_digits(integer, |digits| {
                self.length(digits.len() as u64);
                self.bytes(digits);
            });
        }
    }

    /// A score.
    pub fn double(&mut self, double: f64) {
        self.bytes(&double.to_le_bytes());
    }

    /// A time in milliseconds.
    pub fn time(&mut self, ms: i64) {
        self.bytes(&ms.to_le_bytes());
    }

    /// Whether the integer is a small one, which was written.
    fn small_integer(&mut self, integer: i64) -> bool {
        let bytes = integer.to_le_bytes();
        let (head, size) = match integer {
            -0x80..=0x7f => (STRING_I8, 1),
            -0x8000..=0x7fff => (STRING_I16, 2),
            -0x8000_0000..=0x7fff_ffff => (STRING_I32, 4),
            _ => return false,
        };
        self.byte(head);
        self.bytes(&bytes[..size]);
        true
    }

    /// Whether the string becomes shorter by compression, and was written.
    fn compressed(&mut self, string: &[u8]) -> bool {
        /// Room for the lengths that stand before it, until they are known.
        const HEAD_BYTES: usize = 1 + 2 * 9;
        let begin = self.buffer.len();
        self.buffer.resize(begin + HEAD_BYTES, 0);
        let end_max = begin + HEAD_BYTES + string.len() - COMPRESSED_SAVES_MIN;
        // Compressed pieces one behind the other are the whole, compressed. None is short: such are not always tried.
        let pieces = string.len().div_ceil(PIECE_BYTES_MAX);
        for piece in string.chunks(string.len().div_ceil(pieces)) {
            let most = end_max.saturating_sub(self.buffer.len());
            let compressor = self.compressor.get_or_insert_with(Compressor::new);
            if !compressor.compress(piece, &mut self.buffer, most) || !self.goes_on() {
                self.buffer.truncate(begin);
                return false;
            }
        }
        let end = self.buffer.len();
        self.buffer.push(STRING_LZF);
        push_length(&mut self.buffer, (end - begin - HEAD_BYTES) as u64);
        push_length(&mut self.buffer, string.len() as u64);
        // The lengths are moved before what they tell of, and the room that is left is closed.
        let head = self.buffer.len() - end;
        self.buffer.copy_within(end.., begin);
        self.buffer.truncate(end);
        self.buffer.copy_within(begin + HEAD_BYTES..end, begin + head);
        self.buffer.truncate(end - HEAD_BYTES + head);
        self.settle();
        true
    }
}

#[inline]
fn push_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..=0x3f => out.push(length as u8),
        0x40..=0x3fff => out.extend_from_slice(&[LENGTH_14 | (length >> 8) as u8, length as u8]),
        0x4000..=0xffff_ffff => {
            out.push(LENGTH_32);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(LENGTH_64);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}
