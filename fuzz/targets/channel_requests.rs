//! Requests of web channels: their queries and forms.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gateway::fuzz::channel_requests(input));
