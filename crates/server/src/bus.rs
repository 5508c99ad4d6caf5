//! The sockets of the cluster bus: bytes to the state machine, its packets to bytes.
//!
//! One task owns the machine's inputs and takes them one at a time; a task per link reads, and one writes. All run on the
//! control thread, so that heartbeats never wait for commands.

use crate::clock;
use bytes::BytesMut;
use cluster::limits::STRANGER_PACKET_BYTES_MAX;
use cluster::wire::packet_bytes;
use cluster::{Input, LinkId, LogLevel, Output};
use node::Node;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;

/// How many events may wait for the machine; links are not read from beyond that.
const EVENTS_MAX: usize = 1024;

/// How much may wait to be sent on one link, in bytes, unless `cluster-link-sendbuf-limit` says so.
const LINK_BUFFER_BYTES_MAX: usize = 64 << 20;

/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How much room is made for the bytes of a link at a time.
const READ_BYTES: usize = 16 * 1024;

/// What happened on a socket.
enum Event {
    Accepted(TcpStream, SocketAddr),
    Connected(LinkId, TcpStream),
    Packet(LinkId, Vec<u8>),
    Unframed(LinkId),
    /// A long packet begins on a link; it is answered whether it may.
    Long(LinkId, usize, oneshot::Sender<bool>),
    Closed(LinkId),
}

/// How much waits to be sent, by link: written here, shown by CLUSTER LINKS.
#[derive(Default)]
pub(crate) struct LinkBuffers(Mutex<BTreeMap<LinkId, Arc<AtomicUsize>>>);

impl LinkBuffers {
    pub(crate) fn bytes(&self, link: LinkId) -> usize {
        self.0.lock().get(&link).map_or(0, |bytes| bytes.load(Relaxed))
    }
}

/// A link's tasks, and the way to its writer.
struct Link {
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
    tasks: Vec<AbortHandle>,
}

/// The bus of one node.
pub(crate) struct Bus {
    node: Arc<Node>,
    wake: Arc<Notify>,
    buffers: Arc<LinkBuffers>,
    links: BTreeMap<LinkId, Link>,
    /// Links that are being opened.
    opening: BTreeMap<LinkId, AbortHandle>,
    /// A thread gives the node the role that the machine has ordered.
    settles: Arc<AtomicBool>,
    events: mpsc::Sender<Event>,
}

impl Bus {
    /// Runs the bus for ever.
    pub(crate) async fn run(
        node: Arc<Node>,
        wake: Arc<Notify>,
        buffers: Arc<LinkBuffers>,
        listeners: Vec<TcpListener>,
    ) {
        let (events, mut happened) = mpsc::channel(EVENTS_MAX);
        for listener in listeners {
            tokio::spawn(accept(listener, events.clone()));
        }
        let (links, opening) = (BTreeMap::new(), BTreeMap::new());
        let settles = Arc::default();
        let mut bus = Bus { node, wake, buffers, links, opening, settles, events };
        let mut ticks = tokio::time::interval(cluster::limits::TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let wake = Arc::clone(&bus.wake);
        loop {
            tokio::select! {
                _ = ticks.tick() => bus.handle(Input::Tick),
                Some(event) = happened.recv() => bus.take(event),
                () = wake.notified() => {}
            }
            bus.carry_out();
            bus.settle_role();
        }
    }

    /// Roles change on another thread: they wait for what runs of a stream, and heartbeats must not.
    fn settle_role(&self) {
        let awaits_role = self.node.cluster.as_ref().is_some_and(|cluster| cluster.awaits_role());
        if !awaits_role || self.settles.swap(true, SeqCst) {
            return;
        }
        let (node, settles) = (Arc::clone(&self.node), Arc::clone(&self.settles));
        let wake = Arc::clone(&self.wake);
        tokio::task::spawn_blocking(move || {
            let cluster = node.cluster.as_ref();
            let is_settled = cluster
                .is_none_or(|cluster| cluster.settle_role(&node, node.following(), clock::now()));
            settles.store(false, SeqCst);
            // Else again at the next tick.
            if is_settled {
                wake.notify_one();
            }
        });
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Accepted(stream, peer) => self.accepted(stream, peer),
            Event::Connected(link, stream) => {
                self.opening.remove(&link);
                let local = stream.local_addr().ok().map(|address| address.ip().to_canonical());
                self.start_link(link, stream);
                self.handle(Input::Connected { link, local });
            }
            Event::Packet(link, bytes) => self.handle(Input::Packet { link, bytes: &bytes }),
            Event::Unframed(link) => self.handle(Input::Unframed { link }),
            Event::Long(link, bytes, answer) => {
                let longest = self.operate(|machine| machine.packet_bytes_max(link));
                // A reader that was aborted does not hear it.
                let _ = answer.send(bytes <= longest);
            }
            Event::Closed(link) => {
                self.forget_link(link);
                self.handle(Input::Closed { link });
            }
        }
    }

    fn accepted(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        let (peer, local) = (peer.ip().to_canonical(), local.ip().to_canonical());
        let now = bus_time();
        if let Some(link) = self.operate(|machine| machine.accept(now, peer, local)) {
            self.start_link(link, stream);
        }
    }

    fn handle(&self, input: Input<'_>) {
        let now = bus_time();
        self.operate(|machine| machine.handle(now, input));
    }

    fn operate<T: Default>(&self, step: impl FnOnce(&mut cluster::Machine) -> T) -> T {
        let node = &self.node;
        node.cluster
            .as_ref()
            .map_or_else(T::default, |cluster| cluster.operate(node, node.control(), step))
    }

    /// Does what the machine has put out, from whatever thread it was asked.
    fn carry_out(&mut self) {
        let node = Arc::clone(&self.node);
        let Some(cluster) = &node.cluster else { return };
        while let Some(output) = cluster.poll_bus() {
            match output {
                Output::Connect { link, ip, port } => self.open_link(link, ip, port),
                Output::CloseLink { link } => self.forget_link(link),
                Output::Send { link, bytes } => self.send(link, bytes),
                Output::Log(level, line) => log(level, &line),
                Output::SaveConfig { .. }
                | Output::Follow(_)
                | Output::Promote
                | Output::StandAlone
                | Output::PauseWrites
                | Output::ResumeWrites
                | Output::Leased(_)
                | Output::ViewChanged
                | Output::StateChanged(_)
                | Output::DropKeysInSlot(_)
                | Output::Deliver { .. } => {
                    debug_assert!(false, "the node carries these out itself");
                }
            }
        }
    }

    fn open_link(&mut self, link: LinkId, ip: IpAddr, port: u16) {
        let events = self.events.clone();
        let task = tokio::spawn(async move {
            let event = match TcpStream::connect((ip, port)).await {
                Ok(stream) => Event::Connected(link, stream),
                Err(_) => Event::Closed(link),
            };
            // The receiver lives as long as the process.
            let _ = events.send(event).await;
        });
        self.opening.insert(link, task.abort_handle());
    }

    fn start_link(&mut self, link: LinkId, stream: TcpStream) {
        // A bus without it is slower, not wrong.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        let (outgoing, packets) = mpsc::unbounded_channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let reader = tokio::spawn(read_link(link, read, self.events.clone()));
        let writer = tokio::spawn(write_link(write, packets, Arc::clone(&waiting_bytes)));
        self.buffers.0.lock().insert(link, Arc::clone(&waiting_bytes));
        let tasks = vec![reader.abort_handle(), writer.abort_handle()];
        self.links.insert(link, Link { outgoing, waiting_bytes, tasks });
    }

    fn send(&mut self, link: LinkId, bytes: Vec<u8>) {
        let Some(to) = self.links.get(&link) else { return };
        let waiting = to.waiting_bytes.fetch_add(bytes.len(), Relaxed) + bytes.len();
        let limit = self.node.settings.current().cluster.link_sendbuf_limit;
        let limit = usize::try_from(limit).ok().filter(|&limit| limit != 0);
        let too_much = waiting > limit.unwrap_or(LINK_BUFFER_BYTES_MAX)
            || waiting > STRANGER_PACKET_BYTES_MAX && self.is_stranger(link);
        if too_much {
            self.forget_link(link);
            self.handle(Input::Overflowed { link });
            return;
        }
        // A writer that has ended is followed by its reader, which tells so.
        let _ = to.outgoing.send(bytes);
    }

    /// Whether a link has not shown yet which node it belongs to: little may wait for it.
    fn is_stranger(&self, link: LinkId) -> bool {
        self.operate(|machine| machine.packet_bytes_max(link)) <= STRANGER_PACKET_BYTES_MAX
    }

    fn forget_link(&mut self, link: LinkId) {
        if let Some(opening) = self.opening.remove(&link) {
            opening.abort();
        }
        if let Some(gone) = self.links.remove(&link) {
            gone.tasks.iter().for_each(AbortHandle::abort);
        }
        self.buffers.0.lock().remove(&link);
    }
}

fn bus_time() -> cluster::Now {
    let now = clock::now();
    cluster::Now { monotonic: now.monotonic, wall: now.wall }
}

async fn accept(listener: TcpListener, events: mpsc::Sender<Event>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if events.send(Event::Accepted(stream, peer)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!("Error accepting cluster node connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Cuts a link's bytes into packets until it ends.
async fn read_link(link: LinkId, mut stream: OwnedReadHalf, events: mpsc::Sender<Event>) {
    let end = match read_packets(link, &mut stream, &events).await {
        Ok(end) => end,
        Err(_) => Event::Closed(link),
    };
    // The receiver lives as long as the process.
    let _ = events.send(end).await;
}

async fn read_packets(
    link: LinkId,
    stream: &mut OwnedReadHalf,
    events: &mpsc::Sender<Event>,
) -> io::Result<Event> {
    let mut buffer = BytesMut::new();
    // The length of the packet at hand, where it was allowed.
    let mut may_be_long = None;
    loop {
        match packet_bytes(&buffer) {
            Err(_) => return Ok(Event::Unframed(link)),
            Ok(Some(length))
                if length > STRANGER_PACKET_BYTES_MAX && may_be_long != Some(length) =>
            {
                // Asked behind the packets before it, which may have shown whose link this is.
                let (answer, answered) = oneshot::channel();
                if events.send(Event::Long(link, length, answer)).await.is_err() {
                    return Ok(Event::Closed(link));
                }
                if answered.await != Ok(true) {
                    return Ok(Event::Unframed(link));
                }
                may_be_long = Some(length);
            }
            Ok(Some(length)) if buffer.len() >= length => {
                may_be_long = None;
                let packet = buffer.split_to(length).to_vec();
                if events.send(Event::Packet(link, packet)).await.is_err() {
                    return Ok(Event::Closed(link));
                }
            }
            Ok(_) => {
                buffer.reserve(READ_BYTES);
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(Event::Closed(link));
                }
            }
        }
    }
}

async fn write_link(
    mut stream: OwnedWriteHalf,
    mut packets: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
) {
    while let Some(packet) = packets.recv().await {
        // An error ends the reader too, which tells so.
        if stream.write_all(&packet).await.is_err() {
            return;
        }
        waiting_bytes.fetch_sub(packet.len(), Relaxed);
    }
}

fn log(level: LogLevel, line: &str) {
    match level {
        LogLevel::Debug => tracing::trace!("{line}"),
        LogLevel::Verbose => tracing::debug!("{line}"),
        LogLevel::Notice => tracing::info!("{line}"),
        LogLevel::Warning => tracing::warn!("{line}"),
    }
}
