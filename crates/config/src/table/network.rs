//! Listening, connections, and what a client may use up.

use super::{Directive, Setting, section};
use crate::directive::{Check, Rule, bytes_within, checked, integer, port, special, text, yes_no};
use crate::values::{Addresses, MemoryShare, OutputLimits};

const INT: i64 = i32::MAX as i64;

section! {
    /// Listening, connections, and what a client may use up.
    Network network NETWORK {
        /// Addresses to listen on; one with a minus in front may be missing.
        bind: Addresses = special("bind", Rule::Words("up to 16 addresses"), "* -::*");
        /// Address from which connections to other nodes are made.
        bind_source_addr: String = text("bind-source-addr", "");
        /// Port for clients; 0 is none.
        port: u16 = port("port", "6379");
        /// Path of the unix socket; empty is none.
        unixsocket: Vec<u8> = text("unixsocket", "").immutable();
        /// Access bits of the unix socket, octal; 0 leaves them as the umask makes them.
        unixsocketperm: u32 = special("unixsocketperm", Rule::Octal(0, 0o777), "0").immutable();
        /// Group of the unix socket.
        unixsocketgroup: Vec<u8> = text("unixsocketgroup", "").immutable().unused();
        /// Connections that the kernel holds until they are accepted.
        tcp_backlog: u32 = integer("tcp-backlog", 0, INT, "511").immutable();
        /// Seconds after which an idle client is disconnected; 0 is never.
        timeout_seconds: u32 = integer("timeout", 0, INT, "0");
        /// Seconds between probes of a silent connection; 0 sends none.
        tcp_keepalive_seconds: u32 = integer("tcp-keepalive", 0, INT, "300");
        /// Whether clients from other machines are refused while there is no password.
        protected_mode: bool = yes_no("protected-mode", "yes");
        /// Clients at the same time.
        maxclients: u32 = integer("maxclients", 1, 4_294_967_295, "10000");
        /// Connections accepted in one go.
        max_new_connections_per_cycle: u32 =
            integer("max-new-connections-per-cycle", 1, 1000, "10").unused();
        /// TLS connections accepted in one go.
        max_new_tls_connections_per_cycle: u32 =
            integer("max-new-tls-connections-per-cycle", 1, 1000, "1").unused();
        /// Bytes that a client may send without completing a command.
        client_query_buffer_limit: u64 =
            bytes_within("client-query-buffer-limit", 1 << 20, i64::MAX as u64, "1073741824");
        /// Bytes that clients may leave unread, by class of client.
        client_output_buffer_limit: OutputLimits = special(
            "client-output-buffer-limit",
            Rule::Words("class, hard bytes, soft bytes, soft seconds, for one class or more"),
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        );
        /// Memory of all clients' buffers together; 0 is no limit.
        maxmemory_clients: MemoryShare =
            special("maxmemory-clients", Rule::MemoryOrPercent, "0");
        /// Length of an argument in bytes.
        proto_max_bulk_len: u64 =
            bytes_within("proto-max-bulk-len", 1 << 20, i64::MAX as u64, "536870912");
        /// Mark of the sockets, for packet filters.
        socket_mark_id: u32 =
            integer("socket-mark-id", 0, 4_294_967_295, "0").immutable().unused();
        /// Whether to listen with multipath TCP.
        mptcp: bool = yes_no("mptcp", "no").immutable().unused();
        /// Addresses for RDMA; there is none.
        rdma_bind: String = checked("rdma-bind", Check::NoRdma, "").unused();
        /// Port for RDMA.
        rdma_port: u16 = port("rdma-port", "0").unused();
        /// Receive buffer of an RDMA connection in bytes.
        rdma_rx_size: u32 =
            integer("rdma-rx-size", 65536, 16_777_216, "1048576").immutable().unused();
        /// Completion vector of RDMA.
        rdma_completion_vector: i32 =
            integer("rdma-completion-vector", -1, 1024, "-1").immutable().unused();
        /// Keys that are remembered for client-side caches.
        tracking_table_max_keys: u64 =
            integer("tracking-table-max-keys", 0, i64::MAX, "1000000");
    }
}
