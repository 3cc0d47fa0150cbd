//! The only room that knows wires: gRPC, control endpoints, conversions, error map.
