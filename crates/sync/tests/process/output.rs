//! What comes out: changes for the next program, differences, metrics.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use sync::Time;

use crate::follower::{Follower, Totals, meddle, waiting};
use crate::server::Server;
use crate::writer::{commit, delete, set};

async fn twenty(server: &Server) {
    commit(&mut server.client(), (0..20).map(|n| set(&format!("events/{n:02}"), Time::now(), n)).collect())
        .await;
}

#[tokio::test]
async fn changes_are_lines_on_standard_output() {
    let server = Server::start(&[]);
    twenty(&server).await;
    let follower = Follower::new(&server, "cache.db", &["--jsonl", "-"]);
    let lines = |output: std::process::Output| {
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .collect::<Vec<_>>()
    };
    let first = lines(follower.run(&["--once"]));
    assert_eq!(first.len(), 20);
    assert_eq!(first[3]["name"], "events/03");
    assert_eq!(first[3]["fields"]["number"]["integerValue"], "3");
    commit(&mut server.client(), vec![delete("events/03")]).await;
    let second = lines(follower.run(&["--once"]));
    assert_eq!(second, [serde_json::json!({ "number": 21, "type": "delete", "name": "events/03" })]);
}

#[tokio::test]
async fn a_command_gets_a_batch_until_it_ends_well() {
    let server = Server::start(&[]);
    twenty(&server).await;
    let follower = Follower::new(&server, "cache.db", &[]);
    let (seen, fine) = (server.directory().join("seen"), server.directory().join("fine"));
    let command = format!("cat > {}; test -e {}", seen.display(), fine.display());
    let said = follower.fails(&["--once", "--exec", &command], 11);
    assert!(said.contains("the changes are kept for it"), "{said}");
    assert_eq!(waiting(&follower.into), 20);
    std::fs::remove_file(&seen).expect("it was run");
    std::fs::write(&fine, "").expect("written");
    assert!(follower.run(&["--once", "--exec", &command]).status.success());
    assert_eq!(std::fs::read_to_string(&seen).expect("it was run").lines().count(), 20);
    assert_eq!(waiting(&follower.into), 0);
}

#[tokio::test]
async fn differences_are_told_and_repaired() {
    let server = Server::start(&[]);
    twenty(&server).await;
    for (file, strategy) in [("listen.db", &[][..]), ("poll.db", &["--strategy", "poll"][..])] {
        let follower = Follower::new(&server, file, strategy);
        follower.once();
        assert_eq!(follower.verify(&[]).0, 0);
        let stale =
            "UPDATE documents SET update_time = '2020-01-01T00:00:00.000000Z' WHERE name = 'events/04'";
        meddle(&follower.into, stale);
        assert_eq!(follower.verify(&["--only-numbers"]).0, 0, "numbers do not tell versions");
        let more = "DELETE FROM documents WHERE name IN ('events/05', 'events/06');
            UPDATE documents SET name = 'events/foreign' WHERE name = 'events/07'";
        meddle(&follower.into, more);
        let (code, said) = follower.verify(&[]);
        assert_eq!(code, 10, "{said}");
        for line in [
            "stale events/04",
            "missing events/05",
            "missing events/06",
            "missing events/07",
            "extra events/foreign",
        ] {
            assert!(said.lines().any(|found| found == line), "{line}: {said}");
        }
        assert!(said.contains("3 missing, 1 extra, 1 stale"), "{said}");
        assert_eq!(follower.verify(&["--only-numbers"]).0, 10);
        assert_eq!(follower.verify(&["--repair"]).0, 0);
        assert_eq!(follower.documents(), server.documents("events").await);
        assert_eq!(follower.verify(&[]).0, 0);
    }
}

#[tokio::test]
async fn a_cache_is_verified_while_it_is_kept() {
    let server = Server::start(&[]);
    twenty(&server).await;
    let follower = Follower::new(&server, "cache.db", &[]);
    follower.once();
    let running = follower.start();
    let (code, said) = follower.verify(&[]);
    assert_eq!(code, 0, "{said}");
    running.stop();
}

#[tokio::test]
async fn metrics_are_served() {
    let server = Server::start(&[]);
    twenty(&server).await;
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let follower = Follower::new(&server, "cache.db", &["--metrics", &address.to_string()]);
    let running = follower.start();
    follower.comes_to(&server.documents("events").await).await;
    let get = |path: &str| {
        let mut stream = TcpStream::connect(address).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    let answer = get("/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("\nirori_sync_rows 20\n") && answer.contains("\nirori_sync_sets_total 20\n"),
        "{answer}"
    );
    assert!(get("/").starts_with("HTTP/1.1 404 "));
    running.stop();
}

#[test]
fn totals_are_read_from_the_last_line() {
    assert_eq!(Totals::last("{\"totals\":{\"rows\":1}}\n{\"totals\":{\"rows\":2}}\n").get("rows"), 2);
}
