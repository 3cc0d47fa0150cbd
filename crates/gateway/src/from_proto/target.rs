//! Targets of a Listen stream.
//!
//! What is wrong with one target is told about that target alone, so it becomes part of the target:
//! [`TargetKind::Refused`]. Only the caller's ids matter to the whole stream.

use bytes::Bytes;
use model::{Code, DatabaseName, Parent, Status};
use service::{Resume, Target, TargetKind};
use wire::firestore as proto;
use wire::firestore::target::{QueryTarget, ResumeType, TargetType, query_target};

use super::{query, write};

/// A target of a stream over `database`.
pub(crate) fn target(database: &DatabaseName, target: proto::Target) -> Target {
    let resume = target.resume_type.map(resume).transpose();
    let (resume, what) = match (resume, kind(database, target.target_type)) {
        (Ok(resume), Ok(what)) => (resume.flatten(), what),
        (Err(refusal), _) | (_, Err(refusal)) => (None, TargetKind::Refused(refusal)),
    };
    Target { id: target.target_id, what, resume, once: target.once, expected_count: target.expected_count }
}

fn kind(database: &DatabaseName, target: Option<TargetType>) -> Result<TargetKind, Status> {
    match target {
        Some(TargetType::Query(target)) => listened_query(database, target),
        Some(TargetType::Documents(target)) => {
            let paths = target.documents.iter().map(|name| write::path_in(database, name));
            Ok(TargetKind::Documents(paths.collect::<Result<_, _>>()?))
        }
        Some(TargetType::PipelineQuery(_)) => {
            Err(Status::new(Code::Unimplemented, "Listening to pipelines is not supported."))
        }
        None => Err(Status::invalid_argument("The target must have a query or documents.")),
    }
}

fn listened_query(database: &DatabaseName, target: QueryTarget) -> Result<TargetKind, Status> {
    let (of, parent) = Parent::parse(&target.parent)?;
    if of != *database {
        let text = format!("The parent \"{}\" is not in database \"{database}\".", target.parent);
        return Err(Status::invalid_argument(text));
    }
    let Some(query_target::QueryType::StructuredQuery(structured)) = target.query_type else {
        return Err(query::only_structured());
    };
    query::structured_query(parent, structured).map(TargetKind::Query)
}

/// An empty token asks for nothing, as in every proto3 field.
fn resume(resume: ResumeType) -> Result<Option<Resume>, Status> {
    match resume {
        ResumeType::ResumeToken(token) => Ok((!token.is_empty()).then(|| Resume::Token(owned(&token)))),
        ResumeType::ReadTime(stamp) => super::timestamp(stamp).map(|time| Some(Resume::ReadTime(time))),
    }
}

/// A token of its own, which does not keep the request around it in memory.
fn owned(token: &Bytes) -> Bytes {
    Bytes::copy_from_slice(token)
}
