//! What the rows `default`, `types` and `types-memory` ask for.

/// One kind of request that is measured.
pub(crate) struct Test {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The request, as [`super::template`] has it.
    pub(crate) line: &'static str,
    /// Whether it is sent as one line of text.
    pub(crate) is_inline: bool,
    /// How many times fewer requests it gets than others, for what it takes longer.
    pub(crate) weight: usize,
    /// Whether one connection asks, with one request at a time.
    pub(crate) is_single: bool,
}

/// Tests over data that is there before.
pub(crate) struct Suite {
    /// The row's word on the command line.
    pub(crate) word: &'static str,
    /// Its title in the report.
    pub(crate) title: &'static str,
    /// In the order in which they run: some need what the one before leaves behind.
    pub(crate) tests: &'static [Test],
    /// What is loaded first, and how often.
    pub(crate) data: &'static [(&'static str, usize)],
    /// Numbers in requests are by chance below this; with 1, all requests are equal.
    pub(crate) numbers: u64,
    /// The ratios to reach against Valkey at depth 1 and 16.
    pub(crate) goals: [f64; 2],
}

const fn test(name: &'static str, line: &'static str) -> Test {
    Test { name, line, is_inline: false, weight: 1, is_single: false }
}

const fn heavy(name: &'static str, line: &'static str, weight: usize) -> Test {
    Test { weight, ..test(name, line) }
}

/// redis-benchmark's list with its own defaults: all requests of a test are equal, values have three bytes.
pub(crate) const DEFAULT: Suite = Suite {
    word: "default",
    title: "redis-benchmark's default list",
    tests: &[
        Test { is_inline: true, ..test("PING_INLINE", "PING") },
        test("PING_MBULK", "PING"),
        test("SET", "SET key:# xxx"),
        test("GET", "GET key:#"),
        test("INCR", "INCR counter:#"),
        test("LPUSH", "LPUSH mylist xxx"),
        test("RPUSH", "RPUSH mylist xxx"),
        test("LPOP", "LPOP mylist"),
        test("RPOP", "RPOP mylist"),
        test("SADD", "SADD myset element:#"),
        test("HSET", "HSET myhash element:# xxx"),
        test("SPOP", "SPOP myset"),
        test("ZADD", "ZADD myzset 0 element:#"),
        test("ZPOPMIN", "ZPOPMIN myzset"),
        test("LPUSH for LRANGE", "LPUSH mylist xxx"),
        heavy("LRANGE_100", "LRANGE mylist 0 99", 5),
        heavy("LRANGE_300", "LRANGE mylist 0 299", 15),
        heavy("LRANGE_500", "LRANGE mylist 0 499", 20),
        heavy("LRANGE_600", "LRANGE mylist 0 599", 20),
        heavy(
            "MSET (10 keys)",
            "MSET key:# xxx key:# xxx key:# xxx key:# xxx key:# xxx key:# xxx key:# xxx key:# xxx key:# xxx key:# xxx",
            4,
        ),
        test("XADD", "XADD mystream * myfield xxx"),
    ],
    data: &[],
    numbers: 1,
    goals: [1.0, 1.3],
};

const MILLION: usize = 1_000_000;

/// Large collections of each type.
pub(crate) const TYPES: Suite = Suite {
    word: "types",
    title: "Large collections",
    tests: &[
        test("ZADD", "ZADD scores 1# member:#"),
        test("ZRANK", "ZRANK scores member:#"),
        heavy("ZRANGE BYSCORE", "ZRANGE scores 1# +inf BYSCORE LIMIT 0 10", 2),
        test("HSET", "HSET fields field:# value"),
        test("HGET", "HGET fields field:#"),
        test("XADD", "XADD entries * field value"),
        heavy("XRANGE", "XRANGE entries 1#-0 + COUNT 10", 2),
        test("LPUSH", "LPUSH elements element:#"),
        test("LPOP", "LPOP elements"),
        Test { is_single: true, weight: 2000, ..test("SINTER", "SINTER some others") },
    ],
    data: &[
        ("ZADD scores 1# member:#", MILLION),
        ("HSET fields field:# value", MILLION),
        ("XADD entries 1#-0 field value", MILLION),
        ("RPUSH elements element:#", MILLION / 10),
        // Half of each is in the other: every second number of the other has the same word before it.
        ("SADD some member:#", MILLION / 10),
        ("SADD others member:# other:#", MILLION / 20),
    ],
    numbers: MILLION as u64,
    goals: [1.0, 1.3],
};

/// One data set whose memory is measured.
pub(crate) struct DataSet {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The request that makes a part of it.
    pub(crate) line: &'static str,
    /// How often it is sent.
    pub(crate) requests: usize,
}

/// Each is loaded into an empty server.
pub(crate) const DATA_SETS: [DataSet; 6] = [
    DataSet {
        name: "200k hashes of 10 fields",
        line: "HSET hash:# f1 value:1 f2 value:2 f3 value:3 f4 value:4 f5 value:5 f6 value:6 f7 value:7 f8 value:8 f9 value:9 f10 10",
        requests: MILLION / 5,
    },
    DataSet {
        name: "sorted set of 1M members",
        line: "ZADD scores 1# member:#",
        requests: MILLION,
    },
    DataSet { name: "set of 1M members", line: "SADD members member:#", requests: MILLION },
    DataSet { name: "hash of 1M fields", line: "HSET fields field:# value:#", requests: MILLION },
    DataSet {
        name: "list of 10M elements",
        line: "RPUSH elements element:# element:# element:# element:# element:# element:# element:# element:# element:# element:#",
        requests: MILLION,
    },
    DataSet {
        name: "stream of 1M entries",
        line: "XADD entries 1#-0 sensor # value 21.5",
        requests: MILLION,
    },
];
