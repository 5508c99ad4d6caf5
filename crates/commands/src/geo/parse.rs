//! Places, distances and units, as arguments.

use super::cell::{LATITUDE_MAX, LONGITUDE_MAX, Place};
use crate::CommandError;
use base::double::parse_double;
use resp::Reply;

/// The metres of a unit.
pub(super) fn unit(text: &[u8]) -> Result<f64, CommandError> {
    for (name, metres) in [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)] {
        if text.eq_ignore_ascii_case(name.as_bytes()) {
            return Ok(metres);
        }
    }
    Err(CommandError::Text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// A place on the map.
pub(super) fn place(longitude: &[u8], latitude: &[u8]) -> Result<Place, CommandError> {
    let number = |text| parse_double(text).ok_or(CommandError::NotFloat);
    let place = Place { longitude: number(longitude)?, latitude: number(latitude)? };
    if place.longitude.abs() <= LONGITUDE_MAX && place.latitude.abs() <= LATITUDE_MAX {
        return Ok(place);
    }
    Err(CommandError::Owned(format!(
        "ERR invalid longitude,latitude pair {:.6},{:.6}",
        place.longitude, place.latitude
    )))
}

/// Replies a distance: four places, ties to the even one.
pub(super) fn reply_distance(distance: f64, reply: &mut Reply<'_>) {
    let scaled = (distance * 10_000.0).round_ties_even();
    let text = if scaled.abs() < i64::MAX as f64 {
        let scaled = scaled as i64;
        format!("{}.{:04}", scaled / 10_000, scaled % 10_000)
    } else {
        format!("{distance:.4}")
    };
    reply.bulk(text.as_bytes());
}

/// Replies longitude and latitude, with 17 places less the zeros at their end.
pub(super) fn reply_place(place: Place, reply: &mut Reply<'_>) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        let text = format!("{degrees:.17}");
        reply.number(text.trim_end_matches('0').trim_end_matches('.'));
    }
}
