//! DEBUG RELOAD and LOADAOF: have the data loaded again from their files, as a restart would.

use crate::session::{Context, LOADING};
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// What a client asks for.
struct Wish {
    saves: bool,
    flushes: bool,
    /// Keys that are there stay, and it is no error that they stand in the file, too.
    merges: bool,
}

impl Wish {
    fn parse(args: Args<'_>) -> Result<Wish, CommandError> {
        let mut wish = Wish { saves: true, flushes: true, merges: false };
        for word in args.iter_from(2) {
            match word.to_ascii_lowercase().as_slice() {
                b"merge" => wish.merges = true,
                b"noflush" => wish.flushes = false,
                b"nosave" => wish.saves = false,
                _ => {
                    return Err(CommandError::Text(
                        "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                    ));
                }
            }
        }
        Ok(wish)
    }
}

pub(super) fn reload(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let wish = Wish::parse(args)?;
    let node = context.node;
    if wish.saves {
        // One that runs in the background would be in the way.
        node.cancel_save();
        node.wait_for_save();
        let by = (context.worker, context.now);
        if node.begin_save(by, None, false).is_err() || !node.wait_for_save() {
            return Err(CommandError::Text("ERR"));
        }
    }
    // Nothing of a primary's stream is applied beside it.
    if !node.begin_loading(context.worker, context.now, 0) {
        return Err(LOADING);
    }
    if wish.flushes {
        node.empty(context.worker);
    }
    let is_loaded = node.host.load_snapshot(node, wish.merges);
    node.end_loading(context.worker, context.now);
    if !is_loaded {
        return Err(CommandError::Text(
            "ERR Error trying to load the RDB dump, check server logs.",
        ));
    }
    reply.ok();
    Ok(())
}

pub(super) fn load_log(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if !context.node.host.load_log(context.node) {
        return Err(CommandError::Text(
            "ERR Error trying to load the AOF files, check server logs.",
        ));
    }
    reply.ok();
    Ok(())
}
