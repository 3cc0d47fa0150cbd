//! Load: many clients that each do one operation after the other for a fixed time.
//!
//! The load is closed: a client asks again when it has its answer, as the clients of a database do. What was
//! under way when the time began or ended is not counted.

use std::time::{Duration, Instant};

use crate::children::{Processor, processor_time};
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

/// Drives all clients at once for `time`; answers the clients, so that they can be driven again. `processor` says
/// whose processor time the operations cost.
///
/// The first failure of any client fails the whole.
pub async fn drive<C: Client>(
    clients: Vec<C>,
    time: Duration,
    processor: Processor,
) -> Result<(Vec<C>, Throughput), Failure> {
    let before = processor_time(processor)?;
    let window = Window::after_warm_up(time);
    let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(drive_one(client, window))).collect();
    let mut ended = Vec::with_capacity(tasks.len());
    for task in tasks {
        ended.push(task.await.map_err(Failure::doing("drive a client"))??);
    }
    gather(ended, time, processor_time(processor)?.saturating_sub(before))
}

/// Drives all clients at once for `time`, each in a thread of this process.
pub fn drive_threads<C: BlockingClient>(
    clients: Vec<C>,
    time: Duration,
) -> Result<(Vec<C>, Throughput), Failure> {
    let before = processor_time(Processor::ThisProcess)?;
    let window = Window::after_warm_up(time);
    let threads: Vec<_> =
        clients.into_iter().map(|client| std::thread::spawn(move || drive_thread(client, window))).collect();
    let mut ended = Vec::with_capacity(threads.len());
    for thread in threads {
        ended.push(thread.join().expect("a client fails by value")?);
    }
    gather(ended, time, processor_time(Processor::ThisProcess)?.saturating_sub(before))
}

/// What one client did.
struct Ended<C> {
    client: C,
    /// All operations, those outside the window too.
    operations: u32,
    /// Of those that ended within the window.
    latencies: Vec<Duration>,
}

fn gather<C>(
    ended: Vec<Ended<C>>,
    time: Duration,
    processor: Duration,
) -> Result<(Vec<C>, Throughput), Failure> {
    let operations: u32 = ended.iter().map(|one| one.operations).sum();
    let mut clients = Vec::with_capacity(ended.len());
    let mut latencies = Vec::new();
    for one in ended {
        clients.push(one.client);
        latencies.extend(one.latencies);
    }
    let processor = Some(processor / operations.max(1));
    Ok((clients, Throughput { processor, ..Throughput::new(latencies, time) }))
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
    fn note<C>(self, started: Instant, ended: &mut Ended<C>) -> bool {
        let now = Instant::now();
        ended.operations += 1;
        if now >= self.begin && now < self.end {
            ended.latencies.push(now - started);
        }
        now < self.end
    }
}

async fn drive_one<C: Client>(client: C, window: Window) -> Result<Ended<C>, Failure> {
    let mut ended = Ended { client, operations: 0, latencies: Vec::new() };
    loop {
        let started = Instant::now();
        ended.client.operate().await?;
        if !window.note(started, &mut ended) {
            return Ok(ended);
        }
    }
}

fn drive_thread<C: BlockingClient>(client: C, window: Window) -> Result<Ended<C>, Failure> {
    let mut ended = Ended { client, operations: 0, latencies: Vec::new() };
    loop {
        let started = Instant::now();
        ended.client.operate()?;
        if !window.note(started, &mut ended) {
            return Ok(ended);
        }
    }
}
