//! Counting replies of any kind as their bytes come. An error is an error of the run.

use anyhow::{Context, Result, bail};

/// The state between two reads.
#[derive(Default)]
pub(crate) struct Replies {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// Bytes of a string, and of the line's end behind it, that have not come.
    rest: usize,
    /// Values that are missing to the reply that has begun.
    missing: usize,
}

impl Replies {
    /// Takes what has come; how many replies it has completed.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<usize> {
        let mut complete = 0;
        loop {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            if self.rest > 0 {
                return Ok(complete);
            }
            if self.missing == 1 && skipped > 0 {
                (self.missing, complete) = (0, complete + 1);
            } else if skipped > 0 {
                self.missing -= 1;
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return Ok(complete);
            };
            if self.line.is_empty() {
                complete += self.take_line(&bytes[..=end])?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..=end]);
                complete += self.take_line(&line)?;
            }
            bytes = &bytes[end + 1..];
        }
    }

    /// Takes one line; 1 where it completes a reply.
    fn take_line(&mut self, line: &[u8]) -> Result<usize> {
        let missing = self.missing.max(1);
        let length = || -> Result<i64> {
            let digits = std::str::from_utf8(&line[1..])?.trim();
            digits.parse().with_context(|| format!("a length of {digits:?}"))
        };
        self.missing = match line[0] {
            b'+' | b':' => missing - 1,
            b'$' => match usize::try_from(length()?) {
                Ok(length) => {
                    self.rest = length + b"\r\n".len();
                    missing
                }
                Err(_) => missing - 1,
            },
            b'*' => missing - 1 + usize::try_from(length()?).unwrap_or(0),
            _ => bail!("a reply is not what it must be: {}", line.escape_ascii()),
        };
        Ok(usize::from(self.missing == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_wherever_reads_end() {
        let stream =
            b"+OK\r\n:5\r\n$3\r\nab\n\r\n$-1\r\n$0\r\n\r\n*0\r\n*-1\r\n*2\r\n$1\r\nx\r\n*2\r\n:1\r\n$2\r\nyy\r\n+END\r\n";
        for size in 1..=stream.len() {
            let mut replies = Replies::default();
            let counts = stream.chunks(size).map(|part| replies.take(part).expect("no error"));
            assert_eq!(counts.sum::<usize>(), 9, "in parts of {size}");
        }
        assert!(Replies::default().take(b"-ERR no\r\n").is_err());
    }
}
