//! A database over the memory engine, and streams whose messages are collected as text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use database::Options;
use model::write::{Operation, Precondition, Write};
use model::{DocumentPath, Status};
use query::MissingIndex;
use testkit::notation::{show_fields, show_time};
use testkit::world::EngineKind;
use tokio::runtime::Runtime;
use watch::{Hubs, ListenEvent, ListenStream, Target, TargetChange};

use crate::text;

pub struct World {
    pub runtime: Runtime,
    pub world: testkit::world::World,
    pub hubs: Arc<Hubs>,
    pub streams: BTreeMap<String, Stream>,
}

pub struct Stream {
    pub stream: ListenStream,
    /// Its client does not read.
    pub held: bool,
    /// Of the last boundary.
    pub token: Option<Bytes>,
}

impl World {
    pub fn new(missing_index: MissingIndex) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let world = testkit::world::World::new(EngineKind::Memory, 1, Options::default());
        let hubs = hubs(&world, missing_index);
        World { runtime, world, hubs, streams: BTreeMap::new() }
    }

    /// Commits documents, all at once: `c/a {n: 1}` sets one, `c/a -` deletes it.
    pub fn commit(&self, documents: &[&str]) -> Result<(), Status> {
        let writes = documents.iter().map(|text| write(text)).collect();
        self.runtime.block_on(self.world.database().commit(writes, None)).map(drop)
    }

    pub fn open(&mut self, name: &str) -> &mut Stream {
        if !self.streams.contains_key(name) {
            let _runtime = self.runtime.enter();
            let stream = self.hubs.open(self.world.name()).expect("the database exists");
            self.streams.insert(name.to_owned(), Stream { stream, held: false, token: None });
        }
        self.streams.get_mut(name).expect("just opened")
    }

    pub fn add(&mut self, name: &str, target: Target) -> Result<(), Status> {
        let name = name.to_owned();
        self.open(&name);
        self.streams.get_mut(&name).expect("just opened").stream.add_target(target)
    }

    /// All that the streams have to tell now, except those whose clients do not read.
    pub fn told(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        self.hubs.catch_up(self.world.name());
        for (name, stream) in self.streams.iter_mut().filter(|(_, stream)| !stream.held) {
            let messages = self.runtime.block_on(stream.drain());
            lines.extend(messages.iter().map(|message| format!("{name} {message}")));
        }
        lines
    }

    /// The streams wait for so long; what they tell then.
    pub fn wait(&mut self, time: Duration) -> Vec<String> {
        self.world.advance(time);
        let mut lines = Vec::new();
        for (name, stream) in self.streams.iter_mut().filter(|(_, stream)| !stream.held) {
            let waited =
                self.runtime.block_on(async { tokio::time::timeout(time, stream.stream.next()).await });
            if let Ok(event) = waited {
                lines.push(format!("{name} {}", stream.show(event.expect("the stream goes on"))));
            }
        }
        lines.extend(self.told());
        lines
    }
}

impl Stream {
    async fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.stream.is_idle() {
            // The runtime's clock moves only when nothing else can happen.
            let next = tokio::time::timeout(Duration::from_millis(1), self.stream.next());
            let Ok(next) = next.await else { break };
            match next {
                Ok(event) => lines.push(self.show(event)),
                Err(status) => {
                    lines.push(format!("ended: {status}"));
                    break;
                }
            }
        }
        lines
    }

    fn show(&mut self, event: ListenEvent) -> String {
        if let ListenEvent::Targets { change: TargetChange::NoChange, token, .. } = &event {
            self.token.clone_from(token);
        }
        show(&event)
    }
}

pub fn hubs(world: &testkit::world::World, missing_index: MissingIndex) -> Arc<Hubs> {
    Hubs::new(world.store().clone(), watch::Options { missing_index, suggest: Arc::new(|_, _| {}) })
}

pub fn write(text: &str) -> Write {
    let (path, fields) = text.split_once(' ').expect("a path and fields");
    let operation = match fields {
        "-" => Operation::Delete,
        fields => Operation::Set { fields: text::fields(fields), mask: None, transforms: Vec::new() },
    };
    Write { path: DocumentPath::new(path).expect(path), operation, precondition: Precondition::None }
}

fn show(event: &ListenEvent) -> String {
    let ids = |ids: &[i32]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match event {
        ListenEvent::Targets { change, ids: of, cause, token, read_time } => {
            assert_eq!(token.is_some(), read_time.is_some(), "a token has its time");
            let time = read_time.map(show_time);
            let mut text = match (change, of.is_empty()) {
                (TargetChange::NoChange, true) => "——".to_owned(),
                (change, true) => format!("{change:?}"),
                (change, false) => format!("{change:?} {}", ids(of)),
            };
            text += &time.map_or_else(String::new, |time| format!(" {time}"));
            text += &cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
            text
        }
        ListenEvent::Changed { document, targets, removed } => {
            let document = document.document();
            let fields = show_fields(&document.fields().expect("readable"));
            let out = if removed.is_empty() { String::new() } else { format!(" not in {}", ids(removed)) };
            let within = if targets.is_empty() { String::new() } else { format!(" in {}", ids(targets)) };
            format!("{} {fields}{within}{out}", document.path)
        }
        ListenEvent::Removed { path, targets, .. } => format!("{path} removed from {}", ids(targets)),
        ListenEvent::Deleted { path, targets, .. } => format!("{path} deleted from {}", ids(targets)),
        ListenEvent::Filter { target, count, names } => {
            let names = names.as_ref().map_or("no names".to_owned(), |names| {
                format!(
                    "{} bytes, padding {}, {} hashes",
                    names.bitmap.len(),
                    names.padding,
                    names.hash_count
                )
            });
            format!("filter {target}: {count} documents, {names}")
        }
    }
}
