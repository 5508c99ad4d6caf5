//! What `<container> HELP` answers.

use resp::Reply;

/// The lines about one subcommand: how it is called, and what it does.
pub type HelpEntry = (&'static str, &'static [&'static str]);

/// Appends the help of a container: its entries in the order given, HELP itself last.
pub fn reply_help(reply: &mut Reply<'_>, container: &str, entries: &[HelpEntry]) {
    let lines: usize = entries.iter().map(|(_, text)| 1 + text.len()).sum();
    reply.array(lines + 3);
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (usage, text) in entries {
        reply.simple(usage);
        for line in *text {
            reply.simple(&format!("    {line}"));
        }
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
