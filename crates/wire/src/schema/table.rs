//! The descriptors as a table that a transcoder reads fast: messages by name, fields by name and number.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::of(&super::files()));

/// All messages and enums of the schema.
struct Table {
    messages: Vec<Message>,
    enums: Vec<Enum>,
    by_name: HashMap<String, usize>,
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// With its package.
    pub name: String,
    pub fields: Vec<Field>,
    /// The names of its oneofs, by [`Field::oneof`].
    pub oneofs: Vec<String>,
    /// What JSON makes of it.
    pub form: Form,
}

/// The JSON form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An object with its fields.
    Object,
    Timestamp,
    Duration,
    /// What its one field is.
    Wrapper,
    Struct,
    Value,
    ListValue,
    Any,
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// As in `update_time`.
    pub name: String,
    /// As in `updateTime`.
    pub json_name: String,
    pub number: u32,
    pub shape: Shape,
    /// What each of its values is; of a map, what the values behind the keys are.
    pub kind: Kind,
    /// The oneof that it is part of.
    pub oneof: Option<usize>,
}

/// How often a field's value stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Single,
    Repeated,
    /// Keys are strings.
    Map,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Bool,
    Int32,
    Int64,
    Double,
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
}

/// A place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId(usize);

/// A place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumId(usize);

/// An enum.
#[derive(Debug)]
pub struct Enum {
    /// With its package.
    pub name: String,
    pub values: Vec<(String, i32)>,
}

/// The message of a full name, as in `google.firestore.v1.Document`.
pub fn message(name: &str) -> Option<&'static Message> {
    TABLE.by_name.get(name).map(|at| &TABLE.messages[*at])
}

impl MessageId {
    /// The message that stands there.
    pub fn get(self) -> &'static Message {
        &TABLE.messages[self.0]
    }
}

impl EnumId {
    /// The enum that stands there.
    pub fn get(self) -> &'static Enum {
        &TABLE.enums[self.0]
    }
}

impl Message {
    /// The field that `name` means, in either spelling.
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.json_name == name || field.name == name)
    }

    /// The field of a number.
    pub fn field_numbered(&self, number: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

impl Enum {
    /// True for the enum that JSON writes as `null`.
    pub fn is_null(&self) -> bool {
        self.name == "google.protobuf.NullValue"
    }
}

impl Table {
    fn of(files: &FileDescriptorSet) -> Self {
        let mut found = Found::default();
        for file in &files.file {
            found.add(file.package(), &file.message_type, &file.enum_type);
        }
        let by_name = |names: Vec<&String>| -> HashMap<String, usize> {
            names.into_iter().enumerate().map(|(at, name)| (name.clone(), at)).collect()
        };
        let messages = by_name(found.messages.iter().map(|(name, _)| name).collect());
        let enums = by_name(found.enums.iter().map(|(name, _)| name).collect());
        let names = Names { messages: &messages, enums: &enums };
        Table {
            messages: found.messages.iter().map(|(name, message)| names.message(name, message)).collect(),
            enums: found.enums.iter().map(|(name, one)| enumeration(name, one)).collect(),
            by_name: messages,
        }
    }
}

/// The descriptors with their full names, those inside others too.
#[derive(Default)]
struct Found<'a> {
    messages: Vec<(String, &'a DescriptorProto)>,
    enums: Vec<(String, &'a EnumDescriptorProto)>,
}

impl<'a> Found<'a> {
    fn add(&mut self, scope: &str, messages: &'a [DescriptorProto], enums: &'a [EnumDescriptorProto]) {
        self.enums.extend(enums.iter().map(|one| (format!("{scope}.{}", one.name()), one)));
        for message in messages {
            let name = format!("{scope}.{}", message.name());
            self.add(&name, &message.nested_type, &message.enum_type);
            self.messages.push((name, message));
        }
    }
}

/// Where each type stands.
struct Names<'a> {
    messages: &'a HashMap<String, usize>,
    enums: &'a HashMap<String, usize>,
}

impl Names<'_> {
    fn message(&self, name: &str, message: &DescriptorProto) -> Message {
        Message {
            name: name.to_owned(),
            fields: message.field.iter().map(|field| self.field(message, field)).collect(),
            oneofs: message.oneof_decl.iter().map(|one| one.name().to_owned()).collect(),
            form: form(name),
        }
    }

    fn field(&self, around: &DescriptorProto, field: &FieldDescriptorProto) -> Field {
        let (shape, kind) = match entry(around, field) {
            Some(entry) => {
                assert_eq!(entry.field[0].r#type(), Type::String, "keys of maps are strings");
                (Shape::Map, self.kind(&entry.field[1]))
            }
            None if field.label() == Label::Repeated => (Shape::Repeated, self.kind(field)),
            None => (Shape::Single, self.kind(field)),
        };
        Field {
            name: field.name().to_owned(),
            json_name: field.json_name().to_owned(),
            number: u32::try_from(field.number()).expect("numbers of fields are positive"),
            shape,
            kind,
            oneof: field.oneof_index.map(|at| usize::try_from(at).expect("a place in a list")),
        }
    }

    fn kind(&self, field: &FieldDescriptorProto) -> Kind {
        let named = field.type_name().trim_start_matches('.');
        match field.r#type() {
            Type::Bool => Kind::Bool,
            Type::Int32 => Kind::Int32,
            Type::Int64 => Kind::Int64,
            Type::Double => Kind::Double,
            Type::String => Kind::String,
            Type::Bytes => Kind::Bytes,
            Type::Enum => Kind::Enum(EnumId(self.enums[named])),
            Type::Message => Kind::Message(MessageId(self.messages[named])),
            other => unreachable!("the schema has no fields of type {other:?}"),
        }
    }
}

/// The message of a map's entries, when the field is a map.
fn entry<'a>(around: &'a DescriptorProto, field: &FieldDescriptorProto) -> Option<&'a DescriptorProto> {
    let (_, name) = field.type_name().rsplit_once('.')?;
    let is_entry = |message: &&DescriptorProto| {
        message.name() == name && message.options.as_ref().is_some_and(|options| options.map_entry())
    };
    around.nested_type.iter().find(is_entry)
}

fn enumeration(name: &str, one: &EnumDescriptorProto) -> Enum {
    let values = one.value.iter().map(|value| (value.name().to_owned(), value.number()));
    Enum { name: name.to_owned(), values: values.collect() }
}

fn form(name: &str) -> Form {
    match name.strip_prefix("google.protobuf.") {
        Some("Timestamp") => Form::Timestamp,
        Some("Duration") => Form::Duration,
        Some("DoubleValue" | "Int64Value" | "Int32Value") => Form::Wrapper,
        Some("Struct") => Form::Struct,
        Some("Value") => Form::Value,
        Some("ListValue") => Form::ListValue,
        Some("Any") => Form::Any,
        Some(_) | None => Form::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_either_spelling_and_by_number() {
        let document = message("google.firestore.v1.Document").expect("a message");
        for name in ["update_time", "updateTime"] {
            assert_eq!(document.field_named(name).expect(name).number, 4);
        }
        assert!(document.field_named("UpdateTime").is_none());
        let fields = document.field_numbered(2).expect("fields");
        assert_eq!(fields.shape, Shape::Map);
        let Kind::Message(value) = fields.kind else { panic!("values are messages") };
        assert_eq!(value.get().name, "google.firestore.v1.Value");
        assert_eq!(value.get().oneofs, ["value_type"]);
        assert!(value.get().fields.iter().all(|field| field.oneof == Some(0)));
    }

    #[test]
    fn every_method_has_its_messages_here() {
        for definition in crate::methods::METHODS {
            assert!(message(definition.request).is_some(), "{}", definition.request);
            assert!(message(definition.response).is_some(), "{}", definition.response);
        }
    }

    #[test]
    fn types_with_a_json_form_of_their_own_are_known() {
        let table = [("Timestamp", Form::Timestamp), ("Int32Value", Form::Wrapper), ("Empty", Form::Object)];
        for (name, form) in table {
            assert_eq!(message(&format!("google.protobuf.{name}")).expect(name).form, form);
        }
        let value = message("google.firestore.v1.Value").expect("a message");
        let Kind::Enum(null) = value.field_numbered(11).expect("null").kind else { panic!("an enum") };
        assert!(null.get().is_null());
    }
}
