//! Message types and service definitions of the wire.
