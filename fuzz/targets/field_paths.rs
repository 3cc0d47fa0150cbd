//! Field paths as clients write them.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("field_paths").run)(input));
