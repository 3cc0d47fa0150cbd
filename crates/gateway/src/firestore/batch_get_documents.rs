//! BatchGetDocuments.

use futures::stream;
use model::{DatabaseName, Status};
use prost::encoding;
use service::{BatchGetDocuments, Call, GotDocuments, Service};
use wire::firestore::BatchGetDocumentsRequest;

use crate::from_proto::{read_mask, transaction, write};
use crate::grpc::answer::Answer;
use crate::grpc::frames::Frames;
use crate::splice::{self, Splicer};

const FOUND: u32 = 1;
const MISSING: u32 = 2;
const TRANSACTION: u32 = 3;
const READ_TIME: u32 = 4;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: BatchGetDocumentsRequest,
) -> Result<Answer, Status> {
    let database = DatabaseName::parse(&request.database)?;
    let splicer = Splicer::new(&database);
    let paths = request.documents.iter().map(|name| write::path_in(&database, name));
    let paths = paths.collect::<Result<_, _>>()?;
    let mask = read_mask(request.mask)?;
    let at = transaction::for_batch_get(request.consistency_selector)?;
    let mut answer =
        service.batch_get_documents(call, BatchGetDocuments { database, paths, mask, at }).await?;
    let mut frames = Frames::default();
    if let Some(token) = answer.transaction.take() {
        frames.push(|out| encoding::bytes::encode(TRANSACTION, &token, out));
    }
    if let Some(first) = answer.next().await? {
        push(&mut frames, &splicer, &first);
    }
    if answer.is_done() {
        return Ok(Answer::Whole(frames));
    }
    let rest = stream::try_unfold((answer, splicer), |(mut answer, splicer)| async move {
        let Some(step) = answer.next().await? else { return Ok(None) };
        let mut frames = Frames::default();
        push(&mut frames, &splicer, &step);
        Ok(Some((frames, (answer, splicer))))
    });
    Ok(Answer::streaming(frames, rest))
}

fn push(frames: &mut Frames, splicer: &Splicer, got: &GotDocuments) {
    for document in &got.found {
        frames.push(|out| {
            splicer.push_document_field(out, FOUND, document);
            splice::push_time(out, READ_TIME, got.read_time);
        });
    }
    for path in &got.missing {
        frames.push(|out| {
            splicer.push_name(out, MISSING, path);
            splice::push_time(out, READ_TIME, got.read_time);
        });
    }
}
