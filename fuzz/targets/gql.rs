//! Queries in GQL, as text.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("gql").run)(input));
