//! Keys that are withdrawn while streams are open that were opened with them.

use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use host::Host;
use identity::Registrar;
use model::principal::Role;
use proto::firestore_client::FirestoreClient;
use proto::listen_request::TargetChange as Change;
use proto::target::{DocumentsTarget, TargetType};
use proto::{ListenRequest, ListenResponse, WriteRequest, WriteResponse};
use serde_json::Value;
use tokio_stream::StreamExt;
use tonic::{Code, Streaming};

use crate::issuer::TokenIssuer;
use crate::scene::{DATABASE, ROOT, Scene};
use crate::wires::{Channel, OK, RULES, UNKNOWN, exchanged, grpc_commit, request, rest_patch};

/// Longer than a server takes to look at the register again, and far shorter than tokens are good.
const SOON: Duration = Duration::from_secs(30);

/// Streams of one account on every wire, each of which has heard something.
struct Streams {
    listen: Streaming<ListenResponse>,
    write: Streaming<WriteResponse>,
    channel: Channel,
}

impl Streams {
    async fn open(scene: &Scene, bearer: &str) -> Self {
        let mut client = FirestoreClient::new(scene.channel().await);
        let documents = DocumentsTarget { documents: vec![format!("{ROOT}/own/alice")] };
        let target =
            proto::Target { target_type: Some(TargetType::Documents(documents)), ..Default::default() };
        let add = ListenRequest {
            database: DATABASE.to_owned(),
            target_change: Some(Change::AddTarget(target)),
            ..Default::default()
        };
        let requests = tokio_stream::iter([add]).chain(tokio_stream::pending());
        let mut listen = client.listen(request(requests, Some(bearer))).await.expect("a stream").into_inner();
        listen.message().await.expect("an answer").expect("no end");

        let first = WriteRequest { database: DATABASE.to_owned(), ..Default::default() };
        let requests = tokio_stream::iter([first]).chain(tokio_stream::pending());
        let mut write = client.write(request(requests, Some(bearer))).await.expect("a stream").into_inner();
        write.message().await.expect("an answer").expect("no end");

        let mut channel = Channel::open(scene, Some(bearer));
        assert_eq!(channel.next(scene), OK);
        Streams { listen, write, channel }
    }

    /// Waits until each of them ends, and says how.
    async fn end(mut self, scene: &Scene) {
        let ends = async {
            let listened = loop {
                match self.listen.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("it ended well"),
                    Err(status) => break status,
                }
            };
            (listened, self.write.message().await.expect_err("an end"))
        };
        let (listened, written) = tokio::time::timeout(SOON, ends).await.expect("both end soon");
        for status in [listened, written] {
            let told = (status.code(), status.message());
            assert_eq!(told, (Code::Unauthenticated, "Missing or invalid authentication."));
        }
        assert_eq!(self.channel.next(scene), UNKNOWN, "WebChannel");
    }
}

fn id(key_file: &Value) -> &str {
    key_file["private_key_id"].as_str().expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_key_of_their_account_is_withdrawn() {
    let issuer = TokenIssuer::new();
    let (revoked, rotated) = (issuer.key_file(Role::User), issuer.key_file(Role::Owner));
    let other = issuer.key_file(Role::Viewer);
    let door = issuer.door();
    let scene = Scene::behind(Some(door.clone()), gateway::Options::default()).await;
    scene.service.set_rules(service::RulesOf::Everything, Some(RULES)).expect("good rules");
    let following = tokio::spawn(async move { door.follow().await });

    let bearer = |file: &Value| format!("Bearer {}", exchanged(&scene, file));
    assert_eq!(grpc_commit(&scene, Some(&bearer(&revoked))).await, OK);
    let of_revoked = Streams::open(&scene, &bearer(&revoked)).await;
    let of_rotated = Streams::open(&scene, &bearer(&rotated)).await;
    let mut of_other = Channel::open(&scene, Some(&bearer(&other)));
    assert_eq!(of_other.next(&scene), OK);

    let registrar = Registrar::new(issuer.register(), Host::real());
    registrar.revoke(id(&revoked)).expect("revoked");
    of_revoked.end(&scene).await;
    registrar.rotate(id(&rotated), Duration::ZERO).expect("rotated");
    of_rotated.end(&scene).await;
    assert_eq!(rest_patch(&scene, Some(&issuer.bearer("alice"))), OK);
    assert_eq!(of_other.next(&scene), OK, "another account's streams go on");
    following.abort();
}
