//! A connection on which a server is asked for what it does, one request at a time.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a server may take for one answer: SAVE answers when everything is on the disk.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// The connection.
pub(crate) struct Control(BufReader<TcpStream>);

impl Control {
    /// Over this connection.
    pub(crate) fn new(stream: TcpStream) -> Result<Control> {
        stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
        Ok(Control(BufReader::new(stream)))
    }

    /// Sends a request as one line of text; the reply is a status, a number or a string. An error reply is an error.
    pub(crate) fn ask(&mut self, request: &str) -> Result<String> {
        self.0.get_mut().write_all(format!("{request}\r\n").as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let reply = line.trim_end();
        match reply.split_at_checked(1) {
            Some(("+" | ":", text)) => Ok(text.to_owned()),
            Some(("$", length)) => {
                let length: u64 = length.parse().with_context(|| format!("a length {length:?}"))?;
                let mut text = vec![0; usize::try_from(length)? + b"\r\n".len()];
                self.0.read_exact(&mut text)?;
                text.truncate(text.len() - b"\r\n".len());
                Ok(String::from_utf8(text)?)
            }
            _ => bail!("{request} is answered with {reply:?}"),
        }
    }

    /// A field in a section of `INFO`.
    pub(crate) fn info(&mut self, section: &str, field: &str) -> Result<String> {
        let text = self.ask(&format!("INFO {section}"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .with_context(|| format!("no {field} in INFO"))?;
        Ok(value.trim().to_owned())
    }

    /// A number in a section of `INFO`.
    pub(crate) fn info_number(&mut self, section: &str, field: &str) -> Result<u64> {
        let value = self.info(section, field)?;
        value.parse().with_context(|| format!("{field} is {value:?}"))
    }
}
