//! The server's log.

use super::choices::{LogFormat, LogLevel, LogTimestampFormat, SyslogFacility};
use super::{Directive, Setting, section};
use crate::directive::{choice, text, yes_no};

section! {
    /// The server's log.
    Logging logging LOGGING {
        /// The least important messages that are logged.
        loglevel: LogLevel = choice::<LogLevel>("loglevel", "notice");
        /// File of the log; empty is the standard output.
        logfile: Vec<u8> = text("logfile", "").immutable();
        /// What a line looks like: Redis's text, or JSON.
        log_format: LogFormat = choice::<LogFormat>("log-format", "text");
        /// How a line gives its time.
        log_timestamp_format: LogTimestampFormat =
            choice::<LogTimestampFormat>("log-timestamp-format", "legacy");
        /// Whether to log to the system log.
        syslog_enabled: bool = yes_no("syslog-enabled", "no").immutable().unused();
        /// Name in the system log.
        syslog_ident: String = text("syslog-ident", "redstart").immutable().unused();
        /// Facility in the system log.
        syslog_facility: SyslogFacility =
            choice::<SyslogFacility>("syslog-facility", "local0").immutable().unused();
        /// Whether the banner is printed when the log is no terminal.
        always_show_logo: bool = yes_no("always-show-logo", "no").immutable();
        /// Whether a crash is reported at length.
        crash_log_enabled: bool = yes_no("crash-log-enabled", "yes").unused();
        /// Whether memory is tested after a crash.
        crash_memcheck_enabled: bool = yes_no("crash-memcheck-enabled", "yes").unused();
        /// Whether keys and values are kept out of the log; they always are.
        hide_user_data_from_log: bool = yes_no("hide-user-data-from-log", "yes").unused();
    }
}
