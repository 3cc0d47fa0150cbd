//! Bloom filters over document names, in the form that clients test their documents against.
//!
//! A name's MD5 is two little-endian numbers h1 and h2; its bits are (h1 + i·h2) mod the number of bits.

use std::f64::consts::LN_2;

use md5::{Digest, Md5};
use model::{DatabaseName, DocumentPath};

use crate::event::Bloom;

/// Names that are not there pass one filter test of so many. A name that passes wrongly makes the client ask
/// for everything again.
const ONE_PASSES_OF: f64 = 100.0;
/// Bits besides: among few bits the multiples of a name's second number soon fall on the same ones.
const EXTRA_BITS: usize = 64;

/// A filter that all these documents pass.
pub(crate) fn bloom(database: &DatabaseName, paths: &[DocumentPath]) -> Bloom {
    let (bits, hash_count) = dimensions(paths.len());
    let bytes = bits.div_ceil(8);
    let mut bitmap = vec![0u8; bytes];
    for path in paths {
        let digest = Md5::digest(database.document(path).to_string().as_bytes());
        let half = |from: usize| {
            u64::from_le_bytes(digest[from..from + 8].try_into().expect("a digest has 16 bytes"))
        };
        let (first, second) = (half(0), half(8));
        for n in 0..hash_count {
            let bit = first.wrapping_add(second.wrapping_mul(u64::from(n))) % bits as u64;
            bitmap[(bit / 8) as usize] |= 1 << (bit % 8);
        }
    }
    let padding = i32::try_from(bytes * 8 - bits).expect("below eight");
    Bloom { bitmap: bitmap.into(), padding, hash_count: i32::try_from(hash_count).expect("a few") }
}

/// Bits, and how many of them each name sets, for so many names.
fn dimensions(names: usize) -> (usize, u32) {
    if names == 0 {
        return (0, 0);
    }
    let each = ONE_PASSES_OF.ln() / (LN_2 * LN_2);
    let bits = (names as f64 * each).ceil() as usize + EXTRA_BITS;
    (bits, ONE_PASSES_OF.log2().round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's test, as its sources have it.
    fn passes(filter: &Bloom, name: &str) -> bool {
        let bits = (filter.bitmap.len() * 8) as u64 - u64::try_from(filter.padding).unwrap();
        if bits == 0 {
            return false;
        }
        let digest = Md5::digest(name.as_bytes());
        let first = u64::from_le_bytes(digest[..8].try_into().unwrap());
        let second = u64::from_le_bytes(digest[8..].try_into().unwrap());
        (0..u64::try_from(filter.hash_count).unwrap()).all(|n| {
            let bit = first.wrapping_add(n.wrapping_mul(second)) % bits;
            filter.bitmap[(bit / 8) as usize] & (1 << (bit % 8)) != 0
        })
    }

    #[test]
    fn every_name_passes_and_few_others_do() {
        let database = DatabaseName::new("p", "(default)");
        let path = |n: usize| DocumentPath::new(&format!("c/{n}")).unwrap();
        for count in [0, 1, 2, 3, 100, 5_000] {
            let paths: Vec<_> = (0..count).map(path).collect();
            let filter = bloom(&database, &paths);
            assert!((0..8).contains(&filter.padding));
            let name = |n: usize| database.document(&path(n)).to_string();
            assert!((0..count).all(|n| passes(&filter, &name(n))), "{count}");
            let wrong = (0..2_000).filter(|n| passes(&filter, &name(1_000_000 + n))).count();
            assert!(wrong <= 60, "{wrong} of 2000 pass a filter of {count}");
        }
    }
}
