//! Lists of words: addresses to listen on, percentiles, scores for the kernel's out-of-memory
//! killer.

use super::{is_nothing, lenient_integer, push_joined};
use crate::directive::{Line, Rule};
use crate::refusal::Refusal;
use crate::setting::{Input, Setting};
use base::words;

/// How many addresses `bind` takes, as in Redis.
const ADDRESSES_MAX: usize = 16;

/// The addresses to listen on. A `-` before one means that it may be missing; `*` is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<String>);

impl Setting for Addresses {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        if input.words.len() > ADDRESSES_MAX {
            return Err(Refusal::Special("Too many bind addresses specified."));
        }
        self.0.clear();
        if is_nothing(input.words) {
            return Ok(());
        }
        for word in input.words {
            let address = String::from_utf8(word.clone());
            self.0.push(address.map_err(|_| Refusal::Special("argument must be UTF-8"))?);
        }
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        push_joined(out, self.0.iter().cloned());
    }

    fn lines(&self, default: &Self, rule: &Rule) -> Vec<Line> {
        let mut value = Vec::new();
        if self.0.iter().all(|address| is_plain(address)) {
            self.text(rule, &mut value);
        } else {
            for address in &self.0 {
                words::push_quoted(&mut value, address.as_bytes());
                value.push(b' ');
            }
            value.pop();
        }
        // A lone quoted word is cut into words once more when it is read: nothing at all becomes
        // `""`, and one address with odd characters is quoted twice.
        if self.0.is_empty() || (self.0.len() == 1 && value.starts_with(b"\"")) {
            let inner = std::mem::take(&mut value);
            words::push_quoted(&mut value, &inner);
        }
        vec![Line { value: Some(value), changed: self != default }]
    }
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && !b"\"'\\".contains(&b))
}

/// The percentiles of latency that INFO shows, each from 0 to 100.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Setting for Percentiles {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        self.0.clear();
        if is_nothing(input.words) {
            return Ok(());
        }
        for word in input.words {
            let number = std::str::from_utf8(word)
                .ok()
                .filter(|text| text.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b)))
                .and_then(|text| text.parse::<f64>().ok());
            match number {
                Some(percentile @ 0.0..=100.0) => self.0.push(percentile),
                Some(_) => {
                    return Err(Refusal::Special(
                        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
                    ));
                }
                None => {
                    return Err(Refusal::Special(
                        "Invalid latency-tracking-info-percentiles parameters",
                    ));
                }
            }
        }
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        push_joined(out, self.0.iter().map(|percentile| eight_digits(*percentile)));
    }

    /// Unlike what is shown, the file has all digits, so that it means the same.
    fn lines(&self, default: &Self, _: &Rule) -> Vec<Line> {
        let mut value = Vec::new();
        push_joined(&mut value, self.0.iter().map(f64::to_string));
        if value.is_empty() {
            value.extend(b"\"\"");
        }
        vec![Line { value: Some(value), changed: self != default }]
    }
}

/// Six decimals at most, without the zeros at the end.
fn eight_digits(percentile: f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Scores for the out-of-memory killer: as a primary, as a replica, and in a background child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomScores {
    /// While a primary.
    pub primary: i32,
    /// While a replica.
    pub replica: i32,
    /// In a child process.
    pub background: i32,
}

impl Setting for OomScores {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let [primary, replica, background] = input.words else { return Err(Refusal::Count) };
        let score = |word: &Vec<u8>| {
            lenient_integer(word)
                .and_then(|value| i32::try_from(value).ok())
                .filter(|value| (-2000..=2000).contains(value))
                .ok_or(Refusal::Special(
                    "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
                ))
        };
        *self = OomScores {
            primary: score(primary)?,
            replica: score(replica)?,
            background: score(background)?,
        };
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        let OomScores { primary, replica, background } = self;
        out.extend(format!("{primary} {replica} {background}").bytes());
    }
}
