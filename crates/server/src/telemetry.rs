//! The server's log: lines as Redis writes them, or JSON objects.
//!
//! `pid:role 21 Nov 2026 05:04:35.814 * text`, where the role is `M` for a primary, and the sign `.`, `-`, `*` or `#` for the levels debug,
//! verbose, notice and warning. Control characters in a line, which can come from clients, are escaped: a line is always one line.

use crate::clock;
use crate::files;
use config::{Config, LogFormat, LogLevel, LogTimestampFormat};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// The log of the process.
pub(crate) struct Telemetry {
    level: reload::Handle<LevelFilter, Registry>,
    shape: Arc<Shape>,
}

/// What a line looks like; may change while the server runs.
#[derive(Debug, Default)]
struct Shape {
    format: AtomicU8,
    timestamp: AtomicU8,
}

impl Shape {
    fn set(&self, config: &Config) {
        self.format.store(config.logging.log_format as u8, Relaxed);
        self.timestamp.store(config.logging.log_timestamp_format as u8, Relaxed);
    }
}

impl Telemetry {
    /// Opens the log. All that is logged before is lost.
    pub(crate) fn open(config: &Config) -> io::Result<Telemetry> {
        let file = &config.logging.logfile;
        let output = Output { file: (!file.is_empty()).then(|| files::path(file).to_owned()) };
        if let Some(path) = &output.file {
            append_to(path)?;
        }
        let shape = Arc::new(Shape::default());
        shape.set(config);
        let (filter, level) = reload::Layer::new(level_filter(config.logging.loglevel));
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Lines { shape: Arc::clone(&shape) })
            .with_writer(output);
        let subscriber = tracing_subscriber::registry().with(filter).with(lines);
        subscriber.try_init().map_err(io::Error::other)?;
        Ok(Telemetry { level, shape })
    }

    /// Takes over changed settings.
    pub(crate) fn reconfigure(&self, config: &Config) {
        self.shape.set(config);
        // Fails only when the subscriber is gone, and the log with it.
        let _ = self.level.reload(level_filter(config.logging.loglevel));
    }
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

fn append_to(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Where lines go. A file is opened for each, as Redis does it: who moves it away, to rotate logs, gets a new one.
struct Output {
    file: Option<PathBuf>,
}

/// One line's way out.
enum Line {
    File(File),
    Stdout,
    /// The file cannot be opened, and there is nowhere to say so.
    Lost,
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        match &self.file {
            None => Line::Stdout,
            Some(path) => append_to(path).map_or(Line::Lost, Line::File),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::File(file) => file.write(bytes),
            Line::Stdout => io::stdout().write(bytes),
            Line::Lost => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::File(file) => file.flush(),
            Line::Stdout => io::stdout().flush(),
            Line::Lost => Ok(()),
        }
    }
}

/// Formats events.
struct Lines {
    shape: Arc<Shape>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let stamp = Stamp {
            millis: clock::wall().0,
            zone: TimeZone::system(),
            format: timestamp_format(self.shape.timestamp.load(Relaxed)),
        };
        let level = *event.metadata().level();
        let line = if self.shape.format.load(Relaxed) == LogFormat::Json as u8 {
            json_line(&stamp, level, &said)
        } else {
            text_line(&stamp, level, &said)
        };
        writer.write_str(&line)
    }
}

fn timestamp_format(number: u8) -> LogTimestampFormat {
    [LogTimestampFormat::Iso8601, LogTimestampFormat::Milliseconds]
        .into_iter()
        .find(|format| *format as u8 == number)
        .unwrap_or_default()
}

/// The letter of a primary. Replicas have `S`; there are none yet.
const ROLE: char = 'M';

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields.push((name, format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.fields.push((name, value.to_owned())),
        }
    }
}

/// A moment and how to write it.
struct Stamp {
    millis: i64,
    zone: TimeZone,
    format: LogTimestampFormat,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.format == LogTimestampFormat::Milliseconds {
            return write!(f, "{}", self.millis);
        }
        let time = Timestamp::from_millisecond(self.millis).unwrap_or_default();
        let time = time.to_zoned(self.zone.clone());
        let millis = time.millisecond();
        match self.format {
            LogTimestampFormat::Iso8601 => {
                let (date, offset) = (time.strftime("%Y-%m-%dT%H:%M:%S"), time.strftime("%:z"));
                write!(f, "{date}.{millis:03}{offset}")
            }
            LogTimestampFormat::Legacy | LogTimestampFormat::Milliseconds => {
                write!(f, "{}.{millis:03}", time.strftime("%d %b %Y %H:%M:%S"))
            }
        }
    }
}

fn text_line(stamp: &Stamp, level: Level, said: &Said) -> String {
    let sign = match level {
        Level::TRACE => '.',
        Level::DEBUG => '-',
        Level::INFO => '*',
        _ => '#',
    };
    let mut line = format!("{}:{ROLE} {stamp} {sign} ", std::process::id());
    push_escaped(&mut line, &said.message);
    for (name, value) in &said.fields {
        line.push_str(&format!(" {name}="));
        push_escaped(&mut line, value);
    }
    line.push('\n');
    line
}

fn json_line(stamp: &Stamp, level: Level, said: &Said) -> String {
    let name = match level {
        Level::TRACE => "debug",
        Level::DEBUG => "verbose",
        Level::INFO => "notice",
        _ => "warning",
    };
    let mut line = String::from("{\"time\":");
    if stamp.format == LogTimestampFormat::Milliseconds {
        line.push_str(&stamp.to_string());
    } else {
        push_quoted(&mut line, &stamp.to_string());
    }
    let pid = std::process::id();
    line.push_str(&format!(",\"level\":\"{name}\",\"pid\":{pid},\"role\":\"{ROLE}\",\"msg\":"));
    push_quoted(&mut line, &said.message);
    for (name, value) in &said.fields {
        line.push(',');
        push_quoted(&mut line, name);
        line.push(':');
        push_quoted(&mut line, value);
    }
    line.push_str("}\n");
    line
}

/// Appends text in which control characters cannot break the line, or move a terminal's cursor.
fn push_escaped(line: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() => {
                for byte in control.encode_utf8(&mut [0; 4]).bytes() {
                    line.push_str(&format!("\\x{byte:02x}"));
                }
            }
            other => line.push(other),
        }
    }
}

/// Appends text as a JSON string.
fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() => {
                // Control characters end before the first that needs two units.
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            other => line.push(other),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 21 Nov 2026 04:04:35.814 UTC.
    const MILLIS: i64 = 1_795_233_875_814;

    fn stamp(format: LogTimestampFormat) -> Stamp {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        Stamp { millis: MILLIS, zone, format }
    }

    fn said(message: &str) -> Said {
        Said { message: message.to_owned(), fields: vec![("slot", "7".to_owned())] }
    }

    #[test]
    fn text_lines_are_as_redis_writes_them() {
        let pid = std::process::id();
        let line = text_line(&stamp(LogTimestampFormat::Legacy), Level::INFO, &said("Hello"));
        assert_eq!(line, format!("{pid}:M 21 Nov 2026 05:04:35.814 * Hello slot=7\n"));
        let signs: String = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR]
            .map(|level| text_line(&stamp(LogTimestampFormat::Milliseconds), level, &said("x")))
            .iter()
            .map(|line| line.split(' ').nth(2).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(signs, ".-*##");
    }

    #[test]
    fn a_clients_bytes_cannot_break_a_line() {
        let line = text_line(
            &stamp(LogTimestampFormat::Legacy),
            Level::WARN,
            &said("a\r\n1:M # forged\u{1b}[2J\u{85}"),
        );
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.contains(r"a\r\n1:M # forged\x1b[2J\xc2\x85"), "{line}");
    }

    #[test]
    fn json_lines_are_one_object_each() {
        let pid = std::process::id();
        let line =
            json_line(&stamp(LogTimestampFormat::Iso8601), Level::DEBUG, &said("a\"\\\n\u{1}"));
        assert_eq!(
            line,
            format!(
                "{{\"time\":\"2026-11-21T05:04:35.814+01:00\",\"level\":\"verbose\",\"pid\":{pid},\"role\":\"M\",\
                 \"msg\":\"a\\\"\\\\\\n\\u0001\",\"slot\":\"7\"}}\n"
            )
        );
    }
}
