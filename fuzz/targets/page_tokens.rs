//! Tokens of a list's pages.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("page_tokens").run)(input));
