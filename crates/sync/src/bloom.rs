//! Names that a server may have, as its existence filters carry them: a Bloom filter, in production's form.
//!
//! The MD5 of a document's full name is two little-endian numbers h1 and h2; its bits are (h1 + i·h2) mod the number
//! of bits, for i below the number of hashes.

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::BloomFilter;
use md5::{Digest as _, Md5};

/// Production has 12 to 14; more only cost time.
const MOST_HASHES: u64 = 64;

/// See the module.
pub(crate) struct Bloom {
    bitmap: Bytes,
    bits: u64,
    hashes: u64,
}

impl Bloom {
    /// `None` when it can say nothing: it has no bits, or numbers that cannot be.
    pub(crate) fn of(filter: &BloomFilter) -> Option<Bloom> {
        let sequence = filter.bits.as_ref()?;
        let padding = u64::try_from(sequence.padding).ok().filter(|padding| *padding < 8)?;
        let bits = (sequence.bitmap.len() as u64 * 8).checked_sub(padding).filter(|bits| *bits > 0)?;
        let hashes =
            u64::try_from(filter.hash_count).ok().filter(|hashes| (1..=MOST_HASHES).contains(hashes))?;
        Some(Bloom { bitmap: sequence.bitmap.clone(), bits, hashes })
    }

    /// True for all names that were put in, and for few others. The name comes in parts.
    pub(crate) fn passes(&self, name: &[&str]) -> bool {
        let mut digest = Md5::new();
        name.iter().for_each(|part| digest.update(part.as_bytes()));
        let digest = u128::from_le_bytes(digest.finalize().into());
        let (first, second) = (digest as u64, (digest >> 64) as u64);
        (0..self.hashes).all(|n| {
            let bit = first.wrapping_add(n.wrapping_mul(second)) % self.bits;
            let byte = usize::try_from(bit / 8).expect("an index of a bitmap that is in memory");
            self.bitmap[byte] & (1 << (bit % 8)) != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use googleapis_tonic_google_firestore_v1::google::firestore::v1::BitSequence;

    use super::*;

    fn filter(bitmap: &[u8], padding: i32, hash_count: i32) -> BloomFilter {
        let bits = BitSequence { bitmap: Bytes::copy_from_slice(bitmap), padding };
        BloomFilter { bits: Some(bits), hash_count }
    }

    #[test]
    fn names_pass_by_their_bits() {
        let name = ["projects/p/databases/(default)/documents/", "c/d"];
        let one = Bloom::of(&filter(&[0xff; 8], 3, 12)).expect("a filter");
        assert!(one.passes(&name));
        let none = Bloom::of(&filter(&[0; 8], 0, 1)).expect("a filter");
        assert!(!none.passes(&name));
    }

    #[test]
    fn what_cannot_be_a_filter_says_nothing() {
        let table = [
            (&[][..], 0, 0),
            (&[][..], 0, 1),
            (&[][..], 1, 1),
            (&[1][..], 8, 1),
            (&[1][..], -1, 1),
            (&[1][..], 0, 0),
            (&[1][..], 0, -1),
            (&[1][..], 0, i32::MAX),
        ];
        for (bitmap, padding, hashes) in table {
            assert!(Bloom::of(&filter(bitmap, padding, hashes)).is_none(), "{bitmap:?} {padding} {hashes}");
        }
        assert!(Bloom::of(&BloomFilter::default()).is_none());
    }
}
