//! The catalog, as a store opens it.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("catalog").run)(input));
