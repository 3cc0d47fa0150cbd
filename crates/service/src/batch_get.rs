//! Many documents at one moment.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use database::{Mode, View};
use model::{DatabaseName, Document, DocumentPath, FieldPath, Status, Timestamp};

use crate::authorise::{Permit, role_to_read};
use crate::blocking::{Length, Work};
use crate::get_document::masked;
use crate::reader::{Consistency, Reader};
use crate::{Call, Service, across};

/// Documents read in one step, and bytes after which a step ends.
const STEP_DOCUMENTS: usize = 500;
const STEP_BYTES: usize = 1024 * 1024;

/// Which documents, which of their fields, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchGetDocuments {
    pub database: DatabaseName,
    pub paths: Vec<DocumentPath>,
    /// None for all fields.
    pub mask: Option<Vec<FieldPath>>,
    pub at: Consistency,
}

/// The answer, taken in steps.
pub struct BatchGetAnswer {
    /// The token of the transaction that began with this read.
    pub transaction: Option<Bytes>,
    call: Call,
    permit: Permit,
    work: Work,
    reader: Reader,
    paths: Arc<[DocumentPath]>,
    mask: Option<Arc<[FieldPath]>>,
    /// How many of the paths have been read.
    read: usize,
    missing: Vec<DocumentPath>,
}

/// One step of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct GotDocuments {
    pub read_time: Timestamp,
    pub found: Vec<Document>,
    /// Documents that do not exist; only in the last step.
    pub missing: Vec<DocumentPath>,
}

impl Service {
    /// Answers each distinct document: those that exist in the order of the request, then, as the
    /// official clients' tests expect it of production, those that do not.
    pub async fn batch_get_documents(
        &self,
        call: &Call,
        request: BatchGetDocuments,
    ) -> Result<BatchGetAnswer, Status> {
        let BatchGetDocuments { database, mut paths, mask, at } = request;
        let permit = self.permit(call, &database, role_to_read(&at))?;
        permit.reads_at(&at)?;
        let mut seen = HashSet::with_capacity(paths.len());
        paths.retain(|path| seen.insert(path.clone()));
        let (reader, transaction) = Reader::open(self.of_documents(&permit, &database)?, at)?;
        Ok(BatchGetAnswer {
            transaction,
            call: call.clone(),
            permit,
            work: self.work.clone(),
            reader,
            paths: paths.into(),
            mask: mask.map(Into::into),
            read: 0,
            missing: Vec::new(),
        })
    }
}

impl BatchGetAnswer {
    /// The next documents; None after the last.
    pub async fn next(&mut self) -> Result<Option<GotDocuments>, Status> {
        if self.is_done() {
            return Ok(None);
        }
        let (outcomes, read_time) = self.step().await?;
        let mut found = Vec::with_capacity(outcomes.len());
        for (outcome, path) in outcomes.into_iter().zip(&self.paths[self.read..]) {
            match outcome {
                Some(document) => found.push(document),
                None => self.missing.push(path.clone()),
            }
            self.read += 1;
        }
        let missing = if self.is_done() { std::mem::take(&mut self.missing) } else { Vec::new() };
        Ok(Some(GotDocuments { read_time, found, missing }))
    }

    async fn step(&self) -> Result<(Vec<Option<Document>>, Timestamp), Status> {
        let (paths, mask, read) = (self.paths.clone(), self.mask.clone(), self.read);
        let length = Length::of(paths.len() - read);
        // What is decided with the first step holds for all: they see the same state.
        let permit = if read == 0 { self.permit.clone() } else { Permit::Free };
        let mode = self.reader.mode();
        let step = move |view: &View| step(view, mode, &paths[read..], mask.as_deref(), &permit);
        self.work.read(&self.call, &self.reader, length, step).await
    }

    /// True when all has been given out.
    pub fn is_done(&self) -> bool {
        self.read == self.paths.len()
    }
}

/// The first of `paths`, as many as make one step. The permit is asked about all of them: one document that is denied
/// denies the call, before anything is told.
fn step(
    view: &View,
    mode: Mode,
    paths: &[DocumentPath],
    mask: Option<&[FieldPath]>,
    permit: &Permit,
) -> Result<Vec<Option<Document>>, Status> {
    let mut reads = permit.reads();
    let mut outcomes = Vec::new();
    let mut bytes = 0;
    for path in paths.iter().take(STEP_DOCUMENTS) {
        let document = across::documents::get(view, mode, path)?;
        reads.get(view, path, document.as_ref())?;
        let found = document.map(|document| masked(document, mask)).transpose()?;
        bytes += found.as_ref().map_or(0, |document| document.body.len());
        outcomes.push(found);
        if bytes >= STEP_BYTES {
            break;
        }
    }
    if reads.ask_rules() {
        let rest = &paths[outcomes.len()..];
        rest.iter().try_for_each(|path| reads.get(view, path, view.get(path)?.as_ref()))?;
    }
    Ok(outcomes)
}
