use super::*;
use crate::aof::{UpgradeError, upgrade};
use crate::storage::{Fault, MemoryStorage};
use base::Rng;
use proptest::prelude::*;
use std::path::Path;

fn layout() -> Layout {
    Layout::new(Path::new(""), b"appendonlydir", b"appendonly.aof")
}

fn entry(name: &str, sequence: i64) -> Entry {
    Entry { name: name.into(), sequence }
}

#[test]
fn refusals_are_those_of_valkey() {
    for (text, line, what) in [
        ("", None, "Found an empty AOF manifest"),
        (
            "file a seq 1 type i\nfile b seq 1 type i\n",
            Some(2),
            "Found a non-monotonic sequence number",
        ),
        ("file a/b seq 1 type b\n", Some(1), "File can't be a path, just a filename"),
        ("file a\\\\b seq 1 type b\n", Some(1), "File can't be a path, just a filename"),
        ("file a seq 0 type b\n", Some(1), INVALID),
        ("file a seq x type b\n", Some(1), INVALID),
        ("file a seq 1 type q\n", Some(1), "Unknown AOF file type"),
        ("file a seq 1 type b", None, "The AOF manifest file contains too long line"),
        ("file a seq 1\n", Some(1), INVALID),
        ("file a seq 1 type b\n\n", Some(2), INVALID),
        (
            "file a seq 1 type b\nfile b seq 2 type b\n",
            Some(2),
            "Found duplicate base file information",
        ),
        ("file a seq 1 type i foo\n", Some(1), INVALID),
        ("file a seq 1 type \"\"\n", Some(1), INVALID),
        ("file \"a seq 1 type i\n", Some(1), INVALID),
        ("file a\0 seq 1 type i\n", None, "The AOF manifest file contains too long line"),
        // These two are taken by Valkey, which fails later.
        ("file \"\" seq 1 type i\n", Some(1), INVALID),
        ("file a seq 9223372036854775807 type i\n", Some(1), INVALID),
    ] {
        let error = Manifest::parse(text.as_bytes()).expect_err(text);
        assert_eq!(
            (error.line.as_ref().map(|(number, _)| *number), error.what),
            (line, what),
            "{text}"
        );
    }
    let long = format!("file {} seq 1 type i\n", "a".repeat(1005));
    assert!(Manifest::parse(long.as_bytes()).is_ok(), "{} bytes", long.len());
    let long = format!("file {} seq 1 type i\n", "a".repeat(1006));
    assert!(Manifest::parse(long.as_bytes()).is_err(), "{} bytes", long.len());
}

#[test]
fn what_newer_servers_and_people_write_is_read() {
    let text = b"#mine\n FILE \"a b\" TYPE base SEQ 7x more 1 \r\nfile i seq 3 type i startoffset 12 endoffset 20\n";
    let manifest = Manifest::parse(text).unwrap();
    assert_eq!(manifest.text(), b"file \"a b\" seq 7 type b\nfile i seq 3 type i\n");
    let long_comment = format!("#{}\nfile b seq 1 type b\n", "x".repeat(LINE_BYTES_MAX - 2));
    assert!(Manifest::parse(long_comment.as_bytes()).is_ok());
    // A comment is cut like any line, and its rest is none.
    let long_comment = format!("#{}\nfile b seq 1 type b\n", "x".repeat(LINE_BYTES_MAX));
    assert!(Manifest::parse(long_comment.as_bytes()).is_err());
}

#[test]
fn rewrites_number_and_order_files_as_valkey_does() {
    let layout = layout();
    let first = Manifest::default().with_base(&layout, BaseFormat::Rdb, 1).with_increment(&layout);
    assert_eq!(
        first.text(),
        b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
    let begun = first.with_increment(&layout).with_increment(&layout);
    assert_eq!(begun.files().count(), 4);
    let done = begun.with_base(&layout, BaseFormat::Commands, 3);
    assert_eq!(
        String::from_utf8(done.text()).unwrap(),
        "file appendonly.aof.2.base.aof seq 2 type b\n\
         file appendonly.aof.1.incr.aof seq 1 type h\n\
         file appendonly.aof.2.incr.aof seq 2 type h\n\
         file appendonly.aof.1.base.rdb seq 1 type h\n\
         file appendonly.aof.3.incr.aof seq 3 type i\n"
    );
    assert_eq!(Manifest::parse(&done.text()), Ok(done.clone()));
    let clean = done.without_history();
    assert_eq!(clean.history(), []);
    assert_eq!(clean.increments(), [entry("appendonly.aof.3.incr.aof", 3)]);
}

#[test]
fn numbers_of_a_manifest_that_may_be_on_disk_are_not_given_again() {
    let layout = layout();
    let now = Manifest::default().with_base(&layout, BaseFormat::Rdb, 1).with_increment(&layout);
    let failed = now.with_increment(&layout).with_base(&layout, BaseFormat::Rdb, 2);
    let next = now.after_failed_save(&failed);
    assert_eq!(next.files().collect::<Vec<_>>(), now.files().collect::<Vec<_>>());
    let lost = [entry("appendonly.aof.2.base.rdb", 2), entry("appendonly.aof.2.incr.aof", 2)];
    assert_eq!(next.history(), lost);
    let again = next.with_increment(&layout).with_base(&layout, BaseFormat::Rdb, 3);
    assert_eq!(again.base(), Some(&entry("appendonly.aof.3.base.rdb", 3)));
    assert_eq!(again.increments(), [entry("appendonly.aof.3.incr.aof", 3)]);
}

#[test]
fn numbers_of_history_are_not_given_again() {
    let text = b"file appendonly.aof.4.base.rdb seq 4 type h\nfile appendonly.aof.9.incr.aof seq 9 type h\n\
                 file appendonly.aof.3.incr.aof seq 3 type i\n";
    let layout = layout();
    let manifest = Manifest::parse(text).unwrap();
    let next = manifest.with_increment(&layout).with_base(&layout, BaseFormat::Rdb, 10);
    assert_eq!(next.base(), Some(&entry("appendonly.aof.5.base.rdb", 5)));
    assert_eq!(next.increments(), [entry("appendonly.aof.10.incr.aof", 10)]);
}

#[test]
fn a_suspect_manifest_stays_so_until_there_is_a_new_base() {
    let layout = layout();
    let manifest = Manifest::default().with_increment(&layout).suspected();
    let read = Manifest::parse(&manifest.text()).unwrap();
    assert!(read.is_suspect() && read == manifest && read.with_increment(&layout).is_suspect());
    assert!(!read.with_base(&layout, BaseFormat::Rdb, 2).is_suspect());
}

#[test]
fn every_byte_cut_or_changed_is_refused_or_a_manifest() {
    let layout = layout();
    let manifest =
        (0..20).fold(Manifest::default(), |manifest, _| manifest.with_increment(&layout));
    let manifest = manifest.with_base(&layout, BaseFormat::Rdb, 15);
    let text = manifest.text();
    for length in 0..text.len() {
        if let Ok(cut) = Manifest::parse(&text[..length]) {
            assert!(text.starts_with(&cut.text()));
        }
        for bit in 0..8 {
            let mut changed = text.clone();
            changed[length] ^= 1 << bit;
            if let Ok(changed) = Manifest::parse(&changed) {
                assert_eq!(Manifest::parse(&changed.text()), Ok(changed));
            }
        }
    }
}

#[test]
fn a_save_that_fails_says_where_in_valkeys_words() {
    let texts = [
        "Can't open the AOF manifest file temp-appendonly.aof.manifest: Input/output error",
        "Error trying to write the temporary AOF manifest file temp-appendonly.aof.manifest: Input/output error",
        "Fail to fsync the temp AOF file temp-appendonly.aof.manifest: Input/output error.",
        "Error trying to rename the temporary AOF manifest file temp-appendonly.aof.manifest into \
         appendonly.aof.manifest: Input/output error",
        "Fail to fsync AOF directory appendonlydir/appendonly.aof.manifest: Input/output error.",
    ];
    for (nth, text) in (1..).zip(texts) {
        let disk = MemoryStorage::new();
        disk.create_folder(Path::new("appendonlydir")).unwrap();
        disk.fail(nth, Fault::Io);
        let error = Manifest::default().save(&disk, &layout()).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(error.is_uncertain(), nth >= 4);
    }
}

#[test]
fn the_old_single_file_is_taken_over_wherever_the_upgrade_is_cut_off() {
    let layout = layout();
    for nth in 1..40 {
        let disk = MemoryStorage::new();
        disk.put("appendonly.aof", b"old");
        disk.fail(nth, Fault::Io);
        let result = upgrade(&disk, &layout, None);
        if nth == 1 {
            assert!(matches!(result, Err(UpgradeError::Look { .. })));
        }
        disk.lose_power(&mut Rng::from_seed(nth));
        disk.create_folder(layout.folder()).unwrap();
        let manifest = Manifest::load(&disk, &layout).expect("whole or not there");
        let again = upgrade(&disk, &layout, manifest.as_ref()).expect("nothing fails now");
        let manifest = again.or(manifest).expect("there is one now");
        assert_eq!(manifest.text(), b"file appendonly.aof seq 1 type b\n");
        assert_eq!(disk.get("appendonlydir/appendonly.aof").expect("moved"), b"old");
        assert!(upgrade(&disk, &layout, Some(&manifest)).unwrap().is_none(), "once is enough");
        if result.is_ok() {
            assert!(nth > 10, "every step can fail");
            return;
        }
    }
    panic!("it never works");
}

#[test]
fn an_old_file_beside_a_newer_one_is_left_alone() {
    let layout = layout();
    let disk = MemoryStorage::new();
    disk.put("appendonly.aof", b"old");
    let newer = Manifest::default().with_base(&layout, BaseFormat::Rdb, 1);
    assert!(upgrade(&disk, &layout, Some(&newer)).unwrap().is_none());
    let newer = Manifest::default().with_increment(&layout);
    assert!(upgrade(&disk, &layout, Some(&newer)).unwrap().is_none());
    assert!(upgrade(&disk, &layout, Some(&Manifest::default())).unwrap().is_some());
}

proptest! {
    #[test]
    fn names_of_any_bytes_come_back(name: Vec<u8>) {
        let name: Vec<u8> = name.into_iter().filter(|byte| !matches!(byte, b'/' | b'\\' | 0)).collect();
        prop_assume!(!name.is_empty());
        let layout = Layout::new(Path::new(""), b"dir", &name);
        let manifest = Manifest::default().with_base(&layout, BaseFormat::Rdb, 1).with_increment(&layout);
        prop_assert_eq!(Manifest::parse(&manifest.text()), Ok(manifest));
    }

    #[test]
    fn any_bytes_are_read_without_panic(text: Vec<u8>) {
        if let Ok(manifest) = Manifest::parse(&text)
            && manifest != Manifest::default()
        {
            prop_assert_eq!(Manifest::parse(&manifest.text()), Ok(manifest));
        }
    }
}
