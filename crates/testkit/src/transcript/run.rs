//! Runs transcripts on a target, and records what an oracle answers.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use super::expected::{Variables, render};
use super::script::{Oracle, Script, Step, Verb, substitute};
use crate::client::{Client, Connection, Protocol, encode_command};
use crate::process::{Server, Setup};
use crate::program::Program;
use crate::reply::Reply;
use crate::wait::{self, PATIENCE};

/// A server to talk to: a process, or a session without a socket inside this one.
pub trait Target {
    /// A new connection.
    ///
    /// # Errors
    /// When the server does not accept.
    fn connect(&self) -> io::Result<Box<dyn Connection>>;
}

/// A primary whose cluster was down waits about this long before it serves again, each time.
const NODE_TIMEOUT: Duration = Duration::from_millis(500);

/// A server process as a target.
#[derive(Debug)]
pub struct ProcessTarget(Arc<Server>);

impl ProcessTarget {
    /// Starts what a file asks for.
    #[must_use]
    pub fn start(program: &Program, environment: &Environment) -> Self {
        let setup = match environment.cluster {
            ClusterMode::Off => Setup::new(),
            ClusterMode::AllSlots | ClusterMode::Blank => Setup::cluster(NODE_TIMEOUT),
        };
        let setup = environment.start.iter().fold(setup, |setup, (directive, value)| {
            let values = crate::words(value).unwrap_or_default();
            let values: Vec<String> =
                values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect();
            setup.with(directive, &values.iter().map(String::as_str).collect::<Vec<_>>())
        });
        Self(Arc::new(Server::start(program, setup)))
    }

    /// The process.
    #[must_use]
    pub fn server(&self) -> Arc<Server> {
        Arc::clone(&self.0)
    }
}

impl Target for ProcessTarget {
    fn connect(&self) -> io::Result<Box<dyn Connection>> {
        let socket = std::net::TcpStream::connect(self.0.address())?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Box::new(socket))
    }
}

/// Whether the server is a cluster node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClusterMode {
    /// Not a cluster node.
    #[default]
    Off,
    /// The only node of a cluster, owner of all slots.
    AllSlots,
    /// A node that knows no other and owns nothing.
    Blank,
}

/// What a server must be started with for a file; files with the same need share one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Environment {
    /// Whether it is a cluster node.
    pub cluster: ClusterMode,
    /// Directives for the command line, each with its values as written.
    pub start: Vec<(String, String)>,
}

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The protocol of every connection.
    pub protocol: Protocol,
    /// True for Valkey: files that are not for it are left out.
    pub oracle: bool,
    /// What a server that is not the oracle has of the words behind `needs:`.
    pub features: &'a [&'a str],
    /// Only files whose name contains this.
    pub filter: Option<&'a str>,
    /// Write what is answered into the files, where it is not what they expect.
    pub record: bool,
    /// `docs/compatibility.md`, which must know each difference on purpose.
    pub compatibility: Option<&'a Path>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// Files run.
    pub files: usize,
    /// Steps run.
    pub steps: usize,
    /// Files left out, with the reason.
    pub left_out: Vec<String>,
    /// Each with file and line.
    pub failures: Vec<String>,
}

/// Failures that one file may report: what follows the first few is mostly noise.
const FAILURES_PER_FILE_MAX: usize = 8;

/// Runs all scripts, each environment on a target of its own.
pub fn run(
    scripts: &mut [Script],
    options: &Options<'_>,
    mut open: impl FnMut(&Environment) -> Box<dyn Target>,
) -> Summary {
    let mut summary = Summary::default();
    let mut groups: BTreeMap<Environment, Vec<&mut Script>> = BTreeMap::new();
    for script in scripts {
        if options.filter.is_some_and(|filter| !script.name.contains(filter))
            || !script.runs_in(options.protocol)
        {
            continue;
        }
        match script.reason_to_leave_out(options) {
            Ok(None) => groups.entry(script.environment.clone()).or_default().push(script),
            Ok(Some(reason)) => summary.left_out.push(format!("{}: {reason}", script.name)),
            Err(failure) => summary.failures.push(failure),
        }
    }
    for (environment, scripts) in groups {
        let target = open(&environment);
        let mut control = match Control::new(target.as_ref(), environment.cluster) {
            Ok(control) => control,
            Err(failure) => {
                summary.failures.push(format!("{environment:?}: {failure}"));
                continue;
            }
        };
        for script in scripts {
            summary.files += 1;
            summary.steps += script.steps.len();
            run_script(script, options, target.as_ref(), &mut control, &mut summary);
        }
    }
    summary
}

/// Prints the summary of a run and fails when it has failures.
///
/// # Panics
/// When there are failures, or nothing was run without a filter.
pub fn assert_passes(what: &str, summary: &Summary, filter: Option<&str>) {
    println!("{what}: {} files, {} steps", summary.files, summary.steps);
    for reason in &summary.left_out {
        println!("{what}: left out {reason}");
    }
    assert!(summary.files > 0 || filter.is_some(), "{what}: no transcript was run");
    let count = summary.failures.len();
    assert!(count == 0, "{what}: {count} failures\n\n{}", summary.failures.join("\n\n"));
}

impl Script {
    /// A file that says HELLO itself needs one run only.
    fn runs_in(&self, protocol: Protocol) -> bool {
        self.only.is_none_or(|only| only == protocol) && (self.hello || protocol == Protocol::Resp2)
    }

    fn reason_to_leave_out(&self, options: &Options<'_>) -> Result<Option<String>, String> {
        if let (Oracle::Differs(anchor), Some(path)) = (&self.oracle, options.compatibility) {
            let text = fs::read_to_string(path).unwrap_or_default();
            if !text.contains(anchor.as_str()) {
                return Err(format!("{}: {} does not know {anchor}", self.name, path.display()));
            }
        }
        let missing = self.needs.iter().find(|need| !options.features.contains(&need.as_str()));
        Ok(match (&self.oracle, missing) {
            (Oracle::Skip(reason), _) if options.oracle => Some(reason.clone()),
            (Oracle::Differs(anchor), _) if options.oracle => Some(format!("differs: {anchor}")),
            (_, Some(need)) if !options.oracle => Some(format!("needs {need}")),
            _ => None,
        })
    }
}

/// The connection that brings a server back to its beginning before each file.
struct Control {
    client: Client,
    cluster: ClusterMode,
    config: BTreeMap<String, String>,
}

impl Control {
    fn new(target: &dyn Target, cluster: ClusterMode) -> Result<Self, String> {
        let client = Client::new(target.connect().map_err(|error| error.to_string())?);
        let mut control = Self { client, cluster, config: BTreeMap::new() };
        control.config = control.config_now()?;
        Ok(control)
    }

    fn ask(&mut self, line: &str) -> Result<Reply, String> {
        let words = crate::words(line).ok_or_else(|| format!("quotes in {line}"))?;
        match self.client.try_command(&words) {
            Ok(Reply::Error(error)) => Err(format!("before the file, {line}: {error}")),
            Ok(reply) => Ok(reply),
            Err(error) => Err(format!("before the file, {line}: {error}")),
        }
    }

    fn config_now(&mut self) -> Result<BTreeMap<String, String>, String> {
        let reply = self.ask("CONFIG GET *")?;
        let texts: Vec<String> =
            reply.items().unwrap_or_default().iter().filter_map(Reply::text).collect();
        Ok(texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let reply = self.client.try_command(&["CONFIG", "SET", name, value]);
        match reply {
            Ok(reply) if reply == Reply::ok() => Ok(()),
            Ok(reply) => {
                let answer = render(&reply).concat();
                Err(format!("before the file, CONFIG SET {name} {value}: {answer}"))
            }
            Err(error) => Err(format!("before the file, CONFIG SET {name} {value}: {error}")),
        }
    }

    /// An empty server with the configuration it was started with, then the file's own.
    fn reset(&mut self, config: &[(String, String)]) -> Result<(), String> {
        self.ask("CLIENT UNPAUSE")?;
        self.wait_for_others_to_go()?;
        let now = self.config_now()?;
        for (name, value) in self.config.clone() {
            if now.get(&name) != Some(&value) {
                self.set(&name, &value)?;
            }
        }
        for (name, value) in config {
            self.set(name, value)?;
        }
        self.ask("DEBUG SET-ACTIVE-EXPIRE 1")?;
        if self.cluster == ClusterMode::Off {
            self.ask("FLUSHALL")?;
            return Ok(());
        }
        self.reset_cluster()
    }

    /// Waits until the server has noticed that the connections of the last file are closed: what they listened to is seen by others.
    fn wait_for_others_to_go(&mut self) -> Result<(), String> {
        let alone = wait::until(PATIENCE, || {
            let clients = self.ask("INFO clients").ok().and_then(|reply| reply.text());
            clients.is_some_and(|text| text.contains("connected_clients:1\r"))
        });
        if alone { Ok(()) } else { Err("before the file, others are connected".into()) }
    }

    fn reset_cluster(&mut self) -> Result<(), String> {
        // A node that may not serve refuses FLUSHALL in no version, but keeps a state until it has slots.
        self.ask("FLUSHALL")?;
        let text = self.ask("CLUSTER INFO")?.text().unwrap_or_default();
        let fresh = ["cluster_state:ok", "cluster_slots_assigned:16384", "cluster_my_epoch:0\r"];
        let known = text.contains("cluster_known_nodes:1\r");
        if self.cluster == ClusterMode::AllSlots && known && fresh.iter().all(|f| text.contains(f))
        {
            return Ok(());
        }
        self.ask("CLUSTER RESET HARD")?;
        if self.cluster == ClusterMode::Blank {
            return Ok(());
        }
        self.ask("CLUSTER ADDSLOTSRANGE 0 16383")?;
        let serving = wait::until(PATIENCE, || {
            self.ask("CLUSTER INFO")
                .ok()
                .and_then(|reply| reply.text())
                .is_some_and(|text| text.contains("cluster_state:ok"))
        });
        if serving { Ok(()) } else { Err("before the file, no cluster_state:ok".into()) }
    }
}

fn run_script(
    script: &mut Script,
    options: &Options<'_>,
    target: &dyn Target,
    control: &mut Control,
    summary: &mut Summary,
) {
    if let Err(failure) = control.reset(&script.config) {
        summary.failures.push(format!("{}: {failure}", script.name));
        // A late reply must not be taken for the answer to what the next file asks.
        if let Ok(connection) = target.connect() {
            control.client = Client::new(connection);
        }
        return;
    }
    let mut session = Session {
        target,
        protocol: options.protocol,
        hello: script.hello,
        connections: BTreeMap::new(),
        variables: Variables::new(),
    };
    let mut failures = 0;
    let mut recorded = false;
    for step in &mut script.steps {
        match session.step(step) {
            Ok(()) => {}
            Err(Miss { reply: Some(reply), .. }) if options.record => {
                let protocol = if script.hello { options.protocol } else { Protocol::Resp3 };
                step.record(protocol, render(&reply));
                recorded = true;
            }
            Err(miss) => {
                failures += 1;
                let sign = if step.connection.is_empty() { "" } else { &step.connection };
                summary.failures.push(format!(
                    "{}:{} ({:?}) {sign}> {}\n{}",
                    script.name, step.line, options.protocol, step.text, miss.text
                ));
                if failures == FAILURES_PER_FILE_MAX || miss.is_last {
                    break;
                }
            }
        }
    }
    if recorded && let Err(failure) = script.save() {
        summary.failures.push(failure);
    }
}

/// A step that did not go as written.
struct Miss {
    text: String,
    /// What was answered instead.
    reply: Option<Reply>,
    /// The rest of the file makes no sense.
    is_last: bool,
}

impl Miss {
    fn last(text: String) -> Self {
        Self { text, reply: None, is_last: true }
    }
}

/// The connections of one file.
struct Session<'a> {
    target: &'a dyn Target,
    protocol: Protocol,
    hello: bool,
    connections: BTreeMap<String, Conversation>,
    variables: Variables,
}

struct Conversation {
    client: Client,
    /// Pushes that came before the reply that was waited for.
    pushes: VecDeque<Reply>,
}

impl Session<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Miss> {
        let text =
            substitute(&step.text, |name| self.variables.get(name).cloned()).map_err(Miss::last)?;
        match step.verb {
            Verb::Ask => {
                let reply = self.ask(&step.connection, &text)?;
                self.compare(step, reply)
            }
            Verb::AskUntil => self.ask_until(step, &text),
            Verb::Send => {
                let bytes = encode_command(&words(&text)?);
                self.send(&step.connection, &bytes)
            }
            Verb::Raw => {
                let bytes: Vec<u8> = words(&text)?.concat();
                self.send(&step.connection, &bytes)
            }
            Verb::Receive => {
                let conversation = self.conversation(&step.connection)?;
                let reply = match conversation.pushes.pop_front() {
                    Some(push) => push,
                    None => receive(&mut conversation.client)?,
                };
                self.compare(step, reply)
            }
            Verb::Note => self.note(&step.connection, &text),
        }
    }

    fn conversation(&mut self, name: &str) -> Result<&mut Conversation, Miss> {
        if !self.connections.contains_key(name) {
            let connection =
                self.target.connect().map_err(|error| Miss::last(error.to_string()))?;
            let mut client = Client::new(connection);
            if self.hello && self.protocol == Protocol::Resp3 {
                let reply = client.try_command(&["HELLO", "3"]);
                if !matches!(reply, Ok(Reply::Map(_))) {
                    return Err(Miss::last(format!("HELLO 3: {reply:?}")));
                }
            }
            let conversation = Conversation { client, pushes: VecDeque::new() };
            self.connections.insert(name.to_owned(), conversation);
        }
        self.connections.get_mut(name).ok_or_else(|| Miss::last("no connection".into()))
    }

    fn send(&mut self, connection: &str, bytes: &[u8]) -> Result<(), Miss> {
        let conversation = self.conversation(connection)?;
        conversation.client.send_raw(bytes).map_err(|error| Miss::last(error.to_string()))
    }

    fn ask(&mut self, connection: &str, text: &str) -> Result<Reply, Miss> {
        let bytes = encode_command(&words(text)?);
        self.send(connection, &bytes)?;
        let conversation = self.conversation(connection)?;
        loop {
            match receive(&mut conversation.client)? {
                push @ Reply::Push(_) => conversation.pushes.push_back(push),
                reply => return Ok(reply),
            }
        }
    }

    fn ask_until(&mut self, step: &Step, text: &str) -> Result<(), Miss> {
        let mut last = None;
        let answer = wait::some(PATIENCE, || {
            let result =
                self.ask(&step.connection, text).and_then(|reply| self.compare(step, reply));
            match result {
                Ok(()) => Some(Ok(())),
                Err(miss) if miss.is_last || step.block(self.protocol).is_none() => Some(Err(miss)),
                Err(miss) => {
                    last = Some(miss);
                    None
                }
            }
        });
        answer.unwrap_or_else(|| last.map_or(Ok(()), Err))
    }

    fn compare(&mut self, step: &Step, reply: Reply) -> Result<(), Miss> {
        let protocol = if self.hello { self.protocol } else { Protocol::Resp2 };
        let expected = match step.expected(self.protocol, |name| self.variables.get(name).cloned())
        {
            Ok(expected) => expected,
            Err(text) => return Err(Miss { text, reply: Some(reply), is_last: false }),
        };
        // A file that says HELLO itself may be in either protocol: both readings are right.
        let either = !self.hello && expected.matches(&reply, Protocol::Resp3, &mut self.variables);
        if either || expected.matches(&reply, protocol, &mut self.variables) {
            return Ok(());
        }
        let wanted = step.block(self.protocol).cloned().unwrap_or_default();
        let text = format!(
            "  expected: {}\n  answered: {}",
            wanted.join("\n            "),
            render(&reply).join("\n            ")
        );
        Err(Miss { text, reply: Some(reply), is_last: false })
    }

    fn note(&mut self, connection: &str, text: &str) -> Result<(), Miss> {
        match text {
            "reconnect" => {
                self.connections.remove(connection);
                self.conversation(connection).map(|_| ())
            }
            "closed" => {
                let closed = self.conversation(connection)?.client.is_closed(PATIENCE);
                self.connections.remove(connection);
                let open = || Miss::last("the server did not close the connection".into());
                if closed { Ok(()) } else { Err(open()) }
            }
            other => Err(Miss::last(format!("unknown note: {other}"))),
        }
    }
}

fn words(text: &str) -> Result<Vec<Vec<u8>>, Miss> {
    crate::words(text).ok_or_else(|| Miss::last("the quotes do not match".into()))
}

fn receive(client: &mut Client) -> Result<Reply, Miss> {
    client.reply().map_err(|error| Miss::last(format!("  answered: {error}")))
}

#[cfg(test)]
mod tests;
