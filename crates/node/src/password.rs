//! The password of the default user (`requirepass`).

use parking_lot::RwLock;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The password that clients have to give, if any. May change at any time.
#[derive(Default)]
pub struct Password {
    is_required: AtomicBool,
    password: RwLock<Box<[u8]>>,
}

impl Password {
    /// Asks for this password from now on; for none where it is empty. Clients that are in stay in.
    pub fn set(&self, password: &[u8]) {
        let mut stored = self.password.write();
        *stored = password.into();
        self.is_required.store(!password.is_empty(), Relaxed);
    }

    /// Whether a password is asked for.
    #[inline]
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_required.load(Relaxed)
    }

    /// Whether a client that gives this password may come in. The time that it takes tells nothing of the password.
    #[must_use]
    pub fn admits(&self, given: &[u8]) -> bool {
        let stored = self.password.read();
        stored.is_empty() || is_equal(given, &stored)
    }
}

/// Compares in a time that depends on the length of `given` alone.
fn is_equal(given: &[u8], stored: &[u8]) -> bool {
    let mut difference = usize::from(given.len() != stored.len());
    for (index, byte) in given.iter().enumerate() {
        difference |= usize::from(byte ^ stored[index % stored.len()]);
    }
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_password_admits() {
        let password = Password::default();
        assert!(password.admits(b"anything"), "none is asked for");
        password.set(b"secret");
        assert!(password.is_required());
        assert!(password.admits(b"secret"));
        for wrong in [&b""[..], b"s", b"secre", b"secrets", b"Secret", b"secretsecret"] {
            assert!(!password.admits(wrong), "{wrong:?}");
        }
        password.set(b"");
        assert!(!password.is_required());
    }
}
