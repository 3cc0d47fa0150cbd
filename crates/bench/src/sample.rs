//! The documents of the benchmarks: 300 bytes, three fields, each of which every contender indexes.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use host::Random;
use model::{Fields, Value};

/// The bytes of a sample's fields as they are stored and sent.
pub const SAMPLE_BYTES: usize = 300;
/// Such that the fields take [`SAMPLE_BYTES`]; a test holds it.
pub const TEXT_LENGTH: usize = 233;
/// The collection that holds the samples.
pub const COLLECTION: &str = "samples";
/// Document ids have the length of those that Firestore's clients make.
pub const ID_LENGTH: usize = 20;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Each letter takes six bits of a random number.
const LETTERS_OF_ONE_NUMBER: usize = 10;

/// Random text, which no compression makes smaller by much. Made cheaply: the clients of a benchmark run on the
/// processors that they measure.
pub fn text(random: &Random, length: usize) -> String {
    let mut text = String::with_capacity(length + LETTERS_OF_ONE_NUMBER);
    while text.len() < length {
        let number = random.next();
        text.extend(
            (0..LETTERS_OF_ONE_NUMBER).map(|at| char::from(LETTERS[(number >> (6 * at)) as usize & 63])),
        );
    }
    text.truncate(length);
    text
}

/// A random document id.
pub fn id(random: &Random) -> String {
    text(random, ID_LENGTH)
}

/// The three values of one document: an owner, a score and a text. The values are random, so that each
/// insertion goes to another place of every index.
pub struct Sample {
    pub owner: String,
    pub score: i64,
    pub text: String,
}

impl Sample {
    pub fn random(random: &Random) -> Self {
        // Nine digits: as many bytes in every sample.
        let score = 500_000_000 + (random.next() % 500_000_000) as i64;
        Sample { owner: text(random, 20), score, text: text(random, TEXT_LENGTH) }
    }

    /// As the rooms know it.
    pub fn fields(self) -> Fields {
        Fields::from([
            ("owner".to_owned(), Value::String(self.owner)),
            ("score".to_owned(), Value::Integer(self.score)),
            ("text".to_owned(), Value::String(self.text)),
        ])
    }

    /// As clients send it.
    pub fn wire_fields(self) -> std::collections::BTreeMap<String, wire::Value> {
        use wire::value::ValueType;
        [
            ("owner".to_owned(), value(ValueType::StringValue(self.owner))),
            ("score".to_owned(), value(ValueType::IntegerValue(self.score))),
            ("text".to_owned(), value(ValueType::StringValue(self.text))),
        ]
        .into()
    }
}

/// A value as clients send it.
pub fn value(kind: wire::value::ValueType) -> wire::Value {
    wire::Value { value_type: Some(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_the_bytes_that_the_report_says() {
        let random = Random::from_seed(1);
        for _ in 0..100 {
            let stored = model::body::encode(&Sample::random(&random).fields());
            assert_eq!(stored.len(), SAMPLE_BYTES);
        }
    }
}
