//! What a value means beyond its type on this wire.

use super::messages::entity::{Property, PropertyValue};

pub(super) const GD_WHEN: i32 = 7;
pub(super) const GEORSS_POINT: i32 = 9;
pub(super) const GD_RATING: i32 = 13;
pub(super) const BLOB: i32 = 14;
pub(super) const BYTESTRING: i32 = 16;
pub(super) const INDEX_VALUE: i32 = 18;
pub(super) const ENTITY_PROTO: i32 = 19;
/// In the model only: a user, which this wire has as a type.
pub(super) const USER: i32 = 20;
/// In the model only: compressed bytes, which this wire marks by [`ZLIB`].
pub(super) const COMPRESSED: i32 = 22;
/// In the model only: a point that this wire gave no meaning.
pub(super) const POINT_ALONE: i32 = 23;
pub(super) const EMPTY_LIST: i32 = 24;

/// The `meaning_uri` of compressed bytes.
pub(super) const ZLIB: &str = "ZLIB";

/// The meaning of a property; 0 when it has none, one that nobody knows, or one that does not go with its value.
pub(super) fn of(property: &Property) -> i32 {
    let meaning = property.meaning.unwrap_or_default();
    let value = &property.value;
    let fits = match meaning {
        GD_WHEN | GD_RATING => value.int64.is_some(),
        GEORSS_POINT => value.point.is_some(),
        1..=6 | 8 | 10..=12 | 14..=17 | ENTITY_PROTO => value.string.is_some(),
        INDEX_VALUE | EMPTY_LIST => true,
        _ => false,
    };
    if fits && is_one(value) { meaning } else { 0 }
}

/// True for bytes that the client compressed.
pub(super) fn is_compressed(property: &Property) -> bool {
    let is_marked = property.meaning_uri.as_deref() == Some(ZLIB);
    is_marked && property.value.string.is_some() && is_one(&property.value)
}

/// False for a value of two types at once.
fn is_one(value: &PropertyValue) -> bool {
    let PropertyValue { int64, boolean, string, double, point, user, reference } = value;
    let types = [
        int64.is_some(),
        boolean.is_some(),
        string.is_some(),
        double.is_some(),
        point.is_some(),
        user.is_some(),
        reference.is_some(),
    ];
    types.into_iter().filter(|is_there| *is_there).count() <= 1
}
