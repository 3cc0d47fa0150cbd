//! Calls of App Engine apps: groups of proto2, entities, queries.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gateway::fuzz::app_calls(input));
