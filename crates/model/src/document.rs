//! A stored document: its path, its times and its fields as wire-ready bytes.

use bytes::Bytes;

use crate::{DocumentPath, Fields, Timestamp, body};

/// One version of a document. `body` holds the canonical bytes of `fields` (see [`crate::body`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub path: DocumentPath,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
    pub body: Bytes,
}

impl Document {
    /// All fields, decoded. An error means damaged bytes: they were canonical when stored.
    pub fn fields(&self) -> Result<Fields, body::BodyError> {
        body::decode(&self.body)
    }
}
