//! Ids and paths in keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("key_ids").run)(input));
