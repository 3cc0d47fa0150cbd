//! Security rules: compiled, and asked about a few requests.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("rules").run)(input));
