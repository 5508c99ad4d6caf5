//! Append-only files: loading any bytes, finding a changed byte of a batch, the tool that mends them, and the manifest.

use std::path::Path;

use persist::aof::annotation::push_batch;
use persist::aof::check::{Mode, Operator, check};
use persist::aof::{Layout, Manifest, ReadError, Reader, Step, is_rdb};
use persist::storage::MemoryStorage;

use super::Source;
use crate::client::encode_command;

const FILE: &str = "a/a.1.incr.aof";

type Commands = Vec<Vec<Vec<u8>>>;

fn layout() -> Layout {
    Layout::new(Path::new(""), b"a", b"a")
}

/// Any bytes are loaded as a file or refused. What was cut off it is not missed the next time, and what the tool calls whole, or has mended, is loaded.
/// A changed byte in a file of batches is found, or changes nothing.
pub fn aof_load(bytes: &[u8]) {
    let mut source = Source(bytes);
    let (control, at) = (source.byte(), source.number());
    if control & 1 == 1 {
        return flip(&mut source, at, 1 << (control >> 1 & 7));
    }
    let bytes = source.0;
    if is_rdb(bytes) {
        return;
    }
    let disk = MemoryStorage::new();
    disk.put(FILE, bytes);
    if run(&disk, Mode::Check) {
        load(&disk, false).unwrap_or_else(|error| panic!("the tool calls it whole: {error}"));
    }
    if let Ok(loaded) = load(&disk, true) {
        let taken: usize = loaded.iter().flatten().map(Vec::len).sum();
        assert!(taken <= bytes.len(), "{taken} bytes out of {}", bytes.len());
        let again = load(&disk, false).unwrap_or_else(|error| panic!("it was cut off: {error}"));
        assert_eq!(again, loaded);
    }
    disk.put(FILE, bytes);
    if run(&disk, Mode::Fix) {
        load(&disk, false).unwrap_or_else(|error| panic!("the tool has mended it: {error}"));
    }
}

/// Makes batches of the fuzzer's bytes, and changes a byte.
fn flip(source: &mut Source<'_>, at: usize, bit: u8) {
    let (mut bytes, mut commands) = (Vec::new(), Commands::new());
    while !source.is_empty() {
        let mut batch = Vec::new();
        for _ in 0..=source.byte() % 3 {
            let command = [source.bytes(4).to_vec(), source.bytes(9).to_vec()];
            batch.extend(encode_command(&command));
            commands.push(command.to_vec());
        }
        let offset = bytes.len() as u64;
        push_batch(&mut bytes, offset, &batch);
        bytes.extend(batch);
    }
    let disk = MemoryStorage::new();
    disk.put(FILE, &bytes);
    let loaded = load(&disk, false).unwrap_or_else(|error| panic!("nothing has changed: {error}"));
    assert_eq!(loaded, commands);
    let length = bytes.len();
    if let Some(byte) = bytes.get_mut(at % length.max(1)) {
        *byte ^= bit;
        disk.put(FILE, &bytes);
        match load(&disk, true) {
            Ok(loaded) => assert_eq!(loaded, commands, "byte {at}, bit {bit}"),
            Err(error) => assert!(matches!(error, ReadError::Damaged { .. }), "{error}"),
        }
    }
}

fn load(disk: &MemoryStorage, load_truncated: bool) -> Result<Commands, ReadError> {
    let layout = layout();
    let manifest = Manifest::default().with_increment(&layout);
    let mut reader = Reader::new(disk, &layout, &manifest, load_truncated)?;
    let (mut loaded, mut queued) = (Commands::new(), Commands::new());
    while let Some(step) = reader.next_step()? {
        if let Step::Command { args, .. } = step {
            let is_multi = args.name().eq_ignore_ascii_case(b"MULTI");
            let is_exec = args.name().eq_ignore_ascii_case(b"EXEC");
            queued.push(args.iter_from(0).map(<[u8]>::to_vec).collect());
            if is_exec || (!is_multi && queued.len() == 1) {
                loaded.append(&mut queued);
            }
        }
    }
    Ok(loaded)
}

struct Yes;

impl Operator for Yes {
    fn tell(&mut self, text: &str) {
        assert!(!text.is_empty());
    }

    fn answer(&mut self) -> Option<u8> {
        Some(b'y')
    }

    fn progress(&mut self, done: u64, total: u64) {
        assert!(done <= total);
    }
}

fn run(disk: &MemoryStorage, mode: Mode) -> bool {
    let layout = layout();
    let manifest = Manifest::default().with_increment(&layout);
    disk.put("a/a.manifest", &manifest.text());
    check(disk, &mut Yes, Path::new("a/a.manifest"), mode).is_ok()
}

/// Any text is read as a manifest or refused, and what was read comes back from what is written of it.
pub fn aof_manifest(bytes: &[u8]) {
    match Manifest::parse(bytes) {
        Ok(manifest) if manifest.text().is_empty() => {}
        Ok(manifest) => assert_eq!(Manifest::parse(&manifest.text()), Ok(manifest)),
        Err(error) => assert!(!error.to_string().is_empty() && error.log_lines().len() > 1),
    }
}

/// What files are made of.
pub(super) fn words() -> Vec<Vec<u8>> {
    let commands =
        [&["MULTI"][..], &["EXEC"], &["SET", "key", "value"], &["SELECT", "0"], &["PING"]];
    let parts = [
        "#TS:1\r\n",
        "#BATCH:",
        "#\n",
        "*",
        "$",
        "\r\n",
        "*2\r\n$3\r\nGET\r\n",
        "$1\r\n",
        "-1",
        "0",
    ];
    let commands = commands.iter().map(|words| encode_command(words));
    commands.chain(parts.iter().map(|part| part.as_bytes().to_vec())).collect()
}

/// What manifests are made of.
pub(super) fn manifest_words() -> Vec<Vec<u8>> {
    [
        "file ",
        "seq ",
        "type ",
        "b",
        "h",
        "i",
        "1 ",
        "2 ",
        "9223372036854775807 ",
        "\n",
        "\r\n",
        "#",
        "\"a b\" ",
        "a ",
        "/",
        "file a seq 1 type b\n",
        "file b seq 1 type i\n",
        "file c seq 2 type i\n",
        "file d seq 1 type h\n",
    ]
    .map(|word| word.as_bytes().to_vec())
    .to_vec()
}
