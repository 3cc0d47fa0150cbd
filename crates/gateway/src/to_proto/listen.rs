//! What a Listen stream answers.
//!
//! ```text
//!   ListenResponse { 3 DocumentChange { 1 Document ......... | 5 target_ids | 6 removed_target_ids } }
//!                                       ╰ encoded once, for all streams that show the change
//! ```

use bytes::Bytes;
use model::Timestamp;
use prost::encoding::{self, WireType, encode_key, encode_varint};
use prost::{Message, bytes::BufMut};
use service::{Bloom, ChangedDocument, ListenEvent, TargetChange};
use wire::firestore as proto;
use wire::firestore::listen_response::ResponseType;
use wire::firestore::target_change::TargetChangeType;

use crate::splice::Splicer;

const DOCUMENT_CHANGE: u32 = 3;
const DOCUMENT: u32 = 1;
const TARGET_IDS: u32 = 5;
const REMOVED_TARGET_IDS: u32 = 6;

/// The bytes of a `ListenResponse`.
pub(crate) fn response(splicer: &Splicer, event: ListenEvent) -> Bytes {
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
    proto::ListenResponse { response_type: Some(kind) }.encode_to_vec().into()
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

fn changed(splicer: &Splicer, changed: &ChangedDocument, targets: &[i32], removed: &[i32]) -> Bytes {
    let document = changed.encoded.get_or_init(|| {
        let mut bytes = Vec::new();
        splicer.push_document_field(&mut bytes, DOCUMENT, changed.document());
        bytes.into()
    });
    let ids = encoding::int32::encoded_len_packed(TARGET_IDS, targets)
        + encoding::int32::encoded_len_packed(REMOVED_TARGET_IDS, removed);
    let length = document.len() + ids;
    // The longest head: a key of one byte and a length of at most ten.
    let mut out = Vec::with_capacity(length + 11);
    encode_key(DOCUMENT_CHANGE, WireType::LengthDelimited, &mut out);
    encode_varint(length as u64, &mut out);
    out.put_slice(document);
    encoding::int32::encode_packed(TARGET_IDS, targets, &mut out);
    encoding::int32::encode_packed(REMOVED_TARGET_IDS, removed, &mut out);
    out.into()
}
