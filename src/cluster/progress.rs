//! How far slots have moved: a bar, keys per second, the time left.

use std::time::{Duration, Instant};

use crate::screen::{Screen, plural, thousands};

/// How many characters the bar has.
const BAR_WIDTH: u64 = 30;
/// How often the bar is drawn, on a terminal; and how often a line is told elsewhere.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
const TOLD_EVERY: Duration = Duration::from_secs(5);
/// The rate is that of about so long.
const RATE_OVER: Duration = Duration::from_secs(3);

/// How far it is.
pub(super) struct Progress {
    begin: Instant,
    /// When the user was last shown something.
    shown: Instant,
    /// Where the rate is counted from.
    mark: (Instant, u64),
    rate: f64,
    slots: u64,
    keys: u64,
    slots_done: u64,
    keys_done: u64,
}

impl Progress {
    pub(super) fn new(slots: u64, keys: u64) -> Progress {
        let now = Instant::now();
        Progress {
            begin: now,
            shown: now,
            mark: (now, 0),
            rate: 0.0,
            slots,
            keys,
            slots_done: 0,
            keys_done: 0,
        }
    }

    pub(super) fn advance(&mut self, screen: &mut Screen, slots: u64, keys: u64) {
        self.slots_done += slots;
        self.keys_done += keys;
        let now = Instant::now();
        let since = now - self.mark.0;
        if since >= RATE_OVER || (self.rate == 0.0 && since >= DRAWN_EVERY) {
            self.rate = (self.keys_done - self.mark.1) as f64 / since.as_secs_f64();
            self.mark = (now, self.keys_done);
        }
        let every = if screen.is_terminal { DRAWN_EVERY } else { TOLD_EVERY };
        if now - self.shown >= every {
            self.shown = now;
            screen.moving(&self.text(now - self.begin));
        }
    }

    /// The bar and what it means.
    fn text(&self, took: Duration) -> String {
        let done = self.slots_done + self.keys_done;
        // Keys that came while slots moved count on both sides.
        let total = (self.slots + self.keys).max(done).max(1);
        let full = "#".repeat((BAR_WIDTH * done / total) as usize);
        let left = match done {
            0 => "-".to_owned(),
            _ => duration(took.mul_f64((total - done) as f64 / done as f64)),
        };
        format!(
            "[{full:<width$}] {percent:3} %  {slots} of {of} slots, {keys} keys, {rate} keys/s, {left} left",
            width = BAR_WIDTH as usize,
            percent = 100 * done / total,
            slots = number(self.slots_done),
            of = number(self.slots),
            keys = number(self.keys_done),
            rate = number(self.rate as u64),
        )
    }

    /// What was done, when it is.
    pub(super) fn conclude(&self, screen: &mut Screen) {
        let took = self.begin.elapsed();
        let rate = self.keys_done as f64 / took.as_secs_f64().max(0.001);
        let slots = format!("{} {}", number(self.slots_done), noun(self.slots_done));
        let keys = number(self.keys_done);
        let what = format!("{slots} moved, {keys} keys ({} keys/s)", number(rate as u64));
        screen.done(&what, took);
    }
}

fn noun(count: u64) -> &'static str {
    if plural(usize::try_from(count).unwrap_or(usize::MAX), "slot").ends_with('s') {
        "slots"
    } else {
        "slot"
    }
}

fn number(number: u64) -> String {
    thousands(i64::try_from(number).unwrap_or(i64::MAX))
}

/// `12 s`, `3 min`, `2 h 5 min`.
fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6000 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_tells_what_is_done_and_left() {
        let mut progress = Progress::new(100, 900);
        (progress.slots_done, progress.keys_done, progress.rate) = (50, 450, 1234.5);
        let text = progress.text(Duration::from_secs(10));
        assert_eq!(
            text,
            "[###############               ]  50 %  50 of 100 slots, 450 keys, 1,234 keys/s, 10 s left"
        );
        assert!(Progress::new(0, 0).text(Duration::ZERO).contains("- left"));
    }

    #[test]
    fn times_are_told_in_their_unit() {
        let told: Vec<String> =
            [5, 120, 7500].map(Duration::from_secs).into_iter().map(duration).collect();
        assert_eq!(told, ["5 s", "2 min", "2 h 5 min"]);
    }
}
