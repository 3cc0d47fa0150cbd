//! The empty call: a gRPC method that takes nothing, does nothing and answers nothing, in a process of its own.
//!
//! Its rate is the most that any server made with tonic can reach on the machine while the clients run beside it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};

use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, body::Body};
use tonic_prost::ProstCodec;

use crate::children::{self, Announced, Processor};
use crate::failure::Failure;
use crate::load::Client;

const METHOD: &str = "/irori.bench.Empty/Call";
/// What the server prints before its address.
const ADDRESS_LINE: &str = "empty calls at ";

/// Serves empty calls until the process is killed. Prints where.
pub async fn serve() -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(Failure::doing("listen for empty calls"))?;
    let address = listener.local_addr().map_err(Failure::doing("tell the address of the listener"))?;
    println!("{ADDRESS_LINE}{address}");
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = Server::builder().add_service(EmptyService).serve_with_incoming(incoming).await;
    served.map_err(Failure::doing("serve empty calls"))
}

/// The server process. It is killed when this is dropped.
pub struct EmptyServer {
    child: Child,
    pub address: SocketAddr,
}

impl EmptyServer {
    /// Starts this very program once more, as a server of empty calls.
    pub fn start() -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::doing("find the running program"))?;
        let mut child = Command::new(program)
            .arg("serve-empty-calls")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::doing("start the server of empty calls"))?;
        let Announced { address, .. } = children::await_address(&mut child, ADDRESS_LINE)?;
        Ok(EmptyServer { child, address })
    }

    /// Whose processor time its work costs.
    pub fn processor(&self) -> Processor {
        Processor::Process(self.child.id())
    }
}

impl Drop for EmptyServer {
    fn drop(&mut self) {
        children::kill(&mut self.child);
    }
}

/// One client with a connection of its own.
pub struct EmptyClient {
    grpc: tonic::client::Grpc<Channel>,
}

impl EmptyClient {
    pub fn new(channel: Channel) -> Self {
        EmptyClient { grpc: tonic::client::Grpc::new(channel) }
    }
}

impl Client for EmptyClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        self.grpc.ready().await.map_err(Failure::doing("connect"))?;
        let codec = ProstCodec::<(), ()>::default();
        self.grpc.unary(Request::new(()), PathAndQuery::from_static(METHOD), codec).await?;
        Ok(())
    }
}

#[derive(Clone)]
struct EmptyService;

impl NamedService for EmptyService {
    const NAME: &'static str = "irori.bench.Empty";
}

impl Service<http::Request<Body>> for EmptyService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<(), ()>::default());
            Ok(grpc.unary(EmptyMethod, request).await)
        })
    }
}

struct EmptyMethod;

impl UnaryService<()> for EmptyMethod {
    type Response = ();
    type Future = Ready<Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}
