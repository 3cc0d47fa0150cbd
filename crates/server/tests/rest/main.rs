//! REST over real sockets: scripts of requests, each with the very answer; and what else a client may do.

#[path = "../scene/mod.rs"]
mod scene;

mod hostile;
mod http;
mod script;

use std::path::{Path, PathBuf};

use scene::Scene;
use script::Script;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rest/golden");
    let files = std::fs::read_dir(folder).expect("the scripts are beside this file");
    let mut scripts: Vec<_> = files.map(|file| file.expect("a file has a name").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    scripts
}

#[test]
fn requests_are_answered_as_recorded() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for path in scripts() {
        let scene = runtime.block_on(Scene::new());
        let mut script = Script::new(scene.address);
        goldenscript::run(&mut script, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
