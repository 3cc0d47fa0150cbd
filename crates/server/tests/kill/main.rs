//! The server is killed at random moments under load, and every acknowledged commit must be there, whole.
//!
//! Each worker commits numbered writes: commit `n` creates one document in each of two collections and sets the
//! worker's counter to `n`. After each kill the server starts again on the same directory, and for every worker the
//! counter must be the last acknowledged number or, when a commit was under way, the one after it; both collections
//! must hold exactly the documents up to that number, by scan, by index and by count.
//!
//! `IRORI_KILLS` sets how often (10 without it; hundreds for a soak).

mod process;
mod worker;

use std::time::Duration;

use process::Server;
use worker::{WORKERS, Worker};

const DEFAULT_KILLS: usize = 10;
/// The server lives this long after its workers have begun, at most.
const LONGEST_LIFE: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_commit_is_lost_or_torn_by_kills() {
    let kills = std::env::var("IRORI_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_KILLS);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut workers: Vec<Worker> = (0..WORKERS).map(Worker::new).collect();
    let random = host::Random::from_time();
    for kill in 0..kills {
        let server = Server::start(directory.path());
        for worker in &mut workers {
            worker.verify(&server).await;
        }
        let life = LONGEST_LIFE.mul_f64((random.next() % 1_000) as f64 / 1_000.0);
        let working: Vec<_> =
            workers.drain(..).map(|worker| tokio::spawn(worker.run(server.address()))).collect();
        // The moment of the kill is the subject of the test, so here time passes on purpose.
        tokio::time::sleep(life).await;
        server.kill();
        for task in working {
            workers.push(task.await.expect("a worker stops when its server is gone"));
        }
        let acknowledged: u64 = workers.iter().map(|worker| worker.acknowledged()).sum();
        println!("kill {}: {acknowledged} commits acknowledged so far", kill + 1);
    }
    let server = Server::start(directory.path());
    for worker in &mut workers {
        worker.verify(&server).await;
    }
    let acknowledged: u64 = workers.iter().map(|worker| worker.acknowledged()).sum();
    assert!(acknowledged > 0, "nothing was acknowledged: the test proved nothing");
    server.kill();
}
