//! Messages of gRPC calls, however their bytes arrive.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gateway::fuzz::call_messages(input));
