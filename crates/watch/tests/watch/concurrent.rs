//! Writers and listeners at the same time, on several threads: what a client makes of the messages is, at
//! every boundary, what polling answers at that time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database::{Database, Options, Store};
use host::{Host, Random};
use model::{DatabaseName, Timestamp};
use query::MissingIndex;
use storage::memory::MemoryEngine;
use watch::{Hubs, ListenStream, Resume, Target, TargetKind};

use crate::client::{Client, Known, QUERIES};
use crate::random::{below, random_writes};
use crate::{text, world};

const WRITERS: u64 = 3;
const COMMITS: usize = 300;
const LISTENERS: u64 = 6;

fn database(store: &Arc<Store>) -> Arc<Database> {
    store.database(&DatabaseName::new("p", "(default)")).unwrap()
}

async fn write(store: Arc<Store>, seed: u64) {
    let random = Random::from_seed(seed);
    for _ in 0..COMMITS {
        let writes = random_writes(&random).iter().map(|text| world::write(text)).collect();
        database(&store).commit(writes, None).await.unwrap();
    }
}

/// Compares what a client has with the state at its time, unless that was cleared since.
fn compare(client: &Client, store: &Arc<Store>, time: Timestamp) {
    let database = database(store);
    if time >= database.begun() {
        client.compare(&database.view_at(time).unwrap());
    }
}

/// Opens stream after stream, each going on where the one before ended; answers how many boundaries it saw.
async fn listen(hubs: Arc<Hubs>, store: Arc<Store>, seed: u64, over: Arc<AtomicBool>) -> usize {
    let random = Random::from_seed(seed);
    let mut client = Client::default();
    for id in 1..=4 {
        let known = Known { query: below(&random, QUERIES.len()), ..Known::default() };
        client.targets.insert(id, known);
    }
    let mut boundaries = 0;
    loop {
        let last = over.load(Ordering::SeqCst);
        let mut stream = hubs.open(database(&store).name()).unwrap();
        begin(&mut stream, &mut client);
        // At the end every target is told the last state when it is added; before, a client may lose patience.
        let patience = if last { Duration::from_secs(60) } else { Duration::from_millis(200) };
        let mut left = 20 + below(&random, 100);
        while let Ok(event) = tokio::time::timeout(patience, stream.next()).await {
            let Some(time) = client.fold(event.unwrap()) else { continue };
            boundaries += 1;
            compare(&client, &store, time);
            if last && client.targets.values().all(|known| known.current) {
                break;
            }
            if below(&random, 30) == 0 {
                stream.pretend_to_lag();
            }
            left -= 1;
            if left == 0 && !last {
                break;
            }
        }
        client.lose_connection();
        if last {
            assert!(client.targets.values().all(|known| known.current), "all targets were told");
            client.compare(&database(&store).view());
            return boundaries;
        }
    }
}

fn begin(stream: &mut ListenStream, client: &mut Client) {
    for (id, known) in &mut client.targets {
        let resume = client.position.filter(|_| known.current).map(Resume::ReadTime);
        if resume.is_none() {
            known.documents.clear();
        }
        known.current = false;
        let what = TargetKind::Query(text::query(QUERIES[known.query]));
        stream.add_target(Target { id: *id, what, resume, once: false, expected_count: None }).unwrap();
    }
}

/// Writers and listeners, while the database is cleared so many times.
async fn run(clears: usize) {
    let store = Store::open(Arc::new(MemoryEngine::new()), Host::real(), Options::default()).unwrap();
    let options = watch::Options { missing_index: MissingIndex::Suggest, suggest: Arc::new(|_, _| {}) };
    let hubs = Hubs::new(store.clone(), options);
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS).map(|seed| tokio::spawn(write(store.clone(), seed))).collect();
    let listener = |seed| listen(hubs.clone(), store.clone(), 100 + seed, over.clone());
    let listeners: Vec<_> = (0..LISTENERS).map(|seed| tokio::spawn(listener(seed))).collect();
    let mut commits = database(&store).commits();
    for _ in 0..clears {
        for _ in 0..30 {
            commits.changed().await.unwrap();
        }
        let clearing = store.clone();
        let clear = move || clearing.clear(database(&clearing).name());
        tokio::task::spawn_blocking(clear).await.unwrap().unwrap();
        commits = database(&store).commits();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    let mut boundaries = 0;
    for listener in listeners {
        boundaries += listener.await.unwrap();
    }
    println!("{boundaries} boundaries");
    assert!(boundaries > 200, "{boundaries} boundaries prove little");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn listening_equals_polling_while_others_write() {
    run(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn listening_equals_polling_while_the_database_is_cleared() {
    run(4).await;
}
