//! The real server as a child process, on a port that it keeps over restarts.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::structured_query::CollectionSelector;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    RunQueryRequest, StructuredQuery, run_query_request,
};
use sync::Time;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::program;

pub const ROOT: &str = "projects/demo/databases/(default)/documents";

/// A running `irori serve`; killed when dropped.
pub struct Server {
    directory: TempDir,
    port: u16,
    more: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts a server with its data in a directory of its own.
    pub fn start(more: &[&str]) -> Server {
        // The port is free at this moment, and the system gives it to nobody else for a while.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let directory = tempfile::tempdir().expect("a directory");
        let more = more.iter().map(|&argument| argument.to_owned()).collect();
        let mut server = Server { directory, port, more, child: None };
        server.restart();
        server
    }

    /// Starts it again, on its data and its port.
    pub fn restart(&mut self) {
        self.kill();
        let mut child = Command::new(program::server())
            .args(["serve", "--listen", &self.host(), "--data"])
            .arg(self.directory.path().join("data"))
            .args(&self.more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server's binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let ready =
            lines.any(|line| line.is_ok_and(|line| line.starts_with("export FIRESTORE_EMULATOR_HOST=")));
        self.child = Some(child);
        assert!(ready, "the server says where it listens");
    }

    /// SIGKILL: no drain, no flush.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server is ours to kill");
            child.wait().expect("a killed child ends");
        }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub fn client(&self) -> FirestoreClient<Channel> {
        FirestoreClient::new(Endpoint::from_shared(self.url()).expect("an address").connect_lazy())
    }

    /// Names and update times of all documents of a collection.
    pub async fn documents(&self, collection: &str) -> BTreeMap<String, String> {
        let selector = CollectionSelector { collection_id: collection.to_owned(), all_descendants: true };
        let query = StructuredQuery { from: vec![selector], ..StructuredQuery::default() };
        let request = RunQueryRequest {
            parent: ROOT.to_owned(),
            query_type: Some(run_query_request::QueryType::StructuredQuery(query)),
            ..RunQueryRequest::default()
        };
        let mut answer = self.client().run_query(owner(request)).await.expect("an answer").into_inner();
        let mut found = BTreeMap::new();
        while let Some(part) = answer.message().await.expect("a part of the answer") {
            let Some(document) = part.document else { continue };
            let name = document.name.strip_prefix(ROOT).expect("a name below the root")[1..].to_owned();
            let updated = Time::from_wire(&document.update_time.expect("documents have a time"));
            found.insert(name, updated.to_string());
        }
        found
    }
}

/// As the administrator.
pub fn owner<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", "Bearer owner".parse().expect("plain text"));
    request
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
