//! Random requests, compared with an oracle. `SEED=7 SEEDS=1 cargo test -p irori-database --test random_runs` repeats a
//! run; more seeds search longer.

use testkit::entity_run::EntityRun;
use testkit::random_run::{Counts, RandomRun};
use testkit::world::EngineKind;

/// Seeds that once found something: jumps in backward scans of the past, optimistic commits that waited after their
/// end, reads of an index that was dropped before the commit.
const REGRESSIONS: [u64; 3] = [1_036, 1_114, 1_199];

/// The seeds to run: so many, unless the environment says otherwise.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let first = number("SEED").unwrap_or(1);
    first..first + number("SEEDS").unwrap_or(count)
}

/// Does the runs, and answers what they did together.
#[track_caller]
fn check(seeds: impl Iterator<Item = u64>, steps: usize, run: impl Fn(u64) -> RandomRun) -> Counts {
    let mut all = Counts::default();
    for seed in seeds {
        all += run(seed).run(steps).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
    let done = [all.commits, all.refusals, all.aborts, all.waits, all.index_reads, all.past_reads];
    assert!(done.iter().all(|done| *done > 0), "something was never done: {all:?}");
    all
}

#[test]
fn a_database_in_memory_does_what_the_oracle_does() {
    check(seeds(7).chain(REGRESSIONS), 1_500, |seed| RandomRun::new(EngineKind::Memory, seed));
}

#[test]
fn a_database_on_disk_does_what_the_oracle_does() {
    check(seeds(2), 700, |seed| RandomRun::new(EngineKind::Local, seed));
}

#[test]
fn a_database_whose_writes_fail_loses_nothing_and_shows_no_halves() {
    let all = check(seeds(5), 1_200, RandomRun::with_faults);
    assert!(all.faults > 0, "no write has failed");
}

/// Random mutations of entities, on one engine.
#[track_caller]
fn check_entities(kind: EngineKind, seeds: impl Iterator<Item = u64>, steps: usize) {
    let mut all = testkit::entity_run::Done::default();
    for seed in seeds {
        let done =
            EntityRun::new(kind, seed).run(steps).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        all.commits += done.commits;
        all.refusals += done.refusals;
        all.conflicts += done.conflicts;
        all.allocated += done.allocated;
        all.unchanged += done.unchanged;
        all.found += done.found;
        all.index_entries += done.index_entries;
    }
    let done = [
        all.commits,
        all.refusals,
        all.conflicts,
        all.allocated,
        all.unchanged,
        all.found,
        all.index_entries,
    ];
    assert!(done.iter().all(|done| *done > 0), "something was never done: {all:?}");
}

#[test]
fn entities_in_memory_are_what_the_oracle_says() {
    check_entities(EngineKind::Memory, seeds(7), 700);
}

#[test]
fn entities_on_disk_are_what_the_oracle_says() {
    check_entities(EngineKind::Local, seeds(2), 300);
}
