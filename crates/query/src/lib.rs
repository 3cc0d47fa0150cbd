//! Queries: normalise, plan, explain, execute.
