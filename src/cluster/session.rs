//! What all verbs share: who one is, what the user sees and agrees to, and why a verb ends before its time.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::client::{Address, Client, Credentials, Reply};
use crate::screen::{Paint, Screen};
use crate::signals::{EndAsked, Signals};

/// Nobody has agreed.
const EXIT_NOT_CONFIRMED: u8 = 3;
/// Ctrl-C, as shells number it.
const EXIT_INTERRUPTED: u8 = 130;

/// How often a condition is looked at that is waited for.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a verb ends before its time.
#[derive(Debug)]
pub(super) enum Stop {
    /// What happened, why, and what to type next.
    Failed(String),
    /// There is nobody to ask, or the answer was no.
    NotConfirmed(String),
    /// Somebody asked for the end, and what is left.
    Interrupted(String),
}

impl From<EndAsked> for Stop {
    fn from(_: EndAsked) -> Stop {
        Stop::Interrupted("Interrupted. The same command, run again, goes on from here.".to_owned())
    }
}

/// A failure: what happened and why, and what to type next.
pub(super) fn failed(what: impl Into<String>, next: impl AsRef<str>) -> Stop {
    let next = next.as_ref();
    let what = what.into();
    Stop::Failed(if next.is_empty() { what } else { format!("{what}\n       {next}") })
}

/// One run of a verb.
pub(super) struct Session {
    pub(super) credentials: Credentials,
    pub(super) screen: Screen,
    /// From the moment on at which something is changed.
    signals: Option<Signals>,
    pub(super) is_yes: bool,
    /// Whether the answer may come from something else than a terminal.
    pub(super) takes_piped_answer: bool,
    pub(super) is_dry_run: bool,
}

impl Session {
    pub(super) fn new(credentials: Credentials, is_yes: bool, is_dry_run: bool) -> Session {
        Session {
            credentials,
            screen: Screen::new(),
            signals: None,
            is_yes,
            takes_piped_answer: false,
            is_dry_run,
        }
    }

    /// Tells how it ended.
    pub(super) fn conclude(&mut self, outcome: Result<ExitCode, Stop>) -> ExitCode {
        match outcome {
            Ok(code) => code,
            Err(Stop::Failed(text)) => {
                self.screen.error(&text);
                ExitCode::FAILURE
            }
            Err(Stop::NotConfirmed(text)) => {
                self.screen.error(&text);
                ExitCode::from(EXIT_NOT_CONFIRMED)
            }
            Err(Stop::Interrupted(text)) => {
                self.screen.error(&text);
                ExitCode::from(EXIT_INTERRUPTED)
            }
        }
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.screen.line(text.as_ref());
    }

    pub(super) fn warn(&mut self, text: &str) {
        let word = self.screen.paint(Paint::Bad, "warning:");
        self.line(format!("{word} {text}"));
    }

    /// Whether what was shown is to be done. From here on Ctrl-C ends the verb between two steps.
    pub(super) fn confirm(&mut self) -> Result<bool, Stop> {
        self.line("");
        if self.is_dry_run {
            self.line("Nothing was changed: this was --dry-run.");
            return Ok(false);
        }
        if !self.is_yes {
            self.ask()?;
        }
        self.listen()?;
        Ok(true)
    }

    /// From here on Ctrl-C ends the verb between two steps.
    pub(super) fn listen(&mut self) -> Result<(), Stop> {
        let signals = Signals::listen();
        let signals =
            signals.map_err(|error| failed(format!("cannot listen for signals: {error}"), ""))?;
        self.signals = Some(signals);
        Ok(())
    }

    fn ask(&mut self) -> Result<(), Stop> {
        let words: Vec<String> = std::env::args().collect();
        let again = hidden_password(&words).join(" ");
        if !self.takes_piped_answer && !io::stdin().is_terminal() {
            return Err(Stop::NotConfirmed(format!(
                "nothing was changed: there is no terminal to ask \"Go on?\" at.\n       \
                 To do it without the question: {again} --yes"
            )));
        }
        self.screen.write("Go on? Type yes: ");
        let _ = io::stdout().flush();
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            return Ok(());
        }
        Err(Stop::NotConfirmed("nothing was changed: the answer was not yes".to_owned()))
    }

    /// An error where somebody has asked for the end.
    pub(super) fn go_on(&self) -> Result<(), Stop> {
        self.pause(Duration::ZERO)
    }

    pub(super) fn pause(&self, limit: Duration) -> Result<(), Stop> {
        match &self.signals {
            Some(signals) => Ok(signals.pause(limit)?),
            None => {
                std::thread::sleep(limit);
                Ok(())
            }
        }
    }

    /// Looks again and again until everything is there, or the patience ends; `done` says how many of `total` are.
    pub(super) fn await_all(
        &mut self,
        what: &str,
        total: usize,
        patience: Duration,
        mut done: impl FnMut(&Session) -> usize,
    ) -> Result<Option<Duration>, Stop> {
        let begin = Instant::now();
        loop {
            let count = done(self);
            let took = begin.elapsed();
            self.screen.counting(what, count, total, took);
            if count >= total {
                return Ok(Some(took));
            }
            if took >= patience {
                return Ok(None);
            }
            self.pause(PAUSE)?;
        }
    }

    /// Opens a connection, and says who one is.
    pub(super) fn open(&self, address: &Address) -> Result<Link, Stop> {
        Link::open(address, &self.credentials)
    }
}

/// What was typed, but for the password.
fn hidden_password(words: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for word in words {
        let is_password = shown.last().is_some_and(|last| last == "--pass" || last == "-a");
        shown.push(match word.split_once('=') {
            _ if is_password => "...".to_owned(),
            Some(("--pass", _)) => "--pass=...".to_owned(),
            Some(_) | None => word.clone(),
        });
    }
    shown
}

/// A connection whose failures say whom they are about.
pub(super) struct Link {
    pub(super) address: Address,
    pub(super) client: Client,
}

impl Link {
    pub(super) fn open(address: &Address, credentials: &Credentials) -> Result<Link, Stop> {
        let client = Client::connect(address).map_err(|error| {
            failed(
                format!("cannot reach {address}: {error}"),
                format!("Is the node running, and its port open from here? Try: redstart healthcheck -h {} -p {}", address.host, address.port),
            )
        })?;
        let mut link = Link { address: address.clone(), client };
        if let Some(auth) = credentials.auth()
            && let Reply::Error(text) = link.ask(&auth)?
        {
            return Err(failed(
                format!("{address} does not accept the password: {text}"),
                "Give the right one with --user and --pass, or in the variable REDISCLI_AUTH.",
            ));
        }
        Ok(link)
    }

    /// Asks; what is answered may be an error.
    pub(super) fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Reply, Stop> {
        let address = &self.address;
        let reply = self.client.command(words).map_err(|error| broken(address, words, &error))?;
        refuse_noauth(address, &reply)?;
        Ok(reply)
    }

    /// Asks many things at once.
    pub(super) fn ask_all<W: AsRef<[u8]>>(
        &mut self,
        commands: &[Vec<W>],
    ) -> Result<Vec<Reply>, Stop> {
        let address = &self.address;
        let first = commands.first().map(Vec::as_slice).unwrap_or_default();
        let replies =
            self.client.pipeline(commands).map_err(|error| broken(address, first, &error))?;
        replies.iter().try_for_each(|reply| refuse_noauth(address, reply))?;
        Ok(replies)
    }

    /// Orders something; whatever is not OK is a failure.
    pub(super) fn order<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<(), Stop> {
        let reply = self.ask(words)?;
        if reply.is_ok() { Ok(()) } else { Err(refused(&self.address, words, &reply)) }
    }
}

fn broken<W: AsRef<[u8]>>(address: &Address, words: &[W], error: &io::Error) -> Stop {
    let is_late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    let why = if is_late { "it did not answer in time".to_owned() } else { error.to_string() };
    failed(
        format!("{address}: {}: {why}", shown(words)),
        format!(
            "Look at the node's log; then see where the cluster stands: redstart cluster check {address}"
        ),
    )
}

/// An order that was answered with something else than what was hoped for.
pub(super) fn refused<W: AsRef<[u8]>>(address: &Address, words: &[W], reply: &Reply) -> Stop {
    failed(
        format!("{address}: {}: {reply}", shown(words)),
        format!("See where the cluster stands: redstart cluster check {address}"),
    )
}

fn refuse_noauth(address: &Address, reply: &Reply) -> Result<(), Stop> {
    let Reply::Error(text) = reply else { return Ok(()) };
    if !text.starts_with("NOAUTH") {
        return Ok(());
    }
    Err(failed(
        format!("{address} asks for a password: {text}"),
        "Give it with --pass (and --user), or in the variable REDISCLI_AUTH.",
    ))
}

/// A command as it was said, not too long, and no password.
fn shown<W: AsRef<[u8]>>(words: &[W]) -> String {
    const WORDS_SHOWN: usize = 6;
    let text = |word: &W| String::from_utf8_lossy(word.as_ref()).into_owned();
    if words.first().is_some_and(|word| word.as_ref() == b"AUTH") {
        return "AUTH".to_owned();
    }
    let mut line = words.iter().take(WORDS_SHOWN).map(text).collect::<Vec<_>>().join(" ");
    if words.len() > WORDS_SHOWN {
        line.push_str(" ...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_repeated() {
        let words =
            ["redstart", "cluster", "create", "--pass", "secret", "-a", "x", "--pass=secret"];
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        assert_eq!(
            hidden_password(&words).join(" "),
            "redstart cluster create --pass ... -a ... --pass=..."
        );
        assert_eq!(shown(&["AUTH", "user", "secret"]), "AUTH");
    }
}
