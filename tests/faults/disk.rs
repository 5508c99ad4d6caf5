//! A disk that is full when a test says so, and one that fails.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::wait::{PATIENCE, until};
use testkit::{Folder, Program, Server, Setup};

/// A file system in memory, of few bytes, that only its holder and the servers on it see. It goes with its holder.
pub(crate) struct SmallDisk {
    holder: Child,
    folder: Folder,
    as_root: bool,
}

impl SmallDisk {
    pub(crate) fn new(kib: usize) -> SmallDisk {
        let folder = Folder::new();
        let place = folder.path().join("disk");
        fs::create_dir(&place).expect("the folder is ours");
        let as_root = testkit::run(&Program::tool("id"), &["-u"], b"", PATIENCE).stdout == "0\n";
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !as_root {
            command.args(["--user", "--map-root-user"]);
        }
        let script =
            format!("mount -t tmpfs -o size={kib}k tmpfs \"$0\" && echo ready && exec cat");
        command.args(["sh", "-c", &script]).arg(&place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn().expect("unshare is there (util-linux)");
        let mut said = String::new();
        let out = holder.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut said).expect("it can be read");
        if said != "ready\n" {
            let mut errors = String::new();
            let stderr = holder.stderr.as_mut().expect("it is piped");
            stderr.read_to_string(&mut errors).expect("it can be read");
            panic!(
                "this test needs a small file system: run it as root, or where users may make \
                 namespaces and mount in them. {errors}"
            );
        }
        SmallDisk { holder, folder, as_root }
    }

    /// Where it is, as a server on it sees it.
    fn place(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// The same, as the test sees it.
    pub(crate) fn path(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(self.place().strip_prefix("/").expect("it is absolute"))
    }

    /// A server whose data are on the disk.
    pub(crate) fn start(&self, program: &Program, setup: Setup) -> Server {
        let namespaces = format!("/proc/{}/ns", self.holder.id());
        let user = if self.as_root {
            String::new()
        } else {
            format!("--user={namespaces}/user --preserve-credentials")
        };
        let path = self.folder.path().join("server");
        let script = format!(
            "#!/bin/sh\nexec nsenter --mount={namespaces}/mnt {user} -- '{}' \"$@\"\n",
            program.path.display()
        );
        fs::write(&path, script).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        let place = self.place();
        let setup = setup.with("dir", &[place.to_str().expect("a path in text")]);
        Server::start(&Program { kind: program.kind, path }, setup)
    }

    /// Takes all room but so many bytes.
    pub(crate) fn fill_up(&self, left: usize) {
        let mut file = fs::File::create(self.path().join("ballast")).expect("the disk is ours");
        let page = [0; 4096];
        while file.write_all(&page).is_ok() {}
        let length = file.metadata().expect("it is open").len();
        file.set_len(length.saturating_sub(left as u64)).expect("it is ours");
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.path().join("ballast")).expect("it was filled up");
    }

    /// The names of all files that are there.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("it is there");
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// While this lives, every fdatasync(2) of a process fails, as on a disk that is broken.
pub(crate) struct BrokenSyncs(Child);

impl BrokenSyncs {
    pub(crate) fn begin(server: &Server) -> BrokenSyncs {
        let mut command = Command::new("strace");
        command.args(["--follow-forks", "--trace=fdatasync", "--inject=fdatasync:error=EIO"]);
        command.args(["--output=/dev/null", "--attach", &server.pid().to_string()]);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("strace is there");
        let is_traced = || {
            let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
            tasks.flatten().all(|task| {
                let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            })
        };
        let is_there = until(PATIENCE, || is_traced() || !matches!(child.try_wait(), Ok(None)));
        if !is_there || !matches!(child.try_wait(), Ok(None)) {
            let _ = child.kill();
            let mut errors = String::new();
            let stderr = child.stderr.as_mut().expect("it is piped");
            stderr.read_to_string(&mut errors).expect("it can be read");
            panic!(
                "this test lets strace make system calls fail, which it may not do here: {errors}"
            );
        }
        BrokenSyncs(child)
    }
}

impl Drop for BrokenSyncs {
    fn drop(&mut self) {
        // It lets go of what it traces when it is asked to end.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
