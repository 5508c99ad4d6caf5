//! Lines between commands that begin with `#`. Redis 7 and Valkey skip them, so that files with them go both ways.
//!
//! `#TS:<seconds>\r\n` is Redis's (`aof-timestamp-enabled`): the commands after it are not older than this time since 1970.
//!
//! `#BATCH:<length>:<checksum>:<checksum of the line>\r\n` is ours. It stands right before a batch, which is what one write adds: whole commands, `length`
//! bytes of them. Both checksums are CRC32C (RFC 3720, appendix B.4) in eight hexadecimal digits. The second covers the offset of the line in its file
//! (eight bytes, the lowest first) and the line up to itself; the first covers the batch.
//!
//! - The line stands *before* the batch, so that a batch is checked before a command of it runs, and so that a batch that the end of the file cuts off is
//!   known from its length, not guessed. Such a batch was never confirmed to anybody, for its write never ended: it is dropped whole.
//! - The line has a checksum of its own, for a length that is not true would make damage in the middle look like a file that ends early.
//! - That checksum knows the line's place, so that a batch that is missing, or stands twice, is found at the next one.
//! - A time stands before the `#BATCH` line, not in the batch: `redis-check-aof --truncate-to-timestamp` cuts in front of it, which then is the end of
//!   a batch.
//!
//! What another server has written carries none of this and is loaded all the same. One thing goes wrong with such a mixture: when another server has
//! repaired a file by cutting a batch off after some of its commands, and then has appended its own, the batch no longer is what its line says,
//! and the file is refused. `BGREWRITEAOF` over there, before the files come back, avoids it.

use crate::storage::File;
use base::number::{parse_u64, push_i64, push_u64};
use crc_fast::{CrcAlgorithm, Digest};
use std::io;

/// The longest line, its end included, in bytes: Redis reads no longer ones.
pub const LINE_BYTES_MAX: usize = 1024;

/// As iSCSI has it, hence the name.
const CRC32C: CrcAlgorithm = CrcAlgorithm::Crc32Iscsi;

/// How much of a long batch is read at once.
const PIECE_BYTES: u64 = 256 * 1024;

const TIMESTAMP: &[u8] = b"#TS:";
const BATCH: &[u8] = b"#BATCH:";

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Annotation {
    /// What follows was written at this time, in seconds since 1970.
    Timestamp(i64),
    /// What follows is a batch.
    Batch(Batch),
    /// Something that concerns others.
    Unknown,
}

/// What a line says of the batch behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its length in bytes.
    pub length: u64,
    /// Its CRC32C.
    pub checksum: u32,
}

/// A `#BATCH` line that is not as it was written, or not where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a #BATCH line that is whole and in its place")]
pub struct Damaged;

/// The CRC32C of bytes.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::checksum(CRC32C, bytes) as u32
}

/// The CRC32C of a part of a file, read piece by piece.
pub(super) fn checksum_of_file(file: &dyn File, begin: u64, length: u64) -> io::Result<u32> {
    let mut piece = vec![0; length.min(PIECE_BYTES) as usize];
    let (mut sum, mut done) = (Digest::new(CRC32C), 0);
    while done < length {
        let wanted = (length - done).min(PIECE_BYTES) as usize;
        let count = file.read_at(begin + done, &mut piece[..wanted])?;
        if count == 0 {
            break;
        }
        sum.update(&piece[..count]);
        done += count as u64;
    }
    Ok(sum.finalize() as u32)
}

/// Appends a `#TS` line.
pub fn push_timestamp(out: &mut Vec<u8>, seconds: i64) {
    out.extend_from_slice(TIMESTAMP);
    push_i64(out, seconds);
    out.extend_from_slice(b"\r\n");
}

/// Appends the line of a batch; `offset` is where in the file the line will stand.
pub fn push_batch(out: &mut Vec<u8>, offset: u64, batch: &[u8]) {
    let start = out.len();
    out.extend_from_slice(BATCH);
    push_u64(out, batch.len() as u64);
    out.push(b':');
    push_hex(out, checksum(batch));
    out.push(b':');
    let line = line_checksum(offset, &out[start..]);
    push_hex(out, line);
    out.extend_from_slice(b"\r\n");
}

fn line_checksum(offset: u64, line: &[u8]) -> u32 {
    let mut sum = Digest::new(CRC32C);
    sum.update(&offset.to_le_bytes());
    sum.update(line);
    sum.finalize() as u32
}

fn push_hex(out: &mut Vec<u8>, value: u32) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..8).rev().map(|place| DIGITS[(value >> (4 * place)) as usize & 15]));
}

fn parse_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u32::from(digit))
    })
}

/// Reads a line, its end included, that stands at `offset`.
///
/// # Errors
/// Where it begins as ours does and is not whole.
pub fn parse(line: &[u8], offset: u64) -> Result<Annotation, Damaged> {
    if line.starts_with(BATCH) {
        return parse_batch(line, offset).map(Annotation::Batch).ok_or(Damaged);
    }
    let timestamp = line.strip_prefix(TIMESTAMP).and_then(|rest| rest.strip_suffix(b"\r\n"));
    let seconds = timestamp.and_then(base::number::parse_i64);
    Ok(seconds.map_or(Annotation::Unknown, Annotation::Timestamp))
}

fn parse_batch(line: &[u8], offset: u64) -> Option<Batch> {
    let (covered, own) = line.strip_suffix(b"\r\n")?.split_last_chunk::<8>()?;
    if parse_hex(own)? != line_checksum(offset, covered) {
        return None;
    }
    let fields = covered.strip_prefix(BATCH)?.strip_suffix(b":")?;
    let (length, digits) = fields.split_last_chunk::<8>()?;
    Some(Batch { length: parse_u64(length.strip_suffix(b":")?)?, checksum: parse_hex(digits)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(offset: u64, batch: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        push_batch(&mut line, offset, batch);
        line
    }

    #[test]
    fn the_checksum_is_crc32c() {
        // The check value of the catalogue of parametrised CRC algorithms, CRC-32/ISCSI.
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn the_form_is_fixed() {
        assert_eq!(line(0, b"123456789"), b"#BATCH:9:e3069283:28f7bd35\r\n");
        let mut time = Vec::new();
        push_timestamp(&mut time, 1_700_000_000);
        assert_eq!(time, b"#TS:1700000000\r\n");
        assert_eq!(parse(&time, 5), Ok(Annotation::Timestamp(1_700_000_000)));
        let longest = line(u64::MAX, b"").len() + "18446744073709551615".len();
        assert!(longest < LINE_BYTES_MAX);
    }

    #[test]
    fn a_line_is_only_taken_as_it_was_written_and_where() {
        let whole = line(77, b"123456789");
        let batch = Batch { length: 9, checksum: 0xe306_9283 };
        assert_eq!(parse(&whole, 77), Ok(Annotation::Batch(batch)));
        assert_eq!(parse(&whole, 78), Err(Damaged));
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                let expected =
                    if at < BATCH.len() { Ok(Annotation::Unknown) } else { Err(Damaged) };
                assert_eq!(parse(&changed, 77), expected, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn lines_of_others_are_let_pass() {
        for line in ["#\n", "#TS:\r\n", "#TS:x\r\n", "#TS:1\n", "#BATCH\r\n", "# anything\r\n"] {
            assert_eq!(parse(line.as_bytes(), 0), Ok(Annotation::Unknown), "{line}");
        }
    }
}
