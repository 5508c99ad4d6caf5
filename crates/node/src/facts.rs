//! What does not change while the process runs, told by the server before the node is shared.

/// What is known of the process and its machine.
#[derive(Clone, Debug, Default)]
pub struct ProcessFacts {
    /// The process's number.
    pub process_id: u32,
    /// The path of the program.
    pub executable: String,
    /// The operating system: name, release and architecture.
    pub system: String,
    /// The memory of the machine, in bytes.
    pub system_memory_bytes: u64,
    /// The name of the memory allocator.
    pub allocator: String,
    /// The path of the configuration file; empty where there is none.
    pub config_file: String,
}
