//! How a snapshot comes from a primary: of a length that is told before, or up to a mark that is.

use base::number;
use memchr::memmem;

/// How long a mark is, in bytes.
pub const MARK_BYTES: usize = 40;

/// How a snapshot comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// It has so many bytes.
    Sized(u64),
    /// It ends where these bytes come, which are not in it.
    Marked([u8; MARK_BYTES]),
}

/// Why no snapshot comes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PayloadError {
    /// The primary could not make it.
    #[error("MASTER aborted replication with an error: {0}")]
    Aborted(String),
    /// It does not begin as one does.
    #[error(
        "Bad protocol from MASTER, the first byte is not '$' (we received '{0}'), are you sure the host and port are right?"
    )]
    Unexpected(String),
}

impl Payload {
    /// What the line before a snapshot tells, without its end; `None` where it is a sign of life.
    ///
    /// # Errors
    ///
    /// Where it tells that none comes, or makes no sense.
    pub fn parse(line: &[u8]) -> Result<Option<Payload>, PayloadError> {
        let told = |line: &[u8]| line[..line.len().min(64)].escape_ascii().to_string();
        if line.is_empty() {
            return Ok(None);
        }
        if let Some(error) = line.strip_prefix(b"-") {
            return Err(PayloadError::Aborted(told(error)));
        }
        let payload = line.strip_prefix(b"$").and_then(|what| match what.strip_prefix(b"EOF:") {
            Some(mark) => mark.try_into().ok().map(Payload::Marked),
            None => number::parse_u64(what).map(Payload::Sized),
        });
        payload.map(Some).ok_or_else(|| PayloadError::Unexpected(told(line)))
    }
}

/// Looks for the mark that ends a snapshot in what comes, however that is cut.
#[derive(Debug)]
pub struct MarkSearch {
    mark: [u8; MARK_BYTES],
    /// The last bytes that came, fewer than the mark has, which may be its beginning.
    held: Vec<u8>,
}

impl MarkSearch {
    /// Looks for this mark.
    #[must_use]
    pub const fn new(mark: [u8; MARK_BYTES]) -> MarkSearch {
        MarkSearch { mark, held: Vec::new() }
    }

    /// Takes in what has come, and appends to `out` what is certain to be the snapshot's. Where the mark has come: how many of the last bytes are behind it. Nothing
    /// may be taken in after that.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        // Where what is held and what comes meet: there the mark may be cut.
        let begin = out.len();
        out.append(&mut self.held);
        out.extend_from_slice(bytes);
        if let Some(found) = memmem::find(&out[begin..], &self.mark) {
            let behind = out.len() - (begin + found + MARK_BYTES);
            out.truncate(begin + found);
            return Some(behind);
        }
        let certain = (out.len() + 1).saturating_sub(MARK_BYTES).max(begin);
        self.held.extend_from_slice(&out[certain..]);
        out.truncate(certain);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;

    #[test]
    fn the_line_before_a_snapshot_is_read_or_refused() {
        let mark = [b'a'; MARK_BYTES];
        let marked = [b"$EOF:", &mark[..]].concat();
        assert_eq!(Payload::parse(&marked), Ok(Some(Payload::Marked(mark))));
        assert_eq!(Payload::parse(b"$173"), Ok(Some(Payload::Sized(173))));
        assert_eq!(Payload::parse(b""), Ok(None));
        assert_eq!(Payload::parse(b"-ERR no"), Err(PayloadError::Aborted("ERR no".to_owned())));
        for line in
            [&b"$"[..], b"$-1", b"$EOF:", b"$99999999999999999999", b"+OK", b"$EOF:ab", b"\0"]
        {
            assert!(matches!(Payload::parse(line), Err(PayloadError::Unexpected(_))), "{line:?}");
        }
        assert!(Payload::parse(&[&marked[..], b"x"].concat()).is_err(), "the mark is too long");
    }

    #[test]
    fn the_mark_is_found_however_what_comes_is_cut() {
        let seed = 9;
        let mut rng = Rng::from_seed(seed);
        for round in 0..2000 {
            let mut mark = [0; MARK_BYTES];
            mark.fill_with(|| b"ab"[rng.below(2) as usize]);
            // It is full of beginnings of the mark.
            let mut snapshot = Vec::new();
            for _ in 0..rng.below(8) {
                snapshot.extend_from_slice(&mark[..rng.below(MARK_BYTES as u64) as usize]);
                snapshot.push(b'c');
            }
            let stream = [&snapshot[..], &mark, b"behind"].concat();
            let (mut search, mut out, mut at) = (MarkSearch::new(mark), Vec::new(), 0);
            let behind = loop {
                assert!(at < stream.len(), "seed {seed}, round {round}: the mark was missed");
                let end = stream.len().min(at + 1 + rng.below(50) as usize);
                let found = search.take(&stream[at..end], &mut out);
                at = end;
                if let Some(behind) = found {
                    break behind;
                }
                assert!(out.len() <= snapshot.len());
            };
            assert_eq!(out, snapshot, "seed {seed}, round {round}");
            assert_eq!(&stream[at - behind..], &b"behind"[..], "seed {seed}, round {round}");
        }
    }
}
