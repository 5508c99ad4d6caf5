//! Giving memory back to the system.
//!
//! mimalloc keeps what is freed for a while, and looks at what it keeps only when a thread frees or asks for more. What other threads have freed
//! of a thread's memory it sees only when that thread looks. So a server that has become idle keeps all that it ever needed.

use libmimalloc_sys as _;

// SAFETY: the declaration is that of `mimalloc.h`. The function may be called from any thread at any time.
unsafe extern "C" {
    safe fn mi_collect(force: bool);
}

/// Has the allocator look through what this thread keeps, and give back to the system what nobody has needed for a tenth of a second; all
/// that is free, if `at_once`. Takes time in the memory that the thread has in use. Nothing comes of it where the program has another allocator.
pub fn give_back_memory(at_once: bool) {
    mi_collect(at_once);
}
