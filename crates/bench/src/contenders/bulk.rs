//! Bulk loads: numbered documents, in commits of 500 from several connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use host::Random;
use prost_types::Timestamp;
use wire::value::ValueType;

use super::firestore::{self, Firestore};
use crate::failure::Failure;
use crate::sample::{self, Sample, value};

/// Writes of one commit: the most that Firestore's clients put into a batch.
pub const BATCH: u64 = 500;
/// Clients that load at once.
pub const LOADERS: usize = 4;
/// The scores of numbered documents lie this far apart.
const SCORE_STEP: i64 = 500;
const FIRST_SCORE: i64 = 500_000_000;
/// In the year 2020.
const FIRST_EVENT: i64 = 1_600_000_000;
/// A prime: multiplied with it, numbers in order become scores in disorder.
const STRIDE: u64 = 7_919;

/// Numbered documents of one collection.
#[derive(Clone)]
pub struct Load {
    pub collection: &'static str,
    pub documents: u64,
    pub content: Content,
}

/// What the documents hold.
#[derive(Clone, Copy)]
pub enum Content {
    /// A [`Sample`] each. Each score is there once, and their order is not that of the ids.
    Samples,
    /// A [`Sample`] each, and `created_at`, a second apart.
    Events,
    /// That many random bytes in one field.
    Bytes(usize),
}

/// The id of the document of a number: random, but always the same.
pub fn id(number: u64) -> String {
    sample::id(&Random::from_seed(number))
}

/// A score such that exactly `documents` documents of a load of samples have a lower one.
pub fn score_above(documents: u64) -> i64 {
    FIRST_SCORE + i64::try_from(documents).unwrap_or(i64::MAX / SCORE_STEP) * SCORE_STEP
}

/// Loads all documents; answers how long it took.
pub async fn load(address: std::net::SocketAddr, load: &Load) -> Result<Duration, Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut loaders = Vec::new();
    for channel in firestore::connect(address, LOADERS).await? {
        let client = Firestore::new(channel).max_decoding_message_size(usize::MAX);
        loaders.push(tokio::spawn(load_batches(client, load.clone(), next.clone())));
    }
    for loader in loaders {
        loader.await.map_err(Failure::doing("load documents"))??;
    }
    Ok(begin.elapsed())
}

async fn load_batches(mut client: Firestore, load: Load, next: Arc<AtomicU64>) -> Result<(), Failure> {
    let batch = match load.content {
        Content::Samples | Content::Events => BATCH,
        // A request is at most 10 MiB.
        Content::Bytes(bytes) => BATCH.min((8 << 20) / bytes.max(1) as u64),
    };
    loop {
        let first = next.fetch_add(batch, Ordering::Relaxed);
        if first >= load.documents {
            return Ok(());
        }
        let numbers = first..(first + batch).min(load.documents);
        let writes = numbers.map(|number| load.write(number)).collect();
        firestore::commit(&mut client, writes).await?;
    }
}

impl Load {
    fn write(&self, number: u64) -> wire::Write {
        let random = Random::from_seed(number);
        let id = sample::id(&random);
        let fields = match self.content {
            Content::Samples => {
                let place = number.wrapping_mul(STRIDE) % self.documents;
                Sample { score: score_above(place), ..Sample::random(&random) }.wire_fields()
            }
            Content::Events => {
                let at = Timestamp { seconds: FIRST_EVENT + number as i64, nanos: 0 };
                let mut fields = Sample::random(&random).wire_fields();
                fields.insert("created_at".to_owned(), value(ValueType::TimestampValue(at)));
                fields
            }
            Content::Bytes(count) => {
                let content: Vec<u8> =
                    (0..count.div_ceil(8)).flat_map(|_| random.next().to_be_bytes()).collect();
                [("content".to_owned(), value(ValueType::BytesValue(Bytes::from(content))))].into()
            }
        };
        firestore::set(firestore::name(self.collection, &id), fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_score_is_there_once() {
        let load = Load { collection: "c", documents: 1_000, content: Content::Samples };
        let score = |number| {
            let Some(wire::write::Operation::Update(document)) = load.write(number).operation else {
                panic!("no update")
            };
            match document.fields["score"].value_type {
                Some(ValueType::IntegerValue(score)) => score,
                _ => panic!("no score"),
            }
        };
        let scores: HashSet<i64> = (0..1_000).map(score).collect();
        assert_eq!(scores.len(), 1_000);
        assert_eq!(scores.iter().filter(|score| **score < score_above(100)).count(), 100);
    }
}
