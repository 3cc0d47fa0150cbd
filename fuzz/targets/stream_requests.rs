//! Requests of Listen and Write streams.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gateway::fuzz::stream_requests(input));
