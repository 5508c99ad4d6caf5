//! What a search asks for.

use super::cell::Place;
use super::parse::{place, unit};
use super::read::place_of;
use super::shape::{Around, Shape, middle_of};
use crate::CommandError;
use base::double::parse_double;
use base::number::parse_i64;
use resp::Args;
use values::SortedSetRef;

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// GEORADIUS; may store.
    Radius,
    /// GEORADIUS_RO
    RadiusReadOnly,
    /// GEORADIUSBYMEMBER; may store.
    RadiusByMember,
    /// GEORADIUSBYMEMBER_RO
    RadiusByMemberReadOnly,
    /// GEOSEARCH
    Search,
    /// GEOSEARCHSTORE
    SearchStore,
}

impl Form {
    /// Where the key stands.
    pub(super) fn key(self) -> usize {
        if self == Form::SearchStore { 2 } else { 1 }
    }

    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    fn may_store(self) -> bool {
        matches!(self, Form::Radius | Form::RadiusByMember)
    }
}

/// In which order results come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    AsFound,
    Nearest,
    Farthest,
}

/// What a search asks for.
pub(super) struct Query<'a> {
    /// `None` where the member that it goes around is not known, for the key is absent.
    pub(super) around: Option<Around>,
    /// The metres of the unit of distances.
    pub(super) metres: f64,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_place: bool,
    /// `COUNT`: so many at most.
    pub(super) count: Option<usize>,
    /// `ANY`: the first so many that are found.
    pub(super) any: bool,
    pub(super) order: Order,
    /// Where the result is stored.
    pub(super) store: Option<&'a [u8]>,
    /// Whether distances are stored instead of places.
    pub(super) stores_distance: bool,
}

/// The parts of a query while it is read.
struct Reader<'a, 's> {
    args: Args<'a>,
    form: Form,
    set: Option<SortedSetRef<'s>>,
    query: Query<'a>,
    /// A place or a member was given.
    has_centre: bool,
    centre: Option<Place>,
    shape: Option<Shape>,
}

/// Where the key of STORE or STOREDIST stands, among the options from `index` on: the last where there are several.
pub(super) fn destination(args: Args<'_>, mut index: usize) -> Option<usize> {
    let mut found = None;
    while let Some(word) = args.get(index) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let stores = (is("store") || is("storedist")) && index + 1 < args.len();
        if stores {
            found = Some(index + 1);
        }
        index += if stores || is("count") { 2 } else { 1 };
    }
    found
}

impl<'a> Query<'a> {
    /// Reads a query on a set, which is absent perhaps.
    pub(super) fn parse(
        args: Args<'a>,
        form: Form,
        set: Option<SortedSetRef<'_>>,
    ) -> Result<Query<'a>, CommandError> {
        let query = Query {
            around: None,
            metres: 1.0,
            with_distance: false,
            with_hash: false,
            with_place: false,
            count: None,
            any: false,
            order: Order::AsFound,
            store: if form == Form::SearchStore { args.get(1) } else { None },
            stores_distance: false,
        };
        let mut reader =
            Reader { args, form, set, query, has_centre: false, centre: None, shape: None };
        let mut index = reader.fixed()?;
        while index < args.len() {
            index += reader.option(index)?;
        }
        reader.finish()
    }
}

impl<'a> Reader<'a, '_> {
    fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index).unwrap_or_default()
    }

    /// Reads what stands before the options; where these begin.
    fn fixed(&mut self) -> Result<usize, CommandError> {
        match self.form {
            Form::Radius | Form::RadiusReadOnly => {
                self.centre = Some(place(self.arg(2), self.arg(3))?);
                self.circle(4)?;
                Ok(6)
            }
            Form::RadiusByMember | Form::RadiusByMemberReadOnly => {
                if self.set.is_some() {
                    self.member(2)?;
                    self.circle(3)?;
                }
                Ok(5)
            }
            Form::Search => Ok(2),
            Form::SearchStore => Ok(3),
        }
    }

    /// Reads one option; how many arguments it is.
    fn option(&mut self, index: usize) -> Result<usize, CommandError> {
        let word = self.arg(index);
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let rest = self.args.len() - index - 1;
        let form = self.form;
        if is("withdist") {
            self.query.with_distance = true;
        } else if is("withhash") {
            self.query.with_hash = true;
        } else if is("withcoord") {
            self.query.with_place = true;
        } else if is("any") {
            self.query.any = true;
        } else if is("asc") {
            self.query.order = Order::Nearest;
        } else if is("desc") {
            self.query.order = Order::Farthest;
        } else if is("count") && rest >= 1 {
            let count = parse_i64(self.arg(index + 1)).ok_or(CommandError::NotInteger)?;
            let count = usize::try_from(count).ok().filter(|&count| count > 0);
            self.query.count = Some(count.ok_or(CommandError::Text("ERR COUNT must be > 0"))?);
            return Ok(2);
        } else if form.may_store() && rest >= 1 && (is("store") || is("storedist")) {
            self.query.store = self.args.get(index + 1);
            self.query.stores_distance = is("storedist");
            return Ok(2);
        } else if form == Form::SearchStore && is("storedist") {
            self.query.stores_distance = true;
        } else if form.is_search() {
            return self.search_option(index, word, rest);
        } else {
            return Err(CommandError::Syntax);
        }
        Ok(1)
    }

    /// Reads an option of GEOSEARCH.
    fn search_option(
        &mut self,
        index: usize,
        word: &[u8],
        rest: usize,
    ) -> Result<usize, CommandError> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let is_polygon = matches!(self.shape, Some(Shape::Polygon(_)));
        let may_have_centre = !self.has_centre && !is_polygon;
        if is("frommember") && rest >= 1 && may_have_centre {
            self.has_centre = true;
            self.member(index + 1)?;
            Ok(2)
        } else if is("fromlonlat") && rest >= 2 && may_have_centre {
            self.has_centre = true;
            self.centre = Some(place(self.arg(index + 1), self.arg(index + 2))?);
            Ok(3)
        } else if is("byradius") && rest >= 2 && !is_polygon && !self.is_box() {
            self.circle(index + 1)?;
            Ok(3)
        } else if is("bybox") && rest >= 3 && !is_polygon && !self.is_circle() {
            self.rectangle(index + 1)?;
            Ok(4)
        } else if is("bypolygon") && rest >= 1 && self.shape.is_none() && !self.has_centre {
            self.polygon(index + 1)
        } else {
            Err(CommandError::Syntax)
        }
    }

    fn is_box(&self) -> bool {
        matches!(self.shape, Some(Shape::Box { .. }))
    }

    fn is_circle(&self) -> bool {
        matches!(self.shape, Some(Shape::Circle { .. }))
    }

    /// The place of a member is the middle.
    fn member(&mut self, index: usize) -> Result<(), CommandError> {
        if self.set.is_some() {
            let member = self.arg(index);
            let place = place_of(self.set, member)
                .ok_or_else(|| CommandError::echo("ERR member ", member, " does not exist"))?;
            self.centre = Some(place);
        }
        Ok(())
    }

    /// A radius and its unit.
    fn circle(&mut self, index: usize) -> Result<(), CommandError> {
        let radius =
            parse_double(self.arg(index)).ok_or(CommandError::Text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(CommandError::Text("ERR radius cannot be negative"));
        }
        let metres = unit(self.arg(index + 1))?;
        self.query.metres = metres;
        self.shape = Some(Shape::Circle { radius: radius * metres });
        Ok(())
    }

    /// Width, height and their unit.
    fn rectangle(&mut self, index: usize) -> Result<(), CommandError> {
        let width =
            parse_double(self.arg(index)).ok_or(CommandError::Text("ERR need numeric width"))?;
        let height = parse_double(self.arg(index + 1))
            .ok_or(CommandError::Text("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::Text("ERR height or width cannot be negative"));
        }
        let metres = unit(self.arg(index + 2))?;
        self.query.metres = metres;
        self.shape = Some(Shape::Box { width: width * metres, height: height * metres });
        Ok(())
    }

    /// A number of corners, and their places.
    fn polygon(&mut self, index: usize) -> Result<usize, CommandError> {
        let count = parse_i64(self.arg(index)).and_then(|count| i32::try_from(count).ok());
        let count = count.ok_or(CommandError::Text("ERR invalid number of vertices"))?;
        let room = (self.args.len() - index - 1) / 2;
        let count = usize::try_from(count).ok().filter(|count| (3..=room).contains(count));
        let count = count
            .ok_or(CommandError::Text("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"))?;
        let corner = |at: usize| place(self.arg(index + 1 + 2 * at), self.arg(index + 2 + 2 * at));
        let corners = (0..count).map(corner).collect::<Result<Vec<_>, _>>()?;
        self.centre = Some(middle_of(&corners));
        self.shape = Some(Shape::Polygon(corners));
        Ok(2 + 2 * count)
    }

    fn finish(mut self) -> Result<Query<'a>, CommandError> {
        let query = &self.query;
        if query.store.is_some() && (query.with_distance || query.with_hash || query.with_place) {
            let what = if self.form == Form::SearchStore {
                "GEOSEARCHSTORE"
            } else {
                "STORE option in GEORADIUS"
            };
            return Err(CommandError::Owned(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if self.form.is_search() {
            let name = self.arg(0);
            let is_polygon = matches!(self.shape, Some(Shape::Polygon(_)));
            if !self.has_centre && !is_polygon {
                let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
                return Err(CommandError::echo(text, name, ""));
            }
            if self.shape.is_none() {
                let text = "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for ";
                return Err(CommandError::echo(text, name, ""));
            }
        }
        if query.any && query.count.is_none() {
            return Err(CommandError::Text("ERR the ANY argument requires COUNT argument"));
        }
        // The nearest ones are meant, where it is not said which.
        if query.count.is_some() && query.order == Order::AsFound && !query.any {
            self.query.order = Order::Nearest;
        }
        let around = self.centre.zip(self.shape);
        self.query.around = around.map(|(centre, shape)| Around { centre, shape });
        Ok(self.query)
    }
}
