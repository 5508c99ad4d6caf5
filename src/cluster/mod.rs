//! `redstart cluster`: clusters formed, looked at, grown, shrunk and repaired, over the protocol that every node of
//! Redis and Valkey speaks, too.
//!
//! ```text
//! survey (ask every node) ─► plan (pure) ─► show ─► confirm ─► steps, each of which looks at what is there already
//! ```
//!
//! What is decided is decided by pure code: [`placement`], [`balance`], [`diagnosis`]. What is done can be
//! interrupted between any two steps, and the same command goes on from there.

mod add;
mod balance;
mod check;
mod create;
mod diagnosis;
mod failover;
mod handover;
mod members;
mod mend;
mod moving;
mod placement;
mod progress;
mod rebalance;
mod remove;
mod session;
mod status;
mod survey;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

pub(crate) use self::add::Role;
pub(crate) use self::failover::How;
use self::session::{Session, Stop};
use crate::client::{Address, Credentials};

const AFTER: &str = "\
Examples:
  redstart cluster create 10.0.0.1:7000 10.0.0.2:7000 10.0.0.3:7000 10.0.0.1:7001 10.0.0.2:7001 10.0.0.3:7001 --replicas 1
  redstart cluster status 10.0.0.1:7000
  redstart cluster add 10.0.0.1:7000 10.0.0.4:7000 --rebalance
  redstart cluster remove 10.0.0.1:7000 10.0.0.4:7000
  redstart cluster failover 10.0.0.2:7001

Exit codes:
  0    done, or there was nothing to do; `check` has found no problem
  1    it failed, or `check` has found problems
  2    the command line is wrong
  3    nobody has agreed to the plan
  130  interrupted; the same command goes on from there";

/// The subcommand's declaration.
pub(crate) fn command() -> Command {
    Command::new("cluster")
        .about("Form, look at, grow, shrink and repair a cluster of Redstart, Valkey or Redis")
        .after_help(AFTER)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(changing("create", "Make a cluster of blank nodes").arg(many("node", "The nodes, the first of which become primaries where they are placed alike")).arg(
            Arg::new("replicas")
                .long("replicas")
                .value_name("N")
                .default_value("0")
                .value_parser(value_parser!(u8).range(0..=20))
                .help("How many replicas each primary has"),
        ))
        .subcommand(verb("status", "Show the nodes, their slots, keys and health").arg(entry()))
        .subcommand(
            changing("check", "Look whether the nodes agree, and all slots are covered")
                .arg(entry())
                .arg(flag("fix", "Complete or close what is half-way, and cover slots that nobody has")),
        )
        .subcommand(
            changing("add", "Add blank nodes")
                .arg(entry())
                .arg(many("new", "The blank nodes"))
                .arg(flag("replica", "They become replicas of the primaries that have fewest, elsewhere if that can be").conflicts_with("replica-of"))
                .arg(option("replica-of", "NODE", "They become replicas of this primary"))
                .arg(flag("rebalance", "Then give each primary its share of the slots").conflicts_with_all(["replica", "replica-of"])),
        )
        .subcommand(
            changing("remove", "Move the slots of nodes away, and remove these from the cluster")
                .arg(entry())
                .arg(many("gone", "The nodes to be removed: addresses, ids, or the beginning of ids")),
        )
        .subcommand(
            changing("rebalance", "Give each primary its share of the slots").arg(entry()).arg(
                option("weight", "NODE=W", "The share of a node beside the others' 1; 0 for no slots")
                    .action(ArgAction::Append),
            ),
        )
        .subcommand(
            changing("failover", "Make a replica the primary of its shard")
                .arg(entry().help("The replica"))
                .arg(flag("force", "Do not wait for the primary, which is gone").conflicts_with("takeover"))
                .arg(flag("takeover", "Do not ask the majority either, which is gone")),
        )
}

fn verb(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).arg(option("user", "NAME", "Who to say one is")).arg(
        Arg::new("pass")
            .long("pass")
            .short('a')
            .value_name("PASSWORD")
            .help("The password; better in the variable REDISCLI_AUTH, which nobody else sees"),
    )
}

fn changing(name: &'static str, about: &'static str) -> Command {
    verb(name, about)
        .arg(flag("yes", "Do not ask").short('y'))
        .arg(flag("dry-run", "Show the plan, and change nothing"))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn entry() -> Arg {
    Arg::new("entry")
        .value_name("HOST:PORT")
        .required(true)
        .value_parser(address)
        .help("Any node of the cluster")
}

fn many(name: &'static str, help: &'static str) -> Arg {
    let arg = Arg::new(name).required(true).num_args(1..).help(help);
    if name == "gone" {
        arg.value_name("NODE")
    } else {
        arg.value_name("HOST:PORT").value_parser(address)
    }
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| format!("'{text}' is not HOST:PORT, such as 127.0.0.1:7000"))
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Make a cluster of blank nodes.
    Create { nodes: Vec<Address>, replicas: usize },
    /// Show it.
    Status { entry: Address },
    /// Look what is wrong with it, and repair that.
    Check { entry: Address, is_fix: bool },
    /// Add blank nodes.
    Add { entry: Address, nodes: Vec<Address>, role: Role, is_rebalanced: bool },
    /// Remove nodes; those that have slots only if these are moved away first.
    Remove { entry: Address, names: Vec<String>, is_drained: bool },
    /// Give each its share; primaries without slots only if these are to have one, too.
    Rebalance { entry: Address, weights: Vec<String>, uses_empty: bool },
    /// Make a replica the primary.
    Failover { entry: Address, how: How },
}

/// Runs the verb that was named.
pub(crate) fn run(arguments: &ArgMatches) -> ExitCode {
    let Some((verb, arguments)) = arguments.subcommand() else { return ExitCode::FAILURE };
    let is_set = |name: &str| arguments.try_get_one::<bool>(name).ok().flatten() == Some(&true);
    let credentials = Credentials {
        user: arguments.get_one::<String>("user").cloned(),
        password: arguments.get_one::<String>("pass").cloned().or_else(password_of_environment),
    };
    let mut session = Session::new(credentials, is_set("yes"), is_set("dry-run"));
    let outcome = order(verb, arguments).and_then(|order| dispatch(&mut session, &order));
    session.conclude(outcome)
}

/// Does it without a dry run; an answer may also come from a pipe.
pub(crate) fn carry_out(credentials: Credentials, is_yes: bool, order: &Order) -> ExitCode {
    let mut session = Session::new(credentials, is_yes, false);
    session.takes_piped_answer = true;
    let outcome = dispatch(&mut session, order);
    session.conclude(outcome)
}

/// As redis-cli has it.
pub(crate) fn password_of_environment() -> Option<String> {
    std::env::var("REDISCLI_AUTH").ok().filter(|password| !password.is_empty())
}

fn order(verb: &str, arguments: &ArgMatches) -> Result<Order, Stop> {
    let is_set = |name: &str| arguments.try_get_one::<bool>(name).ok().flatten() == Some(&true);
    let text = |name: &str| arguments.try_get_one::<String>(name).ok().flatten().cloned();
    let addresses = |name: &str| -> Vec<Address> {
        arguments.get_many::<Address>(name).into_iter().flatten().cloned().collect()
    };
    let texts = |name: &str| -> Vec<String> {
        arguments.get_many::<String>(name).into_iter().flatten().cloned().collect()
    };
    let entry = arguments.try_get_one::<Address>("entry").ok().flatten().cloned();
    let entry = entry.unwrap_or_else(|| Address::local(6379));
    Ok(match verb {
        "create" => {
            let replicas = arguments.get_one::<u8>("replicas").copied().unwrap_or_default();
            Order::Create { nodes: addresses("node"), replicas: replicas.into() }
        }
        "status" => Order::Status { entry },
        "check" => Order::Check { entry, is_fix: is_set("fix") },
        "add" => {
            let role = match (text("replica-of"), is_set("replica")) {
                (Some(primary), _) => Role::ReplicaOf(primary),
                (None, true) => Role::Replica,
                (None, false) => Role::Primary,
            };
            Order::Add { entry, nodes: addresses("new"), role, is_rebalanced: is_set("rebalance") }
        }
        "remove" => Order::Remove { entry, names: texts("gone"), is_drained: true },
        "rebalance" => Order::Rebalance { entry, weights: texts("weight"), uses_empty: true },
        "failover" => {
            let how = match (is_set("force"), is_set("takeover")) {
                (_, true) => How::Takeover,
                (true, false) => How::Force,
                (false, false) => How::Agreed,
            };
            Order::Failover { entry, how }
        }
        _ => {
            return Err(session::failed(
                format!("there is no verb {verb}"),
                "redstart cluster --help",
            ));
        }
    })
}

fn dispatch(session: &mut Session, order: &Order) -> Result<ExitCode, Stop> {
    match order {
        Order::Create { nodes, replicas } => create::run(session, nodes, *replicas),
        Order::Status { entry } => status::run(session, entry),
        Order::Check { entry, is_fix } => return check::run(session, entry, *is_fix),
        Order::Add { entry, nodes, role, is_rebalanced } => {
            add::run(session, entry, nodes, role, *is_rebalanced)
        }
        Order::Remove { entry, names, is_drained } => {
            remove::run(session, entry, names, *is_drained)
        }
        Order::Rebalance { entry, weights, uses_empty } => {
            rebalance::run(session, entry, weights, *uses_empty)
        }
        Order::Failover { entry, how } => failover::run(session, entry, *how),
    }
    .map(|()| ExitCode::SUCCESS)
}
