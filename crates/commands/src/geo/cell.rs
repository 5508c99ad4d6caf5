//! Places as numbers: longitude and latitude interleaved bit by bit, so that places in one cell of a grid are one range of numbers.
//!
//! A place has 26 bits of each. Scores of a geo index are these 52 bits; they are Redis's, bit for bit.

/// The bits of each coordinate in a score.
pub(super) const STEPS_MAX: u32 = 26;

/// Beyond this latitude the projection has no places.
pub(super) const LATITUDE_MAX: f64 = 85.051_128_78;
pub(super) const LONGITUDE_MAX: f64 = 180.0;

const LONGITUDE_BITS: u64 = 0xAAAA_AAAA_AAAA_AAAA;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

/// A place on earth, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

impl Place {
    /// The place that a score stands for: the middle of its cell.
    pub(super) fn of_score(score: f64) -> Place {
        let area = Cell { bits: score as u64, steps: STEPS_MAX }.area();
        let middle = |(low, high): (f64, f64)| (low + high) / 2.0;
        Place {
            longitude: middle(area.longitude).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: middle(area.latitude).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The score of a place that is on the grid.
    pub(super) fn score(self) -> f64 {
        Cell::of(self, STEPS_MAX).bits as f64
    }

    /// The geohash that others know, of 11 characters: its grid reaches from pole to pole.
    pub(super) fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = interleaved(self, STEPS_MAX, 90.0);
        std::array::from_fn(|index| {
            // Of the last character's five bits there are only two; it is 0 always.
            let digit = if index == 10 { 0 } else { bits >> (52 - 5 * (index + 1)) & 0x1f };
            ALPHABET[digit as usize]
        })
    }
}

/// The bounds of a cell, in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) longitude: (f64, f64),
    pub(super) latitude: (f64, f64),
}

/// A cell of the grid of this many steps: each step halves the cells in both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    bits: u64,
    steps: u32,
}

fn interleaved(place: Place, steps: u32, latitude_max: f64) -> u64 {
    let offset = |value: f64, max: f64| {
        let offset = (value + max) / (max + max) * (1u64 << steps) as f64;
        offset as u32
    };
    let latitude = spread(offset(place.latitude, latitude_max));
    let longitude = spread(offset(place.longitude, LONGITUDE_MAX));
    latitude | longitude << 1
}

/// Puts a zero before each bit.
fn spread(bits: u32) -> u64 {
    let mut wide = u64::from(bits);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, LATITUDE_BITS),
    ] {
        wide = (wide | wide << shift) & mask;
    }
    wide
}

/// Takes every other bit, from the lowest on.
fn squeeze(bits: u64) -> u32 {
    let mut wide = bits & LATITUDE_BITS;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        wide = (wide | wide >> shift) & mask;
    }
    wide as u32
}

impl Cell {
    pub(super) fn of(place: Place, steps: u32) -> Cell {
        Cell { bits: interleaved(place, steps, LATITUDE_MAX), steps }
    }

    pub(super) fn area(self) -> Area {
        let bounds = |index: u32, max: f64| {
            let cells = (1u64 << self.steps) as f64;
            let at = |index: f64| -max + index / cells * (max + max);
            (at(f64::from(index)), at(f64::from(index) + 1.0))
        };
        Area {
            longitude: bounds(squeeze(self.bits >> 1), LONGITUDE_MAX),
            latitude: bounds(squeeze(self.bits), LATITUDE_MAX),
        }
    }

    /// The cell so many to the east and to the north, around the earth. A place at the very edge of the map (180 degrees east, say) is in a
    /// cell beyond the grid, and its neighbours to the sides as well; those across the edge are in the grid.
    pub(super) fn neighbour(self, east: i64, north: i64) -> Cell {
        let all = u64::MAX >> (64 - 2 * self.steps);
        let moved = |axis: u64, by: i64| {
            let own = axis & all;
            match by {
                0 => self.bits & axis,
                // The other bits are set, so that a carry passes through them.
                1 => (self.bits & own | !own).wrapping_add(1) & own,
                _ => (self.bits & own).wrapping_sub(lowest(own)) & own,
            }
        };
        Cell { bits: moved(LONGITUDE_BITS, east) | moved(LATITUDE_BITS, north), ..self }
    }

    /// The scores of places in the cell: from the first to below the second.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 52 - 2 * self.steps;
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }
}

/// The lowest bit that is set.
fn lowest(bits: u64) -> u64 {
    bits & bits.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_redis() {
        let palermo = Place { longitude: 13.361_389, latitude: 38.115_556 };
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        assert_eq!(palermo.geohash(), *b"sqc8b49rny0");
        let back = Place::of_score(palermo.score());
        assert_eq!((back.longitude, back.latitude), (13.361_389_338_970_184, 38.115_556_395_496_3));
    }

    #[test]
    fn neighbours_touch_and_go_around_the_earth() {
        for steps in [1, 2, 5, 26] {
            let cell = Cell::of(Place { longitude: 179.999_999_9, latitude: -85.0 }, steps);
            for (east, north) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1)] {
                let neighbour = cell.neighbour(east, north);
                assert_eq!(neighbour.neighbour(-east, -north), cell);
                assert_ne!(neighbour, cell);
            }
            let (east, west) = (cell.neighbour(1, 0).area(), cell.neighbour(-1, 0).area());
            assert_eq!(east.longitude.0, -180.0);
            assert_eq!(west.longitude.1, cell.area().longitude.0);
        }
    }
}
