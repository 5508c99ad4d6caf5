//! The forms of all commands that the model test runs, by family. Commands that a server does not have are left out when it runs.

/// A family, and how its commands look (see [`super::form`]).
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) forms: &'static [&'static str],
}

/// All of them.
pub(super) const FAMILIES: &[Family] = &[
    Family { name: "generic", forms: GENERIC },
    Family { name: "string", forms: STRINGS },
    Family { name: "bitmap", forms: BITS },
    Family { name: "hyperloglog", forms: HYPERLOGLOG },
    Family { name: "list", forms: LISTS },
    Family { name: "set", forms: SETS },
    Family { name: "hash", forms: HASHES },
    Family { name: "zset", forms: SORTED_SETS },
    Family { name: "geo", forms: GEO },
    Family { name: "sort", forms: SORTING },
    Family { name: "stream", forms: STREAMS },
];

const GENERIC: &[&str] = &[
    "COPY any any [REPLACE]",
    "DEL|UNLINK any...",
    "EXISTS|TOUCH any...",
    "EXPIREAT any seconds [NX|XX|GT|LT]",
    "EXPIRETIME|PEXPIRETIME any",
    "PERSIST any",
    "PTTL|TTL NOTHING",
    "RENAME|RENAMENX any any",
    "TYPE any",
    "~SCAN 0 COUNT 10000 TYPE string|list|set|hash|zset|stream",
    "~KEYS pattern",
    "DBSIZE",
    "MOVE any 1 ; SELECT 1 ; RENAME same same ; MOVE same 0 ; SELECT 0",
    "OBJECT ENCODING set0|hash0|zset0|stream0|nothing0",
    "MULTI ; INCR string ; LPUSH list value ; EXEC",
    "WATCH list ; LPUSH same value ; MULTI ; LLEN same ; EXEC",
    "MULTI ; TYPE any ; DISCARD",
];

const STRINGS: &[&str] = &[
    "SET string value [NX|XX] [GET] [KEEPTTL]",
    "SET string number",
    "GET|GETDEL|STRLEN string",
    "GETEX string [PERSIST]",
    "GETSET string value",
    "GETRANGE|SUBSTR string index index",
    "SETRANGE string offset value",
    "APPEND string value",
    "INCR|DECR string",
    "INCRBY|DECRBY string number",
    "INCRBYFLOAT string double",
    "MGET string...",
    "MSET|MSETNX (string value)...",
    "SETNX string value",
    "LCS string string [LEN] [IDX] [MINMATCHLEN count] [WITHMATCHLEN]",
];

const BITS: &[&str] = &[
    "SETBIT string offset bit",
    "GETBIT string offset",
    "BITCOUNT string [index index BYTE|BIT]",
    "BITPOS string bit [index [index [BYTE|BIT]]]",
    "BITOP AND|OR|XOR string string...",
    "BITOP NOT string string",
    "BITFIELD string [GET u8|i5|u63|i64 offset] [OVERFLOW WRAP|SAT|FAIL] [SET u8|i5|u63 offset small] [INCRBY u4|i8|i64 #3 small]",
    "BITFIELD_RO string GET u3|i16 offset",
];

const HYPERLOGLOG: &[&str] = &["PFADD hll value...", "PFCOUNT hll...", "PFMERGE hll hll..."];

const LISTS: &[&str] = &[
    "LPUSH|RPUSH list value...",
    "LPUSH|RPUSH list value value value value...",
    "LPUSHX|RPUSHX list value...",
    "LPOP|RPOP list [count]",
    "LINDEX list index",
    "LINSERT list BEFORE|AFTER value value",
    "LLEN list",
    "LMOVE list list LEFT|RIGHT LEFT|RIGHT",
    "RPOPLPUSH list list",
    "LMPOP lists LEFT|RIGHT [COUNT count]",
    "LPOS list value [RANK index] [COUNT count] [MAXLEN count]",
    "LRANGE list index index",
    "LREM list index value",
    "LSET list small value",
    "LTRIM list index index",
    "MULTI ; BLPOP|BRPOP list... 0 ; EXEC",
    "MULTI ; BLMOVE list list LEFT|RIGHT LEFT|RIGHT 0 ; EXEC",
    "MULTI ; BLMPOP 0 lists LEFT|RIGHT [COUNT count] ; EXEC",
    "MULTI ; BRPOPLPUSH list list 0 ; EXEC",
];

const SETS: &[&str] = &[
    "SADD set member...",
    "SADD set number...",
    "SADD set member member member member...",
    "SREM set member...",
    "SCARD set",
    "SISMEMBER set member",
    "SMISMEMBER set member...",
    "~SMEMBERS set",
    "SMOVE set set member",
    "~SDIFF|SINTER|SUNION set...",
    "SDIFFSTORE|SINTERSTORE|SUNIONSTORE set set...",
    "SINTERCARD sets [LIMIT count]",
    "?SPOP set [count] ; DEL same",
    "?SRANDMEMBER set [index]",
    "~SSCAN set 0 COUNT 10000 [MATCH pattern]",
    "OBJECT ENCODING set",
];

const HASHES: &[&str] = &[
    "HSET|HMSET hash (field value)...",
    "HSET hash field value field value field value (field value)...",
    "HSETNX hash field value",
    "HGET|HSTRLEN|HEXISTS hash field",
    "HMGET hash field...",
    "HDEL hash field...",
    "HLEN hash",
    "~HKEYS|HVALS|HGETALL hash",
    "HINCRBY hash field number",
    "HINCRBYFLOAT hash field double",
    "?HRANDFIELD hash [index [WITHVALUES]]",
    "~HSCAN hash 0 COUNT 10000 [MATCH pattern] [NOVALUES]",
    "HEXPIREAT hash seconds [NX|XX|GT|LT] FIELDS 2 field field",
    "HEXPIRETIME|HPEXPIRETIME|HPERSIST hash FIELDS 1 field",
    "HGETEX hash PERSIST FIELDS 1 field",
    "HSETEX hash [FNX|FXX] [KEEPTTL] FIELDS 1 field value",
    "HGETDEL hash FIELDS 1 field",
    "OBJECT ENCODING hash",
];

/// Without ranges of members: what these are is not told where scores differ.
const SORTED_SETS: &[&str] = &[
    "ZADD zset [NX|XX|GT|LT] [CH] (double member)...",
    "ZADD zset double member double member double member (double member)...",
    "ZADD zset [NX|XX] INCR double member",
    "ZINCRBY zset double member",
    "ZREM zset member...",
    "ZCARD zset",
    "ZSCORE zset member",
    "ZMSCORE zset member...",
    "ZRANK|ZREVRANK zset member [WITHSCORE]",
    "ZCOUNT zset scorebound scorebound",
    "ZRANGE zset index index [REV] [WITHSCORES]",
    "ZRANGE zset scorebound scorebound BYSCORE [REV] [LIMIT few index] [WITHSCORES]",
    "ZREVRANGE zset index index [WITHSCORES]",
    "ZRANGEBYSCORE|ZREVRANGEBYSCORE zset scorebound scorebound [WITHSCORES] [LIMIT few index]",
    "ZRANGESTORE zset zset index index [REV]",
    "ZRANGESTORE zset zset scorebound scorebound BYSCORE [LIMIT few index]",
    "ZREMRANGEBYRANK zset index index",
    "ZREMRANGEBYSCORE zset scorebound scorebound",
    "ZPOPMIN|ZPOPMAX zset [count]",
    "ZMPOP zsets MIN|MAX [COUNT count]",
    "MULTI ; BZPOPMIN|BZPOPMAX zset... 0 ; EXEC",
    "MULTI ; BZMPOP 0 zsets MIN|MAX [COUNT count] ; EXEC",
    "ZDIFF|ZINTER|ZUNION zsets [WITHSCORES]",
    "ZINTER|ZUNION 2 zset set WEIGHTS weight weight [AGGREGATE SUM|MIN|MAX] [WITHSCORES]",
    "ZINTERSTORE|ZUNIONSTORE zset zsets [AGGREGATE SUM|MIN|MAX]",
    "ZDIFFSTORE zset zsets",
    "ZINTERCARD zsets [LIMIT count]",
    "?ZRANDMEMBER zset [index [WITHSCORES]]",
    "~ZSCAN zset 0 COUNT 10000 [MATCH pattern]",
    "OBJECT ENCODING zset",
];

/// Without GEODIST, GEOHASH, GEOPOS and FROMMEMBER: of scores that are no place they tell what C leaves undefined. Without COUNT in an order: which of equally
/// distant members come first is a matter of the oracle's way to sort.
const GEO: &[&str] = &[
    "GEOADD geo [NX|XX] [CH] (degrees degrees member)...",
    "~GEOSEARCH geo FROMLONLAT degrees degrees BYRADIUS box KM [WITHCOORD] [WITHDIST] [WITHHASH]",
    "GEOSEARCH geo FROMLONLAT degrees degrees BYBOX box box KM ASC|DESC",
    "GEOSEARCHSTORE geo geo FROMLONLAT degrees degrees BYRADIUS box KM",
];

/// Of lists only: a sorted set changes its layout for it in Valkey, and of equal weights, the members of a set would stand in the order of a hash table. Elements
/// are compared by their bytes with STORE, else as the locale has it.
const SORTING: &[&str] = &[
    "RPUSH queue value...",
    "RPUSH queue number",
    "LPUSH queue few few few",
    "LTRIM queue 0 20",
    "SORT queue [LIMIT few index] [ASC|DESC] ALPHA STORE queue",
    "SORT_RO queue [LIMIT few index] [ASC|DESC]",
    "SORT queue BY string* GET # GET hash*->f1 [ASC|DESC] ALPHA STORE queue",
    "SORT queue BY NOSORT [GET #] [LIMIT few index] [ASC|DESC] [STORE queue]",
];

const STREAMS: &[&str] = &[
    "XADD stream newid (field value)...",
    "XADD stream [NOMKSTREAM] [MAXLEN count] newid field value",
    "XADD stream [MINID id] newid field value",
    "XADD stream id field value",
    "XDEL stream id...",
    "XLEN stream",
    "XRANGE|XREVRANGE stream idbound idbound [COUNT count]",
    "XRANGE stream - +",
    "XTRIM stream MAXLEN|MINID count",
    "XSETID stream newid",
    "XREAD [COUNT count] STREAMS stream id",
    "XGROUP CREATE stream group id [MKSTREAM]",
    "XGROUP SETID stream group id",
    "XGROUP DESTROY stream group",
    "XGROUP CREATECONSUMER|DELCONSUMER stream group consumer",
    "XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS stream >",
    "XREADGROUP GROUP group consumer [COUNT count] STREAMS stream id",
    "XACK stream group id...",
    "XPENDING stream group",
    "XCLAIM stream group consumer 0 id... [FORCE] [JUSTID]",
    "XAUTOCLAIM stream group consumer 0 id [COUNT few] [JUSTID]",
    "?XINFO STREAM stream",
    "?XINFO GROUPS stream",
];

/// Commands whose outcome is chance, or a matter of when they run: they are run on one server only. Without STOREDIST: a distance differs in its last digit.
pub(super) const CHANCY: &[&str] = &[
    "EXPIRE|PEXPIRE any 0|1|2|5|20|100|1000 [NX|XX|GT|LT]",
    "EXPIRE|PEXPIRE any 10|50|1000",
    "SET string value PX|EX 1|5|20|100 [NX|XX] [GET]",
    "SETEX|PSETEX string 1|5|50 value",
    "GETEX string PX|EX 1|10|100",
    "MSETEX 2 string value string value [NX|XX] PX|EX 1|10|100",
    "SET string number PXAT 1|33000000000000 [GET]",
    "HEXPIRE|HPEXPIRE hash 0|1|5|20|100|1000 [NX|XX|GT|LT] FIELDS 2 field field",
    "HGETEX hash EX|PX 1|5|100 FIELDS 2 field field",
    "HGETEX hash EXAT 1|33000000000 FIELDS 2 field field",
    "HSETEX hash [FNX|FXX] [EX|PX 1|5|50|1000] FIELDS 1 field value",
    "HSETEX hash EXAT 1 FIELDS 2 field value field value",
    "SPOP set [few]",
    "SADD set member member member member member member member member member member",
    "XADD stream * (field value)...",
    "XADD stream [NOMKSTREAM] MAXLEN ~ few [LIMIT few] * field value",
    "XADD stream MINID ~ id * field value",
    "XTRIM stream MAXLEN|MINID ~ few [LIMIT count]",
    "XREADGROUP GROUP group consumer [COUNT few] [NOACK] STREAMS stream stream > >",
    "XREADGROUP GROUP group consumer STREAMS stream stream > 0",
    "XAUTOCLAIM stream group consumer 0|1|100 0 [COUNT few]",
    "XCLAIM stream group consumer 0|1|100 id... [IDLE 5|1000] [RETRYCOUNT few] [FORCE]",
    "XCLAIM stream group consumer 0 id... LASTID id",
    "GEORADIUS geo degrees degrees box KM COUNT few ANY STORE geo",
    "MULTI ; SPOP set ; PEXPIRE any 5 ; XADD stream * field value ; GETDEL string ; EXEC",
    "MULTI ; SELECT 1 ; SET string value PX 20 ; SELECT 0 ; INCR string ; EXEC",
    "COPY any any DB 1 [REPLACE] ; MOVE same 1",
    "SELECT 1 ; APPEND string value ; MOVE any 0 ; SELECT 0",
    "SWAPDB 0 1",
];
