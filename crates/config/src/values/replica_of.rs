//! `replicaof`: the primary of a node that is not in a cluster.

use super::lenient_integer;
use crate::directive::{Line, Rule};
use crate::refusal::Refusal;
use crate::setting::{Input, Setting};
use base::words;

/// Where the primary is, if this node is a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaOf(pub Option<(String, u16)>);

impl Setting for ReplicaOf {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let [host, port] = input.words else { return Err(Refusal::Count) };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            self.0 = None;
            return Ok(());
        }
        let refused = Refusal::Special("Invalid primary port");
        let port =
            lenient_integer(port).and_then(|port| u16::try_from(port).ok()).ok_or(refused)?;
        let host = String::from_utf8(host.clone());
        let host = host.map_err(|_| Refusal::Special("argument must be UTF-8"))?;
        self.0 = Some((host, port));
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        if let Some((host, port)) = &self.0 {
            out.extend(format!("{host} {port}").bytes());
        }
    }

    fn lines(&self, _: &Self, _: &Rule) -> Vec<Line> {
        let value = self.0.as_ref().map(|(host, port)| {
            let mut value = Vec::new();
            let plain = !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_%".contains(&b));
            if plain {
                value.extend(host.bytes());
            } else {
                words::push_quoted(&mut value, host.as_bytes());
            }
            value.extend(format!(" {port}").bytes());
            value
        });
        vec![Line { changed: value.is_some(), value }]
    }
}
