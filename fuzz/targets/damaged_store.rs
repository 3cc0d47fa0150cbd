//! A store with one row that nobody has written.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("damaged_store").run)(input));
