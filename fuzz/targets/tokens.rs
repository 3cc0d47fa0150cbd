//! Credentials: headers, tokens and assertions at both doors.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (testkit::fuzz::Target::named("tokens").run)(input));
