//! Random requests, compared with an oracle. `SEED=7 SEEDS=1 cargo test -p irori-database --test random_runs` repeats a
//! run; more seeds search longer.

use std::ops::Range;

use testkit::random_run::RandomRun;
use testkit::world::EngineKind;

/// Seeds that once found something: jumps in backward scans of the past, optimistic commits that waited after their
/// end, reads of an index that was dropped before the commit.
const REGRESSIONS: [u64; 3] = [1_036, 1_114, 1_199];

/// The seeds to run: so many, unless the environment says otherwise.
fn seeds(count: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let first = number("SEED").unwrap_or(1);
    first..first + number("SEEDS").unwrap_or(count)
}

fn run(kind: EngineKind, seeds: impl Iterator<Item = u64>, steps: usize) {
    let (mut commits, mut refusals, mut aborts, mut waits, mut index_reads, mut past_reads) =
        (0, 0, 0, 0, 0, 0);
    for seed in seeds {
        let counts = RandomRun::new(kind, seed).run(steps);
        let counts = counts.unwrap_or_else(|wrong| panic!("seed {seed} on {kind:?}: {wrong}"));
        commits += counts.commits;
        refusals += counts.refusals;
        aborts += counts.aborts;
        waits += counts.waits;
        index_reads += counts.index_reads;
        past_reads += counts.past_reads;
    }
    for done in [commits, refusals, aborts, waits, index_reads, past_reads] {
        assert!(
            done > 0,
            "nothing of a kind was done: {commits} {refusals} {aborts} {waits} {index_reads} {past_reads}"
        );
    }
}

#[test]
fn a_database_in_memory_does_what_the_oracle_does() {
    run(EngineKind::Memory, seeds(8).chain(REGRESSIONS), 1_500);
}

#[test]
fn a_database_on_disk_does_what_the_oracle_does() {
    run(EngineKind::Local, seeds(2), 700);
}
