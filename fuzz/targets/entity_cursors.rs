//! Cursors of queries for entities.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("entity_cursors").run)(input));
