//! A file, read one thing at a time.

use super::decode::Decoder;
use super::error::{Cause, LoadError};
use super::format::{is_kind, opcode};
use super::value::{self, Loaded};
use super::{Usage, Version};
use base::Slot;
use base::number::parse_u64;
use collections::NewValue;
use engine::Object;
use std::io::Read;
use values::Rules;

/// So many bytes are asked for at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// What stands in a file.
#[derive(Debug)]
pub enum Event<'a> {
    /// A name and a text about the file.
    Aux(&'a [u8], &'a [u8]),
    /// The source of a library of functions.
    Function(&'a [u8]),
    /// The number of the database whose keys follow; whether there is one of that number is for the caller to see.
    Select(u64),
    /// How many keys follow, and how many of them expire: a hint that may be wrong.
    Resize {
        /// Keys.
        keys: u64,
        /// Those that expire.
        volatile: u64,
    },
    /// How many keys of a slot follow, and how many of them expire: a hint that may be wrong.
    Slot {
        /// Whose keys follow.
        slot: Slot,
        /// Keys.
        keys: u64,
        /// Those that expire.
        volatile: u64,
    },
    /// A key.
    Key(Key<'a>),
    /// A key whose value had no elements, as faulty writers leave them; it is not to be loaded.
    EmptyKey(&'a [u8]),
}

/// A key and what belongs to it.
#[derive(Debug)]
pub struct Key<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value, as it is stored.
    pub value: NewValue<'a, Object>,
    /// When it expires: milliseconds since 1970-01-01 UTC.
    pub expire_at: Option<i64>,
    /// How much it was used, where that was kept.
    pub usage: Option<Usage>,
}

/// Reads a file. Nothing of it is believed before it is checked, and memory is taken for what has come alone.
pub struct Reader<R> {
    decoder: Decoder<R>,
    version: Version,
    rules: Rules,
    name: Vec<u8>,
    text: Vec<u8>,
    verifies: bool,
    /// The checksum that stands at the end, once that was come to.
    checksum: Option<u64>,
    is_at_end: bool,
    doing: Doing,
}

/// What a reader is at, as tools tell it where something is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// The head of the file.
    Start,
    /// What follows: a key of a type, or something else.
    Type,
    /// When the next key expires, or how much it was used.
    KeyInfo,
    /// The name of a key of this type.
    Key(u8),
    /// The value of a key of this type; its name is [`Reader::name`].
    Value(u8),
    /// What is no key.
    Other,
    /// The checksum.
    Checksum,
}

/// What the bytes between two events were.
enum Next {
    Aux,
    SlotAux(Slot, u64, u64),
    Function,
    Select(u64),
    Resize(u64, u64),
    Slot(Slot, u64, u64),
    Key(Loaded, Option<i64>, Option<Usage>),
}

impl<R: Read> Reader<R> {
    /// Begins to read a file. `rules` say how values are laid out; whether the checksum is verified, where there is one, is `verifies`.
    ///
    /// # Errors
    ///
    /// Where it is no file of this kind, or of a version that is not read.
    pub fn new(input: R, rules: Rules, verifies: bool) -> Result<Reader<R>, LoadError> {
        let mut decoder = Decoder::new(input, BLOCK_BYTES);
        let version = read_version(&mut decoder)?;
        Ok(Reader {
            decoder,
            version,
            rules,
            name: Vec::new(),
            text: Vec::new(),
            verifies,
            checksum: None,
            is_at_end: false,
            doing: Doing::Type,
        })
    }

    /// The version of the file.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// What it is at, or was where something is wrong.
    #[must_use]
    pub fn doing(&self) -> Doing {
        self.doing
    }

    /// The name that was read last.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The checksum behind the file, once the end was come to; zero and `None` say that there is none.
    #[must_use]
    pub fn checksum(&self) -> Option<u64> {
        self.checksum
    }

    /// The next thing in the file; none at its end, which is where the checksum is right.
    ///
    /// # Errors
    ///
    /// Where something is not as it has to be. Nothing more is to be read then.
    // It lends what it gives, which an iterator cannot.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, LoadError> {
        Ok(self.next_with_end()?.map(|(event, _)| event))
    }

    /// The same, and how many bytes have been read then.
    pub(super) fn next_with_end(&mut self) -> Result<Option<(Event<'_>, u64)>, LoadError> {
        let Some(next) = self.advance()? else { return Ok(None) };
        let end = self.decoder.offset();
        let (name, text) = (&self.name[..], &self.text[..]);
        let event = match next {
            Next::Aux => Event::Aux(name, text),
            Next::Function => Event::Function(text),
            Next::Select(database) => Event::Select(database),
            Next::Resize(keys, volatile) => Event::Resize { keys, volatile },
            Next::Slot(slot, keys, volatile) | Next::SlotAux(slot, keys, volatile) => {
                Event::Slot { slot, keys, volatile }
            }
            Next::Key(loaded, expire_at, usage) => match loaded.into_new(text) {
                Some(value) => Event::Key(Key { name, value, expire_at, usage }),
                None => Event::EmptyKey(name),
            },
        };
        Ok(Some((event, end)))
    }

    fn advance(&mut self) -> Result<Option<Next>, LoadError> {
        let (mut expire_at, mut usage) = (None, None);
        if self.is_at_end {
            return Ok(None);
        }
        loop {
            let decoder = &mut self.decoder;
            let is_valkey = matches!(self.version, Version::Valkey(_));
            self.doing = Doing::Type;
            let opcode = decoder.byte()?;
            self.doing = match opcode {
                opcode::EXPIRE_SECONDS | opcode::EXPIRE_MS | opcode::FREQUENCY | opcode::IDLE => {
                    Doing::KeyInfo
                }
                opcode::EOF => Doing::Checksum,
                opcode::SLOT_INFO.. => Doing::Other,
                opcode::SLOT_IMPORT if is_valkey => Doing::Other,
                kind if is_kind(kind) => Doing::Key(kind),
                _ => return Err(decoder.fail(Cause::Type(opcode))),
            };
            return Ok(Some(match opcode {
                opcode::EOF => {
                    self.finish()?;
                    return Ok(None);
                }
                opcode::SELECT => Next::Select(decoder.length()?),
                opcode::EXPIRE_SECONDS => {
                    let seconds = i32::from_le_bytes(decoder.array()?);
                    expire_at = Some(i64::from(seconds) * 1000);
                    continue;
                }
                opcode::EXPIRE_MS => {
                    expire_at = Some(decoder.time()?);
                    continue;
                }
                opcode::FREQUENCY => {
                    usage = Some(Usage::Frequency(decoder.byte()?));
                    continue;
                }
                opcode::IDLE => {
                    usage = Some(Usage::Idle(decoder.length()?));
                    continue;
                }
                opcode::RESIZE => Next::Resize(decoder.length()?, decoder.length()?),
                opcode::AUX => {
                    decoder.string_into(&mut self.name)?;
                    decoder.string_into(&mut self.text)?;
                    match slot_of_aux(&self.name, &self.text) {
                        Some((slot, keys, volatile)) => Next::SlotAux(slot, keys, volatile),
                        None => Next::Aux,
                    }
                }
                opcode::FUNCTION => {
                    decoder.string_into(&mut self.text)?;
                    Next::Function
                }
                opcode::FUNCTION_PRE_GA => {
                    return Err(decoder.malformed("no functions of a release candidate"));
                }
                opcode::SLOT_INFO => {
                    let slot = u16::try_from(decoder.length()?).ok().and_then(Slot::new);
                    let slot = slot.ok_or_else(|| decoder.malformed("the number of a slot"))?;
                    Next::Slot(slot, decoder.length()?, decoder.length()?)
                }
                opcode::SLOT_IMPORT => {
                    skip_slot_import(decoder)?;
                    continue;
                }
                opcode::MODULE_AUX => return Err(decoder.fail(Cause::Module)),
                kind => {
                    decoder.string_into(&mut self.name)?;
                    self.doing = Doing::Value(kind);
                    let kind = (kind, self.version);
                    let loaded = value::read(decoder, kind, &mut self.text, &self.rules)?;
                    Next::Key(loaded, expire_at, usage)
                }
            }));
        }
    }

    fn finish(&mut self) -> Result<(), LoadError> {
        self.is_at_end = true;
        if !self.version.has(5) {
            return Ok(());
        }
        let found = self.decoder.checksum();
        let expected = u64::from_le_bytes(self.decoder.array()?);
        self.checksum = Some(expected);
        if self.verifies && expected != 0 && expected != found {
            return Err(self.decoder.fail(Cause::Checksum { found, expected }));
        }
        Ok(())
    }
}

/// The nine bytes that a file begins with.
fn read_version<R: Read>(decoder: &mut Decoder<R>) -> Result<Version, LoadError> {
    let not_rdb = |decoder: &Decoder<R>| decoder.fail(Cause::NotRdb);
    let head = match decoder.array::<9>() {
        Ok(head) => head,
        Err(error) if error.cause.is_truncation() => return Err(not_rdb(decoder)),
        Err(error) => return Err(error),
    };
    let number = |digits: &[u8]| {
        let text =
            std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
        text.and_then(|text| text.parse::<u16>().ok())
    };
    let version = if let Some(digits) = head.strip_prefix(b"REDIS") {
        number(digits).map(Version::Redis)
    } else {
        head.strip_prefix(b"VALKEY").and_then(number).map(Version::Valkey)
    };
    match version {
        None => Err(not_rdb(decoder)),
        Some(version) if !version.is_read() => Err(decoder.fail(Cause::Version(version))),
        Some(version) => Ok(version),
    }
}

/// What Valkey says of a slot in the place of an opcode: its number, keys, those that expire, and perhaps more.
fn slot_of_aux(name: &[u8], text: &[u8]) -> Option<(Slot, u64, u64)> {
    if name != b"slot-info" {
        return None;
    }
    let mut numbers = text.split(|&byte| byte == b',').map(parse_u64);
    let slot = Slot::new(u16::try_from(numbers.next()??).ok()?)?;
    Some((slot, numbers.next()??, numbers.next()??))
}

/// Slots that were on their way to the writer: it is for the cluster to see to them.
fn skip_slot_import<R: Read>(decoder: &mut Decoder<R>) -> Result<(), LoadError> {
    decoder.skip_string()?;
    for _ in 0..decoder.length()? {
        decoder.length()?;
        decoder.length()?;
    }
    Ok(())
}
