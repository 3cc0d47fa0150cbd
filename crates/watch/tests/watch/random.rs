//! Random commits, targets, slow and returning clients: what a client makes of the messages is, at every
//! boundary, what polling answers at that time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use host::Random;
use model::Timestamp;
use query::MissingIndex;
use watch::{Resume, Target, TargetKind};

use crate::client::{Client, Known, QUERIES, STREAMS, document};
use crate::text;
use crate::world::World;

struct Run {
    world: World,
    random: Random,
    clients: HashMap<&'static str, Client>,
    next_id: i32,
    boundaries: usize,
}

impl Run {
    fn below(&self, limit: usize) -> usize {
        below(&self.random, limit)
    }

    fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn commit(&self) {
        let writes = random_writes(&self.random);
        let writes: Vec<&str> = writes.iter().map(String::as_str).collect();
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
        let mut client = self.clients.remove(name).unwrap_or_default();
        client.lose_connection();
        client.held = false;
        let mut targets = std::mem::take(&mut client.targets);
        for (id, known) in &mut targets {
            let resume = client.position.filter(|_| known.current);
            if resume.is_none() {
                known.documents.clear();
            }
            known.current = false;
            self.add(name, *id, known.query, resume);
        }
        client.targets = targets;
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
                client.compare(&view);
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

pub fn below(random: &Random, limit: usize) -> usize {
    usize::try_from(random.next() % limit as u64).unwrap()
}

/// One to four documents for one commit.
pub fn random_writes(random: &Random) -> Vec<String> {
    let below = |limit| below(random, limit);
    let mut writes = BTreeMap::new();
    for _ in 0..=below(3) {
        let path = document(below(10_000));
        let fields = match below(6) {
            0 | 1 => "-".to_owned(),
            2 | 3 => format!("{{n: {}}}", below(4)),
            4 => format!("{{n: {}, m: {}}}", below(4), below(4)),
            _ => format!("{{n: {}, m: 1, t: [{}, {}]}}", below(4), below(3), below(3)),
        };
        writes.insert(path.clone(), format!("{path} {fields}"));
    }
    writes.into_values().collect()
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
    for seed in 0..25 {
        println!("seed {seed}");
        boundaries += run(seed);
    }
    assert!(boundaries > 1_000, "{boundaries} boundaries prove little");
}
