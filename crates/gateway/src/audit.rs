//! What the operator is told of: calls that were denied, and calls that administer the server. Never a token.
//!
//! Who is denied must not be able to hold others up, so a [`Trail`] is a bounded queue: what does not fit is
//! counted and left out. The server takes [`Events`] from it and writes them down.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use model::{Code, Principal, Status};
use prost::Message;
use tokio::sync::mpsc;

use crate::json;

/// Events that wait to be written.
const QUEUE: usize = 4_096;
/// Bytes of the longest name that an event keeps of what a client sent.
const NAME_BYTES: usize = 512;

/// Counts requests from one in each process.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// One call that was denied, or that administers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The request's number in this process.
    pub request: u64,
    /// `Commit`, `POST /reset`.
    pub method: String,
    /// `projects/p/databases/d`, `projects/p`, or empty when it is not known.
    pub database: String,
    /// `user:UID`, `account:EMAIL`, `anonymous`, `administrator`, or `unknown` when that was not proved.
    pub principal: String,
    pub peer: IpAddr,
    /// `OK`, `PERMISSION_DENIED`, …
    pub code: &'static str,
}

/// Where events go.
#[derive(Debug)]
pub struct Trail {
    sender: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

/// Where events come from.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    dropped: Arc<AtomicU64>,
}

impl Trail {
    /// A trail, and its other end.
    pub fn new() -> (Arc<Trail>, Events) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let dropped = Arc::<AtomicU64>::default();
        (Arc::new(Trail { sender, dropped: dropped.clone() }), Events { receiver, dropped })
    }

    fn tell(&self, event: Event) {
        if self.sender.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Events {
    /// Waits for events and takes at most `most` of those that are there; none when there will be no more.
    /// Cancel-safe.
    pub async fn next(&mut self, most: usize) -> Vec<Event> {
        let mut events = Vec::new();
        self.receiver.recv_many(&mut events, most).await;
        events
    }

    /// How many did not fit since this was last asked.
    pub fn dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

/// What is known of a request so far, for the event that it may become.
#[derive(Clone)]
pub(crate) struct Record {
    trail: Arc<Trail>,
    event: Event,
}

impl Record {
    /// Of a request that nothing is known of but how it came. None when nobody wants to know.
    pub(crate) fn of(trail: Option<&Arc<Trail>>, method: impl Into<String>, peer: IpAddr) -> Option<Self> {
        let mut method = method.into();
        // It may have the path of a request, which is the client's.
        method.truncate(shortened(&method).len());
        let event = Event {
            request: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            method,
            database: String::new(),
            principal: "unknown".to_owned(),
            peer,
            code: "OK",
        };
        trail.map(|trail| Record { trail: trail.clone(), event })
    }

    /// Who it is.
    pub(crate) fn by(&mut self, principal: &Principal) {
        self.event.principal = match principal {
            Principal::Anonymous => "anonymous".to_owned(),
            Principal::User(user) => format!("user:{}", shortened(&user.uid)),
            Principal::Account(account) => format!("account:{}", shortened(&account.email)),
            Principal::Administrator => "administrator".to_owned(),
        };
    }

    /// What it is about, as the resource name in `message` says: the first field of every request.
    pub(crate) fn about(&mut self, message: &Bytes) {
        if let Some(database) = named(message, 0) {
            self.event.database = database;
        }
    }

    /// True when it is known what it is about.
    pub(crate) fn is_placed(&self) -> bool {
        !self.event.database.is_empty()
    }

    /// What it is about.
    pub(crate) fn about_database(&mut self, name: &str) {
        self.event.database = shortened(name).to_owned();
    }

    /// It was refused. Only a refusal for want of a right becomes an event.
    pub(crate) fn refused(&self, refusal: &Status) {
        match refusal.code {
            Code::PermissionDenied | Code::Unauthenticated => self.ended(Some(refusal.code)),
            Code::Cancelled
            | Code::InvalidArgument
            | Code::DeadlineExceeded
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => {}
        }
    }

    /// It ended, and is an event however it did.
    pub(crate) fn ended(&self, code: Option<Code>) {
        let code = code.map_or("OK", json::code_name);
        self.trail.tell(Event { code, ..self.event.clone() });
    }
}

/// What requests name: in the first field a resource, or a document, whose first field that is; those of the
/// Datastore a project and a database.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(bytes = "bytes", tag = "1")]
    first: Bytes,
    #[prost(bytes = "bytes", tag = "8")]
    project: Bytes,
    #[prost(bytes = "bytes", tag = "9")]
    database: Bytes,
}

fn named(message: &Bytes, depth: u8) -> Option<String> {
    let Named { first, project, database } = Named::decode(message.clone()).ok()?;
    if depth == 0 && !project.is_empty() {
        let database =
            if database.is_empty() { "(default)".into() } else { String::from_utf8_lossy(&database) };
        let name = format!("projects/{}/databases/{database}", String::from_utf8_lossy(&project));
        return Some(shortened(&name).to_owned());
    }
    match str::from_utf8(&first) {
        Ok(name) if name.starts_with("projects/") => {
            let database: Vec<&str> = name.split('/').take(4).collect();
            Some(shortened(&database.join("/")).to_owned())
        }
        _ if depth == 0 => named(&first, 1),
        _ => None,
    }
}

fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES)]
}

#[cfg(test)]
mod tests {
    use wire::firestore as proto;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_database_is_read_from_any_request() {
        let name = "projects/p/databases/(default)/documents/c/d".to_owned();
        let document = proto::Document { name: name.clone(), ..Default::default() };
        let update = proto::UpdateDocumentRequest { document: Some(document), ..Default::default() };
        let get = proto::GetDocumentRequest { name, ..Default::default() };
        let database = "projects/p/databases/(default)".to_owned();
        let commit = proto::CommitRequest { database: database.clone(), ..Default::default() };
        let entities = wire::datastore::LookupRequest { project_id: "p".to_owned(), ..Default::default() };
        let requests =
            [update.encode_to_vec(), get.encode_to_vec(), commit.encode_to_vec(), entities.encode_to_vec()];
        for request in requests {
            assert_eq!(named(&request.into(), 0), Some(database.clone()));
        }
        for hostile in [&b""[..], b"\x0a", b"\x0a\x03\xff\xff\xff", b"\x0a\x04evil", b"\xff\xff\xff"] {
            assert_eq!(named(&Bytes::from_static(hostile), 0), None, "{hostile:?}");
        }
    }

    /// The queue's length would else be no bound on its memory, nor the rate of requests one on the log's growth.
    #[tokio::test]
    async fn an_event_keeps_little_of_what_a_client_sent() {
        let (trail, mut events) = Trail::new();
        let long = format!("DELETE /emulator/v1/{}", "é".repeat(30_000));
        let mut record = Record::of(Some(&trail), long.clone(), PEER).expect("a trail");
        record.about_database(&long);
        record.ended(None);
        let told = &events.next(1).await[0];
        assert!(told.method.starts_with("DELETE /emulator/v1/é"));
        assert!(told.method.len() <= NAME_BYTES && told.database.len() <= NAME_BYTES);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted_and_holds_nobody_up() {
        let (trail, mut events) = Trail::new();
        let record = Record::of(Some(&trail), "Commit", PEER).expect("a trail");
        for _ in 0..QUEUE + 3 {
            record.refused(&Status::new(Code::PermissionDenied, "no"));
        }
        record.refused(&Status::not_found("no denial"));
        assert_eq!((events.dropped(), events.dropped()), (3, 0));
        let told = events.next(QUEUE * 2).await;
        assert_eq!((told.len(), told[0].code), (QUEUE, "PERMISSION_DENIED"));
    }
}
