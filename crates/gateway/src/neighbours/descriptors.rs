//! What reflection tells: the service, its methods, and the names of its messages.

use std::collections::BTreeSet;

use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use wire::methods::{Definition, METHODS};

const PACKAGE: &str = "google.firestore.v1";
const FILE: &str = "google/firestore/v1/firestore.proto";
const EMPTY_PACKAGE: &str = "google.protobuf";
const EMPTY_FILE: &str = "google/protobuf/empty.proto";

/// All files that reflection serves.
pub(super) fn set() -> FileDescriptorSet {
    FileDescriptorSet { file: vec![empty(), firestore()] }
}

fn empty() -> FileDescriptorProto {
    file(EMPTY_FILE, EMPTY_PACKAGE, vec![message("Empty")])
}

fn firestore() -> FileDescriptorProto {
    let names: BTreeSet<&str> = METHODS
        .iter()
        .flat_map(|definition| [definition.request, definition.response])
        .filter_map(|name| name.strip_prefix(PACKAGE)?.strip_prefix('.'))
        .collect();
    let service = ServiceDescriptorProto {
        name: Some("Firestore".to_owned()),
        method: METHODS.iter().map(method).collect(),
        ..Default::default()
    };
    FileDescriptorProto {
        dependency: vec![EMPTY_FILE.to_owned()],
        service: vec![service],
        ..file(FILE, PACKAGE, names.into_iter().map(message).collect())
    }
}

fn method(definition: &Definition) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some(definition.name.to_owned()),
        input_type: Some(format!(".{}", definition.request)),
        output_type: Some(format!(".{}", definition.response)),
        client_streaming: Some(definition.client_streaming),
        server_streaming: Some(definition.server_streaming),
        ..Default::default()
    }
}

fn message(name: &str) -> DescriptorProto {
    DescriptorProto { name: Some(name.to_owned()), ..Default::default() }
}

fn file(name: &str, package: &str, messages: Vec<DescriptorProto>) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        message_type: messages,
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    }
}
