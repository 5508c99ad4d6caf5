//! What the user sees of a subcommand that takes long: steps as they are done, on standard output.
//!
//! On a terminal a step that takes long shows a moving line, and there are colours unless `NO_COLOR` is set.
//! Elsewhere there are plain lines only. A reader that went away (`| head`) is no error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// How long one shape stands.
const FRAME_MS: u128 = 80;

/// Where no line can move, a step is counted only once it takes longer than a glance.
const PLAIN_AFTER: Duration = Duration::from_secs(1);

/// Standard output, and what is known of it.
pub(crate) struct Screen {
    pub(crate) is_terminal: bool,
    has_colours: bool,
    /// The moving line is on the screen.
    is_moving: bool,
    /// The last count that was told in a plain line.
    told: Option<usize>,
}

/// Colours by what they are for.
#[derive(Clone, Copy)]
pub(crate) enum Paint {
    Good,
    Bad,
    Strong,
    Dim,
}

impl Screen {
    /// Finds out what it writes to.
    pub(crate) fn new() -> Screen {
        let is_terminal = io::stdout().is_terminal();
        let has_colours = is_terminal && wants_colours();
        Screen { is_terminal, has_colours, is_moving: false, told: None }
    }

    /// A step that goes on: of `total` nodes, `done` are there.
    pub(crate) fn counting(&mut self, what: &str, done: usize, total: usize, took: Duration) {
        if self.is_terminal {
            let frame = SPINNER[(took.as_millis() / FRAME_MS) as usize % SPINNER.len()];
            let seconds = self.paint(Paint::Dim, &format!("{:.1} s", took.as_secs_f64()));
            self.write(&format!("\r\x1b[K  {frame} {what}: {done} of {total}  {seconds}"));
            self.is_moving = true;
        } else if took >= PLAIN_AFTER && done < total && self.told != Some(done) {
            self.line(&format!("    {what}: {done} of {total}"));
            self.told = Some(done);
        }
    }

    /// How far something is: the line that moves, or one line more where none can move.
    pub(crate) fn moving(&mut self, text: &str) {
        if self.is_terminal {
            self.write(&format!("\r\x1b[K  {text}"));
            self.is_moving = true;
        } else {
            self.line(&format!("    {text}"));
        }
    }

    /// A step that is done.
    pub(crate) fn done(&mut self, what: &str, took: Duration) {
        self.told = None;
        let mark = if self.is_terminal { self.paint(Paint::Good, "✓") } else { "+".to_owned() };
        let seconds = self.paint(Paint::Dim, &format!("{:.1} s", took.as_secs_f64()));
        self.line(&format!("  {mark} {what:<60} {seconds}"));
    }

    /// A line of text, in the place of the moving one.
    pub(crate) fn line(&mut self, text: &str) {
        let clear = if self.is_moving { "\r\x1b[K" } else { "" };
        self.is_moving = false;
        self.write(&format!("{clear}{text}\n"));
    }

    /// Why it did not work, on standard error.
    pub(crate) fn error(&mut self, text: &str) {
        if self.is_moving {
            self.line("");
        }
        let mut errors = io::stderr();
        let word = if errors.is_terminal() && wants_colours() {
            painted(Paint::Bad, "error:")
        } else {
            "error:".to_owned()
        };
        let _ = writeln!(errors, "{word} {text}");
    }

    pub(crate) fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        if self.has_colours { painted(paint, text) } else { text.to_owned() }
    }
}

fn painted(paint: Paint, text: &str) -> String {
    let code = match paint {
        Paint::Good => 32,
        Paint::Bad => 31,
        Paint::Strong => 1,
        Paint::Dim => 2,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// What <https://no-color.org> asks for; a dumb terminal has none either.
fn wants_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// `1 node`, `3 nodes`.
pub(crate) fn plural(count: impl Into<usize>, noun: &str) -> String {
    let count = count.into();
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// With a comma before every three digits.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (16_384, "16,384"), (-123_456, "-123,456")]
        {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(plural(1_u16, "node"), "1 node");
        assert_eq!(plural(3_u16, "node"), "3 nodes");
    }
}
