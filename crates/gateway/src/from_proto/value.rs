//! Values.

use model::value::{TYPE_KEY, VECTOR_TYPE, VECTOR_VALUE_KEY};
use model::{DocumentName, Fields, GeoPoint, Parent, Status, Value};
use wire::firestore::value::ValueType;
use wire::firestore::{self as proto};

type ProtoFields = std::collections::BTreeMap<String, proto::Value>;

/// The fields of a document. Their names and sizes are `model::validate`'s to check.
pub(crate) fn fields(fields: ProtoFields) -> Result<Fields, Status> {
    fields
        .into_iter()
        .map(|(name, field)| {
            let value = convert(field, &name)?;
            Ok((name, value))
        })
        .collect()
}

/// A value outside a document: an operand, a cursor, a query's vector.
pub(crate) fn value(value: Option<proto::Value>) -> Result<Value, Status> {
    convert(value.unwrap_or_default(), "value")
}

/// The elements of an array.
pub(crate) fn values(array: proto::ArrayValue) -> Result<Vec<Value>, Status> {
    array.values.into_iter().map(|element| convert(element, "array")).collect()
}

/// `property` is the top-level name that some refusals mention.
fn convert(value: proto::Value, property: &str) -> Result<Value, Status> {
    let Some(kind) = value.value_type else {
        return Err(Status::invalid_argument("Cannot convert firestore.v1.Value with type unset."));
    };
    Ok(match kind {
        ValueType::NullValue(_) => Value::Null,
        ValueType::BooleanValue(truth) => Value::Boolean(truth),
        ValueType::IntegerValue(number) => Value::Integer(number),
        ValueType::DoubleValue(number) => Value::Double(canonical(number)),
        ValueType::TimestampValue(stamp) => Value::Timestamp(super::timestamp(stamp)?),
        ValueType::StringValue(text) => Value::String(text),
        ValueType::BytesValue(bytes) => Value::Bytes(bytes),
        ValueType::ReferenceValue(name) => Value::Reference(reference(&name)?),
        ValueType::GeoPointValue(point) => Value::GeoPoint(geo_point(point)?),
        ValueType::ArrayValue(array) => {
            let elements = array.values.into_iter().map(|element| convert(element, property));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        ValueType::MapValue(map) => convert_map(map.fields, property)?,
        ValueType::FieldReferenceValue(_) => return Err(only_in_pipelines("FIELD_REFERENCE_VALUE")),
        ValueType::VariableReferenceValue(_) => return Err(only_in_pipelines("VARIABLE_REFERENCE_VALUE")),
        ValueType::FunctionValue(_) => return Err(only_in_pipelines("FUNCTION_VALUE")),
        ValueType::PipelineValue(_) => return Err(only_in_pipelines("PIPELINE_VALUE")),
    })
}

/// There is one NaN: its payload would otherwise tell equal documents apart.
fn canonical(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number }
}

fn only_in_pipelines(kind: &str) -> Status {
    Status::invalid_argument(format!("Cannot convert firestore.v1.Value with type {kind}."))
}

/// Production reads a reference as it reads the parent of a request, and its texts show it.
fn reference(name: &str) -> Result<DocumentName, Status> {
    match Parent::parse(name)? {
        (database, Parent::Document(path)) => Ok(DocumentName { database, path }),
        (_, Parent::Root) => DocumentName::parse(name),
    }
}

fn geo_point(point: wire::r#type::LatLng) -> Result<GeoPoint, Status> {
    let point = GeoPoint { latitude: point.latitude, longitude: point.longitude };
    model::validate::check_geo_point(&point)?;
    Ok(point)
}

fn convert_map(fields: ProtoFields, property: &str) -> Result<Value, Status> {
    let Some(kind) = fields.get(TYPE_KEY) else {
        let entries = fields.into_iter().map(|(key, field)| Ok((key, convert(field, property)?)));
        return Ok(Value::Map(entries.collect::<Result<_, Status>>()?));
    };
    match &kind.value_type {
        Some(ValueType::StringValue(name)) if name == VECTOR_TYPE => vector(fields),
        Some(ValueType::StringValue(_)) => {
            Err(Status::invalid_argument(format!("Property {property} contains an invalid nested entity.")))
        }
        other => Err(Status::invalid_argument(format!(
            "Field __type__ must be a string; founds {}.",
            other.as_ref().map_or("UNSET", kind_name)
        ))),
    }
}

/// The checks stand in production's order; how long a vector may be is `model::validate`'s to say.
fn vector(mut fields: ProtoFields) -> Result<Value, Status> {
    let Some(elements) = fields.remove(VECTOR_VALUE_KEY) else {
        return Err(Status::invalid_argument("Vector map is missing key 'value'."));
    };
    let Some(ValueType::ArrayValue(array)) = elements.value_type else {
        return Err(Status::invalid_argument("Vector value type must be an array."));
    };
    if fields.len() > 1 {
        return Err(Status::invalid_argument("Vector value map has extraneous entries."));
    }
    let doubles = array.values.into_iter().map(|element| match element.value_type {
        Some(ValueType::DoubleValue(number)) => Ok(canonical(number)),
        _ => Err(Status::invalid_argument("Vector must only contain values of type 'double'")),
    });
    Ok(Value::Vector(doubles.collect::<Result<_, _>>()?))
}

/// Production's word for a kind.
fn kind_name(kind: &ValueType) -> &'static str {
    match kind {
        ValueType::NullValue(_) => "NULL",
        ValueType::BooleanValue(_) => "BOOLEAN",
        ValueType::IntegerValue(_) => "LONG",
        ValueType::DoubleValue(_) => "DOUBLE",
        ValueType::TimestampValue(_) => "TIMESTAMP",
        ValueType::StringValue(_) => "STRING",
        ValueType::BytesValue(_) => "BYTES",
        ValueType::ReferenceValue(_) => "REFERENCE",
        ValueType::GeoPointValue(_) => "GEO_POINT",
        ValueType::ArrayValue(_) => "ARRAY",
        ValueType::MapValue(_) => "MAP",
        ValueType::FieldReferenceValue(_) => "FIELD_REFERENCE",
        ValueType::VariableReferenceValue(_) => "VARIABLE_REFERENCE",
        ValueType::FunctionValue(_) => "FUNCTION",
        ValueType::PipelineValue(_) => "PIPELINE",
    }
}
