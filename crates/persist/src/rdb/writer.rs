//! A file: what stands before, between and behind its keys.

use super::encode::{BLOCK_BYTES, Encoder};
use super::form::{FieldTimes, Form};
use super::format::{kind, opcode};
use super::{Usage, Version};
use base::number::push_u64;
use engine::KeyRecord;
use std::io::{self, Empty, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// The version; see [`Version::for_data`].
    pub version: Version,
    /// Whether long strings are compressed (`rdbcompression`).
    pub compress: bool,
    /// Whether the checksum is told (`rdbchecksum`).
    pub checksum: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { version: Version::REDIS_11, compress: true, checksum: true }
    }
}

/// What the pieces of a large value are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pieces {
    /// Members of a set, each by [`Encoder::item`].
    Set,
    /// Members of a sorted set, each by [`Encoder::scored`].
    SortedSet,
    /// Fields of a hash, and behind each its value, both by [`Encoder::string`].
    Hash,
    /// Fields of a hash, each by [`FieldTimes::field`].
    HashTimes(FieldTimes),
}

impl Pieces {
    fn kind(self) -> u8 {
        match self {
            Pieces::Set => kind::SET,
            Pieces::SortedSet => kind::SORTED_SET,
            Pieces::Hash => kind::HASH,
            Pieces::HashTimes(times) => times.kind(),
        }
    }
}

/// Writes a file, from its head to its end: [`Writer::aux`] and [`Writer::function`] first, then for each database [`Writer::select`], [`Writer::resize`] and
/// its keys, at last [`Writer::finish`].
#[derive(Debug)]
pub struct Writer<W> {
    encoder: Encoder<W>,
    options: Options,
}

/// Writes keys that will stand in a file; see [`Writer::part`].
pub type PartWriter = Writer<Empty>;

impl PartWriter {
    /// One for a file of these options; it has no head and no end.
    #[must_use]
    pub fn for_part(options: Options) -> PartWriter {
        Writer { encoder: Encoder::buffering(options.compress), options }
    }

    /// Takes what was written so far.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        self.encoder.take()
    }

    /// What was written so far.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.encoder.buffered()
    }

    /// Makes room for so many bytes at once.
    pub fn reserve(&mut self, bytes: usize) {
        self.encoder.reserve(bytes);
    }

    /// Begins anew, in the same memory.
    pub fn clear(&mut self) {
        self.encoder.clear();
    }
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(sink: W, options: Options) -> Writer<W> {
        let mut encoder = Encoder::new(sink, options.compress);
        encoder.reserve(BLOCK_BYTES);
        encoder.bytes(options.version.to_string().as_bytes());
        Writer { encoder, options }
    }

    /// Has it give up, with `Interrupted`, once `is_cancelled` says so, be it in the middle of a value.
    pub fn cancel_with(&mut self, is_cancelled: Arc<AtomicBool>) {
        self.encoder.cancel_with(is_cancelled);
    }

    /// The version of the file.
    pub(crate) fn version(&self) -> Version {
        self.options.version
    }

    /// Keys that a [`PartWriter`] has written, all of the database that is selected.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn part(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.encoder.bytes(bytes);
        self.encoder.check()
    }

    /// A name and a text about the file; readers pass over names that they do not know.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.encoder.byte(opcode::AUX);
        self.encoder.string(name);
        self.encoder.string(value);
        self.encoder.check()
    }

    /// The source of a library of functions.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn function(&mut self, source: &[u8]) -> io::Result<()> {
        self.encoder.byte(opcode::FUNCTION);
        self.encoder.string(source);
        self.encoder.check()
    }

    /// The database whose keys follow.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn select(&mut self, database: usize) -> io::Result<()> {
        self.encoder.byte(opcode::SELECT);
        self.encoder.length(database as u64);
        self.encoder.check()
    }

    /// How many keys follow, and how many of them expire, about.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn resize(&mut self, keys: u64, volatile: u64) -> io::Result<()> {
        self.encoder.byte(opcode::RESIZE);
        self.encoder.length(keys);
        self.encoder.length(volatile);
        self.encoder.check()
    }

    /// How many keys of a slot follow, and how many of them expire, about: in the way of Valkey, which older readers pass over.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn slot(&mut self, slot: base::Slot, keys: u64, volatile: u64) -> io::Result<()> {
        let mut text = Vec::new();
        for (index, number) in [u64::from(slot.number()), keys, volatile].into_iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            push_u64(&mut text, number);
        }
        self.aux(b"slot-info", &text)
    }

    /// A key with its value, its expiry, and how much it was used where that is to be kept.
    ///
    /// # Errors
    ///
    /// Those of the sink, and `Unsupported` where the version cannot carry the value.
    pub fn record(&mut self, record: &KeyRecord, usage: Option<Usage>) -> io::Result<()> {
        let form = Form::of(record, self.options.version)?;
        self.begin(record.key(), record.expire_at(), usage, form.kind());
        form.write(&mut self.encoder);
        self.encoder.check()
    }

    /// The same of a large value that is written in pieces: so many elements have to follow, in any order, by [`Writer::encoder`].
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub(crate) fn record_in_pieces(
        &mut self,
        (key, expire_at, usage): (&[u8], Option<i64>, Option<Usage>),
        pieces: Pieces,
        count: u64,
    ) -> io::Result<()> {
        self.begin(key, expire_at, usage, pieces.kind());
        if let Pieces::HashTimes(times) = pieces {
            times.begin(&mut self.encoder);
        }
        self.encoder.length(count);
        self.encoder.check()
    }

    /// What writes the pieces of a value.
    pub fn encoder(&mut self) -> &mut Encoder<W> {
        &mut self.encoder
    }

    fn begin(&mut self, key: &[u8], expire_at: Option<i64>, usage: Option<Usage>, kind: u8) {
        let encoder = &mut self.encoder;
        if let Some(at) = expire_at {
            encoder.byte(opcode::EXPIRE_MS);
            encoder.time(at);
        }
        match usage {
            Some(Usage::Idle(seconds)) => {
                encoder.byte(opcode::IDLE);
                encoder.length(seconds);
            }
            Some(Usage::Frequency(counter)) => {
                encoder.byte(opcode::FREQUENCY);
                encoder.byte(counter);
            }
            None => {}
        }
        encoder.byte(kind);
        encoder.string(key);
    }

    /// How many bytes the file has so far.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.encoder.written_bytes()
    }

    /// Writes the end and the checksum, and gives the sink back. Whether the bytes are safe is for the caller to see to.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<W> {
        self.encoder.byte(opcode::EOF);
        if self.options.version.has(5) {
            let checksum = if self.options.checksum { self.encoder.checksum() } else { 0 };
            self.encoder.bytes(&checksum.to_le_bytes());
        }
        self.encoder.flush()?;
        Ok(self.encoder.into_sink())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{KeyRecord, Record, new_string};

    fn finished(version: Version, write: impl FnOnce(&mut Writer<Vec<u8>>)) -> Vec<u8> {
        let options = Options { version, ..Options::default() };
        let mut writer = Writer::new(Vec::new(), options);
        write(&mut writer);
        writer.finish().expect("memory takes all")
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn one(expire_at: Option<i64>) -> KeyRecord {
        Record::new(b"k", new_string(b"v"), expire_at, 0)
    }

    #[test]
    fn files_are_those_that_the_format_demands() {
        let empty = finished(Version::REDIS_11, |_| {});
        assert_eq!(hex(&empty), "524544495330303131ffc0228a8d74389762");
        let empty = finished(Version::VALKEY_80, |_| {});
        assert_eq!(hex(&empty), "56414c4b4559303830ff439da48fc1806c23");
        let file = finished(Version::REDIS_11, |writer| {
            writer.select(0).expect("memory takes all");
            writer.resize(1, 0).expect("memory takes all");
            writer.record(&one(None), None).expect("memory takes all");
        });
        assert_eq!(hex(&file), "524544495330303131fe00fb010000016b0176ff820b95885e256313");
        let file = finished(Version::REDIS_11, |writer| {
            writer.select(0).expect("memory takes all");
            writer.resize(1, 1).expect("memory takes all");
            writer.record(&one(Some(1_700_000_000_000)), None).expect("memory takes all");
        });
        let expected = "524544495330303131fe00fb0101fc0068e5cf8b01000000016b0176ff021a35ce8cdc4de1";
        assert_eq!(hex(&file), expected);
    }

    #[test]
    fn how_much_a_key_was_used_stands_before_it() {
        let write = |usage| {
            finished(Version::REDIS_11, |writer| {
                writer.record(&one(None), Some(usage)).expect("memory takes all");
            })
        };
        assert_eq!(write(Usage::Idle(300))[9..16], *b"\xf8\x41\x2c\0\x01k\x01");
        assert_eq!(write(Usage::Frequency(9))[9..15], *b"\xf9\x09\0\x01k\x01");
    }

    #[test]
    fn a_sink_that_fails_is_told_of_and_written_to_no_more() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                assert_eq!(self.0, 1, "it has failed before");
                Err(io::Error::new(io::ErrorKind::StorageFull, bytes.len().to_string()))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = Writer::new(Full(0), Options { compress: false, ..Options::default() });
        let long: KeyRecord = Record::new(b"k", new_string(&[b'x'; 200_000]), None, 0);
        let error = writer.record(&long, None).expect_err("the sink is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
