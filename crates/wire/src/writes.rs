//! Writes as web and mobile clients send them: the published messages lack `Write.verify`, field 5.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, Oneof};

use crate::firestore::{Document, DocumentMask, DocumentTransform, Precondition, document_transform};

/// `google.firestore.v1.Write` with its private operation `verify`.
#[derive(Clone, PartialEq, Message)]
pub struct Write {
    #[prost(message, optional, tag = "3")]
    pub update_mask: Option<DocumentMask>,
    #[prost(message, repeated, tag = "7")]
    pub update_transforms: Vec<document_transform::FieldTransform>,
    #[prost(message, optional, tag = "4")]
    pub current_document: Option<Precondition>,
    #[prost(oneof = "write::Operation", tags = "1, 2, 5, 6")]
    pub operation: Option<write::Operation>,
}

/// The parts of [`Write`].
pub mod write {
    use super::{Document, DocumentTransform, Oneof};

    /// What the write does.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Operation {
        #[prost(message, tag = "1")]
        Update(Document),
        #[prost(string, tag = "2")]
        Delete(String),
        /// The name of a document whose precondition is checked, nothing else.
        #[prost(string, tag = "5")]
        Verify(String),
        /// The old form of a write that only transforms.
        #[prost(message, tag = "6")]
        Transform(DocumentTransform),
    }
}

/// `google.firestore.v1.CommitRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct CommitRequest {
    #[prost(string, tag = "1")]
    pub database: String,
    #[prost(message, repeated, tag = "2")]
    pub writes: Vec<Write>,
    #[prost(bytes = "bytes", tag = "3")]
    pub transaction: Bytes,
}

/// `google.firestore.v1.BatchWriteRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct BatchWriteRequest {
    #[prost(string, tag = "1")]
    pub database: String,
    #[prost(message, repeated, tag = "2")]
    pub writes: Vec<Write>,
    #[prost(btree_map = "string, string", tag = "3")]
    pub labels: BTreeMap<String, String>,
}

/// `google.firestore.v1.WriteRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct WriteRequest {
    #[prost(string, tag = "1")]
    pub database: String,
    #[prost(string, tag = "2")]
    pub stream_id: String,
    #[prost(message, repeated, tag = "3")]
    pub writes: Vec<Write>,
    #[prost(bytes = "bytes", tag = "4")]
    pub stream_token: Bytes,
}

#[cfg(test)]
mod tests {
    use googleapis_tonic_google_firestore_v1::google::firestore::v1 as published;

    use super::*;

    #[test]
    fn what_both_know_has_the_same_bytes() {
        let write = published::Write {
            update_mask: Some(DocumentMask { field_paths: vec!["a".to_owned()] }),
            operation: Some(published::write::Operation::Delete("x".to_owned())),
            ..published::Write::default()
        };
        let request = published::CommitRequest {
            database: "projects/p/databases/d".to_owned(),
            writes: vec![write],
            transaction: Bytes::from_static(b"t"),
        };
        let bytes = request.encode_to_vec();
        let ours = CommitRequest::decode(&*bytes).expect("the same message");
        assert_eq!(ours.writes[0].operation, Some(write::Operation::Delete("x".to_owned())));
        assert_eq!(ours.encode_to_vec(), bytes);
    }

    #[test]
    fn verify_is_field_five() {
        let bytes = [0x2a, 1, b'n'];
        let write = Write::decode(&bytes[..]).expect("a write");
        assert_eq!(write.operation, Some(write::Operation::Verify("n".to_owned())));
    }
}
