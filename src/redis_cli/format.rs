//! Replies as redis-cli prints them: raw for programs, with types and numbers for people.

use base::words::push_quoted;

use crate::client::Reply;

/// A reply with its line ends.
pub(super) fn reply(reply: &Reply, is_raw: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if is_raw {
        raw(&mut out, reply);
        out.push(b'\n');
    } else {
        pretty(&mut out, reply, 0);
    }
    out
}

fn raw(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::Status(text) => out.extend(text.bytes()),
        Reply::Error(text) => {
            out.extend(text.bytes());
            out.push(b'\n');
        }
        Reply::Integer(value) => out.extend(value.to_string().bytes()),
        Reply::Bulk(bytes) => out.extend(bytes),
        Reply::Null => {}
        Reply::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                raw(out, element);
            }
        }
    }
}

/// What stands on lines of its own is indented by so many spaces.
fn pretty(out: &mut Vec<u8>, reply: &Reply, indent: usize) {
    match reply {
        Reply::Status(text) => out.extend(text.bytes()),
        Reply::Error(text) => out.extend(format!("(error) {text}").bytes()),
        Reply::Integer(value) => out.extend(format!("(integer) {value}").bytes()),
        Reply::Bulk(bytes) => push_quoted(out, bytes),
        Reply::Null => out.extend(b"(nil)"),
        Reply::Array(elements) if elements.is_empty() => out.extend(b"(empty array)"),
        Reply::Array(elements) => {
            let width = elements.len().to_string().len();
            for (index, element) in elements.iter().enumerate() {
                let indent_here = if index == 0 { 0 } else { indent };
                out.extend(format!("{:indent_here$}{:width$}) ", "", index + 1).bytes());
                pretty(out, element, indent + width + 2);
            }
            return;
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Bulk(text.as_bytes().to_vec())
    }

    fn nested() -> Reply {
        let inner = Reply::Array(vec![Reply::Integer(2), Reply::Array(vec![]), text("x\ny")]);
        Reply::Array(vec![Reply::Integer(1), inner, Reply::Null])
    }

    #[test]
    fn people_see_types_and_numbers() {
        let shown = String::from_utf8(reply(&nested(), false)).unwrap();
        assert_eq!(
            shown,
            "1) (integer) 1\n2) 1) (integer) 2\n   2) (empty array)\n   3) \"x\\ny\"\n3) (nil)\n"
        );
        assert_eq!(reply(&Reply::Error("ERR no".into()), false), b"(error) ERR no\n");
        let many = Reply::Array(vec![Reply::Integer(7); 10]);
        let shown = String::from_utf8(reply(&many, false)).unwrap();
        assert!(shown.starts_with(" 1) (integer) 7\n") && shown.ends_with("10) (integer) 7\n"));
    }

    #[test]
    fn programs_see_bytes_and_line_ends() {
        assert_eq!(reply(&nested(), true), b"1\n2\n\nx\ny\n\n");
        assert_eq!(reply(&Reply::Error("ERR no".into()), true), b"ERR no\n\n");
        assert_eq!(reply(&Reply::Null, true), b"\n");
        assert_eq!(reply(&Reply::Array(vec![]), true), b"\n");
        assert_eq!(reply(&text("a\u{1}b"), true), b"a\x01b\n");
    }
}
