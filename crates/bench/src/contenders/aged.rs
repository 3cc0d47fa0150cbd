//! Data with a past, made through the `database` room: a document with many retired versions, and a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use database::{ByteRange, Database, NameSource, Scope, SingleFieldKind, View};
use host::Random;
use model::query::Direction;
use model::write::{Operation, Precondition, Write};
use model::{CollectionPath, DocumentPath, FieldPath};

use crate::failure::Failure;
use crate::sample::{self, Sample};

/// Commits that are under way at once.
const WRITERS: usize = 64;
/// Writes of one commit of the queue.
const BATCH: u64 = 500;
/// Documents that wait in the queue while it is used.
const WAITING: u64 = 10_000;
/// Documents that a scan reads.
pub const SCANNED: usize = 10;

/// A collection of samples under one name.
pub fn collection(name: &str) -> CollectionPath {
    CollectionPath::new(name).expect("the name of a root collection")
}

/// A write of the sample of a number; its score is the number.
fn set(path: DocumentPath, number: u64) -> Write {
    let random = Random::from_seed(number);
    let score = i64::try_from(number).expect("far fewer documents than that");
    let fields = Sample { score, ..Sample::random(&random) }.fields();
    let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
    Write { path, operation, precondition: Precondition::None }
}

fn delete(path: DocumentPath) -> Write {
    Write { path, operation: Operation::Delete, precondition: Precondition::None }
}

/// As many new documents as a scan reads.
pub async fn make_fresh(database: &Database, collection: &CollectionPath) -> Result<(), Failure> {
    let numbers = 0..SCANNED as u64;
    let writes = numbers.map(|number| set(queued(collection, number), number)).collect();
    database.commit(writes, None).await?;
    Ok(())
}

/// Commits `versions` versions of one document, one after the other as far as the committer is concerned.
pub async fn make_versions(
    database: &Arc<Database>,
    path: &DocumentPath,
    versions: u64,
) -> Result<(), Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (database, path, next) = (database.clone(), path.clone(), next.clone());
        writers.push(tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= versions {
                    return Ok::<(), Failure>(());
                }
                database.commit(vec![set(path.clone(), number)], None).await?;
            }
        }));
    }
    for writer in writers {
        writer.await.map_err(Failure::doing("write versions"))??;
    }
    Ok(())
}

/// Puts `documents` into a collection and takes all but the last few out again, oldest first; a few thousand
/// wait at any moment.
pub async fn use_queue(
    database: &Database,
    collection: &CollectionPath,
    documents: u64,
) -> Result<(), Failure> {
    let mut taken = 0;
    let mut put = 0;
    let last = documents - SCANNED as u64;
    while taken < last {
        if put < documents && put - taken <= WAITING {
            let end = (put + BATCH).min(documents);
            let writes = (put..end).map(|number| set(queued(collection, number), number)).collect();
            database.commit(writes, None).await?;
            put = end;
        } else {
            let end = (taken + BATCH).min(last);
            let writes = (taken..end).map(|number| delete(queued(collection, number))).collect();
            database.commit(writes, None).await?;
            taken = end;
        }
    }
    Ok(())
}

/// The first document that [`make_fresh`] makes.
pub fn first_document(collection: &CollectionPath) -> DocumentPath {
    queued(collection, 0)
}

fn queued(collection: &CollectionPath, number: u64) -> DocumentPath {
    collection.document(&sample::id(&Random::from_seed(number)))
}

/// Reads one document that exists.
pub fn get(view: &View, path: &DocumentPath) -> Result<(), Failure> {
    view.get(path)?.map(drop).ok_or_else(|| Failure::new(format!("{} is not there", path.as_str())))
}

/// Reads the first documents of a collection in the order of their names; answers how many there were.
pub fn scan_names(view: &View, collection: &CollectionPath) -> Result<usize, Failure> {
    let source = NameSource::Collection(collection.clone());
    let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
    let mut found = 0;
    while found < SCANNED && scan.next()?.is_some() {
        found += 1;
    }
    Ok(found)
}

/// Reads the first documents of a collection in the order of their scores; answers how many there were.
pub fn scan_scores(view: &View, collection: &CollectionPath) -> Result<usize, Failure> {
    let field = FieldPath::parse("score").expect("a simple name");
    let scope = Scope::Collection(collection.clone());
    let (source, _) = view
        .indexes()
        .single_field(&scope, &field, SingleFieldKind::Ordered)
        .ok_or_else(|| Failure::new("scores have no index"))?;
    let mut scan = view.scan_index(&source, ByteRange::all(), Direction::Ascending);
    let mut found = 0;
    while found < SCANNED
        && let Some(entry) = scan.next()?
    {
        get(view, &entry.path(&source)?)?;
        found += 1;
    }
    Ok(found)
}
