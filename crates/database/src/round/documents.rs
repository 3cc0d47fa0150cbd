//! A commit of writes to documents, applied to the newest state.

use std::collections::HashMap;
use std::sync::Arc;

use model::write::{CommitResult, WriteResult};
use model::{DatabaseName, DocumentPath, Status, Timestamp, Value, body};

use super::{Prepared, Round, Staged, State};
use crate::apply::{Effect, Found, Refusals, apply};
use crate::guard::{PendingCommit, PendingWrite};
use crate::mode::Content;
use crate::ready::{Ready, ReadyOperation};
use crate::rehearsal::Ask;
use crate::work::Done;

impl Round {
    /// Applies one commit's writes to the newest state, all or none; a guard is asked before anything of them is
    /// answered.
    pub(crate) fn prepare_writes(
        &self,
        writes: &[Ready],
        ask: Option<&Ask<'_>>,
        now: Timestamp,
    ) -> Result<Prepared, Status> {
        let time = self.next_time.max(now);
        let mut staged: HashMap<DocumentPath, Staged> = HashMap::new();
        let mut order: Vec<DocumentPath> = Vec::new();
        let mut results = Vec::with_capacity(writes.len());
        let mut refusals = if ask.is_some() { Refusals::Noted(None) } else { Refusals::AtOnce };
        let mut pending = Vec::new();
        for write in writes {
            if !staged.contains_key(&write.path) {
                let found = self.load(&write.path)?;
                staged.insert(write.path.clone(), Staged { old: found.clone(), new: found });
                order.push(write.path.clone());
            }
            let document = staged.get_mut(&write.path).expect("loaded above");
            let before = ask.and_then(|_| document.after());
            let transform_results = apply_to(document, write, &self.database, time, &mut refusals)?;
            results.push(WriteResult { update_time: None, transform_results });
            if ask.is_some() {
                let (path, verifies) = (&write.path, matches!(write.operation, ReadyOperation::Verify));
                pending.push(PendingWrite { path, verifies, before, after: document.after() });
            }
        }
        if let Some(ask) = ask {
            ask(&PendingCommit::new(time, &pending, self, &staged))?;
        }
        refusals.into_result()?;
        for (write, result) in writes.iter().zip(&mut results) {
            if !matches!(write.operation, ReadyOperation::Delete) {
                result.update_time = staged[&write.path].new.as_ref().map(|state| state.update_time);
            }
        }
        let done = Done::Documents(CommitResult { commit_time: time, results });
        self.finish((time, done), order, staged)
    }
}

/// Applies one write to a document; answers the transforms' results. A commit that leads back to the document before it
/// changes nothing.
fn apply_to(
    document: &mut Staged,
    write: &Ready,
    database: &DatabaseName,
    time: Timestamp,
    refusals: &mut Refusals,
) -> Result<Vec<Value>, Status> {
    let Staged { old, new: state } = document;
    // A document that was deleted and made again is another one, even if it looks like the old one.
    let at_start =
        old.as_ref().filter(|old| state.as_ref().is_none_or(|new| new.create_time == old.create_time));
    let found = state.as_ref().and_then(|state| match &state.content {
        Content::Document(fields) => Some(Found { fields, update_time: state.update_time }),
        Content::Entity(_) => None,
    });
    let deleted_before = found.is_none() && at_start.is_some();
    let (effect, results) = apply(write, database, found, deleted_before, time, refusals)?;
    let (content, body, made) = match effect {
        Effect::Keep => return Ok(results),
        Effect::Delete => {
            *state = None;
            return Ok(results);
        }
        Effect::Set(fields) => {
            let body = body::encode(&fields);
            (Content::Document(Arc::new(fields)), body, None)
        }
        Effect::SetWhole(whole) => (whole.content.clone(), whole.body.clone(), Some(whole.clone())),
    };
    let unchanged = at_start.filter(|start| start.body == body && state.is_some());
    *state = Some(match unchanged {
        Some(start) => start.clone(),
        None => {
            let create_time = state.as_ref().map_or(time, |state| state.create_time);
            State { create_time, update_time: time, content, body, made }
        }
    });
    Ok(results)
}
