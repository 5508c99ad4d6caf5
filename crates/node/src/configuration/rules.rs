//! The rules of encodings that the settings mean.

use config::Config;
use engine::Rules;

/// Up to what size values are kept compact under these settings. The seed is not among them.
pub(crate) fn rules(config: &Config) -> Rules {
    let settings = &config.encoding;
    let size = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
    let mut rules = Rules::DEFAULT;
    rules.hash.entries = size(settings.hash_max_listpack_entries);
    rules.hash.value_bytes = size(settings.hash_max_listpack_value);
    rules.set.intset_entries = size(settings.set_max_intset_entries);
    rules.set.listpack_entries = size(settings.set_max_listpack_entries);
    rules.set.listpack_value_bytes = size(settings.set_max_listpack_value);
    rules.sorted_set.entries = size(settings.zset_max_listpack_entries);
    rules.sorted_set.value_bytes = size(settings.zset_max_listpack_value);
    rules.list_node_size = settings.list_max_listpack_size;
    rules.stream.node_bytes = size(settings.stream_node_max_bytes);
    rules.stream.node_entries = size(settings.stream_node_max_entries);
    rules.hyperloglog_sparse_bytes = size(settings.hll_sparse_max_bytes);
    rules
}
