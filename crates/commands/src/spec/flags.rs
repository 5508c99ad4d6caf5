//! The words that commands are classified by.

/// A chapter of the manual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Strings as arrays of bits.
    Bitmap,
    /// Strings that estimate how many different things were seen.
    Hyperloglog,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Streams.
    Stream,
    /// Places on earth, in sorted sets.
    Geo,
    /// Publish and subscribe.
    Pubsub,
    /// Transactions.
    Transactions,
    /// The connection itself.
    Connection,
    /// The server.
    Server,
    /// The cluster.
    Cluster,
}

impl Group {
    /// The word that COMMAND DOCS gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::Hyperloglog => "hyperloglog",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Stream => "stream",
            Group::Geo => "geo",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Cluster => "cluster",
        }
    }
}

/// What a command may do, and when it may run. The names are those that COMMAND INFO gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flag {
    /// May change data.
    Write,
    /// Only reads data.
    Readonly,
    /// May need more memory: refused when there is none.
    DenyOom,
    /// For administrators.
    Admin,
    /// Of the publish/subscribe kind.
    Pubsub,
    /// Not for scripts.
    Noscript,
    /// May wait.
    Blocking,
    /// Runs while data are loaded.
    Loading,
    /// Runs on a replica whose data are stale.
    Stale,
    /// Not while data are loaded beside the old ones.
    NoAsyncLoading,
    /// Not shown to MONITOR.
    SkipMonitor,
    /// Not noted in the slow log.
    SkipSlowlog,
    /// Asks nothing of the slot's state (RESTORE-ASKING).
    Asking,
    /// Takes constant or logarithmic time.
    Fast,
    /// Runs before AUTH.
    NoAuth,
    /// Not inside a transaction.
    NoMulti,
    /// Its keys cannot all be told from its key specifications.
    MovableKeys,
    /// Runs while a script holds the server.
    AllowBusy,
    /// Works on any database (FLUSHALL).
    NoMandatoryKeys,
}

impl Flag {
    /// The word that COMMAND INFO gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Flag::Write => "write",
            Flag::Readonly => "readonly",
            Flag::DenyOom => "denyoom",
            Flag::Admin => "admin",
            Flag::Pubsub => "pubsub",
            Flag::Noscript => "noscript",
            Flag::Blocking => "blocking",
            Flag::Loading => "loading",
            Flag::Stale => "stale",
            Flag::NoAsyncLoading => "no_async_loading",
            Flag::SkipMonitor => "skip_monitor",
            Flag::SkipSlowlog => "skip_slowlog",
            Flag::Asking => "asking",
            Flag::Fast => "fast",
            Flag::NoAuth => "no_auth",
            Flag::NoMulti => "no_multi",
            Flag::MovableKeys => "movablekeys",
            Flag::AllowBusy => "allow_busy",
            Flag::NoMandatoryKeys => "no_mandatory_keys",
        }
    }
}

/// A category of the access control lists; in the order in which COMMAND INFO gives them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Category {
    /// `@keyspace`
    Keyspace,
    /// `@read`
    Read,
    /// `@write`
    Write,
    /// `@set`
    Set,
    /// `@sortedset`
    SortedSet,
    /// `@list`
    List,
    /// `@hash`
    Hash,
    /// `@string`
    String,
    /// `@bitmap`
    Bitmap,
    /// `@hyperloglog`
    Hyperloglog,
    /// `@geo`
    Geo,
    /// `@stream`
    Stream,
    /// `@pubsub`
    Pubsub,
    /// `@admin`
    Admin,
    /// `@fast`
    Fast,
    /// `@slow`
    Slow,
    /// `@blocking`
    Blocking,
    /// `@dangerous`
    Dangerous,
    /// `@connection`
    Connection,
    /// `@transaction`
    Transaction,
    /// `@scripting`
    Scripting,
}

impl Category {
    /// The word, without its `@`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Category::Keyspace => "keyspace",
            Category::Read => "read",
            Category::Write => "write",
            Category::Set => "set",
            Category::SortedSet => "sortedset",
            Category::List => "list",
            Category::Hash => "hash",
            Category::String => "string",
            Category::Bitmap => "bitmap",
            Category::Hyperloglog => "hyperloglog",
            Category::Geo => "geo",
            Category::Stream => "stream",
            Category::Admin => "admin",
            Category::Fast => "fast",
            Category::Slow => "slow",
            Category::Blocking => "blocking",
            Category::Dangerous => "dangerous",
            Category::Connection => "connection",
            Category::Pubsub => "pubsub",
            Category::Transaction => "transaction",
            Category::Scripting => "scripting",
        }
    }
}
