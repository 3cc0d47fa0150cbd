//! Golden scripts over entities, mirrored: each runs over the memory engine and over the local one.

use std::path::{Path, PathBuf};

use database::Options;
use goldenscript::{generate, run};
use testkit::entity_script::EntityScript;
use testkit::world::EngineKind;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_entities");
    let files = std::fs::read_dir(folder).expect("the scripts are beside this file");
    let mut scripts: Vec<_> = files.map(|file| file.expect("a file has a name").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    scripts
}

#[test]
fn the_memory_engine_prints_what_is_recorded() {
    for path in scripts() {
        let mut script = EntityScript::new(EngineKind::Memory, Options::default());
        run(&mut script, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn the_local_engine_prints_the_same() {
    // Opening and closing wait for the disk, so several scripts share the time.
    let scripts = scripts();
    std::thread::scope(|scope| {
        for some in scripts.chunks(scripts.len().div_ceil(4)) {
            scope.spawn(|| some.iter().for_each(|path| compare(path)));
        }
    });
}

fn compare(path: &Path) {
    let recorded = std::fs::read_to_string(path).expect("a script is text");
    let mut script = EntityScript::new(EngineKind::Local, Options::default());
    let printed = generate(&mut script, &recorded);
    let printed = printed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(printed, recorded, "{}", path.display());
}
