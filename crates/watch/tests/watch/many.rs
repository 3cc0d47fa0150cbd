//! Ten thousand streams at once.

use std::time::Instant;

use model::DocumentPath;
use query::MissingIndex;
use watch::{ListenEvent, ListenStream, Target, TargetKind};

use crate::text;
use crate::world::World;

const STREAMS: usize = 10_000;
/// What one idle stream with one target may take; measured are 4.3 KB.
const MOST_BYTES: usize = 8 * 1024;

fn target(what: TargetKind) -> Target {
    Target { id: 2, what, resume: None, once: false, expected_count: None }
}

/// Streams that have been told everything.
fn streams(world: &World, what: impl Fn(usize) -> TargetKind) -> Vec<ListenStream> {
    let _runtime = world.runtime.enter();
    let mut streams = Vec::with_capacity(STREAMS);
    for n in 0..STREAMS {
        let mut stream = world.hubs.open(world.world.name()).unwrap();
        stream.add_target(target(what(n))).unwrap();
        while !stream.is_idle() {
            world.runtime.block_on(stream.next()).unwrap();
        }
        streams.push(stream);
    }
    streams
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn idle_streams_take_little_memory_and_a_change_finds_its_own() {
    let world = World::new(MissingIndex::Require);
    world.commit(&["c/a {n: 0}"]).unwrap();
    let before = resident_bytes();
    let query = |n| TargetKind::Query(text::query(&format!("c where n = {n}")));
    let mut streams = streams(&world, query);
    let each = resident_bytes().saturating_sub(before) / STREAMS;
    println!("{each} bytes a stream, {} of them itself", size_of::<ListenStream>());
    assert!(each < MOST_BYTES, "{each} bytes a stream");

    let shown = world.hubs.evaluated(world.world.name());
    world.commit(&["c/b {n: 77}"]).unwrap();
    world.hubs.catch_up(world.world.name());
    assert_eq!(world.hubs.evaluated(world.world.name()) - shown, 1);
    assert_eq!(streams.iter().filter(|stream| !stream.is_idle()).count(), 1);
    let event = world.runtime.block_on(streams[77].next()).unwrap();
    assert!(matches!(event, ListenEvent::Changed { .. }));
}

#[test]
fn all_who_listen_to_a_document_are_told_and_may_leave_together() {
    let world = World::new(MissingIndex::Require);
    world.commit(&["c/a {n: 0}"]).unwrap();
    let path = DocumentPath::new("c/a").unwrap();
    let mut streams = streams(&world, |_| TargetKind::Documents(vec![path.clone()]));
    world.commit(&["c/a {n: 1}"]).unwrap();
    let started = Instant::now();
    world.hubs.catch_up(world.world.name());
    println!("{STREAMS} streams had it after {:?}", started.elapsed());
    let mut shared = None;
    for stream in &mut streams {
        match world.runtime.block_on(stream.next()).unwrap() {
            ListenEvent::Changed { document, .. } => {
                let first = shared.get_or_insert_with(|| document.clone());
                assert!(std::sync::Arc::ptr_eq(first, &document), "one document for all");
            }
            other => panic!("a change was expected: {other:?}"),
        }
    }
    println!("and told it after {:?}", started.elapsed());
    drop(streams);
    let started = Instant::now();
    world.hubs.catch_up(world.world.name());
    println!("they were forgotten in {:?}", started.elapsed());
    let shown = world.hubs.evaluated(world.world.name());
    world.commit(&["c/a {n: 2}"]).unwrap();
    world.hubs.catch_up(world.world.name());
    assert_eq!(world.hubs.evaluated(world.world.name()), shown, "nobody listens");
}
