//! The API boundary: every operation, protocol-neutral.
