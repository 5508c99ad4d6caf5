//! Requests with numbers to be filled in: written as in redis-cli, `#` where a number of twelve digits goes.

/// Decimal digits of a number.
const DIGITS: usize = 12;

/// Requests of one kind that stand ready in memory; only their numbers change.
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the numbers go.
    holes: Vec<usize>,
}

impl Template {
    /// `depth` times the request in this line.
    pub(crate) fn new(line: &str, depth: usize) -> Template {
        let words: Vec<&str> = line.split(' ').collect();
        let mut template = Template { bytes: Vec::new(), holes: Vec::new() };
        for _ in 0..depth {
            template.bytes.extend(format!("*{}\r\n", words.len()).bytes());
            words.iter().for_each(|word| template.push_word(word));
        }
        template
    }

    /// `depth` times a request of these bytes.
    pub(crate) fn inline(line: &str, depth: usize) -> Template {
        Template { bytes: format!("{line}\r\n").repeat(depth).into_bytes(), holes: Vec::new() }
    }

    fn push_word(&mut self, word: &str) {
        let length = word.len() + word.matches('#').count() * (DIGITS - 1);
        self.bytes.extend(format!("${length}\r\n").bytes());
        for byte in word.bytes() {
            if byte == b'#' {
                self.holes.push(self.bytes.len());
                self.bytes.extend([b'0'; DIGITS]);
            } else {
                self.bytes.push(byte);
            }
        }
        self.bytes.extend(b"\r\n");
    }

    /// The wire form, with the next numbers filled in.
    pub(crate) fn with_numbers(&mut self, mut next: impl FnMut() -> u64) -> &[u8] {
        for &hole in &self.holes {
            let mut number = next();
            for digit in self.bytes[hole..hole + DIGITS].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Kind, append_request};
    use super::*;

    #[test]
    fn lines_of_kinds_are_their_requests() {
        for kind in Kind::ALL {
            let mut request = Vec::new();
            append_request(&mut request, kind, 123);
            assert_eq!(Template::new(kind.line(), 1).with_numbers(|| 123), request);
        }
    }

    #[test]
    fn numbers_go_where_the_line_has_them() {
        let mut template = Template::new("ZADD z 1# m:#", 2);
        let mut number = 8;
        let bytes = template.with_numbers(|| {
            number += 1;
            number
        });
        let one = |score: u64, member: u64| {
            format!(
                "*4\r\n$4\r\nZADD\r\n$1\r\nz\r\n$13\r\n1{score:012}\r\n$14\r\nm:{member:012}\r\n"
            )
        };
        assert_eq!(
            bytes.escape_ascii().to_string(),
            (one(9, 10) + &one(11, 12)).escape_default().to_string()
        );
        assert_eq!(Template::inline("PING", 2).with_numbers(|| 0), b"PING\r\nPING\r\n");
    }
}
