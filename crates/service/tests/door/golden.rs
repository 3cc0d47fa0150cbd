//! Runs the scripts.

use testkit::golden::{print_what_is_recorded, scripts};

use crate::script::Script;

#[test]
fn callers_are_answered_as_recorded() {
    print_what_is_recorded(&scripts(env!("CARGO_MANIFEST_DIR"), "tests/door/golden"), Script::new);
}
