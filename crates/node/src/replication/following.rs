//! Whom the node follows, and how the link to that primary is.
//!
//! A thread of the server holds the link. It asks here whom to follow, tells what becomes of it, and asks again before each step whether it is still
//! wanted: a change of roles takes effect between two stretches of the stream, whatever the thread is at.

use super::StreamPlace;
use crate::clients::Client;
use crate::log::{LogUser, Unit};
use crate::node::Node;
use crate::worker::Now;
use ::replication::{Greeting, History, ReplicationId};
use base::Monotonic;
use engine::{Flushed, LoggedCommands, WorkerId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Up to which version of Valkey snapshots are read, and what is sent outside a cluster is run.
const VERSION: &str = "9.0.0";

/// How long a primary that has asked how far the node is gets to know it after every stretch, for it will ask again.
const PROMPT_TIME: Duration = Duration::from_secs(2);

/// A primary to be followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Primary {
    /// Its address or name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Which of the orders to follow somebody this is.
    order: u64,
}

/// How far the link to the primary is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LinkStage {
    /// There is none yet, or no more.
    #[default]
    Down,
    /// It is being opened.
    Connecting,
    /// The two get to know each other.
    Handshake,
    /// A snapshot comes, or is being loaded.
    Sync,
    /// The stream comes.
    Up,
}

impl LinkStage {
    /// As ROLE tells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            LinkStage::Down => "connect",
            LinkStage::Connecting => "connecting",
            LinkStage::Handshake => "handshake",
            LinkStage::Sync => "sync",
            LinkStage::Up => "connected",
        }
    }
}

/// Whom the node follows, and how that goes.
pub(crate) struct Following {
    state: Mutex<State>,
    /// The number of the last order; what belongs to another is over.
    order: AtomicU64,
    is_up: AtomicBool,
    /// It was, since the last order.
    was_up: AtomicBool,
    /// When something last came from the primary, in milliseconds of monotonic time.
    heard_at: AtomicU64,
    /// When something last came of a primary's stream, in all orders together, in milliseconds of monotonic time; 0 before.
    fed_at: AtomicU64,
    /// What came of the stream, in all orders together, and was not applied, in bytes.
    unapplied: AtomicU64,
    /// When the primary last asked how far the node is, in milliseconds of monotonic time; 0 before.
    asked_at: AtomicU64,
    /// It has asked, and was not told.
    is_asked: AtomicBool,
    /// Nothing is applied for a while: the process is about to end.
    rests: AtomicBool,
}

#[derive(Default)]
struct State {
    primary: Option<Primary>,
    stage: LinkStage,
    /// Since when the link is not up, where it was.
    down_since: Option<Monotonic>,
    /// The snapshot that comes.
    sync: Option<SyncProgress>,
    /// The data are no longer those that the history tells of: what came in their place could not be loaded.
    is_torn: bool,
    /// The link, as CLIENT commands have it.
    client: Option<Arc<Client>>,
}

/// How much of a snapshot has come.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct SyncProgress {
    /// How long it is, in bytes, where that was told.
    pub(crate) total: Option<u64>,
    pub(crate) read: u64,
}

/// What INFO and ROLE tell of the primary.
pub(crate) struct PrimaryReport {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) stage: LinkStage,
    /// How long nothing has come, in seconds; none without a link.
    pub(crate) silent_seconds: Option<u64>,
    pub(crate) down_seconds: Option<u64>,
    pub(crate) sync: Option<SyncProgress>,
    /// How much was read of the stream, and how much of that was applied; none where the node has no place in it.
    pub(crate) offsets: Option<(u64, u64)>,
}

impl Following {
    pub(crate) fn new(primary: Option<(String, u16)>) -> Following {
        let primary = primary.map(|(host, port)| Primary { host, port, order: 0 });
        Following {
            state: Mutex::new(State { primary, ..State::default() }),
            order: AtomicU64::new(0),
            is_up: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
            heard_at: AtomicU64::new(0),
            fed_at: AtomicU64::new(0),
            unapplied: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
            is_asked: AtomicBool::new(false),
            rests: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_current(&self, primary: &Primary) -> bool {
        self.order.load(SeqCst) == primary.order
    }

    /// Lets nothing be applied, or goes on: what is saved at the end is to be all that there is.
    pub(crate) fn rest(&self, rests: bool) {
        self.rests.store(rests, SeqCst);
    }

    pub(super) fn rests(&self) -> bool {
        self.rests.load(SeqCst)
    }

    /// Follows another primary, or none, from here on. Where the link was, if there was one.
    pub(super) fn change(&self, primary: Option<(String, u16)>) {
        let mut state = self.state.lock();
        let order = self.order.fetch_add(1, SeqCst) + 1;
        self.is_up.store(false, SeqCst);
        self.was_up.store(false, SeqCst);
        self.unapplied.store(0, SeqCst);
        self.asked_at.store(0, SeqCst);
        let is_torn = state.is_torn;
        let client = state.client.take();
        let primary = primary.map(|(host, port)| Primary { host, port, order });
        *state = State { primary, is_torn, ..State::default() };
        drop(state);
        // Its waker shuts the socket down.
        client.iter().for_each(|client| client.kill());
    }

    /// Whether this very primary is followed.
    pub(crate) fn follows(&self, host: &str, port: u16) -> bool {
        let state = self.state.lock();
        state.primary.as_ref().is_some_and(|one| one.host == host && one.port == port)
    }

    pub(super) fn tear(&self, is_torn: bool) {
        self.state.lock().is_torn = is_torn;
    }

    /// Whether the data are no longer those that the history tells of.
    pub(super) fn is_torn(&self) -> bool {
        self.state.lock().is_torn
    }

    /// Whether the data are torn; nobody cares from here on.
    pub(super) fn take_torn(&self) -> bool {
        std::mem::take(&mut self.state.lock().is_torn)
    }

    pub(super) fn note_unapplied(&self, bytes: usize) {
        self.unapplied.store(bytes as u64, SeqCst);
    }
}

impl Node {
    /// The primary to be followed, where the node is a replica.
    #[must_use]
    pub fn primary(&self) -> Option<Primary> {
        self.replication.following.state.lock().primary.clone()
    }

    /// Whether a primary is still the one to be followed.
    #[must_use]
    pub fn follows(&self, primary: &Primary) -> bool {
        self.replication.following.is_current(primary)
    }

    /// Whether the node follows a primary.
    #[must_use]
    pub fn is_replica(&self) -> bool {
        self.replication.is_replica()
    }

    /// Whether the primary that the node follows is connected, and its stream comes.
    pub(crate) fn is_link_up(&self) -> bool {
        self.replication.following.is_up.load(SeqCst)
    }

    /// Tells how far the link is.
    pub fn note_link(&self, primary: &Primary, stage: LinkStage, now: Monotonic) {
        let following = &self.replication.following;
        let mut state = following.state.lock();
        if !following.is_current(primary) {
            return;
        }
        if state.stage == LinkStage::Up && stage != LinkStage::Up {
            state.down_since = Some(now);
        }
        state.stage = stage;
        if stage != LinkStage::Sync {
            state.sync = None;
        }
        if stage == LinkStage::Up {
            state.down_since = None;
        }
        following.is_up.store(stage == LinkStage::Up, SeqCst);
        following.was_up.fetch_or(stage == LinkStage::Up, SeqCst);
        if stage == LinkStage::Down {
            state.client = None;
            following.unapplied.store(0, SeqCst);
        }
        drop(state);
        self.note_heard(now);
    }

    /// Something has come from the primary.
    pub fn note_heard(&self, now: Monotonic) {
        let following = &self.replication.following;
        following.heard_at.store(now.millis(), SeqCst);
        if following.is_up.load(SeqCst) {
            following.fed_at.store(now.millis().max(1), SeqCst);
        }
    }

    /// Whether the stream of the primary that is followed has come: the data are of its history.
    pub(crate) fn was_link_up(&self) -> bool {
        self.replication.following.was_up.load(SeqCst)
    }

    /// How far the data are in a stream, 0 where they are nowhere in one; and when something of a primary's last came.
    pub(crate) fn stream_standing(&self) -> (u64, Option<Monotonic>) {
        let fed_at = self.replication.following.fed_at.load(SeqCst);
        let offset = self.stream_place().map_or(0, |place| place.offset);
        (offset, (fed_at != 0).then(|| Monotonic::from_millis(fed_at)))
    }

    /// So much of a snapshot has come.
    pub fn note_sync(&self, read: u64, total: Option<u64>, now: Monotonic) {
        self.replication.following.state.lock().sync = Some(SyncProgress { total, read });
        self.note_heard(now);
    }

    /// What the node tells of itself to its primary.
    #[must_use]
    pub fn greeting(&self) -> Greeting {
        let config = self.settings.current();
        let settings = &config.replication;
        let announced = (settings.replica_announce_port, &settings.replica_announce_ip);
        Greeting {
            user: settings.masteruser.clone(),
            password: settings.masterauth.clone(),
            port: if announced.0 == 0 { config.network.port } else { announced.0 },
            address: (!announced.1.is_empty()).then(|| announced.1.clone()),
            version: VERSION,
            place: self.stream_place().map(|place| (place.id, place.offset + 1)),
            hands_over: self.hands_over(),
        }
    }

    /// The primary goes on with the stream from where it was asked to, under another name perhaps; the database of the last command before. `None` where the
    /// primary is not followed any more, or where the data are not where they were when it was asked: everything is asked for then, the next time.
    pub fn go_on_with_stream(
        &self,
        primary: &Primary,
        asked: Option<(ReplicationId, u64)>,
        id: Option<ReplicationId>,
    ) -> Option<usize> {
        let _applied = self.replication.pause_applying();
        if !self.follows(primary) {
            return None;
        }
        if self.stream_place().map(|place| (place.id, place.offset + 1)) != asked {
            self.replication.following.tear(true);
            return None;
        }
        let (end, database) = self.log_place();
        let mut state = self.replication.state.lock();
        let offset = end.wrapping_add_signed(state.shift);
        let is_renamed = id.is_some_and(|id| id != state.history.id);
        if let Some(id) = id.filter(|_| is_renamed) {
            state.history = state.history.renamed(id, offset);
        }
        drop(state);
        if is_renamed {
            // They hear of the name when they come back.
            self.disconnect_replicas();
        }
        Some(database.unwrap_or(0))
    }

    /// The data are about to be others: those that follow this node cannot go on, and nothing is told of a place in a history. What was there is given to
    /// be freed. `None` where the primary is not followed any more. Clients have to be told already that data are being loaded.
    pub fn give_up_data(&self, primary: &Primary, worker: WorkerId) -> Option<Flushed> {
        let _applied = self.replication.pause_applying();
        if !self.follows(primary) {
            return None;
        }
        self.replication.following.tear(true);
        self.disconnect_replicas();
        self.abandon_save();
        let flushed = self.keyspace.reach().flush(None, worker);
        self.tracking.invalidate_all();
        Some(flushed)
    }

    /// All data of a primary are there, which are at this place of its history. False where it is not followed any more.
    pub fn adopt(&self, primary: &Primary, place: StreamPlace, worker: WorkerId, now: Now) -> bool {
        self.begin_keeping(worker, now);
        let _applied = self.replication.pause_applying();
        if !self.follows(primary) {
            return false;
        }
        self.enter_history(History::new(place.id), place.offset, Some(place.database));
        self.replication.following.tear(false);
        true
    }

    /// The data that were loaded when the server started are at this place of a history. A replica offers to go on from there; for a primary, that is the
    /// history before its own, so that replicas may go on with it, and are told first what has gone since.
    pub fn restore_place(
        &self,
        place: StreamPlace,
        removals: &LoggedCommands,
        worker: WorkerId,
        now: Now,
    ) {
        self.begin_keeping(worker, now);
        let _applied = self.replication.pause_applying();
        let loaded = History::new(place.id);
        if self.replication.is_replica() {
            self.enter_history(loaded, place.offset, Some(place.database));
        } else {
            let id = ReplicationId::random(&mut self.replication.state.lock().rng);
            self.enter_history(loaded.renamed(id, place.offset), place.offset, None);
            if !removals.is_empty() {
                // Nobody saw these keys here, and who has them hides them.
                self.log(worker, Unit::Each, std::iter::empty(), Some(removals), None);
            }
            self.replication.state.lock().alone_since = Some(now.monotonic);
        }
    }

    /// The node cannot go on from where it is: it asks for everything the next time.
    pub fn give_up_place(&self, primary: &Primary) {
        let _applied = self.replication.pause_applying();
        if self.follows(primary) {
            self.replication.following.tear(true);
        }
    }

    /// Keeps the log for replicas: what they may go on from, and what a primary is told.
    fn begin_keeping(&self, worker: WorkerId, now: Now) {
        let _keeping = self.replication.keeping.lock();
        self.replication.state.lock().is_kept = true;
        self.keep_log(self.settings.current().replication.repl_backlog_size);
        self.begin_log(LogUser::Replicas, worker, now, |_, _| ());
    }

    /// The end of the log is this offset of a history, and what was before has no part in it. The last command was of this database.
    fn enter_history(&self, history: History, offset: u64, database: Option<usize>) {
        let end = self.cut_log();
        self.note_log_database(database);
        self.forget_confirmed_by_replicas();
        let mut state = self.replication.state.lock();
        state.history = history;
        state.shift = (offset as i64).wrapping_sub(end as i64);
        drop(state);
        // Whoever has come since the data were given up has come for the history before.
        self.disconnect_replicas();
    }

    /// Lets replicas come again: to go on from where they are, or with everything.
    pub(super) fn disconnect_replicas(&self) {
        self.replication.state.lock().replicas.iter().for_each(|replica| replica.client.kill());
    }

    /// The primary asks how far this node is.
    pub(crate) fn answer_getack(&self) {
        self.replication.following.is_asked.store(true, SeqCst);
    }

    /// Whether the primary has asked how far the node is, and was not told.
    #[must_use]
    pub fn take_question(&self, now: Monotonic) -> bool {
        let following = &self.replication.following;
        let is_asked = following.is_asked.load(SeqCst) && following.is_asked.swap(false, SeqCst);
        if is_asked {
            following.asked_at.store(now.millis().max(1), SeqCst);
        }
        is_asked
    }

    /// Whether the primary gets to know at once what was applied, for it asks often.
    #[must_use]
    pub fn tells_promptly(&self, now: Monotonic) -> bool {
        let asked_at = self.replication.following.asked_at.load(SeqCst);
        asked_at != 0 && now.since(Monotonic::from_millis(asked_at)) < PROMPT_TIME
    }

    /// What the primary is told of how far the node is: a request without a reply.
    #[must_use]
    pub fn acknowledgement(&self) -> Vec<Vec<u8>> {
        let word = |text: &str| text.as_bytes().to_vec();
        let mut words =
            vec![word("REPLCONF"), word("ACK"), word(&self.replication_offset().to_string())];
        // Nothing is said of a file that has not all of the data, or only those of another history.
        if self.settings.current().persistence.appendonly
            && let Some(on_disk) = self.synced_log().and_then(|offset| self.offset_told(offset))
        {
            words.extend([word("FACK"), word(&on_disk.to_string())]);
        }
        words
    }

    /// The link as CLIENT commands have it, from when it is up to when it is down.
    pub(super) fn note_primary_client(&self, primary: &Primary, client: &Arc<Client>) {
        let following = &self.replication.following;
        let mut state = following.state.lock();
        if following.is_current(primary) {
            state.client = Some(Arc::clone(client));
        } else {
            client.kill();
        }
    }

    /// What INFO and ROLE tell of the primary; `None` where the node follows nobody.
    pub(crate) fn primary_report(&self, now: Monotonic) -> Option<PrimaryReport> {
        let following = &self.replication.following;
        let applied = self.stream_place().map(|place| place.offset);
        let state = following.state.lock();
        let primary = state.primary.as_ref()?;
        let heard_at = Monotonic::from_millis(following.heard_at.load(SeqCst));
        let unapplied = following.unapplied.load(SeqCst);
        Some(PrimaryReport {
            host: primary.host.clone(),
            port: primary.port,
            stage: state.stage,
            silent_seconds: matches!(state.stage, LinkStage::Up | LinkStage::Sync)
                .then(|| now.since(heard_at).as_secs()),
            down_seconds: state.down_since.map(|since| now.since(since).as_secs()),
            sync: state.sync,
            offsets: applied.map(|applied| (applied + unapplied, applied)),
        })
    }
}
