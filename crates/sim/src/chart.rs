//! The chart of what large clusters cost, as SVG: no fonts, scripts or images from elsewhere. Its colours follow
//! the reader's light or dark scheme.

use crate::large::Figures;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const MARGIN: f64 = 24.0;
const TOP: f64 = 64.0;
const PANEL: f64 = (WIDTH - 3.0 * MARGIN) / 2.0;
const LABEL: f64 = 86.0;
const FIGURE: f64 = 70.0;
const BAR: f64 = 13.0;
const BAR_STEP: f64 = 16.0;
const GROUP_GAP: f64 = 14.0;

const STYLE: &str = "\
  <style>
    text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f }
    .title { font-size: 17px; font-weight: 600 }
    .quiet { fill: #57606a; font-size: 12px }
    .c0 { fill: #afb8c1 } .c1 { fill: #8c6fb5 } .c2 { fill: #3f63c6 } .c3 { fill: #cf3b2a }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .quiet { fill: #9198a1 }
      .c0 { fill: #656c76 } .c1 { fill: #b89be0 } .c2 { fill: #7c9cf5 } .c3 { fill: #ff6a57 }
    }
  </style>
";

/// A panel: what its bars are, and how they are written.
struct Panel<'a> {
    title: &'a str,
    bars: &'a [&'a str],
    values: fn(&Figures) -> Vec<f64>,
    figure: fn(f64) -> String,
}

/// The chart of these runs.
#[must_use]
pub fn svg(figures: &[Figures]) -> String {
    let timeout_s = figures.first().map_or(0.0, |one| one.node_timeout.as_secs_f64());
    let time = Panel {
        title: "After a primary has failed (s)",
        bars: &["a majority agrees", "all know", "its replica serves", "all agree again"],
        values: |one| {
            [one.detected, one.known, one.taken_over, one.converged]
                .map(|span| span.as_secs_f64())
                .to_vec()
        },
        figure: |value| format!("{value:.2}"),
    };
    let bytes = Panel {
        title: "What a node sends (KiB/s)",
        bars: &["nothing happens", "a primary fails"],
        values: |one| {
            [one.steady_bytes_s, one.failing_bytes_s].map(|bytes| bytes as f64 / 1024.0).to_vec()
        },
        figure: |value| format!("{value:.0}"),
    };
    let mut body = String::new();
    text(
        &mut body,
        (MARGIN, 30.0),
        "title",
        &format!(
            "Large clusters, simulated: cluster-node-timeout {timeout_s:.0} s, one replica each"
        ),
    );
    let bottoms = [(MARGIN, time), (2.0 * MARGIN + PANEL, bytes)]
        .map(|(left, panel)| draw(&mut body, left, &panel, figures));
    let height = bottoms[0].max(bottoms[1]) + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"Times and bytes of large clusters\">\n{STYLE}{body}</svg>\n"
    )
}

/// Draws a panel; returns where it ends.
fn draw(body: &mut String, left: f64, panel: &Panel<'_>, figures: &[Figures]) -> f64 {
    text(body, (left, TOP), "", panel.title);
    let mut y = TOP + 18.0;
    // The last kinds of bars are the ones that matter, and have the strongest colours.
    let colour = |nth: usize| 4 - panel.bars.len() + nth;
    for (nth, name) in panel.bars.iter().enumerate() {
        rect(body, colour(nth), (left, y - 10.0), (12.0, 12.0));
        text(body, (left + 18.0, y), "quiet", name);
        y += BAR_STEP;
    }
    let most = figures.iter().flat_map(panel.values).fold(f64::MIN_POSITIVE, f64::max);
    for one in figures {
        y += GROUP_GAP;
        text(body, (left, y + 11.0), "", &format!("{} nodes", one.nodes));
        for (nth, value) in (panel.values)(one).into_iter().enumerate() {
            let width = (value / most * (PANEL - LABEL - FIGURE)).max(1.0);
            rect(body, colour(nth), (left + LABEL, y), (width, BAR));
            let at = (left + LABEL + width + 6.0, y + 11.0);
            text(body, at, "quiet", &(panel.figure)(value));
            y += BAR_STEP;
        }
    }
    y
}

fn text(body: &mut String, (x, y): (f64, f64), class: &str, words: &str) {
    let _ = writeln!(body, "  <text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{words}</text>");
}

fn rect(body: &mut String, colour: usize, (x, y): (f64, f64), (width, height): (f64, f64)) {
    let _ = writeln!(
        body,
        "  <rect class=\"c{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"2\"/>"
    );
}
