//! Single fields and projections of a body.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("body_fields").run)(input));
