//! Runs the scripts.

use query::MissingIndex;
use testkit::golden::{print_what_is_recorded, scripts};

use crate::script::Script;

#[test]
fn streams_tell_what_is_recorded() {
    let scripts = scripts(env!("CARGO_MANIFEST_DIR"), "tests/watch/golden");
    print_what_is_recorded(&scripts, || Script::new(MissingIndex::Require));
}
