//! What travels: changes, and not the collection.

use sync::Time;

use crate::follower::Follower;
use crate::server::Server;
use crate::writer::{change, commit, set};

/// Calls, headers, pings and boundaries of one run.
const AROUND: u64 = 4_096;
/// A document of these tests on the wire, generously.
const DOCUMENT: u64 = 300;

#[tokio::test]
async fn a_listener_receives_bytes_for_changes_only() {
    let server = Server::start(&[]);
    for part in 0..10 {
        let writes = (0..300).map(|n| set(&format!("events/{part}-{n:03}"), Time::now(), n)).collect();
        commit(&mut server.client(), writes).await;
    }
    let follower = Follower::new(&server, "listen.db", &[]);
    let copy = follower.once().get("bytes_received");
    assert!(copy > 3_000 * DOCUMENT / 4, "{copy} bytes for a copy");
    let nothing = follower.once().get("bytes_received");
    assert!(nothing < AROUND, "{nothing} bytes for nothing");
    commit(&mut server.client(), (0..10).map(|n| change(&format!("events/3-{n:03}"), 999)).collect()).await;
    let ten = follower.once().get("bytes_received");
    assert!(ten < AROUND + 10 * DOCUMENT, "{ten} bytes for ten changes");
}
