//! SHUTDOWN. Replicas are not waited for.

use crate::event::Event;
use crate::node::Node;
use crate::session::{After, Context};
use crate::worker::Now;
use base::Slot;
use commands::spec::Argument;
use commands::{CommandError, Outcome};
use config::ShutdownFlags;
use engine::WorkerId;
use resp::{Args, Reply};
use std::sync::atomic::Ordering::SeqCst;

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
    flags: ShutdownFlags,
    abort: bool,
}

impl Wish {
    fn parse(args: Args<'_>) -> Result<Wish, CommandError> {
        let mut wish = Wish::default();
        for word in args.iter_from(1) {
            let flag = match word.to_ascii_lowercase().as_slice() {
                b"nosave" => &mut wish.flags.nosave,
                b"save" => &mut wish.flags.save,
                b"now" => &mut wish.flags.now,
                b"failover" => &mut wish.flags.failover,
                b"force" => &mut wish.flags.force,
                b"safe" => &mut wish.flags.safe,
                b"abort" => &mut wish.abort,
                _ => return Err(CommandError::Syntax),
            };
            *flag = true;
        }
        let Wish { flags, abort } = wish;
        if (abort && flags != ShutdownFlags::default()) || (flags.save && flags.nosave) {
            return Err(CommandError::Syntax);
        }
        Ok(wish)
    }
}

/// No reply where it succeeds: the connection closes.
pub(super) fn shutdown(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let wish = Wish::parse(args)?;
    let node = context.node;
    if wish.abort {
        if !node.abort_end() {
            return Err(CommandError::Text("ERR No shutdown in progress."));
        }
        context.events.push(Event::EndAborted);
        reply.ok();
        return Ok(());
    }
    let by = (context.worker, context.now);
    if !node.prepare_end(wish.flags, by, &mut |event| context.events.push(event)) {
        return Err(CommandError::Text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    node.host.shutdown();
    context.state.after = After::Close;
    Ok(())
}

impl Node {
    /// Does what has to be done before the end: saves, where that is asked for or configured. False where the server has to go on; `tell` is told why.
    pub fn prepare_end(
        &self,
        flags: ShutdownFlags,
        (worker, now): (WorkerId, Now),
        tell: &mut dyn FnMut(Event),
    ) -> bool {
        let is_forced = flags.force;
        if flags.safe && !is_forced && self.owns_slots() {
            tell(Event::ShutdownRefused);
            return false;
        }
        // What is not loaded yet must not be written over.
        if self.is_loading() {
            return true;
        }
        if self.writes_first_log() {
            tell(Event::FirstLogRuns { is_forced });
            if !is_forced {
                return false;
            }
        }
        let saves = flags.save || (self.saves_at_end() && !flags.nosave);
        if !saves {
            return true;
        }
        tell(Event::LastSave);
        let is_saved = self.save_at_end(worker, now);
        if !is_saved {
            tell(Event::LastSaveFailed { is_forced });
        }
        is_saved || is_forced
    }

    /// Whether slots of the cluster would be without an owner.
    fn owns_slots(&self) -> bool {
        let Some(cluster) = &self.cluster else { return false };
        let view = cluster.view();
        Slot::all().any(|slot| view.is_mine(slot))
    }

    /// Takes note that a signal has asked for the end.
    pub fn ask_end(&self) {
        self.upkeep.is_end_asked.store(true, SeqCst);
    }

    /// Whether it is still asked for, and the timers, which would see to it, are stopped (DEBUG PAUSE-CRON).
    #[must_use]
    pub fn is_end_put_off(&self) -> bool {
        self.upkeep.is_paused.load(SeqCst) && self.upkeep.is_end_asked.load(SeqCst)
    }

    /// Takes back the end that a signal has asked for; false where none has, or it is too late.
    pub fn abort_end(&self) -> bool {
        self.upkeep.is_end_asked.swap(false, SeqCst)
    }
}
