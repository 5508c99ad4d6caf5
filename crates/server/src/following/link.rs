//! One connection to a primary: opened, written to and read from with a bound on how long it may be silent, and shut down by whoever wants it to end.

use crate::clock;
use config::Config;
use replication::first_line;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 128 << 10;

/// A connection to a primary.
pub(super) struct Link {
    socket: Arc<Socket>,
    /// How long it may be silent (`repl-timeout`).
    silence_max: Duration,
    /// What was read and not used: those bytes of `buffer`.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// Opens a connection; `publish` is given the socket before anybody waits for it.
pub(super) fn connect(
    (host, port): (&str, u16),
    config: &Config,
    publish: impl Fn(&Arc<Socket>) -> bool,
) -> io::Result<Link> {
    let silence_max = Duration::from_secs(u64::from(config.replication.repl_timeout_seconds));
    let mut failure = io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match open(address, config, silence_max, &publish) {
            Ok(socket) => {
                let buffer = vec![0; READ_BYTES].into_boxed_slice();
                return Ok(Link { socket, silence_max, buffer, start: 0, end: 0 });
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn open(
    address: SocketAddr,
    config: &Config,
    patience: Duration,
    publish: impl Fn(&Arc<Socket>) -> bool,
) -> io::Result<Arc<Socket>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Ok(source) = config.network.bind_source_addr.parse::<IpAddr>() {
        socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
    }
    let socket = Arc::new(socket);
    if !publish(&socket) {
        return Err(interrupted());
    }
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {
            if !wait(&socket, PollFlags::OUT, patience)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            // Somebody may have shut it down before it was open.
            socket.peer_addr()?;
        }
        Err(error) => return Err(error),
    }
    socket.set_tcp_nodelay(true)?;
    let silence = Duration::from_secs(u64::from(config.network.tcp_keepalive_seconds));
    if !silence.is_zero() {
        SockRef::from(&*socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(silence))?;
    }
    Ok(socket)
}

/// Ends a connection, whoever waits for it.
pub(super) fn shut_down(socket: &Socket) {
    // It may have ended already.
    let _ = socket.shutdown(Shutdown::Both);
}

/// It is not wanted any more.
fn interrupted() -> io::Error {
    io::Error::other("it is not wanted any more")
}

/// Waits until a socket is ready; false where the time is up.
fn wait(socket: &Socket, flags: PollFlags, time: Duration) -> io::Result<bool> {
    let end = clock::monotonic() + time;
    loop {
        let left = end.since(clock::monotonic());
        let timeout =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(socket, flags)], Some(&timeout)) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Link {
    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Waits until there is something to read; false where there is nothing for so long.
    pub(super) fn wait(&self, time: Duration) -> io::Result<bool> {
        Ok(self.start < self.end || wait(&self.socket, PollFlags::IN, time)?)
    }

    /// Sends words as one request.
    pub(super) fn send(&self, request: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        resp::push_request(&mut bytes, request.iter().map(Vec::as_slice));
        self.send_bytes(&bytes)
    }

    pub(super) fn send_bytes(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match (&*self.socket).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !wait(&self.socket, PollFlags::OUT, self.silence_max)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the primary that this node is alive, if that can be told at once.
    pub(super) fn send_sign_of_life(&self) {
        // Where it does not go the primary has more to read than it has read.
        let _ = (&*self.socket).write(b"\n");
    }

    /// What was read and not used, or else what comes next; empty at the end.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            let read = loop {
                match (&*self.socket).read(&mut self.buffer) {
                    Ok(read) => break read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if !wait(&self.socket, PollFlags::IN, self.silence_max)? {
                            return Err(io::ErrorKind::TimedOut.into());
                        }
                    }
                    Err(error) => return Err(error),
                }
            };
            (self.start, self.end) = (0, read);
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// So many of the bytes that were read are used.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Appends what was read and not used, or what can be read at once; `None` where there is nothing, 0 at the end.
    pub(super) fn read_into(&mut self, input: &mut Vec<u8>) -> io::Result<Option<usize>> {
        if self.start == self.end {
            match (&*self.socket).read(&mut self.buffer) {
                Ok(read) => (self.start, self.end) = (0, read),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        let read = self.end - self.start;
        input.extend_from_slice(&self.buffer[self.start..self.end]);
        self.start = self.end;
        Ok(Some(read))
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let before = line.len();
            let filled = self.fill()?;
            if filled.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            line.extend_from_slice(filled);
            let read = line.len() - before;
            match first_line(&line).map_err(io::Error::other)? {
                Some((found, bytes)) => {
                    let found = found.to_vec();
                    self.consume(bytes - before);
                    return Ok(found);
                }
                None => self.consume(read),
            }
        }
    }
}
