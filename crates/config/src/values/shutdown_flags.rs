//! `shutdown-on-sigterm` and `shutdown-on-sigint`: the options of the SHUTDOWN that a signal stands
//! for.

use super::push_joined;
use crate::directive::Rule;
use crate::refusal::Refusal;
use crate::setting::{Input, Setting};

/// Options of SHUTDOWN. None set is the default: save if there are save points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags {
    /// Save in any case.
    pub save: bool,
    /// Do not save.
    pub nosave: bool,
    /// Do not wait for replicas.
    pub now: bool,
    /// Stop even when saving fails.
    pub force: bool,
    /// Refuse when data that only this node has would be lost.
    pub safe: bool,
    /// Hand the shard over to a replica first.
    pub failover: bool,
}

impl ShutdownFlags {
    const NAMES: &str = "default, save, nosave, now, force, safe, failover";

    fn flag_mut(&mut self, name: &[u8]) -> Option<&mut bool> {
        match name.to_ascii_lowercase().as_slice() {
            b"save" => Some(&mut self.save),
            b"nosave" => Some(&mut self.nosave),
            b"now" => Some(&mut self.now),
            b"force" => Some(&mut self.force),
            b"safe" => Some(&mut self.safe),
            b"failover" => Some(&mut self.failover),
            _ => None,
        }
    }
}

impl Setting for ShutdownFlags {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let refused = || Refusal::Choice(ShutdownFlags::NAMES.into());
        if input.words.is_empty() {
            return Err(refused());
        }
        let mut flags = ShutdownFlags::default();
        for word in input.words {
            if !word.eq_ignore_ascii_case(b"default") {
                *flags.flag_mut(word).ok_or_else(refused)? = true;
            }
        }
        if flags.save && flags.nosave {
            let text = "shutdown options SAVE and NOSAVE can't be used simultaneously";
            return Err(Refusal::Special(text));
        }
        *self = flags;
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        let flags = [
            ("save", self.save),
            ("nosave", self.nosave),
            ("now", self.now),
            ("force", self.force),
            ("safe", self.safe),
            ("failover", self.failover),
            ("default", *self == ShutdownFlags::default()),
        ];
        push_joined(out, flags.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()));
    }
}
