//! Append-only files between servers, and the tool that checks them beside theirs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Monotonic, UnixMillis};
use persist::aof::{
    BaseFormat, Fsync, Layout, Manifest, Options, Reader, Step, Writer, push_key, push_select,
};
use persist::storage::FromOffset;
use server::DiskStorage;
use testkit::{Finished, Folder, Kind, Program, Reply, Server, Setup, encode_command, run};

const LIMIT: Duration = Duration::from_secs(30);

/// A folder in which a program has the name of the tool.
struct Tool {
    folder: Folder,
}

impl Tool {
    fn new(program: &Path) -> Tool {
        let folder = Folder::new();
        symlink(program, folder.path().join("valkey-check-aof")).expect("the folder is ours");
        Tool { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it on files of these names and bytes; gives what it says, its code, and the first file afterwards.
    fn run(
        &self,
        files: &[(&str, &[u8])],
        options: &[&str],
        input: &str,
    ) -> (String, i32, Vec<u8>) {
        for (name, bytes) in files {
            fs::write(self.path(name), bytes).expect("the folder is ours");
        }
        let file = self.path(files[0].0);
        let file = file.to_str().expect("a path in text");
        let arguments: Vec<&str> = options.iter().copied().chain([file]).collect();
        let tool = self.path("valkey-check-aof");
        let Finished { status, stdout, .. } = run(&tool, &arguments, input.as_bytes(), LIMIT);
        let said = stdout.replace(self.folder.path().to_str().expect("a path in text"), "FOLDER");
        let lines: Vec<&str> = said.lines().map(without_log_prefix).collect();
        let code = status.and_then(|status| status.code()).expect("it ends");
        (lines.join("\n"), code, fs::read(self.path(files[0].0)).expect("it was written"))
    }
}

/// Valkey's tool logs what is wrong with a manifest; ours says it.
fn without_log_prefix(line: &str) -> &str {
    match line.split_once(" # ") {
        Some((prefix, rest)) if prefix.contains(":M ") => rest,
        _ => line,
    }
}

/// Valkey's tool counts lines on from file to file, ours begins anew in each.
fn without_lines((told, code, file): (String, i32, Vec<u8>)) -> (String, i32, Vec<u8>) {
    let mut kept = String::new();
    let mut rest = told.as_str();
    while let Some((before, after)) = rest.split_once("ok_up_to_line=") {
        kept += before;
        rest = after.trim_start_matches(|sign: char| sign.is_ascii_digit());
    }
    (kept + rest, code, file)
}

fn commands(words: &[&[&str]]) -> Vec<u8> {
    words.iter().flat_map(|command| encode_command(command)).collect()
}

#[test]
fn the_tool_says_of_broken_files_what_valkeys_says() {
    let (ours, theirs) = (Tool::new(&crate::program().path), Tool::new(&Program::valkey().path));
    let good = commands(&[&["SELECT", "0"], &["SET", "key", "value"]]);
    let multi = commands(&[&["MULTI"], &["SET", "a", "b"]]);
    let timed = b"#TS:100\r\n*1\r\n$4\r\nPING\r\n#TS:200\r\n*1\r\n$4\r\nPING\r\n";
    let then = |rest: &[u8]| [good.as_slice(), rest].concat();
    let files: Vec<Vec<u8>> = vec![
        good.clone(),
        Vec::new(),
        then(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10\r\nabc"),
        then(b"*2\r\n$3\r\nGET\r\n+a\r\n"),
        then(b"*2\r\n$3\r\nGET\r\n$1\r\nabc\r\n"),
        then(b"*2\r\n$3\r\nGET\r\n$-1\r\n"),
        then(b"!!"),
        then(b"*2\r\n$3\r\nGET\r\n"),
        then(b"*2\r\n$3\r\nGE"),
        then(&multi),
        then(&[multi.as_slice(), &multi].concat()),
        then(&commands(&[&["EXEC"]])),
        then(&[multi.as_slice(), &commands(&[&["EXEC"], &["SET", "c", "d"]])].concat()),
        timed.to_vec(),
        [timed.as_slice(), b"#TS:x\r\n*1\r\n"].concat(),
        b"# a remark\r\n*1\r\n$4\r\nPING\r\n".to_vec(),
    ];
    let options: [(&[&str], &str); 6] = [
        (&[], ""),
        (&["--fix"], "y\n"),
        (&["--fix"], "n\n"),
        (&["--truncate-to-timestamp", "150"], ""),
        (&["--truncate-to-timestamp", "50"], ""),
        (&["--truncate-to-timestamp", "900"], ""),
    ];
    for file in &files {
        for (options, input) in options {
            let told = ours.run(&[("a.aof", file)], options, input);
            let expected = theirs.run(&[("a.aof", file)], options, input);
            assert_eq!(told, expected, "{options:?} of {}", file.escape_ascii());
        }
    }
}

#[test]
fn the_tool_says_of_manifests_what_valkeys_says() {
    let (ours, theirs) = (Tool::new(&crate::program().path), Tool::new(&Program::valkey().path));
    let good = commands(&[&["SET", "key", "value"]]);
    let torn = &good[..good.len() - 3];
    let list = b"file b seq 1 type b\nfile i seq 1 type i\nfile j seq 2 type i\n".as_slice();
    for (manifest, b, i, j) in [
        (list, good.as_slice(), good.as_slice(), good.as_slice()),
        (list, &good, &good, torn),
        (list, &good, torn, &good),
        (list, torn, &good, &good),
        (list, b"", b"", &good),
        (b"file b seq 1 type b\n", torn, b"", b""),
        (b"file none seq 1 type b\n", b"", b"", b""),
        (b"file i seq 1 type i\nfile none seq 2 type i\n", b"", &good, b""),
        (b"file b seq 1 type b\nfile b seq 2 type b\n", &good, b"", b""),
        (b"file a/b seq 1 type b\n", b"", b"", b""),
        (b"#\nfile b seq 1 type x\n", b"", b"", b""),
        (b"file b seq 1 type b", b"", b"", b""),
    ] {
        for (options, input) in [(&[][..], ""), (&["--fix"], "y\n")] {
            let files = [("a.manifest", manifest), ("b", b), ("i", i), ("j", j)];
            let told = without_lines(ours.run(&files, options, input));
            let expected = without_lines(theirs.run(&files, options, input));
            assert_eq!(told, expected, "{options:?} of {}", manifest.escape_ascii());
        }
    }
}

#[test]
fn the_command_line_of_the_tool_is_valkeys() {
    let (ours, theirs) = (Tool::new(&crate::program().path), Tool::new(&Program::valkey().path));
    for arguments in [
        &[][..],
        &["--fix"],
        &["none"],
        &["--nonsense", "a"],
        &["--truncate-to-timestamp", "x", "a"],
        &["a", "b", "c", "d"],
    ] {
        let told = |tool: &Tool| {
            let finished = run(&tool.path("valkey-check-aof"), arguments, b"", LIMIT);
            let folder = tool.folder.path().to_str().expect("a path in text").to_owned();
            (finished.stdout.replace(&folder, "FOLDER"), finished.status.and_then(|s| s.code()))
        };
        assert_eq!(told(&ours), told(&theirs), "{arguments:?}");
    }
    let version = run(&ours.path("valkey-check-aof"), &["--version"], b"", LIMIT);
    assert!(version.expect_success().starts_with("valkey-check-aof v="));
    let help = run(&crate::program().path, &["check-aof", "--help"], b"", LIMIT).expect_success();
    assert!(help.contains("--truncate-to-timestamp"), "{help}");
    fs::write(ours.path("a"), "*1\r\n$4\r\nPING\r\n!").expect("the folder is ours");
    let file = ours.path("a").to_str().expect("a path in text").to_owned();
    let fixed = run(&crate::program().path, &["check-aof", "--fix", &file], b"y", LIMIT);
    let told = fixed.expect_success();
    assert!(told.ends_with(&format!("Successfully truncated AOF {file}\n")), "{told}");
    assert_eq!(fs::read(&file).expect("it is there"), b"*1\r\n$4\r\nPING\r\n");
}

fn layout(dir: &Path) -> Layout {
    Layout::new(dir, b"appendonlydir", b"appendonly.aof")
}

/// A folder of ours: a base of commands, and batches with times and a transaction in increments.
fn write_files(dir: &Path) {
    let options = Options { fsync: Fsync::Always, rests_on_rewrite: false, timestamps: true };
    let storage = Arc::new(DiskStorage);
    let now = Monotonic::default();
    let mut writer = Writer::open(storage, layout(dir), Manifest::default(), options, 0, now)
        .expect("the folder is ours");
    let mut end = 0;
    let mut append = |writer: &mut Writer, words: &[&[&str]]| {
        end += 1;
        writer
            .append(&commands(words), end, UnixMillis(1_700_000_000_000 + 700 * end as i64))
            .expect("there is room");
        end
    };
    append(&mut writer, &[&["SELECT", "0"], &["SET", "gone", "x"], &["DEL", "gone"]]);
    let cut = append(&mut writer, &[&["SET", "in base", "1"]]);
    writer.begin_rewrite(cut, now).expect("nothing fails");
    append(&mut writer, &[&["SELECT", "3"], &["MULTI"], &["RPUSH", "list", "a", "b"], &["EXEC"]]);
    append(&mut writer, &[&["SET", "three", "3"]]);
    let base = layout(dir).temporary_base();
    fs::write(&base, commands(&[&["SELECT", "0"], &["SET", "in base", "1"]])).expect("ours");
    writer.finish_rewrite(&base, BaseFormat::Commands).expect("nothing fails");
    for path in writer.history() {
        fs::remove_file(path).expect("it was there");
    }
    writer.forget_history().expect("nothing fails");
    let end =
        append(&mut writer, &[&["SELECT", "0"], &["INCRBY", "count", "41"], &["INCR", "count"]]);
    writer.begin_rewrite(end, now).expect("nothing fails");
    append(&mut writer, &[&["SET", "last", &"x".repeat(300_000)]]);
    writer.abort_rewrite();
    let job = writer.due_sync(now).expect("something was written");
    let result = job.run();
    writer.finish_sync(job, result);
    assert_eq!(writer.synced(), writer.written());
}

#[test]
fn other_servers_load_what_is_written_here() {
    for program in [Program::redis(), Program::valkey()] {
        let mut server = Server::start(&program, Setup::new().with("appendonly", &["yes"]));
        server.kill();
        fs::remove_dir_all(server.directory().join("appendonlydir")).expect("it made one");
        write_files(server.directory());
        server.restart();
        let mut client = server.client();
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        assert_eq!(client.command(&["GET", "in base"]), bulk("1"));
        assert_eq!(client.command(&["GET", "count"]), bulk("42"));
        assert_eq!(client.command(&["STRLEN", "last"]), Reply::Integer(300_000));
        assert_eq!(client.command(&["DBSIZE"]), Reply::Integer(3));
        client.command(&["SELECT", "3"]);
        assert_eq!(client.command(&["GET", "three"]), bulk("3"));
        assert_eq!(client.command(&["LLEN", "list"]), Reply::Integer(2));
        // What it appends to our file is loaded by it, and by us.
        client.command(&["SET", "theirs", "4"]);
        server.kill();
        server.restart();
        let mut client = server.client();
        client.command(&["SELECT", "3"]);
        assert_eq!(client.command(&["GET", "theirs"]), bulk("4"));
        server.kill();
        let loaded = load(server.directory(), false);
        assert_eq!(loaded.last().map(|command| command[1].as_slice()), Some(&b"theirs"[..]));
        tools_accept(server.directory(), &[Program::redis(), Program::valkey()]);
    }
}

/// The commands of the files in a folder, with RDB files as a SET for each key.
fn load(dir: &Path, load_truncated: bool) -> Vec<Vec<Vec<u8>>> {
    let layout = layout(dir);
    let manifest =
        Manifest::load(&DiskStorage, &layout).expect("it is sound").expect("it is there");
    let mut reader =
        Reader::new(&DiskStorage, &layout, &manifest, load_truncated).expect("all are there");
    let mut loaded: Vec<Vec<Vec<u8>>> = Vec::new();
    loop {
        let end = match reader.next_step().unwrap_or_else(|error| panic!("{error}")) {
            None => return loaded,
            Some(Step::Command { args, .. }) => {
                loaded.push(args.iter_from(0).map(<[u8]>::to_vec).collect());
                None
            }
            Some(Step::End { .. }) => None,
            Some(Step::Rdb { file, .. }) => {
                let input = FromOffset::new(file, 0);
                let mut rdb = persist::rdb::Reader::new(input, values::Rules::DEFAULT, true)
                    .expect("an RDB file");
                while let Some(event) = rdb.next().expect("it is sound") {
                    if let persist::rdb::Event::Key(key) = event {
                        loaded.push(vec![b"SET".to_vec(), key.name.to_vec()]);
                    }
                }
                Some(rdb.offset())
            }
        };
        if let Some(end) = end {
            reader.resume(end).expect("it can be read");
        }
    }
}

/// Our tool and those of others find nothing wrong.
fn tools_accept(dir: &Path, others: &[Program]) {
    let manifest = layout(dir).manifest();
    let manifest = manifest.to_str().expect("a path in text");
    for program in [crate::program()].iter().chain(others) {
        let program = &program.path;
        let tool = Tool::new(program);
        let name =
            if *program == Program::redis().path { "redis-check-aof" } else { "valkey-check-aof" };
        let path = tool.path(name);
        if !path.exists() {
            symlink(program, &path).expect("the folder is ours");
        }
        let said = run(&path, &[manifest], b"", LIMIT).expect_success();
        assert!(said.ends_with("All AOF files and manifest are valid\n"), "{said}");
    }
}

#[test]
fn what_other_servers_write_is_loaded_here() {
    for program in [Program::redis(), Program::valkey()] {
        for preamble in ["yes", "no"] {
            let setup = Setup::new()
                .with("appendonly", &["yes"])
                .with("aof-timestamp-enabled", &["yes"])
                .with("aof-use-rdb-preamble", &[preamble]);
            let mut server = Server::start(&program, setup);
            let mut client = server.client();
            client.command(&["SET", "before", "1"]);
            client.command(&["BGREWRITEAOF"]);
            client.command(&["SET", "during", "2"]);
            let is_done = || {
                let info = server.client().command(&["INFO", "persistence"]).text();
                info.is_some_and(|info| {
                    info.contains("aof_rewrite_in_progress:0")
                        && info.contains("aof_rewrite_scheduled:0")
                })
            };
            assert!(testkit::wait::until(LIMIT, is_done), "the rewrite does not end");
            for words in [&["MULTI"][..], &["SET", "after", "3"], &["INCR", "n"], &["EXEC"]] {
                client.command(words);
            }
            server.kill();
            let loaded = load(server.directory(), false);
            let keys: Vec<&[u8]> = loaded
                .iter()
                .filter(|command| command.len() > 1 && command[0] == b"SET")
                .map(|command| command[1].as_slice())
                .collect();
            let mut expected: Vec<&[u8]> = vec![b"after", b"before", b"during"];
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            expected.sort_unstable();
            assert_eq!(sorted, expected, "{program:?}, preamble {preamble}");
            // No tool but ours knows the RDB of Valkey 9, not even its own.
            let knows_base = preamble == "no" || program.kind == Kind::Redis;
            let others = if knows_base { std::slice::from_ref(&program) } else { &[] };
            tools_accept(server.directory(), others);
        }
    }
}

/// Keys of all types and sizes, by the commands that make them.
pub(crate) fn fill(client: &mut testkit::Client) -> Vec<&'static str> {
    let long = "x".repeat(10_000);
    let mut run = |words: &[&str]| {
        let reply = client.command(words);
        assert!(!reply.is_error(), "{words:?}: {reply:?}");
    };
    run(&["SET", "integer", "-17"]);
    run(&["SET", "short", "a b\r\n"]);
    run(&["SET", "long", &long]);
    run(&["PEXPIREAT", "long", "4102444800123"]);
    run(&["RPUSH", "few", "a", "2", &long]);
    run(&["SADD", "integers", "1", "2", "-3"]);
    run(&["SADD", "words", "a", "b", "3"]);
    run(&["ZADD", "scores", "1.5", "a", "-inf", "b", "inf", "c", "1e300", "d", "0.1", "e"]);
    run(&["HSET", "hash", "f", "v", "g", "17"]);
    for number in 0..300 {
        let number = number.to_string();
        run(&["RPUSH", "list", &number, "element"]);
        run(&["SADD", "set", &number, "member"]);
        run(&["ZADD", "sorted", &format!("{number}.25"), &format!("member:{number}")]);
        run(&["HSET", "fields", &format!("field:{number}"), &number]);
        run(&["XADD", "stream", &format!("{number}-1"), "field", &number, "other", "value"]);
    }
    run(&["XADD", "empty", "5-1", "f", "v"]);
    run(&["XDEL", "empty", "5-1"]);
    run(&["XGROUP", "CREATE", "born empty", "g", "$", "MKSTREAM"]);
    run(&["XDEL", "stream", "7-1", "299-1"]);
    run(&["XGROUP", "CREATE", "stream", "group", "0"]);
    run(&["XGROUP", "CREATE", "stream", "other", "100-1", "ENTRIESREAD", "42"]);
    run(&["XGROUP", "CREATECONSUMER", "stream", "other", "idle"]);
    run(&["XREADGROUP", "GROUP", "group", "one", "COUNT", "5", "STREAMS", "stream", ">"]);
    run(&["XREADGROUP", "GROUP", "group", "two", "COUNT", "90", "STREAMS", "stream", ">"]);
    run(&["XACK", "stream", "group", "20-1"]);
    vec![
        "integer",
        "short",
        "long",
        "few",
        "integers",
        "words",
        "scores",
        "hash",
        "list",
        "set",
        "sorted",
        "fields",
        "stream",
        "empty",
        "born empty",
    ]
}

/// The commands of these keys, out of what the server dumps.
fn base_of(client: &mut testkit::Client, keys: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    push_select(&mut out, 0);
    for key in keys {
        let Reply::Bulk(payload) = client.command(&["DUMP", key]) else { panic!("no {key}") };
        let time = client.command(&["PEXPIRETIME", key]).integer().filter(|time| *time >= 0);
        let mut text = Vec::new();
        let value = persist::rdb::restore(&payload, true, &values::Rules::DEFAULT, &mut text)
            .unwrap_or_else(|error| panic!("{key}: {error}"));
        push_key(&mut out, &engine::Record::new(key.as_bytes(), value, time, 0));
    }
    out
}

/// What can be told of a key without the time at which it is asked.
pub(crate) fn told(client: &mut testkit::Client, key: &str) -> Vec<Reply> {
    let mut told = vec![
        client.command(&["PEXPIRETIME", key]),
        client.command(&["OBJECT", "ENCODING", key]),
        client.command(&["DEBUG", "DIGEST-VALUE", key]),
    ];
    if client.command(&["TYPE", key]) == Reply::Status("stream".into()) {
        told.push(client.command(&["XINFO", "GROUPS", key]));
        for group in ["group", "other", "g"] {
            told.push(client.command(&["XPENDING", key, group]));
        }
        let Reply::Array(stream) = client.command(&["XINFO", "STREAM", key]) else {
            panic!("no array")
        };
        let is_told = |name: &Reply| {
            let name = name.clone().text().unwrap_or_default();
            ["length", "last-generated-id", "max-deleted-entry-id", "entries-added"]
                .contains(&name.as_str())
        };
        let (pairs, _) = stream.as_chunks::<2>();
        told.extend(pairs.iter().filter(|[name, _]| is_told(name)).flatten().cloned());
    }
    told
}

#[test]
fn other_servers_load_a_base_of_our_commands() {
    let source = Server::standalone(&Program::valkey());
    let mut source = source.client();
    let keys = fill(&mut source);
    for program in [Program::valkey(), Program::redis()] {
        let mut keys = keys.clone();
        if program.kind == Kind::Valkey {
            source.command(&["HSET", "times", "a", "1", "b", "2"]);
            source.command(&["HPEXPIREAT", "times", "4102444800123", "FIELDS", "1", "a"]);
            keys.push("times");
        }
        let mut server = Server::start(&program, Setup::new().with("appendonly", &["yes"]));
        server.kill();
        let layout = layout(server.directory());
        fs::remove_dir_all(layout.folder()).expect("it made one");
        fs::create_dir(layout.folder()).expect("the folder is ours");
        let manifest = Manifest::default().with_base(&layout, BaseFormat::Commands, 1);
        manifest.suspected().save(&DiskStorage, &layout).expect("the folder is ours");
        let base = manifest.base().expect("it was given one");
        fs::write(layout.path(&base.name), base_of(&mut source, &keys))
            .expect("the folder is ours");
        server.restart();
        let mut client = server.client();
        assert_eq!(client.command(&["DBSIZE"]), Reply::Integer(keys.len() as i64));
        for key in keys {
            let (loaded, expected) = (told(&mut client, key), told(&mut source, key));
            // Redis 7.0 prints scores otherwise into its digest, and knows fewer encodings.
            if program.kind == Kind::Valkey {
                assert_eq!(loaded, expected, "{key}");
            } else {
                assert_eq!(loaded[0], expected[0], "{key}");
                assert_eq!(loaded[3..], expected[3..], "{key}");
                if !["scores", "sorted"].contains(&key) {
                    assert_eq!(loaded[2], expected[2], "{key}");
                }
            }
        }
    }
}
