//! The rules of encodings, where every thread reads them and CONFIG SET changes them.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
use values::{HashRules, Rules, SetRules, SortedSetRules, StreamRules};

/// The rules in force. Read without a lock: a command may see some of them before a change and some after it.
pub(crate) struct SharedRules {
    hash_entries: AtomicUsize,
    hash_value_bytes: AtomicUsize,
    set_intset_entries: AtomicUsize,
    set_listpack_entries: AtomicUsize,
    set_listpack_value_bytes: AtomicUsize,
    sorted_set_entries: AtomicUsize,
    sorted_set_value_bytes: AtomicUsize,
    list_node_size: AtomicI32,
    list_alone_bytes: AtomicUsize,
    stream_node_bytes: AtomicUsize,
    stream_node_entries: AtomicUsize,
    hyperloglog_sparse_bytes: AtomicUsize,
    seed: (u64, u64),
    changing: Mutex<()>,
}

impl SharedRules {
    pub(crate) fn new(seed: (u64, u64)) -> SharedRules {
        let shared = SharedRules {
            hash_entries: AtomicUsize::new(0),
            hash_value_bytes: AtomicUsize::new(0),
            set_intset_entries: AtomicUsize::new(0),
            set_listpack_entries: AtomicUsize::new(0),
            set_listpack_value_bytes: AtomicUsize::new(0),
            sorted_set_entries: AtomicUsize::new(0),
            sorted_set_value_bytes: AtomicUsize::new(0),
            list_node_size: AtomicI32::new(0),
            list_alone_bytes: AtomicUsize::new(Rules::DEFAULT.list_alone_bytes),
            stream_node_bytes: AtomicUsize::new(0),
            stream_node_entries: AtomicUsize::new(0),
            hyperloglog_sparse_bytes: AtomicUsize::new(0),
            seed,
            changing: Mutex::new(()),
        };
        shared.store(&Rules::DEFAULT);
        shared
    }

    /// The secret of the hash function of members.
    #[inline]
    pub(crate) fn seed(&self) -> (u64, u64) {
        self.seed
    }

    #[inline]
    pub(crate) fn load(&self) -> Rules {
        Rules {
            hash: HashRules {
                entries: self.hash_entries.load(Relaxed),
                value_bytes: self.hash_value_bytes.load(Relaxed),
            },
            set: SetRules {
                intset_entries: self.set_intset_entries.load(Relaxed),
                listpack_entries: self.set_listpack_entries.load(Relaxed),
                listpack_value_bytes: self.set_listpack_value_bytes.load(Relaxed),
            },
            sorted_set: SortedSetRules {
                entries: self.sorted_set_entries.load(Relaxed),
                value_bytes: self.sorted_set_value_bytes.load(Relaxed),
            },
            list_node_size: self.list_node_size.load(Relaxed),
            list_alone_bytes: self.list_alone_bytes.load(Relaxed),
            stream: StreamRules {
                node_bytes: self.stream_node_bytes.load(Relaxed),
                node_entries: self.stream_node_entries.load(Relaxed),
            },
            hyperloglog_sparse_bytes: self.hyperloglog_sparse_bytes.load(Relaxed),
            seed: self.seed,
        }
    }

    /// Beyond what size a node of a list that holds one element takes no other; `usize::MAX` for none.
    pub(crate) fn store_list_alone_bytes(&self, bytes: usize) {
        self.list_alone_bytes.store(bytes, Relaxed);
    }

    /// Puts other rules in force; the seed stays, and so does what no setting means.
    pub(crate) fn store(&self, rules: &Rules) {
        let _one_at_a_time = self.changing.lock();
        self.hash_entries.store(rules.hash.entries, Relaxed);
        self.hash_value_bytes.store(rules.hash.value_bytes, Relaxed);
        self.set_intset_entries.store(rules.set.intset_entries, Relaxed);
        self.set_listpack_entries.store(rules.set.listpack_entries, Relaxed);
        self.set_listpack_value_bytes.store(rules.set.listpack_value_bytes, Relaxed);
        self.sorted_set_entries.store(rules.sorted_set.entries, Relaxed);
        self.sorted_set_value_bytes.store(rules.sorted_set.value_bytes, Relaxed);
        self.list_node_size.store(rules.list_node_size, Relaxed);
        self.stream_node_bytes.store(rules.stream.node_bytes, Relaxed);
        self.stream_node_entries.store(rules.stream.node_entries, Relaxed);
        self.hyperloglog_sparse_bytes.store(rules.hyperloglog_sparse_bytes, Relaxed);
    }
}
