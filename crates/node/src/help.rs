//! HELP of the commands that have subcommands.

use resp::Reply;

/// Appends what `<COMMAND> HELP` gives: a head, `lines`, and how to come here; each a simple string.
pub(crate) fn help(reply: &mut Reply<'_>, command: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    reply.simple(&format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
