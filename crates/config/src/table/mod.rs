//! Every directive, declared once.
//!
//! A row is `/// what it is for`, the field of [`Config`](crate::Config) with its type, and the
//! directive: name, bounds, default, and what else is special. To declare a new one, add a row to
//! the file of its group; a type of its own needs an `impl Setting` in `values/`, names for values
//! a `choice!` in `choices.rs`.

pub(crate) mod choices;
mod cluster;
mod encoding;
mod general;
mod logging;
mod memory;
mod network;
mod persistence;
mod replication;
mod security;
mod telemetry;
mod tls;

pub use cluster::Cluster;
pub use encoding::Encoding;
pub use general::General;
pub use logging::Logging;
pub use memory::Memory;
pub use network::Network;
pub use persistence::Persistence;
pub use replication::Replication;
pub use security::Security;
pub use telemetry::Telemetry;
pub use tls::Tls;

use crate::directive::Directive;
use crate::setting::Setting;

/// Declares a group of directives: the struct with a typed field each, and the rows of the table.
macro_rules! section {
    ($(#[$about:meta])* $name:ident $place:ident $rows:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $row:expr;)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {$($(#[doc = $doc])+ pub $field: $type,)+}
        pub(crate) const $rows: &[Directive] = &[$(Directive {
            doc: concat!($($doc),+),
            section: stringify!($place),
            set: |config, input| Setting::set(&mut config.$place.$field, input),
            text: |config, rule, out| Setting::text(&config.$place.$field, rule, out),
            lines: |a, b, rule| Setting::lines(&a.$place.$field, &b.$place.$field, rule),
            equal: |a, b| a.$place.$field == b.$place.$field,
            ..$row
        }),+];
    };
}
use section;

/// The rows of all groups.
const GROUPS: [&[Directive]; 11] = [
    network::NETWORK,
    general::GENERAL,
    security::SECURITY,
    memory::MEMORY,
    persistence::PERSISTENCE,
    replication::REPLICATION,
    cluster::CLUSTER,
    encoding::ENCODING,
    logging::LOGGING,
    telemetry::TELEMETRY,
    tls::TLS,
];

/// Every directive, in the order of the table.
pub fn directives() -> impl Iterator<Item = &'static Directive> {
    GROUPS.into_iter().flatten()
}

/// The directive of this name or alias, and the spelling meant; letters in any case.
pub(crate) fn lookup(name: &[u8]) -> Option<(&'static Directive, &'static str)> {
    directives().find_map(|directive| Some((directive, directive.spelling(name)?)))
}

/// The table as a page of Markdown, for `docs/compatibility.md`: what does something first, then
/// what is accepted only.
#[must_use]
pub fn markdown() -> String {
    use crate::directive::{Effect, Mutability};
    let mut page = String::new();
    for (effect, title) in [
        (Effect::InUse, "Directives in use"),
        (Effect::None, "Directives that are accepted, not yet used"),
    ] {
        page += &format!(
            "## {title}\n\n| directive | values | default | set | meaning |\n|---|---|---|---|---|\n"
        );
        for directive in directives().filter(|directive| directive.effect == effect) {
            let names: Vec<_> = directive.names().map(|name| format!("`{name}`")).collect();
            let default = match directive.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let when = match directive.mutability {
                Mutability::Live => "any time",
                Mutability::Protected => "protected",
                Mutability::Immutable => "at start",
            };
            page += &format!(
                "| {} | {} | {default} | {when} | {} |\n",
                names.join(", "),
                directive.rule.describe(),
                directive.summary()
            );
        }
        page += "\n";
    }
    page
}
