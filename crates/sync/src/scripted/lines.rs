//! What a listener is told, one word a message.
//!
//! | word | message |
//! |---|---|
//! | `add` `current` `reset` `silent` | a target change, without a read time |
//! | `token=t` | the same with a token and no read time |
//! | `boundary=7` `boundary=7/t` | a boundary at a time, with a token or without |
//! | `current=7/t` | `current`, with time and token of the target |
//! | `all=7/t` | `current` for all targets, which is a boundary as well |
//! | `a=6` | the document is so since then |
//! | `many=1200/6` | so many of them, `m0000` and so on |
//! | `left=a` `gone=a` `deleted=a` | a change that leads out of the target, a removal, a deletion |
//! | `other=a` | a change that only concerns another target |
//! | `filter=2` `filter=2/a.b` | an existence filter, with the names of these documents or without |
//! | `removed` `removed=9/text` | the target is given up, with a cause or without |
//! | `wait=60` | none, for so many seconds |
//! | `fail=14/text` `end` `cut` | the stream ends: with a status, without one, with its connection |

use std::time::Duration;

use goldenscript::Argument;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::listen_response::ResponseType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::target_change::TargetChangeType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    BitSequence, BloomFilter, DocumentChange, DocumentDelete, DocumentRemove, ExistenceFilter,
    ListenResponse, TargetChange,
};
use googleapis_tonic_google_firestore_v1::google::rpc;
use md5::{Digest as _, Md5};
use tonic::{Code, Status};

use super::collection::{Version, full_name};
use super::server::Clock;
use super::stage::many;

/// The follower's one target, and one of somebody else's.
const TARGET: i32 = 1;
const ANOTHER: i32 = 2;
/// Bits of filters, and how many of them a name has: production's for a few names.
const BITS: u64 = 120;
const HASHES: u64 = 12;

/// One thing that happens on a listener's stream.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Say(Box<ListenResponse>),
    Wait(Duration),
    Fail(Status),
    End,
    Cut,
}

/// Reads one word, which may stand for many messages.
pub(super) fn read(word: &Argument, clock: Clock) -> Result<Vec<Line>, String> {
    match word {
        Argument::KeyValue(key, value) if key == "many" => {
            let (count, updated) =
                value.split_once('/').ok_or_else(|| format!("`{value}` is no count/time"))?;
            let count: u32 = count.parse().map_err(|_| format!("`{count}` is no number"))?;
            let one = |number| one(&Argument::KeyValue(many(number), updated.to_owned()), clock);
            (0..count).map(one).collect()
        }
        word => Ok(vec![one(word, clock)?]),
    }
}

fn one(word: &Argument, clock: Clock) -> Result<Line, String> {
    let (word, value) = match word {
        Argument::Positional(word) => (word.as_str(), None),
        Argument::KeyValue(word, value) => (word.as_str(), Some(value.as_str())),
        other => return Err(format!("what is {other}?")),
    };
    let say = |kind| Ok(Line::Say(Box::new(ListenResponse { response_type: Some(kind) })));
    let target = |kind: TargetChangeType| TargetChange {
        target_change_type: kind.into(),
        target_ids: vec![TARGET],
        ..TargetChange::default()
    };
    match (word, value) {
        ("add", None) => say(ResponseType::TargetChange(target(TargetChangeType::Add))),
        ("current", None) => say(ResponseType::TargetChange(target(TargetChangeType::Current))),
        ("reset", None) => say(ResponseType::TargetChange(target(TargetChangeType::Reset))),
        ("silent", None) => say(ResponseType::TargetChange(TargetChange::default())),
        ("token", Some(token)) => {
            let token = token.to_owned().into_bytes().into();
            let change = TargetChange { resume_token: token, ..target(TargetChangeType::NoChange) };
            say(ResponseType::TargetChange(change))
        }
        ("boundary", Some(text)) => {
            say(ResponseType::TargetChange(at(text, TargetChange::default(), clock)?))
        }
        ("current", Some(text)) => {
            say(ResponseType::TargetChange(at(text, target(TargetChangeType::Current), clock)?))
        }
        ("all", Some(text)) => {
            let all = TargetChange { target_ids: Vec::new(), ..target(TargetChangeType::Current) };
            say(ResponseType::TargetChange(at(text, all, clock)?))
        }
        ("left", Some(name)) => say(ResponseType::DocumentChange(DocumentChange {
            document: Some(Version::read("0")?.document(name, clock)),
            removed_target_ids: vec![TARGET],
            ..DocumentChange::default()
        })),
        ("other", Some(name)) => say(ResponseType::DocumentChange(DocumentChange {
            document: Some(Version::read("0")?.document(name, clock)),
            target_ids: vec![ANOTHER],
            ..DocumentChange::default()
        })),
        ("gone", Some(name)) => say(ResponseType::DocumentRemove(DocumentRemove {
            document: full_name(name),
            removed_target_ids: vec![TARGET],
            ..DocumentRemove::default()
        })),
        ("deleted", Some(name)) => say(ResponseType::DocumentDelete(DocumentDelete {
            document: full_name(name),
            removed_target_ids: vec![TARGET],
            ..DocumentDelete::default()
        })),
        ("filter", Some(text)) => say(ResponseType::Filter(filter(text)?)),
        ("removed", None) => say(ResponseType::TargetChange(target(TargetChangeType::Remove))),
        ("removed", Some(text)) => {
            let (code, message) = status(text)?;
            let cause = Some(rpc::Status { code, message, ..rpc::Status::default() });
            say(ResponseType::TargetChange(TargetChange { cause, ..target(TargetChangeType::Remove) }))
        }
        ("fail", Some(text)) => {
            let (code, message) = status(text)?;
            Ok(Line::Fail(Status::new(Code::from(code), message)))
        }
        ("wait", Some(text)) => {
            let seconds = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
            Ok(Line::Wait(Duration::from_secs(seconds)))
        }
        ("end", None) => Ok(Line::End),
        ("cut", None) => Ok(Line::Cut),
        (name, Some(updated)) => say(ResponseType::DocumentChange(DocumentChange {
            document: Some(Version::read(updated)?.document(name, clock)),
            target_ids: vec![TARGET],
            ..DocumentChange::default()
        })),
        (word, None) => Err(format!("`{word}` is not among the words")),
    }
}

/// `7` or `7/token`.
fn at(text: &str, change: TargetChange, clock: Clock) -> Result<TargetChange, String> {
    let (time, token) = text.split_once('/').unwrap_or((text, ""));
    let time = time.parse().map_err(|_| format!("`{text}` is no time"))?;
    let resume_token = token.to_owned().into_bytes().into();
    Ok(TargetChange { read_time: Some(clock.at(time).to_wire()), resume_token, ..change })
}

/// `9/text`.
fn status(text: &str) -> Result<(i32, String), String> {
    let (code, message) = text.split_once('/').ok_or_else(|| format!("`{text}` is no code/text"))?;
    Ok((code.parse().map_err(|_| format!("`{code}` is no code"))?, message.to_owned()))
}

/// `2`, `2/a.b`, `2/` with the names of no document, or `2/wrong` with a filter that cannot be right.
fn filter(text: &str) -> Result<ExistenceFilter, String> {
    let (count, names) = match text.split_once('/') {
        Some((count, names)) => (count, Some(names)),
        None => (text, None),
    };
    let count = count.parse().map_err(|_| format!("`{text}` is no filter"))?;
    let unchanged_names = names.map(|names| match names {
        "wrong" => {
            BloomFilter { bits: Some(BitSequence { bitmap: vec![0xff].into(), padding: 9 }), hash_count: 3 }
        }
        names => bloom(names.split('.').filter(|name| !name.is_empty())),
    });
    Ok(ExistenceFilter { target_id: TARGET, count, unchanged_names })
}

fn bloom<'a>(names: impl Iterator<Item = &'a str>) -> BloomFilter {
    let mut bitmap = vec![0_u8; BITS as usize / 8];
    for name in names {
        let digest = u128::from_le_bytes(Md5::digest(full_name(name).as_bytes()).into());
        let (first, second) = (digest as u64, (digest >> 64) as u64);
        for n in 0..HASHES {
            let bit = first.wrapping_add(n.wrapping_mul(second)) % BITS;
            bitmap[(bit / 8) as usize] |= 1 << (bit % 8);
        }
    }
    let bits = BitSequence { bitmap: bitmap.into(), padding: 0 };
    BloomFilter { bits: Some(bits), hash_count: HASHES as i32 }
}
