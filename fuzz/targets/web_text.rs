//! Bodies of gRPC-Web calls in base64.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gateway::fuzz::web_text(input));
