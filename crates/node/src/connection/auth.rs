//! Who a client is: AUTH, HELLO, and RESET, which forgets it.

use super::client::names;
use crate::clients::flag;
use crate::session::{Answered, Context};
use base::number::parse_i64;
use commands::{CommandError, Outcome};
use resp::{Args, Protocol, Reply};
use std::sync::atomic::Ordering::Relaxed;

/// The only user until there are access control lists.
pub(super) const DEFAULT_USER: &[u8] = b"default";

const WRONG_PASSWORD: CommandError =
    CommandError::Text("WRONGPASS invalid username-password pair or user is disabled.");

pub(super) fn auth(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (user, password) = match args.len() {
        2 if !context.node.password.is_required() => {
            return Err(CommandError::Text(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        2 => (DEFAULT_USER, &args[1]),
        3 => (&args[1], &args[2]),
        _ => return Err(CommandError::Syntax),
    };
    authenticate(context, user, password)?;
    reply.ok();
    Ok(())
}

fn authenticate(context: &mut Context<'_>, user: &[u8], password: &[u8]) -> Outcome {
    if user != DEFAULT_USER || !context.node.password.admits(password) {
        context.node.stats(context.worker).denied_authentications.add(1);
        return Err(WRONG_PASSWORD);
    }
    context.state.is_authenticated = true;
    Ok(())
}

/// What HELLO was given.
#[derive(Default)]
struct Greeting<'a> {
    protocol: Option<Protocol>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Greeting<'a> {
    fn parse(args: Args<'a>) -> Result<Greeting<'a>, CommandError> {
        let mut greeting = Greeting::default();
        let Some(version) = args.get(1) else { return Ok(greeting) };
        greeting.protocol = Some(match parse_i64(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(CommandError::Text("NOPROTO unsupported protocol version")),
            None => {
                return Err(CommandError::Text(
                    "ERR Protocol version is not an integer or out of range",
                ));
            }
        });
        let mut rest = args.iter_from(2);
        while let Some(option) = rest.next() {
            if option.eq_ignore_ascii_case(b"auth") && rest.len() >= 2 {
                greeting.credentials = rest.next().zip(rest.next());
            } else if option.eq_ignore_ascii_case(b"setname") && rest.len() >= 1 {
                greeting.name = rest.next();
                names::check_name(greeting.name.unwrap_or_default())?;
            } else {
                return Err(CommandError::echo("ERR Syntax error in HELLO option '", option, "'"));
            }
        }
        Ok(greeting)
    }
}

pub(super) fn hello(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let greeting = Greeting::parse(args)?;
    if let Some((user, password)) = greeting.credentials {
        authenticate(context, user, password)?;
    }
    if !context.state.is_authenticated && context.node.password.is_required() {
        return Err(CommandError::Text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
             <proto> AUTH <user> <pass> option can be used to authenticate the client and select the \
             RESP protocol version at the same time",
        ));
    }
    let state = &mut *context.state;
    if let Some(name) = greeting.name {
        state.client.names.lock().name = name.to_vec();
    }
    if let Some(protocol) = greeting.protocol {
        state.protocol = protocol;
        state.client.is_resp3.store(protocol == Protocol::Resp3, Relaxed);
        reply.set_protocol(protocol);
    }
    describe(context, reply);
    Ok(())
}

/// The server and the connection, as HELLO tells of them.
fn describe(context: &Context<'_>, reply: &mut Reply<'_>) {
    let (node, state) = (context.node, &*context.state);
    let config = node.settings.current();
    let zone = config.cluster.availability_zone.as_bytes();
    reply.map(if zone.is_empty() { 7 } else { 8 });
    for (field, value) in
        [("server", &node.identity.greeting_name), ("version", &node.identity.compat_version)]
    {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.integer(if state.protocol == Protocol::Resp3 { 3 } else { 2 });
    reply.bulk(b"id");
    reply.integer(state.client.id.0 as i64);
    reply.bulk(b"mode");
    reply.bulk(if node.cluster.is_some() { b"cluster" } else { b"standalone" });
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    if !zone.is_empty() {
        reply.bulk(b"availability_zone");
        reply.bulk(zone);
    }
}

pub(super) fn reset(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if context.state.client.has_flag(flag::REPLICA) {
        return Err(CommandError::Text("ERR can only reset normal client connections"));
    }
    context.node.channels.unsubscribe_all(&context.state.client);
    context.stop_tracking();
    context.node.monitors.remove(&context.state.client);
    // What was sent before comes before the answer.
    context.state.answered = Answered::Ended;
    context.state.reset(&context.node.keyspace, !context.node.password.is_required());
    reply.set_protocol(Protocol::Resp2);
    reply.simple("RESET");
    Ok(())
}
