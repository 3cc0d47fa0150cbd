//! What a client asks to be told of.

use bytes::Bytes;
use model::query::StructuredQuery;
use model::{DocumentPath, Status, Timestamp};

/// Targets of one stream, those that wait for their first answer included. Web clients have some hundred.
pub const MAX_TARGETS: usize = 4_096;
/// Documents that one target may name.
pub const MAX_TARGET_DOCUMENTS: usize = 1_000;

/// One thing to be told of.
#[derive(Clone, Debug)]
pub struct Target {
    /// Chosen by the client; 0 asks the server to choose.
    pub id: i32,
    pub what: TargetKind,
    /// What the client has already.
    pub resume: Option<Resume>,
    /// Answer once, then remove the target.
    pub once: bool,
    /// How many documents the client has of the target; told along with `resume`.
    pub expected_count: Option<i32>,
}

/// Which documents.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives only from the request to the stream")]
pub enum TargetKind {
    Query(StructuredQuery),
    Documents(Vec<DocumentPath>),
    /// Could not be read from the wire: the target is answered with a removal that has this cause.
    Refused(Status),
}

/// The moment whose state the client has.
#[derive(Clone, Debug)]
pub enum Resume {
    Token(Bytes),
    ReadTime(Timestamp),
}
