use super::*;
use crate::Step;
use crate::log::LogUser;
use crate::testing::{Fixture, Peer};
use crate::worker::Now;
use engine::{LoggedCommands, WorkerId};
use std::time::Duration;

const WORKER: WorkerId = WorkerId(0);

/// What comes next for a replica, until nothing does.
fn fed(fixture: &Fixture, peer: &Peer) -> (String, Fed) {
    fixture.node.collect_log();
    let mut out = Vec::new();
    loop {
        let fed = fixture.node.feed(peer.replica(), 1000, &mut out);
        if fed != Fed::Some {
            return (String::from_utf8(out).expect("the tests replicate text"), fed);
        }
    }
}

/// Writes the snapshot that was begun.
fn send_snapshot(fixture: &Fixture, bytes: &[u8]) {
    let order = fixture.take_sync().expect("a snapshot has begun");
    let transfer = order.transfer.as_ref().expect("it is for replicas");
    transfer.write(bytes).expect("they read");
    transfer.end(true);
    fixture.node.end_sync_save(&order, true, fixture.now);
}

/// A primary that waits for no other replica, and a client.
fn primary() -> (Fixture, Peer) {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "CONFIG SET repl-diskless-sync-delay 0\r\n");
    (fixture, peer)
}

/// A replica that has everything, and the name of the history.
fn online(fixture: &Fixture) -> (Peer, String) {
    let mut replica = fixture.connect();
    let told = replica
        .send(fixture, "REPLCONF listening-port 7001 capa eof capa psync2\r\nPSYNC ? -1\r\n");
    assert_eq!(told, "+OK\r\n", "the answer to PSYNC comes with the snapshot");
    send_snapshot(fixture, b"snapshot");
    let (greeting, fed) = fed(fixture, &replica);
    let (line, rest) = greeting.split_once("\r\n").expect("a line");
    let words: Vec<_> = line.split(' ').collect();
    assert!(words[0] == "+FULLRESYNC" && rest == "snapshot" && fed == Fed::Nothing, "{greeting}");
    assert_eq!(replica.send(fixture, &format!("REPLCONF ACK {}\r\n", words[2])), "");
    (replica, words[1].to_owned())
}

fn offset(fixture: &Fixture) -> u64 {
    fixture.node.replication_offset()
}

#[test]
fn a_replica_gets_a_snapshot_and_then_the_stream() {
    let (fixture, mut peer) = primary();
    peer.send(&fixture, "SET before 1\r\n");
    let mut replica = fixture.connect();
    replica.send(&fixture, "REPLCONF capa eof\r\nPSYNC ? -1\r\n");
    peer.send(&fixture, "SET a 1\r\n");
    let waiting = peer.send(&fixture, "INFO replication\r\n");
    assert!(
        waiting.contains("slave0:ip=127.0.0.1,port=0,state=wait_bgsave,offset=0,lag=0"),
        "{waiting}"
    );
    send_snapshot(&fixture, b"keys");
    let (greeting, _) = fed(&fixture, &replica);
    assert!(greeting.ends_with(" 0\r\nkeys"), "nothing follows before it has loaded: {greeting}");
    replica.send(&fixture, "REPLCONF ACK 0\r\n");
    let stream = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    assert_eq!(fed(&fixture, &replica), (stream.to_owned(), Fed::Nothing));
    peer.send(&fixture, "GET a\r\nSET a 2\r\n");
    assert_eq!(fed(&fixture, &replica).0, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n");
    let told = peer.send(&fixture, "INFO replication\r\n");
    let end = offset(&fixture);
    for line in [
        "connected_slaves:1",
        "state=online,offset=0",
        &format!("master_repl_offset:{end}"),
        &format!("repl_backlog_histlen:{end}"),
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(peer.send(&fixture, "INFO stats\r\n").contains("sync_full:1"));
    assert_eq!(
        replica.send(&fixture, "GET a\r\nCONFIG GET port\r\n"),
        "",
        "nothing is said in the stream"
    );
}

#[test]
fn one_that_was_there_goes_on_where_it_was() {
    let (fixture, mut peer) = primary();
    let (replica, id) = online(&fixture);
    peer.send(&fixture, "SET a 1\r\n");
    let (first, _) = fed(&fixture, &replica);
    peer.send(&fixture, "SET a 2\r\n");
    let (second, _) = fed(&fixture, &replica);
    let next = first.len() + 1;
    let mut again = fixture.connect();
    let reply = again.send(&fixture, &format!("REPLCONF capa psync2\r\nPSYNC {id} {next}\r\n"));
    assert_eq!(reply, format!("+OK\r\n+CONTINUE {id}\r\n"));
    assert_eq!(fed(&fixture, &again).0, second);
    for wrong in [format!("{id} {}", offset(&fixture) + 2), format!("{} {next}", "1".repeat(40))] {
        let mut other = fixture.connect();
        assert_eq!(other.send(&fixture, &format!("PSYNC {wrong}\r\n")), "", "everything: {wrong}");
    }
    let told = peer.send(&fixture, "INFO stats\r\n");
    assert!(told.contains("sync_partial_ok:1") && told.contains("sync_partial_err:2"), "{told}");
}

#[test]
fn what_is_for_replicas_alone_is_not_in_the_file() {
    let (fixture, mut peer) = primary();
    let (replica, _) = online(&fixture);
    fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
    peer.send(&fixture, "SET a 1\r\n");
    fixture.node.log_for_replicas(WORKER, &[b"PING"]);
    peer.send(&fixture, "SET a 2\r\n");
    let set = |value: u8| format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n{value}\r\n");
    let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
    let stream = format!("{select}{}*1\r\n$4\r\nPING\r\n{}", set(1), set(2));
    assert_eq!(fed(&fixture, &replica).0, stream);
    let mut taken = Vec::new();
    let end = fixture.node.take_log(usize::MAX, &mut taken);
    assert_eq!(String::from_utf8_lossy(&taken), format!("{select}{}{}", set(1), set(2)));
    assert_eq!(end, fixture.node.log_end());
}

#[test]
fn replicas_hear_of_messages() {
    let (fixture, mut peer) = primary();
    let (replica, _) = online(&fixture);
    peer.send(&fixture, "PUBLISH c m\r\n");
    let message = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1\r\nm\r\n";
    assert_eq!(fed(&fixture, &replica).0, message);
}

#[test]
fn wait_waits_for_replicas() {
    let (fixture, mut peer) = primary();
    assert_eq!(peer.send(&fixture, "WAIT 0 0\r\nWAIT 0 10\r\n"), ":0\r\n:0\r\n");
    let (mut replica, _) = online(&fixture);
    assert_eq!(peer.send(&fixture, "WAIT 1 0\r\n"), ":1\r\n", "nothing was written");
    assert_eq!(peer.send(&fixture, "SET a 1\r\nWAIT 1 0\r\n"), "+OK\r\n");
    assert_eq!(peer.step, Step::Block);
    let told = fixture.connect().send(&fixture, "INFO clients\r\n");
    assert!(told.contains("blocked_clients:1\r\n"), "{told}");
    let (stream, _) = fed(&fixture, &replica);
    assert!(stream.ends_with("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"), "{stream}");
    let written = offset(&fixture) - 37;
    assert_eq!(peer.unblock(&fixture), "");
    replica.send(&fixture, &format!("REPLCONF ACK {written}\r\n"));
    assert_eq!(peer.unblock(&fixture), ":1\r\n");
    assert_eq!(peer.run(&fixture), "");
    // A timeout tells how many there were; CLIENT UNBLOCK, too.
    peer.send(&fixture, "SET a 2\r\nWAIT 1 5\r\n");
    assert_eq!(peer.unblock_after(&fixture, Duration::from_millis(10)), ":0\r\n");
    peer.run(&fixture);
    peer.send(&fixture, "WAIT 2 0\r\n");
    let (mut other, id) = (fixture.connect(), peer.id().0);
    assert_eq!(other.send(&fixture, &format!("CLIENT UNBLOCK {id} ERROR\r\n")), ":1\r\n");
    assert_eq!(peer.unblock(&fixture), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
}

#[test]
fn who_waits_for_a_file_is_told_that_it_has_ended_though_nothing_of_it_was_synced() {
    let fixture = Fixture::with(|config| config.persistence.appendonly = true);
    fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "SET a 1\r\nWAITAOF 1 0 0\r\n"), "+OK\r\n");
    assert_eq!((peer.step, peer.unblock(&fixture)), (Step::Block, String::new()));
    fixture.connect().send(&fixture, "CONFIG SET appendonly no\r\n");
    let told = peer.unblock(&fixture);
    assert!(told.starts_with("-ERR WAITAOF cannot be used when numlocal is set"), "{told}");
}

#[test]
fn writes_need_replicas_where_the_settings_say_so() {
    let (mut fixture, mut peer) = primary();
    peer.send(&fixture, "CONFIG SET min-replicas-to-write 1\r\n");
    let refused = "-NOREPLICAS Not enough good replicas to write.\r\n";
    assert_eq!(peer.send(&fixture, "SET a 1\r\n"), refused);
    let (replica, _) = online(&fixture);
    assert_eq!(peer.send(&fixture, "SET a 1\r\n"), "+OK\r\n");
    fixture.pass(Duration::from_secs(12));
    let now = Now { monotonic: fixture.now.monotonic, ..fixture.now };
    fixture.node.tick_replication(now);
    assert_eq!(peer.send(&fixture, "SET a 1\r\n"), refused, "it has said nothing for too long");
    assert_eq!(
        peer.send(&fixture, "CONFIG SET min-replicas-to-write 0\r\nSET a 1\r\n"),
        "+OK\r\n+OK\r\n"
    );
    assert!(!replica.is_killed());
}

#[test]
fn a_transaction_that_writes_needs_the_replicas_that_its_client_wants() {
    let (mut fixture, mut peer) = primary();
    peer.send(&fixture, "CLIENT WRITE-ACKS 1\r\n");
    let _replica = online(&fixture);
    assert_eq!(peer.send(&fixture, "MULTI\r\nSET a 1\r\n"), "+OK\r\n+QUEUED\r\n");
    fixture.pass(Duration::from_secs(12));
    assert_eq!(
        peer.send(&fixture, "EXEC\r\n"),
        "-EXECABORT Transaction discarded because of: NOREPLICAS Not enough good replicas to write.\r\n"
    );
}

#[test]
fn what_is_written_waits_for_write_acks() {
    let (fixture, mut peer) = primary();
    let mut reader = fixture.connect();
    peer.send(&fixture, "CONFIG SET write-acks 1\r\n");
    assert!(peer.send(&fixture, "SET a 1\r\n").starts_with("-NOREPLICAS"), "there is nobody");
    let (mut replica, _) = online(&fixture);
    peer.send(&fixture, "SET a 1\r\n");
    let end = fixture.node.log_end();
    reader.send(&fixture, "GET a\r\n");
    assert_eq!((peer.awaited(&fixture), reader.awaited(&fixture)), (Some(end), Some(end)));
    let mut stranger = fixture.connect();
    stranger.send(&fixture, "GET b\r\n");
    assert!(stranger.awaited(&fixture) < Some(end), "it has seen nothing of that");
    assert!(!peer.may_leave(&fixture, end) && !reader.may_leave(&fixture, end));
    let wakes = peer.wakes();
    replica.send(&fixture, &format!("REPLCONF ACK {}\r\n", offset(&fixture)));
    fixture.node.wake_released(0);
    assert!(
        peer.wakes() > wakes && peer.may_leave(&fixture, end) && reader.may_leave(&fixture, end)
    );
    // Another connection may want more, or nothing.
    reader.send(&fixture, "CLIENT WRITE-ACKS 0\r\nSET b 1\r\n");
    assert_eq!(reader.awaited(&fixture), None);
    assert!(reader.send(&fixture, "CLIENT WRITE-ACKS 2\r\nSET b 1\r\n").contains("NOREPLICAS"));
    assert_eq!(
        reader.send(&fixture, "CLIENT WRITE-ACKS -1\r\n"),
        "-ERR value is out of range, must be positive\r\n"
    );
    // After a timeout, readers go on.
    peer.send(&fixture, "SET a 2\r\n");
    let end = fixture.node.log_end();
    let error =
        peer.give_up_acks(&fixture, end).expect("only replicas are waited for").expect("an error");
    assert!(error.starts_with("-UNACKED 1 replicas did not acknowledge within 1000 ms"), "{error}");
    let mut third = fixture.connect();
    third.send(&fixture, "GET a\r\n");
    assert_eq!(third.awaited(&fixture), None);
    assert_eq!(peer.awaited(&fixture), None, "it has been told");
    peer.send(&fixture, "SET a 3\r\n");
    assert!(peer.awaited(&fixture) > Some(end), "the next write waits again");
}

#[test]
fn what_replicas_have_not_acknowledged_is_not_told_as_done_by_one_that_is_demoted() {
    let (mut fixture, mut peer) = primary();
    peer.send(&fixture, "CONFIG SET write-acks 1\r\n");
    let (mut replica, _) = online(&fixture);
    peer.send(&fixture, "SET a 1\r\n");
    let acknowledged = peer.awaited(&fixture).expect("it waits");
    replica.send(&fixture, &format!("REPLCONF ACK {}\r\n", offset(&fixture)));
    let (mut writer, mut other) = (fixture.connect(), fixture.connect());
    writer.send(&fixture, "SET a 2\r\n");
    let unacknowledged = writer.awaited(&fixture).expect("it waits");
    assert!(peer.may_leave(&fixture, acknowledged) && !writer.may_leave(&fixture, unacknowledged));
    assert_eq!(other.send(&fixture, "REPLICAOF 127.0.0.1 7000\r\n"), "+OK\r\n");
    fixture.pass(Duration::from_secs(1));
    fixture.node.tick_replication(fixture.now);
    assert!(writer.is_killed() && !writer.may_leave(&fixture, unacknowledged));
    assert!(!peer.is_killed() && !other.is_killed());
    assert_eq!(other.awaited(&fixture), None, "a replica's own clients wait for nobody");
}

#[test]
fn a_failover_ends_when_the_target_answers_and_nobody_is_followed_meanwhile() {
    let (fixture, mut peer) = primary();
    let by = || (WORKER, fixture.now);
    // By how it is answered: whether the node is a replica then.
    let refusal = "ERR PSYNC FAILOVER can't be sent to a master.";
    for (is_asked_before, reply, is_replica) in [
        (false, None, true),
        (false, Some(refusal), false),
        (true, Some(refusal), true),
        (true, Some("ERR PSYNC FAILOVER replid must match my replid."), false),
    ] {
        peer.send(&fixture, "REPLICAOF NO ONE\r\n");
        let (mut replica, _) = online(&fixture);
        assert_eq!(peer.send(&fixture, "FAILOVER TO 127.0.0.1 7001\r\n"), "+OK\r\n");
        let node = &fixture.node;
        replica.send(&fixture, &format!("REPLCONF ACK {}\r\n", offset(&fixture)));
        node.tick_replication(fixture.now);
        assert!(node.greeting().hands_over, "the replica has everything");
        let told = peer.send(&fixture, "REPLICAOF 127.0.0.1 7009\r\nREPLICAOF NO ONE\r\n");
        let busy = "-ERR REPLICAOF not allowed while failing over.\r\n";
        assert_eq!(told, [busy, busy].concat());
        let target = node.primary().expect("it is followed");
        if is_asked_before {
            assert!(!node.note_takeover_asked());
        }
        assert_eq!(node.note_takeover_asked(), is_asked_before);
        match reply {
            None => node.note_takeover(&target),
            Some(reply) => node.note_refused_takeover(&target, is_asked_before, reply, by()),
        }
        assert!(!node.greeting().hands_over, "{reply:?}");
        assert_eq!(node.is_replica(), is_replica, "{reply:?} {is_asked_before}");
    }
}

#[test]
fn who_goes_on_is_disconnected_when_the_history_changes() {
    let (fixture, mut peer) = primary();
    let (_first, id) = online(&fixture);
    let mut again = fixture.connect();
    let next = offset(&fixture) + 1;
    let told = again.send(&fixture, &format!("PSYNC {id} {next}\r\n"));
    assert!(told.starts_with("+CONTINUE"), "{told}");
    let told = peer.send(&fixture, "INFO replication\r\n");
    assert!(told.contains("connected_slaves:2\r\n"), "each is there once: {told}");
    let place =
        StreamPlace { id: ReplicationId::random(&mut Rng::from_seed(9)), offset: 7, database: 0 };
    fixture.node.restore_place(place, &LoggedCommands::default(), WORKER, fixture.now);
    assert!(again.is_killed());
}
