//! Waiting for a condition, with a deadline. Tests never sleep for luck.

use std::thread;
use std::time::{Duration, Instant};

/// What a test on a busy machine gives a server to do one simple thing.
pub const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(5);

/// Asks until the condition holds. False when it did not hold within `limit`; it is asked at least twice.
pub fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    some(limit, || condition().then_some(())).is_some()
}

/// Asks until there is an answer, or `limit` has passed.
pub fn some<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return question();
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_never_holds_ends_at_the_limit() {
        let begin = Instant::now();
        assert!(!until(Duration::from_millis(30), || false));
        assert!(begin.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn the_first_answer_is_taken() {
        let mut asked = 0;
        let answer = some(PATIENCE, || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(answer, Some(3));
    }
}
