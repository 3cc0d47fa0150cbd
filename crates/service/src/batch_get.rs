//! Many documents at one moment.

use std::collections::HashSet;

use bytes::Bytes;
use model::{DatabaseName, Document, DocumentPath, FieldPath, Status, Timestamp};

use crate::authorise::{Access, authorise};
use crate::get_document::masked;
use crate::reader::{Consistency, Reader};
use crate::{Call, Service};

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
    reader: Reader,
    paths: Vec<DocumentPath>,
    mask: Option<Vec<FieldPath>>,
    given: usize,
}

/// One step of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct GotDocuments {
    pub read_time: Timestamp,
    /// None for documents that do not exist.
    pub documents: Vec<(DocumentPath, Option<Document>)>,
}

impl Service {
    /// Answers each distinct document in the order of the request.
    pub async fn batch_get_documents(
        &self,
        _call: &Call,
        request: BatchGetDocuments,
    ) -> Result<BatchGetAnswer, Status> {
        let BatchGetDocuments { database, mut paths, mask, at } = request;
        let mut seen = HashSet::with_capacity(paths.len());
        paths.retain(|path| seen.insert(path.clone()));
        authorise(&database, &Access::Get(&paths))?;
        let (reader, transaction) = Reader::open(self.database(&database)?, at)?;
        Ok(BatchGetAnswer { transaction, reader, paths, mask, given: 0 })
    }
}

impl BatchGetAnswer {
    /// The next documents; None after the last.
    pub async fn next(&mut self) -> Result<Option<GotDocuments>, Status> {
        let rest = &self.paths[self.given..];
        if rest.is_empty() {
            return Ok(None);
        }
        let mask = self.mask.as_deref();
        let step = |view: &database::View| {
            let mut documents = Vec::new();
            let mut bytes = 0;
            for path in rest.iter().take(STEP_DOCUMENTS) {
                let found = view.get(path)?.map(|document| masked(document, mask)).transpose()?;
                bytes += found.as_ref().map_or(0, |document| document.body.len());
                documents.push((path.clone(), found));
                if bytes >= STEP_BYTES {
                    break;
                }
            }
            Ok(documents)
        };
        let (documents, read_time) = self.reader.read(step).await?;
        self.given += documents.len();
        Ok(Some(GotDocuments { read_time, documents }))
    }

    /// True when all has been given out.
    pub fn is_done(&self) -> bool {
        self.given == self.paths.len()
    }
}
