//! Runs the scripts.

use std::path::Path;

use query::MissingIndex;

use crate::script::Script;

#[test]
fn streams_tell_what_is_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watch/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the scripts are beside this file")
        .map(|file| file.expect("a file has a name").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let mut script = Script::new(MissingIndex::Require);
        goldenscript::run(&mut script, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
