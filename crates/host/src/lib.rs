//! The host room: clock, randomness and tasks, real or simulated.
