use super::LOADING;
use super::save::SAVED_BYTES_MAX;
use crate::log::LogUser;
use crate::node::Node;
use crate::replay::Replay;
use crate::session::Step;
use crate::testing::{Fixture, Peer};
use base::{Rng, Slot};
use config::Permission;
use engine::Moment;
use persist::rdb::{Options, Writer};
use persist::save::save_keys;
use resp::StoredRequests;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

const KEY_BYTES: usize = 1 << 20;

/// How many keys have more than may wait to be written.
const KEYS: usize = SAVED_BYTES_MAX / KEY_BYTES + 8;

const OK: &str = "+OK\r\n";

fn set(peer: &mut Peer, fixture: &Fixture, number: usize, letter: &str) -> String {
    peer.send(fixture, &format!("SETRANGE key:{number} {} {letter}\r\n", KEY_BYTES - 1))
}

#[test]
fn writes_wait_while_too_much_is_saved_and_not_written() {
    let fixture = Fixture::with(|config| config.persistence.rdbcompression = false);
    let [mut writer, mut reader] = [fixture.connect(), fixture.connect()];
    let long = format!(":{KEY_BYTES}\r\n");
    (0..KEYS).for_each(|number| assert_eq!(set(&mut writer, &fixture, number, "a"), long));
    let by = (fixture.node.control(), fixture.now);
    let (_, order) = fixture.node.begin_rewrite(by, false, false).expect("nothing else is saved");
    let mut changed = 0;
    while writer.step != Step::Wait {
        assert!(order.saved.memory_bytes() <= SAVED_BYTES_MAX + 16 * KEY_BYTES, "it has a bound");
        let reply = set(&mut writer, &fixture, changed, "b");
        assert_eq!(reply, if writer.step == Step::Wait { "" } else { long.as_str() });
        changed += 1;
        fixture.node.tick(fixture.now);
    }
    let waiting = order.saved.memory_bytes();
    assert!(waiting > SAVED_BYTES_MAX, "{waiting}");
    assert_eq!(reader.send(&fixture, "STRLEN key:0\r\n"), long, "reads go on");
    let info = reader.send(&fixture, "INFO persistence\r\n");
    assert!(info.contains(&format!("current_save_keys_total:{KEYS}\r\n")), "{info}");
    // All that waits is written, and what nobody has changed.
    let mut file = Writer::new(Vec::new(), Options { compress: false, ..order.options.file });
    save_keys(&fixture.node.keyspace, &order.snapshot, &order.saved, &mut file, &mut |_| {})
        .expect("memory takes all");
    assert_eq!(order.saved.memory_bytes(), 0);
    let bytes = file.finish().expect("memory takes all");
    assert!(bytes.len() > KEYS * KEY_BYTES, "the file has everything");
    let ends = bytes.windows(2).filter(|pair| pair == b"\0b").count();
    assert_eq!(ends, 0, "and nothing that came later");
    assert_eq!(writer.run(&fixture), "", "that is seen by a timer");
    fixture.node.tick(fixture.now);
    assert_eq!(writer.wakes(), 1);
    assert_eq!(writer.run(&fixture), long);
    fixture.node.end_rewrite(&order, true, fixture.now);
    assert_eq!(writer.send(&fixture, "SET key:0 b\r\n"), OK);
}

#[test]
fn a_save_that_ends_lets_writes_go_on() {
    let fixture = Fixture::with(|config| config.persistence.rdbcompression = false);
    let mut writer = fixture.connect();
    for number in 0..KEYS {
        set(&mut writer, &fixture, number, "a");
    }
    let by = (fixture.node.control(), fixture.now);
    let (_, order) = fixture.node.begin_rewrite(by, false, false).expect("nothing else is saved");
    for number in 0..KEYS {
        set(&mut writer, &fixture, number, "b");
    }
    fixture.node.tick(fixture.now);
    assert_eq!(writer.send(&fixture, "SET a b\r\n"), "");
    assert_eq!(writer.step, Step::Wait);
    // It has failed, say.
    fixture.node.end_rewrite(&order, false, fixture.now);
    assert_eq!(writer.wakes(), 1);
    assert_eq!(writer.run(&fixture), OK);
    fixture.node.tick(fixture.now);
    assert_eq!(writer.send(&fixture, "SET a c\r\n"), OK);
}

#[test]
fn what_was_let_in_before_data_are_loaded_is_refused() {
    let fixture = Fixture::new();
    let (node, mut peer) = (&fixture.node, fixture.connect());
    node.begin_log(LogUser::File, node.control(), fixture.now, |_, _| ());
    peer.send(&fixture, "SET a 1\r\n");
    let end = node.log_end();
    assert!(node.begin_loading(node.control(), fixture.now, 0));
    // As if they had been asked for before it began: what lets commands in says nothing.
    node.persistence.set_hindrance(LOADING, false);
    let loading = "LOADING Redis is loading the dataset in memory\r\n";
    let writes = ["SET a 2", "DEL a", "MSET a 2 b 3", "FLUSHALL", "BLPOP l 0", "SORT l STORE d"];
    let reads = ["GET a", "MGET a b", "PFCOUNT a", "XREAD STREAMS a 0", "SORT l BY w*"];
    for line in writes.iter().chain(&reads) {
        let told = peer.send(&fixture, &format!("{line}\r\n"));
        assert_eq!(told, format!("-{loading}"), "{line}");
        let told = peer.send(&fixture, &format!("MULTI\r\nPING\r\n{line}\r\nEXEC\r\n"));
        let discarded = format!("-EXECABORT Transaction discarded because of: {loading}");
        assert!(told.ends_with(&discarded), "{line}: {told}");
    }
    node.end_loading(node.control(), fixture.now);
    assert_eq!(peer.send(&fixture, "GET a\r\n"), "$1\r\n1\r\n");
    assert_eq!(node.log_end(), end);
    assert_eq!(peer.send(&fixture, "SET a 2\r\n"), OK);
    assert!(node.log_end() > end, "it is logged again");
}

#[test]
fn nobody_is_served_before_all_is_loaded() {
    let fixture = Fixture::new();
    let (node, mut peer) = (&fixture.node, fixture.connect());
    node.begin_log(LogUser::File, node.control(), fixture.now, |_, _| ());
    assert_eq!(peer.send(&fixture, "BLPOP q 0\r\n"), "");
    assert_eq!(peer.step, Step::Block);
    assert!(node.begin_loading(node.appending(), fixture.now, 0));
    let mut replay = Replay::begin(node, fixture.now, Rng::from_seed(1));
    let mut file = StoredRequests::new();
    assert!(file.push_words([&b"RPUSH"[..], b"q", b"a", b"b"].into_iter(), usize::MAX));
    assert!(file.push_words([&b"LPOP"[..], b"q"].into_iter(), usize::MAX));
    for index in 0..file.len() {
        replay.run(file.args(index)).expect("it can be done again");
        assert_eq!((peer.wakes(), node.log_end()), (0, 0));
    }
    replay.end();
    node.end_loading(node.appending(), fixture.now);
    assert_eq!(peer.wakes(), 1);
    assert_eq!(peer.unblock(&fixture), "*2\r\n$1\r\nq\r\n$1\r\nb\r\n");
    assert!(node.log_end() > 0, "it is logged");
    let changes = |by| node.keyspace.tally(by).changes();
    assert_eq!((changes(node.appending()), changes(node.control())), (1, 0));
}

#[test]
fn nobody_is_let_in_before_all_is_loaded() {
    let fixture = Fixture::new();
    let node = &fixture.node;
    assert!(node.begin_loading(node.appending(), fixture.now, 0));
    let held =
        node.keyspace.hold(Slot::of_key(b"a"), 0, node.control(), Moment::at(fixture.now.wall));
    thread::scope(|scope| {
        scope.spawn(|| node.end_loading(node.appending(), fixture.now));
        while node.loading_report().is_some() {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(20));
        assert!(node.is_loading(), "whoever holds a slot has not been told");
        drop(held);
    });
    assert!(!node.is_loading());
}

#[test]
fn who_loads_is_alone() {
    let fixture = Fixture::with(|config| config.security.enable_debug_command = Permission::Yes);
    let (node, mut peer) = (&fixture.node, fixture.connect());
    peer.send(&fixture, "SET a 1\r\n");
    assert!(node.begin_loading(node.following(), fixture.now, 0));
    assert!(!node.begin_loading(node.appending(), fixture.now, 0));
    let loading = "-LOADING Redis is loading the dataset in memory\r\n";
    assert_eq!(peer.send(&fixture, "DEBUG RELOAD NOSAVE\r\n"), loading);
    assert_eq!(peer.send(&fixture, "GET a\r\n"), loading, "the first goes on");
    node.end_loading(node.following(), fixture.now);
    assert_eq!(peer.send(&fixture, "GET a\r\n"), "$1\r\n1\r\n");
}

/// Data are loaded from when the client is woken on.
struct LoadsWhenWoken(Arc<Node>);

impl Wake for LoadsWhenWoken {
    fn wake(self: Arc<Self>) {
        self.0.persistence.set_hindrance(LOADING, true);
    }
}

/// Has data loaded from when there is something to tell a client that has sent this.
fn load_when_told(fixture: &Fixture, request: &[u8]) {
    let mut told = fixture.session();
    told.client().set_waker(&Waker::from(Arc::new(LoadsWhenWoken(Arc::clone(&fixture.node)))));
    told.execute(&mut fixture.worker(), fixture.now, request, &mut Vec::new());
    assert!(!fixture.node.is_loading());
}

#[test]
fn a_walk_during_which_data_begin_to_be_loaded_shows_nothing() {
    let mut fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "CONFIG SET notify-keyspace-events Ex\r\nSET a 1 PX 1\r\nSET b 2\r\n");
    fixture.pass(Duration::from_millis(2));
    load_when_told(&fixture, b"SUBSCRIBE __keyevent@0__:expired\r\n");
    let loading = "-LOADING Redis is loading the dataset in memory\r\n";
    assert_eq!(peer.send(&fixture, "SCAN 0\r\n"), loading);
}

#[test]
fn a_transaction_that_has_begun_to_run_runs_as_a_whole() {
    let fixture = Fixture::new();
    let (node, mut peer) = (&fixture.node, fixture.connect());
    peer.send(&fixture, "MULTI\r\nSET a 1\r\nSET b 2\r\n");
    // When the first command has run.
    load_when_told(&fixture, b"MONITOR\r\n");
    assert_eq!(peer.send(&fixture, "EXEC\r\n"), "*2\r\n+OK\r\n+OK\r\n");
    assert!(node.is_loading());
}
