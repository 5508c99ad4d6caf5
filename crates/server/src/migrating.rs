//! MIGRATE's sockets: what a session sends away is carried by a task of its worker, while the session waits.
//!
//! Connections to other nodes are kept for a while, for who moves a slot sends many requests.

use crate::clock;
use crate::worker::Bench;
use base::Monotonic;
use node::{Carried, Departure, Failure};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How many connections a worker keeps that are not used.
const KEPT_MAX: usize = 64;

/// How long one is kept.
const KEPT_TIME_MAX: Duration = Duration::from_secs(10);

/// The longest line that another node may reply, in bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;

/// A connection, and what it was told last.
struct Connection {
    stream: TcpStream,
    /// The database that was selected.
    database: Option<i64>,
    used_at: Monotonic,
}

/// The connections that a worker keeps.
#[derive(Default)]
pub(crate) struct Connections {
    kept: BTreeMap<(String, u16), Connection>,
}

impl Connections {
    fn take(&mut self, host: &str, port: u16) -> Option<Connection> {
        self.kept.remove(&(host.to_owned(), port))
    }

    fn keep(&mut self, host: String, port: u16, connection: Connection) {
        if self.kept.len() >= KEPT_MAX {
            let oldest = self.kept.iter().min_by_key(|(_, one)| one.used_at);
            if let Some(address) = oldest.map(|(address, _)| address.clone()) {
                self.kept.remove(&address);
            }
        }
        self.kept.insert((host, port), connection);
    }

    /// Closes those that were not used for long. To be called now and then.
    pub(crate) fn close_idle(&mut self) {
        if !self.kept.is_empty() {
            let now = clock::monotonic();
            self.kept.retain(|_, one| now.since(one.used_at) < KEPT_TIME_MAX);
        }
    }
}

/// Carries what a session sends away, and answers its client.
pub(crate) fn start(bench: &Arc<Mutex<Bench>>, departure: Departure, kept: &mut Connections) {
    let kept = kept.take(&departure.host, departure.port);
    let bench = Arc::clone(bench);
    tokio::spawn(async move {
        let (carried, connection) = carry(&departure, kept).await;
        let bench = &mut *bench.lock();
        if let Some(connection) = connection {
            bench.connections.keep(departure.host.clone(), departure.port, connection);
        }
        bench.worker.finish_departure(departure, &carried, clock::now());
    });
}

/// Sends all and takes the replies; the connection, where it is still good. One that was kept may have ended meanwhile: then another is opened.
async fn carry(departure: &Departure, kept: Option<Connection>) -> (Carried, Option<Connection>) {
    if let Some(mut connection) = kept {
        let (carried, is_good, timed_out) = attempt(departure, &mut connection).await;
        let is_stale = carried.failure.is_some() && carried.replies.is_empty() && !timed_out;
        if !is_stale {
            return (carried, is_good.then_some(connection));
        }
    }
    match within(departure.patience, connect(&departure.host, departure.port)).await {
        Ok(mut connection) => {
            let (carried, is_good, _) = attempt(departure, &mut connection).await;
            (carried, is_good.then_some(connection))
        }
        Err(error) => {
            // As in Redis, where it shows at the first write that nobody listens.
            let refused = error.kind() == io::ErrorKind::ConnectionRefused;
            let failure = if refused { Failure::Write } else { Failure::Connect };
            (Carried { failure: Some(failure), ..Carried::default() }, None)
        }
    }
}

async fn connect(host: &str, port: u16) -> io::Result<Connection> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(Connection { stream, database: None, used_at: clock::monotonic() })
}

/// What `step` comes to, unless it takes longer than that.
async fn within<T>(patience: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(patience, step).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Sends all and takes the replies; whether the connection is still good, and whether it broke for silence.
async fn attempt(departure: &Departure, connection: &mut Connection) -> (Carried, bool, bool) {
    let selects = connection.database != Some(departure.database);
    let mut head = departure.auth.clone();
    if selects {
        let database = departure.database.to_string();
        resp::push_request(&mut head, [&b"SELECT"[..], database.as_bytes()].into_iter());
    }
    let heads = usize::from(!departure.auth.is_empty()) + usize::from(selects);
    let mut carried = Carried::default();
    let (mut reading, mut writing) = connection.stream.split();
    let patience = departure.patience;
    let write = async {
        for mut bytes in [&head[..], &departure.requests] {
            while !bytes.is_empty() {
                let written = within(patience, writing.write(bytes)).await?;
                bytes = &bytes[written..];
            }
        }
        Ok::<(), io::Error>(())
    };
    let count = heads + departure.requests_count();
    let read = read_replies(&mut reading, patience, (heads, count), &mut carried);
    let (written, read) = tokio::join!(write, read);
    let failed = written.map_err(|error| (Failure::Write, error));
    let failed = failed.and(read.map_err(|error| (Failure::Read, error)));
    connection.used_at = clock::monotonic();
    match failed {
        Ok(()) => {
            let is_refused = carried.refusal.is_some();
            connection.database = (!is_refused).then_some(departure.database);
            (carried, true, false)
        }
        Err((failure, error)) => {
            carried.failure = Some(failure);
            (carried, false, error.kind() == io::ErrorKind::TimedOut)
        }
    }
}

/// Takes `count` replies, of which the first `heads` are not of keys.
async fn read_replies(
    reading: &mut tokio::net::tcp::ReadHalf<'_>,
    patience: Duration,
    (heads, count): (usize, usize),
    carried: &mut Carried,
) -> io::Result<()> {
    let (mut input, mut line, mut taken) = (vec![0; READ_BYTES], Vec::new(), 0);
    while taken < count {
        let read = within(patience, reading.read(&mut input)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for &byte in &input[..read] {
            if byte != b'\n' {
                line.push(byte);
                if line.len() > LINE_BYTES_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                continue;
            }
            let reply = match line.trim_ascii_end().split_first() {
                Some((b'-', error)) => Err(error.to_vec()),
                Some(_) => Ok(()),
                None => return Err(io::ErrorKind::InvalidData.into()),
            };
            line.clear();
            match reply {
                _ if taken >= count => return Err(io::ErrorKind::InvalidData.into()),
                reply if taken >= heads => carried.replies.push(reply),
                Err(error) => carried.refusal = carried.refusal.take().or(Some(error)),
                Ok(()) => {}
            }
            taken += 1;
        }
    }
    Ok(())
}
