//! The CLUSTER subcommands that change something, and the flags of a connection in a cluster.

use crate::clients::flag;
use crate::session::{Asking, Context};
use base::number::parse_i64;
use base::{NodeId, Slot, SlotRange};
use cluster::{ClusterError, Machine, Reset, SetSlot};
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// What a command of cluster mode answers in a server that is not in it.
pub(super) const DISABLED: CommandError =
    CommandError::Text("ERR This instance has cluster support disabled");

/// The next command is served also where its slot is only on its way here.
pub(super) fn asking(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    enabled(context)?;
    context.state.set_asking(Asking::Next);
    reply.ok();
    Ok(())
}

/// Outside a cluster too: a client need not know where it is.
pub(super) fn readonly(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.state.client.set_flag(flag::READONLY, true);
    reply.ok();
    Ok(())
}

pub(super) fn readwrite(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.state.client.set_flag(flag::READONLY, false);
    reply.ok();
    Ok(())
}

pub(super) fn add_slots(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let slots = single_slots(args)?;
    order(context, reply, |machine, now| machine.add_slots(now, &slots))
}

pub(super) fn del_slots(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let slots = single_slots(args)?;
    order(context, reply, |machine, now| machine.del_slots(now, &slots))
}

pub(super) fn add_slots_range(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let ranges = slot_ranges(args, "cluster|addslotsrange")?;
    order(context, reply, |machine, now| machine.add_slots(now, &ranges))
}

pub(super) fn del_slots_range(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let ranges = slot_ranges(args, "cluster|delslotsrange")?;
    order(context, reply, |machine, now| machine.del_slots(now, &ranges))
}

pub(super) fn flush_slots(
    context: &mut Context<'_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let has_keys = has_keys(context);
    order(context, reply, |machine, now| machine.flush_slots(now, has_keys))
}

pub(super) fn bump_epoch(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = bus_time(context);
    let bump = operate(context, |machine| machine.bump_epoch(now))?;
    reply.simple(&bump.to_string());
    Ok(())
}

pub(super) fn forget(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let id = node_id(&args[2])?;
    order(context, reply, |machine, now| machine.forget(now, id))
}

pub(super) fn meet(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 5 {
        return Err(too_many_arguments(args));
    }
    let ip = String::from_utf8_lossy(&args[2]).into_owned();
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let port =
        parse_i64(&args[3]).ok_or_else(|| refused(ClusterError::BasePort(shown(&args[3]))))?;
    let bus_port = match args.get(4) {
        None => None,
        Some(word) => {
            Some(parse_i64(word).ok_or_else(|| refused(ClusterError::BusPort(shown(word))))?)
        }
    };
    order(context, reply, |machine, now| machine.meet(now, &ip, port, bus_port))
}

pub(super) fn reset(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let how = match args.get(2) {
        None => Reset::Soft,
        Some(word) if word.eq_ignore_ascii_case(b"soft") => Reset::Soft,
        Some(word) if word.eq_ignore_ascii_case(b"hard") => Reset::Hard,
        Some(_) => return Err(CommandError::Syntax),
    };
    if args.len() > 3 {
        return Err(too_many_arguments(args));
    }
    let has_keys = has_keys(context);
    order(context, reply, |machine, now| machine.reset(now, how, has_keys))?;
    super::replicas::settle(context)
}

pub(super) fn save_config(
    context: &mut Context<'_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    order(context, reply, |machine, now| {
        machine.save_config(now);
        Ok(())
    })
}

pub(super) fn set_config_epoch(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let epoch = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    order(context, reply, |machine, now| machine.set_config_epoch(now, epoch))
}

/// `SETSLOT slot MIGRATING|IMPORTING|NODE id [TIMEOUT ms]` and `SETSLOT slot STABLE [TIMEOUT ms]`.
pub(super) fn set_slot(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let cluster = enabled(context)?;
    let slot = slot(&args[2])?;
    let (action, id) = (&args[3], args.get(4));
    let is = |word: &str| action.eq_ignore_ascii_case(word.as_bytes());
    let (order, options) = match id {
        Some(id) if is("migrating") => (SetSlot::Migrating(id), 5),
        Some(id) if is("importing") => (SetSlot::Importing(id), 5),
        Some(id) if is("node") => (SetSlot::Node(id), 5),
        Some(_) | None if is("stable") => (SetSlot::Stable, 4),
        Some(_) | None => return Err(refused(ClusterError::SetSlotAction)),
    };
    let (now, node) = (bus_time(context), context.node);
    let has_keys = || {
        let databases = 0..node.keyspace.databases();
        databases.into_iter().any(|one| node.keyspace.reach().keys_in_slot(one, slot) > 0)
    };
    cluster.ask(|machine| machine.check_set_slot(slot, order, has_keys())).map_err(refused)?;
    check_set_slot_options(args, options)?;
    let (was_mine, was_migrating_to) =
        cluster.ask(|machine| (machine.my_slots().contains(slot), machine.migrating_to(slot)));
    operate(context, |machine| machine.set_slot(now, slot, order, has_keys()))?.map_err(refused)?;
    let is_lost = was_mine && !cluster.view().is_mine(slot);
    if is_lost && has_keys() {
        // Written after the look and before the slot was no longer served: it was acknowledged, and must not be left behind.
        operate(context, |machine| {
            let me = machine.my_id();
            machine.set_slot(now, slot, SetSlot::Node(me.as_bytes()), true)?;
            match was_migrating_to {
                Some(to) => machine.set_slot(now, slot, SetSlot::Migrating(to.as_bytes()), true),
                None => Ok(()),
            }
        })?
        .map_err(refused)?;
        return Err(refused(ClusterError::SlotHasKeys(slot)));
    }
    reply.ok();
    Ok(())
}

/// How long replicas may take to take over what SETSLOT says; other words are passed over, as in Valkey.
fn check_set_slot_options(args: Args<'_>, first: usize) -> Outcome {
    for at in (first..args.len()).filter(|&at| args[at].eq_ignore_ascii_case(b"timeout")) {
        let Some(millis) = args.get(at + 1) else {
            return Err(CommandError::Text("ERR Missing timeout value"));
        };
        commands::parse_timeout_millis(millis)?;
    }
    Ok(())
}

/// Runs an order and answers OK, or why it is refused.
fn order(
    context: &mut Context<'_>,
    reply: &mut Reply<'_>,
    run: impl FnOnce(&mut Machine, cluster::Now) -> Result<(), ClusterError>,
) -> Outcome {
    let now = bus_time(context);
    operate(context, |machine| run(machine, now))?.map_err(refused)?;
    reply.ok();
    Ok(())
}

pub(super) fn operate<T>(
    context: &Context<'_>,
    step: impl FnOnce(&mut Machine) -> T,
) -> Result<T, CommandError> {
    let cluster = enabled(context)?;
    let node = context.node;
    Ok(cluster.operate(node, context.worker, step))
}

pub(super) fn enabled<'c>(context: &Context<'c>) -> Result<&'c super::ClusterNode, CommandError> {
    context.node.cluster.as_ref().ok_or(DISABLED)
}

pub(super) fn bus_time(context: &Context<'_>) -> cluster::Now {
    cluster::Now { monotonic: context.now.monotonic, wall: context.now.wall }
}

pub(super) fn refused(error: ClusterError) -> CommandError {
    CommandError::Owned(error.to_string())
}

pub(super) fn node_id(word: &[u8]) -> Result<NodeId, CommandError> {
    NodeId::parse(word).ok_or_else(|| refused(ClusterError::unknown_node(word)))
}

/// More arguments than a subcommand takes whose arity allows any number of them.
pub(super) fn too_many_arguments(args: Args<'_>) -> CommandError {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::echo(before, &args[1], "'. Try CLUSTER HELP.")
}

pub(super) fn slot(word: &[u8]) -> Result<Slot, CommandError> {
    parse_i64(word)
        .and_then(|number| u16::try_from(number).ok())
        .and_then(Slot::new)
        .ok_or_else(|| refused(ClusterError::SlotOutOfRange))
}

fn single_slots(args: Args<'_>) -> Result<Vec<SlotRange>, CommandError> {
    args.iter_from(2)
        .map(|word| slot(word).map(|only| SlotRange { first: only, last: only }))
        .collect()
}

fn slot_ranges(args: Args<'_>, name: &str) -> Result<Vec<SlotRange>, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::WrongArity(name.to_owned()));
    }
    (2..args.len())
        .step_by(2)
        .map(|at| Ok(SlotRange { first: slot(&args[at])?, last: slot(&args[at + 1])? }))
        .collect()
}

pub(super) fn has_keys(context: &Context<'_>) -> bool {
    let keyspace = &context.node.keyspace;
    (0..keyspace.databases()).any(|database| keyspace.totals(database).keys > 0)
}
