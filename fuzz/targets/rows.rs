//! Rows of documents, history and the change log.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("rows").run)(input));
