//! CONFIG GET, SET, RESETSTAT, REWRITE and HELP.

use super::{bus_config, rules};
use crate::node::Node;
use crate::session::{Context, LOADING};
use ::commands::{CommandError, Outcome};
use config::{Added, Change, Config, Directive, SetError};
use engine::WorkerId;
use resp::{Args, Reply};

pub(super) fn get(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = args.iter_from(2).collect();
    let found = context.node.settings.current().matching(&patterns);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(&value);
    }
    Ok(())
}

pub(super) fn set(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let arguments: Vec<&[u8]> = args.iter_from(2).collect();
    if context.node.is_loading() && arguments.iter().step_by(2).any(|name| is_fixed_then(name)) {
        return Err(LOADING);
    }
    let is_local = context.state.client.origin.is_local;
    let now = cluster::Now { monotonic: context.now.monotonic, wall: context.now.wall };
    let set = change(context.node, context.worker, now, &arguments, is_local);
    set.map_err(|error| CommandError::Owned(error.to_string()))?;
    reply.ok();
    Ok(())
}

/// Makes a change and brings it into effect: the process first, for it may not be able to.
fn change(
    node: &Node,
    worker: WorkerId,
    now: cluster::Now,
    arguments: &[&[u8]],
    client_is_local: bool,
) -> Result<(), SetError> {
    let changing = node.settings.begin_change();
    let old = node.settings.current();
    let may_set_protected = old.security.enable_protected_configs.allows(client_is_local);
    let mut change = old.with(arguments, may_set_protected)?;
    let bus = match &node.cluster {
        Some(cluster) if concerns_bus(&change) || concerns_seal(arguments) => {
            let (mut machine, _) = bus_config(&change.config)
                .map_err(|error| SetError::failed(error.directive(), error))?;
            // The bus goes on listening where it does, whatever becomes of the clients' port.
            if change.config.cluster.announce_bus_port == 0 {
                machine.bus_port = node.bus_port;
            }
            machine.auth = if concerns_seal(arguments) {
                node.host.bus_auth(&change.config)?
            } else {
                cluster.ask(|bus| bus.config().auth.clone())
            };
            Some((cluster, machine))
        }
        Some(_) | None => None,
    };
    node.host.reconfigure(&old, &mut change)?;
    if change.touches("requirepass") {
        node.password.set(&change.config.security.requirepass);
    }
    node.keyspace.set_rules(&rules(&change.config));
    node.channels.configure(&change.config);
    node.tracking.configure(&change.config);
    let concerns_writes = WRITE_SETTINGS.iter().any(|name| change.touches(name));
    let log_changes = LOG_SETTINGS.iter().any(|name| change.touches(name));
    let begins_log = change.touches("appendonly") && change.config.persistence.appendonly;
    node.settings.replace(change.config, &changing);
    if concerns_writes {
        node.renew_logging(worker);
    }
    node.renew_replica_count(now.monotonic);
    node.evict_clients();
    if let Some((cluster, machine)) = bus {
        cluster.operate(node, worker, |bus| bus.reconfigure(now, machine));
    }
    drop(changing);
    if begins_log {
        // The first base.
        node.order_rewrite();
    }
    let follows = !log_changes || node.host.follow_log_settings();
    // Another may have failed to switch it on.
    if begins_log && !follows {
        take_back(node, worker, now, &old, &change.changed);
        let reason = "Unable to turn on AOF. Check server logs.";
        return Err(SetError::failed("appendonly", reason));
    }
    Ok(())
}

/// The directives that have to be in force for the append-only file when the reply leaves.
const LOG_SETTINGS: [&str; 5] = [
    "aof-disable-auto-gc",
    "aof-timestamp-enabled",
    "appendfsync",
    "appendonly",
    "no-appendfsync-on-rewrite",
];

/// Sets what was changed to what it was.
fn take_back(
    node: &Node,
    worker: WorkerId,
    now: cluster::Now,
    old: &Config,
    changed: &[&Directive],
) {
    let values: Vec<_> = changed.iter().map(|directive| old.text(directive)).collect();
    let pairs = changed.iter().zip(&values);
    let arguments: Vec<&[u8]> =
        pairs.flat_map(|(directive, value)| [directive.name.as_bytes(), value]).collect();
    node.forget_ordered_rewrite();
    // They were in force a moment ago.
    let _ = change(node, worker, now, &arguments, true);
}

/// Whether a directive must not be set while data are loaded.
fn is_fixed_then(name: &[u8]) -> bool {
    let fixed: [&[u8]; 3] = [b"appendonly", b"dir", b"repl-diskless-load"];
    fixed.iter().any(|fixed| name.eq_ignore_ascii_case(fixed))
}

/// The directives that say with which commands keys go in the log, and whether clients may write.
const WRITE_SETTINGS: [&str; 4] = [
    "lazyfree-lazy-expire",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-server-del",
    "replica-read-only",
];

/// Whether a change has something in it that the bus goes by.
/// Directives outside the cluster's section that its machine goes by.
const OF_THE_BUS: [&str; 3] = ["port", "repl-ping-replica-period", "write-acks"];

fn concerns_bus(change: &Change) -> bool {
    change.changed.iter().any(|one| one.section == "cluster" || OF_THE_BUS.contains(&one.name))
}

/// Whether a change names what packets of the bus are sealed with: the file is read again then, also where its name is what it was.
fn concerns_seal(arguments: &[&[u8]]) -> bool {
    let named: [&[u8]; 2] = [b"cluster-bus-auth", b"cluster-secret"];
    arguments.iter().step_by(2).any(|name| named.iter().any(|seal| name.eq_ignore_ascii_case(seal)))
}

pub(super) fn reset_stat(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.node.reset_statistics();
    reply.ok();
    Ok(())
}

pub(super) fn rewrite(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rewrite_file(context.node, Added::Changed)?;
    reply.ok();
    Ok(())
}

/// Writes the settings into the configuration file.
pub(crate) fn rewrite_file(node: &Node, added: Added) -> Outcome {
    // Settings that change meanwhile would be lost in the file.
    let _changing = node.settings.begin_change();
    let old = node
        .host
        .read_config_file()
        .ok_or(CommandError::Text("ERR The server is running without a config file"))?;
    let rewritten = old.and_then(|text| {
        let text = config::rewrite(&text, &node.settings.current(), added, &[]);
        node.host.replace_config_file(&text)
    });
    rewritten.map_err(|reason| CommandError::Owned(format!("ERR Rewriting config file: {reason}")))
}

pub(super) fn help(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    crate::help::help(
        reply,
        "CONFIG",
        &[
            "GET <pattern>",
            "    Return the settings that match the glob-like <pattern>, with their values.",
            "SET <directive> <value>",
            "    Give a setting another value.",
            "RESETSTAT",
            "    Begin the statistics of INFO anew.",
            "REWRITE",
            "    Write the settings into the configuration file.",
        ],
    );
    Ok(())
}
