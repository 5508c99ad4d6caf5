//! The known name that a misspelt one most likely means.

/// Names longer than this are not compared: the work is quadratic, and nobody mistypes that far.
const NAME_BYTES_MAX: usize = 64;

/// The candidate that differs from `name` in the fewest places (letters added, dropped, changed or
/// swapped with their neighbour), if that is few enough to be a slip: a third of the letters at
/// most.
pub(crate) fn nearest<'a>(
    name: &[u8],
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    candidates
        .map(|candidate| (distance(&name, candidate.as_bytes()), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// The restricted Damerau-Levenshtein distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut two_up = vec![0; b.len() + 1];
    let mut up: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (up[j] + 1).min(row[j - 1] + 1).min(up[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_up[j - 2] + 1);
            }
        }
        two_up = std::mem::replace(&mut up, row);
    }
    up[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_edits() {
        for (a, b, expected) in
            [("", "", 0), ("a", "", 1), ("prot", "port", 1), ("maxmemry", "maxmemory", 1)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let names = ["port", "maxmemory", "appendonly"];
        let find = |name: &str| nearest(name.as_bytes(), names.into_iter());
        assert_eq!(find("prot"), Some("port"));
        assert_eq!(find("MAXMEMRY"), Some("maxmemory"));
        assert_eq!(find("append-only"), Some("appendonly"));
        assert_eq!(find("xyzzy"), None);
        assert_eq!(find(""), None);
        assert_eq!(find(&"port".repeat(100)), None);
    }
}
