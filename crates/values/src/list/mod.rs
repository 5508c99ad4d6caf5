//! Lists: elements in order, quick at both ends.
//!
//! A small list is one listpack. One that would become larger than `list-max-listpack-size` allows becomes many ([`nodes`]); one that
//! has shrunk to a single node of half that size becomes a listpack again, so that a list on the border does not change with every command.

mod build;
mod element;
mod node;
mod nodes;
#[cfg(test)]
mod tests;

use crate::{Compact, Encoding, Rules};
pub use build::ListBuilder;
use collections::{Listpack, ListpackSlice};
pub use element::Element;
use node::Node;
use nodes::{NodeLimit, Nodes};
use std::borrow::Cow;

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The head, where element 0 stands.
    Left,
    /// The tail.
    Right,
}

/// Elements in order.
#[derive(Clone)]
pub struct List(Layout);

#[derive(Clone)]
enum Layout {
    Pack(Listpack),
    Nodes(Box<Nodes>),
}

/// A list to be read, wherever it stands.
#[derive(Clone, Copy)]
pub struct ListRef<'a>(View<'a>);

#[derive(Clone, Copy)]
enum View<'a> {
    Pack(&'a ListpackSlice),
    Nodes(&'a Nodes),
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        let (own, other) = (self.view(), other.view());
        own.len() == other.len()
            && own.iter_from(0).map(Element::to_vec).eq(other.iter_from(0).map(Element::to_vec))
    }
}

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.view().iter_from(0)).finish()
    }
}

impl List {
    /// One without elements.
    #[must_use]
    pub fn new() -> List {
        List(Layout::Pack(Listpack::new()))
    }

    /// The same to be read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> ListRef<'_> {
        ListRef(match &self.0 {
            Layout::Pack(pack) => View::Pack(pack),
            Layout::Nodes(nodes) => View::Nodes(nodes),
        })
    }

    /// A small list as bytes.
    #[must_use]
    pub fn compact(&self) -> Option<(Compact, &[u8])> {
        match &self.0 {
            Layout::Pack(pack) => Some((Compact::List, pack.bytes())),
            Layout::Nodes(_) => None,
        }
    }

    /// The list that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: Compact, bytes: &[u8]) -> Option<List> {
        let pack = || List(Layout::Pack(ListpackSlice::of(bytes).to_owned()));
        (compact == Compact::List).then(pack)
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// The bytes of memory that it owns beyond itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Layout::Pack(pack) => pack.heap_bytes(),
            Layout::Nodes(nodes) => size_of::<Nodes>() + nodes.heap_bytes(),
        }
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.0 {
            Layout::Pack(_) => 1,
            Layout::Nodes(nodes) => nodes.node_count(),
        }
    }

    /// Makes room for elements that are about to be added: decides, before the first is, whether the list is still small with all of them.
    pub fn prepare<'a>(&mut self, elements: impl Iterator<Item = &'a [u8]>, rules: &Rules) {
        let Layout::Pack(pack) = &mut self.0 else { return };
        let limit = NodeLimit::new(rules);
        let (mut bytes, mut count) = (pack.bytes().len(), pack.len());
        for element in elements {
            bytes += element.len();
            count += 1;
        }
        if limit.is_exceeded(bytes, count) {
            let mut nodes = Box::<Nodes>::default();
            if !pack.is_empty() {
                nodes.push_node(Node::from(std::mem::take(pack)));
            }
            self.0 = Layout::Nodes(nodes);
        }
    }

    /// Adds an element at an end; [`List::prepare`] has been called.
    fn push(&mut self, end: End, element: &[u8], rules: &Rules) {
        let limit = NodeLimit::new(rules);
        match (&mut self.0, end) {
            (Layout::Pack(pack), End::Left) => pack.push_front(element),
            (Layout::Pack(pack), End::Right) => pack.push_back(element),
            (Layout::Nodes(nodes), End::Left) => nodes.push_front(element, limit),
            (Layout::Nodes(nodes), End::Right) => nodes.push_back(element, limit),
        }
    }

    /// Adds elements at an end, one after the other.
    pub fn push_all<'a>(
        &mut self,
        end: End,
        elements: impl Iterator<Item = &'a [u8]> + Clone,
        rules: &Rules,
    ) {
        self.prepare(elements.clone(), rules);
        elements.for_each(|element| self.push(end, element, rules));
    }

    /// Takes `count` elements from an end; there are so many.
    pub fn pop(&mut self, end: End, count: usize, rules: &Rules) {
        let first = match end {
            End::Left => 0,
            End::Right => self.len().saturating_sub(count),
        };
        self.remove(first, count, rules);
    }

    /// Puts an element in the place of the one of this number, which is there.
    pub fn set(&mut self, index: usize, element: &[u8], rules: &Rules) {
        self.prepare(std::iter::once(element), rules);
        match &mut self.0 {
            Layout::Pack(pack) => {
                if let Some(at) = pack.seek(index as i64) {
                    pack.replace(at, element);
                }
            }
            Layout::Nodes(nodes) => {
                nodes.set(index, element, NodeLimit::new(rules));
            }
        }
        self.shrink(rules);
    }

    /// Puts an element before the one of this number, or at the end.
    pub fn insert(&mut self, index: usize, element: &[u8], rules: &Rules) {
        self.prepare(std::iter::once(element), rules);
        match &mut self.0 {
            Layout::Pack(pack) => match pack.seek(index as i64) {
                Some(at) => {
                    pack.insert_before(at, element);
                }
                None => pack.push_back(element),
            },
            Layout::Nodes(nodes) => {
                nodes.insert(index, element, NodeLimit::new(rules));
            }
        }
    }

    /// Takes out `count` elements from one on.
    pub fn remove(&mut self, index: usize, count: usize, rules: &Rules) {
        self.take_out(index, count);
        self.shrink(rules);
    }

    fn take_out(&mut self, index: usize, count: usize) {
        match &mut self.0 {
            Layout::Pack(pack) => {
                if let Some(at) = pack.seek(index as i64) {
                    pack.remove(at, count);
                }
            }
            Layout::Nodes(nodes) => nodes.remove(index, count),
        }
    }

    /// Moves the element at an end to an end.
    pub fn rotate(&mut self, from: End, to: End, rules: &Rules) {
        let Some(element) = self.view().end(from).map(Element::to_vec) else { return };
        let index = match from {
            End::Left => 0,
            End::Right => self.len() - 1,
        };
        self.take_out(index, 1);
        self.push_all(to, std::iter::once(&*element), rules);
        // Only now: between the two it may be smaller than it will be.
        self.shrink(rules);
    }

    /// Takes out the elements that are `element`, `count` of them at most, from an end on; how many these were.
    pub fn remove_equal(
        &mut self,
        element: &[u8],
        (from, count): (End, usize),
        rules: &Rules,
    ) -> usize {
        let is_equal = |(_, own): &(usize, Element<'_>)| own.eq_bytes(element);
        let last = self.len().saturating_sub(1);
        let mut places: Vec<usize> = match from {
            End::Left => {
                let found = self.view().iter_from(0).enumerate().filter(is_equal);
                found.map(|(place, _)| place).take(count).collect()
            }
            End::Right => {
                let found = self.view().iter_back_from(last).enumerate().filter(is_equal);
                found.map(|(place, _)| last - place).take(count).collect()
            }
        };
        // From the last on: what is taken out moves nothing that is still to be taken out.
        places.sort_unstable_by(|a, b| b.cmp(a));
        for &place in &places {
            self.take_out(place, 1);
        }
        self.shrink(rules);
        places.len()
    }

    /// Becomes a listpack again where that is far below the limit.
    fn shrink(&mut self, rules: &Rules) {
        let Layout::Nodes(nodes) = &self.0 else { return };
        let Some(node) = nodes.only_node() else { return };
        let half = NodeLimit::new(rules).half();
        if !half.is_exceeded(node.plain_bytes(), node.len()) {
            self.0 = Layout::Pack(node.to_listpack());
        }
    }
}

#[cfg(test)]
impl List {
    /// Checks the invariants of its layout.
    fn check(&self) {
        if let Layout::Nodes(nodes) = &self.0 {
            nodes.check();
        }
    }
}

impl<'a> ListRef<'a> {
    /// The list that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: Compact, bytes: &'a [u8]) -> Option<ListRef<'a>> {
        (compact == Compact::List).then(|| ListRef(View::Pack(ListpackSlice::of(bytes))))
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            View::Pack(pack) => pack.len(),
            View::Nodes(nodes) => nodes.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How it is laid out.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self.0 {
            View::Pack(_) => Encoding::Listpack,
            View::Nodes(_) => Encoding::Quicklist,
        }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(self) -> usize {
        match self.0 {
            View::Pack(_) => 1,
            View::Nodes(nodes) => nodes.node_count(),
        }
    }

    /// The nodes as they stand in a file; those alone of `least` bytes or more.
    pub fn nodes(self, least: usize) -> Box<dyn Iterator<Item = Cow<'a, ListpackSlice>> + 'a> {
        match self.0 {
            View::Pack(pack) => {
                let one = (pack.bytes().len() >= least).then_some(Cow::Borrowed(pack));
                Box::new(one.into_iter())
            }
            View::Nodes(nodes) => {
                Box::new(nodes.nodes().filter(move |node| node.plain_bytes() >= least).map(
                    |node| match node {
                        Node::Plain(pack) => Cow::Borrowed(&***pack),
                        Node::Prefixed(_) => Cow::Owned(node.to_listpack()),
                    },
                ))
            }
        }
    }

    /// Where the first element stands that is `element`.
    #[must_use]
    pub fn position(self, element: &[u8]) -> Option<usize> {
        self.iter_from(0).position(|item| item.eq_bytes(element))
    }

    /// Visits `count` elements from one on.
    pub fn visit(self, first: usize, count: usize, visit: impl FnMut(Element<'_>)) {
        match self.0 {
            View::Pack(pack) => {
                let items = pack.seek(first as i64).into_iter().flat_map(|at| pack.iter_from(at));
                items.take(count).map(Element::from).for_each(visit);
            }
            View::Nodes(nodes) => nodes.iter_from(first).take(count).for_each(visit),
        }
    }

    /// The element of this number.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Element<'a>> {
        match self.0 {
            View::Pack(pack) => pack.seek(index as i64).map(|at| pack.item(at).into()),
            View::Nodes(nodes) => nodes.get(index),
        }
    }

    /// The element at an end.
    #[must_use]
    pub fn end(self, end: End) -> Option<Element<'a>> {
        match end {
            End::Left => self.get(0),
            End::Right => self.get(self.len().checked_sub(1)?),
        }
    }

    /// The elements from one on.
    pub fn iter_from(self, index: usize) -> Box<dyn Iterator<Item = Element<'a>> + 'a> {
        match self.0 {
            View::Pack(pack) => {
                let items = pack.seek(index as i64).into_iter().flat_map(|at| pack.iter_from(at));
                Box::new(items.map(Element::from))
            }
            View::Nodes(nodes) => Box::new(nodes.iter_from(index)),
        }
    }

    /// The elements from one on, backwards.
    pub fn iter_back_from(self, index: usize) -> Box<dyn Iterator<Item = Element<'a>> + 'a> {
        match self.0 {
            View::Pack(pack) => {
                let skip = pack.len().saturating_sub(index + 1);
                Box::new(pack.iter().rev().skip(skip).map(Element::from))
            }
            View::Nodes(nodes) => Box::new(nodes.iter_back_from(index)),
        }
    }
}
