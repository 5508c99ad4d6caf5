//! `redstart cluster status`: the cluster as a table, a primary above its replicas.

use super::diagnosis::{self, Finding};
use super::members::ranges;
use super::session::{Session, Stop};
use super::survey::{Node, Survey, survey};
use crate::client::Address;
use crate::screen::{Paint, plural, thousands};

/// How many ranges of slots are shown of one node.
const RANGES_SHOWN: usize = 3;

/// A line of the table.
struct Row {
    cells: [String; COLUMNS],
    is_well: bool,
}

const COLUMNS: usize = 9;
const HEADER: [&str; COLUMNS] =
    ["node", "id", "role", "zone", "slots", "keys", "lag", "health", "server"];
/// The columns of numbers.
const RIGHT: [usize; 2] = [5, 6];

/// Shows the cluster.
pub(super) fn run(session: &mut Session, entry: &Address) -> Result<(), Stop> {
    let survey = survey(session, entry)?;
    let found = diagnosis::diagnose(&survey);
    let errors = found.iter().filter(|finding| matches!(finding, Finding::Error(_))).count();
    let covered = survey.owners().iter().filter(|owner| owner.is_some()).count();
    let keys = thousands(i64::try_from(survey.keys()).unwrap_or(i64::MAX));
    let health = match errors {
        0 => session.screen.paint(Paint::Good, "healthy"),
        _ => session.screen.paint(Paint::Bad, &plural(errors, "problem")),
    };
    session.line(format!(
        "{health}: {}, {} of {} slots covered, {keys} keys",
        plural(survey.nodes.len(), "node"),
        thousands(covered as i64),
        thousands(base::SLOT_COUNT as i64),
    ));
    session.line("");
    table(session, &rows(&survey));
    if errors > 0 {
        session.line("");
        session.line(format!("What is wrong: redstart cluster check {entry}"));
    }
    Ok(())
}

fn rows(survey: &Survey) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut shown = Vec::new();
    for primary in survey.primaries() {
        shown.push(primary.id());
        rows.push(row(primary, "", None));
        for replica in survey.replicas(primary.id()) {
            shown.push(replica.id());
            rows.push(row(replica, "  ", Some(primary)));
        }
    }
    // Failed primaries without slots, replicas of nobody.
    rows.extend(
        survey
            .nodes
            .iter()
            .filter(|node| !shown.contains(&node.id()))
            .map(|node| row(node, "", None)),
    );
    rows
}

fn row(node: &Node, indent: &str, primary: Option<&Node>) -> Row {
    let told = node.told.as_ref().ok();
    let or_dash = |text: Option<String>| {
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
    };
    let lag = primary.and_then(|primary| {
        let behind = primary.told.as_ref().ok()?.offset.saturating_sub(told?.offset);
        Some(bytes(behind))
    });
    let (health, is_well) = health(node);
    Row {
        cells: [
            format!("{indent}{}", node.address()),
            node.id().as_str().chars().take(8).collect(),
            if node.member.is_primary { "primary" } else { "replica" }.to_owned(),
            or_dash(told.and_then(|told| told.zone.clone())),
            if node.member.is_primary {
                or_dash(Some(slots(&node.member.slots)))
            } else {
                String::new()
            },
            or_dash(told.map(|told| thousands(i64::try_from(told.keys).unwrap_or(i64::MAX)))),
            if primary.is_some() { or_dash(lag) } else { String::new() },
            health,
            or_dash(told.map(|told| told.server.clone())),
        ],
        is_well,
    }
}

fn health(node: &Node) -> (String, bool) {
    match &node.told {
        Err(_) if node.member.is_failing => ("failed".to_owned(), false),
        Err(_) => ("silent".to_owned(), false),
        Ok(_) if node.member.is_failing => ("failing".to_owned(), false),
        Ok(told) if told.is_following == Some(false) => ("no link".to_owned(), false),
        Ok(told) if !told.is_ok => ("down".to_owned(), false),
        Ok(_) if !node.member.migrating.is_empty() || !node.member.importing.is_empty() => {
            ("open slots".to_owned(), false)
        }
        Ok(_) => ("online".to_owned(), true),
    }
}

/// The first ranges, and how many slots there are where there are more ranges.
fn slots(slots: &[u16]) -> String {
    let all = ranges(slots);
    let shown = &all[..all.len().min(RANGES_SHOWN)];
    let kept: usize = shown.iter().map(|&(first, last)| usize::from(last - first) + 1).sum();
    let first: Vec<u16> = slots.iter().copied().take(kept).collect();
    let mut text = super::members::ranges_text(&first);
    if all.len() > RANGES_SHOWN {
        text.push_str(&format!(" ... ({})", slots.len()));
    }
    text
}

/// A number of bytes as people read it.
fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} KiB", count >> 10),
        10_000_000.. => format!("{} MiB", count >> 20),
    }
}

fn table(session: &mut Session, rows: &[Row]) {
    let header = Row { cells: HEADER.map(str::to_owned), is_well: true };
    let all = || std::iter::once(&header).chain(rows);
    let width = |column: usize| {
        all()
            .filter_map(|row| row.cells.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let text = |row: &Row| {
        let cells = row.cells.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match RIGHT.contains(&column) {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        format!("    {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    let line = session.screen.paint(Paint::Dim, &text(&header));
    session.line(line);
    for row in rows {
        let line = text(row);
        let line = if row.is_well { line } else { session.screen.paint(Paint::Bad, &line) };
        session.line(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ranges_are_cut_short() {
        assert_eq!(slots(&[0, 1, 2, 9]), "0-2 9");
        assert_eq!(slots(&[0, 2, 4, 6, 8]), "0 2 4 ... (5)");
        assert_eq!(slots(&[]), "");
    }

    #[test]
    fn lags_are_told_in_round_numbers() {
        let told: Vec<String> = [0, 9999, 20_480, 20 << 20].into_iter().map(bytes).collect();
        assert_eq!(told, ["0 B", "9999 B", "20 KiB", "20 MiB"]);
    }
}
