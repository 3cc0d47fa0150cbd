//! What a Listen stream answers.
//!
//! ```text
//!   ListenResponse { 3 DocumentChange { 1 Document ......... | 5 target_ids | 6 removed_target_ids } }
//!                                       ╰ encoded once, for all streams that show the change
//! ```

use model::Timestamp;
use prost::Message;
use prost::encoding::{self, WireType, encode_key, encode_varint};
use service::{Bloom, ChangedDocument, ListenEvent, TargetChange};
use wire::firestore as proto;
use wire::firestore::listen_response::ResponseType;
use wire::firestore::target_change::TargetChangeType;

use crate::grpc::frames::Shared;
use crate::splice::Splicer;

const DOCUMENT_CHANGE: u32 = 3;
const DOCUMENT: u32 = 1;
const TARGET_IDS: u32 = 5;
const REMOVED_TARGET_IDS: u32 = 6;

/// A `ListenResponse`.
pub(crate) fn response(splicer: &Splicer, event: ListenEvent) -> Shared {
    let kind = match event {
        ListenEvent::Changed { document, targets, removed } => {
            return changed(splicer, &document, &targets, &removed);
        }
        ListenEvent::Targets { change, ids, cause, token, read_time } => {
            ResponseType::TargetChange(proto::TargetChange {
                target_change_type: change_type(change) as i32,
                target_ids: ids,
                cause: cause.map(|cause| super::status(&cause)),
                resume_token: token.unwrap_or_default(),
                read_time: read_time.map(super::timestamp),
            })
        }
        ListenEvent::Removed { path, read_time, targets } => {
            ResponseType::DocumentRemove(proto::DocumentRemove {
                document: splicer.name(&path),
                removed_target_ids: targets,
                read_time: time(read_time),
            })
        }
        ListenEvent::Deleted { path, read_time, targets } => {
            ResponseType::DocumentDelete(proto::DocumentDelete {
                document: splicer.name(&path),
                removed_target_ids: targets,
                read_time: time(read_time),
            })
        }
        ListenEvent::Filter { target, count, names } => ResponseType::Filter(proto::ExistenceFilter {
            target_id: target,
            count,
            unchanged_names: Some(names.map(bloom).unwrap_or_default()),
        }),
    };
    Shared::whole(proto::ListenResponse { response_type: Some(kind) }.encode_to_vec())
}

fn time(stamp: Timestamp) -> Option<wire::Timestamp> {
    Some(super::timestamp(stamp))
}

fn change_type(change: TargetChange) -> TargetChangeType {
    match change {
        TargetChange::NoChange => TargetChangeType::NoChange,
        TargetChange::Add => TargetChangeType::Add,
        TargetChange::Remove => TargetChangeType::Remove,
        TargetChange::Current => TargetChangeType::Current,
        TargetChange::Reset => TargetChangeType::Reset,
    }
}

fn bloom(bloom: Bloom) -> proto::BloomFilter {
    let bits = proto::BitSequence { bitmap: bloom.bitmap, padding: bloom.padding };
    proto::BloomFilter { bits: Some(bits), hash_count: bloom.hash_count }
}

fn changed(splicer: &Splicer, changed: &ChangedDocument, targets: &[i32], removed: &[i32]) -> Shared {
    let document = changed.encoded.get_or_init(|| {
        let mut bytes = Vec::new();
        splicer.push_document_field(&mut bytes, DOCUMENT, changed.document());
        bytes.into()
    });
    let mut tail = Vec::new();
    encoding::int32::encode_packed(TARGET_IDS, targets, &mut tail);
    encoding::int32::encode_packed(REMOVED_TARGET_IDS, removed, &mut tail);
    let mut head = Vec::new();
    encode_key(DOCUMENT_CHANGE, WireType::LengthDelimited, &mut head);
    encode_varint((document.len() + tail.len()) as u64, &mut head);
    Shared { head, middle: document.clone(), tail }
}

#[cfg(test)]
mod tests {
    use model::{DatabaseName, Document, DocumentPath, Fields, Value, body};

    use super::*;

    #[test]
    fn a_change_is_the_generated_message_byte_for_byte() {
        let stamp = |micros| Timestamp::from_micros(micros).expect("in range");
        let fields = Fields::from([("a".to_owned(), Value::Integer(7))]);
        let document = Document {
            path: DocumentPath::new("c/d").expect("even"),
            create_time: stamp(1_000_001),
            update_time: stamp(2_000_000),
            body: body::encode(&fields),
        };
        let splicer = Splicer::new(&DatabaseName::new("p", "d"));
        let mut bytes = Vec::new();
        splicer.push_document(&mut bytes, &document);
        let generated = proto::Document::decode(&*bytes).expect("a document");
        for (targets, removed) in [(vec![1, 200], vec![]), (vec![], vec![3]), (vec![4], vec![i32::MAX])] {
            let changed =
                super::changed(&splicer, &ChangedDocument::new(document.clone()), &targets, &removed);
            let change = proto::DocumentChange {
                document: Some(generated.clone()),
                target_ids: targets,
                removed_target_ids: removed,
            };
            let response =
                proto::ListenResponse { response_type: Some(ResponseType::DocumentChange(change)) };
            assert_eq!(changed.into_bytes(), response.encode_to_vec());
        }
    }
}
