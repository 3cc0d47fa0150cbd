//! Numbers and points on the globe.

use model::GeoPoint;

use super::{not_found, wrong_arguments};
use crate::fault::Fault;
use crate::value::Value;

/// Mean radius of the earth in metres.
const EARTH_RADIUS: f64 = 6_371_010.0;

/// `math.abs(-1)` and the like.
pub(super) fn functions(name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    match (name, arguments) {
        ("abs", [Value::Int(value)]) => {
            value.checked_abs().map(Value::Int).ok_or_else(|| Fault::error("Integer overflow."))
        }
        ("abs" | "ceil" | "floor" | "round" | "sqrt" | "isNaN", [value]) => {
            let value = number(value).ok_or_else(|| wrong_arguments(name, arguments))?;
            match name {
                "abs" => Ok(Value::Float(value.abs())),
                "ceil" => Ok(Value::Float(value.ceil())),
                "floor" => Ok(Value::Float(value.floor())),
                "sqrt" => Ok(Value::Float(value.sqrt())),
                "isNaN" => Ok(Value::Bool(value.is_nan())),
                _ => round(value),
            }
        }
        ("pow", [base, exponent]) => match (number(base), number(exponent)) {
            (Some(base), Some(exponent)) => Ok(Value::Float(base.powf(exponent))),
            _ => Err(wrong_arguments(name, arguments)),
        },
        // Documented, and yet production answers every call of `isInfinite` with an error.
        ("isInfinite" | "abs" | "ceil" | "floor" | "round" | "sqrt" | "isNaN" | "pow", _) => {
            Err(wrong_arguments(name, arguments))
        }
        _ => Err(not_found("math", name)),
    }
}

/// Halves go up: -1.5 becomes -1.
fn round(value: f64) -> Result<Value, Fault> {
    let down = value.floor();
    let rounded = if value - down >= 0.5 { down + 1.0 } else { down };
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
    if fits { Ok(Value::Int(rounded as i64)) } else { Err(Fault::error("Integer overflow.")) }
}

/// `latlng.value(1.0, 2.0)`
pub(super) fn latlng_functions(name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let degrees = |value: &Value, most: f64| match value {
        Value::Int(number) => Some(*number as f64).filter(|degrees| degrees.abs() <= most),
        Value::Float(number) => Some(*number).filter(|degrees| degrees.abs() <= most),
        _ => None,
    };
    match (name, arguments) {
        ("value", [latitude, longitude]) => match (degrees(latitude, 90.0), degrees(longitude, 180.0)) {
            (Some(latitude), Some(longitude)) => Ok(Value::LatLng(GeoPoint { latitude, longitude })),
            _ => Err(Fault::error("A latitude is between -90 and 90, a longitude between -180 and 180.")),
        },
        ("value", _) => Err(wrong_arguments(name, arguments)),
        _ => Err(not_found("latlng", name)),
    }
}

/// A method of a point.
pub(super) fn call_latlng(point: &GeoPoint, name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let number = match (name, arguments) {
        ("latitude", []) => point.latitude,
        ("longitude", []) => point.longitude,
        ("distance", [Value::LatLng(other)]) => distance(point, other),
        ("latitude" | "longitude" | "distance", _) => return Err(wrong_arguments(name, arguments)),
        _ => return Err(not_found("latlng", name)),
    };
    Ok(Value::Float(number))
}

/// Metres along the great circle, by haversines.
fn distance(a: &GeoPoint, b: &GeoPoint) -> f64 {
    let half_chord = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let shrink = a.latitude.to_radians().cos() * b.latitude.to_radians().cos();
    let square = half_chord(a.latitude, b.latitude) + shrink * half_chord(a.longitude, b.longitude);
    2.0 * EARTH_RADIUS * square.sqrt().min(1.0).asin()
}
