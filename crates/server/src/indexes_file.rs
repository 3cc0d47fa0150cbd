//! `firestore.indexes.json`, as the Firebase CLI writes it.

use std::path::Path;

use database::{
    Column, ColumnKind, FieldOverride, IndexDefinition, IndexFile, IndexScope, SingleFieldIndex,
    SingleFieldKind,
};
use model::FieldPath;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::failure::Failure;

const NAME: &str = "__name__";
/// The field path that stands for every field.
const EVERY_FIELD: &str = "*";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    indexes: Vec<Json>,
    #[serde(default)]
    field_overrides: Vec<Json>,
}

/// One index. Unknown keys are ignored: the CLI writes some that only matter to it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    #[serde(alias = "collectionId")]
    collection_group: Option<String>,
    query_scope: Option<String>,
    fields: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Override {
    #[serde(alias = "collectionId")]
    collection_group: Option<String>,
    field_path: Option<String>,
    #[serde(default)]
    indexes: Vec<Json>,
}

/// How a field is indexed: exactly one of these is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    field_path: Option<String>,
    query_scope: Option<String>,
    #[serde(alias = "mode")]
    order: Option<String>,
    array_config: Option<String>,
    vector_config: Option<Vector>,
    search_config: Option<Json>,
}

#[derive(Deserialize)]
struct Vector {
    dimension: Dimension,
}

/// The gcloud spelling quotes the number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Dimension {
    Number(u32),
    Text(String),
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Result<IndexFile, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::doing(format!("read {}", path.display())))?;
    parse(&text).map_err(|reason| Failure::new(format!("{}: {reason}", path.display())))
}

fn parse(text: &str) -> Result<IndexFile, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(IndexFile {
        indexes: file.indexes.iter().map(index).collect::<Result<_, _>>()?,
        overrides: file.field_overrides.iter().map(field_override).collect::<Result<_, _>>()?,
    })
}

fn take<'a, T: Deserialize<'a>>(json: &'a Json) -> Result<T, String> {
    T::deserialize(json).map_err(|error| format!("{error}: {json}"))
}

fn present<T>(value: Option<T>, key: &str, json: &Json) -> Result<T, String> {
    value.ok_or_else(|| format!("Must contain \"{key}\": {json}"))
}

fn index(json: &Json) -> Result<IndexDefinition, String> {
    let index: Index = take(json)?;
    let scope = scope(present(index.query_scope, "queryScope", json)?.as_str(), json)?;
    let collection_id = present(index.collection_group, "collectionGroup", json)?;
    let mut columns = index.fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    if columns.last().is_some_and(|column| column.path.is_document_name()) {
        // It is implied, in the direction of the column before it.
        columns.pop();
    }
    check_columns(&columns, json)?;
    Ok(IndexDefinition { collection_id, scope, columns })
}

fn check_columns(columns: &[Column], json: &Json) -> Result<(), String> {
    let most = model::limits::MAX_INDEX_FIELDS;
    let special = |column: &Column| matches!(column.kind, ColumnKind::Contains | ColumnKind::Vector { .. });
    let contains = columns.iter().filter(|column| column.kind == ColumnKind::Contains).count();
    let vector = columns.iter().position(|column| matches!(column.kind, ColumnKind::Vector { .. }));
    if columns.is_empty() || (columns.len() == 1 && !special(&columns[0])) {
        return Err(format!(
            "Must contain at least two fields, single fields are indexed automatically: {json}"
        ));
    }
    if columns.len() > most {
        return Err(format!("Must contain at most {most} fields: {json}"));
    }
    if contains > 1 {
        return Err(format!("Must contain at most one field with \"arrayConfig\": {json}"));
    }
    if vector.is_some_and(|at| at + 1 != columns.len()) {
        return Err(format!("The field with \"vectorConfig\" must be the last: {json}"));
    }
    Ok(())
}

fn scope(text: &str, json: &Json) -> Result<IndexScope, String> {
    match text {
        "COLLECTION" => Ok(IndexScope::Collection),
        "COLLECTION_GROUP" => Ok(IndexScope::CollectionGroup),
        _ => Err(format!("Field \"queryScope\" must be one of COLLECTION, COLLECTION_GROUP: {json}")),
    }
}

fn column(json: &Json) -> Result<Column, String> {
    let config: Config = take(json)?;
    let path = present(config.field_path.as_deref(), "fieldPath", json)?;
    let path = if path == NAME { Ok(FieldPath::document_name()) } else { FieldPath::parse(path) };
    let path = path.map_err(|error| format!("{}: {json}", error.message))?;
    Ok(Column { path, kind: kind(&config, json)? })
}

fn kind(config: &Config, json: &Json) -> Result<ColumnKind, String> {
    match (&config.order, &config.array_config, &config.vector_config, &config.search_config) {
        (Some(order), None, None, None) => match order.as_str() {
            "ASCENDING" => Ok(ColumnKind::Ascending),
            "DESCENDING" => Ok(ColumnKind::Descending),
            _ => Err(format!("Field \"order\" must be one of ASCENDING, DESCENDING: {json}")),
        },
        (None, Some(array), None, None) if array == "CONTAINS" => Ok(ColumnKind::Contains),
        (None, Some(_), None, None) => Err(format!("Field \"arrayConfig\" must be one of CONTAINS: {json}")),
        (None, None, Some(vector), None) => Ok(ColumnKind::Vector { dimension: dimension(vector, json)? }),
        (None, None, None, Some(_)) => Err(format!("Search indexes are not supported: {json}")),
        _ => Err(format!(
            "Must contain exactly one of \"order,arrayConfig,searchConfig,vectorConfig\": {json}"
        )),
    }
}

fn dimension(vector: &Vector, json: &Json) -> Result<u32, String> {
    let dimension = match &vector.dimension {
        Dimension::Number(number) => Some(*number),
        Dimension::Text(text) => text.parse().ok(),
    };
    let most = model::limits::MAX_VECTOR_DIMENSIONS;
    dimension
        .filter(|number| (1..=most).contains(&(*number as usize)))
        .ok_or_else(|| format!("Field \"dimension\" must be a number from 1 to {most}: {json}"))
}

fn field_override(json: &Json) -> Result<FieldOverride, String> {
    let exemption: Override = take(json)?;
    let collection_id = present(exemption.collection_group, "collectionGroup", json)?;
    let field = match present(exemption.field_path.as_deref(), "fieldPath", json)? {
        EVERY_FIELD => None,
        path => Some(FieldPath::parse(path).map_err(|error| format!("{}: {json}", error.message))?),
    };
    let mut indexes = Vec::new();
    for json in &exemption.indexes {
        let config: Config = take(json)?;
        let scope = scope(config.query_scope.as_deref().unwrap_or("COLLECTION"), json)?;
        let kind = match kind(&config, json)? {
            // One index serves both directions.
            ColumnKind::Ascending | ColumnKind::Descending => SingleFieldKind::Ordered,
            ColumnKind::Contains => SingleFieldKind::Contains,
            ColumnKind::Vector { .. } => {
                return Err(format!("A vector index stands in \"indexes\", not in an override: {json}"));
            }
        };
        let index = SingleFieldIndex { scope, kind };
        if !indexes.contains(&index) {
            indexes.push(index);
        }
    }
    Ok(FieldOverride { collection_id, field, indexes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_firebase_cli() {
        let file = parse(
            r#"{
              "indexes": [
                {"collectionGroup": "c", "queryScope": "COLLECTION", "density": "SPARSE_ALL", "fields": [
                  {"fieldPath": "a", "order": "ASCENDING"},
                  {"fieldPath": "t.`x y`", "arrayConfig": "CONTAINS"},
                  {"fieldPath": "__name__", "order": "ASCENDING"}]},
                {"collectionGroup": "c", "queryScope": "COLLECTION_GROUP", "fields": [
                  {"fieldPath": "v", "vectorConfig": {"dimension": 3, "flat": {}}}]},
                {"collectionId": "old", "queryScope": "COLLECTION", "fields": [
                  {"fieldPath": "a", "mode": "DESCENDING"}, {"fieldPath": "b", "mode": "ASCENDING"}]}
              ],
              "fieldOverrides": [
                {"collectionGroup": "c", "fieldPath": "secret", "ttl": false, "indexes": []},
                {"collectionGroup": "__default__", "fieldPath": "*", "indexes": [
                  {"queryScope": "COLLECTION", "order": "ASCENDING"},
                  {"queryScope": "COLLECTION", "order": "DESCENDING"},
                  {"queryScope": "COLLECTION_GROUP", "arrayConfig": "CONTAINS"}]}
              ]
            }"#,
        )
        .expect("a legal file");
        let column = |path: &str, kind| Column { path: FieldPath::parse(path).expect("a path"), kind };
        assert_eq!(file.indexes.len(), 3);
        let columns = [column("a", ColumnKind::Ascending), column("t.`x y`", ColumnKind::Contains)];
        assert_eq!(file.indexes[0].columns, columns);
        assert_eq!(file.indexes[1].columns, [column("v", ColumnKind::Vector { dimension: 3 })]);
        assert_eq!(file.indexes[1].scope, IndexScope::CollectionGroup);
        assert_eq!(file.indexes[2].collection_id, "old");
        assert_eq!(file.overrides[0].indexes, []);
        assert_eq!(file.overrides[1].field, None);
        let index = |scope, kind| SingleFieldIndex { scope, kind };
        let expected = [
            index(IndexScope::Collection, SingleFieldKind::Ordered),
            index(IndexScope::CollectionGroup, SingleFieldKind::Contains),
        ];
        assert_eq!(file.overrides[1].indexes, expected);
    }

    #[test]
    fn mistakes_are_named() {
        let index = |fields: &str| {
            format!(
                r#"{{"indexes":[{{"collectionGroup":"c","queryScope":"COLLECTION","fields":{fields}}}]}}"#
            )
        };
        let table = [
            ("{", "EOF while parsing"),
            (r#"{"indexes":[{"collectionGroup":"c","fields":[]}]}"#, "Must contain \"queryScope\""),
            (r#"{"indexes":[{"queryScope":"COLLECTION","fields":[]}]}"#, "Must contain \"collectionGroup\""),
            (
                r#"{"indexes":[{"collectionGroup":"c","queryScope":"ALL","fields":[]}]}"#,
                "Field \"queryScope\" must be one of",
            ),
            (&index("[]"), "Must contain at least two fields"),
            (&index(r#"[{"fieldPath":"a","order":"ASCENDING"}]"#), "Must contain at least two fields"),
            (&index(r#"[{"fieldPath":"a"}]"#), "Must contain exactly one of"),
            (
                &index(r#"[{"fieldPath":"a","order":"ASCENDING","arrayConfig":"CONTAINS"}]"#),
                "Must contain exactly one of",
            ),
            (&index(r#"[{"fieldPath":"a","order":"UP"}]"#), "Field \"order\" must be one of"),
            (&index(r#"[{"fieldPath":"a..b","order":"ASCENDING"}]"#), "Invalid property path"),
            (&index(r#"[{"fieldPath":"v","vectorConfig":{"dimension":0}}]"#), "Field \"dimension\" must be"),
        ];
        for (text, expected) in table {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
