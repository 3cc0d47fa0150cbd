//! The storage-size formula of the public documentation, which decides the 1 MiB limit.

use crate::path::Segment;
use crate::{DocumentPath, Fields, Value};

/// Bytes of a document name: 16, and each id as a string (an integer id counts 8).
pub fn name_size(path: &DocumentPath) -> usize {
    16 + path.ids().map(id_size).sum::<usize>()
}

/// Bytes of a whole document.
pub fn document_size(path: &DocumentPath, fields: &Fields) -> usize {
    name_size(path) + fields_size(fields) + 32
}

/// Bytes of the fields of a document or a map.
pub fn fields_size(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() + 1 + value_size(value)).sum()
}

/// Bytes of one value.
pub fn value_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) | Value::Timestamp(_) => 8,
        Value::String(text) => text.len() + 1,
        Value::Bytes(bytes) => bytes.len(),
        Value::Reference(name) => name_size(&name.path),
        Value::GeoPoint(_) => 16,
        Value::Array(values) => values.iter().map(value_size).sum(),
        Value::Vector(elements) => 8 * elements.len(),
        Value::Map(fields) => fields_size(fields),
    }
}

fn id_size(id: &str) -> usize {
    match Segment::parse(id) {
        Segment::Id(_) => 8,
        Segment::Name(name) => name.len() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentations_example_is_147_bytes() {
        let path = DocumentPath::new("users/jeff/tasks/my_task_id").expect("even");
        let fields = Fields::from([
            ("type".to_owned(), Value::from("Personal")),
            ("done".to_owned(), Value::Boolean(false)),
            ("priority".to_owned(), Value::Integer(1)),
            ("description".to_owned(), Value::from("Learn Cloud Firestore")),
        ]);
        assert_eq!(name_size(&path), 44);
        assert_eq!(document_size(&path, &fields), 147);
    }
}
