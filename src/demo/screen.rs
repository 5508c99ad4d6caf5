//! What the user sees: steps as they are done, a table of nodes, lines to paste.
//!
//! On a terminal a step that takes long shows a moving line, and there are colours unless `NO_COLOR` is set.
//! Elsewhere there are plain lines only. A reader that went away (`demo | head`) is no error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use super::check::NodeView;
use super::cluster::Obituary;

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// How long one shape stands.
const FRAME_MS: u128 = 80;

/// The first characters of a node id that are shown, as enough to tell nodes apart.
const ID_SHOWN: usize = 8;

/// Where no line can move, a step is counted only once it takes longer than a glance.
const PLAIN_AFTER: Duration = Duration::from_secs(1);

/// Standard output, and what is known of it.
pub(super) struct Screen {
    is_terminal: bool,
    has_colours: bool,
    /// The moving line is on the screen.
    is_moving: bool,
    /// The last count that was told in a plain line.
    told: Option<usize>,
}

/// Colours by what they are for.
#[derive(Clone, Copy)]
enum Paint {
    Good,
    Bad,
    Strong,
    Dim,
}

impl Screen {
    /// Finds out what it writes to.
    pub(super) fn new() -> Screen {
        let is_terminal = io::stdout().is_terminal();
        let has_colours = is_terminal && wants_colours();
        Screen { is_terminal, has_colours, is_moving: false, told: None }
    }

    /// The first line.
    pub(super) fn title(&mut self, nodes: u16, first: u16) {
        let version = env!("CARGO_PKG_VERSION");
        let addresses = match first + nodes - 1 {
            last if last == first => format!("127.0.0.1:{first}"),
            last => format!("127.0.0.1:{first}-{last}"),
        };
        let name = self.paint(Paint::Strong, &format!("Redstart {version}"));
        self.line(&format!("{name}, a cluster of {} on {addresses}", plural(nodes, "node")));
        self.line("");
    }

    /// A step that goes on: of `total` nodes, `done` are there.
    pub(super) fn counting(&mut self, what: &str, done: usize, total: usize, took: Duration) {
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

    /// A step that is done.
    pub(super) fn done(&mut self, what: &str, took: Duration) {
        self.told = None;
        let mark = if self.is_terminal { self.paint(Paint::Good, "✓") } else { "+".to_owned() };
        let seconds = self.paint(Paint::Dim, &format!("{:.1} s", took.as_secs_f64()));
        self.line(&format!("  {mark} {what:<60} {seconds}"));
    }

    /// The table of nodes.
    pub(super) fn table(&mut self, nodes: &[NodeView]) {
        self.line("");
        let header = format!("    {:<16}  {:<8}  {:<13}  {:>6}", "node", "id", "slots", "keys");
        let header = self.paint(Paint::Dim, &header);
        self.line(&header);
        for node in nodes {
            let address = format!("127.0.0.1:{}", node.port);
            let id: String = node.id.chars().take(ID_SHOWN).collect();
            let slots = ranges(&node.slots);
            let keys = thousands(node.keys);
            self.line(&format!("    {address:<16}  {id:<8}  {slots:<13}  {keys:>6}"));
        }
    }

    /// What to do with it.
    pub(super) fn invitation(&mut self, port: u16, folder: &Path) {
        self.line("");
        for (client, code) in [
            ("redis-cli", format!("redis-cli -c -p {port}")),
            ("redis-py", format!("RedisCluster(host=\"127.0.0.1\", port={port})")),
            ("ioredis", format!("new Redis.Cluster([{{ port: {port}, host: \"127.0.0.1\" }}])")),
        ] {
            let code = self.paint(Paint::Strong, &code);
            self.line(&format!("    {client:<11}{code}"));
        }
        self.line("");
        let hint = format!("    Logs are in {}.", folder.display());
        let hint = self.paint(Paint::Dim, &hint);
        self.line(&hint);
        self.line("    Ctrl-C stops the nodes and removes everything.");
    }

    /// A node that ended by itself.
    pub(super) fn obituary(&mut self, node: &Obituary) {
        let what = format!("127.0.0.1:{} has ended by itself ({})", node.port, node.status);
        let what = self.paint(Paint::Bad, &what);
        self.line("");
        self.line(&format!("    {what}"));
        if !node.tail.is_empty() {
            self.line("    The end of its log:");
        }
        for text in &node.tail {
            self.line(&format!("      {text}"));
        }
    }

    /// The last line.
    pub(super) fn farewell(&mut self, is_checked: bool, stopped: usize) {
        if self.is_terminal {
            // The terminal has written ^C.
            self.write("\r\x1b[K");
        }
        self.line("");
        let nodes = plural(stopped, "node");
        if is_checked {
            self.line(&format!("    All is well. Stopped {nodes} and removed their folder."));
        } else {
            self.line(&format!("    Stopped {nodes} and removed their folder."));
        }
    }

    /// A line of text, in the place of the moving one.
    pub(super) fn line(&mut self, text: &str) {
        let clear = if self.is_moving { "\r\x1b[K" } else { "" };
        self.is_moving = false;
        self.write(&format!("{clear}{text}\n"));
    }

    /// Why it did not work, on standard error.
    pub(super) fn error(&mut self, text: &str) {
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

    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
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

fn ranges(slots: &[(usize, usize)]) -> String {
    let text = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    slots.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// `1 node`, `3 nodes`.
pub(super) fn plural(count: impl Into<usize>, noun: &str) -> String {
    let count = count.into();
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// With a comma before every three digits.
pub(super) fn thousands(number: i64) -> String {
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

    #[test]
    fn slots_are_shown_as_ranges() {
        assert_eq!(ranges(&[(0, 5460), (7, 7)]), "0-5460 7");
        assert_eq!(ranges(&[]), "");
    }
}
