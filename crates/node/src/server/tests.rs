//! The server commands as clients see them.

use crate::Step;
use crate::testing::{Fixture, Peer};
use base::UnixMillis;
use config::Permission;
use std::collections::BTreeMap;
use std::time::Duration;

fn with_debug(permission: Permission) -> Fixture {
    Fixture::with(|config| config.security.enable_debug_command = permission)
}

/// The text of a bulk string.
fn bulk(reply: &str) -> &str {
    let (head, text) = reply.split_once("\r\n").expect("a bulk string has a head");
    assert!(head.starts_with('$'), "{reply}");
    text.strip_suffix("\r\n").expect("a bulk string ends its line")
}

/// INFO as monitoring tools read it: sections, and fields by their names. Every line has to be of that form.
fn parse(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut section = None;
    for line in text.split("\r\n") {
        if line.is_empty() {
            section = None;
        } else if let Some(title) = line.strip_prefix("# ") {
            section = Some(sections.entry(title.to_owned()).or_default());
        } else {
            let (name, value) = line.split_once(':').expect("a line is a name and a value");
            let is_list = ["cmdstat_", "errorstat_", "db", "listener"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            assert!(
                !is_list || value.split(',').all(|element| element.contains('=')),
                "{line}: elements of lists have names"
            );
            let fields = section.as_mut().expect("a field stands in a section");
            let old = fields.insert(name.to_owned(), value.to_owned());
            assert_eq!(old, None, "{name} is told twice");
        }
    }
    sections
}

fn info(
    fixture: &Fixture,
    peer: &mut Peer,
    sections: &str,
) -> BTreeMap<String, BTreeMap<String, String>> {
    parse(bulk(&peer.send(fixture, &format!("INFO {sections}\r\n"))))
}

/// One field, wherever it stands.
fn field(fixture: &Fixture, peer: &mut Peer, name: &str) -> String {
    let sections = info(fixture, peer, "everything");
    let found = sections.values().find_map(|fields| fields.get(name));
    found.unwrap_or_else(|| panic!("INFO tells {name}")).clone()
}

fn number(fixture: &Fixture, peer: &mut Peer, name: &str) -> u64 {
    field(fixture, peer, name).parse().unwrap_or_else(|_| panic!("{name} is a number"))
}

#[test]
fn sections_are_told_in_their_order_whatever_was_asked() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    let mut titles = |words: &str| -> Vec<String> {
        let reply = peer.send(&fixture, &format!("INFO{words}\r\n"));
        let titles = bulk(&reply).split("\r\n").filter_map(|line| line.strip_prefix("# "));
        titles.map(str::to_owned).collect()
    };
    let default = [
        "Server",
        "Clients",
        "Memory",
        "Persistence",
        "Stats",
        "Replication",
        "CPU",
        "Modules",
        "Errorstats",
        "Cluster",
        "Keyspace",
    ];
    assert_eq!(titles(""), default);
    assert_eq!(titles(" default"), default);
    assert_eq!(titles(" all").len(), default.len() + 2);
    assert_eq!(titles(" Everything"), titles(" ALL"));
    assert_eq!(titles(" keyspace nonsense CLUSTER cluster"), ["Cluster", "Keyspace"]);
    assert_eq!(titles(" default commandstats").len(), default.len() + 1);
    assert_eq!(titles(" nonsense"), [""; 0]);
}

/// The fields that exporters, dashboards and clients ask for by name.
#[test]
fn the_fields_that_tools_read_are_there() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    let sections = info(&fixture, &mut peer, "all");
    let has = |section: &str, names: &str| {
        for name in names.split_whitespace() {
            assert!(sections[section].contains_key(name), "{section} tells {name}");
        }
    };
    has(
        "Server",
        "redis_version redis_mode os process_id run_id tcp_port uptime_in_seconds uptime_in_days hz",
    );
    has(
        "Clients",
        "connected_clients blocked_clients maxclients tracking_clients clients_in_timeout_table",
    );
    has("Clients", "pubsub_clients watching_clients total_watched_keys total_blocking_keys");
    has(
        "Memory",
        "used_memory used_memory_human used_memory_rss used_memory_peak used_memory_peak_human",
    );
    has(
        "Memory",
        "used_memory_overhead used_memory_startup used_memory_dataset maxmemory maxmemory_policy",
    );
    has(
        "Memory",
        "mem_fragmentation_ratio mem_clients_normal mem_clients_slaves lazyfree_pending_objects",
    );
    has(
        "Memory",
        "allocator_frag_ratio allocator_rss_bytes mem_not_counted_for_evict total_system_memory",
    );
    has(
        "Persistence",
        "loading async_loading rdb_changes_since_last_save rdb_bgsave_in_progress aof_enabled",
    );
    has(
        "Persistence",
        "rdb_last_save_time rdb_last_bgsave_status aof_rewrite_in_progress aof_last_write_status",
    );
    has("Stats", "total_connections_received total_commands_processed instantaneous_ops_per_sec");
    has(
        "Stats",
        "keyspace_hits keyspace_misses expired_keys evicted_keys total_error_replies sync_full",
    );
    has("Stats", "instantaneous_input_kbps rejected_connections latest_fork_usec pubsub_channels");
    has(
        "Replication",
        "role connected_slaves master_replid master_repl_offset second_repl_offset repl_backlog_size",
    );
    has("CPU", "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_main_thread");
    has("Cluster", "cluster_enabled");
    assert_eq!(sections["Server"]["redis_version"], "7.2.4");
    assert_eq!(sections["Replication"]["role"], "master");
    assert_eq!(sections["Replication"]["master_replid"].len(), 40);
    let text = peer.send(&fixture, "INFO persistence\r\n");
    let loading = text.find("loading:").expect("it is told");
    assert!(loading < text.find("async_loading:").expect("it is told"), "tools look for the first");
}

#[test]
fn counters_follow_what_happens() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(
        &fixture,
        "SET a 1\r\nSET b 2 PX 5000\r\nGET a\r\nGET none\r\nGET\r\nnonsense\r\nINCR b c\r\n",
    );
    peer.send(&fixture, "SET s text\r\nINCR s\r\n");
    let all = info(&fixture, &mut peer, "everything");
    assert_eq!(all["Keyspace"]["db0"], "keys=3,expires=1,avg_ttl=0");
    assert_eq!(all["Stats"]["keyspace_hits"], "1");
    assert_eq!(all["Stats"]["keyspace_misses"], "1");
    assert_eq!(all["Stats"]["total_error_replies"], "4");
    assert_eq!(all["Errorstats"]["errorstat_ERR"], "count=4");
    assert_eq!(all["Persistence"]["rdb_changes_since_last_save"], "3");
    let commands = &all["Commandstats"];
    assert!(commands["cmdstat_get"].starts_with("calls=2,usec="));
    assert!(commands["cmdstat_get"].ends_with(",rejected_calls=1,failed_calls=0"));
    assert!(commands["cmdstat_incr"].starts_with("calls=1,"));
    assert!(commands["cmdstat_incr"].ends_with(",rejected_calls=1,failed_calls=1"));
    peer.send(&fixture, "CONFIG RESETSTAT\r\n");
    let all = info(&fixture, &mut peer, "all");
    assert_eq!(all["Errorstats"].len(), 0);
    assert_eq!(all["Commandstats"].keys().collect::<Vec<_>>(), ["cmdstat_config|resetstat"]);
    assert_eq!(all["Keyspace"]["db0"], "keys=3,expires=1,avg_ttl=0");
}

#[test]
fn the_time_of_a_batch_is_told_by_command() {
    let mut fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "SET a 1\r\nGET a\r\nGET a\r\nGET a\r\n");
    fixture.pass(Duration::from_millis(4));
    peer.end_batch(&fixture);
    let commands = info(&fixture, &mut peer, "commandstats").remove("Commandstats");
    let commands = commands.expect("it was asked for");
    assert!(commands["cmdstat_get"].starts_with("calls=3,usec=3000,usec_per_call=1000.00,"));
    assert!(commands["cmdstat_set"].starts_with("calls=1,usec=1000,usec_per_call=1000.00,"));
}

#[test]
fn rates_are_averages_over_the_last_samples() {
    let mut fixture = Fixture::new();
    let mut peer = fixture.connect();
    for _ in 0..17 {
        fixture.node.tick(fixture.now);
        peer.send(&fixture, &"PING\r\n".repeat(10));
        fixture.pass(Duration::from_millis(100));
    }
    assert_eq!(number(&fixture, &mut peer, "instantaneous_ops_per_sec"), 100);
}

#[test]
fn memory_follows_the_keys_and_remembers_its_peak() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    let before = number(&fixture, &mut peer, "used_memory");
    let value = "x".repeat(60_000);
    peer.send(&fixture, &format!("SET big {value}\r\n"));
    let full = number(&fixture, &mut peer, "used_memory");
    assert!((60_000..70_000).contains(&(full - before)), "{before} {full}");
    // Flushed memory counts until it is freed, which MEMORY PURGE does at once.
    peer.send(&fixture, "FLUSHALL\r\n");
    assert_eq!(number(&fixture, &mut peer, "lazyfree_pending_objects"), 1);
    assert_eq!(number(&fixture, &mut peer, "used_memory"), full);
    assert_eq!(peer.send(&fixture, "MEMORY PURGE\r\n"), "+OK\r\n");
    assert_eq!(number(&fixture, &mut peer, "lazyfree_pending_objects"), 0);
    assert_eq!(number(&fixture, &mut peer, "lazyfreed_objects"), 1);
    assert!(number(&fixture, &mut peer, "used_memory") < before + 1000);
    assert_eq!(number(&fixture, &mut peer, "used_memory_peak"), full);
}

#[test]
fn memory_stats_is_a_map_of_numbers() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "HELLO 3\r\nSET k v\r\n");
    let reply = peer.send(&fixture, "MEMORY STATS\r\n");
    assert!(reply.starts_with("%27\r\n$14\r\npeak.allocated\r\n:"), "{reply}");
    assert!(reply.contains("\r\nkeys.count\r\n:1\r\n"));
    assert!(reply.contains("\r\ndataset.percentage\r\n,"));
    let help = peer.send(&fixture, "MEMORY HELP\r\n");
    assert!(help.contains("+USAGE <key>") && help.contains("+DOCTOR"), "{help}");
    assert_eq!(help.lines().filter(|line| line.starts_with("+HELP")).count(), 1);
}

#[test]
fn the_average_ttl_is_told_after_a_cycle() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "SET a 1 PX 2000\r\nSET b 1 PX 4000\r\n");
    let (now, mut cursor) = (fixture.now, engine::ExpireCursor::default());
    fixture.node.expire_cycle(&mut cursor, Duration::from_millis(100), || now);
    assert_eq!(field(&fixture, &mut peer, "db0"), "keys=2,expires=2,avg_ttl=3000");
}

#[test]
fn active_expiry_and_the_timers_can_be_held_up() {
    let mut fixture = with_debug(Permission::Local);
    let mut peer = fixture.connect();
    peer.send(&fixture, "SET a 1 PX 10\r\n");
    fixture.pass(Duration::from_millis(20));
    let now = fixture.now;
    let cycle = |fixture: &Fixture| {
        let mut cursor = engine::ExpireCursor::default();
        fixture.node.expire_cycle(&mut cursor, Duration::from_millis(100), || now);
    };
    for word in ["SET-ACTIVE-EXPIRE 0", "SET-ACTIVE-EXPIRE 1\r\nDEBUG PAUSE-CRON 1"] {
        peer.send(&fixture, &format!("DEBUG {word}\r\n"));
        cycle(&fixture);
        assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":1\r\n", "{word}");
    }
    peer.send(&fixture, "DEBUG PAUSE-CRON 0\r\n");
    cycle(&fixture);
    assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":0\r\n");
    assert_eq!(number(&fixture, &mut peer, "expired_keys"), 1);
    assert_eq!(field(&fixture, &mut peer, "expired_stale_perc"), "5.00");
}

#[test]
fn debug_leaves_keys_whose_time_has_come_to_those_that_tell_of_it() {
    let mut fixture = with_debug(Permission::Local);
    let mut peer = fixture.connect();
    peer.send(&fixture, "SET a 1 PX 10\r\n");
    fixture.pass(Duration::from_millis(20));
    peer.send(&fixture, "DEBUG DIGEST-VALUE a\r\n");
    assert_eq!(peer.send(&fixture, "DEBUG OBJECT a\r\n"), "-ERR no such key\r\n");
    assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":1\r\n");
    peer.send(&fixture, "GET a\r\n");
    assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":0\r\n");
}

#[test]
fn debug_is_for_those_that_the_settings_allow() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    assert!(
        peer.send(&fixture, "DEBUG SLEEP 0\r\n").starts_with("-ERR DEBUG command not allowed.")
    );
    let fixture = with_debug(Permission::Yes);
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "DEBUG SLEEP 0.5\r\n"), "+OK\r\n");
    assert_eq!(peer.step, Step::Sleep(Duration::from_millis(500)));
    assert_eq!(peer.send(&fixture, "DEBUG SLEEP -1\r\n"), "+OK\r\n");
    assert_eq!(peer.step, Step::Sleep(Duration::ZERO));
    for wrong in ["NONSENSE", "SLEEP", "LOG", "DIGEST x", "POPULATE", "HELP x", "CHANGE-REPL-ID x"]
    {
        let word = wrong.split(' ').next().expect("it has a word");
        let error = format!(
            "-ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP.\r\n"
        );
        assert_eq!(peer.send(&fixture, &format!("DEBUG {wrong}\r\n")), error);
    }
}

#[test]
fn debug_does_what_tests_ask() {
    let fixture = with_debug(Permission::Yes);
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "DEBUG POPULATE 50 p 10\r\nDBSIZE\r\n"), "+OK\r\n:50\r\n");
    let digest = peer.send(&fixture, "DEBUG DIGEST\r\n");
    assert!(digest.len() == 43 && !digest.contains(&"0".repeat(40)), "{digest}");
    let values = peer.send(&fixture, "DEBUG DIGEST-VALUE p:1 none\r\n");
    assert!(values.starts_with("*2\r\n+") && values.ends_with(&format!("+{}\r\n", "0".repeat(40))));
    assert!(peer.send(&fixture, "DEBUG OBJECT p:1\r\n").starts_with("+Value at:0x"));
    assert_eq!(peer.send(&fixture, "DEBUG OBJECT none\r\n"), "-ERR no such key\r\n");
    assert_eq!(peer.send(&fixture, "DEBUG ERROR \"MINE is this\"\r\n"), "-MINE is this\r\n");
    assert!(peer.send(&fixture, "DEBUG STRINGMATCH-TEST\r\n").starts_with("+Apparently"));
    assert_eq!(peer.send(&fixture, "DEBUG LOG hello\r\n"), "+OK\r\n");
    let lines: Vec<_> = peer.take_events().iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["DEBUG LOG: hello"]);
    let id = field(&fixture, &mut peer, "master_replid");
    peer.send(&fixture, "DEBUG CHANGE-REPL-ID\r\n");
    assert_ne!(field(&fixture, &mut peer, "master_replid"), id);
    let push = "DEBUG PROTOCOL push\r\n";
    assert_eq!(peer.send(&fixture, push), "-ERR RESP2 is not supported by this command\r\n");
    peer.send(&fixture, "HELLO 3\r\n");
    let reply = "$40\r\nSome real reply following the push reply\r\n>2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n";
    assert_eq!(peer.send(&fixture, push), reply);
    let reply = "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n\
                 $39\r\nSome real reply following the attribute\r\n";
    assert_eq!(peer.send(&fixture, "DEBUG PROTOCOL attrib\r\n"), reply);
}

#[test]
fn shutdown_stops_the_process_without_a_reply_or_says_why_not() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    for wrong in ["BAD", "SAVE NOSAVE", "ABORT NOW", "NOSAVE ABORT", "NOW FORCE BAD"] {
        let reply = peer.send(&fixture, &format!("SHUTDOWN {wrong}\r\n"));
        assert_eq!(reply, "-ERR syntax error\r\n", "{wrong}");
    }
    let reply = peer.send(&fixture, "SHUTDOWN ABORT\r\n");
    assert_eq!(reply, "-ERR No shutdown in progress.\r\n");
    assert!(!fixture.is_stopped() && peer.step == Step::Input);
    for words in ["", " SAVE", " NOSAVE", " nosave NOW FORCE", " SAVE FORCE", " SAFE FAILOVER"] {
        let fixture = Fixture::new();
        let mut peer = fixture.connect();
        assert_eq!(peer.send(&fixture, &format!("SHUTDOWN{words}\r\nPING\r\n")), "");
        assert!(fixture.is_stopped() && peer.step == Step::Close, "{words}");
    }
}

#[test]
fn time_and_role_and_art() {
    let mut fixture = Fixture::new();
    fixture.now.wall = UnixMillis(1_700_000_000_123);
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "TIME\r\n"), "*2\r\n$10\r\n1700000000\r\n$6\r\n123000\r\n");
    assert_eq!(peer.send(&fixture, "LASTSAVE\r\n"), ":1700000000\r\n");
    assert_eq!(peer.send(&fixture, "ROLE\r\n"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    for art in ["LOLWUT", "LOLWUT VERSION 5", "LOLWUT VERSION 99 20 5"] {
        assert!(peer.send(&fixture, &format!("{art}\r\n")).contains("Redis ver. 7.2.4"), "{art}");
    }
    let not_integer = "-ERR value is not an integer or out of range\r\n";
    assert_eq!(peer.send(&fixture, "LOLWUT VERSION x\r\n"), not_integer);
    assert_eq!(peer.send(&fixture, "LOLWUT 20 x\r\n"), not_integer);
    assert!(peer.send(&fixture, "LOLWUT 20\r\n").starts_with("-ERR Syntax error."));
    for absent in ["SLOWLOG", "MODULE"] {
        let reply = peer.send(&fixture, &format!("{absent}\r\n"));
        assert!(reply.starts_with("-ERR unknown command"), "{absent}");
    }
}
