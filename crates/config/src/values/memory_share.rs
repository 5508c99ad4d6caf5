//! `maxmemory-clients`: a number of bytes, or a share of `maxmemory`.

use crate::directive::{Line, Rule};
use crate::refusal::Refusal;
use crate::setting::{Input, Setting, memory, memory_for_file};

/// An amount of memory, by itself or as a part of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryShare {
    /// So many bytes; 0 is no limit.
    Bytes(u64),
    /// So many hundredths of `maxmemory`, 1 to 100.
    Percent(u8),
}

impl Default for MemoryShare {
    fn default() -> MemoryShare {
        MemoryShare::Bytes(0)
    }
}

impl MemoryShare {
    /// The amount in bytes, given `maxmemory`; 0 is no limit.
    #[must_use]
    pub fn of(self, maxmemory: u64) -> u64 {
        match self {
            MemoryShare::Bytes(bytes) => bytes,
            MemoryShare::Percent(percent) => {
                let bytes = u128::from(maxmemory) * u128::from(percent) / 100;
                u64::try_from(bytes).expect("a percentage is at most 100")
            }
        }
    }
}

impl Setting for MemoryShare {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let word = input.word()?;
        *self = match word.strip_suffix(b"%") {
            Some(digits) => {
                let percent = base::number::parse_u64(digits).ok_or(Refusal::MemoryOrPercent)?;
                match u8::try_from(percent) {
                    Ok(0) => MemoryShare::Bytes(0),
                    Ok(percent @ ..=100) => MemoryShare::Percent(percent),
                    _ => return Err(Refusal::Percent),
                }
            }
            None => MemoryShare::Bytes(memory(word).ok_or(Refusal::MemoryOrPercent)?),
        };
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        match self {
            MemoryShare::Bytes(bytes) => out.extend(bytes.to_string().bytes()),
            MemoryShare::Percent(percent) => out.extend(format!("{percent}%").bytes()),
        }
    }

    fn lines(&self, default: &Self, _: &Rule) -> Vec<Line> {
        let value = match self {
            MemoryShare::Bytes(bytes) => memory_for_file(*bytes),
            MemoryShare::Percent(percent) => format!("{percent}%").into_bytes(),
        };
        vec![Line { value: Some(value), changed: self != default }]
    }
}
