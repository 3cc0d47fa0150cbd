//! Random commits, targets, slow and returning clients: what a client makes of the messages is, at every boundary, what
//! polling answers at that time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use host::Random;
use model::{DocumentPath, Timestamp};
use query::MissingIndex;
use testkit::notation::show_time;
use watch::{ListenEvent, Resume, Target, TargetChange, TargetKind};

use crate::text;
use crate::world::World;

const QUERIES: &[&str] = &[
    "c",
    "c where n = 1",
    "c where n = 2",
    "c where n in [1, 3]",
    "c where n > 1",
    "c where n != 2",
    "c where n >= 1 and m < 3",
    "c where n = 1 or m = 2",
    "c where t contains 1",
    "c where t contains any [1, 2] and n = 1",
    "c order by n limit 2",
    "c order by n desc limit 1",
    "c order by m desc, n limit 3",
    "c where n > 0 order by n offset 1 limit 2",
    "c where n = 1 or n = 2 limit 2",
    "c order by n from (1) before (3)",
    "c order by n after (1) limit 2",
    "c where __name__ >= /c/b limit 2",
    "c where __name__ = /c/b",
    "c select (m)",
    "c limit 1",
    "group c",
    "group c where n = 1",
    "group c order by n limit 3",
    "everything below c/a",
    "c/a/c where n = 1",
];
const DOCUMENTS: &[&str] = &["c/a", "c/b", "c/d", "c/e", "c/f", "c/a/c/x", "c/a/c/y", "d/a"];
const STREAMS: &[&str] = &["one", "two", "three"];

/// What a client knows of a target.
#[derive(Clone, Default)]
struct Known {
    query: usize,
    documents: BTreeMap<DocumentPath, Timestamp>,
    current: bool,
}

#[derive(Default)]
struct Client {
    targets: BTreeMap<i32, Known>,
    position: Option<Timestamp>,
    held: bool,
}

struct Run {
    world: World,
    random: Random,
    clients: HashMap<&'static str, Client>,
    next_id: i32,
    boundaries: usize,
}

impl Run {
    fn below(&self, limit: usize) -> usize {
        usize::try_from(self.random.next() % limit as u64).unwrap()
    }

    fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn commit(&self) {
        let mut writes = BTreeMap::new();
        for _ in 0..=self.below(3) {
            let path = self.pick(DOCUMENTS);
            let fields = match self.below(4) {
                0 => "-".to_owned(),
                1 => format!("{{n: {}}}", self.below(4)),
                2 => format!("{{n: {}, m: {}}}", self.below(4), self.below(4)),
                _ => format!("{{n: {}, m: 1, t: [{}, {}]}}", self.below(4), self.below(3), self.below(3)),
            };
            writes.insert(path, format!("{path} {fields}"));
        }
        let writes: Vec<&str> = writes.values().map(String::as_str).collect();
        self.world.commit(&writes).unwrap();
    }

    fn listen(&mut self, name: &'static str) {
        let query = self.below(QUERIES.len());
        self.next_id += 1;
        self.add(name, self.next_id, query, None);
        let known = Known { query, ..Known::default() };
        self.clients.entry(name).or_default().targets.insert(self.next_id, known);
    }

    fn add(&mut self, name: &str, id: i32, query: usize, resume: Option<Timestamp>) {
        let what = TargetKind::Query(text::query(QUERIES[query]));
        let resume = resume.map(Resume::ReadTime);
        self.world.add(name, Target { id, what, resume, once: false, expected_count: None }).unwrap();
    }

    /// The client loses its connection and comes back with what it has.
    fn reconnect(&mut self, name: &'static str) {
        self.world.streams.remove(name);
        let client = self.clients.remove(name).unwrap_or_default();
        let mut targets = client.targets;
        for (id, known) in &mut targets {
            let resume = client.position.filter(|_| known.current);
            if resume.is_none() {
                known.documents.clear();
            }
            known.current = false;
            self.add(name, *id, known.query, resume);
        }
        let client = Client { targets, position: client.position, held: false };
        self.clients.insert(name, client);
    }

    fn unlisten(&mut self, name: &'static str) {
        let Some(client) = self.clients.get_mut(name) else { return };
        let Some((id, _)) = client.targets.pop_first() else { return };
        self.world.open(name).stream.remove_target(id).unwrap();
    }

    fn read(&mut self, name: &'static str) {
        let Some(client) = self.clients.get_mut(name) else { return };
        let Some(stream) = self.world.streams.get_mut(name) else { return };
        if client.held {
            return;
        }
        self.world.hubs.catch_up(self.world.world.name());
        while !stream.stream.is_idle() {
            let next = async { tokio::time::timeout(Duration::from_millis(1), stream.stream.next()).await };
            let event = self.world.runtime.block_on(next);
            let Ok(event) = event else { break };
            let event = event.unwrap();
            if let Some(time) = client.fold(event) {
                self.boundaries += 1;
                let view = self.world.world.database().view_at(time).unwrap();
                for known in client.targets.values().filter(|known| known.current) {
                    known.compare(&view);
                }
            }
        }
    }

    fn step(&mut self) {
        let name = self.pick(STREAMS);
        match self.below(20) {
            0..=9 => self.commit(),
            10 | 11 => self.listen(name),
            12 => self.unlisten(name),
            13 => self.reconnect(name),
            14 => self.clients.entry(name).or_default().held = true,
            15 | 16 => self.clients.entry(name).or_default().held = false,
            17 => {
                if let Some(stream) = self.world.streams.get(name) {
                    stream.stream.pretend_to_lag();
                }
            }
            18 if self.below(10) == 0 => {
                let world = &self.world.world;
                world.store().clear(world.name()).unwrap();
            }
            _ => self.world.world.advance(Duration::from_millis(1)),
        }
        for name in STREAMS {
            self.read(name);
        }
    }
}

impl Client {
    /// Takes a message as the clients' libraries do; answers the time of a boundary.
    fn fold(&mut self, event: ListenEvent) -> Option<Timestamp> {
        match event {
            ListenEvent::Targets { change, ids, cause, read_time, .. } => {
                assert_eq!(cause, None);
                for id in &ids {
                    let Some(known) = self.targets.get_mut(id) else { continue };
                    match change {
                        TargetChange::Current => known.current = true,
                        TargetChange::Reset => {
                            known.documents.clear();
                            known.current = false;
                        }
                        TargetChange::Add | TargetChange::NoChange => {}
                        TargetChange::Remove => panic!("nobody removed {id}"),
                    }
                }
                if change == TargetChange::NoChange && ids.is_empty() {
                    assert!(read_time >= self.position, "time never goes back");
                    self.position = read_time;
                    return read_time;
                }
            }
            ListenEvent::Changed { document, targets, removed } => {
                let document = document.document();
                for id in targets {
                    if let Some(known) = self.targets.get_mut(&id) {
                        known.documents.insert(document.path.clone(), document.update_time);
                    }
                }
                self.forget(&document.path, &removed);
            }
            ListenEvent::Removed { path, targets, .. } | ListenEvent::Deleted { path, targets, .. } => {
                self.forget(&path, &targets);
            }
            ListenEvent::Filter { .. } => {}
        }
        None
    }

    fn forget(&mut self, path: &DocumentPath, ids: &[i32]) {
        for id in ids {
            if let Some(known) = self.targets.get_mut(id) {
                known.documents.remove(path);
            }
        }
    }
}

impl Known {
    fn compare(&self, view: &database::View) {
        let text = QUERIES[self.query];
        let mut rows = query::run_query(view, &text::query(text), MissingIndex::Suggest).unwrap().documents;
        let mut polled = BTreeMap::new();
        while let Some(document) = rows.next().unwrap() {
            polled.insert(document.path, document.update_time);
        }
        assert_eq!(self.documents, polled, "{text} at {}", show_time(view.read_time()));
    }
}

fn run(seed: u64) -> usize {
    let mut run = Run {
        world: World::new(MissingIndex::Suggest),
        random: Random::from_seed(seed),
        clients: HashMap::new(),
        next_id: 0,
        boundaries: 0,
    };
    for _ in 0..200 {
        run.step();
    }
    run.boundaries
}

#[test]
fn listening_equals_polling() {
    let mut boundaries = 0;
    for seed in 0..40 {
        println!("seed {seed}");
        boundaries += run(seed);
    }
    assert!(boundaries > 1_000, "{boundaries} boundaries prove little");
}
