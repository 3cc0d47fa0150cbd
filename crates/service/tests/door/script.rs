//! Golden scripts over the operations, in development: a prefix says who calls. After each line every stream tells what
//! it has to.
//!
//! | command | |
//! |---|---|
//! | `rules "match /c/{d} { allow … }"`, `rules` | puts rules in force, takes them away |
//! | `admin "c/a {n: 1}" "c/b -"` | one commit of the administrator |
//! | `ada: get P`, `batch P…`, `list C page=2`, `query "c where n = 1"`, `count "c"` | reads |
//! | `ada: commit "c/a {n: 1}" "c/b -" "c/c ?" "c/d + {n: 1}"`, `update "c/a + {n: 1}"`, `delete P` | writes |
//! | `ada: listen ID "query"`, `listen ID docs="c/a c/b"`, `unlisten ID`, `hold`, `release`, `close` | a stream, `resume` takes the last token |
//! | `verdict` | what each kind of operation is answered, for whoever is named |

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use goldenscript::{ArgumentConsumer, Command, Context, Runner};
use model::{DocumentPath, Status};
use service::{Explain, ListenEvent, ListenStream, Resume, RulesOf, Target, TargetChange, TargetKind};
use testkit::notation::show_fields;

use crate::operations::Operation;
use crate::text;
use crate::world::{World, principal, write};

type Output = Result<String, Box<dyn Error>>;

pub struct Script {
    world: World,
    streams: BTreeMap<String, Stream>,
    tokens: BTreeMap<String, Bytes>,
}

struct Stream {
    stream: ListenStream,
    /// Its client does not read.
    held: bool,
}

impl Script {
    pub fn new() -> Self {
        Script { world: World::development(), streams: BTreeMap::new(), tokens: BTreeMap::new() }
    }

    fn operation(&self, name: &str, args: &mut ArgumentConsumer<'_>) -> Result<Operation, Box<dyn Error>> {
        let page = args.take_key("page").map(str::parse).transpose()?.unwrap_or(0);
        let rest: Vec<String> = std::iter::from_fn(|| args.next_pos().map(str::to_owned)).collect();
        let first = rest.first().cloned().unwrap_or_default();
        Ok(match name {
            "get" => Operation::Get(first),
            "batch" => Operation::BatchGet(rest),
            "list" => Operation::List { collection: first, page_size: page, show_missing: false },
            "query" => Operation::Query { text: first, explain: Explain::No },
            "count" => Operation::Count(first),
            "update" => Operation::Update(write(&first)),
            "delete" => Operation::Delete(first),
            "commit" => Operation::Commit(rest.iter().map(|text| write(text)).collect()),
            other => return Err(format!("unknown command {other}").into()),
        })
    }

    fn listen(&mut self, who: &str, mut args: ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
        let id = args.next_pos().ok_or("an id")?.parse()?;
        let what = match args.take_key("docs") {
            None => TargetKind::Query(text::query(args.next_pos().ok_or("a query")?)),
            Some(paths) => {
                let paths = paths.split(' ').map(DocumentPath::new).collect::<Option<_>>();
                TargetKind::Documents(paths.ok_or("paths")?)
            }
        };
        let resume = match args.next_pos() {
            Some("resume") => Some(Resume::Token(self.tokens.get(who).ok_or("no token")?.clone())),
            Some(other) => return Err(format!("unknown word {other}").into()),
            None => None,
        };
        if !self.streams.contains_key(who) {
            let _runtime = self.world.streams.enter();
            let stream = self.world.service.listen(&principal(who), &self.world.name)?;
            self.streams.insert(who.to_owned(), Stream { stream, held: false });
        }
        let stream = self.streams.get_mut(who).expect("just opened");
        let target = Target { id, what, resume, once: false, expected_count: None };
        Ok(stream.stream.add_target(target)?)
    }

    fn perform(&mut self, who: &str, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        match name {
            "rules" => match args.next_pos() {
                Some(blocks) => self.world.rules(blocks),
                None => drop(self.world.service.set_rules(RulesOf::Everything, None)),
            },
            "admin" => {
                let writes = std::iter::from_fn(|| args.next_pos()).map(write).collect();
                self.world.commit("owner", writes)?;
            }
            "listen" => self.listen(who, args)?,
            "close" => drop(self.streams.remove(who)),
            "hold" | "release" => {
                self.streams.get_mut(who).ok_or("no such stream")?.held = name == "hold";
            }
            "unlisten" => {
                let id = args.next_pos().ok_or("an id")?.parse()?;
                self.streams.get_mut(who).ok_or("no such stream")?.stream.remove_target(id)?;
            }
            "verdict" => {
                let row = |(name, operation): &(&str, Operation)| {
                    format!("{name}: {}", brief(operation.run(&self.world, who)))
                };
                return Ok(crate::operations::all().iter().map(row).collect::<Vec<_>>().join("\n"));
            }
            _ => {
                let operation = self.operation(name, &mut args)?;
                return Ok(full(operation.run(&self.world, who)));
            }
        }
        Ok(String::new())
    }

    /// All that the streams have to tell now, except those whose clients do not read.
    fn told(&mut self) -> String {
        let mut lines = String::new();
        for (name, stream) in self.streams.iter_mut().filter(|(_, stream)| !stream.held) {
            // The runtime's clock moves only when nothing else can happen.
            let next = |stream: &mut ListenStream| {
                self.world
                    .streams
                    .block_on(async { tokio::time::timeout(Duration::from_millis(1), stream.next()).await })
            };
            while let Ok(event) = next(&mut stream.stream) {
                let event = match event {
                    Ok(event) => event,
                    Err(status) => {
                        lines += &format!("{name} ended: {status}\n");
                        break;
                    }
                };
                if let ListenEvent::Targets { change: TargetChange::NoChange, token: Some(token), .. } =
                    &event
                {
                    self.tokens.insert(name.clone(), token.clone());
                }
                lines += &format!("{name} {}\n", show(&event));
            }
        }
        lines
    }
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, context: &Context) -> Output {
        let who = context.prefix.as_deref().unwrap_or("owner").to_owned();
        let answer = self.perform(&who, &command.name, command.consume_args())?;
        let told = self.told();
        let answer = if answer.is_empty() { answer } else { format!("{answer}\n") };
        Ok(format!("{answer}{told}").trim_end().to_owned())
    }
}

fn full(outcome: Result<String, Status>) -> String {
    outcome.unwrap_or_else(|status| format!("{:?}: {}", status.code, status.message.replace('\n', " / ")))
}

fn brief(outcome: Result<String, Status>) -> String {
    match outcome {
        Ok(_) => "yes".to_owned(),
        Err(status) => format!("{:?}: {}", status.code, status.message.replace('\n', " / ")),
    }
}

fn show(event: &ListenEvent) -> String {
    let ids = |ids: &[i32]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match event {
        ListenEvent::Targets { change, ids: of, cause, .. } => {
            let cause = cause.as_ref().map_or_else(String::new, |cause| {
                format!(": {:?}: {}", cause.code, cause.message.replace('\n', " / "))
            });
            match (change, of.is_empty()) {
                (TargetChange::NoChange, true) => "——".to_owned(),
                (change, _) => format!("{change:?} {}{cause}", ids(of)),
            }
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
        ListenEvent::Filter { target, count, .. } => format!("filter {target}: {count}"),
    }
}
