//! How values of each type are read from words and written back: the plain types.
//!
//! Types with a grammar of their own are in `values/`.

use crate::directive::{Check, Line, Rule};
use crate::refusal::Refusal;
use base::words;
use core::net::{Ipv4Addr, Ipv6Addr};

/// The longest host name, as the bus protocol bounds it, in bytes.
const HOSTNAME_BYTES_MAX: usize = 255;

/// The longest address that fits a bus packet, in bytes.
const ADDRESS_BYTES_MAX: usize = 45;

/// What a directive is given.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// The directive's name.
    pub(crate) name: &'static str,
    /// The rule that the value must obey.
    pub(crate) rule: &'a Rule,
    /// The words: exactly one, unless the rule takes words.
    pub(crate) words: &'a [Vec<u8>],
    /// Whether the words are added to what earlier lines of the same file said (only `save` asks).
    pub(crate) again: bool,
}

impl Input<'_> {
    /// The one word of a directive that takes one.
    pub(crate) fn word(&self) -> Result<&[u8], Refusal> {
        match self.words {
            [word] => Ok(word),
            _ => Err(Refusal::Count),
        }
    }
}

/// A type of which a directive's value can be.
pub(crate) trait Setting: PartialEq {
    /// Takes the value that the words mean. After a refusal the old value may be half overwritten:
    /// callers work on a copy.
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal>;

    /// Appends the value as CONFIG GET shows it.
    fn text(&self, rule: &Rule, out: &mut Vec<u8>);

    /// The lines that say this value in a file, each without the name.
    fn lines(&self, default: &Self, rule: &Rule) -> Vec<Line> {
        let mut value = Vec::new();
        self.text(rule, &mut value);
        vec![Line { value: Some(value), changed: self != default }]
    }
}

impl Setting for bool {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let word = input.word()?;
        *self = match () {
            () if word.eq_ignore_ascii_case(b"yes") => true,
            () if word.eq_ignore_ascii_case(b"no") => false,
            () => return Err(Refusal::YesNo),
        };
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        out.extend(if *self { &b"yes"[..] } else { b"no" });
    }
}

macro_rules! integer_settings {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
                let value = number(input.rule, input.word()?)?;
                *self = <$type>::try_from(value).expect("a rule is inside its field's type");
                Ok(())
            }
            fn text(&self, rule: &Rule, out: &mut Vec<u8>) {
                out.extend(number_text(rule, i128::from(*self)).bytes());
            }
            fn lines(&self, default: &Self, rule: &Rule) -> Vec<Line> {
                let value = Some(number_for_file(rule, i128::from(*self)));
                vec![Line { value, changed: self != default }]
            }
        }
    )+};
}

integer_settings!(u16, u32, u64, i32, i64);

/// The number that `word` is under `rule`, inside its bounds.
fn number(rule: &Rule, word: &[u8]) -> Result<i128, Refusal> {
    let (value, min, max) = match *rule {
        Rule::Integer(min, max) => {
            (base::number::parse_i64(word).ok_or(Refusal::Integer)?.into(), min.into(), max.into())
        }
        Rule::Octal(min, max) => (octal(word).ok_or(Refusal::Octal)?, min.into(), max.into()),
        Rule::Memory(min, max) => {
            (memory(word).ok_or(Refusal::Memory)?.into(), min.into(), max.into())
        }
        Rule::SignedMemory(min, max) => {
            let negative = base::number::parse_i64(word).filter(|value| *value < 0);
            let value = match negative {
                Some(value) => value.into(),
                None => memory(word).ok_or(Refusal::Memory)?.into(),
            };
            (value, min.into(), max.into())
        }
        Rule::YesNo
        | Rule::MemoryOrPercent
        | Rule::Choice(_)
        | Rule::Text(_)
        | Rule::Events
        | Rule::Words(_) => unreachable!("the table gives integer fields integer rules"),
    };
    if (min..=max).contains(&value) { Ok(value) } else { Err(range(rule, min, max)) }
}

fn range(rule: &Rule, min: i128, max: i128) -> Refusal {
    Refusal::Range { min: number_text(rule, min), max: number_text(rule, max) }
}

fn number_text(rule: &Rule, value: i128) -> String {
    if let Rule::Octal(..) = rule { format!("{value:o}") } else { value.to_string() }
}

fn number_for_file(rule: &Rule, value: i128) -> Vec<u8> {
    match (rule, u64::try_from(value)) {
        (Rule::Memory(..) | Rule::SignedMemory(..), Ok(bytes)) => memory_for_file(bytes),
        _ => number_text(rule, value).into_bytes(),
    }
}

/// An octal number as strtoll reads it in base 8, as far as the table needs it: empty is zero.
fn octal(word: &[u8]) -> Option<i128> {
    word.iter().try_fold(0i128, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add((digit - b'0').into()),
        _ => None,
    })
}

/// A number of bytes: `1k` is 1000, `1kb` 1024, in letters of any case. No digits are zero, as
/// Redis has it. Unlike there, what does not fit 64 bits is refused, and not taken modulo 2^64.
#[must_use]
pub fn memory(word: &[u8]) -> Option<u64> {
    let digits = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    digits
        .iter()
        .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?
        .checked_mul(unit)
}

/// A number of bytes in the largest binary unit that divides it.
pub(crate) fn memory_for_file(bytes: u64) -> Vec<u8> {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift).into_bytes();
        }
    }
    bytes.to_string().into_bytes()
}

impl Setting for Vec<u8> {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let word = input.word()?;
        let Rule::Text(check) = *input.rule else {
            unreachable!("the table gives text fields text rules")
        };
        check_text(input.name, check, word)?;
        *self = word.to_vec();
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        out.extend(self);
    }

    fn lines(&self, default: &Self, _: &Rule) -> Vec<Line> {
        vec![quoted_line(self, default)]
    }
}

impl Setting for String {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let mut bytes = Vec::new();
        Setting::set(&mut bytes, input)?;
        *self = String::from_utf8(bytes).map_err(|_| Refusal::Special("argument must be UTF-8"))?;
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        out.extend(self.bytes());
    }

    fn lines(&self, default: &Self, _: &Rule) -> Vec<Line> {
        vec![quoted_line(self.as_bytes(), default.as_bytes())]
    }
}

/// Text is always quoted. Where empty means unset, an empty one needs no line.
pub(crate) fn quoted_line(value: &[u8], default: &[u8]) -> Line {
    if value.is_empty() && default.is_empty() {
        return Line { value: None, changed: false };
    }
    let mut quoted = Vec::new();
    words::push_quoted(&mut quoted, value);
    Line { value: Some(quoted), changed: value != default }
}

fn check_text(name: &'static str, check: Check, word: &[u8]) -> Result<(), Refusal> {
    let refuse_unless = |good: bool, refusal: Refusal| if good { Ok(()) } else { Err(refusal) };
    match check {
        Check::Any => Ok(()),
        Check::NotEmpty => refuse_unless(!word.is_empty(), Refusal::Empty(name)),
        Check::FileName => {
            refuse_unless(!word.is_empty(), Refusal::Empty(name))?;
            refuse_unless(!word.contains(&b'/'), Refusal::NotAFileName(name))
        }
        Check::Hostname => {
            let long = Refusal::Special("Hostnames must be less than 256 characters");
            let odd = "Hostnames may only contain alphanumeric characters, hyphens or dots";
            refuse_unless(word.len() <= HOSTNAME_BYTES_MAX, long)?;
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            refuse_unless(word.iter().all(plain), Refusal::Special(odd))
        }
        Check::Address => {
            refuse_unless(word.len() <= ADDRESS_BYTES_MAX, Refusal::TooLong(name))?;
            refuse_unless(is_one_field(word), Refusal::Character(name))
        }
        Check::NodeName => {
            let odd = "Announced human node name contained invalid character";
            refuse_unless(is_one_field(word), Refusal::Special(odd))
        }
        Check::Ipv4 => refuse_unless(
            word.is_empty() || parses_as::<Ipv4Addr>(word),
            Refusal::Special("Invalid IPv4 address"),
        ),
        Check::Ipv6 => refuse_unless(
            word.is_empty() || parses_as::<Ipv6Addr>(word),
            Refusal::Special("Invalid IPv6 address"),
        ),
        Check::Title => {
            let odd = "template format is invalid or contains unknown variables";
            refuse_unless(is_title_template(word), Refusal::Special(odd))
        }
        Check::Locale => refuse_unless(
            matches!(word, b"" | b"C" | b"POSIX"),
            Refusal::Special("Invalid locale name"),
        ),
        Check::Version => refuse_unless(
            is_version(word),
            Refusal::Special("argument must be a version of three numbers, such as 7.2.4"),
        ),
        Check::NoRdma => {
            refuse_unless(word.is_empty(), Refusal::Special("No RDMA building support."))
        }
    }
}

fn parses_as<T: std::str::FromStr>(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|text| text.parse::<T>().is_ok())
}

/// Whether the word can be a field of a line of CLUSTER NODES: the signs that Valkey allows there.
fn is_one_field(word: &[u8]) -> bool {
    word.iter().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'/' | b':' | b'_' | b'`')
            || !byte.is_ascii()
    })
}

/// Whether each brace names a variable, and something is left where a variable may be empty.
fn is_title_template(word: &[u8]) -> bool {
    // What is not empty in every process stands as something; the title itself is empty when this
    // is checked.
    let mut shown = false;
    let mut rest = word;
    while let [first, after @ ..] = rest {
        if *first != b'{' {
            shown |= !first.is_ascii_whitespace();
            rest = after;
            continue;
        }
        let Some(end) = after.iter().position(|byte| *byte == b'}') else { return false };
        let (variable, tail) = after.split_at(end);
        match variable {
            b"title" | b"unixsocket" | b"config-file" | b"server-mode" => {}
            b"listen-addr" | b"port" | b"tls-port" => shown = true,
            _ => return false,
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    shown
}

fn is_version(word: &[u8]) -> bool {
    let mut parts = 0;
    word.split(|byte| *byte == b'.').all(|part| {
        parts += 1;
        (1..=5).contains(&part.len()) && part.iter().all(u8::is_ascii_digit)
    }) && parts == 3
}

/// A type whose values are names.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// Each name with its value. Where two names have one value, the first is shown.
    const NAMES: &'static [(&'static str, Self)];

    /// The names, in order.
    fn names() -> Vec<&'static str> {
        Self::NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// The value of a name, in letters of any case.
    fn named(word: &[u8]) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
            .map(|(_, value)| *value)
    }
}

impl<T: Choice> Setting for T {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let word = input.word()?;
        *self = T::named(word).ok_or_else(|| Refusal::Choice(T::names().join(", ")))?;
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        let name = T::NAMES.iter().find(|(_, value)| value == self).map(|(name, _)| *name);
        out.extend(name.expect("each variant has a name").bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_values_have_redis_units() {
        for (word, expected) in [
            ("1k", Some(1000)),
            ("1Kb", Some(1024)),
            ("1m", Some(1_000_000)),
            ("1mb", Some(1 << 20)),
            ("1G", Some(1_000_000_000)),
            ("1gB", Some(1 << 30)),
            ("1b", Some(1)),
            ("017", Some(17)),
            ("k", Some(0)),
            ("", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("20000000000g", None),
            ("1t", None),
            ("1 k", None),
            ("1.5k", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("0x10", None),
        ] {
            assert_eq!(memory(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn memory_is_written_in_the_largest_unit_that_divides_it() {
        for (bytes, expected) in [
            (0, "0"),
            (1, "1"),
            (1000, "1000"),
            (1024, "1kb"),
            (1536, "1536"),
            (1025 << 10, "1025kb"),
            (100 << 20, "100mb"),
            (3 << 30, "3gb"),
        ] {
            assert_eq!(memory_for_file(bytes), expected.as_bytes());
        }
    }

    #[test]
    fn titles_need_known_variables_and_something_to_show() {
        for good in ["a", "a;b", "(", "{port}", "{title} {listen-addr} {server-mode}"] {
            assert!(is_title_template(good.as_bytes()), "{good}");
        }
        for bad in ["", "{title}", "{title} {bad}", "{", "{title", "{x}"] {
            assert!(!is_title_template(bad.as_bytes()), "{bad}");
        }
    }
}
