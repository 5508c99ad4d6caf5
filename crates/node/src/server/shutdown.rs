//! SHUTDOWN. No replica has to be waited for.

use crate::event::Event;
use crate::session::{After, Context};
use base::Slot;
use commands::spec::Argument;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// What COMMAND DOCS tells of the arguments.
pub(super) const ARGUMENTS: &[Argument] = &[Argument::one_of(
    "abort-selector",
    &[
        Argument::block(
            "save-selector-block",
            &[
                Argument::one_of(
                    "save-selector",
                    &[Argument::word("nosave", "NOSAVE"), Argument::word("save", "SAVE")],
                )
                .optional(),
                Argument::word("now", "NOW").since("7.0.0").optional(),
                Argument::word("force", "FORCE").since("7.0.0").optional(),
                Argument::word("safe", "SAFE").since("9.0.0").optional(),
                Argument::word("failover", "FAILOVER").since("9.0.0").optional(),
            ],
        ),
        Argument::word("abort", "ABORT").since("7.0.0"),
    ],
)
.optional()];

/// What a client asks for.
#[derive(Clone, Copy, Default)]
struct Wish {
    save: bool,
    nosave: bool,
    force: bool,
    safe: bool,
    abort: bool,
    /// NOW or FAILOVER: about replicas.
    replicas: bool,
}

impl Wish {
    fn parse(args: Args<'_>) -> Result<Wish, CommandError> {
        let mut wish = Wish::default();
        for word in args.iter_from(1) {
            let flag = match word.to_ascii_lowercase().as_slice() {
                b"nosave" => &mut wish.nosave,
                b"save" => &mut wish.save,
                b"now" | b"failover" => &mut wish.replicas,
                b"force" => &mut wish.force,
                b"safe" => &mut wish.safe,
                b"abort" => &mut wish.abort,
                _ => return Err(CommandError::Syntax),
            };
            *flag = true;
        }
        let Wish { save, nosave, force, safe, abort, replicas } = wish;
        if (abort && (save || nosave || force || safe || replicas)) || (save && nosave) {
            return Err(CommandError::Syntax);
        }
        Ok(wish)
    }
}

/// No reply where it succeeds: the connection closes.
pub(super) fn shutdown(context: &mut Context<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let wish = Wish::parse(args)?;
    if wish.abort {
        return Err(CommandError::Text("ERR No shutdown in progress."));
    }
    if wish.safe && !wish.force && owns_slots(context) {
        context.events.push(Event::ShutdownRefused);
        return Err(CommandError::Text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    let saves = wish.save || (context.node.saves_at_end() && !wish.nosave);
    // What is not loaded yet must not be written over.
    if saves && !context.node.is_loading() {
        let is_saved = context.node.save_at_end(context.worker, context.now);
        if !is_saved && !wish.force {
            return Err(CommandError::Text("ERR Errors trying to SHUTDOWN. Check logs."));
        }
    }
    context.node.host.shutdown();
    context.state.after = After::Close;
    Ok(())
}

/// Whether slots of the cluster would be without an owner.
fn owns_slots(context: &Context<'_>) -> bool {
    let Some(cluster) = &context.node.cluster else { return false };
    let view = cluster.view();
    Slot::all().any(|slot| view.is_mine(slot))
}
