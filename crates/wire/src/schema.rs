//! The messages and the service as descriptors, for reflection and for JSON: read from `schema.txt`, which
//! says how it is written.

pub mod table;

use std::collections::HashMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MessageOptions, MethodDescriptorProto, OneofDescriptorProto,
    ServiceDescriptorProto,
};

use crate::methods::{Api, Definition, METHODS};

const SCHEMA: &str = include_str!("schema.txt");
/// Short names of other packages.
const PACKAGES: [(&str, &str); 3] =
    [("pb.", "google.protobuf."), ("rpc.", "google.rpc."), ("type.", "google.type.")];

/// One line of the schema.
#[derive(Clone, Copy)]
struct Definitions<'a> {
    is_enum: bool,
    /// Within the package, with the names of the messages around it.
    name: &'a str,
    body: &'a str,
}

struct File<'a> {
    path: &'a str,
    package: &'a str,
    definitions: Vec<Definitions<'a>>,
}

/// Where each type is, by its full name.
struct Types<'a>(HashMap<String, (bool, &'a str)>);

/// Every file of the schema; each service stands with the messages of its package.
pub fn files() -> FileDescriptorSet {
    let files = parse(SCHEMA);
    let types = Types::of(&files);
    let mut described: Vec<_> = files.iter().map(|file| describe(file, &types)).collect();
    for api in Api::ALL {
        let (package, name) = api.service().rsplit_once('.').expect("services are in packages");
        let home =
            described.iter_mut().find(|file| file.package() == package).expect("every package has a file");
        let methods: Vec<_> = METHODS.iter().filter(|method| method.api == api).collect();
        home.service.push(service(name, &methods));
        add_dependencies(home, &types, methods.iter().flat_map(|method| [method.request, method.response]));
    }
    FileDescriptorSet { file: described }
}

fn parse(schema: &str) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    for line in schema.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(head) = line.strip_prefix("file ") {
            let (path, package) = head.split_once(' ').expect("a path and a package");
            files.push(File { path, package, definitions: Vec::new() });
            continue;
        }
        let (name, body) = line.split_once(" {").expect("a name and what is in it");
        let body = body.strip_suffix('}').expect("a closing brace").trim();
        let (is_enum, name) = name.strip_prefix("enum ").map_or((false, name), |name| (true, name));
        let file = files.last_mut().expect("a file comes before its messages");
        file.definitions.push(Definitions { is_enum, name, body });
    }
    files
}

impl<'a> Types<'a> {
    fn of(files: &[File<'a>]) -> Self {
        let all = files.iter().flat_map(|file| {
            let full = |name| format!("{}.{name}", file.package);
            file.definitions.iter().map(move |one| (full(one.name), (one.is_enum, file.path)))
        });
        Types(all.collect())
    }

    /// The full name of the type that `name` means inside `scope`.
    fn resolve(&self, scope: &str, name: &str) -> String {
        for (short, package) in PACKAGES {
            if let Some(name) = name.strip_prefix(short) {
                return format!("{package}{name}");
            }
        }
        let mut scope = Some(scope);
        while let Some(around) = scope {
            let candidate = format!("{around}.{name}");
            if self.0.contains_key(&candidate) {
                return candidate;
            }
            scope = around.rsplit_once('.').map(|(outer, _)| outer);
        }
        panic!("the schema names the type {name}, which is nowhere")
    }
}

fn describe(file: &File<'_>, types: &Types<'_>) -> FileDescriptorProto {
    let mut described = FileDescriptorProto {
        name: Some(file.path.to_owned()),
        package: Some(file.package.to_owned()),
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    };
    for top in file.definitions.iter().filter(|one| !one.name.contains('.')) {
        match top.is_enum {
            true => described.enum_type.push(enumeration(*top)),
            false => described.message_type.push(message(file, types, *top)),
        }
    }
    let used: Vec<String> = described.message_type.iter().flat_map(types_used).collect();
    add_dependencies(&mut described, types, used.iter().map(|name| name.trim_start_matches('.')));
    described
}

fn types_used(message: &DescriptorProto) -> Vec<String> {
    let own = message.field.iter().filter_map(|field| field.type_name.clone());
    own.chain(message.nested_type.iter().flat_map(types_used)).collect()
}

fn add_dependencies<'a>(
    file: &mut FileDescriptorProto,
    types: &Types<'_>,
    names: impl Iterator<Item = &'a str>,
) {
    for name in names {
        // Entries of maps stand in the file itself.
        let Some((_, path)) = types.0.get(name) else { continue };
        if file.name() != *path && !file.dependency.iter().any(|known| known == path) {
            file.dependency.push((*path).to_owned());
        }
    }
}

fn message(file: &File<'_>, types: &Types<'_>, definition: Definitions<'_>) -> DescriptorProto {
    let scope = format!("{}.{}", file.package, definition.name);
    let mut described = DescriptorProto { name: Some(last_name(definition.name)), ..Default::default() };
    let is_inside = |one: &&Definitions<'_>| {
        one.name.rsplit_once('.').is_some_and(|(around, _)| around == definition.name)
    };
    for inner in file.definitions.iter().filter(is_inside) {
        match inner.is_enum {
            true => described.enum_type.push(enumeration(*inner)),
            false => described.nested_type.push(message(file, types, *inner)),
        }
    }
    for part in parts(definition.body) {
        let Some((name, choices)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) else {
            add_field(&mut described, types, &scope, part, None);
            continue;
        };
        let index = i32::try_from(described.oneof_decl.len()).expect("few");
        described.oneof_decl.push(OneofDescriptorProto { name: Some(name.to_owned()), options: None });
        for choice in choices.split(" | ") {
            add_field(&mut described, types, &scope, choice, Some(index));
        }
    }
    described
}

/// What stands between commas; those inside `<…>` and `(…)` do not part.
fn parts(body: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_comma = move |c: char| {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    body.split(is_comma).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn add_field(
    message: &mut DescriptorProto,
    types: &Types<'_>,
    scope: &str,
    text: &str,
    oneof_index: Option<i32>,
) {
    let (name, rest) = text.split_once(':').expect("name:type=number");
    let (kind, number) = rest.rsplit_once('=').expect("name:type=number");
    let number = number.parse().expect("a number");
    let mut field = match kind.strip_prefix("map<").and_then(|kind| kind.strip_suffix('>')) {
        Some(entry) => {
            let (key, value) = entry.split_once(',').expect("map<key,value>");
            let entry = map_entry(types, scope, name, key, value);
            let type_name = format!(".{scope}.{}", entry.name());
            message.nested_type.push(entry);
            FieldDescriptorProto {
                r#type: Some(Type::Message as i32),
                type_name: Some(type_name),
                label: Some(Label::Repeated as i32),
                ..field(types, scope, name, "bool", number)
            }
        }
        None => field(types, scope, name, kind, number),
    };
    field.oneof_index = oneof_index;
    message.field.push(field);
}

fn field(types: &Types<'_>, scope: &str, name: &str, kind: &str, number: i32) -> FieldDescriptorProto {
    let (name, label) = match name.strip_suffix('*') {
        Some(name) => (name, Label::Repeated),
        None => (name, Label::Optional),
    };
    let (kind, type_name) = match kind {
        "string" => (Type::String, None),
        "bytes" => (Type::Bytes, None),
        "bool" => (Type::Bool, None),
        "int32" => (Type::Int32, None),
        "int64" => (Type::Int64, None),
        "double" => (Type::Double, None),
        named => {
            let full = types.resolve(scope, named);
            let kind = if types.0[&full].0 { Type::Enum } else { Type::Message };
            (kind, Some(format!(".{full}")))
        }
    };
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label as i32),
        r#type: Some(kind as i32),
        type_name,
        json_name: Some(camel_case(name, false)),
        ..Default::default()
    }
}

fn map_entry(types: &Types<'_>, scope: &str, name: &str, key: &str, value: &str) -> DescriptorProto {
    DescriptorProto {
        name: Some(format!("{}Entry", camel_case(name, true))),
        field: vec![field(types, scope, "key", key, 1), field(types, scope, "value", value, 2)],
        options: Some(MessageOptions { map_entry: Some(true), ..Default::default() }),
        ..Default::default()
    }
}

fn enumeration(definition: Definitions<'_>) -> EnumDescriptorProto {
    let value = |part: &str| {
        let (name, number) = part.split_once('=').expect("NAME=number");
        EnumValueDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number.parse().expect("a number")),
            options: None,
        }
    };
    EnumDescriptorProto {
        name: Some(last_name(definition.name)),
        value: parts(definition.body).into_iter().map(value).collect(),
        ..Default::default()
    }
}

fn service(name: &str, methods: &[&Definition]) -> ServiceDescriptorProto {
    ServiceDescriptorProto {
        name: Some(name.to_owned()),
        method: methods.iter().map(|definition| method(definition)).collect(),
        options: None,
    }
}

fn method(definition: &Definition) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some(definition.name.to_owned()),
        input_type: Some(format!(".{}", definition.request)),
        output_type: Some(format!(".{}", definition.response)),
        client_streaming: Some(definition.client_streaming),
        server_streaming: Some(definition.server_streaming),
        options: None,
    }
}

fn last_name(name: &str) -> String {
    name.rsplit('.').next().expect("a split yields at least one part").to_owned()
}

/// `read_time` as `readTime` or `ReadTime`.
fn camel_case(name: &str, mut upper: bool) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| *c != '*') {
        match c {
            '_' => upper = true,
            c if std::mem::take(&mut upper) => out.push(c.to_ascii_uppercase()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(messages: &'a [DescriptorProto], path: &str) -> &'a DescriptorProto {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let found = messages.iter().find(|message| message.name() == first).expect(path);
        rest.map_or(found, |rest| find(&found.nested_type, rest))
    }

    fn file_of<'a>(set: &'a FileDescriptorSet, package: &str) -> &'a FileDescriptorProto {
        set.file.iter().find(|file| file.package() == package).expect(package)
    }

    #[test]
    fn every_message_of_a_method_is_described() {
        let set = files();
        for definition in METHODS {
            for name in [definition.request, definition.response] {
                let (package, name) = name.rsplit_once('.').expect("messages are in packages");
                find(&file_of(&set, package).message_type, name);
            }
        }
        let services =
            |package| file_of(&set, package).service.iter().map(|one| one.method.len()).sum::<usize>();
        assert_eq!((services("google.firestore.v1"), services("google.datastore.v1")), (17, 8));
        let file = file_of(&set, "google.firestore.v1");
        assert!(file.dependency.contains(&"google/protobuf/empty.proto".to_owned()));
        assert!(file.dependency.contains(&"google/rpc/status.proto".to_owned()));
    }

    #[test]
    fn types_are_looked_for_from_the_inside_out() {
        let set = files();
        let messages = &file_of(&set, "google.firestore.v1").message_type;
        let filter = find(messages, "StructuredQuery.FieldFilter");
        let types: Vec<_> = filter.field.iter().map(|field| (field.r#type(), field.type_name())).collect();
        let expected = [
            (Type::Message, ".google.firestore.v1.StructuredQuery.FieldReference"),
            (Type::Enum, ".google.firestore.v1.StructuredQuery.FieldFilter.Operator"),
            (Type::Message, ".google.firestore.v1.Value"),
        ];
        assert_eq!(types, expected);
        let fields = &find(messages, "Document").field[1];
        assert_eq!(fields.type_name(), ".google.firestore.v1.Document.FieldsEntry");
        assert!(find(messages, "Document.FieldsEntry").options.as_ref().is_some_and(|o| o.map_entry()));
        let write = find(messages, "Write");
        assert_eq!(write.oneof_decl[0].name(), "operation");
        assert_eq!(write.field.iter().filter(|field| field.oneof_index == Some(0)).count(), 4);
    }
}
