//! The chart of a run as SVG, written by hand: no fonts, scripts or images from elsewhere.
//!
//! Above, a panel for each depth with CPU time per command as bars, each panel on a scale of its own; below,
//! bytes per key over the number of keys. Colours follow the reader's light or dark scheme; the
//! background stays transparent.

use super::Outcome;
use super::memory::{Memory, Point};
use super::peer::Peer;
use super::throughput::{DEPTHS, Throughput};
use super::wire::Kind;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const MARGIN: f64 = 24.0;
const HEADER: f64 = 78.0;

/// A panel of bars.
const PANEL: f64 = (WIDTH - 2.0 * MARGIN - 2.0 * PANEL_GAP) / 3.0;
const PANEL_GAP: f64 = 26.0;
const BAR: f64 = 17.0;
const BAR_STEP: f64 = 21.0;
const GROUP_TITLE: f64 = 26.0;
const GROUP_GAP: f64 = 12.0;
/// Room at the right of the longest bar for its figure.
const FIGURE: f64 = 62.0;

/// The panel of lines.
const LINES_HEIGHT: f64 = 210.0;
const AXIS: f64 = 44.0;

const STYLE: &str = "\
  <style>
    text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f }
    .title { font-size: 17px; font-weight: 600 }
    .panel { font-size: 14px; font-weight: 600 }
    .quiet { fill: #57606a; font-size: 12px }
    .right { text-anchor: end }
    .figure { font-size: 12px; font-variant-numeric: tabular-nums }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    .line { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round }
    .rss { stroke-dasharray: 2 5; stroke-width: 2 }
    .redstart { color: #cf3b2a } .valkey { color: #3f63c6 } .redis { color: #8c6fb5 } .echo { color: #afb8c1 }
    .bar { fill: currentColor }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #3d444d }
      .redstart { color: #ff6a57 } .valkey { color: #7c9cf5 } .redis { color: #b89be0 } .echo { color: #656c76 }
    }
  </style>
";

/// The chart of what the run has measured.
pub(crate) fn svg(outcome: &Outcome) -> String {
    let mut body = String::new();
    let mut bottom = HEADER;
    if let Some(row) = &outcome.throughput {
        bottom = bars(&mut body, bottom, row);
    }
    if let Some(row) = &outcome.memory {
        bottom = lines(&mut body, bottom, row);
    }
    if outcome.throughput.is_none() && outcome.memory.is_none() {
        text(&mut body, (MARGIN, bottom), "quiet", "neither throughput nor memory was measured");
    }
    let height = bottom + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"Benchmarks of Redstart, Valkey, Redis and the echo floor\">\n{STYLE}"
    );
    text(
        &mut svg,
        (MARGIN, 30.0),
        "title",
        "One worker: what a command and a key cost (less is better)",
    );
    let mut x = MARGIN;
    for program in &outcome.programs {
        let peer = program.peer;
        let label = format!("{} {}", peer.title(), version(peer, &program.version));
        rect(&mut svg, peer, (x, 46.0), (12.0, 12.0));
        text(&mut svg, (x + 18.0, 57.0), "quiet", &label);
        x += 40.0 + 6.6 * label.len() as f64;
    }
    svg + &body + "</svg>\n"
}

fn version(peer: Peer, version: &str) -> &str {
    if peer == Peer::Echo { "(tokio, no server)" } else { version }
}

/// The panels of CPU time per command; returns where they end.
fn bars(svg: &mut String, top: f64, row: &Throughput) -> f64 {
    let mut bottom = top;
    for (column, depth) in DEPTHS.into_iter().enumerate() {
        let x = MARGIN + column as f64 * (PANEL + PANEL_GAP);
        let medians: Vec<(Kind, Peer, f64)> = Kind::ALL
            .into_iter()
            .flat_map(|kind| Peer::ALL.map(|peer| (kind, peer)))
            .filter_map(|(kind, peer)| Some((kind, peer, row.cpu_us(peer, (kind, depth))?)))
            .collect();
        let largest = medians.iter().map(|(_, _, us)| *us).fold(f64::MIN_POSITIVE, f64::max);
        let mut y = top + 14.0;
        text(svg, (x, y), "panel", &format!("Pipeline depth {depth}"));
        y += 10.0;
        for kind in Kind::ALL {
            text(svg, (x, y + 14.0), "quiet", &format!("{}, CPU µs per command", kind.name()));
            y += GROUP_TITLE - 5.0;
            for (_, peer, us) in medians.iter().filter(|(of, _, _)| *of == kind) {
                let length = (PANEL - FIGURE) * us / largest;
                rect(svg, *peer, (x, y), (length, BAR));
                let label = if *us < 1.0 { format!("{us:.3}") } else { format!("{us:.2}") };
                text(svg, (x + length + 6.0, y + 13.0), "figure", &label);
                y += BAR_STEP;
            }
            y += GROUP_GAP;
        }
        bottom = bottom.max(y);
    }
    bottom + GROUP_GAP
}

/// The panel of bytes per key; returns where it ends.
fn lines(svg: &mut String, top: f64, row: &Memory) -> f64 {
    let all = || row.iter().flat_map(|(_, points)| points);
    let largest = all().map(|point| point.rss.max(point.used)).fold(1.0, f64::max);
    let step = if largest > 160.0 { 50.0 } else { 20.0 };
    let scale_end = (largest / step).ceil() * step;
    let (first, last) = (
        all().map(|point| point.keys).min().unwrap_or(0) as f64,
        all().map(|point| point.keys).max().unwrap_or(1) as f64,
    );
    text(svg, (MARGIN, top + 14.0), "panel", "Bytes per key, 16-byte key and 32-byte value");
    text(
        svg,
        (WIDTH - MARGIN, top + 14.0),
        "quiet right",
        "solid: used_memory, dotted: resident set",
    );
    let (left, right) = (MARGIN + AXIS, WIDTH - MARGIN);
    let lower = top + 32.0 + LINES_HEIGHT;
    let y_of = |bytes: f64| lower - LINES_HEIGHT * bytes / scale_end;
    let x_of = |keys: u64| left + (right - left) * (keys as f64 - first) / (last - first).max(1.0);
    let mut mark = 0.0;
    while mark <= scale_end {
        let y = y_of(mark);
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            svg,
            "  <line class=\"grid\" x1=\"{left:.1}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\"/>"
        );
        text(svg, (MARGIN, y + 4.0), "quiet", &format!("{mark:.0} B"));
        mark += step;
    }
    if let Some((_, points)) = row.first() {
        for point in points.iter().step_by(2) {
            let label = count(point.keys);
            let x = x_of(point.keys) - 3.5 * label.len() as f64;
            text(svg, (x.min(right - 30.0), lower + 18.0), "quiet", &label);
        }
    }
    // The first program comes last, so that its line lies above the others.
    for (peer, points) in row.iter().rev() {
        curve(svg, *peer, ("line rss", points), (&x_of, &|point| y_of(point.rss)));
        curve(svg, *peer, ("line", points), (&x_of, &|point| y_of(point.used)));
    }
    lower + 26.0
}

type XOf<'a> = &'a dyn Fn(u64) -> f64;
type YOf<'a> = &'a dyn Fn(&Point) -> f64;

fn curve(
    svg: &mut String,
    peer: Peer,
    (class, points): (&str, &[Point]),
    (x_of, y_of): (XOf<'_>, YOf<'_>),
) {
    let places: Vec<String> =
        points.iter().map(|point| format!("{:.1},{:.1}", x_of(point.keys), y_of(point))).collect();
    let _ = writeln!(
        svg,
        "  <polyline class=\"{class} {}\" points=\"{}\"/>",
        peer.word(),
        places.join(" ")
    );
}

/// A count of keys for an axis: `1.2M`, `120K`.
fn count(keys: u64) -> String {
    if keys >= 1_000_000 {
        format!("{:.1}M", keys as f64 / 1e6)
    } else {
        format!("{:.0}K", keys as f64 / 1e3)
    }
}

fn rect(svg: &mut String, peer: Peer, (x, y): (f64, f64), (width, height): (f64, f64)) {
    let class = peer.word();
    let _ = writeln!(
        svg,
        "  <rect class=\"bar {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"2\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), class: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "  <text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>");
}
