//! Claims as the values that security rules read.

use std::sync::Arc;

use model::principal::User;
use model::{Fields, Value};
use serde_json::{Map, Value as Json};

/// Turns claims into fields. Whole numbers stay whole where 64 bits hold them (FIRESTORE.md 6.2).
pub(crate) fn fields(claims: Map<String, Json>) -> Fields {
    claims.into_iter().map(|(name, claim)| (name, value(claim))).collect()
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Boolean(truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(text),
        // A token is short, and serde_json reads 128 levels at most: this ends.
        Json::Array(values) => Value::Array(values.into_iter().map(value).collect()),
        Json::Object(values) => Value::Map(fields(values)),
    }
}

/// A user of a token that nobody verified; its id is `user_id`, or else `sub`, or else empty.
pub(crate) fn unverified_user(claims: Map<String, Json>) -> Arc<User> {
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    let uid = text("user_id").or_else(|| text("sub")).unwrap_or_default().to_owned();
    Arc::new(User { uid, claims: fields(claims), project: None, expires: None })
}
