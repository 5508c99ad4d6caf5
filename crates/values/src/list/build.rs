//! A list from its nodes, as they stand in files.

use super::node::Node;
use super::nodes::{NodeLimit, Nodes};
use super::{Layout, List};
use crate::Rules;
use collections::Listpack;

/// Puts a list together from its nodes, which may be larger or smaller than the rules would have them.
#[derive(Default)]
pub struct ListBuilder(Box<Nodes>);

impl ListBuilder {
    /// One without nodes.
    #[must_use]
    pub fn new() -> ListBuilder {
        ListBuilder::default()
    }

    /// Adds a node behind the last; one without elements is left out.
    pub fn push(&mut self, node: Listpack) {
        if !node.is_empty() {
            self.0.close_last();
            self.0.push_node(Node::from(node));
        }
    }

    /// The list: a small one where there is one node that is small.
    #[must_use]
    pub fn finish(self, rules: &Rules) -> List {
        let limit = NodeLimit::new(rules);
        match self.0.only_node() {
            Some(node) if !limit.is_exceeded(node.plain_bytes(), node.len()) => {
                List(Layout::Pack(node.to_listpack()))
            }
            None if self.0.len() == 0 => List::new(),
            Some(_) | None => List(Layout::Nodes(self.0)),
        }
    }
}
