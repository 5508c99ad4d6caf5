//! The handshake of a replica: what it asks its primary, and what the replies mean.
//!
//! Each request waits for the reply to the one before. What follows the last reply is a snapshot ([`crate::Payload`]), or the stream.

use crate::history::ReplicationId;
use base::number;

/// How long a line of the primary's may be, in bytes, with its end. Redis's own bound.
pub const LINE_BYTES_MAX: usize = 1024;

/// A line that has no end within [`LINE_BYTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a line of the primary's is longer than {LINE_BYTES_MAX} bytes")]
pub struct LineTooLong;

/// The line at the front of `bytes`, without its end, and how many bytes it has with it; `None` where its end has not come.
///
/// # Errors
///
/// Where it is too long.
pub fn first_line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, LineTooLong> {
    let searched = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    match memchr::memchr(b'\n', searched) {
        Some(end) => {
            let line = &bytes[..end];
            Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1)))
        }
        None if bytes.len() >= LINE_BYTES_MAX => Err(LineTooLong),
        None => Ok(None),
    }
}

/// What a replica tells of itself, and what it asks for.
#[derive(Clone, Default, Debug)]
pub struct Greeting {
    /// The user that it authenticates as; empty for the default one.
    pub user: Vec<u8>,
    /// The password; empty for none.
    pub password: Vec<u8>,
    /// The port that clients find it at.
    pub port: u16,
    /// The address that clients find it at, where that is not the one that it connects from.
    pub address: Option<String>,
    /// Up to which version of Valkey it reads snapshots and runs what is sent.
    pub version: &'static str,
    /// The history that its data have, and the offset of the next byte that it needs; none where it needs everything.
    pub place: Option<(ReplicationId, u64)>,
    /// Whether it asks a replica to become the primary that it then follows (FAILOVER).
    pub hands_over: bool,
}

/// Which request has been sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ask {
    Ping,
    Auth,
    Port,
    Address,
    Capabilities,
    Version,
    Stream,
    /// The last reply has come.
    Nothing,
}

/// A handshake.
#[derive(Debug)]
pub struct Handshake {
    greeting: Greeting,
    asked: Ask,
}

/// What a line of the primary's means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A sign of life: the reply is still to come.
    Alive,
    /// These words are to be sent next.
    Send(Vec<Vec<u8>>),
    /// A snapshot comes; its data are this far in this history.
    Full {
        /// The name of the history.
        id: ReplicationId,
        /// How many bytes of it have made the data.
        offset: u64,
    },
    /// This word is to be sent, and a snapshot comes. Nobody tells of which history it is: the primary is too old for that.
    Unplaced(Vec<u8>),
    /// The stream goes on from where the replica was.
    GoOn {
        /// What the history is called from here on, where it has another name.
        id: Option<ReplicationId>,
    },
}

/// Why there will be no stream now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The primary replied with an error.
    #[error("Error reply to {request} from MASTER: '{reply}'")]
    Error {
        /// The request.
        request: &'static str,
        /// The reply.
        reply: String,
    },
    /// The primary cannot serve replicas at the moment.
    #[error("MASTER is not able to serve replicas now: '{0}'")]
    NotNow(String),
    /// The reply makes no sense.
    #[error("Unexpected reply to {request} from MASTER: '{reply}'")]
    Unexpected {
        /// The request.
        request: &'static str,
        /// The reply.
        reply: String,
    },
}

/// How much of a reply an error repeats, in bytes.
const TOLD_BYTES_MAX: usize = 256;

fn told(line: &[u8]) -> String {
    line[..line.len().min(TOLD_BYTES_MAX)].escape_ascii().to_string()
}

fn words(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

impl Handshake {
    /// Begins one: these words are to be sent first.
    #[must_use]
    pub fn begin(greeting: Greeting) -> (Handshake, Vec<Vec<u8>>) {
        (Handshake { greeting, asked: Ask::Ping }, words(&[b"PING"]))
    }

    /// Takes in a line that the primary has sent, without its end.
    ///
    /// # Errors
    ///
    /// Where there will be no stream on this connection.
    pub fn take(&mut self, line: &[u8]) -> Result<Answer, Refusal> {
        if line.is_empty() {
            return Ok(Answer::Alive);
        }
        let is_error = line.first() == Some(&b'-');
        match self.asked {
            Ask::Ping if !answers_ping(line) => Err(self.refused(line)),
            Ask::Auth if is_error => Err(self.refused(line)),
            Ask::Stream => self.take_answer(line),
            Ask::Nothing => Err(self.unexpected(line)),
            // What it does not know of these, a primary does without.
            Ask::Ping | Ask::Auth | Ask::Port | Ask::Address | Ask::Capabilities | Ask::Version => {
                Ok(Answer::Send(self.next_request()))
            }
        }
    }

    fn next_request(&mut self) -> Vec<Vec<u8>> {
        let greeting = &self.greeting;
        loop {
            self.asked = match self.asked {
                Ask::Ping => Ask::Auth,
                Ask::Auth => Ask::Port,
                Ask::Port => Ask::Address,
                Ask::Address => Ask::Capabilities,
                Ask::Capabilities => Ask::Version,
                Ask::Version | Ask::Stream | Ask::Nothing => Ask::Stream,
            };
            return match self.asked {
                Ask::Auth if greeting.password.is_empty() => continue,
                Ask::Auth if greeting.user.is_empty() => words(&[b"AUTH", &greeting.password]),
                Ask::Auth => words(&[b"AUTH", &greeting.user, &greeting.password]),
                Ask::Port => {
                    words(&[b"REPLCONF", b"listening-port", greeting.port.to_string().as_bytes()])
                }
                Ask::Address => match &greeting.address {
                    Some(address) => words(&[b"REPLCONF", b"ip-address", address.as_bytes()]),
                    None => continue,
                },
                Ask::Capabilities => words(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]),
                Ask::Version => words(&[b"REPLCONF", b"version", greeting.version.as_bytes()]),
                Ask::Ping | Ask::Stream | Ask::Nothing => self.stream_request(),
            };
        }
    }

    fn stream_request(&self) -> Vec<Vec<u8>> {
        let (id, next) = match self.greeting.place {
            Some((id, next)) => (id.to_string(), next.to_string()),
            None => ("?".to_owned(), "-1".to_owned()),
        };
        let mut request = words(&[b"PSYNC", id.as_bytes(), next.as_bytes()]);
        if self.greeting.hands_over {
            request.push(b"FAILOVER".to_vec());
        }
        request
    }

    fn take_answer(&mut self, line: &[u8]) -> Result<Answer, Refusal> {
        let is = |start: &[u8]| line.starts_with(start);
        if is(b"-NOMASTERLINK") || is(b"-LOADING") {
            return Err(Refusal::NotNow(told(&line[1..])));
        }
        if is(b"-ERR unknown command") {
            self.asked = Ask::Nothing;
            return Ok(Answer::Unplaced(b"SYNC".to_vec()));
        }
        if is(b"-") {
            return Err(self.refused(line));
        }
        let mut parts = line.split(|&byte| byte == b' ');
        let answer = match parts.next() {
            Some(b"+FULLRESYNC") => {
                let id = parts.next().and_then(ReplicationId::parse);
                let offset =
                    parts.next().and_then(number::parse_u64).filter(|&offset| offset <= OFFSET_MAX);
                id.zip(offset).map(|(id, offset)| Answer::Full { id, offset })
            }
            // Who needs everything has nothing to go on from.
            Some(b"+CONTINUE") if self.greeting.place.is_some() => match parts.next() {
                None | Some(b"") => Some(Answer::GoOn { id: None }),
                Some(id) => ReplicationId::parse(id).map(|id| Answer::GoOn { id: Some(id) }),
            },
            _ => None,
        };
        let answer = answer.ok_or_else(|| self.unexpected(line))?;
        self.asked = Ask::Nothing;
        Ok(answer)
    }

    fn refused(&self, line: &[u8]) -> Refusal {
        Refusal::Error { request: self.asked.name(), reply: told(line) }
    }

    fn unexpected(&self, line: &[u8]) -> Refusal {
        Refusal::Unexpected { request: self.asked.name(), reply: told(line) }
    }
}

/// The greatest offset that is believed: beyond it, sums with others would not be numbers of 63 bits.
pub const OFFSET_MAX: u64 = 1 << 62;

/// Whether somebody is there who may be asked further: also one who wants to know first who asks.
fn answers_ping(line: &[u8]) -> bool {
    let accepted: [&[u8]; 4] = [b"+", b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted"];
    accepted.iter().any(|start| line.starts_with(start))
}

impl Ask {
    const fn name(self) -> &'static str {
        match self {
            Ask::Ping => "PING",
            Ask::Auth => "AUTH",
            Ask::Port => "REPLCONF listening-port",
            Ask::Address => "REPLCONF ip-address",
            Ask::Capabilities => "REPLCONF capa",
            Ask::Version => "REPLCONF version",
            Ask::Stream | Ask::Nothing => "PSYNC",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;

    fn id() -> ReplicationId {
        ReplicationId::random(&mut Rng::from_seed(5))
    }

    fn joined(request: &[Vec<u8>]) -> String {
        let words: Vec<_> = request.iter().map(|word| String::from_utf8_lossy(word)).collect();
        words.join(" ")
    }

    /// All requests of a handshake whose replies are these, and what the last reply meant.
    fn run(greeting: Greeting, replies: &[&str]) -> (Vec<String>, Result<Answer, Refusal>) {
        let (mut handshake, first) = Handshake::begin(greeting);
        let (mut requests, mut last) = (vec![joined(&first)], Ok(Answer::Alive));
        for reply in replies {
            last = handshake.take(reply.as_bytes());
            if let Ok(Answer::Send(request)) = &last {
                requests.push(joined(request));
            }
        }
        (requests, last)
    }

    #[test]
    fn a_replica_introduces_itself_and_asks_for_everything() {
        let greeting = Greeting { port: 6380, version: "9.0.0", ..Greeting::default() };
        let full = format!("+FULLRESYNC {} 1234", id());
        let replies =
            ["+PONG", "+OK", "+OK", "-ERR Unrecognized REPLCONF option: version", "", &full];
        let (requests, last) = run(greeting, &replies);
        assert_eq!(
            requests,
            [
                "PING",
                "REPLCONF listening-port 6380",
                "REPLCONF capa eof capa psync2",
                "REPLCONF version 9.0.0",
                "PSYNC ? -1"
            ]
        );
        assert_eq!(last, Ok(Answer::Full { id: id(), offset: 1234 }));
    }

    #[test]
    fn a_replica_authenticates_and_asks_to_go_on() {
        let greeting = Greeting {
            user: b"u".to_vec(),
            password: b"p".to_vec(),
            address: Some("::1".to_owned()),
            place: Some((id(), 77)),
            hands_over: true,
            ..Greeting::default()
        };
        let replies =
            ["-NOAUTH Authentication required.", "+OK", "+OK", "+OK", "+OK", "+OK", "+CONTINUE"];
        let (requests, last) = run(greeting.clone(), &replies);
        assert_eq!(requests[1], "AUTH u p");
        assert_eq!(requests[3], "REPLCONF ip-address ::1");
        assert_eq!(requests[6], format!("PSYNC {} 77 FAILOVER", id()));
        assert_eq!(last, Ok(Answer::GoOn { id: None }));
        let renamed = format!("+CONTINUE {}", id());
        let (_, last) = run(greeting, &[&["+OK"; 6][..], &[&renamed]].concat());
        assert_eq!(last, Ok(Answer::GoOn { id: Some(id()) }));
    }

    /// What a reply to PSYNC means to one that has this place.
    fn answer(place: Option<(ReplicationId, u64)>, reply: &str) -> Result<Answer, Refusal> {
        let greeting = Greeting { place, ..Greeting::default() };
        run(greeting, &["+PONG", "+OK", "+OK", "+OK", reply]).1
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for reply in [
            "+FULLRESYNC",
            "+FULLRESYNC abc 1",
            &format!("+FULLRESYNC {}", id()),
            &format!("+FULLRESYNC {} -1", id()),
            &format!("+FULLRESYNC {} 9223372036854775807", id()),
            "+CONTINUE",
            "+OK",
            "$5",
        ] {
            assert!(matches!(answer(None, reply), Err(Refusal::Unexpected { .. })), "{reply}");
        }
        let place = Some((id(), 1));
        assert!(answer(place, "+CONTINUE").is_ok());
        assert!(answer(place, "+CONTINUE abc").is_err());
        for reply in ["-LOADING Redis is loading", "-NOMASTERLINK Can't SYNC"] {
            assert!(matches!(answer(place, reply), Err(Refusal::NotNow(_))), "{reply}");
        }
        assert!(matches!(
            answer(place, "-NOPERM no"),
            Err(Refusal::Error { request: "PSYNC", .. })
        ));
        let old = answer(None, "-ERR unknown command 'PSYNC'");
        assert_eq!(old, Ok(Answer::Unplaced(b"SYNC".to_vec())));
    }

    #[test]
    fn an_error_ends_the_handshake_where_it_cannot_go_on() {
        let (_, last) = run(Greeting::default(), &["-LOADING"]);
        assert!(matches!(last, Err(Refusal::Error { request: "PING", .. })));
        let greeting = Greeting { password: b"p".to_vec(), ..Greeting::default() };
        let (requests, last) = run(greeting, &["+PONG", "-WRONGPASS no"]);
        assert_eq!(requests, ["PING", "AUTH p"]);
        let text = last.expect_err("the password is wrong").to_string();
        assert_eq!(text, "Error reply to AUTH from MASTER: '-WRONGPASS no'");
    }

    #[test]
    fn lines_are_bounded_and_end_with_a_line_feed() {
        assert_eq!(first_line(b""), Ok(None));
        assert_eq!(first_line(b"+OK\r"), Ok(None));
        assert_eq!(first_line(b"+OK\r\nrest"), Ok(Some((&b"+OK"[..], 5))));
        assert_eq!(first_line(b"\n$5"), Ok(Some((&b""[..], 1))));
        assert_eq!(first_line(&[b'x'; LINE_BYTES_MAX - 1]), Ok(None));
        assert_eq!(first_line(&[b'x'; LINE_BYTES_MAX]), Err(LineTooLong));
        let mut longest = [b'x'; LINE_BYTES_MAX];
        longest[LINE_BYTES_MAX - 1] = b'\n';
        assert_eq!(
            first_line(&longest),
            Ok(Some((&longest[..LINE_BYTES_MAX - 1], LINE_BYTES_MAX)))
        );
    }
}
