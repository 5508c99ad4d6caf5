//! COMMAND COUNT and LIST: how many commands there are, and their names.

use crate::session::Context;
use crate::table::{Action, Entry};
use base::glob::{Case, matches};
use commands::spec::Argument;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// What commands can be filtered by.
pub(super) const FILTERS: &[Argument] = &[
    Argument::string("module-name").token("MODULE"),
    Argument::string("category").token("ACLCAT"),
    Argument::pattern("pattern").token("PATTERN"),
];

/// Which commands are meant.
enum Filter<'a> {
    All,
    /// There are no modules, so no command is of one.
    Module,
    Category(&'a [u8]),
    Pattern(&'a [u8]),
}

impl Filter<'_> {
    fn passes(&self, entry: &Entry) -> bool {
        match *self {
            Filter::All => true,
            Filter::Module => false,
            Filter::Category(name) => {
                let is_container = matches!(entry.action, Action::Subcommands(_));
                let categories = entry.spec.all_categories(is_container);
                categories.iter().any(|one| one.name().as_bytes().eq_ignore_ascii_case(name))
            }
            Filter::Pattern(pattern) => {
                matches(pattern, entry.full_name.as_bytes(), Case::Insensitive)
            }
        }
    }
}

pub(super) fn count(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(context.node.table.entries().len());
    Ok(())
}

pub(super) fn list(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let filter = match args.len() {
        2 => Filter::All,
        5 if args[2].eq_ignore_ascii_case(b"filterby") => match &args[3].to_ascii_lowercase()[..] {
            b"module" => Filter::Module,
            b"aclcat" => Filter::Category(&args[4]),
            b"pattern" => Filter::Pattern(&args[4]),
            _ => return Err(CommandError::Syntax),
        },
        _ => return Err(CommandError::Syntax),
    };
    let all = context.node.table.entries().iter();
    let names: Vec<&str> = all
        .flat_map(|entry| std::iter::once(entry).chain(entry.subcommands()))
        .filter(|entry| filter.passes(entry))
        .map(|entry| entry.full_name.as_str())
        .collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}
