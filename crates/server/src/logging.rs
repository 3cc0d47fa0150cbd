//! The log: to standard error, quiet unless asked.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Warnings, and the indexes that queries would have liked.
const QUIET: &str = "warn,service::suggestions=info";

/// Starts logging as `filter` says, or RUST_LOG, or quietly.
pub(crate) fn start(filter: Option<&str>) -> Result<(), Failure> {
    let from_environment = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let filter = filter.map(str::to_owned).or(from_environment).unwrap_or_else(|| QUIET.to_owned());
    let filter =
        EnvFilter::builder().parse(&filter).map_err(Failure::doing(format!("read the filter `{filter}`")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    Ok(())
}
