use super::*;
use crate::Invocation;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Files in memory.
#[derive(Default)]
struct Files(BTreeMap<Vec<u8>, Vec<u8>>);

impl Files {
    fn with(files: &[(&str, &str)]) -> Files {
        let file =
            |(path, text): &(&str, &str)| (path.as_bytes().to_vec(), text.as_bytes().to_vec());
        Files(files.iter().map(file).collect())
    }
}

impl FileSource for Files {
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| "No such file or directory".into())
    }

    fn names(&mut self, folder: &[u8]) -> Vec<Vec<u8>> {
        let folder = if folder == b"." { &b""[..] } else { folder };
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(folder));
        let names: BTreeSet<_> =
            inside.filter_map(|rest| rest.split(|b| *b == b'/').next()).collect();
        names.into_iter().map(<[u8]>::to_vec).collect()
    }
}

fn load_files(files: &[(&str, &str)], options: &[&str]) -> Result<Loaded, LoadError> {
    let mut arguments = vec![b"x.conf".to_vec()];
    arguments.extend(options.iter().map(|option| option.as_bytes().to_vec()));
    let Ok(Invocation::Start(start)) = Invocation::parse(&arguments) else { panic!("{options:?}") };
    load(&start, None, &mut Files::with(files))
}

fn load_text(text: &str) -> Result<Loaded, LoadError> {
    load_files(&[("x.conf", text)], &[])
}

fn value(text: &str, name: &str) -> String {
    let loaded = load_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    String::from_utf8(loaded.config.value(name).unwrap()).unwrap()
}

#[test]
fn an_error_has_the_shape_of_redis_and_says_more() {
    let error = load_text("# c\nmaxmemry 1\n").unwrap_err().to_string();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        error,
        format!(
            "*** FATAL CONFIG FILE ERROR (Redstart {version}) ***\n\
             Reading the configuration file, at line 2\n\
             >>> 'maxmemry 1'\n\
             Bad directive or wrong number of arguments\n\
             (in x.conf, line 2)\n\
             Did you mean 'maxmemory'?"
        )
    );
    let missing = load_files(&[], &[]).unwrap_err().to_string();
    assert_eq!(missing, "Fatal error, can't open config file 'x.conf': No such file or directory");
}

#[test]
fn reasons_are_those_of_valkey() {
    for (text, number, shown, reason) in [
        ("foo bar", 1, "foo bar", "Bad directive or wrong number of arguments"),
        ("timeout", 1, "timeout", "wrong number of arguments"),
        ("timeout 1 2", 1, "timeout 1 2", "wrong number of arguments"),
        ("\n\n timeout zz\r\n", 3, "timeout zz", "argument couldn't be parsed into an integer"),
        ("timeout 7 # c", 1, "timeout 7 # c", "wrong number of arguments"),
        ("timeout 'a", 1, "timeout 'a", "Unbalanced quotes in configuration line"),
        ("bind \"'a\"", 1, "bind \"'a\"", "Unbalanced quotes in configuration line"),
        ("save 3600", 1, "save 3600", "Invalid save parameters"),
        ("save 1 2 \"3 4\"", 1, "save 1 2 \"3 4\"", "Invalid save parameters"),
        (
            "unixsocketperm 1000",
            1,
            "unixsocketperm 1000",
            "argument must be between 0 and 777 inclusive",
        ),
        (
            "unixsocketperm 8",
            1,
            "unixsocketperm 8",
            "argument couldn't be parsed as an octal number",
        ),
        (
            "appendfilename a/b",
            1,
            "appendfilename a/b",
            "appendfilename can't be a path, just a filename",
        ),
        ("appenddirname ''", 1, "appenddirname ''", "appenddirname can't be empty"),
        ("replicaof localhost", 1, "replicaof localhost", "wrong number of arguments"),
        ("replicaof a 99999", 1, "replicaof a 99999", "Invalid primary port"),
        ("rename-command a", 1, "rename-command a", "Bad directive or wrong number of arguments"),
        ("user", 1, "user", "Bad directive or wrong number of arguments"),
        ("include", 1, "include", "Bad directive or wrong number of arguments"),
        ("loadmodule /x.so", 1, "loadmodule /x.so", "modules are not supported"),
        ("sentinel a b", 1, "sentinel a b", "sentinel directive while not in sentinel mode"),
        (
            "client-output-buffer-limit \"\"",
            1,
            "client-output-buffer-limit \"\"",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "shutdown-on-sigterm",
            1,
            "shutdown-on-sigterm",
            "argument(s) must be one of the following: default, save, nosave, now, force, safe, failover",
        ),
    ] {
        let error = load_text(text).unwrap_err();
        let LoadError::Line { place, reason: found, .. } = error else { panic!("{error}") };
        assert_eq!((place.line, place.text.as_str()), (number, shown), "{text}");
        assert_eq!(found, reason, "{text}");
    }
    let together = load_text("cluster-enabled yes\nslaveof a 1").unwrap_err().to_string();
    assert!(together.ends_with("\nreplicaof directive not allowed in cluster mode"), "{together}");
}

#[test]
fn values_are_read_as_valkey_reads_them() {
    for (text, name, expected) in [
        ("  timeout\t7 \r\n", "timeout", "7"),
        ("TIMEOUT \"\\x37\"", "timeout", "7"),
        ("timeout 1\0 2", "timeout", "1"),
        ("\0timeout 8", "timeout", "0"),
        ("timeout 1\ntimeout 2", "timeout", "2"),
        ("slave-priority 3", "replica-priority", "3"),
        ("io-threads 3", "worker-threads", "3"),
        ("requirepass \"a\\x20'b\"", "requirepass", "a 'b"),
        ("save 10 20\nsave 30 40", "save", "10 20 30 40"),
        ("save \"10 20\"", "save", "10 20"),
        ("save \" 1  2\"", "save", "1 2"),
        ("save \"\"", "save", ""),
        ("save", "save", ""),
        ("save 1 2\nsave \"\"\nsave 3 4", "save", "3 4"),
        ("bind 127.0.0.1 ::1", "bind", "127.0.0.1 ::1"),
        ("bind \"127.0.0.1 ::1\"", "bind", "127.0.0.1 ::1"),
        ("bind", "bind", ""),
        ("replicaof a 1\nreplicaof no one", "replicaof", ""),
        ("replicaof \"a 1\"", "slaveof", "a 1"),
        ("shutdown-on-sigterm \"save force\"", "shutdown-on-sigterm", "save force"),
        ("list-max-ziplist-entries 1\nevents-per-io-thread 3\nhz 20", "hz", "20"),
        (
            "client-output-buffer-limit normal 1 2 3",
            "client-output-buffer-limit",
            "normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
    ] {
        assert_eq!(value(text, name), expected, "{text:?}");
    }
}

#[test]
fn users_and_renamed_commands_are_handed_over_with_their_place() {
    let loaded = load_text("user a on >b\n\nrename-command get \"\"\n").unwrap();
    assert_eq!(loaded.users[0].words, [b"a".to_vec(), b"on".to_vec(), b">b".to_vec()]);
    let [renamed] = loaded.renamed_commands.as_slice() else { panic!("one command") };
    assert_eq!(renamed.words, [b"get".to_vec(), b"".to_vec()]);
    let error = LoadError::refused(&renamed.place, "No such command in rename-command");
    assert!(
        error.to_string().contains("at line 3\n>>> 'rename-command get \"\"'\nNo such command")
    );
}

#[test]
fn options_win_over_the_file_and_errors_count_on() {
    let file = ("x.conf", "timeout 5\nsave 1 1\n");
    let loaded = load_files(&[file], &["--timeout", "6", "--save", "2 2"]).unwrap();
    assert_eq!(loaded.config.network.timeout_seconds, 6);
    assert_eq!(loaded.config.value("save").unwrap(), b"1 1 2 2");
    let error = load_files(&[file], &["--hz", "1", "--foo", "6"]).unwrap_err().to_string();
    assert!(error.contains("at line 5\n>>> 'foo \"6\"'\n"), "{error}");
    assert!(error.contains("(on the command line)"), "{error}");
}

#[test]
fn standard_input_is_read_between_file_and_options() {
    let start = Start { file: None, stdin: true, options: b"hz 30".to_vec() };
    let loaded = load(&start, Some(b"hz 20\ntimeout 3\n"), &mut Files::default()).unwrap();
    assert_eq!((loaded.config.general.hz, loaded.config.network.timeout_seconds), (30, 3));
    let error = load(&start, Some(b"nosuch\n"), &mut Files::default()).unwrap_err();
    assert!(error.to_string().contains("(on the standard input)"), "{error}");
}

#[test]
fn includes_are_read_in_place_and_by_pattern() {
    let files = [
        ("x.conf", "timeout 1\ninclude conf.d/*.conf\nhz 30\n"),
        ("conf.d/a.conf", "timeout 2\nhz 20"),
        ("conf.d/b.conf", "timeout 3"),
        ("conf.d/.hidden.conf", "nosuch"),
        ("conf.d/c.txt", "nosuch"),
    ];
    let config = load_files(&files, &[]).unwrap().config;
    assert_eq!((config.network.timeout_seconds, config.general.hz), (3, 30));
    assert!(load_text("include nosuch*").is_ok(), "a pattern may match nothing");
    let error = load_files(&[("x.conf", "include y"), ("y", "\nfoo")], &[]).unwrap_err();
    assert!(error.to_string().contains("(in y, line 2)"), "{error}");
    let missing = load_text("include nosuch").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "Fatal error, can't open config file 'nosuch': No such file or directory"
    );
}

#[test]
fn absolute_patterns_match_in_every_folder() {
    let mut files =
        Files::with(&[("/etc/r1/a.conf", ""), ("/etc/r2/b.conf", ""), ("/etc/s/c.conf", "")]);
    let paths = expand(b"/etc/r?/*.conf", &mut files);
    assert_eq!(paths, [b"/etc/r1/a.conf".to_vec(), b"/etc/r2/b.conf".to_vec()]);
}

#[test]
fn save_after_an_include_replaces_what_was_there() {
    let included = ("y", "save 7 7\nsave 8 8");
    let config = |text| load_files(&[("x.conf", text), included], &[]).unwrap().config;
    assert_eq!(config("save 1 1\ninclude y").value("save").unwrap(), b"1 1 7 7 8 8");
    assert_eq!(config("include y\nsave 1 1").value("save").unwrap(), b"1 1");
    assert_eq!(config("include y\nsave 1 1\nsave 2 2").value("save").unwrap(), b"2 2");
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let error = load_files(&[("x.conf", "include x.conf\n")], &[]).unwrap_err();
    assert!(error.to_string().contains("include goes deeper than 16 files"), "{error}");
    let twice = [
        ("x.conf", "include y\n".repeat(2)),
        ("y", "include z\n".repeat(1200)),
        ("z", String::new()),
    ];
    let twice: Vec<_> = twice.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let error = load_files(&twice, &[]).unwrap_err();
    assert!(error.to_string().contains("more than 1000 files are included"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(text: Vec<u8>, options: Vec<Vec<u8>>) {
        let mut files = Files::default();
        files.0.insert(b"x.conf".to_vec(), text);
        let mut arguments = vec![b"x.conf".to_vec()];
        arguments.extend(options);
        if let Ok(Invocation::Start(start)) = Invocation::parse(&arguments) {
            let _ = load(&start, None, &mut files).map_err(|error| error.to_string());
        }
    }
}
