//! Both strategies, event by event.

use std::collections::BTreeMap;
use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::Write;
use sync::Time;

use crate::follower::Follower;
use crate::server::Server;
use crate::writer::{change, commit, delete, set};

const POLL: [&str; 2] = ["--strategy", "poll"];
/// Only the margin finds anything: numbers and keys are not compared.
const MARGIN_ALONE: [&str; 10] = [
    "--strategy",
    "poll",
    "--interval",
    "20ms",
    "--margin",
    "2s",
    "--count-every",
    "1d",
    "--scan-every",
    "1d",
];

async fn write(server: &Server, writes: Vec<Write>) {
    commit(&mut server.client(), writes).await;
}

fn ago(milliseconds: i64) -> Time {
    Time(Time::now().0 - milliseconds * 1_000)
}

#[tokio::test]
async fn a_copy_then_only_what_changes() {
    let server = Server::start(&[]);
    for follower in [Follower::new(&server, "listen.db", &[]), Follower::new(&server, "poll.db", &POLL)] {
        let many = (0..1_200).map(|n| set(&format!("events/{n:04}"), ago(0), n)).collect::<Vec<_>>();
        for part in many.chunks(400) {
            write(&server, part.to_vec()).await;
        }
        let copy = follower.once();
        assert_eq!((copy.get("documents_read"), copy.get("keys_read")), (copy.get("rows"), 0));
        assert_eq!(follower.documents(), server.documents("events").await);
        assert_eq!(follower.once().get("documents_read"), 0);
        write(&server, vec![set("events/new", ago(0), 1), change("events/0007", 8), delete("events/0008")])
            .await;
        let totals = follower.once();
        assert_eq!((totals.get("set"), totals.get("deleted"), totals.get("documents_read")), (2, 1, 2));
        assert_eq!(follower.documents(), server.documents("events").await);
    }
}

#[tokio::test]
async fn an_empty_collection_is_followed_from_its_first_document() {
    let server = Server::start(&[]);
    for follower in [Follower::new(&server, "listen.db", &[]), Follower::new(&server, "poll.db", &POLL)] {
        follower.once();
        write(&server, vec![set("events/first", ago(0), 1)]).await;
        assert_eq!(follower.once().get("set"), 1);
        write(&server, vec![delete("events/first")]).await;
        assert_eq!(follower.once().get("deleted"), 1);
    }
}

#[tokio::test]
async fn the_margin_finds_late_arrivals_and_equal_timestamps_and_changes() {
    let server = Server::start(&[]);
    let follower = Follower::new(&server, "poll.db", &MARGIN_ALONE);
    let now = ago(0);
    write(&server, vec![set("events/a", now, 1), set("events/m", now, 1)]).await;
    let running = follower.start();
    follower.comes_to(&server.documents("events").await).await;
    // Of one moment: before, between and behind those that are known.
    write(&server, ["events/0", "events/b", "events/z"].map(|id| set(id, now, 2)).to_vec()).await;
    follower.comes_to(&server.documents("events").await).await;
    write(&server, vec![set("events/late", Time(now.0 - 1_500_000), 3), change("events/a", 4)]).await;
    follower.comes_to(&server.documents("events").await).await;
    running.stop();
}

#[tokio::test]
async fn what_comes_later_than_the_margin_is_found_by_numbers() {
    let server = Server::start(&[]);
    let follower = Follower::new(&server, "poll.db", &MARGIN_ALONE);
    write(&server, vec![set("events/a", ago(0), 1), set("events/b", ago(0), 1)]).await;
    let running = follower.start();
    follower.comes_to(&server.documents("events").await).await;
    let before = server.documents("events").await;
    write(&server, vec![set("events/late", ago(3_600_000), 2)]).await;
    write(&server, vec![set("events/now", ago(0), 2)]).await;
    let mut expected = server.documents("events").await;
    let late = expected.remove("events/late").expect("it was written");
    follower.comes_to(&expected).await;
    running.stop();
    assert_eq!(expected.len(), before.len() + 1);
    expected.insert("events/late".to_owned(), late);
    let by_numbers = [&POLL[..], &["--interval", "20ms", "--count-every", "50ms"]].concat();
    let running = follower.with(&by_numbers).start();
    follower.comes_to(&expected).await;
    write(&server, vec![delete("events/a")]).await;
    expected.remove("events/a");
    follower.comes_to(&expected).await;
    running.stop();
}

#[tokio::test]
async fn a_clock_that_is_ahead_hides_nobody() {
    let server = Server::start(&[]);
    let follower = Follower::new(&server, "poll.db", &MARGIN_ALONE);
    write(&server, vec![set("events/ahead", ago(-3_600_000), 1)]).await;
    let running = follower.start();
    follower.comes_to(&server.documents("events").await).await;
    write(&server, vec![set("events/now", ago(0), 1)]).await;
    follower.comes_to(&server.documents("events").await).await;
    running.stop();
}

#[tokio::test]
async fn since_leaves_out_what_is_earlier() {
    let server = Server::start(&[]);
    let old = Time::parse("2020-01-01T00:00:00Z").expect("a time");
    write(&server, vec![set("events/old", old, 1), set("events/new", ago(0), 1)]).await;
    let follower = Follower::new(&server, "poll.db", &["--strategy", "poll", "--since", "2021-01-01"]);
    follower.once();
    let kept: Vec<_> = follower.documents().into_keys().collect();
    assert_eq!(kept, ["events/new"]);
    assert_eq!(follower.once().get("documents_read"), 0);
    assert_eq!(follower.verify(&[]).0, 0);
}

#[tokio::test]
async fn groups_and_conditions_are_followed() {
    let server = Server::start(&[]);
    let ids =
        ["orders/top", "users/a/orders/1", "users/b/orders/2", "users/__id5__/orders/3", "users/a/other/4"];
    write(&server, ids.iter().zip(0..).map(|(id, number)| set(id, ago(0), number)).collect()).await;
    let followed = |file: &str, source: &[&str]| {
        let followers = [
            Follower::of(&server, file, source, &[]),
            Follower::of(&server, &format!("{file}.poll"), source, &POLL),
        ];
        let mut kept = None;
        for follower in followers {
            follower.once();
            assert_eq!(follower.verify(&[]).0, 0);
            let names: Vec<_> = follower.documents().into_keys().collect();
            assert_eq!(kept.get_or_insert(names.clone()), &names);
        }
        kept.expect("two were run")
    };
    let group = ["--collection-group", "orders"];
    assert_eq!(
        followed("group.db", &group),
        ["orders/top", "users/__id5__/orders/3", "users/a/orders/1", "users/b/orders/2"]
    );
    assert_eq!(followed("one.db", &["--collection", "users/a/orders"]), ["users/a/orders/1"]);
    let where_one = [&group[..], &["--where", "number == 1"]].concat();
    assert_eq!(followed("where.db", &where_one), ["users/a/orders/1"]);
    // A document comes to meet the condition, another ceases to.
    write(&server, vec![change("users/a/orders/1", 7), change("users/b/orders/2", 1)]).await;
    assert_eq!(followed("where.db", &where_one), ["users/b/orders/2"]);
    write(&server, vec![delete("users/__id5__/orders/3")]).await;
    assert_eq!(followed("group.db", &group), ["orders/top", "users/a/orders/1", "users/b/orders/2"]);
}

#[tokio::test]
async fn a_cache_changes_its_strategy() {
    let server = Server::start(&[]);
    write(&server, (0..10).map(|n| set(&format!("events/{n}"), ago(0), n)).collect()).await;
    let listen = Follower::new(&server, "cache.db", &[]);
    let poll = listen.with(&POLL);
    for (number, follower) in [&listen, &poll, &listen, &poll].into_iter().enumerate() {
        let id = format!("events/{number}");
        write(&server, vec![delete(&id), set(&format!("events/new-{number}"), ago(0), 1)]).await;
        follower.once();
        assert_eq!(follower.documents(), server.documents("events").await, "turn {number}");
    }
}

#[tokio::test]
async fn a_bounded_cache_holds_the_newest_and_asks_for_nothing_again() {
    let server = Server::start(&[]);
    for number in 0..30 {
        write(&server, vec![set(&format!("events/{number:02}"), ago(0), number)]).await;
    }
    for (file, strategy) in [("listen.db", &[][..]), ("poll.db", &POLL[..])] {
        let follower = Follower::new(&server, file, &[strategy, &["--max-rows", "10"]].concat());
        follower.once();
        let newest = |all: BTreeMap<String, String>| {
            let mut all: Vec<_> = all.into_iter().map(|(name, time)| (time, name)).collect();
            all.sort();
            all.split_off(all.len() - 10)
                .into_iter()
                .map(|(time, name)| (name, time))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(follower.documents(), newest(server.documents("events").await));
        assert_eq!(follower.once().get("documents_read"), 0);
        assert_eq!(follower.verify(&[]).0, 0);
        write(&server, vec![change("events/00", 7)]).await;
        follower.once();
        assert_eq!(follower.documents(), newest(server.documents("events").await));
    }
}

#[tokio::test]
async fn a_server_that_has_forgotten_is_compared_with() {
    let server = Server::start(&["--retention", "1s"]);
    for (file, strategy) in [("listen.db", &[][..]), ("poll.db", &POLL[..])] {
        write(&server, (0..30).map(|n| set(&format!("events/{n}"), ago(0), n)).collect()).await;
        let follower = Follower::new(&server, file, strategy);
        follower.once();
        write(&server, vec![delete("events/1"), change("events/2", 9), set("events/new", ago(0), 1)]).await;
        // That time passes is the subject: the past must leave the server's memory.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(follower.verify(&[]).0, 10);
        follower.once();
        assert_eq!(follower.documents(), server.documents("events").await);
        assert_eq!(follower.verify(&[]).0, 0);
    }
}
