//! Finds circles in who must come before whom.
//!
//! | edge | from | to |
//! |---|---|---|
//! | wrote before | the writer of an element | the writer of the next one in the list |
//! | was read by | the writer of the last element seen | the reader |
//! | did not see | a reader | the writer of the first element that it did not see |
//! | ended before | a transaction | all that began after its end |
//!
//! The last kind goes through a chain of moments, so that there are few edges: each transaction leads to the moment of
//! its end, each moment to the next, and each transaction comes from the last moment before its start.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::{Key, Operation, Outcome, Transaction};

/// Why one transaction must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    WroteBefore(Key),
    WasReadBy(Key),
    DidNotSee(Key),
    EndedBefore,
}

/// The order of a list's elements, as far as anybody saw it, and who wrote those that nobody saw.
struct List<'a> {
    order: &'a [u64],
    unseen: Vec<usize>,
}

struct Graph {
    /// For each transaction, then each moment: what must come later.
    later: Vec<Vec<(usize, Edge)>>,
}

/// Whether the transactions could have happened one after the other, each between its start and its end.
///
/// # Errors
/// What shows that they could not.
pub fn check(history: &[Transaction]) -> Result<(), String> {
    let writers = writers(history)?;
    let happened: Vec<bool> = history.iter().map(|t| t.outcome == Outcome::Committed).collect();
    let lists = lists(history, &writers, &happened)?;
    check_reads(history, &writers, &lists)?;
    let mut graph = Graph { later: vec![Vec::new(); history.len()] };
    for (key, list) in &lists {
        graph.add_writes(*key, list, &writers);
    }
    for (reader, transaction) in history.iter().enumerate().filter(|(at, _)| happened[*at]) {
        graph.add_reads(reader, transaction, &lists, &writers);
    }
    graph.add_real_time(history);
    match graph.circle() {
        None => Ok(()),
        Some(circle) => Err(describe(&circle, history)),
    }
}

/// Who wrote each element of each list.
fn writers(history: &[Transaction]) -> Result<HashMap<(Key, u64), usize>, String> {
    let mut writers = HashMap::new();
    for (at, transaction) in history.iter().enumerate() {
        for operation in &transaction.operations {
            match operation {
                Operation::Append { key, element } => {
                    if writers.insert((*key, *element), at).is_some() {
                        return Err(format!("element {element} of list {key} is written twice"));
                    }
                }
                Operation::Put { key, .. } => return Err(format!("{key} is not a list")),
                Operation::Read { .. } => {}
            }
        }
    }
    Ok(writers)
}

/// The longest state of each list that was seen by a transaction that happened; all others must be its beginnings.
fn lists<'a>(
    history: &'a [Transaction],
    writers: &HashMap<(Key, u64), usize>,
    happened: &[bool],
) -> Result<BTreeMap<Key, List<'a>>, String> {
    let mut lists: BTreeMap<Key, List<'a>> = BTreeMap::new();
    for (key, _) in writers.keys() {
        lists.insert(*key, List { order: &[], unseen: Vec::new() });
    }
    for (key, seen) in reads(history, happened) {
        let list = lists.entry(key).or_insert(List { order: &[], unseen: Vec::new() });
        let (short, long) =
            if seen.len() < list.order.len() { (seen, list.order) } else { (list.order, seen) };
        if !long.starts_with(short) {
            return Err(format!("list {key} was seen as {short:?} and as {long:?}"));
        }
        list.order = long;
    }
    for ((key, element), writer) in writers {
        let list = lists.get_mut(key).expect("each list with a writer is there");
        if happened[*writer] && !list.order.contains(element) {
            list.unseen.push(*writer);
        }
    }
    Ok(lists)
}

fn reads<'a>(history: &'a [Transaction], happened: &[bool]) -> impl Iterator<Item = (Key, &'a [u64])> {
    let read = |operation: &'a Operation| match operation {
        Operation::Read { key, seen } => Some((*key, seen.as_slice())),
        Operation::Append { .. } | Operation::Put { .. } => None,
    };
    let happened = history.iter().zip(happened).filter(|(_, happened)| **happened);
    happened.flat_map(move |(transaction, _)| transaction.operations.iter().filter_map(read))
}

/// What was seen must have been written, by nobody who was aborted, and not by halves.
fn check_reads(
    history: &[Transaction],
    writers: &HashMap<(Key, u64), usize>,
    lists: &BTreeMap<Key, List<'_>>,
) -> Result<(), String> {
    for (key, list) in lists {
        let mut seen = HashSet::new();
        for element in list.order {
            let writer = writers.get(&(*key, *element));
            let writer = writer.ok_or_else(|| format!("nobody wrote element {element} of list {key}"))?;
            if history[*writer].outcome == Outcome::Aborted {
                return Err(format!("element {element} of list {key} is from an aborted transaction"));
            }
            if !seen.insert(element) {
                return Err(format!("element {element} stands twice in list {key}"));
            }
        }
    }
    for (at, transaction) in history.iter().enumerate() {
        for operation in &transaction.operations {
            let Operation::Read { key, seen } = operation else { continue };
            let Some(last) = seen.last() else { continue };
            let Some(writer) = writers.get(&(*key, *last)).filter(|writer| **writer != at) else { continue };
            let mut appended =
                history[*writer].operations.iter().rev().filter_map(|operation| match operation {
                    Operation::Append { key: of, element } if of == key => Some(element),
                    _ => None,
                });
            if appended.next() != Some(last) {
                return Err(format!("half of a transaction was seen in list {key}: {seen:?}"));
            }
        }
    }
    Ok(())
}

impl Graph {
    fn add(&mut self, from: usize, to: usize, edge: Edge) {
        if from != to {
            self.later[from].push((to, edge));
        }
    }

    fn add_writes(&mut self, key: Key, list: &List<'_>, writers: &HashMap<(Key, u64), usize>) {
        let order: Vec<_> = list.order.iter().map(|element| writers[&(key, *element)]).collect();
        for pair in order.windows(2) {
            self.add(pair[0], pair[1], Edge::WroteBefore(key));
        }
        if let Some(last) = order.last() {
            list.unseen.iter().for_each(|unseen| self.add(*last, *unseen, Edge::WroteBefore(key)));
        }
    }

    fn add_reads(
        &mut self,
        reader: usize,
        transaction: &Transaction,
        lists: &BTreeMap<Key, List<'_>>,
        writers: &HashMap<(Key, u64), usize>,
    ) {
        for operation in &transaction.operations {
            let Operation::Read { key, seen } = operation else { continue };
            let list = &lists[key];
            if let Some(last) = seen.last() {
                self.add(writers[&(*key, *last)], reader, Edge::WasReadBy(*key));
            }
            match list.order.get(seen.len()) {
                Some(next) => self.add(reader, writers[&(*key, *next)], Edge::DidNotSee(*key)),
                None => list.unseen.iter().for_each(|next| self.add(reader, *next, Edge::DidNotSee(*key))),
            }
        }
    }

    fn add_real_time(&mut self, history: &[Transaction]) {
        let known = |at: &usize| history[*at].outcome == Outcome::Committed;
        let mut ended: Vec<usize> = (0..history.len()).filter(known).collect();
        ended.sort_by_key(|at| history[*at].end);
        let first = self.later.len();
        self.later.resize(first + ended.len(), Vec::new());
        for (n, at) in ended.iter().enumerate() {
            self.add(*at, first + n, Edge::EndedBefore);
            if n + 1 < ended.len() {
                self.add(first + n, first + n + 1, Edge::EndedBefore);
            }
        }
        for (at, transaction) in history.iter().enumerate() {
            let before = ended.partition_point(|ended| history[*ended].end < transaction.start);
            if before > 0 {
                self.add(first + before - 1, at, Edge::EndedBefore);
            }
        }
    }

    /// A circle, as short as can be found from one of its members.
    fn circle(&self) -> Option<Vec<(usize, Edge)>> {
        // What is left when all that nothing precedes is taken away, again and again, lies on or after a circle.
        let mut before = vec![0usize; self.later.len()];
        self.later.iter().flatten().for_each(|(to, _)| before[*to] += 1);
        let mut free: Vec<usize> = (0..before.len()).filter(|node| before[*node] == 0).collect();
        while let Some(node) = free.pop() {
            for (to, _) in &self.later[node] {
                before[*to] -= 1;
                if before[*to] == 0 {
                    free.push(*to);
                }
            }
        }
        let left = (0..before.len()).filter(|node| before[*node] > 0);
        left.filter_map(|node| self.way_back(node)).min_by_key(Vec::len)
    }

    /// The shortest way from a node back to it.
    fn way_back(&self, start: usize) -> Option<Vec<(usize, Edge)>> {
        let mut came: HashMap<usize, (usize, Edge)> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for (to, edge) in &self.later[node] {
                if came.contains_key(to) {
                    continue;
                }
                came.insert(*to, (node, *edge));
                if *to != start {
                    queue.push_back(*to);
                    continue;
                }
                let mut way = Vec::new();
                let mut at = start;
                loop {
                    let (from, edge) = came[&at];
                    way.push((from, edge));
                    at = from;
                    if at == start {
                        way.reverse();
                        return Some(way);
                    }
                }
            }
        }
        None
    }
}

fn describe(circle: &[(usize, Edge)], history: &[Transaction]) -> String {
    circle.iter().fold("a circle:".to_owned(), |text, (node, edge)| match history.get(*node) {
        Some(transaction) => format!("{text}\n  {node} {transaction:?}\n    {edge:?}"),
        None => format!("{text} (a moment)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(key: Key, element: u64) -> Operation {
        Operation::Append { key, element }
    }

    fn read(key: Key, seen: &[u64]) -> Operation {
        Operation::Read { key, seen: seen.to_vec() }
    }

    /// Transactions that all overlap, so that only what they saw decides.
    fn overlapping(all: Vec<Vec<Operation>>) -> Vec<Transaction> {
        let count = all.len() as u64;
        let make = |(at, operations)| Transaction {
            operations,
            outcome: Outcome::Committed,
            start: at as u64,
            end: count + at as u64,
            time: None,
        };
        all.into_iter().enumerate().map(make).collect()
    }

    /// Transactions one after the other.
    fn one_by_one(all: Vec<Vec<Operation>>) -> Vec<Transaction> {
        let mut history = overlapping(all);
        for (at, transaction) in history.iter_mut().enumerate() {
            (transaction.start, transaction.end) = (2 * at as u64, 2 * at as u64 + 1);
        }
        history
    }

    #[track_caller]
    fn check_bad(history: &[Transaction], wanted: &str) {
        let found = check(history).expect_err("a bad history");
        assert!(found.contains(wanted), "{found}");
    }

    #[test]
    fn good_histories_pass() {
        let serial = vec![
            vec![append(1, 1), append(2, 2)],
            vec![read(1, &[1]), append(1, 3)],
            vec![read(1, &[1, 3]), read(2, &[2])],
            vec![read(3, &[])],
        ];
        assert_eq!(check(&one_by_one(serial.clone())), Ok(()));
        assert_eq!(check(&overlapping(serial)), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn a_lost_update_is_found() {
        let history = overlapping(vec![
            vec![read(1, &[]), append(1, 1)],
            vec![read(1, &[]), append(1, 2)],
            vec![read(1, &[1, 2])],
        ]);
        check_bad(&history, "DidNotSee(1)");
    }

    #[test]
    fn a_write_skew_is_found() {
        let history = overlapping(vec![
            vec![read(1, &[]), read(2, &[]), append(1, 1)],
            vec![read(1, &[]), read(2, &[]), append(2, 2)],
            vec![read(1, &[1]), read(2, &[2])],
        ]);
        check_bad(&history, "DidNotSee");
    }

    #[test]
    fn a_write_skew_that_nobody_sees_is_found() {
        let history = overlapping(vec![vec![read(2, &[]), append(1, 1)], vec![read(1, &[]), append(2, 2)]]);
        check_bad(&history, "DidNotSee");
    }

    #[test]
    fn a_read_skew_is_found() {
        let history = overlapping(vec![vec![append(1, 1), append(2, 2)], vec![read(1, &[1]), read(2, &[])]]);
        check_bad(&history, "DidNotSee(2)");
    }

    #[test]
    fn a_dirty_read_is_found() {
        let mut history = overlapping(vec![vec![append(1, 1)], vec![read(1, &[1])]]);
        history[0].outcome = Outcome::Aborted;
        check_bad(&history, "aborted");
    }

    #[test]
    fn half_a_transaction_is_found() {
        let history =
            overlapping(vec![vec![append(1, 1), append(1, 2)], vec![read(1, &[1])], vec![read(1, &[1, 2])]]);
        check_bad(&history, "half");
    }

    #[test]
    fn a_stale_read_is_found() {
        let history = one_by_one(vec![vec![append(1, 1)], vec![read(1, &[])], vec![read(1, &[1])]]);
        check_bad(&history, "EndedBefore");
        let concurrent = overlapping(vec![vec![append(1, 1)], vec![read(1, &[])], vec![read(1, &[1])]]);
        assert_eq!(check(&concurrent), Ok(()));
    }

    #[test]
    fn a_lost_acknowledged_write_is_found() {
        check_bad(&one_by_one(vec![vec![append(1, 1)], vec![read(1, &[])]]), "EndedBefore");
    }

    #[test]
    fn readers_that_see_writes_in_opposite_order_are_found() {
        let history = overlapping(vec![
            vec![append(1, 1)],
            vec![append(2, 2)],
            vec![read(1, &[1]), read(2, &[])],
            vec![read(1, &[]), read(2, &[2])],
        ]);
        check_bad(&history, "DidNotSee");
        let lists = overlapping(vec![
            vec![append(1, 1)],
            vec![append(1, 2)],
            vec![read(1, &[1, 2])],
            vec![read(1, &[2, 1])],
        ]);
        check_bad(&lists, "was seen as");
    }

    #[test]
    fn what_may_have_happened_may_be_seen_or_not() {
        let mut history = one_by_one(vec![vec![append(1, 1)], vec![append(1, 2)], vec![read(1, &[2])]]);
        history[0].outcome = Outcome::Unknown;
        assert_eq!(check(&history), Ok(()));
        history[2].operations = vec![read(1, &[1, 2])];
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn elements_from_nowhere_and_doubles_are_found() {
        check_bad(&overlapping(vec![vec![read(1, &[7])]]), "nobody wrote");
        check_bad(&overlapping(vec![vec![append(1, 1)], vec![read(1, &[1, 1])]]), "twice");
    }
}
