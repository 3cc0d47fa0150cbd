//! Golden scripts over `database`: what clients do, and what they are answered.
//!
//! Each line is one client's request; a prefix names the client. A client that has begun a transaction (or said
//! `buffer`) collects its writes until it commits, and reads inside its transaction. What cannot be answered yet
//! prints `waiting`; the answer is printed at the end of the block in which it comes.
//!
//! ```text
//! t1: begin
//! t1: get accounts/a
//! set accounts/a n=1
//! ---
//! t1: accounts/a none
//! set: waiting
//! ```
//!
//! | commands | |
//! |---|---|
//! | `set P f=v…`, `update P f.g=v… remove=f`, `transform P increment f v…`, `delete P`, `verify P` | write; `if=exists`, `if=missing`, `if=5` |
//! | `begin [ro [at=5]] [optimistic] [retry=t1]`, `buffer`, `commit`, `rollback`, `forget`, `steal t1` | transactions |
//! | `get P…`, `scan …`, `index …`, `ids [P]`, `names C`, `time` | read; `at=5`, `view=v` |
//! | `view V [at=5]`, `changes [after=5]`, `indexes`, `rows`, `check` | look |
//! | `declare …`, `clear`, `reopen`, `compact`, `advance SECONDS` | change the world |

mod indexes;
mod reads;
mod writes;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use database::{Concurrency, Database, Options, ReadAt, TransactionMode, View};
use goldenscript::{ArgumentConsumer, Block, Command, Context, Runner};
use model::write::{CommitResult, Write};
use model::{Status, Timestamp};
use storage::{Direction, KeyRange, Space};

use crate::indexes_equal_scan;
use crate::notation::{lines, show_time, time};
use crate::poll::Started;
use crate::world::{EngineKind, World};

type Output = Result<String, Box<dyn Error>>;

/// Runs a script in a world of its own.
pub struct Script {
    world: World,
    clients: BTreeMap<String, Client>,
    views: BTreeMap<String, View>,
}

/// One client: it has at most one transaction, and any number of unanswered requests.
#[derive(Default)]
struct Client {
    token: Option<Bytes>,
    /// Writes for the next commit; None when each is committed at once.
    buffer: Option<Vec<Write>>,
    waiting: Vec<(String, Started<String>)>,
}

impl Script {
    /// A script that begins in an empty world.
    pub fn new(kind: EngineKind, options: Options) -> Self {
        Script { world: World::new(kind, 1, options), clients: BTreeMap::new(), views: BTreeMap::new() }
    }

    fn database(&self) -> Arc<Database> {
        self.world.database()
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
        let read_time = args.take_key("at").map(parse_time).transpose()?;
        let retry = match args.take_key("retry") {
            Some("nobody") => Some(Bytes::from_static(b"a token that nobody gave")),
            Some(of) => Some(self.token(of).ok_or("no such transaction")?),
            None => None,
        };
        let concurrency = match args.next_pos() {
            Some("ro") => return self.begin_as(client, &TransactionMode::ReadOnly { read_time }),
            Some("optimistic") => Concurrency::Optimistic,
            Some("pessimistic") => Concurrency::Pessimistic,
            None => Concurrency::Default,
            Some(other) => return Err(format!("unknown mode {other}").into()),
        };
        args.reject_next()?;
        self.begin_as(client, &TransactionMode::ReadWrite { retry, concurrency })
    }

    fn begin_as(&mut self, client: &str, mode: &TransactionMode) -> Output {
        match self.database().begin(mode) {
            Ok(token) => {
                let client = self.client(client);
                client.token = Some(token);
                client.buffer = Some(Vec::new());
                Ok(String::new())
            }
            Err(status) => Ok(status.to_string()),
        }
    }

    fn commit(&mut self, client: &str) -> String {
        let token = self.token(client);
        let writes = self.client(client).buffer.take().unwrap_or_default();
        self.submit(client, "commit", writes, token)
    }

    fn submit(&mut self, client: &str, what: &str, writes: Vec<Write>, token: Option<Bytes>) -> String {
        let database = self.database();
        self.start(client, what, async move { show_commit(&database.commit(writes, token.as_deref()).await) })
    }

    fn rollback(&mut self, client: &str) -> Output {
        let token = self.token(client).ok_or("no transaction")?;
        self.client(client).buffer = None;
        Ok(self.database().rollback(&token).map_or_else(|status| status.to_string(), |()| "ok".to_owned()))
    }

    /// Where a read takes place: at a time, in the client's transaction, or now.
    fn read_at(&self, client: &str, args: &mut ArgumentConsumer<'_>) -> Result<ReadAt, Box<dyn Error>> {
        match (args.take_key("at"), self.token(client)) {
            (Some(at), _) => Ok(ReadAt::Time(parse_time(at)?)),
            (None, Some(token)) => Ok(ReadAt::Transaction(token)),
            (None, None) => Ok(ReadAt::Now),
        }
    }

    fn read(
        &mut self,
        client: &str,
        what: &str,
        mut args: ArgumentConsumer<'_>,
        read: impl Fn(&View) -> Result<String, Status> + 'static,
    ) -> Output {
        if let Some(name) = args.take_key("view") {
            let view = self.views.get(name).ok_or("no such view")?;
            return Ok(read(view).unwrap_or_else(|status| status.to_string()));
        }
        let at = self.read_at(client, &mut args)?;
        args.reject_next()?;
        let database = self.database();
        Ok(self.start(client, what, async move {
            match database.read(&at, read).await {
                Ok((output, _)) => output,
                Err(status) => status.to_string(),
            }
        }))
    }

    fn keep_view(&mut self, mut args: ArgumentConsumer<'_>) -> Output {
        let name = args.next_pos().ok_or("a name")?;
        let view = match args.take_key("at") {
            None => self.database().view(),
            Some(at) => match self.database().view_at(parse_time(at)?) {
                Ok(view) => view,
                Err(status) => return Ok(status.to_string()),
            },
        };
        let text = format!("read time {}", show_time(view.read_time()));
        self.views.insert(name.to_owned(), view);
        Ok(text)
    }

    fn changes(&self, mut args: ArgumentConsumer<'_>) -> Output {
        let after = args.take_key("after").map_or(Ok(Timestamp::ZERO), parse_time)?;
        let mut scan = self.database().changes_after(after);
        let mut records = Vec::new();
        while let Some(record) = scan.next()? {
            let change = |change: &database::Change| {
                format!(" {}{}", if change.exists { "" } else { "-" }, change.path)
            };
            let changes: String = record.changes.iter().map(change).collect();
            records.push(format!("{}{changes}", show_time(record.time)));
        }
        Ok(if records.is_empty() { "none".to_owned() } else { lines(records) })
    }

    /// Rows of each space, the catalog's excluded.
    fn rows(&self) -> String {
        let snapshot = self.world.engine().snapshot();
        let spaces = [Space::Documents, Space::Indexes, Space::History, Space::Changes];
        let count = |space| snapshot.scan(space, KeyRange::all(), Direction::Forward).count();
        spaces.map(|space| format!("{} {}", space.name(), count(space))).join(", ")
    }

    /// What is under way is lost; clients keep their tokens.
    fn end_requests(&mut self) {
        self.clients.values_mut().for_each(|client| client.waiting.clear());
        self.views.clear();
    }

    fn transaction_command(&mut self, client: &str, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        match name {
            "begin" => self.begin(client, args),
            "buffer" => {
                self.client(client).buffer = Some(Vec::new());
                Ok(String::new())
            }
            "commit" => Ok(self.commit(client)),
            "rollback" => self.rollback(client),
            // The client goes away, with whatever it waits for.
            "forget" => {
                self.clients.remove(client);
                Ok(String::new())
            }
            "steal" => {
                let token = self.token(args.next_pos().ok_or("whose")?);
                self.client(client).token = token;
                Ok(String::new())
            }
            "token" => {
                self.client(client).token =
                    Some(Bytes::copy_from_slice(args.next_pos().unwrap_or("").as_bytes()));
                Ok(String::new())
            }
            other => Err(format!("unknown command {other}").into()),
        }
    }

    fn world_command(&mut self, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        match name {
            "view" => self.keep_view(args),
            "changes" => self.changes(args),
            "rows" => Ok(self.rows()),
            "indexes" => Ok(self.show_indexes()),
            "declare" => self.declare(args),
            "check" => {
                let report = indexes_equal_scan::check(self.world.engine(), &self.database());
                Ok(report
                    .map_or_else(|wrong| format!("WRONG: {wrong}"), |()| "indexes equal documents".into()))
            }
            "clear" => Ok(self.world.store().clear(self.world.name()).map(|()| String::new())?),
            "compact" => Ok(self.world.store().compact().map(|()| String::new())?),
            "reopen" => {
                self.end_requests();
                self.world.reopen();
                Ok(String::new())
            }
            "advance" => {
                let seconds: f64 = args.next_pos().ok_or("seconds")?.parse()?;
                self.world.advance(Duration::from_secs_f64(seconds));
                self.world.store().tick();
                Ok(String::new())
            }
            _ => Err(format!("unknown command {name}").into()),
        }
    }
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, context: &Context) -> Output {
        let name = command.name.as_str();
        let client = context.prefix.as_deref().unwrap_or("");
        let args = command.consume_args();
        match name {
            "set" | "update" | "transform" | "delete" | "verify" => self.write(client, name, args),
            "get" | "scan" | "index" | "ids" | "names" | "time" => self.read_command(client, name, args),
            "begin" | "buffer" | "commit" | "rollback" | "forget" | "steal" | "token" => {
                self.transaction_command(client, name, args)
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

fn show_commit(answer: &Result<CommitResult, Status>) -> String {
    let committed = match answer {
        Ok(committed) => committed,
        Err(status) => return status.to_string(),
    };
    let mut text = show_time(committed.commit_time);
    for (n, result) in committed.results.iter().enumerate() {
        let kept = result.update_time.filter(|time| *time != committed.commit_time);
        if let Some(time) = kept {
            text += &format!(", write {} unchanged since {}", n + 1, show_time(time));
        }
        for value in &result.transform_results {
            text += &format!(", {}", crate::notation::show(value));
        }
    }
    text
}

/// Reads a time in microseconds after the start.
fn parse_time(text: &str) -> Result<Timestamp, Box<dyn Error>> {
    Ok(time(text.parse()?))
}
