//! `redstart demo`: a cluster of real processes on this machine, for as long as it is wanted.
//!
//! ```text
//! ports free? ─► start nodes ─► join ─► wait for cluster_state:ok ─► replicas follow ─► write and read ─► show ─► wait ─► stop
//! ```
//!
//! The nodes are this same executable, in a temporary folder. Nothing of them stays: not after Ctrl-C, not
//! after an error; and after a SIGKILL of the demo no process, only the folder.

mod check;
mod cluster;
mod screen;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use base::SLOT_COUNT;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::screen::{Screen, plural, thousands};
use crate::signals::{EndAsked, Signals};
pub(crate) use cluster::bind_to_parent;
use cluster::{BUS_OFFSET, Nodes};

/// The most primaries of a demo, and the most replicas of each.
const NODES_MAX: u16 = 100;
const REPLICAS_MAX: u16 = 5;

/// How often the demo looks after its nodes.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// Why the demo does not go on.
#[derive(Debug)]
enum Stop {
    /// The user asked for the end.
    Asked,
    /// A node ended by itself; which one and why is known to the nodes.
    NodeEnded,
    /// What went wrong, and what to do.
    Failed(String),
}

impl From<EndAsked> for Stop {
    fn from(_: EndAsked) -> Stop {
        Stop::Asked
    }
}

/// The subcommand's arguments.
pub(crate) fn command() -> Command {
    let number = |name: &'static str, range| {
        Arg::new(name).long(name).value_parser(value_parser!(u16).range(range))
    };
    Command::new("demo")
        .about("Run a cluster on this machine, to try things out")
        .arg(
            number("nodes", 1..=i64::from(NODES_MAX))
                .value_name("N")
                .default_value("3")
                .help("How many primaries"),
        )
        .arg(
            number("replicas", 0..=i64::from(REPLICAS_MAX))
                .value_name("R")
                .default_value("1")
                .help("How many replicas each primary has"),
        )
        .arg(
            number("port", 1..=i64::from(u16::MAX - BUS_OFFSET))
                .value_name("FIRST")
                .default_value("7000")
                .help("The first client port; the others follow it, the bus listens 10000 above"),
        )
        .arg(
            Arg::new("check")
                .long("check")
                .action(ArgAction::SetTrue)
                .help("Start, write and read in every slot, stop; exit 0 when all is well"),
        )
}

/// Runs the demo until the user ends it.
pub(crate) fn run(arguments: &ArgMatches) -> ExitCode {
    let number = |name| arguments.get_one::<u16>(name).copied().unwrap_or_default();
    let demo = Demo {
        count: number("nodes") * (1 + number("replicas")),
        primaries: number("nodes"),
        first: number("port"),
        is_check: arguments.get_flag("check"),
    };
    let mut screen = Screen::new();
    match demo.run(&mut screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            screen.error(&reason);
            ExitCode::FAILURE
        }
    }
}

struct Demo {
    /// How many nodes: the primaries, then their replicas.
    count: u16,
    primaries: u16,
    first: u16,
    is_check: bool,
}

impl Demo {
    /// From the first line to the last. The error is what the user reads.
    fn run(&self, screen: &mut Screen) -> Result<(), String> {
        self.refuse_taken_ports()?;
        let signals =
            Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
        screen.title(self.count, self.first);
        let outcome = match Nodes::start(self.first, self.count) {
            Err(stop) => Err(stop),
            Ok(mut nodes) => {
                let outcome = self.with_nodes(&mut nodes, &signals, screen);
                let ended = nodes.newly_ended();
                ended.iter().for_each(|node| screen.obituary(node));
                let running = nodes.running();
                let removed = nodes.stop();
                if outcome.is_ok() || (matches!(outcome, Err(Stop::Asked)) && !self.is_check) {
                    screen.farewell(self.is_check, running);
                }
                removed.map_err(|error| format!("the folder could not be removed: {error}"))?;
                outcome
            }
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Asked) if self.is_check => {
                Err("stopped before the check was done".to_owned())
            }
            Err(Stop::Asked) => Ok(()),
            Err(Stop::NodeEnded) => Err("the demo cannot go on without its nodes".to_owned()),
            Err(Stop::Failed(reason)) => Err(reason),
        }
    }

    fn refuse_taken_ports(&self) -> Result<(), String> {
        let last = u32::from(self.first) + u32::from(self.count) - 1;
        if last > u32::from(u16::MAX - BUS_OFFSET) {
            return Err(format!(
                "{} from port {} on do not fit below 55536, for the bus listens {BUS_OFFSET} above; \
                 choose a lower --port",
                plural(self.count, "node"),
                self.first
            ));
        }
        let taken = cluster::taken_ports(self.first, self.count);
        let Some(&port) = taken.first() else { return Ok(()) };
        let what = match port.checked_sub(BUS_OFFSET) {
            Some(node) if node >= self.first => {
                format!("port {port}, the bus port of node {node}, is taken")
            }
            Some(_) | None => format!("port {port} is taken"),
        };
        let proposal = match cluster::free_first_port(self.first, self.count) {
            Some(free) => format!("redstart demo --port {free}"),
            None => "redstart demo --port N".to_owned(),
        };
        Err(format!(
            "{what}: another program listens there, perhaps another demo.\n       \
             Stop it, or choose other ports: {proposal}"
        ))
    }

    fn with_nodes(
        &self,
        nodes: &mut Nodes,
        signals: &Signals,
        screen: &mut Screen,
    ) -> Result<(), Stop> {
        let count = usize::from(self.count);
        let begin = Instant::now();
        nodes.await_answers(signals, |up| {
            screen.counting("nodes that answer", up, count, begin.elapsed());
        })?;
        screen.done(&format!("{} started", plural(self.count, "node")), begin.elapsed());

        let begin = Instant::now();
        let primaries = usize::from(self.primaries);
        nodes.join(primaries)?;
        nodes.await_agreement(signals, |agreeing| {
            screen.counting("nodes that say cluster_state:ok", agreeing, count, begin.elapsed());
        })?;
        screen.done("joined: cluster_state:ok on every node", begin.elapsed());

        let replicas = count - primaries;
        if replicas > 0 {
            let begin = Instant::now();
            nodes.replicate(primaries)?;
            nodes.await_links(primaries, signals, |linked| {
                let linked = linked.saturating_sub(primaries);
                screen.counting("replicas that have the data", linked, replicas, begin.elapsed());
            })?;
            let what = plural(self.count - self.primaries, "replica");
            screen.done(&format!("{what} linked to their primaries"), begin.elapsed());
        }

        let begin = Instant::now();
        let ports = nodes.ports();
        check::write_and_read(&ports[..primaries])?;
        let slots = thousands(SLOT_COUNT as i64);
        let what = format!("{slots} keys, one in each slot, written and read back");
        screen.done(&what, begin.elapsed());
        screen.table(&check::views(&ports)?);
        if self.is_check {
            return Ok(());
        }
        screen.invitation(self.first, nodes.folder());
        look_after(nodes, signals, screen)
    }
}

/// Until the user asks for the end, or no node is left.
fn look_after(nodes: &mut Nodes, signals: &Signals, screen: &mut Screen) -> Result<(), Stop> {
    loop {
        signals.pause(LOOK_AFTER)?;
        for node in nodes.newly_ended() {
            screen.obituary(&node);
            if nodes.running() > 0 {
                screen.line("    The others go on.");
            }
        }
        if nodes.running() == 0 {
            return Err(Stop::NodeEnded);
        }
    }
}
