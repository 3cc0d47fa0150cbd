//! What the expressions of rules came to, for programs (FIRESTORE.md 8.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode};
use model::Status;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use service::{Covered, Observed, RuleValue, Service};

use super::rules::{File, SourcePosition};
use super::{JSON, typed};
use crate::body::Body;

/// Values inside values that are told; deeper ones are left out.
const MAX_DEPTH: usize = 32;

#[derive(Serialize)]
struct Report {
    rules: Rules,
    report: Vec<Expression>,
}

#[derive(Serialize)]
struct Rules {
    files: [File; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    source_position: SourcePosition,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Counted>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Expression>,
}

#[derive(Serialize)]
struct Counted {
    value: Json,
    count: u64,
}

/// The coverage of a project's rules.
pub(super) fn json(service: &Service, project: &str) -> Result<Response<Body>, Status> {
    let coverage = service.rule_coverage(project).ok_or_else(|| none(project))?;
    let report = coverage.expressions.iter().map(expression).collect();
    let report = Report { rules: Rules { files: [File::unnamed(coverage.source)] }, report };
    Ok(typed(StatusCode::OK, JSON, serde_json::to_string(&report).expect("texts and numbers")))
}

/// What is answered when there is no coverage.
pub(super) fn none(project: &str) -> Status {
    Status::not_found(format!(
        "There is no rule coverage for project {project}. It is collected in development, once there are rules: \
         start with --rules, or PUT /emulator/v1/projects/{project}:securityRules."
    ))
}

fn expression(covered: &Covered) -> Expression {
    Expression {
        source_position: SourcePosition::of(covered.position, None),
        values: covered
            .values
            .iter()
            .map(|(observed, count)| Counted { value: observed_value(observed), count: *count })
            .collect(),
        children: covered.children.iter().map(expression).collect(),
    }
}

fn observed_value(observed: &Observed) -> Json {
    match observed {
        Observed::Value(found) => value(found, MAX_DEPTH),
        Observed::Other => undefined("too large to be kept, or one of too many values"),
        Observed::Undefined(why) => undefined(why),
    }
}

fn undefined(why: &str) -> Json {
    json!({ "undefined": { "causeMessage": why } })
}

/// A value in the encoding of the emulator's interfaces (FIRESTORE.md 8.3).
fn value(found: &RuleValue, depth: usize) -> Json {
    let Some(deeper) = depth.checked_sub(1) else { return undefined("too deep") };
    let all = |values: &[RuleValue]| values.iter().map(|inner| value(inner, deeper)).collect::<Vec<_>>();
    match found {
        RuleValue::Null => json!({ "nullValue": null }),
        RuleValue::Bool(truth) => json!({ "boolValue": truth }),
        RuleValue::Int(number) => json!({ "intValue": number.to_string() }),
        // JSON has no numbers for these.
        RuleValue::Float(number) if !number.is_finite() => json!({ "floatValue": found.to_string() }),
        RuleValue::Float(number) => json!({ "floatValue": number }),
        RuleValue::String(text) => json!({ "stringValue": &**text }),
        RuleValue::Bytes(bytes) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        RuleValue::Timestamp(_) => json!({ "timestampValue": found.to_string() }),
        RuleValue::Duration(_) => json!({ "durationValue": found.to_string() }),
        RuleValue::LatLng(place) => {
            json!({ "latlngValue": { "latitude": place.latitude, "longitude": place.longitude } })
        }
        RuleValue::Path(path) => {
            let segments = path.segments().iter().map(|segment| json!({ "simple": &**segment }));
            json!({ "pathValue": { "segments": segments.collect::<Vec<_>>() } })
        }
        RuleValue::List(list) => json!({ "listValue": { "values": all(list.values()) } }),
        RuleValue::Set(set) => json!({ "setValue": { "values": all(set.values()) } }),
        RuleValue::Map(map) | RuleValue::Object(map) => {
            let fields: Map<_, _> =
                map.read_entries().map(|(key, inner)| (key.to_owned(), value(inner, deeper))).collect();
            json!({ "mapValue": { "fields": fields } })
        }
        RuleValue::MapDiff(diff) => {
            let mut statuses = Map::new();
            let parts = [
                ("ADDED", &diff.added),
                ("REMOVED", &diff.removed),
                ("CHANGED", &diff.changed),
                ("UNCHANGED", &diff.unchanged),
            ];
            for (status, keys) in parts {
                for key in keys.values() {
                    let RuleValue::String(key) = key else { continue };
                    statuses.insert(key.to_string(), status.into());
                }
            }
            json!({ "mapDiffValue": { "keyStatuses": statuses } })
        }
        RuleValue::Unknown(_) => json!({ "constraintValue": { "simpleConstraints": [] } }),
    }
}
