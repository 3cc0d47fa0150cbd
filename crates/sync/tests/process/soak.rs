//! Writers with wrong clocks, deletions, a server and followers that are killed: in the end every cache is what the
//! server has.
//!
//! `ROUNDS` sets how many rounds (6 without it, thousands for a soak), `SEED` which ones; with even seeds the server forgets
//! the past within a second.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::follower::{Follower, Running};
use crate::server::Server;
use crate::writer::{self, Dice};

const DEFAULT_ROUNDS: u64 = 6;
/// How wrong the clocks of the writers are, in milliseconds: right, late within the margin, late far beyond it, and
/// ahead.
const SKEWS: [i64; 4] = [0, -200, -30_000, 60_000];
/// The servers of even seeds forget the past soon.
const FORGETFUL: [&str; 2] = ["--retention", "1s"];
const LONGER_THAN_IT_KNOWS: Duration = Duration::from_millis(1_200);
/// What a writer does in a round.
const THINGS: u64 = 25;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caches_equal_the_server_whatever_was_killed() {
    let seed = number("SEED").unwrap_or(1);
    let rounds = number("ROUNDS").unwrap_or(DEFAULT_ROUNDS);
    let mut dice = Dice::new(seed);
    let forgetful = seed.is_multiple_of(2);
    println!("SEED={seed} ROUNDS={rounds} forgetful={forgetful}");
    let mut server = Server::start(if forgetful { &FORGETFUL } else { &[] });
    let quick = ["--count-every", "300ms", "--scan-every", "1s", "--scan-pace", "1000000"];
    let listen = [&quick[..], &["--jsonl", "PLACE"]].concat();
    let poll =
        [&quick[..], &["--strategy", "poll", "--interval", "30ms", "--margin", "300ms", "--some-lack-field"]]
            .concat();
    let mut followers =
        vec![Follower::new(&server, "listen.db", &listen), Follower::new(&server, "poll.db", &poll)];
    let lines = server.directory().join("changes.jsonl");
    for argument in &mut followers[0].more {
        if argument == "PLACE" {
            *argument = lines.display().to_string();
        }
    }
    for round in 0..rounds {
        one_round(&mut server, &followers, &mut dice).await;
        if forgetful && dice.roll(8) == 0 {
            // That time passes is the subject: the server forgets where the followers were.
            tokio::time::sleep(LONGER_THAN_IT_KNOWS).await;
        }
        let theirs = server.documents("events").await;
        for follower in &followers {
            follower.once();
            assert_eq!(
                follower.documents(),
                theirs,
                "round {round} of SEED={seed}: {}",
                follower.into.display()
            );
        }
        assert_eq!(folded(&lines), theirs, "round {round} of SEED={seed}: the lines of changes");
    }
}

/// Writers work; meanwhile one thing after the other is killed and started again.
async fn one_round(server: &mut Server, followers: &[Follower], dice: &mut Dice) {
    let mut running: Vec<Option<Running>> = followers.iter().map(|follower| Some(follower.start())).collect();
    let writers: Vec<_> = SKEWS
        .iter()
        .map(|skew| {
            let dice = Dice::new(dice.roll(u64::MAX));
            tokio::spawn(writer::work(server.client(), dice, skew * 1_000, THINGS))
        })
        .collect();
    for _ in 0..dice.roll(4) {
        // When a kill comes is the subject of the test, so here time passes on purpose.
        tokio::time::sleep(Duration::from_millis(dice.roll(150))).await;
        match dice.roll(4) {
            0 => server.restart(),
            which @ 1..=2 => {
                let which = which as usize - 1;
                running[which].take().expect("it runs").kill();
                running[which] = Some(followers[which].start());
            }
            _ => {
                for (running, follower) in running.iter_mut().zip(followers) {
                    running.take().expect("it runs").kill();
                    *running = Some(follower.start());
                }
            }
        }
    }
    for writer in writers {
        writer.await.expect("writers end");
    }
    for follower in running {
        follower.expect("it runs").kill();
    }
}

/// What the lines come to, for one who reads each number once. A line that a kill has torn comes again whole.
fn folded(path: &std::path::Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).expect("the lines");
    let mut found = BTreeMap::new();
    let mut read = 0;
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let number = line["number"].as_u64().expect("each line has a number");
        if number <= read {
            continue;
        }
        assert_eq!(number, read + 1, "a line is missing");
        read = number;
        let name = line["name"].as_str().expect("a name").to_owned();
        match line["type"].as_str() {
            Some("set") => {
                found.insert(name, line["updateTime"].as_str().expect("a time").to_owned());
            }
            Some("delete") => assert!(found.remove(&name).is_some(), "{name} is deleted twice"),
            other => panic!("{other:?}"),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_catch_up_by_themselves_after_a_crash_of_the_server() {
    let mut server = Server::start(&[]);
    let quick = ["--count-every", "200ms", "--scan-every", "500ms", "--scan-pace", "1000000"];
    let poll = [&quick[..], &["--strategy", "poll", "--interval", "30ms", "--margin", "300ms"]].concat();
    let followers = [Follower::new(&server, "listen.db", &quick), Follower::new(&server, "poll.db", &poll)];
    let running = followers.each_ref().map(Follower::start);
    writer::work(server.client(), Dice::new(1), 0, THINGS).await;
    server.restart();
    writer::work(server.client(), Dice::new(2), -20_000_000, THINGS).await;
    let theirs = server.documents("events").await;
    for follower in &followers {
        follower.comes_to(&theirs).await;
    }
    for running in running {
        running.stop();
    }
}
