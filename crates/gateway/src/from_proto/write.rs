//! Writes, their masks, transforms and preconditions.

use model::write::{FieldTransform, Operation, Precondition, TransformKind, Write};
use model::{DatabaseName, DocumentName, DocumentPath, FieldPath, Status, Value, validate};
use wire::firestore::document_transform::FieldTransform as ProtoTransform;
use wire::firestore::document_transform::field_transform::{ServerValue, TransformType};
use wire::firestore::precondition::ConditionType;
use wire::firestore::{self as proto, write::Operation as ProtoOperation};

/// One write; its document must be in `database`.
pub(crate) fn write(database: &DatabaseName, write: proto::Write) -> Result<Write, Status> {
    let Some(operation) = write.operation else {
        return Err(Status::invalid_argument("empty write operation"));
    };
    let precondition = precondition(write.current_document)?;
    let mask = write.update_mask;
    let transforms = write.update_transforms;
    let (name, operation) = match operation {
        ProtoOperation::Update(document) => {
            let set = set(document.fields, mask, transforms)?;
            (document.name, set)
        }
        ProtoOperation::Transform(transform) => {
            refuse_extras("transform", mask.is_some(), !transforms.is_empty())?;
            let none = Some(proto::DocumentMask::default());
            (transform.document, set(Default::default(), none, transform.field_transforms)?)
        }
        ProtoOperation::Delete(name) => {
            refuse_extras("delete", mask.is_some(), !transforms.is_empty())?;
            (name, Operation::Delete)
        }
        ProtoOperation::Verify(name) => {
            refuse_extras("verify", mask.is_some(), !transforms.is_empty())?;
            (name, Operation::Verify)
        }
    };
    Ok(Write { path: path_in(database, &name)?, operation, precondition })
}

/// The path of a document that must be in `database`.
pub(crate) fn path_in(database: &DatabaseName, name: &str) -> Result<DocumentPath, Status> {
    let document = DocumentName::parse(name)?;
    if document.database != *database {
        return Err(Status::invalid_argument(format!(
            "Document \"{name}\" is not in database \"{database}\"."
        )));
    }
    Ok(document.path)
}

/// A precondition; one without a condition asks nothing.
pub(crate) fn precondition(precondition: Option<proto::Precondition>) -> Result<Precondition, Status> {
    match precondition.and_then(|precondition| precondition.condition_type) {
        None => Ok(Precondition::None),
        Some(ConditionType::Exists(exists)) => Ok(Precondition::Exists(exists)),
        Some(ConditionType::UpdateTime(stamp)) if stamp.nanos % 1_000 != 0 => Err(Status::invalid_argument(
            "The update_time of a precondition must be aligned to microseconds.",
        )),
        Some(ConditionType::UpdateTime(stamp)) => Ok(Precondition::UpdateTime(super::timestamp(stamp)?)),
    }
}

/// Fields to set, by mask or whole, with transforms after it.
fn set(
    fields: std::collections::BTreeMap<String, proto::Value>,
    mask: Option<proto::DocumentMask>,
    transforms: Vec<ProtoTransform>,
) -> Result<Operation, Status> {
    let fields = super::value::fields(fields)?;
    let mask = mask.map(update_mask).transpose()?;
    let transforms = transforms.into_iter().map(transform).collect::<Result<_, _>>()?;
    Ok(Operation::Set { fields, mask, transforms })
}

fn refuse_extras(operation: &str, mask: bool, transforms: bool) -> Result<(), Status> {
    if mask {
        return Err(Status::invalid_argument(format!("a {operation} must not specify a document mask.")));
    }
    if transforms {
        return Err(Status::invalid_argument(format!("a {operation} must not specify a update transform.")));
    }
    Ok(())
}

/// The fields that a write may change.
pub(crate) fn update_mask(mask: proto::DocumentMask) -> Result<Vec<FieldPath>, Status> {
    let mut paths = mask.field_paths.iter().map(|path| stored_path(path)).collect::<Result<Vec<_>, _>>()?;
    paths.sort_unstable();
    paths.dedup();
    // Sorted, an ancestor stands right before the first path below it.
    let overlap = paths.windows(2).find(|pair| pair[0].is_prefix_of(&pair[1]));
    if let Some(pair) = overlap {
        return Err(Status::invalid_argument(format!(
            "The update mask names both \"{}\" and its ancestor \"{}\".",
            pair[1], pair[0]
        )));
    }
    Ok(paths)
}

/// A path to a field that documents can hold.
fn stored_path(text: &str) -> Result<FieldPath, Status> {
    let path = FieldPath::parse(text)?;
    path.check_not_reserved()?;
    if path.is_document_name() {
        return Err(Status::invalid_argument(format!("Invalid reserved name in field path {path}")));
    }
    Ok(path)
}

fn transform(transform: ProtoTransform) -> Result<FieldTransform, Status> {
    let path = stored_path(&transform.field_path)?;
    let Some(kind) = transform.transform_type else { return Err(no_transformation()) };
    let kind = match kind {
        TransformType::SetToServerValue(value) => match ServerValue::try_from(value) {
            Ok(ServerValue::RequestTime) => TransformKind::RequestTime,
            Ok(ServerValue::Unspecified) | Err(_) => return Err(no_transformation()),
        },
        TransformType::Increment(operand) => TransformKind::Increment(number(operand)?),
        TransformType::Maximum(operand) => TransformKind::Maximum(number(operand)?),
        TransformType::Minimum(operand) => TransformKind::Minimum(number(operand)?),
        TransformType::AppendMissingElements(array) => TransformKind::AppendMissing(elements(&path, array)?),
        TransformType::RemoveAllFromArray(array) => TransformKind::RemoveAll(elements(&path, array)?),
    };
    Ok(FieldTransform { path, kind })
}

fn no_transformation() -> Status {
    Status::invalid_argument("Transformation is not specified")
}

fn number(operand: proto::Value) -> Result<Value, Status> {
    match super::value::value(Some(operand))? {
        number @ (Value::Integer(_) | Value::Double(_)) => Ok(number),
        _ => Err(Status::invalid_argument("Input must be int64 or double.")),
    }
}

/// Elements must be legal in an array of the field that they go to.
fn elements(path: &FieldPath, array: proto::ArrayValue) -> Result<Vec<Value>, Status> {
    let array = Value::Array(super::value::values(array)?);
    validate::check_top_level_value(path.first(), &array)?;
    let Value::Array(elements) = array else { unreachable!("an array was made above") };
    Ok(elements)
}
