//! An issuer's server on this machine that says what it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Answers each request with the same bytes. Ends when it is dropped.
pub(super) struct KeyServer {
    pub(super) address: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    /// Whoever asks waits while this is held.
    answering: Arc<tokio::sync::Mutex<()>>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Answer {
    head: String,
    body: String,
}

impl KeyServer {
    pub(super) async fn saying(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(Answer { head: "200 OK".to_owned(), body: body.to_owned() }));
        let asked = Arc::new(AtomicUsize::new(0));
        let answering = Arc::<tokio::sync::Mutex<()>>::default();
        let mut serving = JoinSet::new();
        let held = answering.clone();
        let (said, count) = (answer.clone(), asked.clone());
        serving.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                drop(held.lock().await);
                let answer = said.lock().clone();
                serve(socket, answer).await;
            }
        });
        KeyServer { address, answer, asked, answering, _serving: serving }
    }

    pub(super) fn say(&self, body: &str) {
        self.say_with("200 OK", body);
    }

    /// `head` is the status, and further headers.
    pub(super) fn say_with(&self, head: &str, body: &str) {
        *self.answer.lock() = Answer { head: head.to_owned(), body: body.to_owned() };
    }

    /// Lets all who ask wait.
    pub(super) async fn hold(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.answering.clone().lock_owned().await
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut socket: TcpStream, Answer { head, body }: Answer) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // Whoever asked may have gone.
    socket.write_all(answer.as_bytes()).await.ok();
}
