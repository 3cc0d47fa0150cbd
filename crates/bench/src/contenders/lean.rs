//! A gRPC client without comfort: frames by hand over HTTP/2, for calls and for streams of answers.
//!
//! The clients of a benchmark run on the processors that they measure. The usual client takes more of them for a
//! call than PostgreSQL's load generator, which is written for this, takes for a statement; this one leaves them to
//! the server.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Uri};
use prost::Message;
use tokio::net::TcpStream;

use crate::failure::Failure;

/// What stands before each message: a flag and its length.
const HEAD_BYTES: usize = 5;
/// How far the server may send ahead.
const WINDOW: u32 = 4 << 20;

/// One connection. Clones share it.
#[derive(Clone)]
pub struct LeanClient {
    requests: SendRequest<Bytes>,
    authority: String,
    authorization: Option<String>,
}

/// A method of one server.
#[derive(Clone)]
pub struct LeanMethod(Uri);

impl LeanClient {
    /// Opens `count` connections to one server.
    pub async fn several(address: SocketAddr, count: usize) -> Result<Vec<Self>, Failure> {
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            clients.push(Self::connect(address).await?);
        }
        Ok(clients)
    }

    async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream =
            TcpStream::connect(address).await.map_err(Failure::doing(format!("connect to {address}")))?;
        stream.set_nodelay(true).map_err(Failure::doing("set up a connection"))?;
        let mut builder = Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
        let (requests, connection) = builder
            .handshake(stream)
            .await
            .map_err(Failure::doing(format!("speak HTTP/2 with {address}")))?;
        // It ends with the connection, and then the calls say why.
        tokio::spawn(async move { drop(connection.await) });
        Ok(LeanClient { requests, authority: address.to_string(), authorization: None })
    }

    /// The same connection, used by somebody.
    pub fn by(self, authorization: &str) -> Self {
        LeanClient { authorization: Some(authorization.to_owned()), ..self }
    }

    /// A method by its path.
    pub fn method(&self, path: &'static str) -> Result<LeanMethod, Failure> {
        let uri = Uri::builder().scheme("http").authority(self.authority.as_str()).path_and_query(path);
        uri.build().map(LeanMethod).map_err(Failure::doing("name a method"))
    }

    /// Calls a method that answers one message.
    pub async fn call<A: Message + Default>(
        &mut self,
        method: &LeanMethod,
        message: &impl Message,
    ) -> Result<A, Failure> {
        let mut answers = self.call_for_all(method, message).await?;
        answers
            .pop()
            .filter(|_| answers.is_empty())
            .ok_or_else(|| Failure::new("the server answered no single message"))
    }

    /// Calls a method that answers some messages, and waits for all of them.
    pub async fn call_for_all<A: Message + Default>(
        &mut self,
        method: &LeanMethod,
        message: &impl Message,
    ) -> Result<Vec<A>, Failure> {
        let failure = Failure::doing("call the server");
        self.try_call(method, message).await.map_err(failure)?.take()
    }

    async fn try_call(&mut self, method: &LeanMethod, message: &impl Message) -> Result<Answer, h2::Error> {
        let (response, _) = self.send(method, message, true).await?;
        let (head, mut body) = response.await?.into_parts();
        let mut data = BytesMut::new();
        while let Some(part) = body.data().await {
            let part = part?;
            body.flow_control().release_capacity(part.len())?;
            data.extend_from_slice(&part);
        }
        let trailers = body.trailers().await?.unwrap_or(head.headers);
        Ok(Answer { data: data.freeze(), trailers })
    }

    /// Begins a call that answers many messages; `message` is the first of its requests, and the only one.
    pub async fn stream(
        &mut self,
        method: &LeanMethod,
        message: &impl Message,
    ) -> Result<LeanStream, Failure> {
        let sent = self.send(method, message, false).await;
        let (response, requests) = sent.map_err(Failure::doing("call the server"))?;
        let answers = response.await.map_err(Failure::doing("wait for a stream"))?.into_body();
        Ok(LeanStream { answers, data: BytesMut::new(), _requests: requests })
    }

    async fn send(
        &mut self,
        method: &LeanMethod,
        message: &impl Message,
        last: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut request = Request::post(method.0.clone())
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(()).expect("the parts are sound");
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut body) = requests.send_request(request, false)?;
        body.send_data(frame(message), last)?;
        Ok((response, body))
    }
}

/// The answers of a call, one by one.
pub struct LeanStream {
    answers: RecvStream,
    data: BytesMut,
    /// Open, so that the call goes on.
    _requests: SendStream<Bytes>,
}

impl LeanStream {
    /// The bytes of the next message. The end of the stream is a failure that says why.
    pub async fn next(&mut self) -> Result<Bytes, Failure> {
        loop {
            if let Some(message) = self.take() {
                return Ok(message);
            }
            let Some(part) = self.answers.data().await else { return Err(self.end().await) };
            let part = part.map_err(Failure::doing("read a stream"))?;
            let released = self.answers.flow_control().release_capacity(part.len());
            released.map_err(Failure::doing("read a stream"))?;
            self.data.extend_from_slice(&part);
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let (_, rest) = self.data.split_first()?;
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        if self.data.len() < HEAD_BYTES + length {
            return None;
        }
        self.data.advance(HEAD_BYTES);
        Some(self.data.split_to(length).freeze())
    }

    async fn end(&mut self) -> Failure {
        match self.answers.trailers().await {
            Ok(trailers) => Failure::new(format!("the server has ended a stream: {trailers:?}")),
            Err(error) => Failure::doing("read the end of a stream")(error),
        }
    }
}

fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(HEAD_BYTES + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).expect("requests are small"));
    message.encode(&mut frame).expect("there is room");
    frame.freeze()
}

/// What came back.
struct Answer {
    data: Bytes,
    trailers: HeaderMap,
}

impl Answer {
    fn take<A: Message + Default>(mut self) -> Result<Vec<A>, Failure> {
        let status = self.trailers.get("grpc-status").map_or("none", |status| status.to_str().unwrap_or("?"));
        if status != "0" {
            let text = self.trailers.get("grpc-message").map_or("", |text| text.to_str().unwrap_or("?"));
            return Err(Failure::new(format!("the server answered status {status}: {text}")));
        }
        let mut messages = Vec::new();
        while let Some(message) = split_message(&mut self.data) {
            messages.push(A::decode(message).map_err(Failure::doing("read an answer"))?);
        }
        if self.data.is_empty() {
            Ok(messages)
        } else {
            Err(Failure::new("the server answered half a message"))
        }
    }
}

/// Takes the first message off, if it is whole.
fn split_message(data: &mut Bytes) -> Option<Bytes> {
    let (_, rest) = data.split_first()?;
    let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
    if data.len() < HEAD_BYTES + length {
        return None;
    }
    data.advance(HEAD_BYTES);
    Some(data.split_to(length))
}
