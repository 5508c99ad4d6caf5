//! How a value is laid out, as `OBJECT ENCODING` tells it.

/// How a value is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// An integer of 64 bits.
    Int,
    /// A short string beside its key.
    Embstr,
    /// Any other string.
    Raw,
    /// A small list, set, hash or sorted set in one run of bytes.
    Listpack,
    /// A small set of integers, sorted.
    Intset,
    /// A large list.
    Quicklist,
    /// A large set or hash.
    Hashtable,
    /// A large sorted set.
    Skiplist,
    /// A stream.
    Stream,
}

impl Encoding {
    /// The name that `OBJECT ENCODING` gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
            Encoding::Listpack => "listpack",
            Encoding::Intset => "intset",
            Encoding::Quicklist => "quicklist",
            Encoding::Hashtable => "hashtable",
            Encoding::Skiplist => "skiplist",
            Encoding::Stream => "stream",
        }
    }
}
