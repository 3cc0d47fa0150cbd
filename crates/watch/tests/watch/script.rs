//! Golden scripts over streams. After each line every stream tells what it has to.
//!
//! | command | |
//! |---|---|
//! | `commit "c/a {n: 1}" "c/b -"…` | one commit: sets documents, deletes one |
//! | `listen S ID "query"`, `listen S ID docs="c/a c/b"` | adds a target to stream S, which is opened when first named; `resume=S`: with that stream's last token, `resume=bad`, `resume="@5"`; `once`; `expected=3` |
//! | `unlisten S ID`, `hold S`, `release S`, `close S` | a client removes a target, stops reading, reads on, goes away |
//! | `fill C FROM TO` | one commit for each document `C/n {n: n}` |
//! | `churn P COUNT` | so many commits of one document |
//! | `flood P COUNT` | the same with a megabyte in each, faster than the hub is told |
//! | `exempt C FIELD` | the field has no index any more |
//! | `wait SECONDS`, `clear`, `compact`, `restart` | change the world; a restart ends all streams |
//! | `evaluated` | how often changes were shown to queries since the last time |

use std::error::Error;
use std::time::Duration;

use database::{FieldOverride, IndexFile};
use goldenscript::{ArgumentConsumer, Command, Context, Runner};
use model::{DocumentPath, FieldPath};
use query::MissingIndex;
use testkit::notation::time;
use watch::{Resume, Target, TargetKind};

use crate::text;
use crate::world::{World, hubs};

type Output = Result<String, Box<dyn Error>>;

pub struct Script {
    world: World,
    missing: MissingIndex,
    evaluated: u64,
    tokens: std::collections::BTreeMap<String, bytes::Bytes>,
}

impl Script {
    pub fn new(missing: MissingIndex) -> Self {
        Script {
            world: World::new(missing),
            missing,
            evaluated: 0,
            tokens: std::collections::BTreeMap::new(),
        }
    }

    fn listen(&mut self, mut args: ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
        let stream = args.next_pos().ok_or("a stream")?.to_owned();
        let id = args.next_pos().ok_or("an id")?.parse()?;
        let resume = match args.take_key("resume") {
            None => None,
            Some("bad") => Some(Resume::Token(bytes::Bytes::from_static(b"bad"))),
            Some(text) => match text.strip_prefix('@') {
                Some(micros) => Some(Resume::ReadTime(time(micros.parse()?))),
                None => Some(Resume::Token(self.tokens.get(text).ok_or("no token")?.clone())),
            },
        };
        let expected_count = args.take_key("expected").map(str::parse).transpose()?;
        let what = match args.take_key("docs") {
            None => TargetKind::Query(text::query(args.next_pos().ok_or("a query")?)),
            Some(paths) => {
                let paths = paths.split(' ').map(DocumentPath::new).collect::<Option<_>>();
                TargetKind::Documents(paths.ok_or("paths")?)
            }
        };
        let once = args.next_pos() == Some("once");
        self.world.add(&stream, Target { id, what, resume, once, expected_count })?;
        Ok(())
    }

    fn stream_command(&mut self, name: &str, mut args: ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
        let stream = args.next_pos().ok_or("a stream")?;
        if name == "close" {
            self.world.streams.remove(stream);
            return Ok(());
        }
        let stream = self.world.streams.get_mut(stream).ok_or("no such stream")?;
        match name {
            "hold" => stream.held = true,
            "release" => stream.held = false,
            _ => stream.stream.remove_target(args.next_pos().ok_or("an id")?.parse()?)?,
        }
        Ok(())
    }

    fn fill(&self, mut args: ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
        let collection = args.next_pos().ok_or("a collection")?;
        let from: usize = args.next_pos().ok_or("from")?.parse()?;
        let to: usize = args.next_pos().ok_or("to")?.parse()?;
        for n in from..to {
            self.world.commit(&[&format!("{collection}/{n} {{n: {n}}}")])?;
        }
        Ok(())
    }

    fn perform(&mut self, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let world = &mut self.world;
        match name {
            "commit" => {
                let documents: Vec<&str> = std::iter::from_fn(|| args.next_pos()).collect();
                world.commit(&documents)?;
            }
            "fill" => self.fill(args)?,
            "churn" => {
                let path = args.next_pos().ok_or("a path")?;
                let count: usize = args.next_pos().ok_or("how often")?.parse()?;
                for n in 0..count {
                    world.commit(&[&format!("{path} {{n: {n}}}")])?;
                }
            }
            "flood" => {
                let path = args.next_pos().ok_or("a path")?;
                let count: usize = args.next_pos().ok_or("how often")?.parse()?;
                let text = "x".repeat(1_000_000);
                for n in 0..count {
                    world.commit(&[&format!("{path} {{n: {n}, text: \"{text}\"}}")])?;
                }
            }
            "exempt" => {
                let collection_id = args.next_pos().ok_or("a collection")?.to_owned();
                let field = Some(FieldPath::parse(args.next_pos().ok_or("a field")?)?);
                let field = FieldOverride { collection_id, field, indexes: Vec::new() };
                let file = IndexFile { indexes: Vec::new(), overrides: vec![field] };
                world.world.store().declare_indexes(world.world.name(), &file)?;
            }
            "listen" => self.listen(args)?,
            "unlisten" | "hold" | "release" | "close" => self.stream_command(name, args)?,
            "wait" => {
                let seconds = args.next_pos().ok_or("seconds")?.parse()?;
                return Ok(world.wait(Duration::from_secs(seconds)).join("\n"));
            }
            "clear" => world.world.store().clear(world.world.name())?,
            "compact" => world.world.store().clean_up(),
            "restart" => {
                world.streams.clear();
                world.world.reopen();
                world.hubs = hubs(&world.world, self.missing);
            }
            "evaluated" => {
                let now = world.hubs.evaluated(world.world.name());
                let since = now - std::mem::replace(&mut self.evaluated, now);
                return Ok(since.to_string());
            }
            other => return Err(format!("unknown command {other}").into()),
        }
        Ok(String::new())
    }
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Output {
        let done = match self.perform(&command.name, command.consume_args()) {
            Ok(done) => done,
            Err(error) => error.to_string(),
        };
        let mut told = self.world.told();
        for (name, stream) in &self.world.streams {
            if let Some(token) = &stream.token {
                self.tokens.insert(name.clone(), token.clone());
            }
        }
        if !done.is_empty() {
            told.insert(0, done);
        }
        Ok(told.join("\n"))
    }
}
