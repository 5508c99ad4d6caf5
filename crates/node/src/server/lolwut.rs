//! LOLWUT: hills at dusk with redstarts above them, never the same twice.

use crate::session::Context;
use base::Rng;
use base::number::parse_i64;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};
use std::f64::consts::TAU;

const COLUMNS: usize = 66;
const ROWS: usize = 18;

/// The largest drawing, in columns and in rows.
const SIDE_MAX: usize = 200;

/// How the ranges of hills are drawn, the farthest first.
const HILLS: [u8; 3] = *b".:#";

const BIRD: &[u8] = b"\\v/";

/// `LOLWUT [VERSION version] [columns rows]`: all versions draw the same kind.
pub(super) fn lolwut(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut from = 1;
    if args.len() > 2 && args[1].eq_ignore_ascii_case(b"version") {
        parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
        from = 3;
    }
    let sides = args.iter_from(from).map(parse_side).collect::<Result<Vec<_>, _>>();
    let (columns, rows) = match sides?[..] {
        [] => (COLUMNS, ROWS),
        [columns, rows] => (columns, rows),
        _ => return Err(CommandError::Text("ERR Syntax error. Use: LOLWUT [columns rows]")),
    };
    let mut text = draw(columns, rows, context.rng);
    text.push_str(&format!(
        "\nRedstarts over the hills, one dusk in many. Redis ver. {}, Redstart ver. {}\n",
        context.node.identity.compat_version, context.node.identity.redstart_version
    ));
    reply.verbatim(&text);
    Ok(())
}

fn parse_side(word: &[u8]) -> Result<usize, CommandError> {
    let side = parse_i64(word).ok_or(CommandError::NotInteger)?;
    Ok(usize::try_from(side).unwrap_or(1).clamp(1, SIDE_MAX))
}

fn draw(columns: usize, rows: usize, rng: &mut Rng) -> String {
    let mut picture = vec![vec![b' '; columns]; rows];
    for (range, &glyph) in HILLS.iter().enumerate() {
        let mean = rows as f64 * (0.15 + 0.15 * (HILLS.len() - range) as f64);
        let waves: Vec<(f64, f64, f64)> = (1..=3)
            .map(|wave| {
                let height = rows as f64 * 0.08 * rng.below(100) as f64 / 100.0;
                let length = columns as f64 / (f64::from(wave) + rng.below(100) as f64 / 100.0);
                (height, length, TAU * rng.below(100) as f64 / 100.0)
            })
            .collect();
        for column in 0..columns {
            let height: f64 = waves
                .iter()
                .map(|(height, length, phase)| {
                    height * (TAU * column as f64 / length + phase).sin()
                })
                .sum();
            let height = ((mean + height).max(0.0) as usize).min(rows);
            picture[rows - height..].iter_mut().for_each(|row| row[column] = glyph);
        }
    }
    for _ in 0..columns * rows / 150 {
        let (row, column) = (rng.below(rows as u64) as usize, rng.below(columns as u64) as usize);
        if let Some(sky) = picture[row].get_mut(column..column + BIRD.len())
            && sky.iter().all(|&glyph| glyph == b' ')
        {
            sky.copy_from_slice(BIRD);
        }
    }
    picture.iter().map(|row| String::from_utf8_lossy(row).trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_differ_and_keep_to_their_size() {
        let mut rng = Rng::from_seed(3);
        for (columns, rows) in [(COLUMNS, ROWS), (1, 1), (SIDE_MAX, 3)] {
            let drawing = draw(columns, rows, &mut rng);
            assert_eq!(drawing.lines().count(), rows);
            assert!(drawing.lines().all(|line| line.len() <= columns));
        }
        assert_ne!(draw(COLUMNS, ROWS, &mut rng), draw(COLUMNS, ROWS, &mut rng));
    }
}
