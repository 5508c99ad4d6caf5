//! Who may do what.

use super::choices::{Permission, PubsubDefault, SanitizePayload};
use super::{Directive, Setting, section};
use crate::directive::{choice, integer, text};

section! {
    /// Who may do what.
    Security security SECURITY {
        /// Password of the default user; empty is none.
        requirepass: Vec<u8> = text("requirepass", "").secret();
        /// File with the users.
        aclfile: Vec<u8> = text("aclfile", "").immutable().unused();
        /// Channels of users that say nothing of channels.
        acl_pubsub_default: PubsubDefault =
            choice::<PubsubDefault>("acl-pubsub-default", "resetchannels").unused();
        /// Refusals that ACL LOG remembers.
        acllog_max_len: u64 = integer("acllog-max-len", 0, i64::MAX, "128").unused();
        /// Who may use CONFIG SET on protected directives.
        enable_protected_configs: Permission =
            choice::<Permission>("enable-protected-configs", "no").immutable();
        /// Who may use DEBUG.
        enable_debug_command: Permission =
            choice::<Permission>("enable-debug-command", "no").immutable();
        /// Who may use MODULE; there is none.
        enable_module_command: Permission =
            choice::<Permission>("enable-module-command", "no").immutable().unused();
        /// How deeply RESTORE and RDB payloads are checked.
        sanitize_dump_payload: SanitizePayload =
            choice::<SanitizePayload>("sanitize-dump-payload", "no").hidden().unused();
    }
}
