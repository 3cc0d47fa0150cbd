//! Values in keys, ascending and inverted.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("key_values").run)(input));
