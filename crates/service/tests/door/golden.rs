//! Runs the scripts.

use std::path::Path;

use crate::script::Script;

#[test]
fn callers_are_answered_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/door/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the scripts are beside this file")
        .map(|file| file.expect("a file has a name").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        goldenscript::run(&mut Script::new(), &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
