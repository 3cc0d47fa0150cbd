//! The commands of the scripts: see the module above.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use goldenscript::{Argument, Command};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::{Code, Status};

use super::collection::{Version, short};
use super::lines;
use super::server::{Clock, Fault, Scripted};
use crate::{
    Bounds, Cache, Client, Collection, Credentials, Cursor, Event, Failure, Follower, Observer, Poll, Polled,
    Settings, Source, Strategy, Taker, Time,
};

/// What `--once` has without being asked.
const ATTEMPTS: u32 = 8;
/// What polling has without being asked.
const MARGIN: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_secs(5);
/// Of changes and documents.
const MOST_SHOWN: usize = 8;

pub(super) struct Stage {
    runtime: Runtime,
    directory: TempDir,
    server: Scripted,
    clock: Clock,
}

/// What `follow` was told.
#[derive(Debug)]
struct Following {
    /// Killed after so long; otherwise `--once`.
    until: Option<Duration>,
    attempts: u32,
    count_every: Duration,
    scan_every: Duration,
    bounds: Bounds,
    strategy: Strategy,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a thread");
        let directory = TempDir::new().expect("a directory");
        let clock = Clock(Time(Time::now().0 / 1_000_000 * 1_000_000));
        Stage { runtime, directory, server: Scripted::new(clock), clock }
    }

    fn has(&self, command: &Command) -> Result<(), Box<dyn Error>> {
        let mut play = self.server.play();
        play.documents.clear();
        for word in &command.args {
            match word {
                Argument::KeyValue(key, value) if key == "now" => play.now = value.parse()?,
                Argument::KeyValue(key, value) if key == "many" => {
                    let (count, updated) = value.split_once('/').ok_or("many=count/time")?;
                    let (count, version): (u32, _) = (count.parse()?, Version::read(updated)?);
                    play.documents.extend((0..count).map(|number| (many(number), version)));
                }
                Argument::KeyValue(name, version) => {
                    play.documents.insert(name.clone(), Version::read(version)?);
                }
                other => return Err(format!("`{other}` is no document").into()),
            }
        }
        Ok(())
    }

    fn fault(&self, command: &Command) -> Result<(), Box<dyn Error>> {
        let mut args = command.consume_args();
        let call = args.next_pos().ok_or("which call?")?.to_owned();
        let after = args.take_key("after").map(str::parse).transpose()?.unwrap_or(0);
        let text = args.take_key("text").unwrap_or_default().to_owned();
        let code = args.take_key("code").map(str::parse::<i32>).transpose()?;
        let status = code.map(|code| Status::new(Code::from(code), text));
        self.server.play().faults.entry(call).or_default().push_back(Fault { after, status });
        Ok(())
    }

    fn follow(&self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let seconds =
            |text: Option<&str>| text.map(str::parse).transpose().map(|s| s.map(Duration::from_secs));
        let since = args.take_key("since").map(str::parse).transpose()?;
        let polling = Poll {
            field: "created_at".to_owned(),
            since: since.map_or(Time::MIN, |seconds| self.clock.at(seconds)),
            margin: seconds(args.take_key("margin"))?.unwrap_or(MARGIN),
            interval: INTERVAL,
            some_lack_field: args.take_key("some_lack_field").is_some(),
        };
        let strategy = match args.next_pos() {
            Some("poll") => Strategy::Poll(polling),
            Some(other) => return Err(format!("`{other}` is no strategy").into()),
            None => Strategy::Listen,
        };
        let following = Following {
            strategy,
            until: seconds(args.take_key("for"))?,
            attempts: args.take_key("attempts").map(str::parse).transpose()?.unwrap_or(ATTEMPTS),
            count_every: seconds(args.take_key("count"))?.unwrap_or(Settings::listening().count_every),
            scan_every: seconds(args.take_key("scan"))?.unwrap_or(Settings::listening().scan_every),
            bounds: Bounds { rows: args.take_key("rows").map(str::parse).transpose()?, bytes: None },
        };
        let ended = self.runtime.block_on(self.run(&following))?;
        let mut said = std::mem::take(&mut self.server.play().log);
        said.push(match ended {
            None => "killed".to_owned(),
            Some(Ok(())) => "done".to_owned(),
            Some(Err(failure)) => format!("failed: {:?}: {failure}", failure.kind),
        });
        said.push(self.cache()?);
        match self.server.play().listens.len() {
            0 => {}
            unheard => said.push(format!("so many listens nobody asked for: {unheard}")),
        }
        Ok(said.join("\n"))
    }

    /// Answers how it ended; `None` when it was killed.
    async fn run(&self, following: &Following) -> Result<Option<Result<(), Failure>>, Failure> {
        let cache = Cache::open(&self.place(), &source(), following.bounds)?;
        let client =
            Client::over(self.server.serve(), source(), Arc::new(Credentials::Nobody), Arc::default())?;
        let settings = Settings {
            once: following.until.is_none(),
            attempts: Some(following.attempts),
            count_every: following.count_every,
            scan_every: following.scan_every,
            strategy: following.strategy.clone(),
            ..Settings::listening()
        };
        let taker = Taker::Lines(Box::new(Lines { server: self.server.clone(), clock: self.clock }));
        let (_stopper, stop) = crate::stop();
        let follower = Follower::new(client, cache, Some(taker), settings, self.observer(), stop)?;
        match following.until {
            None => Ok(Some(follower.run().await)),
            // The clock moves when nobody has anything to do, so this is after whatever is told.
            Some(until) => Ok(tokio::time::timeout(until, follower.run()).await.ok()),
        }
    }

    fn observer(&self) -> Observer {
        let (server, clock) = (self.server.clone(), self.clock);
        Observer::new(move |event| {
            let said = match event {
                Event::CopyBegins { total } => format!("copying {total}"),
                Event::Current { as_of } => format!("current {}", clock.seconds(*as_of)),
                Event::Pause { failure, .. } => format!("pause: {:?}", failure.kind),
                Event::Comparing { why } => format!("comparing: {why}"),
                Event::Warning(text) => format!("warning: {text}"),
                Event::Applied(_) | Event::Compared(_) | Event::Differs { .. } => return,
            };
            server.play().log.push(said);
        })
    }

    /// The cache as somebody else would read it.
    fn cache(&self) -> Result<String, Box<dyn Error>> {
        let cache = Cache::open_to_read(&self.place())?;
        let file = rusqlite::Connection::open(self.place())?;
        let mut select = file.prepare("SELECT name, update_time, fields FROM documents ORDER BY name")?;
        let (mut rows, mut held) = (select.query([])?, Vec::new());
        while let Some(row) = rows.next()? {
            let (name, updated, fields) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?, row.get_ref(2)?);
            let updated = Time::parse(updated.as_str()?).ok_or("no time")?;
            let id = name.strip_prefix("events/").ok_or("a name of another collection")?;
            held.push(format!(" {id}{}", self.clock.seconds(updated)));
            let number = (updated.0 - self.clock.0.0) / 1_000_000;
            assert!(fields.as_str()?.contains(&format!(r#""n":{{"integerValue":"{number}"}}"#)), "{name}");
        }
        let mut said = format!("cache:{}", shortened(held, "").concat());
        match cache.cursor()? {
            Cursor::Fresh => said.push_str("; fresh"),
            Cursor::Copying { after, .. } => said.push_str(&format!("; copied up to {after:?}")),
            Cursor::Following { as_of, token } => {
                said.push_str(&format!("; as of {}", self.clock.seconds(as_of)));
                let token = token.map(|token| format!(", token {}", String::from_utf8_lossy(&token)));
                said.extend(token);
            }
            Cursor::Polling(Polled { since: _, field: _, last, safe, as_of }) => {
                let time = |time: Option<Time>| time.map(|time| self.clock.seconds(time)).unwrap_or_default();
                let (place, name) = last.map_or((None, None), |last| (Some(last.time), last.name));
                let name = name.as_deref().map(short).unwrap_or_default();
                said.push_str(&format!(
                    "; polled up to {}/{name}, safe {}, as of {}",
                    time(place),
                    time(safe),
                    time(as_of)
                ));
            }
        }
        Ok(said)
    }

    fn place(&self) -> std::path::PathBuf {
        self.directory.path().join("cache.db")
    }
}

fn source() -> Source {
    Source {
        project: "p".to_owned(),
        database: "(default)".to_owned(),
        collection: Collection::One("events".to_owned()),
        conditions: Vec::new(),
    }
}

/// The id of one of many documents.
pub(super) fn many(number: u32) -> String {
    format!("m{number:04}")
}

/// Of many only the first and the last.
fn shortened(mut all: Vec<String>, before: &str) -> Vec<String> {
    if all.len() > MOST_SHOWN {
        let left_out = format!("{before} … {} …", all.len() - 2);
        all.splice(1..all.len() - 1, [left_out]);
    }
    all
}

/// Takes the changes, and writes them among the calls.
struct Lines {
    server: Scripted,
    clock: Clock,
}

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
        let said = std::str::from_utf8(lines).expect("lines are text").lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("lines are JSON");
            let name = line["name"].as_str().expect("a name").rsplit('/').next().expect("an id");
            let updated = line["updateTime"].as_str().and_then(Time::parse);
            let updated = updated.map(|updated| self.clock.seconds(updated)).unwrap_or_default();
            let kind = line["type"].as_str().expect("a type");
            format!("  {}. {kind} {name}{updated}", line["number"])
        });
        self.server.play().log.extend(shortened(said.collect(), "  "));
        Ok(lines.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl goldenscript::Runner for Stage {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Result<String, Box<dyn Error>> {
        match command.name.as_str() {
            "has" => self.has(command).map(|()| String::new()),
            "listen" => {
                let words = command.args.iter().map(|word| lines::read(word, self.clock));
                let lines = words.collect::<Result<Vec<_>, _>>()?.concat();
                self.server.play().listens.push_back(lines);
                Ok(String::new())
            }
            "fault" => self.fault(command).map(|()| String::new()),
            "follow" => self.follow(command),
            other => Err(format!("`{other}` is no command").into()),
        }
    }
}
