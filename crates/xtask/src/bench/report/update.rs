//! Some rows measured anew, put into a page of a full run.

use std::collections::HashMap;

/// The section that says what was measured when.
const METHOD: &str = "## Machine and method\n";

/// The page with what `rows` has measured in the place of what it had, and with `note`, which says so. What a page has
/// of its rows is the lines of its first table and its sections.
pub(crate) fn updated(page: &str, rows: &str, note: &str) -> String {
    let lines: HashMap<&str, &str> = rows
        .lines()
        .filter(|line| !line.ends_with("| - |"))
        .filter_map(|line| Some((figure(line)?, line)))
        .collect();
    let new: HashMap<&str, &str> = sections(rows).map(|text| (heading(text), text)).collect();
    let mut out = String::new();
    let head = page.split_once("\n## ").map_or(page, |(head, _)| head);
    for line in head.lines() {
        let line = figure(line).and_then(|figure| lines.get(figure)).copied().unwrap_or(line);
        out += line;
        out.push('\n');
    }
    out.push('\n');
    for section in sections(page) {
        if heading(section) == heading(METHOD) {
            let (before, after) = section.split_once("\n\nTo repeat").unwrap_or((section, ""));
            out += &format!("{before}\n- {note}\n\nTo repeat{after}");
        } else {
            out += new.get(heading(section)).unwrap_or(&section);
        }
    }
    out
}

/// The name of the figure in a line of the table of goals.
fn figure(line: &str) -> Option<&str> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let figure = cells.next()?;
    (cells.count() == 3).then_some(figure)
}

/// Each section with its heading, to the end of its last line.
fn sections(page: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = page.match_indices("\n## ").map(|(at, _)| at + 1).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([page.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &page[start..end])
}

fn heading(section: &str) -> &str {
    section.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Benchmarks\n\n| figure | goal | measured | |\n|---|---|---|---|\n| a | 1 | 2 | pass |\n| b | 1 | 3 | FAIL |\n\n\
        ## Machine and method\n\n- day one\n\nTo repeat: this\n\n## A\n\nold a\n\n## B\n\nold b\n";

    #[test]
    fn what_was_measured_anew_takes_its_place_and_nothing_else() {
        let rows = "# Benchmarks\n\n| figure | goal | measured | |\n|---|---|---|---|\n| a | 1 | not measured | - |\n| b | 1 | 1 | pass |\n\n\
            ## Machine and method\n\n- day two\n\n## B\n\nnew b\n";
        let expected = PAGE
            .replace("| b | 1 | 3 | FAIL |", "| b | 1 | 1 | pass |")
            .replace("old b", "new b")
            .replace("- day one\n", "- day one\n- b: day two\n");
        assert_eq!(updated(PAGE, rows, "b: day two"), expected);
    }

    #[test]
    fn nothing_measured_changes_nothing_but_the_note() {
        assert_eq!(updated(PAGE, "", "x"), PAGE.replace("- day one\n", "- day one\n- x\n"));
    }
}
