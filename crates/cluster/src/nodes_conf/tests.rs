use super::*;

const ME: &str = "86068c946f034ef318455e28ea25fc564beb18da";
const PEER: &str = "02064daa457adf7503e42bec80a7b032e977692c";

fn load(text: &str) -> Result<Option<Machine>, ConfError> {
    Machine::from_nodes_conf(Config::for_port(7000), Rng::from_seed(1), Now::default(), text)
}

fn refused(text: &str) -> String {
    match load(text) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("loaded {text:?}"),
    }
}

#[test]
fn a_file_of_redis_7_0_is_read() {
    let text = format!(
        "{ME} 127.0.0.1:7000@17000 myself,master - 0 0 5 connected 0-12181 12183\n\
         {PEER} 127.0.0.1:7001@17001,node1.example slave {ME} 0 1795245061000 2 connected\n\
         vars currentEpoch 7 lastVoteEpoch 6\n"
    );
    let machine = load(&text).unwrap().unwrap();
    assert_eq!(machine.my_id().to_string(), ME);
    assert_eq!((machine.current_epoch(), machine.last_vote_epoch()), (Epoch(7), Epoch(6)));
    let nodes = machine.cluster_nodes();
    assert!(nodes.contains("myself,master - 0 0 5 connected 0-12181 12183\n"), "{nodes}");
    assert!(nodes.contains(&format!("7001@17001,node1.example slave {ME} 0 ")), "{nodes}");
}

#[test]
fn a_line_of_valkey_9_is_read_and_its_shard_kept() {
    let shard = "fd8874d745871642072b5c42af161feeea19d0eb";
    let text = format!(
        "{ME} :7000@17000,good.example.com,nodename=blue,client-ipv4=1.2.3.4,tls-port=0,shard-id={shard} \
         myself,master - 0 0 5 connected\nvars currentEpoch 5 lastVoteEpoch 0\n"
    );
    let machine = load(&text).unwrap().unwrap();
    assert_eq!(machine.my_shard_id().to_string(), shard);
}

#[test]
fn what_is_written_is_read_back_to_the_same_text() {
    let text = format!(
        "{PEER} ::1:7001@17001,,nodename=red,tls-port=7101,shard-id={ME} master,fail - 0 0 9 disconnected 5\n\
         {ME} 127.0.0.1:7000@17000,,tls-port=0,shard-id={PEER} myself,master - 0 0 5 connected 0-4 6-16383\n\
         vars currentEpoch 9 lastVoteEpoch 3\n"
    );
    assert_eq!(load(&text).unwrap().unwrap().nodes_conf(), text);
}

#[test]
fn the_current_epoch_is_at_least_every_config_epoch() {
    let text = format!(
        "{ME} :1@2 myself,master - 0 0 12 connected\nvars currentEpoch 4 lastVoteEpoch 0\n"
    );
    assert_eq!(load(&text).unwrap().unwrap().current_epoch(), Epoch(12));
}

#[test]
fn an_empty_file_is_no_configuration() {
    assert!(load("").unwrap().is_none());
}

#[test]
fn a_corrupt_file_is_refused_with_its_line() {
    let mine = format!("{ME} :7000@17000 myself,master - 0 0 0 connected");
    for (text, what) in [
        (format!("{mine} 16384\n"), "line 1: no such slot 16384"),
        (format!("{mine} 9-4\n"), "line 1: reversed range 9-4"),
        (format!("{mine} [5->-{PEER}]\n"), "line 0: open slot 5 names"),
        (format!("{mine} [5->-x]\n"), "line 1: invalid open slot"),
        (format!("{mine}\n{mine}\n"), "line 0: not exactly one line"),
        (format!("{mine}\n{PEER} :1@2 master - 0 0 0 x\n{PEER} :1@2 master - 0 0 0 x\n"), "twice"),
        (format!("{mine}\nvars currentEpoch\n"), "line 2: a variable has no value"),
        (format!("{mine}\nvars currentEpoch x\n"), "line 2: invalid number x"),
        (format!("{ME} :7000@17000 myself,primus - 0 0 0 connected\n"), "unknown flag primus"),
        (format!("{ME} :7000@17000,,colour=red myself - 0 0 0 connected\n"), "colour=red"),
        (format!("{ME} :7000@17000,a_b myself - 0 0 0 connected\n"), "invalid hostname a_b"),
        (format!("{ME} host:7000@17000 myself - 0 0 0 connected\n"), "invalid address host"),
        (format!("{ME} :7000@170000 myself - 0 0 0 connected\n"), "line 1"),
        (format!("{ME} :7000@17000 myself,slave {PEER} 0 0 0 connected\n"), "master is not in it"),
        (
            format!("{ME} :7000@17000 myself,slave - 0 0 0 connected\n"),
            "line 1: this node is a replica of nobody",
        ),
        (format!("{ME} :7000@17000 myself,master -\n"), "fewer than 8 fields"),
        ("short :7000@17000 myself - 0 0 0 connected\n".to_owned(), "invalid node id short"),
        ("vars currentEpoch 1 lastVoteEpoch 0\n".to_owned(), "not exactly one line"),
    ] {
        let error = refused(&text);
        assert!(error.contains(what), "{text:?} gives {error:?}");
    }
}

#[test]
fn a_slot_that_its_owner_has_stopped_claiming_is_nobodys_after_a_restart() {
    let text = format!(
        "{ME} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-4\n\
         {PEER} 127.0.0.1:7001@17001 master - 0 0 2 connected 5-9\n\
         vars currentEpoch 2 lastVoteEpoch 0\n"
    );
    let mut machine = load(&text).unwrap().unwrap();
    let peer = machine.nodes.find(&NodeId::parse(PEER.as_bytes()).unwrap()).unwrap();
    let claim: crate::SlotBitmap = (6..=9).filter_map(Slot::new).collect();
    machine.claim_slots(peer, Epoch(2), claim.bits());
    assert!(machine.cluster_nodes().contains("connected 5-9\n"), "silence takes nothing away");
    let written = machine.nodes_conf();
    assert!(written.contains("connected 6-9\n"), "{written}");
    assert_eq!(load(&written).unwrap().unwrap().cluster_nodes().matches("6-9").count(), 1);
}
