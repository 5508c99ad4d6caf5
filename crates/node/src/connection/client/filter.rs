//! Choosing clients: the filters of CLIENT LIST and CLIENT KILL.

use super::line::{age_seconds, flags};
use crate::clients::{Client, flag};
use crate::connection::auth::DEFAULT_USER;
use crate::worker::Now;
use base::number::parse_i64;
use commands::CommandError;
use resp::Args;
use std::mem::discriminant;
use std::sync::atomic::Ordering::Relaxed;

/// Which clients are meant: those that pass all tests.
#[derive(Default, Debug)]
pub(super) struct Filter<'a> {
    tests: Vec<Test<'a>>,
    /// Whether the client that asks is left out; not said where `None`.
    pub(super) skip_me: Option<bool>,
}

/// One test, or (where negated) its contrary.
#[derive(Debug)]
struct Test<'a> {
    negated: bool,
    property: Property<'a>,
}

#[derive(Debug)]
enum Property<'a> {
    Ids(Vec<u64>),
    Type(ClientType),
    Address(&'a [u8]),
    LocalAddress(&'a [u8]),
    Ip(&'a [u8]),
    User,
    Flags(&'a [u8]),
    Name(&'a [u8]),
    Library(&'a [u8]),
    LibraryVersion(&'a [u8]),
    Database(usize),
    /// Nothing that clients can claim to be capable of is known here.
    Capability,
    MaxAge(i64),
    Idle(u64),
}

/// What a client is to the node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ClientType {
    Normal,
    Primary,
    Replica,
    Pubsub,
}

/// The letters that a flags filter may ask for.
const FLAG_LETTERS: &[u8] = b"bcdeirtuxABEIMNOPRSTU";

/// The letters that a filter for capabilities may ask for.
const CAPABILITY_LETTERS: &[u8] = b"r";

impl<'a> Filter<'a> {
    /// The clients with this address: the old form of CLIENT KILL.
    pub(super) fn of_address(address: &'a [u8]) -> Filter<'a> {
        let test = Test { negated: false, property: Property::Address(address) };
        Filter { tests: vec![test], skip_me: Some(false) }
    }

    /// The filter that the arguments from the third on spell, on a node of so many databases.
    pub(super) fn parse(args: Args<'a>, databases: usize) -> Result<Filter<'a>, CommandError> {
        let mut filter = Filter::default();
        let mut at = 2;
        while at < args.len() {
            let word = &args[at];
            let value = args.get(at + 1).ok_or(CommandError::Syntax)?;
            if word.eq_ignore_ascii_case(b"skipme") {
                filter.skip_me = Some(yes_or_no(value)?);
                at += 2;
                continue;
            }
            let negated = word.len() > 4 && word[..4].eq_ignore_ascii_case(b"not-");
            let name = if negated { &word[4..] } else { word };
            if name.eq_ignore_ascii_case(b"id") {
                let ids = parse_ids(args, at + 1)?;
                at += 1 + ids.len();
                filter.add(negated, Property::Ids(ids));
            } else {
                let property =
                    Property::parse(&name.to_ascii_lowercase(), negated, value, databases)?;
                filter.add(negated, property);
                at += 2;
            }
        }
        Ok(filter)
    }

    /// Whether a client is meant.
    pub(super) fn matches(&self, client: &Client, now: Now) -> bool {
        self.tests.iter().all(|test| test.property.holds(client, now) != test.negated)
    }

    /// Adds a test: said twice, numbers add up, and of anything else the last counts.
    fn add(&mut self, negated: bool, property: Property<'a>) {
        let same = self.tests.iter_mut().find(|test| {
            test.negated == negated && discriminant(&test.property) == discriminant(&property)
        });
        match (same.map(|test| &mut test.property), property) {
            (Some(Property::Ids(ids)), Property::Ids(more)) => ids.extend(more),
            (Some(same), property) => *same = property,
            (None, property) => self.tests.push(Test { negated, property }),
        }
    }
}

impl<'a> Property<'a> {
    /// A property by its name in lower case and without `not-`.
    fn parse(
        name: &[u8],
        negated: bool,
        value: &'a [u8],
        databases: usize,
    ) -> Result<Property<'a>, CommandError> {
        Ok(match name {
            b"type" => Property::Type(ClientType::parse(value)?),
            b"addr" => Property::Address(value),
            b"laddr" => Property::LocalAddress(value),
            b"ip" => Property::Ip(value),
            b"user" if value == DEFAULT_USER => Property::User,
            b"user" => return Err(CommandError::echo("ERR No such user '", value, "'")),
            b"flags" => {
                check_letters(value, FLAG_LETTERS, ("flags", "FLAGS"), negated)?;
                Property::Flags(value)
            }
            b"capa" => {
                check_letters(value, CAPABILITY_LETTERS, ("capa", "CAPA"), negated)?;
                Property::Capability
            }
            b"name" => Property::Name(value),
            b"lib-name" => Property::Library(value),
            b"lib-ver" => Property::LibraryVersion(value),
            b"db" => Property::Database(parse_database(value, negated, databases)?),
            b"maxage" if !negated => Property::MaxAge(parse_seconds(value, "maxage")?),
            b"idle" if !negated => Property::Idle(parse_seconds(value, "idle")? as u64),
            _ => return Err(CommandError::Syntax),
        })
    }

    fn holds(&self, client: &Client, now: Now) -> bool {
        match *self {
            Property::Ids(ref ids) => ids.contains(&client.id.0),
            Property::Type(kind) => kind == ClientType::of(client),
            Property::Address(address) => client.origin.address.as_bytes() == address,
            Property::LocalAddress(address) => client.origin.local_address.as_bytes() == address,
            Property::Ip(ip) => ip_of(&client.origin.address).as_bytes() == ip,
            Property::User => true,
            Property::Flags(letters) => {
                let flags = flags(client);
                letters.iter().all(|letter| flags.as_bytes().contains(letter))
            }
            Property::Name(name) => client.names.lock().name == name,
            Property::Library(name) => client.names.lock().library == name,
            Property::LibraryVersion(version) => client.names.lock().library_version == version,
            Property::Database(database) => client.database.load(Relaxed) == database,
            Property::Capability => false,
            Property::MaxAge(seconds) => age_seconds(client, now) >= seconds,
            Property::Idle(seconds) => client.idle_seconds(now.monotonic) >= seconds,
        }
    }
}

impl ClientType {
    fn of(client: &Client) -> ClientType {
        if client.has_flag(flag::PRIMARY) {
            ClientType::Primary
        } else if client.has_flag(flag::REPLICA) {
            ClientType::Replica
        } else if client.has_flag(flag::SUBSCRIBED) {
            ClientType::Pubsub
        } else {
            ClientType::Normal
        }
    }

    fn parse(name: &[u8]) -> Result<ClientType, CommandError> {
        Ok(match &name.to_ascii_lowercase()[..] {
            b"normal" => ClientType::Normal,
            b"primary" | b"master" => ClientType::Primary,
            b"replica" | b"slave" => ClientType::Replica,
            b"pubsub" => ClientType::Pubsub,
            _ => return Err(CommandError::echo("ERR Unknown client type '", name, "'")),
        })
    }
}

/// The numbers from argument `from` on, as far as there are any.
fn parse_ids(args: Args<'_>, from: usize) -> Result<Vec<u64>, CommandError> {
    let numbers = args.iter_from(from).map_while(parse_i64);
    let positive = |number: i64| {
        u64::try_from(number)
            .ok()
            .filter(|&id| id > 0)
            .ok_or(CommandError::Text("ERR client-id should be greater than 0"))
    };
    let ids: Vec<u64> = numbers.map(positive).collect::<Result<_, _>>()?;
    if ids.is_empty() { Err(CommandError::Syntax) } else { Ok(ids) }
}

fn parse_seconds(value: &[u8], name: &str) -> Result<i64, CommandError> {
    match parse_i64(value) {
        None => Err(CommandError::Owned(format!("ERR {name} is not an integer or out of range"))),
        Some(..=0) => Err(CommandError::Owned(format!("ERR {name} should be greater than 0"))),
        Some(seconds) => Ok(seconds),
    }
}

fn parse_database(value: &[u8], negated: bool, databases: usize) -> Result<usize, CommandError> {
    let name = if negated { "NOT-DB" } else { "DB" };
    let number = parse_i64(value).ok_or_else(|| {
        CommandError::Owned(format!("ERR {name} is not an integer or out of range"))
    })?;
    usize::try_from(number).ok().filter(|&number| number < databases).ok_or_else(|| {
        let last = databases - 1;
        CommandError::Owned(format!("ERR {name} number should be between 0 and {last}"))
    })
}

fn check_letters(
    value: &[u8],
    known: &[u8],
    (what, word): (&str, &str),
    negated: bool,
) -> Result<(), CommandError> {
    if value.iter().all(|letter| known.contains(letter)) {
        return Ok(());
    }
    let filter = if negated { format!("NOT-{word}") } else { "provided".to_owned() };
    let before = format!("ERR Unknown {what} found in the {filter} filter: ");
    Err(CommandError::echo(&before, value, ""))
}

fn yes_or_no(value: &[u8]) -> Result<bool, CommandError> {
    match &value.to_ascii_lowercase()[..] {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

/// An address without its port and, of IPv6, without its brackets.
fn ip_of(address: &str) -> &str {
    let ip = address.rsplit_once(':').map_or(address, |(ip, _)| ip);
    ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip)
}
