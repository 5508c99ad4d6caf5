//! Transcripts: what a client says and what the server must answer, in the manner of redis-cli.
//!
//! A file under `tests/scripts/<group>/<command>` begins with header directives, one a line:
//!
//! ```text
//! config: maxmemory-policy allkeys-lfu   CONFIG SET before the file, undone after it
//! start: databases 4                     a directive of the command line; the file gets its own server
//! cluster: yes | blank                   a one-node cluster that owns all slots, or none
//! resp: 2 | 3                            only in this protocol (both otherwise)
//! hello: no                              connections begin without HELLO 3, also in the RESP3 run
//! needs: list                            only on servers that have this feature (the oracles have all)
//! oracle: skip <reason>                  a command of our own
//! oracle: differs <anchor>               a difference on purpose, written in docs/compatibility.md
//! ```
//!
//! then come steps, each with the reply it expects in the lines below it:
//!
//! ```text
//! > SET k "a\x00b"      sends a command, reads its reply; words are quoted as in redis-cli
//! OK
//! > SET k $(ab*1000)    $(text*n) is the text n times; ${name} a captured value
//! c2> GET k             on another connection, opened when it is first named
//! ? EXISTS k            asks again until the reply is as expected (with a deadline)
//! c2>> CLIENT REPLY OFF sends only
//! c2<                   reads the next reply or push
//! = "PING\r\n"          sends bytes as they are
//! c2! closed            the server closes the connection; `! reconnect` opens a new one
//! ```
//!
//! Replies: `OK` (status), `(status) x`, `(error) ERR x`, `(integer) 1`, `"bulk"`, `(nil)`, `(nil array)`, `(double) 1.5`,
//! `(true)`, `(false)`, `(verbatim txt) "x"`, `(empty array)`, arrays `1) x`, maps `1# key => value`, sets `1~ x`,
//! pushes `1> x`, nested by indentation. In RESP2 the types of RESP3 are expected in the form that RESP2 has for them; where
//! a server answers otherwise, a block that begins with `resp2:` or `resp3:` says so.
//!
//! Where a value varies: `/regex/` for a bulk string, and behind `(status)`, `(error)`, `(verbatim txt)`; `(integer) ~ 1..100` and
//! `(double) ~ 0.5..`, ends included, each may be left out; `(array) ~ 3..` for a length; `(any)`; a line `(unordered)` before an
//! array, a set or a map, or `(contains)` when there may be more. ` -> $name` behind a scalar keeps its text for `${name}`.
//!
//! Each file starts from an empty server with the configuration it was started with.

mod expected;
mod run;
mod script;

pub use expected::{Expected, Variables, render};
pub use run::{
    ClusterMode, Environment, Options, ProcessTarget, Summary, Target, assert_passes, run,
};
pub use script::{Script, load};
