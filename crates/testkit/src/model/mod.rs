//! The model test: random commands on all types of values, on the server under test and on the oracle, which is the model.
//!
//! Commands run in rounds, each from an empty keyspace, with thresholds between encodings that few elements reach. Replies are compared command
//! by command, the values of all keys by `DEBUG DIGEST-VALUE` at the end of a batch. When something differs, commands are taken out of
//! the round for as long as it still does, and what is left is told: most often a handful of lines.

mod form;
mod forms;
mod words;

use std::collections::HashSet;
use std::fmt::Write as _;

use base::Rng;

use crate::{Client, Program, Protocol, Reply, Server, Setup, display_bytes, transcript};
use form::{Form, Rule, pick};
use forms::{CHANCY, FAMILIES};
use words::Words;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where all randomness comes from.
    pub seed: u64,
    /// How many commands at least.
    pub commands: usize,
    /// Only this family, such as `list`.
    pub family: Option<String>,
}

/// What ran.
#[derive(Debug, Clone)]
pub struct Report {
    /// How many commands did.
    pub commands: usize,
    /// The forms left out, for one of the servers lacks a command of theirs.
    pub left_out: Vec<&'static str>,
    /// A difference, with the commands that lead to it.
    pub difference: Option<String>,
}

/// How many steps are between two empty keyspaces.
const STEPS_OF_ROUND: usize = 600;

/// How many steps are sent at once; the values of all keys are compared behind them.
const STEPS_OF_BATCH: usize = 60;

/// The longest reply told in full.
const TOLD_CHARS_MAX: usize = 1500;

/// Thresholds, with values that a round chooses from. Not that of intsets: what a set becomes that has passed it depends on the order of its members.
const THRESHOLDS: &[(&str, &[&str])] = &[
    ("list-max-listpack-size", &["-2", "-1", "1", "4", "20"]),
    ("hash-max-listpack-entries", &["128", "4", "0"]),
    ("hash-max-listpack-value", &["64", "10"]),
    ("set-max-listpack-entries", &["128", "6", "0"]),
    ("set-max-listpack-value", &["64", "10"]),
    ("zset-max-listpack-entries", &["128", "6", "0"]),
    ("zset-max-listpack-value", &["64", "10"]),
    ("stream-node-max-entries", &["100", "3"]),
];

type Command = Vec<Vec<u8>>;

/// Commands that stay together, and how their replies are compared.
#[derive(Debug, Clone)]
struct Step {
    rule: Rule,
    commands: Vec<Command>,
}

/// Runs a plan; stops at the first difference.
///
/// # Panics
/// When a server does not start.
#[must_use]
pub fn run(program: &Program, oracle: &Program, plan: &Plan) -> Report {
    let mut pair = Pair { ours: Side::start(program), oracle: Side::start(oracle) };
    let (forms, left_out) = pair.known_forms(plan.family.as_deref());
    assert!(!forms.is_empty(), "there is no family {:?}", plan.family);
    let mut report = Report { commands: 0, left_out, difference: None };
    let mut seeds = Rng::from_seed(plan.seed);
    while report.commands < plan.commands && report.difference.is_none() {
        let mut words = Words::new(seeds.next_u64());
        let thresholds = thresholds(&mut words.rng);
        let steps: Vec<Step> = (0..STEPS_OF_ROUND)
            .map(|_| {
                let form = pick(&mut words.rng, &forms);
                Step { rule: form.rule, commands: form.commands(&mut words) }
            })
            .collect();
        report.commands += steps.iter().map(|step| step.commands.len()).sum::<usize>();
        if pair.difference(&thresholds, &steps).is_some() {
            report.difference = Some(pair.explain(&thresholds, steps));
        }
    }
    report
}

/// Random commands, of one seed the same each time: those of the model test, and with `chancy` also such as do something else each time they are run, or at another
/// time.
#[must_use]
pub fn commands(seed: u64, count: usize, chancy: bool) -> Vec<Vec<Vec<u8>>> {
    let mut words = Words::new(seed);
    let certain = FAMILIES.iter().flat_map(|family| family.forms);
    let forms = certain.chain(if chancy { CHANCY } else { &[] });
    let forms: Vec<Form> = forms.map(|text| Form::parse(text)).collect();
    let mut commands = Vec::new();
    while commands.len() < count {
        commands.extend(pick(&mut words.rng, &forms).commands(&mut words));
    }
    commands
}

fn thresholds(rng: &mut Rng) -> Vec<Step> {
    let set = |&(name, values): &(&str, &[&str])| {
        let command = ["CONFIG", "SET", name, *pick(rng, values)];
        let command = command.iter().map(|word| word.as_bytes().to_vec()).collect();
        Step { rule: Rule::Equal, commands: vec![command] }
    };
    THRESHOLDS.iter().map(set).collect()
}

/// A server and a connection to it.
struct Side {
    server: Server,
    client: Client,
}

impl Side {
    fn start(program: &Program) -> Side {
        let server = Server::start(program, Setup::new().with("databases", &["2"]));
        let client = server.client_speaking(Protocol::Resp3);
        Side { server, client }
    }

    /// The replies; or why there are none, after the server has been started again.
    fn run(&mut self, commands: &[Command]) -> Result<Vec<Reply>, String> {
        let commands: Vec<Vec<&[u8]>> =
            commands.iter().map(|command| command.iter().map(Vec::as_slice).collect()).collect();
        self.client.pipeline(&commands).map_err(|error| {
            let log = self.server.log();
            self.server.kill();
            self.server.restart();
            self.client = self.server.client_speaking(Protocol::Resp3);
            let last: Vec<&str> = log.lines().rev().take(8).collect();
            format!("{error}; its log, backwards: {last:#?}")
        })
    }

    fn commands_known(&mut self) -> HashSet<String> {
        let reply = self.client.command(&["COMMAND", "LIST"]);
        let names = reply.items().expect("COMMAND LIST gives an array").iter();
        names.filter_map(Reply::text).map(|name| name.to_ascii_uppercase()).collect()
    }
}

/// The server under test and the oracle.
struct Pair {
    ours: Side,
    oracle: Side,
}

impl Pair {
    /// The forms whose commands both have, and the others.
    fn known_forms(&mut self, family: Option<&str>) -> (Vec<Form>, Vec<&'static str>) {
        let (ours, oracle) = (self.ours.commands_known(), self.oracle.commands_known());
        let families = FAMILIES.iter().filter(|one| family.is_none_or(|name| name == one.name));
        let (known, left_out): (Vec<Form>, Vec<Form>) =
            families.flat_map(|family| family.forms).map(|text| Form::parse(text)).partition(
                |form| form.names().all(|name| ours.contains(name) && oracle.contains(name)),
            );
        (known, left_out.iter().map(|form| form.text).collect())
    }

    /// Runs steps from an empty keyspace; the first difference.
    fn difference(&mut self, thresholds: &[Step], steps: &[Step]) -> Option<String> {
        let empty = ["DISCARD", "UNWATCH", "SELECT 0", "FLUSHALL"]
            .map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect());
        for side in [&mut self.ours, &mut self.oracle] {
            if let Err(failure) = side.run(&empty) {
                return Some(failure);
            }
        }
        if let Some(difference) = self.batch(thresholds) {
            return Some(difference);
        }
        steps.chunks(STEPS_OF_BATCH).find_map(|steps| {
            let digest = [b"DEBUG".to_vec(), b"DIGEST-VALUE".to_vec()].into_iter();
            let digest =
                Step { rule: Rule::Equal, commands: vec![digest.chain(words::keys()).collect()] };
            self.batch(&[steps, &[digest]].concat())
        })
    }

    fn batch(&mut self, steps: &[Step]) -> Option<String> {
        let commands: Vec<Command> =
            steps.iter().flat_map(|step| step.commands.iter().cloned()).collect();
        let rules = steps.iter().flat_map(|step| step.commands.iter().map(|_| step.rule));
        let (ours, oracles) = match (self.ours.run(&commands), self.oracle.run(&commands)) {
            (Ok(ours), Ok(oracles)) => (ours, oracles),
            (Err(failure), _) => return Some(format!("the server under test: {failure}")),
            (_, Err(failure)) => return Some(format!("the oracle: {failure}")),
        };
        let replies = ours.into_iter().zip(oracles);
        commands.iter().zip(rules).zip(replies).find_map(|((command, rule), (ours, oracle))| {
            let (ours, oracle) = (rule.apply(ours), rule.apply(oracle));
            (ours != oracle).then(|| format!("{}\n{}", line(command), told_both(&ours, &oracle)))
        })
    }

    /// The fewest steps that still make a difference, and it.
    fn explain(&mut self, thresholds: &[Step], mut steps: Vec<Step>) -> String {
        let mut size = steps.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at < steps.len() {
                let rest = [&steps[..at], &steps[(at + size).min(steps.len())..]].concat();
                if self.difference(thresholds, &rest).is_some() {
                    steps = rest;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        let mut text = String::new();
        for command in thresholds.iter().chain(&steps).flat_map(|step| &step.commands) {
            let _ = writeln!(text, "> {}", line(command));
        }
        let difference = self.difference(thresholds, &steps);
        text + &difference.unwrap_or_else(|| "it did not happen again".to_owned())
    }
}

/// A command as one types it into redis-cli.
fn line(command: &Command) -> String {
    let is_plain =
        |word: &[u8]| !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic());
    let words = command.iter().map(|word| match word.as_slice() {
        [first, rest @ ..] if rest.len() > 30 && rest.iter().all(|byte| byte == first) => {
            format!("$({}*{})", char::from(*first), word.len())
        }
        word if is_plain(word) => String::from_utf8_lossy(word).into_owned(),
        word => display_bytes(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Two replies; of arrays of equal length the elements that differ first.
fn told_both(ours: &Reply, oracle: &Reply) -> String {
    if let (Some(ours), Some(oracle)) = (ours.items(), oracle.items())
        && ours.len() == oracle.len()
        && let Some(place) = ours.iter().zip(oracle).position(|(ours, oracle)| ours != oracle)
    {
        return format!("element {place}:\n{}", told_both(&ours[place], &oracle[place]));
    }
    format!("  ours:   {}\n  oracle: {}", told(ours), told(oracle))
}

fn told(reply: &Reply) -> String {
    let lines = transcript::render(reply).join("\n          ");
    lines.chars().take(TOLD_CHARS_MAX).collect()
}

impl Rule {
    /// What of a reply is compared.
    fn apply(self, reply: Reply) -> Reply {
        match self {
            // When a list that has shrunk is small again depends on its nodes. A key of any name may come to hold one.
            Rule::Equal if reply == Reply::Bulk(b"quicklist".into()) => {
                Reply::Bulk(b"listpack".into())
            }
            Rule::Equal => reply,
            Rule::Unordered => sorted(reply),
            Rule::Shape => shape(reply),
        }
    }
}

fn sorted(reply: Reply) -> Reply {
    let all = |items: Vec<Reply>| {
        let mut items: Vec<Reply> = items.into_iter().map(sorted).collect();
        items.sort_by_cached_key(|item| format!("{item:?}"));
        items
    };
    match reply {
        Reply::Array(items) => Reply::Array(all(items)),
        Reply::Set(items) => Reply::Set(all(items)),
        Reply::Map(mut pairs) => {
            pairs.sort_by_cached_key(|pair| format!("{pair:?}"));
            Reply::Map(pairs)
        }
        other => other,
    }
}

fn shape(reply: Reply) -> Reply {
    let all = |items: Vec<Reply>| items.into_iter().map(shape).collect();
    match reply {
        Reply::Bulk(_) => Reply::Bulk(Vec::new()),
        Reply::Integer(_) => Reply::Integer(0),
        Reply::Double(_) => Reply::Double(String::new()),
        Reply::Array(items) => Reply::Array(all(items)),
        Reply::Set(items) => Reply::Set(all(items)),
        Reply::Map(pairs) => {
            Reply::Map(pairs.into_iter().map(|(key, value)| (key, shape(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_makes_commands() {
        let mut words = Words::new(1);
        let texts = FAMILIES.iter().flat_map(|family| family.forms).chain(CHANCY);
        for form in texts.map(|text| Form::parse(text)) {
            for _ in 0..50 {
                let commands = form.commands(&mut words);
                assert_eq!(commands.len(), form.text.split(" ; ").count(), "{}", form.text);
                assert!(form.names().all(|name| name == name.to_ascii_uppercase()));
            }
        }
    }

    #[test]
    fn a_command_is_told_as_it_is_typed() {
        let command = [&b"SET"[..], b"", &[b'x'; 50], b"a b\xff"].map(<[u8]>::to_vec).to_vec();
        assert_eq!(line(&command), r#"SET "" $(x*50) "a b\xff""#);
    }

    #[test]
    fn order_and_values_are_left_out_of_the_comparison() {
        let array = |words: [&str; 2]| Reply::Array(words.map(Reply::bulk).to_vec());
        assert_eq!(sorted(array(["b", "a"])), array(["a", "b"]));
        assert_eq!(shape(array(["b", "a"])), shape(array(["c", "d"])));
        assert_ne!(shape(array(["b", "a"])), shape(Reply::bulk("b")));
    }
}
