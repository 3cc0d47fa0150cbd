//! The irori binary.
fn main() {}
