//! The command line of `irori sync`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use sync::{Condition, Time};

use crate::arguments::duration;

const AFTER_HELP: &str = "\
Examples:
  irori sync --from emulator --project demo --collection events --into events.db
          copy the collection, then follow it until SIGTERM
  irori sync --from production --project my-project --credentials key.json \\
          --collection-group orders --where 'status == \"open\"' --into orders.db --once
          copy or catch up, deletions included, and end: for cron
  irori sync --from production --project my-project --credentials key.json \\
          --collection events --into events.db --strategy poll --field created_at --margin 10s
          ask every 5 seconds by a timestamp field
  irori sync verify --into events.db --repair
          compare the cache with the server, and make it equal

Start it again with the same --into and it goes on where it ended. Any SQLite tool reads the cache:
  sqlite3 events.db \"SELECT name, fields ->> '$.title.stringValue' FROM documents\"

Exit codes:
  0  done, or told to stop          6  the query needs an index: the link is shown
  1  a file or socket here          7  the server cannot be reached or wants less, or
  2  the command line                  --once: what it tells never comes to its count
  3  credentials, permissions       8  the file is no cache, another's, or in use
  4  no such database               9  the disk is full
  5  the query is refused, or      10  verify found differences
     documents lack --field        11  --exec or --jsonl failed
                                   12  --once was told to stop before the end";

/// Follow a collection into a local cache.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SyncArguments {
    #[command(subcommand)]
    pub(super) command: Option<SyncCommand>,

    #[command(flatten)]
    pub(super) server: ServerArguments,

    #[command(flatten)]
    pub(super) source: SourceArguments,

    #[command(flatten)]
    pub(super) cache: CacheArguments,

    #[command(flatten)]
    pub(super) follow: FollowArguments,

    #[command(flatten)]
    pub(super) output: OutputArguments,
}

/// What else there is to do with a cache.
#[derive(Debug, Subcommand)]
pub(super) enum SyncCommand {
    /// Compare a cache with the server: what is missing, extra, stale
    Verify(VerifyArguments),
}

/// Options of `irori sync verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,

    /// The cache; it knows what it is a cache of
    #[arg(long, value_name = "FILE")]
    pub(super) into: PathBuf,

    /// Make the cache equal
    #[arg(long)]
    pub(super) repair: bool,

    /// Compare how many documents there are, and read names only where that differs: much cheaper, and does not see
    /// documents that are there in another version
    #[arg(long)]
    pub(super) only_numbers: bool,
}

/// Where the server is and who asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerArguments {
    /// The server: `emulator` (at FIRESTORE_EMULATOR_HOST), `production` (Google's), or an address like
    /// https://host:port
    #[arg(long, value_name = "SERVER", default_value = "emulator")]
    pub(super) from: String,

    /// A service account's key file, or what `gcloud auth application-default login` writes. Usually
    /// GOOGLE_APPLICATION_CREDENTIALS; without either an http address is asked as its administrator, and an https
    /// address as nobody
    #[arg(long, value_name = "FILE")]
    pub(super) credentials: Option<PathBuf>,

    /// Trust the authorities in this file (PEM) in place of the system's
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
}

/// What is followed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct SourceArguments {
    /// The project. Usually that of the credentials
    #[arg(long, value_name = "ID")]
    pub(super) project: Option<String>,

    /// The database
    #[arg(long, value_name = "ID", default_value = "(default)")]
    pub(super) database: String,

    /// The collection: `events`, or `users/alice/orders`
    #[arg(long, value_name = "PATH", required_unless_present = "collection_group")]
    pub(super) collection: Option<String>,

    /// All collections with this id
    #[arg(long, value_name = "ID", conflicts_with = "collection")]
    pub(super) collection_group: Option<String>,

    /// Only documents for which this holds: 'status == "open"', 'size >= 10'. May be given several times
    #[arg(long = "where", value_name = "CONDITION", value_parser = Condition::parse)]
    pub(super) conditions: Vec<Condition>,
}

/// The cache.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(super) struct CacheArguments {
    /// The cache, an SQLite file; made when it is missing
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) into: Option<PathBuf>,

    /// Keep at most so many documents: those that were changed last
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_rows: Option<u64>,

    /// Keep at most so many bytes of documents
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_bytes: Option<u64>,
}

/// How changes are found.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum StrategyName {
    /// The server tells: at once, and only what changes
    Listen,
    /// Ask by a timestamp field, again and again
    Poll,
}

/// How to follow.
#[derive(Debug, Args)]
#[command(next_help_heading = "Following")]
pub(super) struct FollowArguments {
    /// How changes are found
    #[arg(long, value_enum, default_value_t = StrategyName::Listen)]
    pub(super) strategy: StrategyName,

    /// Copy or catch up, deletions included, then end
    #[arg(long)]
    pub(super) once: bool,

    /// poll: the timestamp field that each new or changed document gets
    #[arg(long, value_name = "FIELD", default_value = "created_at")]
    pub(super) field: String,

    /// poll: leave out documents with an earlier timestamp
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) since: Option<Time>,

    /// poll: the pause between two questions
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(super) interval: Duration,

    /// poll: how much later than its timestamp a document may become visible
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(super) margin: Duration,

    /// poll: leave out documents without a timestamp in the field, instead of refusing to begin
    #[arg(long)]
    pub(super) some_lack_field: bool,

    /// How often to compare how many documents there are; a difference leads to comparing names
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(super) count_every: Duration,

    /// How often to compare all names and update times
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = duration)]
    pub(super) scan_every: Duration,

    /// Names a second of such a comparison
    #[arg(long, value_name = "NUMBER", default_value = "5000")]
    pub(super) scan_pace: NonZeroU32,

    /// Give up after so many failures in a row. Without --once usually never, with it after 8
    #[arg(long, value_name = "NUMBER")]
    pub(super) attempts: Option<NonZeroU32>,
}

/// What is told, and to whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArguments {
    /// Write each change as a line of JSON to a file, or with `-` to standard output
    #[arg(long, value_name = "FILE")]
    pub(super) jsonl: Option<PathBuf>,

    /// Run this for each batch of changes, with lines of JSON on its standard input. It gets a batch again until it
    /// ends well
    #[arg(long, value_name = "COMMAND", conflicts_with = "jsonl")]
    pub(super) exec: Option<String>,

    /// Serve metrics for Prometheus
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<SocketAddr>,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| format!("`{text}` is no time; write 2026-11-21 or 2026-11-21T20:15:00Z"))
}
