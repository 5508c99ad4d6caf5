//! Places on earth in sorted sets: the score of a member is the place's cell in a grid of half a metre.

mod add;
mod cell;
mod parse;
mod query;
mod read;
mod search;
mod shape;

use crate::spec::{Argument, Arity, Begin, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};
use query::destination;
use resp::Args;

/// The commands on places, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    GEOADD,
    GEODIST,
    GEOHASH,
    GEOPOS,
    GEORADIUS,
    GEORADIUS_RO,
    GEORADIUSBYMEMBER,
    GEORADIUSBYMEMBER_RO,
    GEOSEARCH,
    GEOSEARCHSTORE,
];

const KEY: Argument = Argument::key("key", 0);
const MEMBER: Argument = Argument::member("member").multiple().optional();
const STORE_KEY: Argument = Argument::key("storekey", 1).token("STORE").shown("key");
const BYPOLYGON: Argument = Argument::integer("num-vertices").token("BYPOLYGON");
const ANY: Argument = Argument::word("any", "ANY").optional();
const STOREDIST_KEY: Argument = Argument::key("storedistkey", 2).token("STOREDIST").shown("key");
const WITHDIST: Argument = Argument::word("withdist", "WITHDIST").optional();
const WITHHASH: Argument = Argument::word("withhash", "WITHHASH").optional();
const WITHCOORD: Argument = Argument::word("withcoord", "WITHCOORD").optional();
const LATER_ANY: Argument = Argument::word("any", "ANY").since("6.2.0").optional();
const VERTICES: Argument =
    Argument::block("vertices", &[Argument::double("longitude"), Argument::double("latitude")])
        .multiple();
const FROMLONLAT: Argument =
    Argument::block("fromlonlat", &[Argument::double("longitude"), Argument::double("latitude")])
        .token("FROMLONLAT");
const ORDER: Argument =
    Argument::one_of("order", &[Argument::word("asc", "ASC"), Argument::word("desc", "DESC")])
        .optional();
const COUNT_BLOCK: Argument =
    Argument::block("count-block", &[Argument::integer("count").token("COUNT"), ANY]).optional();
const RADIUS_COUNT: Argument =
    Argument::block("count-block", &[Argument::integer("count").token("COUNT"), LATER_ANY])
        .optional();
const STORE: Argument = Argument::one_of("store", &[STORE_KEY, STOREDIST_KEY]).optional();
const UNIT: Argument = Argument::one_of(
    "unit",
    &[
        Argument::word("m", "M"),
        Argument::word("km", "KM"),
        Argument::word("ft", "FT"),
        Argument::word("mi", "MI"),
    ],
);
const FROM: Argument =
    Argument::one_of("from", &[Argument::member("member").token("FROMMEMBER"), FROMLONLAT])
        .optional();
const POLYGON: Argument = Argument::block("polygon", &[BYPOLYGON, VERTICES]).since("9.0.0");
const CIRCLE: Argument =
    Argument::block("circle", &[Argument::double("radius").token("BYRADIUS"), UNIT]);
const BOX: Argument = Argument::block(
    "box",
    &[Argument::double("width").token("BYBOX"), Argument::double("height"), UNIT],
);
const BY: Argument = Argument::one_of("by", &[CIRCLE, BOX, POLYGON]);

const GEOADD: KeyspaceCommand = Command {
    spec: Spec {
        name: "geoadd",
        summary: "Adds places to an index, which is a sorted set.",
        since: "3.2.0",
        complexity: "O(log(N)) for each member, with N members.",
        group: Group::Geo,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            KEY,
            Argument::one_of(
                "condition",
                &[Argument::word("nx", "NX"), Argument::word("xx", "XX")],
            )
            .since("6.2.0")
            .optional(),
            Argument::word("change", "CH").since("6.2.0").optional(),
            Argument::block(
                "data",
                &[
                    Argument::double("longitude"),
                    Argument::double("latitude"),
                    Argument::member("member"),
                ],
            )
            .multiple(),
        ],
        history: &[("6.2.0", "The options `CH`, `NX` and `XX`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::geoadd)),
};

const GEODIST: KeyspaceCommand = Command {
    spec: Spec {
        name: "geodist",
        summary: "Returns the distance between two members of an index.",
        since: "3.2.0",
        group: Group::Geo,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::member("member1"),
            Argument::member("member2"),
            Argument::one_of(
                "unit",
                &[
                    Argument::word("m", "M"),
                    Argument::word("km", "KM"),
                    Argument::word("ft", "FT"),
                    Argument::word("mi", "MI"),
                ],
            )
            .optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::geodist)),
};

const GEOHASH: KeyspaceCommand = Command {
    spec: Spec {
        name: "geohash",
        summary: "Returns the places of members as geohashes.",
        since: "3.2.0",
        complexity: "O(1) for each member.",
        group: Group::Geo,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, MEMBER],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::geohash)),
};

const GEOPOS: KeyspaceCommand = Command {
    spec: Spec {
        name: "geopos",
        summary: "Returns the longitudes and latitudes of members.",
        since: "3.2.0",
        complexity: "O(1) for each member.",
        group: Group::Geo,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, MEMBER],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::geopos)),
};

/// The key behind an option that stores the result.
const fn stored_behind(
    word: &'static str,
    from: i64,
    read: fn(Args<'_>) -> Option<usize>,
) -> KeySpec {
    KeySpec { begin: Begin::Keyword { word, from, read: Some(read) }, ..KeySpec::at(1) }
        .does(KeyAccess::Overwrite, &[KeyEffect::Update])
        .variable("")
}

const GEORADIUS: KeyspaceCommand = Command {
    spec: Spec {
        name: "georadius",
        summary: "Returns or stores the members of an index around a place.",
        since: "3.2.0",
        complexity: "O(N+log(M)) for N members in the squares around the area, of M.",
        group: Group::Geo,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
            stored_behind("STORE", 6, |args| destination(args, 6)),
            // Of both words the last counts: the one above finds it.
            stored_behind("STOREDIST", 6, |_| None),
        ],
        arguments: &[
            KEY,
            Argument::double("longitude"),
            Argument::double("latitude"),
            Argument::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            RADIUS_COUNT,
            ORDER,
            STORE,
        ],
        history: &[
            ("6.2.0", "The option `ANY` of `COUNT`."),
            ("7.0.0", "Units may be in upper case."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(search::georadius)),
};

const GEORADIUS_RO: KeyspaceCommand = Command {
    spec: Spec {
        name: "georadius_ro",
        summary: "Returns the members of an index around a place.",
        since: "3.2.10",
        complexity: "O(N+log(M)) for N members in the squares around the area, of M.",
        group: Group::Geo,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::double("longitude"),
            Argument::double("latitude"),
            Argument::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            RADIUS_COUNT,
            ORDER,
        ],
        history: &[
            ("6.2.0", "The option `ANY` of `COUNT`."),
            ("7.0.0", "Units may be in upper case."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(search::georadius_ro)),
};

const GEORADIUSBYMEMBER: KeyspaceCommand = Command {
    spec: Spec {
        name: "georadiusbymember",
        summary: "Returns or stores the members of an index around one of them.",
        since: "3.2.0",
        complexity: "O(N+log(M)) for N members in the squares around the area, of M.",
        group: Group::Geo,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
            stored_behind("STORE", 5, |args| destination(args, 5)),
            // Of both words the last counts: the one above finds it.
            stored_behind("STOREDIST", 5, |_| None),
        ],
        arguments: &[
            KEY,
            Argument::member("member"),
            Argument::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_BLOCK,
            ORDER,
            STORE,
        ],
        history: &[
            ("6.2.0", "The option `ANY` of `COUNT`."),
            ("7.0.0", "Units may be in upper case."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(search::georadiusbymember)),
};

const GEORADIUSBYMEMBER_RO: KeyspaceCommand = Command {
    spec: Spec {
        name: "georadiusbymember_ro",
        summary: "Returns the members of an index around one of them.",
        since: "3.2.10",
        complexity: "O(N+log(M)) for N members in the squares around the area, of M.",
        group: Group::Geo,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::member("member"),
            Argument::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_BLOCK,
            ORDER,
        ],
        history: &[
            ("6.2.0", "The option `ANY` of `COUNT`."),
            ("7.0.0", "Units may be in upper case."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(search::georadiusbymember_ro)),
};

const GEOSEARCH: KeyspaceCommand = Command {
    spec: Spec {
        name: "geosearch",
        summary: "Returns the members of an index in a circle, a box or a polygon.",
        since: "6.2.0",
        complexity: "O(N+log(M)) for N members in the squares around the area, of M.",
        group: Group::Geo,
        arity: Arity::AtLeast(7),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, FROM, BY, ORDER, COUNT_BLOCK, WITHCOORD, WITHDIST, WITHHASH],
        history: &[("7.0.0", "Units may be in upper case."), ("9.0.0", "The option `BYPOLYGON`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(search::geosearch)),
};

const GEOSEARCHSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "geosearchstore",
        summary: "Stores the members of an index that are in a circle, a box or a polygon.",
        since: "6.2.0",
        complexity: "O(N+log(M)) for N members in the squares around the area, of M.",
        group: Group::Geo,
        arity: Arity::AtLeast(8),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
            KeySpec::at(2).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[
            Argument::key("destination", 0),
            Argument::key("source", 1),
            FROM,
            BY,
            ORDER,
            COUNT_BLOCK,
            Argument::word("storedist", "STOREDIST").optional(),
        ],
        history: &[("7.0.0", "Units may be in upper case."), ("9.0.0", "The option `BYPOLYGON`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(search::geosearchstore)),
};
