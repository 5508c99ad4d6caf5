use super::*;
use crate::testing::Fixture;
use config::Config;
use engine::{AccessPolicy, WorkerId};

fn with(words: &[&str]) -> Config {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    Config::default().with(&words, true).expect("these can be set").config
}

#[test]
fn a_worker_takes_over_changed_settings_with_its_next_batch() {
    let settings = Settings::new(Config::default());
    let mut tuning = Tuning::new(&settings.current());
    tuning.renew(&settings);
    assert_eq!(tuning.limits.bulk_bytes_max, 512 << 20);
    let changing = settings.begin_change();
    let changed = with(&[
        "proto-max-bulk-len",
        "2mb",
        "client-query-buffer-limit",
        "3mb",
        "client-output-buffer-limit",
        "normal 10 5 7",
    ]);
    settings.replace(changed, &changing);
    tuning.renew(&settings);
    assert_eq!(tuning.limits.bulk_bytes_max, 2 << 20);
    assert_eq!(tuning.query_buffer_bytes_max, 3 << 20);
    let limit = tuning.output_limits.normal;
    assert_eq!((limit.hard_bytes, limit.soft_bytes, limit.soft_seconds), (10, 5, 7));
}

#[test]
fn settings_beyond_what_the_decoder_can_keep_are_cut() {
    let tuning = Tuning::new(&with(&[
        "proto-max-bulk-len",
        "9223372036854775807",
        "client-query-buffer-limit",
        "9223372036854775807",
    ]));
    assert_eq!(tuning.limits.bulk_bytes_max, 1 << 30);
    assert_eq!(tuning.query_buffer_bytes_max, 1 << 30);
}

#[test]
fn the_access_clock_follows_the_eviction_policy() {
    let policy = |words: &[&str]| Tuning::new(&with(words)).access_policy;
    assert_eq!(policy(&["maxmemory-policy", "allkeys-lru"]), AccessPolicy::Lru);
    let lfu = ["maxmemory-policy", "volatile-lfu", "lfu-log-factor", "3", "lfu-decay-time", "4"];
    assert_eq!(policy(&lfu), AccessPolicy::Lfu { log_factor: 3, decay_minutes: 4 });
}

#[test]
fn the_bus_announces_what_is_set_and_listens_above_the_clients_port() {
    let (machine, port) = bus_config(&Config::default()).expect("the defaults can be used");
    assert_eq!((machine.port, machine.bus_port, port), (6379, 16379, 16379));
    assert_eq!(machine, cluster::Config::for_port(6379));
    let words = ["cluster-announce-ip", "10.0.0.1", "cluster-announce-bus-port", "7", "port", "99"];
    let (machine, port) = bus_config(&with(&words)).expect("an address and ports");
    assert_eq!((machine.port, machine.bus_port, port), (99, 7, 10099));
    assert_eq!(machine.announce_ip, "10.0.0.1".parse().ok());
    assert_eq!(bus_config(&with(&["cluster-announce-ip", "host"])), Err(AnnounceError::Address));
    assert_eq!(bus_config(&with(&["port", "60000"])), Err(AnnounceError::Port));
}

#[test]
fn config_set_takes_effect_as_a_whole_or_not_at_all() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let refused = client.send(&fixture, "CONFIG SET timeout 9 hz x\r\n");
    assert_eq!(
        refused,
        "-ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer\r\n"
    );
    assert_eq!(
        client.send(&fixture, "CONFIG GET timeout\r\n"),
        "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"
    );
    assert_eq!(client.send(&fixture, "CONFIG SET timeout 9 requirepass secret\r\n"), "+OK\r\n");
    assert_eq!(
        client.send(&fixture, "CONFIG GET timeout\r\n"),
        "*2\r\n$7\r\ntimeout\r\n$1\r\n9\r\n"
    );
    let mut stranger = fixture.connect();
    assert_eq!(stranger.send(&fixture, "PING\r\n"), "-NOAUTH Authentication required.\r\n");
    assert_eq!(stranger.send(&fixture, "AUTH secret\r\n"), "+OK\r\n");
}

#[test]
fn a_protected_setting_cannot_be_set() {
    let fixture = Fixture::new();
    let refused = fixture.connect().send(&fixture, "CONFIG SET dir /\r\n");
    assert_eq!(
        refused,
        "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config\r\n"
    );
}

#[test]
fn longer_arguments_are_refused_once_the_limit_is_lower() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    assert_eq!(client.send(&fixture, "CONFIG SET proto-max-bulk-len 1mb\r\n"), "+OK\r\n");
    let refused = client.send(&fixture, "*2\r\n$4\r\nECHO\r\n$1048577\r\n");
    assert_eq!(refused, "-ERR Protocol error: invalid bulk length\r\n");
}

#[test]
fn the_access_clock_counts_uses_once_the_policy_says_so() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    assert_eq!(
        client.send(&fixture, "CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0\r\n"),
        "+OK\r\n"
    );
    client.send(&fixture, "SET k v\r\n");
    client.send(&fixture, "GET k\r\nGET k\r\nGET k\r\n");
    // A new key begins with 5; with a log factor of 0 every use counts.
    assert_eq!(client.send(&fixture, "OBJECT FREQ k\r\n"), ":8\r\n");
}

#[test]
fn rewriting_passes_the_old_text_and_the_reason_of_a_failure() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(&fixture, "CONFIG SET timeout 9 hz 20\r\n");
    assert_eq!(
        client.send(&fixture, "CONFIG REWRITE\r\n"),
        "-ERR Rewriting config file: not writing # mine|timeout 9||# Generated by CONFIG REWRITE|hz 20|\r\n"
    );
}

#[test]
fn resetstat_begins_the_counters_anew() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(&fixture, "PING\r\nGET k\r\nNONSENSE\r\n");
    let stats = fixture.node.stats(WorkerId(0));
    assert!(stats.commands.value() > 0 && stats.errors.value() > 0);
    assert_eq!(fixture.node.keyspace.tally(WorkerId(0)).misses(), 1);
    assert_eq!(client.send(&fixture, "CONFIG RESETSTAT\r\n"), "+OK\r\n");
    assert_eq!(stats.errors.value(), 0);
    assert_eq!(fixture.node.keyspace.tally(WorkerId(0)).misses(), 0);
    let counts = fixture.node.command_counts();
    assert!(counts.iter().all(|one| one.name == "config|resetstat"), "{counts:?}");
    assert!(fixture.node.error_counts().is_empty());
}

#[test]
fn names_that_the_bus_cannot_tell_are_refused() {
    let refusal = |name: &str, value: &str| bus_config(&with(&[name, value])).err();
    for (name, error) in [
        ("cluster-announce-human-nodename", AnnounceError::HumanNodename),
        ("availability-zone", AnnounceError::AvailabilityZone),
    ] {
        assert_eq!(error.directive(), name);
        assert_eq!(refusal(name, &"z".repeat(256)), Some(error));
        assert_eq!(refusal(name, "zone_1.a-b"), None);
    }
    let odd = refusal("cluster-announce-human-nodename", "a:b");
    assert_eq!(odd, Some(AnnounceError::HumanNodename));
}
