//! Writers: they create, touch, change and delete documents, with clocks that go wrong by some amount.

use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    CommitRequest, Document, DocumentMask, Value, Write, value::ValueType, write,
};
use sync::Time;
use tonic::transport::Channel;

use crate::server::{ROOT, owner};

/// After a failure of the server's, writers ask again so soon.
const PAUSE: Duration = Duration::from_millis(20);

/// Numbers that one seed gives again and again.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Anything below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A document `events/…` with a timestamp and a number.
pub fn set(id: &str, at: Time, number: u64) -> Write {
    let value = |kind| Value { value_type: Some(kind) };
    let fields = [
        ("created_at".to_owned(), value(ValueType::TimestampValue(at.to_wire()))),
        ("number".to_owned(), value(ValueType::IntegerValue(number as i64))),
    ];
    let document = Document { name: format!("{ROOT}/{id}"), fields: fields.into(), ..Document::default() };
    Write { operation: Some(write::Operation::Update(document)), ..Write::default() }
}

/// A change that leaves the timestamp alone.
pub fn change(id: &str, number: u64) -> Write {
    let mut write = set(id, Time(0), number);
    write.update_mask = Some(DocumentMask { field_paths: vec!["number".to_owned()] });
    write
}

pub fn delete(id: &str) -> Write {
    Write { operation: Some(write::Operation::Delete(format!("{ROOT}/{id}"))), ..Write::default() }
}

/// Commits writes, again and again while the server is away.
pub async fn commit(client: &mut FirestoreClient<Channel>, writes: Vec<Write>) {
    loop {
        let request = CommitRequest {
            database: "projects/demo/databases/(default)".to_owned(),
            writes: writes.clone(),
            ..CommitRequest::default()
        };
        match client.commit(owner(request)).await {
            Ok(_) => return,
            // What has a source was not said by the server: the connection is lost.
            Err(status)
                if status.code() == tonic::Code::Unavailable
                    || std::error::Error::source(&status).is_some() =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            Err(status) => panic!("a write was refused: {status}"),
        }
    }
}

/// Does so many things to a few documents. `skew` is how wrong the clock is, in microseconds.
pub async fn work(mut client: FirestoreClient<Channel>, mut dice: Dice, skew: i64, things: u64) {
    for _ in 0..things {
        let id = format!("events/{:03}", dice.roll(150));
        let (now, number) = (Time(Time::now().0 + skew), dice.roll(1_000));
        let writes = match dice.roll(10) {
            0..=4 => vec![set(&id, now, number)],
            5 => (0..20).map(|i| set(&format!("events/many-{i:02}"), now, number)).collect(),
            // Only where the document is: a change of nothing would make one without a timestamp.
            6 => vec![set(&id, now, number), change(&id, number + 1)],
            _ => vec![delete(&id)],
        };
        commit(&mut client, writes).await;
    }
}
