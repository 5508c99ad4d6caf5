//! A node of a large list: a listpack, or one of what its elements have behind a prefix that all of them share.
//!
//! ```text
//! Plain     | job:17000 | job:17001 | job:17002 |
//! Prefixed  job:1700  | 0 | 1 | 2 |                 what is an integer by itself is stored as one
//! ```
//!
//! Elements of one list are often alike: ids, addresses, JSON of one shape. So a node that is full, and grows no more where it grew, gives up
//! the prefix of its elements where that takes off an eighth or more. From then on elements may be read, taken out, and put in where they have the prefix; one that
//! has it not makes the node plain again.
//!
//! # Invariant
//!
//! No element of a prefixed node is the text of an integer: so its size in a plain one follows from its length.

use super::element::Element;
use collections::{ARC_BYTES, Held, Item, Listpack};
use std::sync::Arc;

/// A prefix is given up where that takes off this part of the node at least: an eighth.
const SAVED_PART_MIN: usize = 8;

/// Some consecutive elements, at least one. A clone shares them until either is changed.
#[derive(Clone)]
pub(super) enum Node {
    Plain(Held<Listpack>),
    Prefixed(Arc<Prefixed>),
}

#[derive(Clone)]
pub(super) struct Prefixed {
    prefix: Box<[u8]>,
    /// What follows the prefix in each element.
    rests: Listpack,
    /// The bytes of the plain listpack that this stands for.
    plain_bytes: usize,
}

impl From<Listpack> for Node {
    fn from(pack: Listpack) -> Node {
        Node::Plain(Held::new(pack))
    }
}

impl Node {
    /// A node of one element.
    pub(super) fn single(element: &[u8]) -> Node {
        let mut pack = Listpack::new();
        pack.push_back(element);
        Node::from(pack)
    }

    #[inline]
    fn parts(&self) -> (&[u8], &Listpack) {
        match self {
            Node::Plain(pack) => (&[], pack),
            Node::Prefixed(node) => (&node.prefix, &node.rests),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.parts().1.len()
    }

    /// The bytes of it as a plain listpack: what limits go by.
    #[inline]
    pub(super) fn plain_bytes(&self) -> usize {
        match self {
            Node::Plain(pack) => pack.bytes().len(),
            Node::Prefixed(node) => node.plain_bytes,
        }
    }

    /// The bytes of memory that it owns beyond itself.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Node::Plain(pack) => pack.heap_bytes(),
            Node::Prefixed(node) => {
                ARC_BYTES + size_of::<Prefixed>() + node.prefix.len() + node.rests.heap_bytes()
            }
        }
    }

    /// The plain listpack.
    pub(super) fn to_listpack(&self) -> Listpack {
        match self {
            Node::Plain(pack) => Listpack::clone(pack),
            Node::Prefixed(node) => node.to_listpack(),
        }
    }

    /// The element of this number.
    pub(super) fn get(&self, index: usize) -> Option<Element<'_>> {
        let (prefix, pack) = self.parts();
        pack.seek(index as i64).map(|at| Element { prefix, rest: pack.item(at) })
    }

    /// The elements from one on, which is there.
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = Element<'_>> {
        let (prefix, pack) = self.parts();
        let rests = pack.seek(index as i64).into_iter().flat_map(|at| pack.iter_from(at));
        rests.map(move |rest| Element { prefix, rest })
    }

    /// All elements.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Element<'_>> {
        let (prefix, pack) = self.parts();
        pack.iter().map(move |rest| Element { prefix, rest })
    }

    pub(super) fn push_back(&mut self, element: &[u8]) {
        self.add(element, Listpack::push_back);
    }

    pub(super) fn push_front(&mut self, element: &[u8]) {
        self.add(element, Listpack::push_front);
    }

    /// Adds an element before the one of this number, which is there.
    pub(super) fn insert(&mut self, index: usize, element: &[u8]) {
        self.add(element, |pack, rest| {
            let at = pack.seek(index as i64).expect("the element is there");
            pack.insert_before(at, rest);
        });
    }

    /// Puts an element in the place of the one of this number, which is there.
    pub(super) fn replace(&mut self, index: usize, element: &[u8]) {
        if let Node::Prefixed(node) = self {
            let node = Arc::make_mut(node);
            let old = node.rests.seek(index as i64).expect("the element is there");
            node.plain_bytes -= node.element_bytes(node.rests.item(old));
        }
        self.add(element, |pack, rest| {
            let at = pack.seek(index as i64).expect("the element is there");
            pack.replace(at, rest);
        });
    }

    /// Takes out `count` elements from one on; they are there, and not all.
    pub(super) fn remove(&mut self, index: usize, count: usize) {
        let pack = match self {
            Node::Plain(pack) => pack.make_mut(),
            Node::Prefixed(node) => {
                let node = Arc::make_mut(node);
                let at = node.rests.seek(index as i64).expect("the element is there");
                let removed = node.rests.iter_from(at).take(count);
                let bytes: usize = removed.map(|rest| node.element_bytes(rest)).sum();
                node.plain_bytes -= bytes;
                &mut node.rests
            }
        };
        let at = pack.seek(index as i64).expect("the element is there");
        pack.remove(at, count);
        if pack.heap_bytes() > 2 * pack.bytes().len() {
            pack.shrink_to_fit();
        }
    }

    /// Takes out the elements from one on, which is there and not the first, as a node of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Node {
        let split = |pack: &mut Listpack| {
            let at = pack.seek(index as i64).expect("the element is there");
            pack.split_off(at)
        };
        match self {
            Node::Plain(pack) => Node::from(split(pack.make_mut())),
            Node::Prefixed(node) => {
                let node = Arc::make_mut(node);
                let rests = split(&mut node.rests);
                let bytes: usize = rests.iter().map(|rest| node.element_bytes(rest)).sum();
                node.plain_bytes -= bytes;
                let (prefix, plain_bytes) = (node.prefix.clone(), Listpack::EMPTY_BYTES + bytes);
                Node::Prefixed(Arc::new(Prefixed { prefix, rests, plain_bytes }))
            }
        }
    }

    /// It is full and grows no more at an end: gives up the prefix of its elements, and memory that was kept for growth.
    pub(super) fn close(&mut self) {
        if let Node::Plain(pack) = self
            && let Some(node) = Prefixed::of(pack)
        {
            *self = Node::Prefixed(Arc::new(node));
        } else {
            self.shrink_to_fit();
        }
    }

    /// Gives back memory that is kept for growth.
    pub(super) fn shrink_to_fit(&mut self) {
        match self {
            Node::Plain(pack) => pack.make_mut().shrink_to_fit(),
            Node::Prefixed(node) => Arc::make_mut(node).rests.shrink_to_fit(),
        }
    }

    /// Adds an element: `change` puts what is stored of it where it belongs. What it replaces is no longer in `plain_bytes`.
    #[inline]
    fn add(&mut self, element: &[u8], change: impl FnOnce(&mut Listpack, &[u8])) {
        if let Node::Prefixed(node) = self {
            if let Some(rest) = node.rest_of(element) {
                let node = Arc::make_mut(node);
                node.plain_bytes += Listpack::item_bytes(element);
                return change(&mut node.rests, rest);
            }
            *self = Node::from(node.to_listpack());
        }
        if let Node::Plain(pack) = self {
            change(pack.make_mut(), element);
        }
    }
}

impl Prefixed {
    /// The same as a listpack without its prefix, where that is so much smaller.
    fn of(pack: &Listpack) -> Option<Prefixed> {
        let prefix = shared_prefix(pack)?;
        let plain_bytes = pack.bytes().len();
        let shared = prefix.len() * (pack.len() - 1);
        if shared < size_of::<Prefixed>() + plain_bytes / SAVED_PART_MIN {
            return None;
        }
        let mut rests = Listpack::with_capacity(plain_bytes - shared);
        for item in pack.iter() {
            item.with_bytes(|text| rests.push_back(&text[prefix.len()..]));
        }
        rests.shrink_to_fit();
        Some(Prefixed { prefix: prefix.into(), rests, plain_bytes })
    }

    fn to_listpack(&self) -> Listpack {
        let mut pack = Listpack::with_capacity(self.plain_bytes);
        let mut text = self.prefix.to_vec();
        for rest in self.rests.iter() {
            text.truncate(self.prefix.len());
            rest.push_to(&mut text);
            pack.push_back(&text);
        }
        pack
    }

    /// What is stored of an element; `None` where it cannot stand here.
    #[inline]
    fn rest_of<'e>(&self, element: &'e [u8]) -> Option<&'e [u8]> {
        let rest = element.strip_prefix(&*self.prefix)?;
        (!Listpack::is_integer(element)).then_some(rest)
    }

    /// How many bytes an element takes in a plain node.
    fn element_bytes(&self, rest: Item<'_>) -> usize {
        Listpack::string_bytes(self.prefix.len() + rest.len())
    }
}

/// What all items begin with; `None` where one is an integer, or there is nothing of that kind.
fn shared_prefix(pack: &Listpack) -> Option<&[u8]> {
    let mut items = pack.iter();
    let Item::Bytes(mut prefix) = items.next()? else { return None };
    for item in items {
        let Item::Bytes(bytes) = item else { return None };
        if !bytes.starts_with(prefix) {
            let shared = prefix.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            prefix = &prefix[..shared];
        }
        if prefix.is_empty() {
            return None;
        }
    }
    Some(prefix)
}
