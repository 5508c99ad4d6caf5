//! What the suite printed, read back.

/// What came of a unit.
#[derive(Default, Debug)]
pub(super) struct Outcome {
    passed: usize,
    /// Skipped by our list, or left out by the suite for a tag.
    skipped: usize,
    /// The tests that failed, and the first line of why.
    pub(super) failed: Vec<(String, String)>,
    /// Why the unit did not come to its end.
    pub(super) broken_off: Option<String>,
    /// The test that was told of last.
    pub(super) last: Option<String>,
}

impl Outcome {
    /// Reads the output of one unit.
    pub(super) fn read(text: &str) -> Outcome {
        let text = without_colours(text);
        let mut outcome = Outcome::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            // The failures are told a second time at the end.
            if line.contains("The following tests failed") {
                break;
            }
            let Some((word, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("]: "))
            else {
                continue;
            };
            let name = rest.rsplit_once(" (").map_or(rest, |(name, _)| name);
            match word {
                "ok" => outcome.passed += 1,
                "skip" | "ignore" => outcome.skipped += 1,
                "err" => {
                    let why = lines.peek().copied().unwrap_or_default();
                    let test = rest.rsplit_once(" in tests/").map_or(rest, |(test, _)| test);
                    outcome.failed.push((shortened(test), shortened(why)));
                }
                "exception" => outcome.broken_off = Some(shortened(rest)),
                _ => continue,
            }
            outcome.last = Some(name.to_owned());
        }
        if !text.contains("The End") && outcome.broken_off.is_none() {
            let last = text.lines().last().unwrap_or_default();
            outcome.broken_off = Some(shortened(last));
        }
        outcome
    }

    /// All units together.
    pub(super) fn total(units: &[Outcome]) -> Outcome {
        let mut total = Outcome::default();
        for unit in units {
            total.passed += unit.passed;
            total.skipped += unit.skipped;
            total.failed.extend(unit.failed.iter().cloned());
            total.broken_off = total.broken_off.or_else(|| unit.broken_off.clone());
        }
        total
    }

    /// Whether this test failed.
    pub(super) fn fails(&self, test: &str) -> bool {
        self.failed.iter().any(|(failed, _)| failed == test)
    }

    /// The numbers, in a line.
    pub(super) fn counts(&self) -> String {
        let broken_off = if self.broken_off.is_some() { ", broken off" } else { "" };
        let Outcome { passed, skipped, failed, .. } = self;
        format!("{passed:>4} ok {:>3} failed {skipped:>3} skipped{broken_off}", failed.len())
    }
}

/// What a terminal shows of a text: a test may put a megabyte into its failure.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    text.chars().take(CHARACTERS_MAX).collect()
}

/// A text without its escape sequences.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('\u{1b}');
    plain.extend(parts.next());
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_s_output_is_counted() {
        let text = "[ready]: 1\n[\u{1b}[0;32;49mok\u{1b}[0m]: one (two) (3 ms)\n\
            [\u{1b}[0;31;49merr\u{1b}[0m]: three in tests/unit/x.tcl\nExpected 1\n\
            [\u{1b}[0;36;49mignore\u{1b}[0m]: four: why\n\nThe End\n\
            !!! WARNING The following tests failed:\n[err]: three in tests/unit/x.tcl\n";
        let outcome = Outcome::read(text);
        assert_eq!((outcome.passed, outcome.skipped), (1, 1));
        assert_eq!(outcome.failed, [("three".to_owned(), "Expected 1".to_owned())]);
        assert_eq!(outcome.broken_off, None);
        assert!(Outcome::read("[ok]: one (1 ms)\nboom").broken_off.is_some());
    }
}
