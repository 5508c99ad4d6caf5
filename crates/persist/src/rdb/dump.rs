//! One value by itself, as DUMP gives it and RESTORE takes it: `type | value | version u16 | CRC64`, little-endian.

use super::decode::Decoder;
use super::encode::Encoder;
use super::error::{Cause, LoadError};
use super::form::Form;
use super::value;
use super::{Checksum, Version};
use collections::NewValue;
use engine::{KeyRecord, Object};
use values::Rules;

/// The version and the checksum.
const FOOTER_BYTES: usize = 2 + 8;

/// From this number on a version is one of Valkey.
const VALKEY_MIN: u16 = 80;

/// The most bytes that are read at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// Why a payload is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is too short, of a version that is not read, or its checksum is wrong.
    #[error("version or checksum is wrong")]
    Footer,
    /// Its value is malformed.
    #[error(transparent)]
    Value(LoadError),
}

/// The payload of a key's value: of the version that the most can read.
///
/// # Panics
///
/// Never: memory takes all that is written.
#[must_use]
pub fn dump(record: &KeyRecord) -> Vec<u8> {
    dump_as(record, Version::REDIS_11)
}

/// The same for servers that read nothing newer than Redis 7.0 does.
#[must_use]
pub fn dump_for_all(record: &KeyRecord) -> Vec<u8> {
    dump_as(record, Version::REDIS_10)
}

/// Of `version`, unless that cannot carry the value.
fn dump_as(record: &KeyRecord, version: Version) -> Vec<u8> {
    let version = if has_field_times(record) { Version::VALKEY_80 } else { version };
    let mut encoder = Encoder::new(Vec::new(), true);
    let form = Form::of(record, version).expect("the version was chosen for the value");
    encoder.byte(form.kind());
    form.write(&mut encoder);
    encoder.bytes(&version.number().to_le_bytes());
    let checksum = encoder.checksum();
    encoder.bytes(&checksum.to_le_bytes());
    encoder.flush().expect("memory takes all");
    encoder.into_sink()
}

fn has_field_times(record: &KeyRecord) -> bool {
    let hash = engine::value_of::<values::Hash>(record);
    hash.is_ok_and(|hash| hash.earliest_time().is_some())
}

/// The value of a payload; whether the checksum has to be right is `verifies`. `text` is overwritten: what is borrowed stands there.
///
/// # Errors
///
/// Where the payload is not taken.
pub fn restore<'t>(
    payload: &[u8],
    verifies: bool,
    rules: &Rules,
    text: &'t mut Vec<u8>,
) -> Result<NewValue<'t, Object>, RestoreError> {
    let (body, version) = checked(payload, verifies).ok_or(RestoreError::Footer)?;
    read(body, version, rules, text).map_err(RestoreError::Value)
}

/// Type and value of a payload whose footer is right, and its version.
fn checked(payload: &[u8], verifies: bool) -> Option<(&[u8], Version)> {
    let (body, footer) = payload.split_last_chunk::<FOOTER_BYTES>()?;
    let (version, checksum) = footer.split_first_chunk::<2>()?;
    let version = match u16::from_le_bytes(*version) {
        number @ VALKEY_MIN.. => Version::Valkey(number),
        number => Version::Redis(number),
    };
    let summed = &payload[..payload.len() - checksum.len()];
    let is_right = !verifies || Checksum::of(summed).to_le_bytes() == checksum;
    (is_right && version.is_read()).then_some((body, version))
}

fn read<'t>(
    body: &[u8],
    version: Version,
    rules: &Rules,
    text: &'t mut Vec<u8>,
) -> Result<NewValue<'t, Object>, LoadError> {
    let mut decoder = Decoder::new(body, body.len().min(BLOCK_BYTES));
    let kind = decoder.byte()?;
    let loaded = value::read(&mut decoder, (kind, version), text, rules)?;
    if decoder.offset() != body.len() as u64 {
        return Err(decoder.malformed("nothing behind the value"));
    }
    let offset = decoder.offset();
    let cause = Cause::Malformed("a value with elements");
    loaded.into_new(text).ok_or(LoadError { offset, cause })
}
