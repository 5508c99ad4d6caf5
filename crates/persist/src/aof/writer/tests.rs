//! The steps of a writer one by one, and a model of a server over a disk that fails.

#![allow(clippy::print_stdout, reason = "a failed run says how to repeat it")]

use super::*;
use crate::aof::testing::{Command, command, encode, layout, load};
use crate::aof::{BaseFormat, ReadError};
use crate::storage::{Fault, MemoryStorage};
use base::Rng;
use std::path::{Path, PathBuf};

const OPTIONS: Options =
    Options { fsync: Fsync::EverySecond, rests_on_rewrite: false, timestamps: false };

fn writer(disk: &MemoryStorage, manifest: Manifest, options: Options, offset: u64) -> Writer {
    let now = Monotonic::from_millis(0);
    Writer::open(Arc::new(disk.clone()), layout(), manifest, options, offset, now)
        .expect("nothing fails yet")
}

fn append(writer: &mut Writer, number: u64) -> Result<(), AppendError> {
    let batch = encode(&command(&["SET", &number.to_string(), "x"]));
    writer.append(&batch, number, UnixMillis(number as i64 * 1000))
}

fn sync(writer: &mut Writer) {
    let job = writer.sync_job(Monotonic::default()).expect("there is something to sync");
    let result = job.run();
    writer.finish_sync(job, result);
}

fn temporary_base(disk: &MemoryStorage, commands: &[Command]) -> PathBuf {
    let path = layout().temporary_base();
    let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
    let file = disk.create(&path).expect("nothing fails");
    file.write_all(&bytes).expect("nothing fails");
    path
}

#[test]
fn what_is_for_no_file_is_as_safe_as_what_is_before_it() {
    let options = Options { fsync: Fsync::Always, ..OPTIONS };
    let mut writer = writer(&MemoryStorage::new(), Manifest::default(), options, 10);
    writer.pass(12);
    assert_eq!((writer.written(), writer.synced(), writer.confirmed()), (12, 12, 12));
    assert!(writer.sync_job(Monotonic::from_millis(0)).is_none(), "nothing is written");
    append(&mut writer, 20).unwrap();
    writer.pass(25);
    assert_eq!((writer.written(), writer.synced()), (25, 12));
    let job = writer.sync_job(Monotonic::from_millis(1)).expect("something is written");
    writer.pass(30);
    let result = job.run();
    writer.finish_sync(job, result);
    assert_eq!((writer.written(), writer.synced()), (30, 25));
    writer.fail("the disk is broken".to_owned());
    writer.pass(40);
    assert_eq!(writer.written(), 30, "what is in no file is not written");
}

#[test]
fn policies_ask_for_syncs_when_they_are_due() {
    let at = Monotonic::from_millis;
    for (fsync, before, after) in
        [(Fsync::Always, true, true), (Fsync::EverySecond, false, true), (Fsync::No, false, false)]
    {
        let options = Options { fsync, ..OPTIONS };
        let mut writer = writer(&MemoryStorage::new(), Manifest::default(), options, 10);
        assert!(writer.due_sync(at(5000)).is_none(), "nothing is written");
        append(&mut writer, 11).unwrap();
        assert_eq!((writer.written(), writer.synced()), (11, 10));
        assert_eq!(writer.confirmed(), if fsync == Fsync::Always { 10 } else { 11 });
        writer.options.rests_on_rewrite = true;
        writer.is_saving = true;
        assert!(writer.due_sync(at(5000)).is_none(), "it rests while a snapshot is written");
        writer.is_saving = false;
        assert_eq!(writer.due_sync(at(999)).is_some(), before);
        writer.sync_runs = false;
        let job = writer.due_sync(at(2000));
        assert_eq!(job.is_some(), after);
        if let Some(job) = job {
            assert!(writer.due_sync(at(9000)).is_none(), "one at a time");
            append(&mut writer, 12).unwrap();
            let result = job.run();
            writer.finish_sync(job, result);
            assert_eq!((writer.written(), writer.synced()), (12, 11));
        }
        let end = writer.written();
        writer.begin_rewrite(end, at(9000)).unwrap();
        append(&mut writer, 13).unwrap();
        assert!(writer.due_sync(at(99_000)).is_none(), "it rests");
        assert_eq!(writer.confirmed(), 13);
    }
}

#[test]
fn times_stand_before_batches_when_the_second_changes() {
    let disk = MemoryStorage::new();
    let options = Options { timestamps: true, ..OPTIONS };
    let mut writer = writer(&disk, Manifest::default(), options, 0);
    for wall in [1000, 1999, 2000, 500] {
        writer.append(b"*1\r\n$4\r\nPING\r\n", 1, UnixMillis(wall)).unwrap();
    }
    let bytes = disk.get(layout().path(b"appendonly.aof.1.incr.aof")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let times: Vec<_> = text.lines().filter(|line| line.starts_with("#TS:")).collect();
    assert_eq!(times, ["#TS:1", "#TS:2"], "{text}");
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 4);
}

#[test]
fn a_full_disk_is_gone_on_with_when_there_is_room() {
    let disk = MemoryStorage::new();
    let mut writer = writer(&disk, Manifest::default(), OPTIONS, 0);
    append(&mut writer, 1).unwrap();
    disk.set_space(Some(100));
    let error = append(&mut writer, 2).unwrap_err();
    assert_eq!(error.to_string(), "Error writing to the AOF file: No space left on device");
    disk.set_space(Some(150));
    let error = append(&mut writer, 2).unwrap_err();
    assert!(error.to_string().starts_with("Short write while writing to the AOF file: (nwritten="));
    assert!(matches!(writer.state(), State::Full(_)));
    assert_eq!(writer.written(), 1);
    disk.set_space(None);
    append(&mut writer, 2).unwrap();
    assert_eq!((writer.state(), writer.written()), (&State::Good, 2));
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 2);
}

#[test]
fn a_long_batch_is_written_or_cut_back_as_a_whole() {
    let disk = MemoryStorage::new();
    let mut writer = writer(&disk, Manifest::default(), OPTIONS, 0);
    let batch = encode(&command(&["SET", "k", &"v".repeat(COPIED_BYTES_MAX)]));
    disk.set_space(Some(50_000));
    let error = writer.append(&batch, 1, UnixMillis(0)).unwrap_err();
    assert!(error.to_string().contains("(nwritten=49"), "{error}");
    assert_eq!(disk.get(layout().path(b"appendonly.aof.1.incr.aof")).unwrap(), b"");
    disk.set_space(None);
    writer.append(&batch, 1, UnixMillis(0)).unwrap();
    append(&mut writer, 2).unwrap();
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 2);
}

#[test]
fn after_a_failed_sync_only_a_rewrite_makes_anything_durable() {
    let disk = MemoryStorage::new();
    let mut writer = writer(&disk, Manifest::default(), OPTIONS, 0);
    append(&mut writer, 1).unwrap();
    sync(&mut writer);
    append(&mut writer, 2).unwrap();
    disk.fail(1, Fault::Io);
    sync(&mut writer);
    let failed = State::Failed("Fail to fsync the AOF file: Input/output error".to_owned());
    assert_eq!(writer.state(), &failed);
    let mut next = Writer::open(
        Arc::new(disk.clone()),
        layout(),
        Manifest::load(&disk, &layout()).unwrap().expect("it was saved"),
        OPTIONS,
        2,
        Monotonic::default(),
    )
    .expect("it can begin");
    assert!(matches!(next.state(), State::Failed(_)), "a restart of the process mends nothing");
    assert_eq!(next.synced(), 0);
    assert!(append(&mut next, 3).is_err());
    assert!(writer.sync_job(Monotonic::default()).is_none(), "it would prove nothing");
    assert!(append(&mut writer, 3).is_err());
    writer.begin_rewrite(3, Monotonic::default()).unwrap();
    append(&mut writer, 4).unwrap();
    sync(&mut writer);
    assert_eq!((writer.state(), writer.synced(), writer.written()), (&failed, 1, 2));
    let base = temporary_base(&disk, &[command(&["1"]), command(&["2"]), command(&["3"])]);
    writer.finish_rewrite(&base, BaseFormat::Commands).unwrap();
    assert_eq!((writer.state(), writer.synced(), writer.written()), (&State::Good, 4, 4));
    disk.lose_power(&mut Rng::from_seed(1));
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 4);
}

#[test]
fn a_rewrite_replaces_what_was_before_it_and_an_aborted_one_does_not() {
    let disk = MemoryStorage::new();
    let mut writer = writer(&disk, Manifest::default(), OPTIONS, 0);
    let now = Monotonic::default();
    append(&mut writer, 1).unwrap();
    writer.begin_rewrite(1, now).unwrap();
    assert!(matches!(writer.begin_rewrite(1, now), Err(RewriteError::GoesOn)));
    append(&mut writer, 2).unwrap();
    writer.abort_rewrite();
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 2);
    writer.begin_rewrite(2, now).unwrap();
    append(&mut writer, 3).unwrap();
    let base = temporary_base(&disk, &[command(&["ALL"])]);
    writer.finish_rewrite(&base, BaseFormat::Commands).unwrap();
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 2);
    let history = writer.history();
    assert_eq!(history.len(), 2, "{history:?}");
    history.iter().for_each(|path| disk.remove(path).unwrap());
    writer.forget_history().unwrap();
    let names = disk.list(layout().folder()).unwrap();
    let expected =
        ["appendonly.aof.1.base.aof", "appendonly.aof.3.incr.aof", "appendonly.aof.manifest"];
    assert_eq!(names, expected);
    assert_eq!(Manifest::load(&disk, &layout()).unwrap().as_ref(), Some(writer.manifest()));
}

#[test]
fn switched_on_late_nothing_counts_before_the_first_rewrite() {
    let disk = MemoryStorage::new();
    let old = Manifest::default().with_increment(&layout());
    disk.put(layout().path(b"appendonly.aof.1.incr.aof"), b"");
    let now = Monotonic::default();
    let mut writer =
        Writer::waiting(Arc::new(disk.clone()), layout(), old, OPTIONS, now).expect("it may");
    assert!(append(&mut writer, 1).is_err());
    writer.begin_rewrite(1, now).unwrap();
    append(&mut writer, 2).unwrap();
    assert_eq!(writer.written(), 0);
    let base = temporary_base(&disk, &[command(&["ALL"])]);
    writer.finish_rewrite(&base, BaseFormat::Commands).unwrap();
    assert_eq!((writer.state(), writer.written(), writer.history().len()), (&State::Good, 2, 1));
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 2);
}

#[test]
fn a_base_alone_makes_everything_else_history() {
    let disk = MemoryStorage::new();
    let old = Manifest::default().with_base(&layout(), BaseFormat::Commands, 0);
    let old = old.with_increment(&layout()).with_increment(&layout());
    let now = Monotonic::default();
    let mut writer =
        Writer::waiting(Arc::new(disk.clone()), layout(), old, OPTIONS, now).expect("it may");
    writer.begin_base_alone().unwrap();
    assert!(matches!(writer.begin_base_alone(), Err(RewriteError::GoesOn)));
    assert!(append(&mut writer, 1).is_err(), "there is nothing to append to");
    let base = temporary_base(&disk, &[command(&["ALL"])]);
    writer.finish_rewrite(&base, BaseFormat::Commands).unwrap();
    assert!(writer.manifest().increments().is_empty());
    assert_eq!(writer.history().len(), 3);
    assert_eq!(load(&disk, writer.manifest(), false).unwrap().commands.len(), 1);
}

/// A server in little: the log is a list of commands, and an offset is how many there are.
struct Model {
    disk: MemoryStorage,
    writer: Writer,
    log: Vec<Command>,
    /// How much of the log was appended, or is for the base of a rewrite.
    appended: usize,
    job: Option<SyncJob>,
    cut: usize,
    millis: u64,
    rng: Rng,
    syncs_failed: bool,
    /// What happened, for whoever must find out why.
    told: Vec<String>,
}

impl Model {
    fn new(seed: u64) -> Model {
        let disk = MemoryStorage::new();
        let mut rng = Rng::from_seed(seed);
        let fsync = [Fsync::Always, Fsync::EverySecond, Fsync::No][rng.below(3) as usize];
        let options = Options { fsync, timestamps: rng.percent(50), ..OPTIONS };
        let writer = writer(&disk, Manifest::default(), options, 0);
        let (log, told) = (Vec::new(), Vec::new());
        Model {
            disk,
            writer,
            log,
            appended: 0,
            job: None,
            cut: 0,
            millis: 0,
            rng,
            syncs_failed: false,
            told,
        }
    }

    fn step(&mut self) {
        self.millis += self.rng.below(400);
        if self.rng.percent(4) {
            let faults =
                [Fault::Io, Fault::NoSpace, Fault::Short(self.rng.below(30) as usize), Fault::Io];
            let (nth, fault) = (1 + self.rng.below(4), faults[self.rng.below(4) as usize]);
            self.told.push(format!("operation {nth} from here: {fault:?}"));
            self.disk.fail(nth, fault);
        }
        match self.rng.below(100) {
            0..60 => self.append(),
            60..80 => self.sync(),
            80..86 => self.begin(),
            86..92 => self.finish(),
            92..94 => {
                self.told.push("abort".into());
                self.writer.abort_rewrite();
            }
            94..97 => self.forget(),
            _ => {
                // The disk is full for a while.
                let is_full = self.rng.percent(30);
                self.disk.set_space(is_full.then(|| self.rng.below(20_000)));
            }
        }
    }

    fn append(&mut self) {
        for _ in 0..=self.rng.below(3) {
            let number = self.log.len().to_string();
            let value = "v".repeat(self.rng.below(60) as usize);
            self.log.push(command(&["SET", &number, &value]));
        }
        let batch: Vec<u8> =
            self.log[self.appended..].iter().flat_map(|command| encode(command)).collect();
        let end = self.log.len() as u64;
        let result = self.writer.append(&batch, end, UnixMillis(self.millis as i64));
        self.told.push(format!("append up to {end}: {result:?}"));
        if result.is_ok() {
            self.appended = self.log.len();
        }
    }

    fn sync(&mut self) {
        if let Some(job) = self.job.take() {
            let result = job.run();
            self.told.push(format!("sync: {result:?}"));
            self.syncs_failed |= result.is_err();
            self.writer.finish_sync(job, result);
        }
        self.job = self.writer.due_sync(Monotonic::from_millis(self.millis));
    }

    fn begin(&mut self) {
        let is_good = *self.writer.state() == State::Good;
        if is_good && self.appended < self.log.len() {
            return;
        }
        let cut = self.log.len();
        let result = self.writer.begin_rewrite(cut as u64, Monotonic::from_millis(self.millis));
        self.told.push(format!("begin at {cut}: {result:?}"));
        match result {
            Ok(()) => (self.cut, self.appended) = (cut, cut),
            Err(RewriteError::OldIncrement(_)) => self.syncs_failed = true,
            Err(_) => {}
        }
    }

    fn finish(&mut self) {
        if !self.writer.is_rewriting() {
            return;
        }
        let path = layout().temporary_base();
        let bytes: Vec<u8> =
            self.log[..self.cut].iter().flat_map(|command| encode(command)).collect();
        let written = self.disk.create(&path).and_then(|file| {
            file.write_all(&bytes).map_err(|short| short.error)?;
            file.sync_data()
        });
        if written.is_err() {
            self.told.push(format!("base: {written:?}"));
            return self.writer.abort_rewrite();
        }
        let result = self.writer.finish_rewrite(&path, BaseFormat::Commands);
        self.told.push(format!("finish with base up to {}: {result:?}", self.cut));
    }

    fn forget(&mut self) {
        for path in self.writer.history() {
            match self.disk.remove(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) => return,
            }
        }
        let result = self.writer.forget_history();
        self.told.push(format!("forget history: {result:?}"));
    }

    /// The process ends, or the power goes; what was promised is there.
    fn crash(&mut self) {
        self.disk.forgive();
        self.disk.set_space(None);
        let on_disk = Manifest::load(&self.disk, &layout()).ok().flatten();
        // Two faults at once: a sync failed, and so did the note of it. Then only a cut of the power brings it to light.
        let is_hidden = self.syncs_failed && !on_disk.is_some_and(|on_disk| on_disk.is_suspect());
        let power = self.rng.percent(60) || is_hidden;
        let promised = if power { self.writer.synced() } else { self.writer.written() };
        assert!(self.writer.synced() <= self.writer.written());
        self.told.push(format!("crash, power {power}, {promised} promised"));
        self.job = None;
        if power {
            self.disk.lose_power(&mut self.rng);
        }
        let manifest = Manifest::load(&self.disk, &layout()).expect("whole");
        let manifest = manifest.expect("it was saved when the writer began");
        let loaded = match load(&self.disk, &manifest, true) {
            // Zeros where a failed sync left them: only the repair cuts them off, and only there.
            Err(ReadError::Damaged { name, offset, .. }) if power && self.syncs_failed => {
                let path = layout().path(name.as_bytes());
                self.disk.append(&path).unwrap().truncate(offset).unwrap();
                load(&self.disk, &manifest, true)
            }
            loaded => loaded,
        };
        let commands = loaded.unwrap_or_else(|error| panic!("{error}")).commands;
        assert!(commands.len() as u64 >= promised, "{} of {promised}", commands.len());
        let differs = (0..commands.len()).find(|&at| commands.get(at) != self.log.get(at));
        assert_eq!(differs, None, "of {} commands, {} in the log", commands.len(), self.log.len());
        self.log.truncate(commands.len());
        let offset = self.log.len();
        self.appended = offset;
        self.told.push(format!("{offset} loaded:\n{}", String::from_utf8_lossy(&manifest.text())));
        let options = self.writer.options;
        self.writer = writer(&self.disk, manifest, options, offset as u64);
        self.syncs_failed &= !power;
    }
}

/// `AOF_SEEDS=<first>..<last>` runs these instead.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("AOF_SEEDS").ok();
    let parse = |text: &str| {
        let (first, last) = text.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    };
    given.and_then(|text| parse(&text)).unwrap_or(0..400)
}

#[test]
fn what_was_told_to_be_durable_is_found_after_any_crash() {
    let (mut crashes, mut rewrites, mut recovered) = (0, 0, 0);
    for seed in seeds() {
        let mut model = Model::new(seed);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..6 {
                for _ in 0..model.rng.below(80) {
                    let before = model.writer.state().clone();
                    model.step();
                    let is_good = *model.writer.state() == State::Good;
                    recovered += u32::from(is_good && before != State::Good);
                }
                model.crash();
                crashes += 1;
            }
        }));
        if let Err(cause) = run {
            println!("AOF_SEEDS={seed}..{}\n{}", seed + 1, model.told.join("\n"));
            std::panic::resume_unwind(cause);
        }
        let done = |line: &&String| line.starts_with("finish") && line.ends_with("Ok(())");
        rewrites += model.told.iter().filter(done).count();
    }
    println!("{crashes} crashes, {rewrites} rewrites, {recovered} recoveries");
    assert!(rewrites > 100 && recovered > 100, "too little happens: {rewrites}, {recovered}");
}

#[test]
fn a_writer_that_cannot_begin_says_why() {
    let disk = MemoryStorage::new();
    let open = |disk: &MemoryStorage| {
        let storage = Arc::new(disk.clone());
        Writer::open(storage, layout(), Manifest::default(), OPTIONS, 0, Monotonic::default())
            .err()
            .map(|error| error.to_string())
    };
    disk.fail(1, Fault::Io);
    let folder = "Can't open or create append-only dir appendonlydir: Input/output error";
    assert_eq!(open(&disk).as_deref(), Some(folder));
    disk.fail(3, Fault::Io);
    let file = "Can't open the append-only file appendonly.aof.1.incr.aof: Input/output error";
    assert_eq!(open(&disk).as_deref(), Some(file));
    disk.fail(6, Fault::NoSpace);
    assert!(open(&disk).is_some_and(|text| text.contains("No space left on device")));
    assert_eq!(open(&disk), None);
    assert!(disk.exists(Path::new("appendonlydir/appendonly.aof.manifest")).unwrap());
}
