//! What a write leaves behind for the log: commands that, run in their order from the same keys, make the same keys.
//!
//! Most commands are logged as they came, once it is known that they have changed something; whoever runs them does that. A command that is random, relative
//! to time or conditional says what it did instead, where it does it. Keys that go by themselves are said here, before the command that found them.

use crate::access::Access;
use crate::edit::Edit;

/// Whether writes are logged, or not allowed, and with which command keys go that nobody has asked to remove.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Logging(u8);

/// Why a key goes that nobody has asked to remove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Removal {
    /// Its time has come.
    Expired = 1 << 1,
    /// It was evicted.
    Evicted = 1 << 2,
    /// A command has left nothing in it.
    Emptied = 1 << 3,
}

impl Logging {
    /// Nothing is logged.
    pub const OFF: Logging = Logging(0);

    /// Writes are logged, and keys go with DEL.
    pub const ON: Logging = Logging(1);

    /// What is there is not this node's to change: only what was done elsewhere is, and it is logged by whoever does it.
    pub const FOREIGN: Logging = Logging(1 << 4);

    /// The same, and it is not there yet: it is being loaded.
    pub const LOADING: Logging = Logging(Logging::FOREIGN.0 | (1 << 5));

    /// The same, for the moment: another node is about to have it.
    pub const STILL: Logging = Logging(Logging::FOREIGN.0 | (1 << 6));

    /// The same, but keys that go for this reason go with UNLINK, where `unlinks` says so.
    #[must_use]
    pub const fn unlinking(self, removal: Removal, unlinks: bool) -> Logging {
        if unlinks { Logging(self.0 | removal as u8) } else { self }
    }

    /// Whether writes are logged.
    #[inline]
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.0 & Logging::ON.0 != 0
    }

    /// Whether what is there is not this node's to change.
    #[inline]
    #[must_use]
    pub const fn is_foreign(self) -> bool {
        self.0 & Logging::FOREIGN.0 != 0
    }

    /// Whether what is there is being loaded.
    #[inline]
    #[must_use]
    pub const fn is_loading(self) -> bool {
        self.0 & Logging::LOADING.0 == Logging::LOADING.0
    }

    /// Whether what is there stands still for the moment.
    #[inline]
    #[must_use]
    pub const fn is_still(self) -> bool {
        self.0 & Logging::STILL.0 == Logging::STILL.0
    }

    /// The command with which a key goes.
    const fn command(self, removal: Removal) -> &'static [u8] {
        if self.0 & removal as u8 == 0 { b"DEL" } else { b"UNLINK" }
    }

    pub(crate) const fn from_bits(bits: u8) -> Logging {
        Logging(bits)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }
}

/// Commands for the log, in order, each with its database.
#[derive(Default, Debug)]
pub struct LoggedCommands {
    bytes: Vec<u8>,
    /// Where each word ends.
    words: Vec<usize>,
    /// The database of each command, and how many words there are up to its end.
    commands: Vec<(usize, usize)>,
    /// The command that runs has said what is logged in its place.
    is_said: bool,
}

impl LoggedCommands {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The database of each, and its words.
    pub fn iter(
        &self,
    ) -> impl Iterator<Item = (usize, impl ExactSizeIterator<Item = &[u8]> + Clone)> {
        let starts = std::iter::once(0).chain(self.commands.iter().map(|(_, end)| *end));
        starts.zip(&self.commands).map(|(start, &(database, end))| {
            let word = |index: usize| {
                let before = index.checked_sub(1).map_or(0, |before| self.words[before]);
                &self.bytes[before..self.words[index]]
            };
            (database, (start..end).map(word))
        })
    }

    /// How long their words are together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a command of a database.
    pub fn push<'w>(&mut self, database: usize, words: impl Iterator<Item = &'w [u8]>) {
        for word in words {
            self.bytes.extend_from_slice(word);
            self.words.push(self.bytes.len());
        }
        self.commands.push((database, self.words.len()));
    }

    pub(crate) fn push_removal(
        &mut self,
        (logging, removal): (Logging, Removal),
        database: usize,
        key: &[u8],
    ) {
        self.push(database, [logging.command(removal), key].into_iter());
    }
}

impl Access<'_> {
    /// Whether what is done under this access is logged.
    #[inline]
    #[must_use]
    pub fn logs(&self) -> bool {
        self.attention.logging().is_on()
    }

    /// Whether what is held is not this node's to change. It does not change while it is held.
    #[inline]
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.attention.logging().is_foreign()
    }

    /// Whether what is held is being loaded, and not to be shown. It does not change while it is held.
    #[inline]
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.attention.logging().is_loading()
    }

    /// Whether what is held stands still for the moment: another node is about to have it.
    #[inline]
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.attention.logging().is_still()
    }

    /// Takes what was said for the log since this was last called.
    pub fn take_logged(&mut self) -> LoggedCommands {
        self.effects.take_logged()
    }

    /// Whether a command that has run is to be logged as it came: it has changed something since there were `changes` of them, and has said
    /// nothing else. Asked once for each command.
    pub fn is_logged_as_it_came(&mut self, changes: u64) -> bool {
        let is_said = self.effects.take_said();
        self.logs() && !is_said && self.changes > changes
    }

    /// Logs a command.
    pub fn log<'w>(&mut self, words: impl Iterator<Item = &'w [u8]>) {
        if self.logs() {
            self.effects.logged_mut().push(self.database, words);
        }
    }
}

impl Edit<'_, '_> {
    /// Whether what is done is logged: only then need what is said for the log be made.
    #[inline]
    #[must_use]
    pub fn logs(&self) -> bool {
        self.access.logs()
    }

    /// The log gets this command instead of the one that runs; where this is called again, behind it.
    #[inline]
    pub fn log(&mut self, words: &[&[u8]]) {
        if self.logs() {
            self.log_words(words.iter().copied());
        }
    }

    /// The same for words that are made one by one.
    #[cold]
    pub fn log_words<'w>(&mut self, words: impl Iterator<Item = &'w [u8]>) {
        self.log_nothing();
        self.access.log(words);
    }

    /// The log gets the removal of a key instead of the command that runs.
    pub fn log_removal(&mut self, removal: Removal, key: &[u8]) {
        let logging = self.access.attention.logging();
        self.log(&[logging.command(removal), key]);
    }

    /// The log gets nothing for what the command that runs has done.
    pub fn log_nothing(&mut self) {
        if self.logs() {
            self.access.effects.logged_mut().is_said = true;
        }
    }
}

impl LoggedCommands {
    pub(crate) fn take_said(&mut self) -> bool {
        std::mem::take(&mut self.is_said)
    }
}
