//! Distances on the earth, areas around a place, and the cells that cover them.

use super::cell::{Cell, Place, STEPS_MAX};

/// The radius of the earth in metres, taken for a sphere.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// Half the width of the map in metres.
const MAP_METRES: f64 = 20_037_726.37;

const RADIANS: f64 = std::f64::consts::PI / 180.0;

/// The distance of two places in metres.
pub(super) fn distance(one: Place, other: Place) -> f64 {
    let across = ((other.longitude * RADIANS - one.longitude * RADIANS) / 2.0).sin();
    if across == 0.0 {
        return latitude_distance(one.latitude, other.latitude);
    }
    let (from, to) = (one.latitude * RADIANS, other.latitude * RADIANS);
    let up = ((to - from) / 2.0).sin();
    let chord = up * up + from.cos() * to.cos() * across * across;
    2.0 * EARTH_RADIUS * chord.sqrt().asin()
}

fn latitude_distance(one: f64, other: f64) -> f64 {
    EARTH_RADIUS * (other * RADIANS - one * RADIANS).abs()
}

/// What is searched, in metres around a place.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shape {
    Circle {
        radius: f64,
    },
    Box {
        width: f64,
        height: f64,
    },
    /// Between the corners.
    Polygon(Vec<Place>),
}

/// A shape with its middle.
#[derive(Clone, Debug)]
pub(super) struct Around {
    pub(super) centre: Place,
    pub(super) shape: Shape,
}

/// Bounds in degrees.
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Around {
    /// The distance of a place from the middle, where it is inside.
    pub(super) fn distance_within(&self, place: Place) -> Option<f64> {
        let centre = self.centre;
        let is_within = match &self.shape {
            Shape::Circle { radius } => distance(centre, place) <= *radius,
            Shape::Box { width, height } => {
                let beside = Place { longitude: centre.longitude, ..place };
                latitude_distance(place.latitude, centre.latitude) <= height / 2.0
                    && distance(place, beside) <= width / 2.0
            }
            Shape::Polygon(corners) => is_between(corners, place),
        };
        is_within.then(|| distance(centre, place))
    }

    fn bounds(&self) -> Bounds {
        let (width, height) = match &self.shape {
            Shape::Circle { radius } => (*radius, *radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
            Shape::Polygon(corners) => return bounds_of(corners),
        };
        let Place { longitude, latitude } = self.centre;
        let up = height / EARTH_RADIUS / RADIANS;
        // Meridians are closer to each other towards the poles.
        let far = if latitude < 0.0 { latitude - up } else { latitude + up };
        let across = width / EARTH_RADIUS / (far * RADIANS).cos() / RADIANS;
        Bounds {
            west: longitude - across,
            south: latitude - up,
            east: longitude + across,
            north: latitude + up,
        }
    }

    /// How far the shape reaches from its middle, in metres.
    fn reach(&self) -> f64 {
        match &self.shape {
            Shape::Circle { radius } => *radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Shape::Polygon(corners) => {
                let distances = corners.iter().map(|&corner| distance(self.centre, corner));
                distances.fold(0.0, f64::max)
            }
        }
    }

    /// The cells that cover the shape: the middle one and up to eight around it. Results without an order come in theirs.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut steps = steps_for(self.reach(), self.centre.latitude);
        let mut middle = Cell::of(self.centre, steps);
        if steps > 1 && !reaches(middle, &bounds) {
            steps -= 1;
            middle = Cell::of(self.centre, steps);
        }
        let area = middle.area();
        let is_needed = |east: i64, north: i64| {
            steps < 2
                || !((north < 0 && area.latitude.0 < bounds.south)
                    || (north > 0 && area.latitude.1 > bounds.north)
                    || (east < 0 && area.longitude.0 < bounds.west)
                    || (east > 0 && area.longitude.1 > bounds.east))
        };
        let mut cells = vec![middle];
        let around = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        for (east, north) in around.into_iter().filter(|&(east, north)| is_needed(east, north)) {
            let cell = middle.neighbour(east, north);
            // Of few cells, some are neighbours on both sides.
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }
}

/// How many steps a grid has whose cells are at least as large as what reaches so far.
fn steps_for(mut reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return STEPS_MAX;
    }
    let mut steps = 1i32;
    while reach < MAP_METRES {
        reach *= 2.0;
        steps += 1;
    }
    steps -= 2;
    if latitude.abs() > 66.0 {
        steps -= 1;
        if latitude.abs() > 80.0 {
            steps -= 1;
        }
    }
    steps.clamp(1, STEPS_MAX as i32) as u32
}

/// Whether the cells around one reach as far as the bounds. Bounds that are no number are reached.
fn reaches(middle: Cell, bounds: &Bounds) -> bool {
    let falls_short = middle.neighbour(0, 1).area().latitude.1 < bounds.north
        || middle.neighbour(0, -1).area().latitude.0 > bounds.south
        || middle.neighbour(1, 0).area().longitude.1 < bounds.east
        || middle.neighbour(-1, 0).area().longitude.0 > bounds.west;
    !falls_short
}

fn bounds_of(corners: &[Place]) -> Bounds {
    let mut bounds = Bounds {
        west: f64::INFINITY,
        south: f64::INFINITY,
        east: f64::NEG_INFINITY,
        north: f64::NEG_INFINITY,
    };
    for corner in corners {
        bounds.west = bounds.west.min(corner.longitude);
        bounds.east = bounds.east.max(corner.longitude);
        bounds.south = bounds.south.min(corner.latitude);
        bounds.north = bounds.north.max(corner.latitude);
    }
    bounds
}

/// The middle of places: the direction of the sum of their directions from the earth's middle.
pub(super) fn middle_of(corners: &[Place]) -> Place {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for corner in corners {
        let (longitude, latitude) = (corner.longitude * RADIANS, corner.latitude * RADIANS);
        x += latitude.cos() * longitude.cos();
        y += latitude.cos() * longitude.sin();
        z += latitude.sin();
    }
    let count = corners.len() as f64;
    let (x, y, z) = (x / count, y / count, z / count);
    Place { longitude: y.atan2(x) / RADIANS, latitude: z.atan2((x * x + y * y).sqrt()) / RADIANS }
}

/// Whether a place is inside: a line from it to the east crosses an odd number of edges.
fn is_between(corners: &[Place], place: Place) -> bool {
    let before = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    let edges = corners.iter().zip(before);
    let crossed = edges.filter(|(one, other)| {
        (one.latitude > place.latitude) != (other.latitude > place.latitude)
            && place.longitude
                < (other.longitude - one.longitude) * (place.latitude - one.latitude)
                    / (other.latitude - one.latitude)
                    + one.longitude
    });
    crossed.count() % 2 == 1
}
