//! Listening sockets, and accepting from them whatever happens.

use crate::stream::RawStream;
use config::Network;
use node::clients::Origin;
use persist::storage::reason;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// An address that could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// What stands in `bind` is no address.
    #[error("Could not create server TCP listening socket {address}:{port}: no such address")]
    Address {
        /// As configured.
        address: String,
        /// The port.
        port: u16,
    },
    /// A TCP address.
    #[error(
        "Could not create server TCP listening socket {address}:{port}: bind: {}",
        reason(error)
    )]
    Tcp {
        /// As configured.
        address: String,
        /// The port.
        port: u16,
        /// Why.
        error: io::Error,
    },
    /// The Unix socket.
    #[error("Failed opening Unix socket {}: bind: {}", path.display(), reason(error))]
    Unix {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A socket that clients connect to.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl ListenError {
    /// Logs what happened, in the lines that tools look for, and what to do about it.
    pub(crate) fn log(&self) {
        match self {
            ListenError::Address { port, .. } => {
                tracing::warn!("{self}: put an address of this machine, or *, in bind");
                tracing::error!("Failed listening on port {port} (tcp), aborting.");
            }
            ListenError::Tcp { address, port, error } => {
                tracing::warn!("Warning: {self}");
                if error.kind() == io::ErrorKind::AddrInUse {
                    tracing::warn!(
                        "Another server is listening on {address}:{port}: stop it, or choose another port with --port"
                    );
                }
                tracing::error!("Failed listening on port {port} (tcp), aborting.");
            }
            ListenError::Unix { .. } => {
                tracing::warn!("{self}");
                tracing::error!("Failed listening on the Unix socket, aborting.");
            }
        }
    }
}

/// Opens one port on every address. Must be called inside a runtime.
pub(crate) fn listen_port(
    bind: &[String],
    port: u16,
    backlog: u32,
) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::new();
    for configured in bind {
        let (optional, address) = match configured.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, configured.as_str()),
        };
        let ip = parse_address(address)
            .ok_or_else(|| ListenError::Address { address: address.to_owned(), port })?;
        match listen_tcp(SocketAddr::new(ip, port), backlog) {
            Ok(listener) => listeners.push(listener),
            Err(error) if optional && is_unavailable(&error) => {}
            Err(error) => {
                return Err(ListenError::Tcp { address: address.to_owned(), port, error });
            }
        }
    }
    Ok(listeners)
}

fn parse_address(address: &str) -> Option<IpAddr> {
    match address {
        "*" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "::*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        other => other.parse().ok().or_else(|| {
            let mut found = (other, 0).to_socket_addrs().ok()?;
            found.next().map(|address| address.ip())
        }),
    }
}

/// Whether this machine does not have such an address at all.
fn is_unavailable(error: &io::Error) -> bool {
    /// Linux's number for "address family not supported by protocol".
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn listen_tcp(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(queue_length(backlog))?;
    TcpListener::from_std(socket.into())
}

/// What the kernel calls it: a number with a sign.
fn queue_length(backlog: u32) -> i32 {
    i32::try_from(backlog).unwrap_or(i32::MAX)
}

/// Opens a Unix socket with these permissions, where they are not 0. Must be called inside a runtime.
pub(crate) fn listen_unix(path: &Path, mode: u32, backlog: u32) -> io::Result<Listener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before anybody can connect (CVE-2023-45145).
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    socket.listen(queue_length(backlog))?;
    Ok(Listener::Unix(UnixListener::from_std(socket.into())?, path.to_owned()))
}

impl Listener {
    /// The next connection, with the options that every client's socket has.
    pub(crate) async fn accept(&self, network: &Network) -> io::Result<(RawStream, Origin)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                if network.tcp_keepalive_seconds != 0 {
                    let silence = Duration::from_secs(u64::from(network.tcp_keepalive_seconds));
                    let probes = socket2::TcpKeepalive::new()
                        .with_time(silence)
                        .with_interval((silence / 3).max(Duration::from_secs(1)))
                        .with_retries(3);
                    socket2::SockRef::from(&stream).set_tcp_keepalive(&probes)?;
                }
                let origin = Origin {
                    address: peer.to_string(),
                    local_address: stream.local_addr()?.to_string(),
                    is_unix: false,
                    is_local: peer.ip().to_canonical().is_loopback(),
                    descriptor: stream.as_raw_fd(),
                    worker: 0,
                };
                Ok((RawStream::Tcp(stream.into_std()?), origin))
            }
            Listener::Unix(listener, path) => {
                let (stream, _) = listener.accept().await?;
                let address = format!("{}:0", path.display());
                let origin = Origin {
                    local_address: address.clone(),
                    address,
                    is_unix: true,
                    is_local: true,
                    descriptor: stream.as_raw_fd(),
                    worker: 0,
                };
                Ok((RawStream::Unix(stream.into_std()?), origin))
            }
        }
    }
}

/// Removes the Unix socket's name.
impl Drop for Listener {
    fn drop(&mut self) {
        if let Listener::Unix(_, path) = self {
            // Nobody is left who could be told of an error.
            let _ = std::fs::remove_file(path);
        }
    }
}
