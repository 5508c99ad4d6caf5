//! Sessions without sockets: bytes in, replies out.

use crate::Step;
use crate::pause::PauseKind;
use crate::testing::Fixture;
use std::time::Duration;

const OK: &str = "+OK\r\n";
const NO_AUTH: &str = "-NOAUTH Authentication required.\r\n";
const WRONG_PASSWORD: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

#[test]
fn a_batch_is_answered_in_order_however_it_is_cut() {
    let batch = "PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nSELECT 3\r\nNOSUCH a\r\nPING x\r\n";
    let expected = "+PONG\r\n$2\r\nhi\r\n+OK\r\n-ERR unknown command 'NOSUCH', with args beginning \
                    with: 'a' \r\n$1\r\nx\r\n";
    let fixture = Fixture::new();
    for cut in 0..batch.len() {
        let mut peer = fixture.connect();
        let replies = peer.send(&fixture, &batch[..cut]) + &peer.send(&fixture, &batch[cut..]);
        assert_eq!(replies, expected, "cut at {cut}");
        let info = peer.send(&fixture, "CLIENT INFO\r\n");
        assert!(info.contains(" db=3 "), "{info}");
        assert!(info.contains(&format!(" tot-net-in={} ", batch.len() + 13)), "{info}");
        assert!(info.contains(&format!(" tot-net-out={} ", expected.len())), "{info}");
        assert!(info.ends_with(" tot-cmds=4\n\r\n"), "{info}");
    }
}

#[test]
fn sessions_that_have_looked_ahead_are_answered_as_if_they_had_not() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker();
    let mut sessions: Vec<_> = (0..4).map(|_| fixture.session()).collect();
    let requests = |session: usize| {
        // One of them turns to another database in the middle, one sends more than a window.
        let select = if session == 1 { "SELECT 5\r\n" } else { "" };
        let more = "INCR n\r\n".repeat(session * 8);
        format!("SET k{session} {session}\r\n{select}GET k{session}\r\n{more}")
    };
    for session in [0, 2, 1, 3] {
        let input = requests(session);
        let is_worth_it = sessions[session].look_ahead(&mut worker, input.as_bytes());
        assert_eq!(is_worth_it, session < 2, "longer ones are not all looked at");
    }
    assert_eq!(worker.ahead_sessions(), 4);
    // One goes before its turn.
    sessions[2].forget_ahead(&mut worker);
    for session in [3, 1, 0] {
        let (input, mut out) = (requests(session), Vec::new());
        let step = sessions[session].execute(&mut worker, fixture.now, input.as_bytes(), &mut out);
        assert_eq!((step, sessions[session].consumed()), (Step::Input, input.len()));
        let expected = match session {
            1 => "+OK\r\n+OK\r\n$-1\r\n".to_owned(),
            _ => format!("+OK\r\n$1\r\n{session}\r\n"),
        };
        let numbers = (1..=session * 8).map(|n| format!(":{n}\r\n"));
        let expected = expected + &numbers.collect::<String>();
        assert_eq!(String::from_utf8_lossy(&out), expected, "session {session}");
    }
    assert_eq!(worker.ahead_sessions(), 0, "the next begin anew");
}

#[test]
fn what_is_wrong_behind_what_was_looked_at_is_told_as_it_is() {
    let fixture = Fixture::new();
    for wrong in ["*1\r\n$4\r\nPINGPING\r\n", "*1\r\n+4\r\n", "*2\r\n$3\r\nGET\r\n$x\r\n"] {
        let input = format!("GET a\r\n{wrong}");
        let answers = [false, true].map(|looks_ahead| {
            let (mut worker, mut session) = (fixture.worker(), fixture.session());
            if looks_ahead {
                let _ = session.look_ahead(&mut worker, input.as_bytes());
            }
            let mut out = Vec::new();
            let step = session.execute(&mut worker, fixture.now, input.as_bytes(), &mut out);
            (step, String::from_utf8(out).expect("replies are text"))
        });
        assert_eq!(answers[0].0, Step::Close, "{wrong:?}");
        assert_eq!(answers[0], answers[1], "{wrong:?}");
    }
}

#[test]
fn what_was_looked_at_waits_for_the_end_of_a_pause() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker();
    let mut session = fixture.session();
    let input = "SET a 1\r\nSET b 2\r\nGET a\r\n";
    assert!(session.look_ahead(&mut worker, input.as_bytes()));
    let mut other = fixture.connect();
    assert_eq!(other.send(&fixture, "CLIENT PAUSE 5000 WRITE\r\n"), OK);
    let mut out = Vec::new();
    let step = session.execute(&mut worker, fixture.now, input.as_bytes(), &mut out);
    assert_eq!((step, session.consumed(), out.len()), (Step::Wait, 0, 0));
    fixture.node.end_pause();
    let step = session.execute(&mut worker, fixture.now, input.as_bytes(), &mut out);
    assert_eq!((step, &*out), (Step::Input, b"+OK\r\n+OK\r\n$1\r\n1\r\n".as_slice()));
}

#[test]
fn without_the_password_only_greetings_are_heard() {
    let fixture = Fixture::new();
    let mut early = fixture.connect();
    fixture.node.password.set(b"secret");
    let mut peer = fixture.connect();
    for (request, expected) in [
        ("PING", NO_AUTH),
        ("CLIENT ID", NO_AUTH),
        ("NOSUCH", NO_AUTH),
        ("GET", NO_AUTH),
        ("CLIENT", NO_AUTH),
        ("CLIENT NOSUCH", NO_AUTH),
        ("AUTH", "-ERR wrong number of arguments for 'auth' command\r\n"),
        ("AUTH wrong", WRONG_PASSWORD),
        ("AUTH default wrong", WRONG_PASSWORD),
        ("AUTH other secret", WRONG_PASSWORD),
        ("HELLO 3 AUTH default wrong", WRONG_PASSWORD),
        ("RESET", "+RESET\r\n"),
        ("PING", NO_AUTH),
        ("AUTH secret", OK),
        ("PING", "+PONG\r\n"),
        ("RESET", "+RESET\r\n"),
        ("PING", NO_AUTH),
        ("AUTH default secret", OK),
        ("PING", "+PONG\r\n"),
    ] {
        assert_eq!(peer.send(&fixture, &format!("{request}\r\n")), expected, "{request}");
    }
    let refused = fixture.connect().send(&fixture, "HELLO 3\r\n");
    assert!(refused.starts_with("-NOAUTH HELLO must be called with"), "{refused}");
    assert_eq!(early.send(&fixture, "PING\r\n"), "+PONG\r\n", "who is in stays in");
    let mut late = fixture.connect();
    fixture.node.password.set(b"");
    assert_eq!(late.send(&fixture, "PING\r\n"), "+PONG\r\n", "nothing is asked for any more");
    assert_eq!(fixture.node.all_stats().map(|s| s.denied_authentications.value()).sum::<u64>(), 4);
}

#[test]
fn hello_speaks_the_new_protocol_at_once() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    let fields = |proto: u8| {
        format!(
            "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:{proto}\r\n\
             $2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
             $7\r\nmodules\r\n*0\r\n"
        )
    };
    let replies = peer
        .send(&fixture, "HELLO 3 SETNAME me\r\nCLIENT GETNAME\r\nGET k\r\nHELLO 2\r\nGET k\r\n");
    let expected = format!("%7\r\n{}$2\r\nme\r\n_\r\n*14\r\n{}$-1\r\n", fields(3), fields(2));
    assert_eq!(replies, expected);
    let rejected = peer.send(&fixture, "HELLO 3 SETNAME a\\ b x\r\nHELLO 1\r\nHELLO\r\n");
    let expected = "-ERR Syntax error in HELLO option 'b'\r\n\
                    -NOPROTO unsupported protocol version\r\n*14\r\n";
    assert_eq!(rejected, format!("{expected}{}", fields(2)));
}

#[test]
fn reset_forgets_all_but_the_library() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(
        &fixture,
        "HELLO 3 SETNAME me\r\nSELECT 4\r\nCLIENT SETINFO lib-name lib\r\nCLIENT NO-TOUCH on\r\n\
         CLIENT NO-EVICT on\r\nCLIENT REPLY OFF\r\n",
    );
    let listed = fixture.connect().send(&fixture, "CLIENT LIST ID 1\r\n");
    for field in [" name=me ", " flags=eT ", " db=4 ", " resp=3 ", " lib-name=lib "] {
        assert!(listed.contains(field), "{field} in {listed}");
    }
    assert_eq!(peer.send(&fixture, "RESET\r\n"), "+RESET\r\n");
    let info = peer.send(&fixture, "CLIENT INFO\r\n");
    for field in [" name= ", " flags=N ", " db=0 ", " resp=2 ", " lib-name=lib "] {
        assert!(info.contains(field), "{field} in {info}");
    }
}

#[test]
fn replies_are_left_out_as_the_client_asks() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    for (requests, expected) in [
        ("CLIENT REPLY SKIP\r\nPING 1\r\nPING 2\r\n", "$1\r\n2\r\n"),
        ("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING 1\r\nPING 2\r\n", "$1\r\n2\r\n"),
        ("CLIENT REPLY SKIP\r\nNOSUCH\r\nPING 2\r\n", "$1\r\n2\r\n"),
        ("CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\n", OK),
        ("CLIENT REPLY OFF\r\nPING\r\nNOSUCH\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY x\r\n", ""),
        ("PING\r\nCLIENT REPLY ON\r\nPING\r\n", "+OK\r\n+PONG\r\n"),
        ("CLIENT REPLY x\r\n", "-ERR syntax error\r\n"),
    ] {
        assert_eq!(peer.send(&fixture, requests), expected, "{requests}");
    }
}

#[test]
fn kill_closes_others_at_once_and_oneself_after_the_reply() {
    let fixture = Fixture::new();
    let [mut killer, one, two, three] = [(); 4].map(|()| fixture.connect());
    assert_eq!(killer.send(&fixture, &format!("CLIENT KILL ID {}\r\n", one.id().0)), ":1\r\n");
    assert!(one.is_killed() && one.wakes() == 1);
    let again = killer.send(&fixture, &format!("CLIENT KILL ID {}\r\n", one.id().0));
    assert_eq!(again, ":0\r\n", "it is already being disconnected");
    assert_eq!(killer.send(&fixture, &format!("CLIENT KILL {}\r\n", two.address())), OK);
    assert!(two.is_killed() && !three.is_killed());
    assert_eq!(killer.send(&fixture, "CLIENT KILL 192.0.2.1:9\r\n"), "-ERR No such client\r\n");
    assert_eq!(killer.send(&fixture, "CLIENT KILL USER default\r\n"), ":1\r\n", "all but itself");
    assert!(three.is_killed() && killer.step == Step::Input);
    assert_eq!(killer.send(&fixture, "CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n"), ":1\r\n");
    assert_eq!(killer.step, Step::Close, "what follows is not run");
    assert!(!killer.is_killed(), "it has a reply to be sent");
}

#[test]
fn filters_choose_clients_by_every_field() {
    let mut fixture = Fixture::new();
    let mut old = fixture.connect();
    old.send(&fixture, "CLIENT SETNAME old\r\nSELECT 2\r\nCLIENT NO-TOUCH on\r\n");
    fixture.pass(Duration::from_secs(100));
    let mut young = fixture.connect();
    young.send(&fixture, "CLIENT SETINFO LIB-NAME lib\r\nCLIENT SETINFO LIB-VER 1\r\n");
    let mut asking = fixture.connect();
    let mut listed = |filter: &str| -> Vec<u64> {
        let reply = asking.send(&fixture, &format!("CLIENT LIST {filter}\r\n"));
        assert!(reply.starts_with('$'), "{filter}: {reply}");
        let lines = reply.lines().filter_map(|line| line.strip_prefix("id="));
        lines.map(|line| line.split(' ').next().unwrap_or("").parse().unwrap_or(0)).collect()
    };
    for (filter, expected) in [
        ("", &[1, 2, 3][..]),
        ("SKIPME yes", &[1, 2]),
        ("ID 3 1", &[1, 3]),
        ("ID 3 ID 1 NOT-ID 3", &[1]),
        ("TYPE normal", &[1, 2, 3]),
        ("TYPE replica", &[]),
        ("NOT-TYPE normal", &[]),
        ("NAME old", &[1]),
        ("NOT-NAME old", &[2, 3]),
        ("LIB-NAME lib LIB-VER 1", &[2]),
        ("NOT-LIB-VER 1", &[1, 3]),
        ("DB 2", &[1]),
        ("NOT-DB 2", &[2, 3]),
        ("FLAGS T", &[1]),
        ("FLAGS N", &[2, 3]),
        ("NOT-FLAGS T", &[2, 3]),
        ("MAXAGE 100", &[1]),
        ("MAXAGE 101", &[]),
        ("IDLE 100", &[1]),
        ("USER default NOT-ADDR 127.0.0.1:40001", &[2, 3]),
        ("ADDR 127.0.0.1:40001", &[1]),
        ("LADDR 127.0.0.1:6379 IP 127.0.0.1", &[1, 2, 3]),
        ("NOT-IP 127.0.0.1", &[]),
        ("CAPA r", &[]),
        ("NOT-CAPA r", &[1, 2, 3]),
    ] {
        assert_eq!(listed(filter), expected, "{filter}");
    }
}

#[test]
fn paused_writes_wait_and_run_once_when_the_pause_ends() {
    let fixture = Fixture::new();
    let [mut operator, mut writer, mut reader] = [(); 3].map(|()| fixture.connect());
    assert_eq!(operator.send(&fixture, "CLIENT PAUSE 60000 WRITE\r\n"), OK);
    assert_eq!(reader.send(&fixture, "GET n\r\n"), "$-1\r\n", "reads go on");
    // The write is the first of the second window; what precedes it must not run again.
    let batch = "PING\r\n".repeat(16) + "CLIENT REPLY ON\r\nINCR n\r\nINCR n\r\n";
    assert_eq!(writer.send(&fixture, &batch), "+PONG\r\n".repeat(16) + OK);
    assert_eq!(writer.step, Step::Wait);
    assert_eq!(writer.run(&fixture), "", "woken for nothing");
    assert_eq!((writer.step, writer.wakes()), (Step::Wait, 0));
    let listed = operator.send(&fixture, "CLIENT LIST FLAGS b\r\n");
    assert!(listed.contains("id=2 ") && listed.contains(" cmd=incr "), "{listed}");
    assert_eq!(operator.send(&fixture, "CLIENT UNBLOCK 2\r\n"), ":0\r\n", "a pause is no block");
    assert_eq!(operator.send(&fixture, "CLIENT UNPAUSE\r\n"), OK);
    assert_eq!((writer.wakes(), reader.wakes()), (1, 0));
    assert_eq!(writer.run(&fixture), ":1\r\n:2\r\n");
    assert_eq!(writer.step, Step::Input);
    assert!(operator.send(&fixture, "CLIENT LIST FLAGS b\r\n").starts_with("$0\r\n"));
}

#[test]
fn a_full_pause_holds_everybody_until_its_time() {
    let mut fixture = Fixture::new();
    let [mut operator, mut other] = [(); 2].map(|()| fixture.connect());
    let replies = operator.send(&fixture, "CLIENT PAUSE 100\r\nCLIENT REPLY SKIP\r\nPING 1\r\n");
    assert_eq!((replies.as_str(), operator.step), (OK, Step::Wait));
    assert_eq!(other.send(&fixture, "CLIENT UNPAUSE\r\n"), "");
    assert_eq!(other.step, Step::Wait);
    // A laxer and shorter pause changes nothing.
    fixture.node.begin_pause(PauseKind::Write, fixture.now.monotonic);
    fixture.pass(Duration::from_millis(99));
    fixture.node.end_pause_if_due(fixture.now.monotonic);
    assert_eq!(fixture.node.paused().map(|(kind, _)| kind), Some(PauseKind::All));
    assert_eq!((operator.wakes(), other.wakes()), (0, 0));
    fixture.pass(Duration::from_millis(1));
    fixture.node.end_pause_if_due(fixture.now.monotonic);
    assert_eq!((operator.wakes(), other.wakes()), (1, 1));
    assert_eq!(operator.run(&fixture), "", "SKIP and what it skips");
    assert_eq!(operator.send(&fixture, "PING 2\r\n"), "$1\r\n2\r\n");
    assert_eq!(other.run(&fixture), OK);
}

#[test]
fn a_skipped_reply_stays_skipped_over_a_pause() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "CLIENT REPLY SKIP\r\n"), "");
    fixture.node.begin_pause(PauseKind::All, fixture.now.monotonic + Duration::from_secs(9));
    assert_eq!(peer.send(&fixture, "PING 1\r\nPING 2\r\n"), "");
    fixture.node.end_pause();
    assert_eq!(peer.run(&fixture), "$1\r\n2\r\n");
}

#[test]
fn http_closes_the_connection_and_is_told_once_a_minute() {
    let mut fixture = Fixture::new();
    for (request, tell) in [
        ("PING\r\nPOST / HTTP/1.1\r\nPING\r\n", true),
        ("PING\r\nhost: example.org\r\nPING\r\n", false),
    ] {
        let mut peer = fixture.connect();
        assert_eq!(peer.send(&fixture, request), "", "not even what went before is answered");
        assert_eq!(peer.step, Step::Close);
        assert_eq!(peer.take_events().len(), usize::from(tell), "{request}");
    }
    fixture.pass(Duration::from_secs(60));
    let mut peer = fixture.connect();
    peer.send(&fixture, "Post\r\n");
    let events = peer.take_events();
    assert!(events[0].to_string().contains(peer.address()), "{events:?}");
}

#[test]
fn calls_refusals_and_failures_are_counted_as_redis_counts_them() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(
        &fixture,
        "SET k v\r\nGET k\r\nGET\r\nINCR k\r\nNOSUCH\r\nCLIENT\r\nCLIENT NOSUCH\r\nCLIENT ID x\r\n\
         CLIENT REPLY x\r\nCOMMAND COUNT\r\nHELLO 9\r\n",
    );
    let counts: Vec<_> = fixture
        .node
        .command_counts()
        .iter()
        .map(|one| format!("{} {} {} {}", one.name, one.calls, one.rejected, one.failed))
        .collect();
    assert_eq!(
        counts,
        [
            "client 0 1 0",
            "client|id 0 1 0",
            "client|reply 1 0 1",
            "command|count 1 0 0",
            "get 1 1 0",
            "hello 1 0 1",
            "incr 1 0 1",
            "set 1 0 0",
        ]
    );
    let errors = fixture.node.error_counts();
    assert_eq!(
        errors.iter().map(|(code, n)| format!("{code} {n}")).collect::<Vec<_>>(),
        ["ERR 7", "NOPROTO 1"]
    );
    let stats = fixture.node.stats(engine::WorkerId(0));
    assert_eq!((stats.errors.value(), stats.commands.value()), (8, 6));
}

#[test]
fn a_protocol_error_is_told_counted_and_final() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    let reply = peer.send(&fixture, "PING\r\n*1\r\nx\r\n");
    assert_eq!(reply, "+PONG\r\n-ERR Protocol error: expected '$', got 'x'\r\n");
    assert_eq!(peer.step, Step::Close);
    assert_eq!(fixture.node.error_counts()["ERR"], 1);
}

#[test]
fn a_transaction_is_held_to_the_limit_of_the_query_buffer() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "CONFIG SET client-query-buffer-limit 1mb\r\nMULTI\r\n");
    let set = format!("SET k {}\r\n", "x".repeat(60_000));
    for _ in 0..(1 << 20) / (60_000 + 4 + 3 * 8) {
        assert_eq!(peer.send(&fixture, &set), "+QUEUED\r\n");
    }
    assert_eq!(peer.send(&fixture, &set), "");
    assert_eq!(peer.step, Step::Close);
    let stats = fixture.node.stats(engine::WorkerId(0));
    assert_eq!(stats.query_buffer_disconnections.value(), 1);
}

#[test]
fn command_info_and_docs_have_their_shape_in_both_protocols() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    assert_eq!(
        peer.send(&fixture, "COMMAND INFO get nosuch\r\n"),
        "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n\
         *3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n\
         $12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n\
         $9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n\
         $7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n"
    );
    peer.send(&fixture, "HELLO 3\r\n");
    let info = peer.send(&fixture, "COMMAND INFO get nosuch\r\n");
    assert!(info.starts_with("*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n"), "{info}");
    assert!(info.contains("~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n"), "{info}");
    assert!(info.ends_with(":0\r\n*0\r\n_\r\n"), "{info}");
    let docs = peer.send(&fixture, "COMMAND DOCS nosuch client|pause get|x\r\n");
    assert!(docs.starts_with("%1\r\n$12\r\nclient|pause\r\n%6\r\n$7\r\nsummary\r\n"), "{docs}");
    assert!(docs.contains("$7\r\nhistory\r\n~1\r\n*2\r\n$5\r\n6.2.0\r\n"), "{docs}");
    assert!(docs.contains("$5\r\nflags\r\n~1\r\n+optional\r\n"), "{docs}");
}

#[test]
fn members_are_looked_for_where_values_are_large() {
    let fixture = Fixture::new();
    let (mut worker, mut session) = (fixture.worker(), fixture.session());
    let mut send = |requests: &str, other: &str| {
        let (mut out, mut ahead) = (Vec::new(), fixture.session());
        // What another session has looked at stands in another input.
        let _ = ahead.look_ahead(&mut worker, other.as_bytes());
        let step = session.execute(&mut worker, fixture.now, requests.as_bytes(), &mut out);
        assert_eq!((step, session.consumed()), (Step::Input, requests.len()));
        session.advance(requests.len());
        ahead.forget_ahead(&mut worker);
        (String::from_utf8(out).expect("replies are text"), worker.window.looks_for_members())
    };
    let fields: String = (0..1000).map(|field| format!(" f{field} v{field}")).collect();
    send(&format!("HSET large{fields}\r\n"), "");
    send("HSET small f1 v1\r\n", "");
    let small = "HGET small f1\r\nHGET small f2\r\n";
    assert!(!send(small, "").1, "what is small is not looked at every time");
    let passed = (1..).find(|_| send("PING\r\n", "").1).expect("it is some day");
    assert!(passed > 1);
    let mixed =
        "HGET large f1\r\nZADD s 1 a\r\nHGET large\r\nHDEL large f2 f3\r\nHGET large f2\r\n";
    let (replies, looks) = send(mixed, "HGET small f1\r\n");
    let arity = "-ERR wrong number of arguments for 'hget' command\r\n";
    assert_eq!(replies, format!("$2\r\nv1\r\n:1\r\n{arity}:2\r\n$-1\r\n"));
    assert!(looks, "one of them is large");
    assert!(send("HGET small f1\r\n", "HGET large f1\r\nHGET large f4\r\n").1);
}
