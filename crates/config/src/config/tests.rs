use super::*;
use crate::directive::Rule;
use crate::table::markdown;
use crate::{EvictionPolicy, MemoryShare, SavePoint};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[path = "names.rs"]
mod names;

/// Applies one CONFIG SET, and returns the reply.
fn set(config: &mut Config, arguments: &[&str]) -> String {
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.as_bytes()).collect();
    match config.with(&arguments, false) {
        Ok(change) => {
            *config = change.config;
            "OK".into()
        }
        Err(error) => error.to_string(),
    }
}

fn shown(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let patterns: Vec<_> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    config.matching(&patterns).into_iter().map(|(n, v)| (text(n), text(v))).collect()
}

fn value(config: &Config, name: &str) -> String {
    String::from_utf8(config.value(name).unwrap()).unwrap()
}

#[test]
fn names_are_unique_and_rows_are_complete() {
    let mut seen = BTreeSet::new();
    for directive in directives() {
        for name in directive.names() {
            assert!(seen.insert(name), "{name} is declared twice");
            assert!(!name.bytes().any(|b| b.is_ascii_uppercase() || b == b' '), "{name}");
        }
        assert!(directive.summary().ends_with('.'), "{directive:?}: {}", directive.summary());
        assert!(!directive.section.is_empty(), "{directive:?} is in no section");
        assert!(markdown().contains(&format!("| `{}`", directive.name)), "{directive:?}");
    }
}

#[test]
fn defaults_are_shown_as_declared() {
    let config = Config::default();
    for directive in directives() {
        let text = config.text(directive);
        assert_eq!(String::from_utf8(text).unwrap(), directive.default, "{directive:?}");
    }
}

#[test]
fn bounds_are_taken_and_what_is_beyond_is_not() {
    for directive in directives().filter(|directive| directive.name != "hz") {
        let (min, max): (i128, i128) = match directive.rule {
            Rule::Integer(min, max) | Rule::Octal(min, max) | Rule::SignedMemory(min, max) => {
                (min.into(), max.into())
            }
            Rule::Memory(min, max) => (min.into(), max.into()),
            Rule::YesNo
            | Rule::MemoryOrPercent
            | Rule::Choice(_)
            | Rule::Text(_)
            | Rule::Events
            | Rule::Words(_) => continue,
        };
        let octal = matches!(directive.rule, Rule::Octal(..));
        let text = |value: i128| if octal { format!("{value:o}") } else { value.to_string() };
        let mut config = Config::default();
        for (value, good) in [(min, true), (max, true), (min - 1, false), (max + 1, false)] {
            let words = vec![text(value).into_bytes()];
            let set = config.set(directive, &words, false);
            assert_eq!(set.is_ok(), good, "{directive:?} {value}: {set:?}");
            if good {
                assert_eq!(config.text(directive), words[0], "{directive:?}");
            }
        }
    }
}

#[test]
fn every_name_that_valkey_lists_is_listed() {
    let config = Config::default();
    let listed: BTreeSet<_> = shown(&config, &["*"]).into_iter().map(|(name, _)| name).collect();
    for name in names::VALKEY.split_whitespace() {
        assert!(listed.contains(name), "{name}");
    }
    for name in names::UNLISTED.split_whitespace() {
        assert_eq!(shown(&config, &[name]).len(), 1, "{name}");
    }
    assert!(listed.contains("worker-threads") && listed.contains("compat-version"));
}

#[test]
fn refusals_have_the_words_of_valkey() {
    let failed = "ERR CONFIG SET failed (possibly related to argument '";
    for (arguments, reply) in [
        (&["foo", "1"][..], "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"),
        (&["fo\r\no", "1"], "ERR Unknown option or number of arguments for CONFIG SET - 'fo  o'"),
        (&["maxmemory", "1", "foo"], "ERR syntax error"),
        (&["maxmemory", "1", "maxmemory", "2"], "maxmemory') - duplicate parameter"),
        (&["maxmemory", "1", "MAXMEMORY", "2"], "MAXMEMORY') - duplicate parameter"),
        (&["MAXMEMORY", "zz"], "maxmemory') - argument must be a memory value"),
        (
            &["Slave-Priority", "z"],
            "slave-priority') - argument couldn't be parsed into an integer",
        ),
        (&["daemonize", "no", "foo", "1"], "daemonize') - can't set immutable config"),
        (&["port", "1", "dir", "/"], "dir') - can't set protected config"),
        (&["port", "70000"], "port') - argument must be between 0 and 65535 inclusive"),
        (&["timeout", "01"], "timeout') - argument couldn't be parsed into an integer"),
        (&["activerehashing", "on"], "activerehashing') - argument must be 'yes' or 'no'"),
        (
            &["appendfsync", "always "],
            "appendfsync') - argument(s) must be one of the following: everysec, always, no",
        ),
        (
            &["maxmemory-clients", "-1%"],
            "maxmemory-clients') - argument must be a memory or percent value",
        ),
        (
            &["maxmemory-clients", "101%"],
            "maxmemory-clients') - percentage argument must be less or equal to 100",
        ),
        (&["save", "3600"], "save') - Invalid save parameters"),
        (&["save", "1  2"], "save') - Invalid save parameters"),
        (&["save", "0 1"], "save') - Invalid save parameters"),
        (
            &["client-output-buffer-limit", "normal 0 0"],
            "client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration.",
        ),
        (
            &["client-output-buffer-limit", "master 0 0 0"],
            "client-output-buffer-limit') - Invalid client class specified in buffer limit configuration.",
        ),
        (
            &["client-output-buffer-limit", "normal a 0 0"],
            "client-output-buffer-limit') - Error in hard, soft or soft_seconds setting in buffer limit \
             configuration.",
        ),
        (
            &["notify-keyspace-events", "Kq"],
            "notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ),
        (&["oom-score-adj-values", "1 2"], "oom-score-adj-values') - wrong number of arguments"),
        (
            &["cluster-announce-ip", "a b"],
            "cluster-announce-ip') - cluster-announce-ip contains invalid character",
        ),
        (
            &["cluster-announce-client-ipv4", "1"],
            "cluster-announce-client-ipv4') - Invalid IPv4 address",
        ),
        (
            &["shutdown-on-sigterm", "save nosave"],
            "shutdown-on-sigterm') - shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
    ] {
        let mut config = Config::default();
        let expected =
            if reply.starts_with("ERR") { reply.to_owned() } else { format!("{failed}{reply}") };
        assert_eq!(set(&mut config, arguments), expected, "{arguments:?}");
        assert_eq!(config, Config::default(), "{arguments:?} changed nothing");
    }
}

#[test]
fn a_set_happens_as_a_whole_and_names_what_changed() {
    let config = Config::default();
    let arguments: [&[u8]; 8] =
        [b"maxmemory", b"1gb", b"timeout", b"0", b"slave-priority", b"5", b"save", b""];
    let change = config.with(&arguments, false).unwrap();
    let changed: Vec<_> = change.changed.iter().map(|directive| directive.name).collect();
    assert_eq!(changed, ["maxmemory", "replica-priority", "save"]);
    assert!(change.touches("maxmemory") && !change.touches("timeout"));
    assert_eq!(change.config.memory.maxmemory, 1 << 30);
    assert_eq!(change.config.persistence.save.0, []);
    assert_eq!(config, Config::default());
    assert!(config.with(&[b"hz", b"20", b"timeout", b"z"], false).is_err());
}

#[test]
fn protected_directives_need_the_permission() {
    let config = Config::default();
    let change = config.with(&[b"dbfilename", b"x.rdb"], true).unwrap();
    assert_eq!(change.config.persistence.dbfilename, b"x.rdb");
    let refused = config.with(&[b"dbfilename", b"a/b"], true).unwrap_err().to_string();
    assert!(refused.ends_with("dbfilename can't be a path, just a filename"), "{refused}");
}

#[test]
fn values_are_shown_as_valkey_shows_them() {
    let mut config = Config::default();
    for (name, given, expected) in [
        ("maxmemory", "1kb", "1024"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "0%", "0"),
        ("save", "3600 1 300 100", "3600 1 300 100"),
        ("save", "01 2", "1 2"),
        (
            "client-output-buffer-limit",
            "",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
        (
            "client-output-buffer-limit",
            "NORMAL 5 0 0 replica 1kb 2 3",
            "normal 5 0 0 slave 1024 2 3 pubsub 33554432 8388608 60",
        ),
        ("oom-score-adj-values", "-1000 0 1000", "-1000 0 1000"),
        ("oom-score-adj", "relative", "yes"),
        ("latency-tracking-info-percentiles", "50 99.999999999 1e1 0.10", "50 100 10 0.1"),
        ("latency-tracking-info-percentiles", "", ""),
        ("shutdown-on-sigterm", "FORCE save SAVE", "save force"),
        ("shutdown-on-sigterm", "default", "default"),
        ("bind", "127.0.0.1 -::1", "127.0.0.1 -::1"),
        ("bind", "", ""),
        ("hz", "1000", "500"),
        ("hz", "0", "1"),
        ("log-format", "legacy", "text"),
        ("appendfsync", "ALWAYS", "always"),
        ("masteruser", "a \"b c\"", "a \"b c\""),
        ("slot-migration-max-failover-repl-bytes", "-1", "-1"),
    ] {
        assert_eq!(set(&mut config, &[name, given]), "OK", "{name} {given}");
        assert_eq!(value(&config, name), expected, "{name} {given}");
    }
}

#[test]
fn fields_hold_what_was_set() {
    let mut config = Config::default();
    let arguments = ["maxmemory-policy", "allkeys-lru", "maxmemory-clients", "10%", "save", "5 6"];
    assert_eq!(set(&mut config, &arguments), "OK");
    assert_eq!(config.memory.maxmemory_policy, EvictionPolicy::AllkeysLru);
    assert_eq!(config.network.maxmemory_clients, MemoryShare::Percent(10));
    assert_eq!(config.network.maxmemory_clients.of(1000), 100);
    assert_eq!(config.persistence.save.0, [SavePoint { seconds: 5, changes: 6 }]);
}

#[test]
fn get_shows_names_and_aliases_once_and_sorted() {
    let config = Config::default();
    let pairs = |names: &[(&str, &str)]| -> Vec<(String, String)> {
        names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(
        shown(&config, &["*-priority"]),
        pairs(&[("replica-priority", "100"), ("slave-priority", "100")])
    );
    assert_eq!(
        shown(&config, &["SLAVE-PRIORITY", "replica-prio*"]),
        pairs(&[("replica-priority", "100"), ("SLAVE-PRIORITY", "100")])
    );
    assert_eq!(
        shown(&config, &["MAXMEMORY", "maxmemory", "maxmemory-p*", "MAXMEM*Y", "nosuch"]),
        pairs(&[
            ("MAXMEMORY", "0"),
            ("maxmemory-eviction-tenacity", "10"),
            ("maxmemory-policy", "noeviction")
        ])
    );
    assert_eq!(shown(&config, &["dynamic-h*"]), []);
    assert_eq!(shown(&config, &["dynamic-hz"]), pairs(&[("dynamic-hz", "yes")]));
}

proptest! {
    #[test]
    fn any_value_is_taken_or_refused_without_panic(
        which in 0..directives().count(),
        value: Vec<u8>,
    ) {
        let directive = directives().nth(which).unwrap();
        let config = Config::default();
        if let Ok(change) = config.with(&[directive.name.as_bytes(), &value], true) {
            // What is shown means the same when it is set again.
            let text = change.config.text(directive);
            let again = config.with(&[directive.name.as_bytes(), &text], true).unwrap();
            prop_assert_eq!(change.config.text(directive), again.config.text(directive));
        }
    }

    #[test]
    fn any_arguments_of_get_and_set_are_met_without_panic(arguments: Vec<Vec<u8>>) {
        let config = Config::default();
        let arguments: Vec<_> = arguments.iter().map(Vec::as_slice).collect();
        let _ = config.matching(&arguments);
        prop_assert!(config.with(&arguments, true).is_err());
    }
}
