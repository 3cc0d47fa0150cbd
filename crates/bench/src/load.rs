//! Load: many clients that each do one operation after the other for a fixed time.
//!
//! The load is closed: a client asks again when it has its answer, as the clients of a database do. What was
//! under way when the time began or ended is not counted.

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::figures::Throughput;

/// Clients work this long before the time begins: connections are made, caches are warm, buffers have grown.
const WARM_UP: Duration = Duration::from_millis(400);

/// One client of an asynchronous contender.
pub trait Client: Send + 'static {
    /// Does one operation, to its end.
    fn operate(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// One client that blocks a thread of its own.
pub trait BlockingClient: Send + 'static {
    /// Does one operation, to its end.
    fn operate(&mut self) -> Result<(), Failure>;
}

/// Drives all clients at once for `time`; answers the clients, so that they can be driven again.
///
/// The first failure of any client fails the whole.
pub async fn drive<C: Client>(clients: Vec<C>, time: Duration) -> Result<(Vec<C>, Throughput), Failure> {
    let window = Window::after_warm_up(time);
    let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(drive_one(client, window))).collect();
    let mut clients = Vec::with_capacity(tasks.len());
    let mut latencies = Vec::new();
    for task in tasks {
        let (client, some) = task.await.map_err(Failure::doing("drive a client"))??;
        clients.push(client);
        latencies.extend(some);
    }
    Ok((clients, Throughput::new(latencies, time)))
}

/// Drives all clients at once for `time`, each in a thread.
pub fn drive_threads<C: BlockingClient>(
    clients: Vec<C>,
    time: Duration,
) -> Result<(Vec<C>, Throughput), Failure> {
    let window = Window::after_warm_up(time);
    let threads: Vec<_> =
        clients.into_iter().map(|client| std::thread::spawn(move || drive_thread(client, window))).collect();
    let mut clients = Vec::with_capacity(threads.len());
    let mut latencies = Vec::new();
    for thread in threads {
        let (client, some) = thread.join().expect("a client fails by value")?;
        clients.push(client);
        latencies.extend(some);
    }
    Ok((clients, Throughput::new(latencies, time)))
}

/// The time in which operations count.
#[derive(Clone, Copy)]
struct Window {
    begin: Instant,
    end: Instant,
}

impl Window {
    fn after_warm_up(time: Duration) -> Self {
        let begin = Instant::now() + WARM_UP;
        Window { begin, end: begin + time }
    }

    /// Notes an operation that has just ended. Answers false when the time is over.
    fn note(self, started: Instant, latencies: &mut Vec<Duration>) -> bool {
        let now = Instant::now();
        if now >= self.begin && now < self.end {
            latencies.push(now - started);
        }
        now < self.end
    }
}

async fn drive_one<C: Client>(mut client: C, window: Window) -> Result<(C, Vec<Duration>), Failure> {
    let mut latencies = Vec::new();
    loop {
        let started = Instant::now();
        client.operate().await?;
        if !window.note(started, &mut latencies) {
            return Ok((client, latencies));
        }
    }
}

fn drive_thread<C: BlockingClient>(mut client: C, window: Window) -> Result<(C, Vec<Duration>), Failure> {
    let mut latencies = Vec::new();
    loop {
        let started = Instant::now();
        client.operate()?;
        if !window.note(started, &mut latencies) {
            return Ok((client, latencies));
        }
    }
}
