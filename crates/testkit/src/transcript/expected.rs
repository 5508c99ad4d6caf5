//! What a reply must be: parsed from a transcript, compared with what came, and printed from what came.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex_lite::Regex;

use crate::client::Protocol;
use crate::escape::{display_bytes, quoted, unescape};
use crate::reply::Reply;

/// Values captured by ` -> $name`.
pub type Variables = BTreeMap<String, String>;

/// What a reply must be.
#[derive(Debug)]
pub struct Expected {
    form: Form,
    capture: Option<String>,
}

#[derive(Debug)]
enum Form {
    Any,
    Exact(Reply),
    Nil,
    NilArray,
    Status(Regex),
    Error(Regex),
    Bulk(Regex),
    Verbatim(String, Regex),
    Integer(Range<i64>),
    Double(Range<f64>),
    Length(Range<i64>),
    List(Aggregate, Order, Vec<Expected>),
    Map(Order, Vec<(Expected, Expected)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Array,
    Set,
    Push,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    AsWritten,
    Any,
    Contains,
}

#[derive(Debug)]
struct Range<T> {
    least: Option<T>,
    most: Option<T>,
}

impl<T: PartialOrd + std::str::FromStr> Range<T> {
    fn parse(text: &str) -> Result<Self, String> {
        let (least, most) =
            text.trim().split_once("..").ok_or_else(|| format!("a range is a..b, not {text}"))?;
        let end = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("{text} is no number")),
        };
        Ok(Self { least: end(least)?, most: end(most)? })
    }

    fn holds(&self, value: &T) -> bool {
        self.least.as_ref().is_none_or(|least| value >= least)
            && self.most.as_ref().is_none_or(|most| value <= most)
    }
}

impl Expected {
    /// Reads the lines of one expectation.
    ///
    /// # Errors
    /// When they are not an expectation.
    pub fn parse(lines: &[&str]) -> Result<Self, String> {
        let lines: Vec<Line> = lines.iter().map(|line| Line::new(line)).collect();
        let mut parser = Parser { lines, at: 0 };
        let expected = parser.value(0)?;
        match parser.lines.get(parser.at) {
            None => Ok(expected),
            Some(line) => Err(format!("unexpected: {}", line.text)),
        }
    }

    /// True when `reply` is what was expected; captured values are kept.
    #[must_use]
    pub fn matches(&self, reply: &Reply, protocol: Protocol, variables: &mut Variables) -> bool {
        let holds = self.form.matches(reply, protocol, variables);
        if holds && let (Some(name), Some(text)) = (&self.capture, reply.text()) {
            variables.insert(name.clone(), text);
        }
        holds
    }
}

impl Form {
    fn matches(&self, reply: &Reply, protocol: Protocol, variables: &mut Variables) -> bool {
        let resp2 = protocol == Protocol::Resp2;
        match (self, reply) {
            (Self::Any, _) => true,
            (Self::Exact(exact), reply) if resp2 => exact.in_resp2() == *reply,
            (Self::Exact(exact), reply) => exact == reply,
            (Self::Nil, reply) if resp2 => *reply == Reply::NullBulk,
            (Self::NilArray, reply) if resp2 => *reply == Reply::NullArray,
            (Self::Nil | Self::NilArray, reply) => *reply == Reply::Null,
            (Self::Status(pattern), Reply::Status(text))
            | (Self::Error(pattern), Reply::Error(text)) => pattern.is_match(text),
            (Self::Bulk(pattern), Reply::Bulk(bytes)) => is_match(pattern, bytes),
            (Self::Verbatim(_, pattern), Reply::Bulk(bytes)) if resp2 => is_match(pattern, bytes),
            (Self::Verbatim(format, pattern), Reply::Verbatim(given, bytes)) => {
                format == given && is_match(pattern, bytes)
            }
            (Self::Integer(range), Reply::Integer(value)) => range.holds(value),
            (Self::Double(range), Reply::Double(text)) => holds_text(range, text),
            (Self::Double(range), Reply::Bulk(bytes)) if resp2 => {
                holds_text(range, &String::from_utf8_lossy(bytes))
            }
            (Self::Length(range), reply) => reply
                .items()
                .is_some_and(|items| i64::try_from(items.len()).is_ok_and(|n| range.holds(&n))),
            (Self::List(kind, order, expected), reply) => {
                let given = match (kind, reply) {
                    (_, Reply::Array(items)) if resp2 || *kind == Aggregate::Array => items,
                    (Aggregate::Set, Reply::Set(items)) | (Aggregate::Push, Reply::Push(items)) => {
                        items
                    }
                    _ => return false,
                };
                let one = |expected: &Expected, given: &Reply, variables: &mut Variables| {
                    expected.matches(given, protocol, variables)
                };
                all_match(*order, expected, given, variables, one)
            }
            (Self::Map(order, expected), reply) => {
                let pairs: Vec<(Reply, Reply)> = match reply {
                    Reply::Map(pairs) => pairs.clone(),
                    Reply::Array(flat) if resp2 && flat.len() % 2 == 0 => flat
                        .chunks_exact(2)
                        .filter_map(|pair| Some((pair.first()?.clone(), pair.last()?.clone())))
                        .collect(),
                    _ => return false,
                };
                let one = |expected: &(Expected, Expected),
                           given: &(Reply, Reply),
                           variables: &mut Variables| {
                    expected.0.matches(&given.0, protocol, variables)
                        && expected.1.matches(&given.1, protocol, variables)
                };
                all_match(*order, expected, &pairs, variables, one)
            }
            _ => false,
        }
    }
}

fn all_match<E, G>(
    order: Order,
    expected: &[E],
    given: &[G],
    variables: &mut Variables,
    one: impl Fn(&E, &G, &mut Variables) -> bool,
) -> bool {
    if order != Order::Contains && expected.len() != given.len() {
        return false;
    }
    if order == Order::AsWritten {
        return expected.iter().zip(given).all(|(e, g)| one(e, g, variables));
    }
    let mut left: Vec<&G> = given.iter().collect();
    expected.iter().all(|e| match left.iter().position(|g| one(e, g, variables)) {
        Some(place) => {
            left.remove(place);
            true
        }
        None => false,
    })
}

fn is_match(pattern: &Regex, bytes: &[u8]) -> bool {
    pattern.is_match(&String::from_utf8_lossy(bytes))
}

fn holds_text(range: &Range<f64>, text: &str) -> bool {
    text.parse().is_ok_and(|value| range.holds(&value))
}

struct Line<'a> {
    indent: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Self {
        let text = line.trim_start_matches(' ');
        Self { indent: line.len() - text.len(), text }
    }

    /// `12) rest`: the sign, the length of what stands before the rest, the rest.
    fn element(&self) -> Option<(char, usize, &'a str)> {
        let digits = self.text.bytes().take_while(u8::is_ascii_digit).count();
        let mut chars = self.text.get(digits..)?.chars();
        let sign = chars.next().filter(|sign| ")#~>".contains(*sign) && digits > 0)?;
        let rest = chars.as_str();
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        Some((sign, self.text.len() - rest.len(), rest))
    }
}

struct Parser<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
}

impl Parser<'_> {
    /// The value whose first line stands at `column` or further right.
    fn value(&mut self, column: usize) -> Result<Expected, String> {
        let line = self.lines.get(self.at).ok_or("a value is missing")?;
        let order = match line.text {
            "(unordered)" => Order::Any,
            "(contains)" => Order::Contains,
            _ => Order::AsWritten,
        };
        if order != Order::AsWritten {
            self.at += 1;
        }
        let line = self.lines.get(self.at).ok_or("a value is missing")?;
        match line.element() {
            None if order != Order::AsWritten => Err("an aggregate must follow".into()),
            None => {
                let text = line.text;
                self.at += 1;
                scalar(text)
            }
            Some((sign, ..)) => self.aggregate(sign, order, column),
        }
    }

    fn aggregate(&mut self, sign: char, order: Order, column: usize) -> Result<Expected, String> {
        let mut items = Vec::new();
        let mut pairs = Vec::new();
        // Numbers are aligned to the right: the first may stand further right than the tenth.
        while let Some(line) = self.lines.get(self.at)
            && line.indent >= column
            && let Some((this, width, rest)) = line.element()
            && this == sign
        {
            let inner = line.indent + width;
            let behind = if sign == '#' {
                let (key, behind) = map_key(rest)?;
                pairs.push(key);
                behind
            } else {
                rest
            };
            if behind.is_empty() {
                self.at += 1;
                items.push(self.value(column + 1)?);
            } else {
                // The first line of the element's own value goes on in this line, perhaps aligned.
                let first = inner + (rest.len() - behind.len());
                if let Some(line) = self.lines.get_mut(self.at) {
                    let text = behind.trim_start_matches(' ');
                    *line = Line { indent: first + (behind.len() - text.len()), text };
                }
                let within = if sign == '#' { column + 1 } else { first };
                items.push(self.value(within)?);
            }
        }
        let form = match sign {
            '#' => Form::Map(order, pairs.into_iter().zip(items).collect()),
            '~' => Form::List(Aggregate::Set, order, items),
            '>' => Form::List(Aggregate::Push, order, items),
            _ => Form::List(Aggregate::Array, order, items),
        };
        Ok(Expected { form, capture: None })
    }
}

/// `key => value`: the key, and the text of the value.
fn map_key(text: &str) -> Result<(Expected, &str), String> {
    let missing = || format!("a pair is written key => value: {text}");
    let key_bytes = if text.starts_with('"') {
        let (_, behind) = quoted(text).ok_or_else(missing)?;
        text.len() - behind.len()
    } else {
        text.find(" =>").ok_or_else(missing)?
    };
    let (key, behind) = text.split_at(key_bytes);
    let value = behind.strip_prefix(" =>").ok_or_else(missing)?;
    Ok((scalar(key)?, value.strip_prefix(' ').unwrap_or(value)))
}

fn scalar(text: &str) -> Result<Expected, String> {
    let (text, capture) = match text.rsplit_once(" -> $") {
        Some((text, name)) if name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            (text, Some(name.to_owned()))
        }
        _ => (text, None),
    };
    Ok(Expected { form: scalar_form(text)?, capture })
}

fn scalar_form(text: &str) -> Result<Form, String> {
    let (tag, rest) = match text.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
        Some((tag, rest)) => (tag, rest.strip_prefix(' ').unwrap_or(rest)),
        None => ("", text),
    };
    let range = rest.strip_prefix('~');
    let pattern = pattern(rest)?;
    Ok(match (tag, range, pattern) {
        ("any", ..) => Form::Any,
        ("nil", ..) => Form::Nil,
        ("nil array", ..) => Form::NilArray,
        ("true", ..) => Form::Exact(Reply::Boolean(true)),
        ("false", ..) => Form::Exact(Reply::Boolean(false)),
        ("empty array", ..) => Form::Exact(Reply::Array(Vec::new())),
        ("empty set", ..) => Form::Exact(Reply::Set(Vec::new())),
        ("empty map", ..) => Form::Exact(Reply::Map(Vec::new())),
        ("empty push", ..) => Form::Exact(Reply::Push(Vec::new())),
        ("array", Some(range), _) => Form::Length(Range::parse(range)?),
        ("integer", Some(range), _) => Form::Integer(Range::parse(range)?),
        ("integer", None, _) => {
            Form::Exact(Reply::Integer(rest.parse().map_err(|_| format!("{rest} is no integer"))?))
        }
        ("double", Some(range), _) => Form::Double(Range::parse(range)?),
        ("double", None, _) => Form::Exact(Reply::Double(rest.to_owned())),
        ("big number", ..) => Form::Exact(Reply::BigNumber(rest.to_owned())),
        ("error", _, Some(pattern)) => Form::Error(pattern),
        ("error", _, None) => Form::Exact(Reply::Error(rest.to_owned())),
        ("status", _, Some(pattern)) => Form::Status(pattern),
        ("status", _, None) => Form::Exact(Reply::Status(rest.to_owned())),
        ("", _, Some(pattern)) => Form::Bulk(pattern),
        ("", _, None) if rest.starts_with('"') => Form::Exact(Reply::Bulk(
            unescape(rest).ok_or_else(|| format!("the quotes do not match: {rest}"))?,
        )),
        ("", _, None) => Form::Exact(Reply::Status(rest.to_owned())),
        (tag, _, pattern) => match (tag.strip_prefix("verbatim "), pattern) {
            (Some(format), Some(pattern)) => Form::Verbatim(format.to_owned(), pattern),
            (Some(format), None) => Form::Exact(Reply::Verbatim(
                format.to_owned(),
                unescape(rest).ok_or_else(|| format!("the quotes do not match: {rest}"))?,
            )),
            (None, _) => return Err(format!("unknown kind of reply: ({tag})")),
        },
    })
}

fn pattern(text: &str) -> Result<Option<Regex>, String> {
    let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    inner
        .map(|inner| Regex::new(&format!("(?mR){inner}")).map_err(|error| error.to_string()))
        .transpose()
}

/// A reply as the lines of a transcript.
#[must_use]
pub fn render(reply: &Reply) -> Vec<String> {
    let list = |sign: &str, empty: &str, items: &[Reply]| {
        if items.is_empty() {
            return vec![format!("(empty {empty})")];
        }
        let numbered = |(index, item): (usize, &Reply)| {
            let number = element_number(index, items.len(), sign);
            indented(&number, render(item))
        };
        items.iter().enumerate().flat_map(numbered).collect()
    };
    match reply {
        Reply::Status(text) if is_plain(text) => vec![text.clone()],
        Reply::Status(text) => vec![format!("(status) {text}")],
        Reply::Error(text) => vec![format!("(error) {text}")],
        Reply::Integer(value) => vec![format!("(integer) {value}")],
        Reply::Bulk(bytes) => vec![display_bytes(bytes)],
        Reply::NullBulk | Reply::Null => vec!["(nil)".into()],
        Reply::NullArray => vec!["(nil array)".into()],
        Reply::Boolean(value) => vec![format!("({value})")],
        Reply::Double(text) => vec![format!("(double) {text}")],
        Reply::BigNumber(text) => vec![format!("(big number) {text}")],
        Reply::Verbatim(format, bytes) => {
            vec![format!("(verbatim {format}) {}", display_bytes(bytes))]
        }
        Reply::Array(items) => list(")", "array", items),
        Reply::Set(items) => list("~", "set", items),
        Reply::Push(items) => list(">", "push", items),
        Reply::Map(pairs) if pairs.is_empty() => vec!["(empty map)".into()],
        Reply::Map(pairs) => pairs
            .iter()
            .enumerate()
            .flat_map(|(index, pair)| render_pair(index, pairs.len(), pair))
            .collect(),
        Reply::Attributed(_, reply) => render(reply),
    }
}

fn element_number(index: usize, count: usize, sign: &str) -> String {
    let width = count.to_string().len();
    format!("{:>width$}{sign} ", index + 1)
}

fn indented(first: &str, lines: Vec<String>) -> Vec<String> {
    let rest = " ".repeat(first.len());
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| format!("{}{line}", if index == 0 { first } else { &rest }))
        .collect()
}

fn render_pair(index: usize, count: usize, (key, value): &(Reply, Reply)) -> Vec<String> {
    let number = element_number(index, count, "#");
    let mut head = number.clone();
    write!(head, "{} =>", render(key).concat()).expect("a String takes all");
    let value = render(value);
    match value.as_slice() {
        [line] if Line::new(line).element().is_none() => vec![format!("{head} {line}")],
        _ => {
            let indent = " ".repeat(number.len());
            let inner = value.iter().map(|line| format!("{indent}{line}"));
            std::iter::once(head).chain(inner).collect()
        }
    }
}

/// True when a status is read back as one: nothing else begins as it does.
fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && !text.contains(" -> $")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(lines: &str, reply: &Reply, protocol: Protocol) -> bool {
        let lines: Vec<&str> = lines.lines().collect();
        let expected = Expected::parse(&lines).unwrap();
        expected.matches(reply, protocol, &mut Variables::new())
    }

    fn nested() -> Reply {
        let pair = |key: &str, value: Reply| (Reply::bulk(key), value);
        Reply::Map(vec![
            pair("a b", Reply::Array(vec![Reply::Integer(1), Reply::Array(vec![])])),
            pair("m", Reply::Map(vec![pair("x", Reply::Null), pair("y", Reply::bulk(" =>"))])),
            pair("s", Reply::Set(vec![Reply::Status("ok".into()), Reply::Boolean(true)])),
            pair("one", Reply::Array(vec![Reply::Array(vec![Reply::bulk("deep")])])),
            pair("v", Reply::Verbatim("txt".into(), b"l\r\n".to_vec())),
        ])
    }

    #[test]
    fn what_is_rendered_is_expected() {
        let many = Reply::Array((0..12).map(|n| Reply::Array(vec![Reply::Integer(n)])).collect());
        let aligned = Reply::Array(vec![many.clone(), Reply::Set(vec![nested(), many.clone()])]);
        for reply in [nested(), many, aligned, Reply::Array(vec![nested(), nested()]), Reply::Null]
        {
            let lines = render(&reply).join("\n");
            assert!(matches(&lines, &reply, Protocol::Resp3), "{lines}");
            assert!(matches(&lines, &reply.in_resp2(), Protocol::Resp2), "{lines}");
        }
    }

    #[test]
    fn another_reply_is_not_expected() {
        let lines = render(&nested()).join("\n");
        assert!(!matches(&lines, &Reply::Map(vec![]), Protocol::Resp3));
        assert!(!matches(&lines, &nested(), Protocol::Resp2), "a map has no place in RESP2");
        assert!(!matches("(nil)", &Reply::NullArray, Protocol::Resp2));
        assert!(!matches("(nil)", &Reply::NullBulk, Protocol::Resp3));
        assert!(!matches("OK", &Reply::bulk("OK"), Protocol::Resp2));
        assert!(!matches("\"1\"", &Reply::Integer(1), Protocol::Resp2));
        assert!(!matches("(error) ERR a", &Reply::Error("ERR a b".into()), Protocol::Resp2));
        assert!(!matches("1) \"a\"", &Reply::Array(vec![]), Protocol::Resp2));
        assert!(!matches("(double) 1.0", &Reply::Double("1".into()), Protocol::Resp3));
    }

    #[test]
    fn patterns_take_what_varies_and_no_more() {
        let two = Protocol::Resp2;
        assert!(matches("(integer) ~ 1..100", &Reply::Integer(100), two));
        assert!(!matches("(integer) ~ 1..100", &Reply::Integer(101), two));
        assert!(matches("(integer) ~ ..0", &Reply::Integer(-5), two));
        assert!(matches("/^a:[0-9]+$/", &Reply::bulk("x\r\na:12\r\n"), two));
        assert!(!matches("/^a:[0-9]+$/", &Reply::bulk("a:x"), two));
        assert!(matches("(error) /^ERR .*x/", &Reply::Error("ERR yx".into()), two));
        let ab = Reply::Array(vec![Reply::bulk("b"), Reply::bulk("a")]);
        assert!(!matches("1) \"a\"\n2) \"b\"", &ab, two));
        assert!(matches("(unordered)\n1) \"a\"\n2) \"b\"", &ab, two));
        assert!(!matches("(unordered)\n1) \"a\"", &ab, two));
        assert!(matches("(contains)\n1) \"a\"", &ab, two));
        assert!(!matches("(contains)\n1) \"c\"", &ab, two));
        assert!(matches("(array) ~ 2..2", &ab, two));
    }

    #[test]
    fn a_captured_value_is_kept() {
        let expected = Expected::parse(&["(integer) ~ 1.. -> $id"]).unwrap();
        let mut variables = Variables::new();
        assert!(expected.matches(&Reply::Integer(7), Protocol::Resp2, &mut variables));
        assert_eq!(variables.get("id").map(String::as_str), Some("7"));
    }

    #[test]
    fn what_is_no_expectation_is_refused() {
        for lines in [&["(integer) x"][..], &["(what) 1"], &["\"open"], &["OK", "more"], &[]] {
            assert!(Expected::parse(lines).is_err(), "{lines:?}");
        }
    }
}
