//! Reads fjall's journals before fjall does, to tell a torn tail from damage.
//!
//! fjall takes whatever it cannot read in a journal for the end of it and cuts the rest off: right for a write
//! that a crash cut short, but one bad byte in the middle would silently take every later commit with it, and the
//! number that orders a batch is under no checksum. So every batch is checked here first.
//!
//! What makes the difference decidable is that batches are synced one by one: at most one batch, the last, was
//! ever unfinished, and it was never acknowledged. So after the first batch that cannot be read
//! - no readable batch may follow, in this journal or a later one;
//! - what is there must be explained by a write that was cut short: either bytes are missing at its end, or a
//!   whole sector is (the disk reorders sectors when the power fails; one that was not written reads as zeros).
//!
//! Then the tail is cut off, as fjall would. Anything else is damage and is reported. One thing remains that no
//! reader can tell: damage to the end of the last journal that looks exactly like a write cut short. After a clean
//! close even that is noticed, because [`End`] was written down.

mod format;

use crate::StorageError;
use format::{Entries, Unreadable};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

/// The smallest unit that disks write as a whole.
const SECTOR: usize = 512;

/// Where the journals end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End {
    /// The number in the name of the newest journal.
    pub(super) journal: u64,
    /// The length of what is written in it, without the zeros that are reserved.
    pub(super) bytes: u64,
}

/// Checks all journals in fjall's directory, cuts off the tail of a write that was never finished, and says where
/// they end then.
///
/// # Errors
/// [`StorageError::Corrupt`] with the file and the place.
pub(super) fn check(engine_path: &Path) -> Result<End, StorageError> {
    let mut last_number = None;
    let mut torn: Option<Torn> = None;
    let mut end = End { journal: 0, bytes: 0 };
    for journal in journals(engine_path)? {
        let path = path(engine_path, journal);
        let bytes = read_to_last_extent(&path)
            .map_err(|e| StorageError::io(format!("reading {}", path.display()), e))?;
        let found = read(&bytes, &mut last_number)
            .map_err(|(at, what)| StorageError::corrupt_file(&path, format!("at byte {at}: {what}")))?;
        if let Some(torn) = &torn
            && found.batches > 0
        {
            return Err(StorageError::corrupt_file(
                &torn.path,
                format!("at byte {}: cannot be read, yet {} was written later", torn.at, path.display()),
            ));
        }
        end = End { journal, bytes: found.end as u64 };
        if found.is_torn {
            torn = Some(Torn { path, at: found.end });
        }
    }
    torn.map_or(Ok(()), |torn| torn.cut_off())?;
    Ok(end)
}

fn path(engine_path: &Path, journal: u64) -> PathBuf {
    engine_path.join(format!("{journal}.jnl"))
}

/// The numbers of the journals, oldest first.
fn journals(engine_path: &Path) -> Result<Vec<u64>, StorageError> {
    let reading = |e| StorageError::io(format!("reading {}", engine_path.display()), e);
    let mut numbers: Vec<u64> = Vec::new();
    for entry in fs::read_dir(engine_path).map_err(reading)? {
        let name = entry.map_err(reading)?.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".jnl")) {
            let number = number.parse().map_err(|_| {
                StorageError::corrupt_file(&engine_path.join(&name), "this is not the name of a journal")
            })?;
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    // Journals are removed oldest first, and the newest is never removed.
    match numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        Some(pair) => Err(StorageError::corrupt_file(
            &engine_path.join(format!("{}.jnl", pair[0] + 1)),
            "it is missing",
        )),
        None if numbers.is_empty() => Err(StorageError::corrupt_file(engine_path, "it has no journal")),
        None => Ok(numbers),
    }
}

/// The bytes of a file up to the last that the file system has stored. fjall reserves 64 MiB for each journal by its
/// length alone; reading those zeros would take longer than all else.
fn read_to_last_extent(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut stored = 0;
    // A file system that cannot tell says that all is stored; one that does not know the question says EINVAL.
    while let Ok(data) = seek(&file, SeekFrom::Data(stored)) {
        stored = seek(&file, SeekFrom::Hole(data))?;
    }
    if stored == 0 && seek(&file, SeekFrom::Data(0)) == Err(Errno::INVAL) {
        stored = length;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stored).map_err(io::Error::other)?);
    file.rewind()?;
    file.take(stored).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How many bytes there are up to the last that is not zero.
fn without_zeros(bytes: &[u8]) -> usize {
    // In pieces, because a piece is compared many bytes at a time.
    let piece = bytes.rchunks(4096).position(|piece| piece.iter().any(|byte| *byte != 0));
    let Some(zero_pieces) = piece else { return 0 };
    let rest = &bytes[..bytes.len() - zero_pieces * 4096];
    rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

struct Found {
    batches: usize,
    /// The end of the last batch.
    end: usize,
    /// Whether an unfinished write follows.
    is_torn: bool,
}

/// Reads one journal. `last_number` is that of the last batch before it, and then of the last in it.
fn read(bytes: &[u8], last_number: &mut Option<u64>) -> Result<Found, (usize, String)> {
    let mut found = Found { batches: 0, end: 0, is_torn: false };
    // After it come only the zeros that fjall reserves, if anything.
    let written = without_zeros(bytes);
    while found.end < written {
        let at = found.end;
        match format::batch(&bytes[at..]) {
            Ok(batch) => {
                if last_number.is_some_and(|last| batch.number <= last) {
                    return Err((at, "the batch is out of order".into()));
                }
                *last_number = Some(batch.number);
                found.batches += 1;
                found.end += batch.length;
            }
            Err(unreadable) => {
                explain(bytes, at, written, &unreadable).map_err(|what| (at, what))?;
                found.is_torn = true;
                break;
            }
        }
    }
    Ok(found)
}

/// Whether the bytes from `start` to `written` (exclusive; only zeros follow) can be what remains of one write that
/// was cut short.
fn explain(bytes: &[u8], start: usize, written: usize, unreadable: &Unreadable) -> Result<(), String> {
    let tail = &bytes[start..written];
    // Position 0 cannot be read; anything readable after it was written after it.
    if let Some(later) = (1..tail.len()).find(|later| format::batch(&tail[*later..]).is_ok()) {
        return Err(format!("{}, yet a batch follows at byte {}", unreadable.what, start + later));
    }
    let needs_more = unreadable.needs > tail.len() && !Entries::ends_with_end(tail);
    if needs_more || misses_a_sector(bytes, start, written) {
        Ok(())
    } else {
        Err(unreadable.what.to_string())
    }
}

/// Whether some sector before the end holds nothing of the write.
fn misses_a_sector(bytes: &[u8], start: usize, written: usize) -> bool {
    let mut from = start;
    while from < written {
        let to = (from / SECTOR + 1) * SECTOR;
        if bytes[from..to.min(bytes.len())].iter().all(|byte| *byte == 0) {
            return true;
        }
        from = to;
    }
    false
}

struct Torn {
    path: PathBuf,
    at: usize,
}

impl Torn {
    fn cut_off(&self) -> Result<(), StorageError> {
        tracing::warn!(
            journal = %self.path.display(),
            at = self.at,
            "dropping a write that a crash cut short and that was never acknowledged"
        );
        let cut = || -> io::Result<()> {
            let file = File::options().write(true).open(&self.path)?;
            file.set_len(self.at as u64)?;
            file.sync_all()
        };
        cut()
            .map_err(|e| StorageError::io(format!("cutting off the torn tail of {}", self.path.display()), e))
    }
}

#[cfg(test)]
mod tests {
    use super::format::tests::{Item, encode};
    use super::*;

    fn journal() -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in 1..=4u8 {
            let value = vec![number; 700];
            encode(&mut bytes, u64::from(number), &[Item::put(b"key", &value), Item::delete(b"gone")]);
        }
        bytes
    }

    fn outcome(bytes: &[u8]) -> Result<(usize, Option<usize>), String> {
        read(bytes, &mut None)
            .map(|found| (found.batches, found.is_torn.then_some(found.end)))
            .map_err(|(_, what)| what)
    }

    #[test]
    fn a_whole_journal_is_read_with_and_without_reserved_zeros() {
        let mut bytes = journal();
        assert_eq!(outcome(&bytes), Ok((4, None)));
        bytes.resize(1 << 16, 0);
        assert_eq!(outcome(&bytes), Ok((4, None)));
        assert_eq!(outcome(&[]), Ok((0, None)));
    }

    #[test]
    fn a_write_cut_at_any_byte_is_a_torn_tail() {
        let whole = journal();
        let last_batch = whole.len() / 4 * 3;
        for cut in last_batch + 1..whole.len() {
            for reserved in [0, 1 << 12] {
                let mut bytes = whole[..cut].to_vec();
                bytes.resize(cut + reserved, 0);
                assert_eq!(outcome(&bytes), Ok((3, Some(last_batch))), "cut at {cut}, {reserved} zeros");
            }
        }
    }

    #[test]
    fn a_missing_sector_in_the_last_batch_is_a_torn_tail() {
        let whole = journal();
        let last_batch = whole.len() / 4 * 3;
        for sector in last_batch / SECTOR..=whole.len() / SECTOR {
            let mut bytes = whole.clone();
            let from = (sector * SECTOR).max(last_batch);
            let to = ((sector + 1) * SECTOR).min(whole.len());
            bytes[from..to].fill(0);
            assert_eq!(outcome(&bytes), Ok((3, Some(last_batch))), "sector {sector}");
        }
    }

    #[test]
    fn one_bad_byte_before_the_last_batch_is_damage() {
        let whole = journal();
        for at in 0..whole.len() / 4 * 3 {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let number_of_a_batch = at % (whole.len() / 4) >= 5 && at % (whole.len() / 4) < 13;
                match outcome(&bytes) {
                    Err(_) => {}
                    // The first batch has nothing before it to be compared with.
                    Ok((4, None)) if number_of_a_batch && at < whole.len() / 4 => {}
                    other => panic!("byte {at} ^ {flip:#x}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn one_bad_byte_in_the_last_batch_is_damage_unless_it_looks_cut_short() {
        let whole = journal();
        let mut passed_for_torn = Vec::new();
        for at in whole.len() / 4 * 3..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x03;
            match outcome(&bytes) {
                Err(_) => {}
                Ok((4, None)) => assert!((5..13).contains(&(at % (whole.len() / 4))), "byte {at}"),
                Ok((3, Some(_))) => passed_for_torn.push(whole.len() - at),
                other => panic!("byte {at}: {other:?}"),
            }
        }
        // The last byte of all became 0, which is what a write that lacks it leaves.
        assert_eq!(passed_for_torn, [1]);
    }

    #[test]
    fn a_later_batch_makes_any_gap_damage() {
        let whole = journal();
        let mut bytes = whole.clone();
        bytes[..whole.len() / 2].fill(0);
        assert!(outcome(&bytes).is_err());
    }
}
