//! Bodies of documents, and single values.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("bodies").run)(input));
