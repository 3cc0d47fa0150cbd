//! *Listen equals polling*: whatever happens, at every boundary of a stream each complete target of its client holds
//! exactly what its query finds at that time.

mod client;
mod generate;
mod hub;
mod message;
mod session;
mod sockets;
mod wire;

use std::cell::Cell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use hub::{Run, Totals};

/// The seeds to run: so many, unless the environment says otherwise.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let first = number("SEED").unwrap_or(1);
    first..first + number("SEEDS").unwrap_or(count)
}

/// A runner whose cases a seed repeats. What fails is printed in its smallest form.
fn runner(seed: u64, cases: u32) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    // A case that waits for ever takes long to shrink.
    let config = Config { cases, max_shrink_time: 30_000, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng)
}

/// `SEED=7 SEEDS=1 cargo test -p irori-testkit --test listen` repeats a run; more seeds search longer.
#[test]
fn every_stream_folds_up_to_what_a_poll_finds() {
    let totals = Cell::new(Totals::default());
    for seed in seeds(2) {
        let outcome = runner(seed, 100).run(&generate::actions(), |actions| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            let done = runtime.block_on(Run::new(seed).play(&actions)).map_err(TestCaseError::fail)?;
            totals.set(totals.get() + done);
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("seed {seed}: {failure}");
        }
    }
    let totals = totals.get();
    println!("{totals:?}");
    let done = [
        totals.compared,
        totals.documents,
        totals.resumed,
        totals.lagged,
        totals.counts.resets,
        totals.counts.filters,
        totals.counts.mismatches,
        totals.counts.refusals,
        totals.counts.removals,
        totals.counts.deletions,
    ];
    assert!(done.iter().all(|done| *done > 0), "something has never happened: {totals:?}");
}
