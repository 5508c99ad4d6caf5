//! What a node says it is: names and versions that clients and tools decide by.

/// What a node says it is. Set before the node is shared.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The `server` field of HELLO's reply. Client libraries know only Redis's.
    pub greeting_name: String,
    /// The `server_name` field of INFO.
    pub server_name: String,
    /// The version of Redis that the node behaves as (`compat-version`): `redis_version` of INFO, `version` of HELLO.
    pub compat_version: String,
    /// The version of this server.
    pub redstart_version: String,
}

impl Default for Identity {
    fn default() -> Identity {
        Identity {
            greeting_name: "redis".to_owned(),
            server_name: "redstart".to_owned(),
            compat_version: "7.2.4".to_owned(),
            redstart_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
