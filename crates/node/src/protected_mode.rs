//! Protected mode: a server that nobody has secured serves only its own machine.

use crate::clients::Origin;

/// What a client from elsewhere is told before its connection is closed.
pub const DENIED: &str = "-DENIED Redstart is in protected mode: it has no password for the default user, \
    so it accepts clients of its own machine only. To reach it from other machines do one of these: \
    1) set a password, with CONFIG SET requirepass from this machine or with requirepass in the \
    configuration file; \
    2) switch protected mode off, with CONFIG SET protected-mode no (and CONFIG REWRITE to keep it), with \
    protected-mode no in the configuration file, or with --protected-mode no on the command line, \
    but only where no stranger can reach the port.\r\n";

/// Whether a connection from `origin` is to be refused with [`DENIED`]. As in Redis since 7.0, which addresses are bound makes no
/// difference.
#[must_use]
pub fn denies(protected_mode: bool, has_password: bool, origin: &Origin) -> bool {
    protected_mode && !has_password && !origin.is_local && !origin.is_unix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(is_local: bool, is_unix: bool) -> Origin {
        Origin {
            address: "192.0.2.1:5".to_owned(),
            local_address: "192.0.2.2:6379".to_owned(),
            is_unix,
            is_local,
            descriptor: 5,
            worker: 0,
        }
    }

    #[test]
    fn only_strangers_without_a_password_are_denied() {
        assert!(denies(true, false, &origin(false, false)));
        assert!(!denies(false, false, &origin(false, false)));
        assert!(!denies(true, true, &origin(false, false)));
        assert!(!denies(true, false, &origin(true, false)));
        assert!(!denies(true, false, &origin(false, true)));
    }

    #[test]
    fn the_text_is_one_line_of_the_protocol() {
        let line = DENIED.strip_suffix("\r\n").expect("it ends its line");
        assert!(line.starts_with("-DENIED ") && !line.contains(['\r', '\n']));
    }
}
