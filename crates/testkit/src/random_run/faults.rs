//! Writes that fail: what was refused has not happened, what is in doubt has happened whole or not at all, and until
//! the store is opened again reads show what was there before.

use std::sync::Arc;

use model::write::Write;
use model::{Code, Status};
use storage::faults::{Fault, FaultEngine};
use storage::memory::MemoryEngine;

use super::RandomRun;

/// The engine, if it can fail, and what its failures have left open.
#[derive(Default)]
pub(super) struct Faults {
    engine: Option<Arc<FaultEngine<MemoryEngine>>>,
    planned: Option<Fault>,
    /// Commits that were answered with the failure, in the order of their answers.
    pub(super) in_doubt: Vec<Vec<Write>>,
}

impl Faults {
    pub(super) fn of(engine: Arc<FaultEngine<MemoryEngine>>) -> Self {
        Faults { engine: Some(engine), ..Faults::default() }
    }

    /// Whether a refusal is due to the fault that was planned.
    pub(super) fn explain(&self, status: &Status) -> bool {
        match self.planned {
            None => false,
            Some(Fault::Full) => status.code == Code::ResourceExhausted,
            Some(Fault::Io) => status.code == Code::Internal,
            Some(Fault::Fenced | Fault::Unknown { .. }) => status.code == Code::Unavailable,
        }
    }
}

impl RandomRun {
    /// A commit, and what it meets if the engine can fail.
    pub(super) fn plain_commit_with_fault(&mut self) -> Result<(), String> {
        let Some(engine) = self.faults.engine.clone() else {
            self.plain_commit();
            return Ok(());
        };
        let choices =
            [Fault::Full, Fault::Io, Fault::Unknown { applied: true }, Fault::Unknown { applied: false }];
        let fault = *self.dice.pick(&choices);
        self.note(format!("the next write fails: {fault:?}"));
        self.faults.planned = Some(fault);
        engine.fail_next(fault);
        self.plain_commit();
        self.settle()?;
        // Reads go on, whatever happened.
        self.read_now();
        self.settle()?;
        let stops = matches!(fault, Fault::Unknown { .. }) && !self.faults.in_doubt.is_empty();
        if stops {
            self.plain_commit();
            self.settle()?;
            self.read_past()?;
            self.end_all_transactions()?;
            self.faults.in_doubt.truncate(1);
        }
        engine.reopen().map_err(|error| error.to_string())?;
        self.faults.planned = None;
        if stops {
            self.reopen();
            self.take_in_doubt()?;
        }
        self.faults.in_doubt.clear();
        Ok(())
    }

    /// Finds out which of the commits in doubt have happened: the change log tells when, the oracle whether they are
    /// whole.
    fn take_in_doubt(&mut self) -> Result<(), String> {
        let mut scan = self.database().changes_after(self.oracle.last_commit());
        while let Some(record) = scan.next().map_err(|status| status.to_string())? {
            self.note(format!("in doubt, but happened: {record:?}"));
            if self.faults.in_doubt.is_empty() {
                return Err(format!("nobody has made the commit {record:?}"));
            }
            let writes = self.faults.in_doubt.remove(0);
            self.oracle.commit(&writes, record.time).map_err(|status| format!("{record:?}: {status}"))?;
            let made = self.oracle.commits().last();
            if made != Some(&(record.time, record.changes.clone())) {
                return Err(format!("half of a commit: {record:?} of {writes:?}"));
            }
        }
        self.check_everything()
    }
}
