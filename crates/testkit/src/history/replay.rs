//! Replays transactions in the order of the times that the database gave them.

use std::collections::HashMap;

use super::{Key, Operation, Outcome, Transaction};

/// Whether each transaction saw what was there at its time, and whether times agree with the clock on the wall.
///
/// Transactions without a time are left out: those that were aborted, and those that did nothing. One whose outcome is
/// not known must be given a time if it happened.
///
/// # Errors
/// The first transaction that saw something else, or whose time is out of order.
pub fn check(history: &[Transaction]) -> Result<(), String> {
    let mut timed: Vec<(i64, &Transaction)> = Vec::new();
    for transaction in history.iter().filter(|transaction| transaction.outcome != Outcome::Aborted) {
        timed.extend(transaction.time.map(|time| (time, transaction)));
    }
    // At one time a write comes first: a snapshot of that time shows it.
    timed.sort_by_key(|(time, transaction)| (*time, !transaction.writes()));
    let mut values: HashMap<Key, Vec<u64>> = HashMap::new();
    let mut last_write = i64::MIN;
    for (time, transaction) in &timed {
        if transaction.writes() {
            if *time == last_write {
                return Err(format!("two commits at {time}, one of them {transaction:?}"));
            }
            last_write = *time;
        }
        replay(transaction, &mut values).map_err(|wrong| format!("at {time}: {wrong} in {transaction:?}"))?;
    }
    check_real_time(&timed)
}

fn replay(transaction: &Transaction, values: &mut HashMap<Key, Vec<u64>>) -> Result<(), String> {
    // Reads see the state before the transaction: its writes are sent with its commit.
    for operation in &transaction.operations {
        if let Operation::Read { key, seen } = operation {
            let there = values.get(key).map_or(&[][..], Vec::as_slice);
            if there != seen.as_slice() {
                return Err(format!("{key} was {there:?}, not {seen:?},"));
            }
        }
    }
    for operation in &transaction.operations {
        match operation {
            Operation::Append { key, element } => values.entry(*key).or_default().push(*element),
            Operation::Put { key, value } => drop(values.insert(*key, vec![*value])),
            Operation::Read { .. } => {}
        }
    }
    Ok(())
}

/// What began after another ended has a later time, or the same if it only read.
fn check_real_time(timed: &[(i64, &Transaction)]) -> Result<(), String> {
    let mut by_start = timed.to_vec();
    by_start.sort_by_key(|(_, transaction)| transaction.start);
    let mut by_end = timed.to_vec();
    by_end.sort_by_key(|(_, transaction)| transaction.end);
    let mut ended = by_end.iter().peekable();
    let mut latest: Option<&(i64, &Transaction)> = None;
    for (time, transaction) in by_start {
        while let Some(other) = ended.next_if(|(_, other)| other.end < transaction.start) {
            if latest.is_none_or(|latest| latest.0 < other.0) {
                latest = Some(other);
            }
        }
        let Some((before, other)) = latest else { continue };
        if time < *before || (time == *before && transaction.writes()) {
            return Err(format!("{transaction:?} began after the end of {other:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(start: u64, end: u64, time: i64, operations: Vec<Operation>) -> Transaction {
        Transaction { operations, outcome: Outcome::Committed, start, end, time: Some(time) }
    }

    fn put(value: u64) -> Operation {
        Operation::Put { key: 1, value }
    }

    fn read(seen: &[u64]) -> Operation {
        Operation::Read { key: 1, seen: seen.to_vec() }
    }

    #[test]
    fn a_history_in_order_passes() {
        let history = [
            transaction(0, 1, 10, vec![put(1)]),
            transaction(2, 3, 10, vec![read(&[1])]),
            transaction(2, 5, 12, vec![read(&[1]), put(2)]),
            transaction(4, 6, 11, vec![read(&[1])]),
        ];
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn a_lost_update_is_found() {
        let history =
            [transaction(0, 9, 10, vec![read(&[]), put(1)]), transaction(0, 9, 11, vec![read(&[]), put(2)])];
        assert!(check(&history).expect_err("lost").contains("was [1], not []"));
    }

    #[test]
    fn times_that_contradict_the_clock_are_found() {
        let stale = [transaction(0, 1, 10, vec![put(1)]), transaction(2, 3, 9, vec![read(&[])])];
        assert!(check(&stale).expect_err("stale").contains("began after the end of"));
        let rewritten = [transaction(0, 1, 10, vec![read(&[])]), transaction(2, 3, 10, vec![put(1)])];
        assert!(check(&rewritten).is_err());
        let double = [transaction(0, 9, 10, vec![put(1)]), transaction(0, 9, 10, vec![put(2)])];
        assert!(check(&double).expect_err("double").contains("two commits"));
    }

    #[test]
    fn aborted_writes_must_not_be_seen() {
        let mut history = [transaction(0, 1, 10, vec![put(1)]), transaction(2, 3, 11, vec![read(&[1])])];
        history[0].outcome = Outcome::Aborted;
        assert!(check(&history).is_err());
    }
}
