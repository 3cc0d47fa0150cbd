//! Write: commits on one stream, in order, sent without waiting for the answers before.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use model::{DatabaseName, Principal, Status};
use prost::Message;
use service::{ResumeWrites, Service, WriteStream};
use wire::firestore::{WriteRequest, WriteResponse};

use crate::conversation::check_same_database;
use crate::from_proto::write;
use crate::grpc::frames::Shared;
use crate::to_proto;

/// Requests, and bytes of them, that wait for their turn. The official clients send ten ahead.
const QUEUED_REQUESTS: usize = 32;
const QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// A Write stream; how it is used stands at [`crate::conversation::Conversation`].
pub(crate) struct Writing {
    service: Arc<Service>,
    principal: Principal,
    /// Unread: what is wrong with a request is told after the answers to those before it.
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    /// No request will follow those in the queue.
    closed: bool,
    state: State,
}

enum State {
    /// The first request has not been read.
    New,
    Open(Box<Open>),
    Over,
}

/// See [`State::Open`].
struct Open {
    database: DatabaseName,
    stream: WriteStream,
}

impl Writing {
    /// A stream that waits for its first request.
    pub(crate) fn new(service: Arc<Service>, principal: Principal) -> Self {
        Writing {
            service,
            principal,
            queue: VecDeque::new(),
            queued_bytes: 0,
            closed: false,
            state: State::New,
        }
    }

    /// Takes a request.
    pub(crate) fn receive(&mut self, message: Bytes) {
        self.queued_bytes += message.len();
        self.queue.push_back(message);
    }

    /// No request will follow.
    pub(crate) fn half_close(&mut self) {
        self.closed = true;
    }

    /// False while so much is queued that no further request should be read.
    pub(crate) fn wants_requests(&self) -> bool {
        self.queue.len() < QUEUED_REQUESTS && self.queued_bytes < QUEUED_BYTES
    }

    /// The next message.
    pub(crate) async fn answer(&mut self) -> Result<Option<Shared>, Status> {
        let outcome = self.step().await;
        if !matches!(outcome, Ok(Some(_))) {
            self.state = State::Over;
        }
        Ok(outcome?.map(|response| Shared::whole(response.encode_to_vec())))
    }

    async fn step(&mut self) -> Result<Option<WriteResponse>, Status> {
        loop {
            match &mut self.state {
                State::Open(open) if open.stream.is_busy() => {
                    let answer = open.stream.next().await?;
                    return Ok(Some(to_proto::write_response(&answer)));
                }
                State::New | State::Open(_) => {}
                State::Over => return Ok(None),
            }
            let Some(message) = self.queue.pop_front() else {
                return if self.closed { Ok(None) } else { std::future::pending().await };
            };
            self.queued_bytes -= message.len();
            let request = super::read(message)?;
            match &mut self.state {
                State::New => {
                    let (open, response) = Open::new(&self.service, &self.principal, request)?;
                    self.state = State::Open(Box::new(open));
                    return Ok(Some(response));
                }
                State::Open(open) => {
                    if let Some(last) = open.take(request)? {
                        self.state = State::Over;
                        return Ok(Some(last));
                    }
                }
                State::Over => unreachable!("it was looked at above"),
            }
        }
    }
}

impl Open {
    /// Reads the first request, which begins a stream or goes on with one.
    fn new(
        service: &Arc<Service>,
        principal: &Principal,
        request: WriteRequest,
    ) -> Result<(Self, WriteResponse), Status> {
        if request.database.is_empty() {
            return Err(Status::invalid_argument("'database' must be set on an initial write request."));
        }
        if !request.writes.is_empty() {
            return Err(Status::invalid_argument("'writes' must not be set on an initial write request."));
        }
        let resume = resume(&request)?;
        let database = DatabaseName::parse(&request.database)?;
        let stream = service.write_stream(principal, &database, resume)?;
        let response = WriteResponse {
            stream_id: stream.id().to_owned(),
            stream_token: stream.token(),
            ..WriteResponse::default()
        };
        Ok((Open { database, stream }, response))
    }

    /// Begins the commit of a later request. One without writes ends the stream with the answer.
    fn take(&mut self, request: WriteRequest) -> Result<Option<WriteResponse>, Status> {
        check_same_database(&self.database, &request.database)?;
        if !request.stream_id.is_empty() && request.stream_id != self.stream.id() {
            return Err(Status::invalid_argument("'stream_id' may only be set on an initial write request."));
        }
        self.stream.acknowledge(&request.stream_token)?;
        if request.writes.is_empty() {
            let stream_token = self.stream.close();
            return Ok(Some(WriteResponse { stream_token, ..WriteResponse::default() }));
        }
        let writes = request.writes.into_iter().map(|write| write::write(&self.database, write));
        self.stream.begin(writes.collect::<Result<_, _>>()?);
        Ok(None)
    }
}

fn resume(request: &WriteRequest) -> Result<Option<ResumeWrites<'_>>, Status> {
    let (id, token) = (request.stream_id.as_str(), &request.stream_token[..]);
    match (id.is_empty(), token.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(ResumeWrites { id, token })),
        (true, false) => Err(Status::invalid_argument(
            "'stream_token' must not be set on an initial write request without a 'stream_id'.",
        )),
        (false, true) => Err(Status::invalid_argument(
            "'stream_token' must be set on an initial write request with a 'stream_id'.",
        )),
    }
}
