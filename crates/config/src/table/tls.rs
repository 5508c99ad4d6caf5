//! TLS. None of it is in use yet: a node refuses to start with a TLS port.

use super::choices::{TlsAuthClients, TlsAuthUser};
use super::{Directive, Setting, section};
use crate::directive::{choice, integer, port, text, yes_no};

const INT: i64 = i32::MAX as i64;

section! {
    /// TLS. None of it is in use yet.
    Tls tls TLS {
        /// TLS port for clients; 0 is none.
        port: u16 = port("tls-port", "0").unused();
        /// Whether the bus uses TLS.
        cluster: bool = yes_no("tls-cluster", "no").unused();
        /// Whether replication links use TLS.
        replication: bool = yes_no("tls-replication", "no").unused();
        /// Whether clients must show a certificate.
        auth_clients: TlsAuthClients =
            choice::<TlsAuthClients>("tls-auth-clients", "yes").unused();
        /// Field of a client's certificate that names its user.
        auth_clients_user: TlsAuthUser =
            choice::<TlsAuthUser>("tls-auth-clients-user", "off").unused();
        /// Seconds between looks for changed certificates; 0 is never.
        auto_reload_interval_seconds: u32 =
            integer("tls-auto-reload-interval", 0, INT, "0").unused();
        /// File of the server's certificate.
        cert_file: Vec<u8> = text("tls-cert-file", "").unused();
        /// File of the server's key.
        key_file: Vec<u8> = text("tls-key-file", "").unused();
        /// Password of the server's key.
        key_file_pass: Vec<u8> = text("tls-key-file-pass", "").secret().unused();
        /// File of the certificate shown to other nodes.
        client_cert_file: Vec<u8> = text("tls-client-cert-file", "").unused();
        /// File of the key used with other nodes.
        client_key_file: Vec<u8> = text("tls-client-key-file", "").unused();
        /// Password of the key used with other nodes.
        client_key_file_pass: Vec<u8> = text("tls-client-key-file-pass", "").secret().unused();
        /// File of Diffie-Hellman parameters.
        dh_params_file: Vec<u8> = text("tls-dh-params-file", "").unused();
        /// File of trusted certificates.
        ca_cert_file: Vec<u8> = text("tls-ca-cert-file", "").unused();
        /// Folder of trusted certificates.
        ca_cert_dir: Vec<u8> = text("tls-ca-cert-dir", "").unused();
        /// Versions of the protocol.
        protocols: String = text("tls-protocols", "").unused();
        /// Ciphers up to TLS 1.2.
        ciphers: String = text("tls-ciphers", "").unused();
        /// Ciphers of TLS 1.3.
        ciphersuites: String = text("tls-ciphersuites", "").unused();
        /// Whether the server's order of ciphers counts.
        prefer_server_ciphers: bool = yes_no("tls-prefer-server-ciphers", "no").unused();
        /// Whether sessions are resumed.
        session_caching: bool = yes_no("tls-session-caching", "yes").unused();
        /// Sessions remembered.
        session_cache_size: u32 = integer("tls-session-cache-size", 0, INT, "20480").unused();
        /// Seconds for which they are.
        session_cache_timeout_seconds: u32 =
            integer("tls-session-cache-timeout", 0, INT, "300").unused();
    }
}
