//! Random values of the kinds that forms name: keys of a type, elements, numbers and their edges.
//!
//! There are few of each, so that commands meet: the same elements in several keys, the same numbers as lengths and places.

use base::Rng;

use super::form::pick;

/// The kinds of keys. The keys of a kind are its name and a number, and hold values of one type for the most part.
pub(super) const KEY_KINDS: [&str; 9] =
    ["string", "list", "set", "hash", "zset", "stream", "hll", "geo", "queue"];

/// Those whose keys are also given to commands for other kinds, now and then. The others keep to themselves: a string's commands would write into the registers
/// of a HyperLogLog, sums of places are not always written in the same digits, and what SORT does with sets depends on their hash tables.
const MIXED_KINDS: [&str; 6] = ["string", "list", "set", "hash", "zset", "stream"];

/// How many keys of a kind there are.
const KEYS: u64 = 4;

/// How often a command gets a key of another kind.
const STRAY_PERCENT: u64 = 2;

/// Where random values come from.
pub(super) struct Words {
    pub(super) rng: Rng,
    last_key: Vec<u8>,
    last_entry: u64,
}

const NUMBERS: [&str; 18] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "8",
    "13",
    "100",
    "-1",
    "-2",
    "-3",
    "-100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "4294967296",
    "1.5",
    "x",
];

/// Integers only: Valkey writes a score in three ways, of which two are not always the shortest.
const DOUBLES: [&str; 14] =
    ["0", "1", "2", "3", "4", "5", "7", "-1", "-3", "3e2", "inf", "-inf", "nan", "x"];

const SCORE_BOUNDS: [&str; 10] = ["-inf", "+inf", "0", "1", "2", "(1", "(3", "5", "-1", "x"];

const PATTERNS: [&str; 6] = ["*", "?1", "*1*", "[a-m]*", "f?", "v[^2]"];

/// Two moments, one long gone and one that no run of the test reaches.
const SECONDS: [&str; 5] = ["1", "33000000000", "33000000001", "0", "-5"];

const BOXES: [&str; 4] = ["10", "200", "100000", "0"];

impl Words {
    /// The values of a seed.
    pub(super) fn new(seed: u64) -> Words {
        Words { rng: Rng::from_seed(seed), last_key: Vec::new(), last_entry: 0 }
    }

    /// Appends a value of a kind.
    ///
    /// # Panics
    /// When there is no such kind.
    pub(super) fn write(&mut self, kind: &str, command: &mut Vec<Vec<u8>>) {
        if let Some(one) = kind.strip_suffix('s').filter(|one| KEY_KINDS.contains(one)) {
            return self.write_numbered(one, command);
        }
        let rng = &mut self.rng;
        let word = match kind {
            "same" => self.last_key.clone(),
            "any" => {
                let kind = *pick(rng, &MIXED_KINDS);
                self.key(kind)
            }
            kind if KEY_KINDS.contains(&kind) => self.key(kind),
            "value" => self.value("v"),
            "member" => self.value("m"),
            "field" => self.value("f"),
            "number" => self.number(),
            "index" if rng.percent(80) => (rng.below(20) as i64 - 10).to_string().into_bytes(),
            "count" if rng.percent(85) => rng.below(8).to_string().into_bytes(),
            "index" | "count" => self.number(),
            // For what takes the low 32 bits of larger ones in Valkey, or is undefined in its C for the largest.
            "small" => (rng.below(16) as i64 - 8).to_string().into_bytes(),
            "few" => rng.below(8).to_string().into_bytes(),
            // Products are integers: others are not always written in the same digits. Not 0, whose sign is not always the same.
            "weight" => (1 + rng.below(4)).to_string().into_bytes(),
            "offset" => rng.below(200).to_string().into_bytes(),
            "bit" => rng.below(2).to_string().into_bytes(),
            "double" => choice(rng, &DOUBLES),
            "scorebound" => choice(rng, &SCORE_BOUNDS),
            "pattern" => choice(rng, &PATTERNS),
            "seconds" => choice(rng, &SECONDS),
            "box" => choice(rng, &BOXES),
            "degrees" => format!("{}.{}", rng.below(160) as i64 - 80, rng.below(1000)).into_bytes(),
            "group" => format!("g{}", rng.below(2)).into_bytes(),
            "consumer" => format!("c{}", rng.below(3)).into_bytes(),
            "newid" => {
                self.last_entry += 1;
                format!("{}-{}", 1 + self.last_entry / 3, self.last_entry % 3).into_bytes()
            }
            "id" => self.entry_id(),
            "idbound" => match rng.below(6) {
                0 => b"-".to_vec(),
                1 => b"+".to_vec(),
                2 => [b"(", &*self.entry_id()].concat(),
                _ => self.entry_id(),
            },
            other => panic!("no kind of value is called {other}"),
        };
        command.push(word);
    }

    /// A number of keys, and the keys.
    fn write_numbered(&mut self, kind: &str, command: &mut Vec<Vec<u8>>) {
        let count = 1 + self.rng.below(3);
        let told = if self.rng.percent(2) { self.number() } else { count.to_string().into_bytes() };
        command.push(told);
        for _ in 0..count {
            let key = self.key(kind);
            command.push(key);
        }
    }

    fn key(&mut self, kind: &str) -> Vec<u8> {
        let is_stray = MIXED_KINDS.contains(&kind) && self.rng.percent(STRAY_PERCENT);
        let kind = if is_stray { *pick(&mut self.rng, &MIXED_KINDS) } else { kind };
        self.last_key = format!("{kind}{}", self.rng.below(KEYS)).into_bytes();
        self.last_key.clone()
    }

    fn number(&mut self) -> Vec<u8> {
        choice(&mut self.rng, &NUMBERS)
    }

    /// A number of an entry that may be there.
    fn entry_id(&mut self) -> Vec<u8> {
        let number = self.rng.below(self.last_entry + 4);
        match self.rng.below(8) {
            0 => (number / 3).to_string().into_bytes(),
            1 => b"0".to_vec(),
            _ => format!("{}-{}", 1 + number / 3, number % 3).into_bytes(),
        }
    }

    /// An element, member or field.
    fn value(&mut self, letter: &str) -> Vec<u8> {
        let rng = &mut self.rng;
        match rng.below(100) {
            0..50 => format!("{letter}{}", rng.below(12)).into_bytes(),
            50..80 => rng.below(10).to_string().into_bytes(),
            80..85 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes(),
            85..88 => Vec::new(),
            88..90 => b"007".to_vec(),
            90..92 => b"\x00\xff\r\n".to_vec(),
            92..99 => vec![b'a' + rng.below(3) as u8; 50 + rng.below(30) as usize],
            _ => vec![b'z'; 4000 + rng.below(6000) as usize],
        }
    }
}

/// All keys there may be.
pub(super) fn keys() -> Vec<Vec<u8>> {
    let numbered = |kind| (0..KEYS).map(move |number| format!("{kind}{number}").into_bytes());
    KEY_KINDS.into_iter().flat_map(numbered).collect()
}

fn choice(rng: &mut Rng, items: &[&str]) -> Vec<u8> {
    pick(rng, items).as_bytes().to_vec()
}
