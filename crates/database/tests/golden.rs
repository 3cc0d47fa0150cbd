//! Golden scripts, mirrored: each runs over the memory engine and over the local one and must print the same.

use database::Options;
use testkit::golden::{print_the_same, print_what_is_recorded, scripts};
use testkit::script::Script;
use testkit::world::EngineKind;

#[test]
fn the_memory_engine_prints_what_is_recorded() {
    let scripts = scripts(env!("CARGO_MANIFEST_DIR"), "tests/golden");
    print_what_is_recorded(&scripts, || Script::new(EngineKind::Memory, Options::default()));
}

#[test]
fn the_local_engine_prints_the_same() {
    // Opening and closing wait for the disk, so several scripts share the time.
    let scripts = scripts(env!("CARGO_MANIFEST_DIR"), "tests/golden");
    print_the_same(&scripts, 8, || Script::new(EngineKind::Local, Options::default()));
}
