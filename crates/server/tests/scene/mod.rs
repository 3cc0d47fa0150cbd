//! A gateway over an empty store in memory, on a real socket, and clients of it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use database::Store;
use gateway::Gateway;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    CommitRequest, Document, Value, Write, value::ValueType, write::Operation,
};
use host::Host;
use service::{MissingIndex, Service};
use storage::memory::MemoryEngine;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub const DATABASE: &str = "projects/p/databases/(default)";
pub const ROOT: &str = "projects/p/databases/(default)/documents";

/// See the module. The server ends with the scene.
pub struct Scene {
    pub address: SocketAddr,
    pub service: Arc<Service>,
    pub gateway: Arc<Gateway>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(gateway::Options::default()).await
    }

    pub async fn with(options: gateway::Options) -> Self {
        Self::behind(None, options).await
    }

    /// Behind a door; without one everybody is believed.
    pub async fn behind(door: Option<Arc<identity::Door>>, options: gateway::Options) -> Self {
        let host = Host::real();
        let engine = Arc::new(MemoryEngine::new());
        let store = Store::open(engine, host.clone(), database::Options::default()).expect("an empty store");
        let policies = service::Options { missing_index: MissingIndex::Suggest };
        let service = Arc::new(match door {
            None => Service::new(store, host, policies),
            Some(door) => Service::behind(door, store, host, policies),
        });
        let gateway = Gateway::new(service.clone(), options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let serving = tokio::spawn(gateway.clone().serve(listener, stopped));
        Scene { address, service, gateway, stop: Some(stop), serving }
    }

    /// Tells the server to stop, and waits until it has.
    pub async fn stop(mut self) {
        self.tell_to_stop();
        (&mut self.serving).await.expect("the server ends well");
    }

    /// Waits until the server has stopped by itself.
    pub async fn ended(mut self) {
        (&mut self.serving).await.expect("the server ends well");
    }

    pub fn tell_to_stop(&mut self) {
        drop(self.stop.take());
    }

    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("an address");
        endpoint.connect().await.expect("a connection")
    }

    pub async fn client(&self) -> FirestoreClient<Channel> {
        FirestoreClient::new(self.channel().await).max_decoding_message_size(64 << 20)
    }

    /// Sends bytes as the message of a call, and answers the first message or the refusal.
    pub async fn raw(&self, method: &str, message: Bytes) -> Result<Bytes, Status> {
        raw(self.channel().await, &format!("/google.firestore.v1.Firestore/{method}"), message).await
    }

    /// Sets documents, each with these fields.
    pub async fn set(&self, paths: impl IntoIterator<Item = String>, fields: &[(&str, Value)]) {
        let writes = paths.into_iter().map(|path| set(&path, fields)).collect();
        let request = CommitRequest { database: DATABASE.to_owned(), writes, ..Default::default() };
        self.client().await.commit(request).await.expect("a commit");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub async fn raw(channel: Channel, path: &str, message: Bytes) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = path.parse().expect("a path");
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(30));
    let mut answers = grpc.server_streaming(request, path, RawCodec).await?.into_inner();
    Ok(answers.message().await?.unwrap_or_default())
}

/// A write that sets a whole document.
pub fn set(path: &str, fields: &[(&str, Value)]) -> Write {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let document = Document { name: format!("{ROOT}/{path}"), fields, ..Default::default() };
    Write { operation: Some(Operation::Update(document)), ..Default::default() }
}

pub fn value(kind: ValueType) -> Value {
    Value { value_type: Some(kind) }
}

pub fn integer(number: i64) -> Value {
    value(ValueType::IntegerValue(number))
}

pub fn text(text: &str) -> Value {
    value(ValueType::StringValue(text.to_owned()))
}

/// Messages as they are.
#[derive(Clone, Copy)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        RawCodec
    }

    fn decoder(&mut self) -> Self {
        RawCodec
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}
