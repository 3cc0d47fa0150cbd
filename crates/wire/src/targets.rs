//! Listen requests as web and mobile clients send them: the published messages lack
//! `Target.pipeline_query`, field 13.

use bytes::Bytes;
use prost::{Message, Oneof};
use prost_types::Timestamp;

/// `google.firestore.v1.ListenRequest`. Its labels only tell Google's logs why a client listens.
#[derive(Clone, PartialEq, Message)]
pub struct ListenRequest {
    #[prost(string, tag = "1")]
    pub database: String,
    #[prost(oneof = "listen_request::TargetChange", tags = "2, 3")]
    pub target_change: Option<listen_request::TargetChange>,
}

/// The parts of [`ListenRequest`].
pub mod listen_request {
    use super::{Oneof, Target};

    /// What changes on the stream.
    #[expect(clippy::large_enum_variant, reason = "a request is read, taken apart and gone")]
    #[derive(Clone, PartialEq, Oneof)]
    pub enum TargetChange {
        #[prost(message, tag = "2")]
        AddTarget(Target),
        #[prost(int32, tag = "3")]
        RemoveTarget(i32),
    }
}

/// `google.firestore.v1.Target` with the private kind `pipeline_query`.
#[derive(Clone, PartialEq, Message)]
pub struct Target {
    #[prost(int32, tag = "5")]
    pub target_id: i32,
    #[prost(bool, tag = "6")]
    pub once: bool,
    #[prost(message, optional, tag = "12")]
    pub expected_count: Option<i32>,
    #[prost(oneof = "target::TargetType", tags = "2, 3, 13")]
    pub target_type: Option<target::TargetType>,
    #[prost(oneof = "target::ResumeType", tags = "4, 11")]
    pub resume_type: Option<target::ResumeType>,
}

/// The parts of [`Target`].
pub mod target {
    use super::{Bytes, Message, Oneof, Timestamp};

    pub use googleapis_tonic_google_firestore_v1::google::firestore::v1::target::{
        DocumentsTarget, QueryTarget, query_target,
    };

    /// What is listened to.
    #[expect(clippy::large_enum_variant, reason = "a request is read, taken apart and gone")]
    #[derive(Clone, PartialEq, Oneof)]
    pub enum TargetType {
        #[prost(message, tag = "2")]
        Query(QueryTarget),
        #[prost(message, tag = "3")]
        Documents(DocumentsTarget),
        #[prost(message, tag = "13")]
        PipelineQuery(PipelineQueryTarget),
    }

    /// A pipeline to listen to; what it does is not read.
    #[derive(Clone, PartialEq, Message)]
    pub struct PipelineQueryTarget {}

    /// Where a client that listened before goes on.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum ResumeType {
        #[prost(bytes = "bytes", tag = "4")]
        ResumeToken(Bytes),
        #[prost(message, tag = "11")]
        ReadTime(Timestamp),
    }
}

#[cfg(test)]
mod tests {
    use googleapis_tonic_google_firestore_v1::google::firestore::v1 as published;

    use super::*;

    #[test]
    fn what_both_know_has_the_same_bytes() {
        let target = published::Target {
            target_id: 2,
            once: true,
            expected_count: Some(7),
            target_type: Some(published::target::TargetType::Documents(target::DocumentsTarget {
                documents: vec!["a".to_owned()],
            })),
            resume_type: Some(published::target::ResumeType::ResumeToken(Bytes::from_static(b"t"))),
        };
        let request = published::ListenRequest {
            database: "projects/p/databases/d".to_owned(),
            labels: Default::default(),
            target_change: Some(published::listen_request::TargetChange::AddTarget(target)),
        };
        let bytes = request.encode_to_vec();
        let ours = ListenRequest::decode(&*bytes).expect("the same message");
        assert_eq!(ours.encode_to_vec(), bytes);
    }

    #[test]
    fn a_pipeline_is_field_thirteen() {
        let bytes = [0x28, 2, 0x6a, 2, 0x0a, 0];
        let target = Target::decode(&bytes[..]).expect("a target");
        assert_eq!(target.target_id, 2);
        assert!(matches!(target.target_type, Some(target::TargetType::PipelineQuery(_))));
    }
}
