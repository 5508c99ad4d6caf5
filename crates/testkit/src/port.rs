//! Ports that belong to one test.
//!
//! A [`Port`] is a client port whose cluster bus port (10,000 above) is free as well. It is held by an
//! exclusive lock on a file, so that no other test of any process on this machine takes it between the
//! moment it was found free and the moment the server binds it. Ports are taken from below the range
//! that the kernel gives to outgoing connections. The lock ends with the value, or with the process.

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// First client port; the bus ports of all lie above the last of them and below 32,768, where Linux
/// begins to take ports for outgoing connections.
const FIRST: u16 = 11_000;
const COUNT: u16 = 9_999;
const BUS_OFFSET: u16 = 10_000;

/// A client port and its bus port, free and ours until dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Port {
    /// A port that nothing listens on.
    ///
    /// # Panics
    /// When all ports of the range are taken.
    #[must_use]
    pub fn free() -> Self {
        let directory = lock_directory();
        let start = process::id().wrapping_mul(211);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start);
            let offset = u16::try_from(step % u32::from(COUNT)).expect("below COUNT");
            let number = FIRST + offset;
            if let Some(lock) = take(&directory, number) {
                return Self { number, _lock: lock };
            }
        }
        panic!("no free port between {FIRST} and {}", FIRST + COUNT);
    }

    /// Ports that follow one another.
    ///
    /// # Panics
    /// When there are not so many.
    #[must_use]
    pub fn free_row(count: u16) -> Vec<Self> {
        let directory = lock_directory();
        for _ in 0..COUNT {
            let first = Self::free();
            let rest = (1..count).map(|step| {
                let number = first.number + step;
                let lock = take(&directory, number).filter(|_| number < FIRST + COUNT)?;
                Some(Self { number, _lock: lock })
            });
            if let Some(rest) = rest.collect::<Option<Vec<_>>>() {
                return std::iter::once(first).chain(rest).collect();
            }
        }
        panic!("no {count} free ports in a row");
    }

    /// The client port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The cluster bus port that belongs to it.
    #[must_use]
    pub fn bus(&self) -> u16 {
        self.number + BUS_OFFSET
    }
}

fn lock_directory() -> PathBuf {
    let directory = std::env::temp_dir().join("redstart-test-ports");
    fs::create_dir_all(&directory).expect("the folder for temporary files can be written");
    directory
}

fn take(directory: &std::path::Path, number: u16) -> Option<File> {
    let path = directory.join(number.to_string());
    let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
    }
    let free = [number, number + BUS_OFFSET]
        .iter()
        .all(|&port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok());
    free.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_held_at_the_same_time_differ() {
        let ports: Vec<Port> = (0..50).map(|_| Port::free()).collect();
        let numbers: BTreeSet<u16> = ports.iter().flat_map(|p| [p.number(), p.bus()]).collect();
        assert_eq!(numbers.len(), 100);
    }

    #[test]
    fn ports_in_a_row_follow_one_another() {
        let numbers: Vec<u16> = Port::free_row(4).iter().map(Port::number).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    }

    #[test]
    fn a_port_in_use_is_not_given_out() {
        let port = Port::free();
        let number = port.number();
        let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port.bus())).unwrap();
        drop(port);
        assert!(take(&lock_directory(), number).is_none(), "its bus port is taken");
    }
}
