//! A plain synchronous client: sends what it is told, even when that is wrong, and reads replies.
//!
//! It stands on [`Connection`], bytes out and bytes in, so that the same client and the same transcripts
//! run over TCP, over a unix socket, and on a session inside this process.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::reply::{Incomplete, Reply, decode};
use crate::wait::PATIENCE;

/// Bytes to a server and back.
pub trait Connection: Send {
    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// When the other side is gone.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Appends what has come to `buffer`, waiting at most `limit` for a first byte. `Ok(0)` is the end of
    /// the connection.
    ///
    /// # Errors
    /// `TimedOut` when nothing came.
    fn receive(&mut self, buffer: &mut Vec<u8>, limit: Duration) -> io::Result<usize>;

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// When the other side is gone.
    fn finish(&mut self) -> io::Result<()>;
}

macro_rules! socket_connection {
    ($socket:ty) => {
        impl Connection for $socket {
            fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
                self.write_all(bytes)
            }

            fn receive(&mut self, buffer: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
                self.set_read_timeout(Some(limit.max(Duration::from_millis(1))))?;
                read_some(self, buffer)
            }

            fn finish(&mut self) -> io::Result<()> {
                self.shutdown(std::net::Shutdown::Write)
            }
        }
    };
}

socket_connection!(TcpStream);
socket_connection!(UnixStream);

fn read_some(socket: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; 64 * 1024];
    match socket.read(&mut chunk) {
        Ok(count) => {
            buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
            Ok(count)
        }
        // Both names are in use for a read that waited in vain.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::ErrorKind::TimedOut.into())
        }
        Err(error) => Err(error),
    }
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// What every connection begins with.
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum ReceiveError {
    /// Nothing complete came in time; what came is given.
    TimedOut(Vec<u8>),
    /// The server closed the connection; what came before, and made no reply, is given.
    Closed(Vec<u8>),
    /// What came is not a reply.
    Protocol(String),
    /// The world's failure.
    Io(io::Error),
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(bytes) => {
                write!(f, "no reply in time, only \"{}\"", bytes.escape_ascii())
            }
            Self::Closed(bytes) => write!(f, "closed after \"{}\"", bytes.escape_ascii()),
            Self::Protocol(what) => write!(f, "{what}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReceiveError {}

/// A client of one connection.
pub struct Client {
    connection: Box<dyn Connection>,
    received: Vec<u8>,
    limit: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

/// A command as an array of bulk strings.
#[must_use]
pub fn encode_command(arguments: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out
}

impl Client {
    /// A client on a connection.
    #[must_use]
    pub fn new(connection: Box<dyn Connection>) -> Self {
        Self { connection, received: Vec::new(), limit: PATIENCE }
    }

    /// Connects over TCP to a port of this machine.
    ///
    /// # Errors
    /// When nobody accepts.
    pub fn connect(port: u16) -> io::Result<Self> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::new(Box::new(socket)))
    }

    /// Connects over a unix socket.
    ///
    /// # Errors
    /// When nobody accepts.
    pub fn connect_unix(path: &Path) -> io::Result<Self> {
        let socket = UnixStream::connect(path)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::new(Box::new(socket)))
    }

    /// How long a reply may take.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Sends one command and reads its reply; pushes in between are left out.
    ///
    /// # Panics
    /// When there is none: a test has nothing to go on with.
    pub fn command(&mut self, arguments: &[impl AsRef<[u8]>]) -> Reply {
        self.try_command(arguments).unwrap_or_else(|error| {
            let shown: Vec<_> =
                arguments.iter().map(|a| a.as_ref().escape_ascii().to_string()).collect();
            panic!("{}: {error}", shown.join(" "))
        })
    }

    /// Sends the words of a line, quoted as in redis-cli, and reads the reply.
    ///
    /// # Panics
    /// When there is no reply, or the quotes do not match.
    pub fn line(&mut self, line: &str) -> Reply {
        let words = crate::words(line).expect("the test's own quotes match");
        self.command(&words)
    }

    /// Sends one command and reads its reply; pushes in between are left out.
    ///
    /// # Errors
    /// When no reply comes.
    pub fn try_command(&mut self, arguments: &[impl AsRef<[u8]>]) -> Result<Reply, ReceiveError> {
        self.send_raw(&encode_command(arguments)).map_err(ReceiveError::Io)?;
        loop {
            match self.reply()? {
                Reply::Push(_) => {}
                reply => return Ok(reply),
            }
        }
    }

    /// Sends many commands at once and reads all their replies.
    ///
    /// # Errors
    /// When not all replies come.
    pub fn pipeline(&mut self, commands: &[Vec<&[u8]>]) -> Result<Vec<Reply>, ReceiveError> {
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode_command(command)).collect();
        self.send_raw(&bytes).map_err(ReceiveError::Io)?;
        commands.iter().map(|_| self.reply()).collect()
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.send(bytes)
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn finish(&mut self) -> io::Result<()> {
        self.connection.finish()
    }

    /// The next reply or push.
    ///
    /// # Errors
    /// When none comes within the limit.
    pub fn reply(&mut self) -> Result<Reply, ReceiveError> {
        let deadline = Instant::now() + self.limit;
        loop {
            match decode(&self.received) {
                Ok(Ok((reply, taken))) => {
                    self.received.drain(..taken);
                    return Ok(reply);
                }
                Ok(Err(Incomplete)) => {}
                Err(error) => return Err(ReceiveError::Protocol(error.to_string())),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.connection.receive(&mut self.received, left) {
                Ok(0) => return Err(ReceiveError::Closed(std::mem::take(&mut self.received))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(ReceiveError::Closed(std::mem::take(&mut self.received)));
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if Instant::now() >= deadline {
                        return Err(ReceiveError::TimedOut(self.received.clone()));
                    }
                }
                Err(error) => return Err(ReceiveError::Io(error)),
            }
        }
    }

    /// True when the server has closed the connection, having sent nothing more.
    pub fn is_closed(&mut self, limit: Duration) -> bool {
        match self.connection.receive(&mut self.received, limit) {
            Ok(count) => count == 0 && self.received.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Turns to a protocol by `HELLO`.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn speak(&mut self, protocol: Protocol) {
        let version = match protocol {
            Protocol::Resp2 => "2",
            Protocol::Resp3 => "3",
        };
        let reply = self.command(&["HELLO", version]);
        assert!(!reply.is_error(), "HELLO {version}: {reply:?}");
    }
}
