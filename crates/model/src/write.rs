//! Writes as the API names them: operation, mask, transforms, precondition; and their results.

use crate::{DocumentPath, FieldPath, Fields, Timestamp, Value};

/// One write of a commit. All writes of a commit concern one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    pub path: DocumentPath,
    pub operation: Operation,
    pub precondition: Precondition,
}

/// What a write does to its document.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Set all fields or, with a mask, only those it names (a masked field that `fields` lacks is
    /// deleted). Creates the document when it is missing. Transforms run after that, in order.
    Set { fields: Fields, mask: Option<Vec<FieldPath>>, transforms: Vec<FieldTransform> },
    /// Delete the document; nothing happens when it is missing.
    Delete,
    /// Only check the precondition (sent by web SDK transactions for documents they read).
    Verify,
}

/// What must hold of the document before the write.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Precondition {
    #[default]
    None,
    Exists(bool),
    /// The stored version has exactly this update time.
    UpdateTime(Timestamp),
}

/// A change of one field that the server computes.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTransform {
    pub path: FieldPath,
    pub kind: TransformKind,
}

/// How the field changes.
#[derive(Clone, Debug, PartialEq)]
pub enum TransformKind {
    /// The commit's time, cut to milliseconds.
    RequestTime,
    /// Operands are numbers: the gateway refuses others.
    Increment(Value),
    Maximum(Value),
    Minimum(Value),
    AppendMissing(Vec<Value>),
    RemoveAll(Vec<Value>),
}

/// What one write answers.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct WriteResult {
    /// None for deletes; for a write that changed nothing, the time of the last change.
    pub update_time: Option<Timestamp>,
    /// One for each transform, in order.
    pub transform_results: Vec<Value>,
}

/// What a commit answers: results in the order of its writes.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitResult {
    pub commit_time: Timestamp,
    pub results: Vec<WriteResult>,
}
