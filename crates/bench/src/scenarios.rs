//! The scenarios: each measures one kind of work, against what stands beside it in the same run.

pub mod commits;
pub mod datastore;
pub mod hot;
pub mod idle;
pub mod listen;
pub mod reads;
pub mod rules;
pub mod sync;
pub mod versions;

use clap::ValueEnum;

use crate::failure::Failure;
use crate::report::Section;
use crate::setting::Setting;

/// A scenario by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Durable single-document commits beside the raw engine and PostgreSQL.
    Commits,
    /// One document that everybody changes at once.
    Hot,
    /// A large collection: its load, point reads, queries, a count.
    Reads,
    /// Entities beside documents, and addresses that must be unique.
    Datastore,
    /// What security rules cost.
    Rules,
    /// A document with many retired versions, and a collection used as a queue.
    Versions,
    /// Start-up times and the memory of an idle server.
    Idle,
    /// Listeners: what they cost, how soon they know, how much memory they take.
    Listen,
    /// A collection followed into a local cache: the first copy, then changes.
    Sync,
}

/// Runs one scenario.
pub async fn run(scenario: Scenario, setting: &Setting) -> Result<Section, Failure> {
    match scenario {
        Scenario::Commits => commits::run(setting).await,
        Scenario::Hot => hot::run(setting).await,
        Scenario::Reads => reads::run(setting).await,
        Scenario::Datastore => datastore::run(setting).await,
        Scenario::Rules => rules::run(setting).await,
        Scenario::Versions => versions::run(setting).await,
        Scenario::Idle => idle::run(setting).await,
        Scenario::Listen => listen::run(setting).await,
        Scenario::Sync => sync::run(setting).await,
    }
}
