//! The arguments of CLIENT's subcommands, for COMMAND DOCS.

use commands::spec::Argument;

pub(super) const YES_NO: &[Argument] = &[Argument::word("yes", "YES"), Argument::word("no", "NO")];
pub(super) const ON_OFF: &[Argument] = &[Argument::word("on", "ON"), Argument::word("off", "OFF")];
pub(super) const ON_OFF_SKIP: &[Argument] =
    &[Argument::word("on", "ON"), Argument::word("off", "OFF"), Argument::word("skip", "SKIP")];
pub(super) const WRITE_ALL: &[Argument] =
    &[Argument::word("write", "WRITE"), Argument::word("all", "ALL")];
pub(super) const TIMEOUT_ERROR: &[Argument] =
    &[Argument::word("timeout", "TIMEOUT"), Argument::word("error", "ERROR")];
pub(super) const LIBRARY: &[Argument] =
    &[Argument::string("libname").token("LIB-NAME"), Argument::string("libver").token("LIB-VER")];

pub(super) const TRACKING: &[Argument] = &[
    Argument::one_of("status", ON_OFF),
    Argument::integer("client-id").token("REDIRECT").optional(),
    Argument::string("prefix").token("PREFIX").optional().multiple_with_token(),
    Argument::word("bcast", "BCAST").optional(),
    Argument::word("optin", "OPTIN").optional(),
    Argument::word("optout", "OPTOUT").optional(),
    Argument::word("noloop", "NOLOOP").optional(),
];

/// A filter that is one string.
const fn text(name: &'static str, token: &'static str, since: &'static str) -> Argument {
    Argument::string(name).token(token).since(since).optional()
}

/// A filter that is one address.
const fn address(name: &'static str, token: &'static str, since: &'static str) -> Argument {
    text(name, token, since).shown("ip:port")
}

/// A filter that is one number.
const fn number(name: &'static str, token: &'static str, since: &'static str) -> Argument {
    Argument::integer(name).token(token).since(since).optional()
}

const NORMAL: Argument = Argument::word("normal", "NORMAL");
const MASTER: Argument = Argument::word("master", "MASTER");
const PRIMARY: Argument = Argument::word("primary", "PRIMARY");
const SLAVE: Argument = Argument::word("slave", "SLAVE");
const REPLICA: Argument = Argument::word("replica", "REPLICA");
const PUBSUB: Argument = Argument::word("pubsub", "PUBSUB");

const LIST_TYPES: &[Argument] = &[NORMAL, MASTER, REPLICA, PUBSUB];
const KILL_TYPES: &[Argument] =
    &[NORMAL, MASTER.since("3.2.0"), PRIMARY.since("8.0.0"), SLAVE, REPLICA.since("5.0.0"), PUBSUB];
const KILL_NOT_TYPES: &[Argument] = &[NORMAL, MASTER, PRIMARY, SLAVE, REPLICA, PUBSUB];

const SKIP_ME: Argument = Argument::one_of("skipme", YES_NO).token("SKIPME").optional();
const NAME: Argument = text("name", "NAME", "9.0.0");
const IDLE: Argument = number("idle", "IDLE", "9.0.0");
const FLAGS: Argument = text("flags", "FLAGS", "9.0.0");
const LIB_NAME: Argument = text("lib-name", "LIB-NAME", "9.0.0");
const LIB_VER: Argument = text("lib-ver", "LIB-VER", "9.0.0");
const DB: Argument = number("db", "DB", "9.0.0");
const CAPA: Argument = text("capa", "CAPA", "9.0.0");
const IP: Argument = text("ip", "IP", "9.0.0");
const NOT_ID: Argument = number("not-client-id", "NOT-ID", "9.0.0").multiple();
const NOT_USER: Argument = text("not-username", "NOT-USER", "9.0.0");
const NOT_ADDR: Argument = address("not-addr", "NOT-ADDR", "9.0.0");
const NOT_LADDR: Argument = address("not-laddr", "NOT-LADDR", "9.0.0");
const NOT_NAME: Argument = text("not-name", "NOT-NAME", "9.0.0");
const NOT_FLAGS: Argument = text("not-flags", "NOT-FLAGS", "9.0.0");
const NOT_LIB_NAME: Argument = text("not-lib-name", "NOT-LIB-NAME", "9.0.0");
const NOT_LIB_VER: Argument = text("not-lib-ver", "NOT-LIB-VER", "9.0.0");
const NOT_DB: Argument = number("not-db", "NOT-DB", "9.0.0");
const NOT_CAPA: Argument = text("not-capa", "NOT-CAPA", "9.0.0");
const NOT_IP: Argument = text("not-ip", "NOT-IP", "9.0.0");

const fn not_type(types: &'static [Argument]) -> Argument {
    Argument::one_of("not-client-type", types).token("NOT-TYPE").since("9.0.0").optional()
}

pub(super) const LIST_FILTERS: &[Argument] = &[
    Argument::one_of("client-type", LIST_TYPES).token("TYPE").since("5.0.0").optional(),
    number("client-id", "ID", "6.2.0").multiple(),
    text("username", "USER", "8.1.0"),
    address("addr", "ADDR", "8.1.0"),
    address("laddr", "LADDR", "8.1.0"),
    SKIP_ME.since("8.1.0"),
    number("maxage", "MAXAGE", "8.1.0"),
    NAME,
    IDLE,
    FLAGS,
    LIB_NAME,
    LIB_VER,
    DB,
    CAPA,
    IP,
    not_type(LIST_TYPES),
    NOT_ID,
    NOT_USER,
    NOT_ADDR,
    NOT_LADDR,
    NOT_NAME,
    NOT_FLAGS,
    NOT_LIB_NAME,
    NOT_LIB_VER,
    NOT_DB,
    NOT_CAPA,
    NOT_IP,
];

const KILL_FILTERS: &[Argument] = &[
    number("client-id", "ID", "2.8.12").multiple(),
    Argument::one_of("client-type", KILL_TYPES).token("TYPE").since("2.8.12").optional(),
    Argument::string("username").token("USER").optional(),
    Argument::string("addr").shown("ip:port").token("ADDR").optional(),
    address("laddr", "LADDR", "6.2.0"),
    SKIP_ME,
    number("maxage", "MAXAGE", "8.0.0"),
    NAME,
    IDLE,
    FLAGS,
    LIB_NAME,
    LIB_VER,
    DB,
    CAPA,
    IP,
    not_type(KILL_NOT_TYPES),
    NOT_ID,
    NOT_USER,
    NOT_ADDR,
    NOT_LADDR,
    NOT_NAME,
    NOT_FLAGS,
    NOT_LIB_NAME,
    NOT_LIB_VER,
    NOT_DB,
    NOT_CAPA,
    NOT_IP,
];

pub(super) const KILL_FORMS: &[Argument] = &[
    Argument::string("old-format").shown("ip:port").deprecated("2.8.12"),
    Argument::one_of("new-format", KILL_FILTERS).multiple(),
];
