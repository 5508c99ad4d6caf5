//! A transcript file, parsed; and written back when expectations are recorded.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::expected::Expected;
use super::run::{ClusterMode, Environment};
use crate::client::Protocol;

/// One transcript file.
#[derive(Debug)]
pub struct Script {
    pub(super) path: PathBuf,
    /// `<group>/<command>`.
    pub(super) name: String,
    pub(super) environment: Environment,
    pub(super) config: Vec<(String, String)>,
    pub(super) only: Option<Protocol>,
    pub(super) hello: bool,
    pub(super) needs: Vec<String>,
    pub(super) oracle: Oracle,
    pub(super) steps: Vec<Step>,
    lines: Vec<String>,
}

impl Script {
    /// `<group>/<command>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What the oracle has to do with the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Oracle {
    Decides,
    Skip(String),
    Differs(String),
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) connection: String,
    pub(super) verb: Verb,
    pub(super) text: String,
    pub(super) both: Block,
    pub(super) resp2: Block,
    pub(super) resp3: Block,
    lines_end: usize,
}

/// The lines of an expectation, none when it is missing.
pub(super) type Block = Option<Vec<String>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Ask,
    AskUntil,
    Send,
    Receive,
    Raw,
    Note,
}

impl Verb {
    pub(super) fn expects(self) -> bool {
        matches!(self, Self::Ask | Self::AskUntil | Self::Receive)
    }
}

impl Step {
    pub(super) fn block(&self, protocol: Protocol) -> Option<&Vec<String>> {
        let own = match protocol {
            Protocol::Resp2 => &self.resp2,
            Protocol::Resp3 => &self.resp3,
        };
        own.as_ref().or(self.both.as_ref())
    }

    /// The expectation, with captured values in their places.
    pub(super) fn expected(
        &self,
        protocol: Protocol,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Expected, String> {
        let lines = self.block(protocol).ok_or("no reply is written below it")?;
        let lines: Vec<String> =
            lines.iter().map(|line| substitute(line, &value)).collect::<Result<_, _>>()?;
        Expected::parse(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Makes `lines` the expectation of a protocol; RESP3 is recorded first and speaks for both.
    pub(super) fn record(&mut self, protocol: Protocol, lines: Vec<String>) {
        match protocol {
            Protocol::Resp3 if self.resp3.is_some() => self.resp3 = Some(lines),
            Protocol::Resp3 => {
                self.both = Some(lines);
                self.resp2 = None;
            }
            Protocol::Resp2 if self.both.is_none() => self.both = Some(lines),
            Protocol::Resp2 => self.resp2 = Some(lines),
        }
    }
}

/// Loads all files of `directory/<group>/`, in the order of their names.
///
/// # Errors
/// When one cannot be read, or is not a transcript: the text names file and line.
pub fn load(directory: &Path) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    for group in entries(directory)? {
        if !group.is_dir() {
            return Err(format!("{}: transcripts stand in folders by group", group.display()));
        }
        for path in entries(&group)? {
            let name = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
            let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let mut script = Script::parse(&name, &text)?;
            script.path = path;
            scripts.push(script);
        }
    }
    Ok(scripts)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = read().map_err(|error| format!("{}: {error}", directory.display()))?;
    paths.sort();
    Ok(paths)
}

impl Script {
    /// Reads the text of one file.
    ///
    /// # Errors
    /// When it is not a transcript: the text names file and line.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut script = Self {
            path: PathBuf::new(),
            name: name.to_owned(),
            environment: Environment::default(),
            config: Vec::new(),
            only: None,
            hello: true,
            needs: Vec::new(),
            oracle: Oracle::Decides,
            steps: Vec::new(),
            lines: text.lines().map(str::to_owned).collect(),
        };
        let lines = script.lines.clone();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let place = |error: String| format!("{name}:{}: {error}", at + 1);
            if line.trim().is_empty() || line.starts_with('#') {
                at += 1;
            } else if let Some((connection, verb, rest)) = step_line(line) {
                let body = lines.get(at + 1..).unwrap_or_default();
                let body: Vec<&str> =
                    body.iter().map(String::as_str).take_while(|line| is_body(line)).collect();
                let step = step(at + 1, connection, verb, rest, &body).map_err(place)?;
                script.steps.push(step);
                at += 1 + body.len();
            } else if script.steps.is_empty() {
                script.directive(line).map_err(place)?;
                at += 1;
            } else {
                return Err(place(format!("neither a step nor below one: {line}")));
            }
        }
        Ok(script)
    }

    fn directive(&mut self, line: &str) -> Result<(), String> {
        let (key, value) = line.split_once(':').ok_or_else(|| format!("no directive: {line}"))?;
        let value = value.trim();
        let (word, rest) = value.split_once(' ').unwrap_or((value, ""));
        match (key, word) {
            ("config", _) => self.config.push((word.to_owned(), rest.trim_matches('"').to_owned())),
            ("start", _) => self.environment.start.push((word.to_owned(), rest.to_owned())),
            ("cluster", "yes") => self.environment.cluster = ClusterMode::AllSlots,
            ("cluster", "blank") => self.environment.cluster = ClusterMode::Blank,
            ("resp", "2") => self.only = Some(Protocol::Resp2),
            ("resp", "3") => self.only = Some(Protocol::Resp3),
            ("hello", "no") => self.hello = false,
            ("needs", _) => self.needs.extend(value.split(' ').map(str::to_owned)),
            ("oracle", "skip") if !rest.is_empty() => self.oracle = Oracle::Skip(rest.to_owned()),
            ("oracle", "differs") if !rest.is_empty() => {
                self.oracle = Oracle::Differs(rest.to_owned());
            }
            _ => return Err(format!("unknown directive: {line}")),
        }
        Ok(())
    }

    /// The file's text, with the expectations as they are now.
    pub(super) fn text(&self) -> String {
        let mut out: Vec<String> = Vec::new();
        let mut at = 0;
        for step in &self.steps {
            out.extend(self.lines.get(at..step.line).unwrap_or_default().iter().cloned());
            out.extend(step.both.iter().flatten().cloned());
            for (mark, block) in [("resp2:", &step.resp2), ("resp3:", &step.resp3)] {
                match block.as_deref() {
                    None => {}
                    Some([line]) => out.push(format!("{mark} {line}")),
                    Some(lines) => {
                        out.push(mark.to_owned());
                        out.extend(lines.iter().cloned());
                    }
                }
            }
            at = step.lines_end;
        }
        out.extend(self.lines.get(at..).unwrap_or_default().iter().cloned());
        out.join("\n") + "\n"
    }

    /// Writes the file with the expectations as they are now.
    pub(super) fn save(&self) -> Result<(), String> {
        fs::write(&self.path, self.text()).map_err(|e| format!("{}: {e}", self.path.display()))
    }
}

/// The text with `${name}` replaced by its value.
pub(super) fn substitute(
    text: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, behind) = behind.split_once('}').ok_or("${ without }")?;
        out.push_str(before);
        out.push_str(&value(name).ok_or_else(|| format!("nothing is ${name}"))?);
        rest = behind;
    }
    Ok(out + rest)
}

/// `c2> GET k`: connection, verb, text. A name begins with a letter.
fn step_line(line: &str) -> Option<(&str, Verb, &str)> {
    let name = line.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (connection, rest) = line.split_at(name);
    if connection.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let verbs = [
        (">>", Verb::Send),
        (">", Verb::Ask),
        ("?", Verb::AskUntil),
        ("<", Verb::Receive),
        ("=", Verb::Raw),
        ("!", Verb::Note),
    ];
    let (sign, verb) = verbs.into_iter().find(|(sign, _)| rest.starts_with(sign))?;
    let text = rest.strip_prefix(sign)?;
    let text = if text.is_empty() { text } else { text.strip_prefix(' ')? };
    Some((connection, verb, text))
}

fn is_body(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#') && step_line(line).is_none()
}

fn step(
    line: usize,
    connection: &str,
    verb: Verb,
    text: &str,
    body: &[&str],
) -> Result<Step, String> {
    let mut step = Step {
        line,
        connection: connection.to_owned(),
        verb,
        text: text.to_owned(),
        both: None,
        resp2: None,
        resp3: None,
        lines_end: line + body.len(),
    };
    if !verb.expects() && !body.is_empty() {
        return Err("this step reads no reply".into());
    }
    let mut block = &mut step.both;
    for line in body {
        let marked = [("resp2:", Protocol::Resp2), ("resp3:", Protocol::Resp3)]
            .into_iter()
            .find_map(|(mark, protocol)| Some((protocol, line.strip_prefix(mark)?)));
        let text = match marked {
            None => *line,
            Some((protocol, rest)) => {
                block = if protocol == Protocol::Resp2 { &mut step.resp2 } else { &mut step.resp3 };
                *block = Some(Vec::new());
                rest.trim_start()
            }
        };
        if marked.is_none() || !text.is_empty() {
            block.get_or_insert_default().push(text.to_owned());
        }
    }
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        if step.block(protocol).is_some() {
            // What is captured is known only when it is run; any number will do to see that it parses.
            step.expected(protocol, |_| Some("0".to_owned()))?;
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
config: maxmemory 0
cluster: yes

# A comment.
> GET \"a b\"
\"x\"
resp2: (nil)
c2? PING
PONG
>> PING
<
resp3:
1) \"a\"
2) \"b\"
! reconnect
";

    #[test]
    fn a_file_is_read_and_written_back_as_it_was() {
        let script = Script::parse("string/get", TEXT).unwrap();
        assert_eq!(script.text(), TEXT);
        assert_eq!(script.config, [("maxmemory".to_owned(), "0".to_owned())]);
        assert_eq!(script.environment.cluster, ClusterMode::AllSlots);
        let verbs: Vec<Verb> = script.steps.iter().map(|step| step.verb).collect();
        let expected = [Verb::Ask, Verb::AskUntil, Verb::Send, Verb::Receive, Verb::Note];
        assert_eq!(verbs, expected);
        let lines: Vec<usize> = script.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [5, 8, 10, 11, 15]);
        assert_eq!(script.steps[0].block(Protocol::Resp2).unwrap(), &["(nil)"]);
        assert_eq!(script.steps[0].block(Protocol::Resp3).unwrap(), &["\"x\""]);
        assert_eq!(script.steps[3].block(Protocol::Resp2), None);
    }

    #[test]
    fn a_mistake_names_file_and_line() {
        let error = |text| Script::parse("g/f", text).unwrap_err();
        assert_eq!(error("nonsense\n"), "g/f:1: no directive: nonsense");
        assert_eq!(error("what: 1\n"), "g/f:1: unknown directive: what: 1");
        assert_eq!(error("\n> PING\n(what)\n"), "g/f:2: unknown kind of reply: (what)");
        assert_eq!(error("> PING\n\nPONG\n"), "g/f:3: neither a step nor below one: PONG");
        assert_eq!(error(">> PING\nPONG\n"), "g/f:1: this step reads no reply");
    }
}
