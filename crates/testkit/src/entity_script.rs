//! Golden scripts over a database of entities, as [`crate::script`] is over one of documents.
//!
//! ```text
//! ada: begin
//! ada: get Email/x
//! ada: insert Email/x owner=ada
//! ada: commit
//! ```
//! A key is `Kind/name` or `Kind/7/Child/_`, numbers being ids and `_` an id to be allocated; `tenant:Kind/name` is
//! in a namespace. Values are those of [`crate::notation`]; `hide=a` excludes the property `a` from indexes.
//!
//! | commands | |
//! |---|---|
//! | `put K a=1…`, `insert`, `update`, `delete` | `base=5`, `at-time=5`, `fail`, `mask=a,b.c`, `hide=a` |
//! | `transform K increment a 1…` | an upsert of nothing but transforms |
//! | `begin [ro] [optimistic] [retry=t1]`, `buffer`, `commit [chain]`, `rollback` | `chain`: not transactional |
//! | `get K…`, `scan KIND`, `index KIND PROPERTY`, `composite KIND ID`, `kinds`, `namespaces`, `properties KIND` | read; `ns=`, `at=5`, `order=desc`, `ancestor=K`, `equal=` |
//! | `allocate K…`, `range N`, `reserve K…` | ids |
//! | `declare "K(a, b desc)" "ancestors K(a)"`, `indexes`, `check`, `rows`, `clear`, `native`, `reopen`, `advance S` | the world |

mod mutations;
mod reads;
mod words;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use database::{
    CommitMode, Concurrency, Database, IdPolicy, IndexDefinition, IndexFile, Options, ReadAt,
    TransactionMode, View,
};
use goldenscript::{ArgumentConsumer, Block, Command, Context, Runner};
use model::Status;
use model::entity::write::Mutation;
use model::query::Direction;

use crate::indexes_equal_scan;
use crate::notation::{lines, show_time, time};
use crate::poll::Started;
use crate::world::{EngineKind, World};

type Output = Result<String, Box<dyn Error>>;

/// Runs a script in a world of its own.
pub struct EntityScript {
    world: World,
    clients: BTreeMap<String, Client>,
}

#[derive(Default)]
struct Client {
    token: Option<Bytes>,
    /// Mutations for the next commit; None when each is committed at once.
    buffer: Option<Vec<Mutation>>,
    waiting: Vec<(String, Started<String>)>,
}

impl EntityScript {
    /// A script that begins in an empty world.
    pub fn new(kind: EngineKind, options: Options) -> Self {
        EntityScript { world: World::new(kind, 1, options), clients: BTreeMap::new() }
    }

    fn database(&self) -> Arc<Database> {
        self.world.datastore()
    }

    fn client(&mut self, name: &str) -> &mut Client {
        self.clients.entry(name.to_owned()).or_default()
    }

    fn token(&self, client: &str) -> Option<Bytes> {
        self.clients.get(client).and_then(|client| client.token.clone())
    }

    /// Starts a request; if its answer has to be waited for, it is told when it comes.
    fn start(&mut self, client: &str, what: &str, request: impl Future<Output = String> + 'static) -> String {
        let mut started = Started::new(request);
        if let Some(answer) = started.look() {
            return answer;
        }
        self.client(client).waiting.push((what.to_owned(), started));
        "waiting".to_owned()
    }

    fn begin(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let retry =
            args.take_key("retry").map(|of| self.token(of).ok_or("no such transaction")).transpose()?;
        let mode = match args.next_pos() {
            Some("ro") => TransactionMode::ReadOnly { read_time: None },
            Some("optimistic") => TransactionMode::ReadWrite { retry, concurrency: Concurrency::Optimistic },
            Some(other) => return Err(format!("unknown mode {other}").into()),
            None => TransactionMode::ReadWrite { retry, concurrency: Concurrency::Default },
        };
        match self.database().begin(&mode) {
            Ok(token) => {
                let client = self.client(client);
                client.token = Some(token);
                client.buffer = Some(Vec::new());
                Ok(String::new())
            }
            Err(status) => Ok(status.to_string()),
        }
    }

    fn commit(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let token = self.token(client);
        let mutations = self.client(client).buffer.take().unwrap_or_default();
        let mode = match args.next_pos() {
            Some("chain") => CommitMode::NonTransactional,
            _ => CommitMode::Transactional,
        };
        Ok(self.submit(client, "commit", mutations, token, mode))
    }

    fn submit(
        &mut self,
        client: &str,
        what: &str,
        mutations: Vec<Mutation>,
        token: Option<Bytes>,
        mode: CommitMode,
    ) -> String {
        let database = self.database();
        self.start(client, what, async move {
            match database.commit_entities(mutations, token.as_deref(), mode).await {
                Ok(result) => words::show_result(&result),
                Err(status) => status.to_string(),
            }
        })
    }

    fn read(
        &mut self,
        client: &str,
        what: &str,
        at: Option<&str>,
        read: impl Fn(&View) -> Result<String, Status> + 'static,
    ) -> Output {
        let at = match (at, self.token(client)) {
            (Some(at), _) => ReadAt::Time(time(at.parse()?)),
            (None, Some(token)) => ReadAt::Transaction(token),
            (None, None) => ReadAt::Now,
        };
        let database = self.database();
        Ok(self.start(client, what, async move {
            database.read(&at, read).await.map_or_else(|status| status.to_string(), |(output, _)| output)
        }))
    }

    fn ids(&mut self, client: &str, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let database = self.database();
        if name == "range" {
            let count = args.next_pos().ok_or("how many")?.parse()?;
            return Ok(self.start(client, name, async move {
                database
                    .allocate_id_range(count)
                    .await
                    .map_or_else(|s| s.to_string(), |ids| format!("{ids:?}"))
            }));
        }
        let mut keys = Vec::new();
        while let Some(text) = args.next_pos() {
            keys.push(words::key(text, self.world.name())?);
        }
        if name == "reserve" {
            return Ok(self.start(client, name, async move {
                database.reserve_ids(&keys).await.map_or_else(|s| s.to_string(), |()| "ok".to_owned())
            }));
        }
        Ok(self.start(client, name, async move {
            match database.allocate_ids(keys, IdPolicy::Scattered).await {
                Ok(keys) => lines(keys.iter().map(words::show_key)),
                Err(status) => status.to_string(),
            }
        }))
    }

    fn declare(&mut self, mut args: ArgumentConsumer<'_>) -> Output {
        let mut file = IndexFile::default();
        while let Some(text) = args.next_pos() {
            let (ancestor, text) = match text.strip_prefix("ancestors ") {
                Some(text) => (true, text),
                None => (false, text),
            };
            let (kind, columns) = text.split_once('(').ok_or("a definition is `K(a, b desc)`")?;
            let columns = columns.trim_end_matches(')').split(',').map(|column| {
                match column.trim().strip_suffix(" desc") {
                    Some(name) => (name.to_owned(), Direction::Descending),
                    None => (column.trim().to_owned(), Direction::Ascending),
                }
            });
            file.indexes.push(IndexDefinition::of_kind(kind, ancestor, columns));
        }
        let declared = self.world.store().declare_indexes(self.world.name(), &file);
        Ok(declared.map_or_else(|status| status.to_string(), |()| self.show_indexes()))
    }

    fn show_indexes(&self) -> String {
        let indexes = self.database().indexes();
        lines(indexes.declared().iter().map(|index| {
            let state = match index.state {
                database::IndexState::Building => "building".to_owned(),
                database::IndexState::Ready { since } if since.micros() == 0 => "ready since ever".to_owned(),
                database::IndexState::Ready { since } => format!("ready since {}", show_time(since)),
            };
            format!("{} {:?} {} {state}", index.id, index.definition.scope, index.definition.collection_id)
        }))
    }

    fn world_command(&mut self, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        match name {
            "declare" => self.declare(args),
            "indexes" => Ok(self.show_indexes()),
            "check" => {
                let report = indexes_equal_scan::check(self.world.engine(), &self.database());
                Ok(report
                    .map_or_else(|wrong| format!("WRONG: {wrong}"), |()| "indexes equal entities".into()))
            }
            "clear" => Ok(self.world.store().clear(self.world.name()).map(|()| String::new())?),
            // The other API comes.
            "native" => {
                Ok(self.world.try_database().map_or_else(|s| s.to_string(), |_| "a native one".into()))
            }
            "mode" => Ok(format!("{:?}", self.world.store().mode(self.world.name())?)),
            "reopen" => {
                self.clients.values_mut().for_each(|client| client.waiting.clear());
                self.world.reopen();
                Ok(String::new())
            }
            "advance" => {
                self.world.advance(Duration::from_secs_f64(args.next_pos().ok_or("seconds")?.parse()?));
                self.world.store().tick();
                Ok(String::new())
            }
            _ => Err(format!("unknown command {name}").into()),
        }
    }
}

impl Runner for EntityScript {
    type Command = Command;

    fn run(&mut self, command: &Command, context: &Context) -> Output {
        let name = command.name.as_str();
        let client = context.prefix.as_deref().unwrap_or("");
        let args = command.consume_args();
        match name {
            "put" | "insert" | "update" | "delete" | "transform" => self.mutate(client, name, args),
            "get" | "scan" | "index" | "composite" | "kinds" | "namespaces" | "properties" => {
                self.read_command(client, name, args)
            }
            "allocate" | "range" | "reserve" => self.ids(client, name, args),
            "begin" => self.begin(client, args),
            "buffer" => {
                let client = self.client(client);
                (client.buffer, client.token) = (Some(Vec::new()), None);
                Ok(String::new())
            }
            "commit" => self.commit(client, args),
            "rollback" => {
                let token = self.token(client).ok_or("no transaction")?;
                let rolled_back = self.database().rollback(&token);
                Ok(rolled_back.map_or_else(|status| status.to_string(), |()| "ok".to_owned()))
            }
            _ => self.world_command(name, args),
        }
    }

    /// Tells the answers that have come.
    fn end_block(&mut self, _: &Block) -> Output {
        let mut told = Vec::new();
        for (name, client) in &mut self.clients {
            client.waiting.retain_mut(|(what, request)| match request.look() {
                Some(answer) => {
                    let answer = answer.trim_end().replace('\n', "; ");
                    told.push(format!("{name}{}{what} → {answer}", if name.is_empty() { "" } else { ": " }));
                    false
                }
                None => true,
            });
        }
        Ok(lines(told))
    }
}
