//! Golden scripts over entities, mirrored: each runs over the memory engine and over the local one.

use database::Options;
use testkit::entity_script::EntityScript;
use testkit::golden::{print_the_same, print_what_is_recorded, scripts};
use testkit::world::EngineKind;

#[test]
fn the_memory_engine_prints_what_is_recorded() {
    let scripts = scripts(env!("CARGO_MANIFEST_DIR"), "tests/golden_entities");
    print_what_is_recorded(&scripts, || EntityScript::new(EngineKind::Memory, Options::default()));
}

#[test]
fn the_local_engine_prints_the_same() {
    // Opening and closing wait for the disk, so several scripts share the time.
    let scripts = scripts(env!("CARGO_MANIFEST_DIR"), "tests/golden_entities");
    print_the_same(&scripts, 4, || EntityScript::new(EngineKind::Local, Options::default()));
}
