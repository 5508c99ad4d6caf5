//! How many nodes a radix tree over the ids of the nodes would have: what Redis keeps them in, and XINFO tells.

use super::log::Log;

const ID_BYTES: usize = 16;

impl Log {
    /// The nodes of Redis's radix tree for this stream. Goes over all nodes.
    #[must_use]
    pub fn radix_tree_nodes(&self) -> usize {
        let keys = self.nodes().iter().map(|(id, _)| {
            let number = u128::from(id.ms) << 64 | u128::from(id.seq);
            number.to_be_bytes()
        });
        count(keys)
    }
}

/// Counts the nodes of a tree: one for each key, one for each branch, and one for each run of bytes between them in which nothing
/// branches. `keys` are sorted.
fn count(keys: impl Iterator<Item = [u8; ID_BYTES]>) -> usize {
    let mut nodes = 0;
    // The depths of the branches above the key that was seen last.
    let mut branches: Vec<usize> = Vec::new();
    let mut last: Option<[u8; ID_BYTES]> = None;
    // A branch or a key at this depth, below the branch `parent`, with the run before it.
    let with_run = |depth: usize, parent: Option<usize>| {
        1 + usize::from(depth > parent.map_or(0, |parent| parent + 1))
    };
    for key in keys {
        if let Some(last) = last {
            let common = last.iter().zip(key).take_while(|(one, other)| *one == other).count();
            let deepest = branches.last().copied();
            nodes += with_run(ID_BYTES, deepest.max(Some(common)));
            while let Some(depth) = branches.pop_if(|depth| *depth > common) {
                nodes += with_run(depth, branches.last().copied().max(Some(common)));
            }
            if branches.last() != Some(&common) {
                branches.push(common);
            }
        }
        last = Some(key);
    }
    match last {
        None => nodes = 1,
        Some(_) => nodes += with_run(ID_BYTES, branches.last().copied()),
    }
    while let Some(depth) = branches.pop() {
        nodes += with_run(depth, branches.last().copied());
    }
    nodes
}
