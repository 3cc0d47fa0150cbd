//! The command line.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::keys::KeysCommand;
use clap::{Args, Parser, Subcommand, ValueEnum};
use identity::Issuer;

use crate::rules_command::RulesCommand;
use crate::rules_file::RulesFile;
use crate::sync_command::SyncArguments;

/// A Firestore-compatible database server.
#[derive(Debug, Parser)]
#[command(name = "irori", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve Firestore clients.
    Serve(Box<ServeArguments>),

    /// Make, list and withdraw the keys of servers that call
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },

    /// Check security rules, and test them on cases
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },

    /// Follow a collection into a local cache: copy it once, then only what changes
    Sync(Box<SyncArguments>),
}

const AFTER_HELP: &str = "\
Examples:
  irori serve                               durable, in ./irori-data, on port 8080
  irori serve --in-memory --listen 127.0.0.1:0
                                            for tests: any free port, nothing kept
  irori serve --indexes firestore.indexes.json --missing-index require
                                            refuse queries as production does
  irori serve --rules firestore.rules       with security rules, for tests of an app
  irori serve --listen 0.0.0.0:8443 --tls-certificate fullchain.pem --tls-key privkey.pem \\
      --auth --auth-issuer https://securetoken.google.com/PROJECT --rules firestore.rules
                                            for others to reach: TLS, verified callers, rules

Without TLS clients find the server by FIRESTORE_EMULATOR_HOST or DATASTORE_EMULATOR_HOST; the server prints the lines
to copy. Projects and databases need not be made: each exists from its first use, which decides whether it holds
documents or entities.";

/// Options of `irori serve`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArguments {
    /// Where to listen. Port 0 takes any free port. Where others can reach it, --auth is needed, or a flag that
    /// names the risk
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// The data directory; made when it is missing. One server at a time can use it
    #[arg(long, value_name = "DIRECTORY", default_value = "./irori-data")]
    pub(crate) data: PathBuf,

    /// Keep everything in memory and nothing after the end
    #[arg(long, conflicts_with = "data")]
    pub(crate) in_memory: bool,

    /// Composite indexes and single-field overrides, as the Firebase CLI writes them. They hold for
    /// every database; new ones are built in the background
    #[arg(long, value_name = "FILE")]
    pub(crate) indexes: Option<PathBuf>,

    /// What becomes of a query that needs an index which is not there
    #[arg(long, value_enum, default_value_t = MissingIndex::Suggest)]
    pub(crate) missing_index: MissingIndex,

    #[command(flatten)]
    pub(crate) datastore: DatastoreArguments,

    #[command(flatten)]
    pub(crate) door: DoorArguments,

    #[command(flatten)]
    pub(crate) tls: TlsArguments,

    #[command(flatten)]
    pub(crate) policies: Policies,

    #[command(flatten)]
    pub(crate) limits: Limits,

    /// What to log, as in RUST_LOG: `info`, or `gateway=debug,warn`. Goes before RUST_LOG
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// What holds for databases that Datastore clients and App Engine use.
#[derive(Debug, Args)]
#[command(next_help_heading = "Datastore")]
pub(crate) struct DatastoreArguments {
    /// Composite indexes of entities, as App Engine and gcloud read them. They hold for every database; new
    /// ones are built in the background
    #[arg(long, value_name = "FILE")]
    pub(crate) index_yaml: Option<PathBuf>,

    /// How much of what was just written a query over all entity groups finds: 1 is everything, as in
    /// production today; less imitates the old service, for tests of what it did to applications
    #[arg(long, value_name = "FRACTION", default_value_t = 1.0, value_parser = fraction)]
    pub(crate) datastore_consistency: f64,

    /// Let both APIs at every database: documents as entities and entities as documents, as far as they can be
    /// mapped onto each other. Without it the API of the other mode is refused, as in production
    #[arg(long)]
    pub(crate) cross_api: bool,
}

/// What becomes of a query without its index.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum MissingIndex {
    /// Refused with FAILED_PRECONDITION and the link, as production does
    Require,
    /// Served by the cheapest way there is; the index to add is logged
    Suggest,
}

/// How transactions that may write find conflicts.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Concurrency {
    /// Reads take locks, as in production's Standard edition
    Pessimistic,
    /// Reads are validated at the commit, as in production's Enterprise edition
    Optimistic,
}

/// Production's rules, to be changed for tests or for taste. Durations are written `90s`, `20m`, `1h`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct Policies {
    /// How far back `read_time` may go
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(crate) retention: Duration,

    /// What transactions that may write do when they do not say
    #[arg(long, value_enum, default_value_t = Concurrency::Pessimistic)]
    pub(crate) concurrency: Concurrency,

    /// The longest life of a transaction
    #[arg(long, value_name = "DURATION", default_value = "270s", value_parser = duration)]
    pub(crate) transaction_lifetime: Duration,

    /// The longest pause between two requests of a transaction
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) transaction_idle: Duration,

    /// The longest wait for another transaction's locks
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub(crate) lock_wait: Duration,

    /// Serve only databases that exist already; naming another is NOT_FOUND
    #[arg(long)]
    pub(crate) no_new_databases: bool,
}

/// Who may come in, and what they may do.
#[derive(Debug, Args)]
#[command(next_help_heading = "Security")]
pub(crate) struct DoorArguments {
    /// Security rules: for all databases, or for those that are named. When the file changes, the new rules are in
    /// force; when they are broken, the log says so and the last good ones stay. May be given several times
    #[arg(long, value_name = "[PROJECT/DATABASE=]FILE")]
    pub(crate) rules: Vec<RulesFile>,

    /// Verify who calls: keys made by `irori keys`, and tokens of the issuers named here. Without rules end users
    /// may do nothing. Without it callers are believed, as by Google's emulator
    #[arg(long)]
    pub(crate) auth: bool,

    /// Who signs tokens of end users: https://securetoken.google.com/PROJECT for Firebase Authentication, or
    /// any by OpenID Connect. May be given several times, each for a project of its own; `users=shared` lets issuers share
    /// one
    #[arg(
        long,
        value_name = "ISSUER[=AUDIENCE][,project=PROJECT][,keys=FILE_OR_URL][,users=shared]",
        requires = "auth"
    )]
    pub(crate) auth_issuer: Vec<Issuer>,

    /// An address under which clients know this server, for tokens that accounts sign for themselves. May be given
    /// several times
    #[arg(long, value_name = "URL", requires = "auth")]
    pub(crate) auth_audience: Vec<String>,

    /// The register of keys that `irori keys` makes [default: keys/register.json in the data directory]
    #[arg(long, value_name = "FILE", requires = "auth")]
    pub(crate) keys: Option<PathBuf>,

    /// Serve App Engine's API bridge with --auth too. Its calls carry no credentials: whoever reaches the port may
    /// then read and write all entities. Without --auth it is always served
    #[arg(long, requires = "auth")]
    pub(crate) app_engine_bridge: bool,

    /// Let everybody who reaches the port do everything, also from other machines. Only without --auth
    #[arg(long, conflicts_with = "auth")]
    pub(crate) unsafe_open: bool,

    /// A proxy in front ends TLS, and tells in x-forwarded-for who asks. The port must be out of everybody else's
    /// reach
    #[arg(long)]
    pub(crate) behind_proxy: bool,

    /// Pages that may call from browsers, like https://app.example.com; `null` for files, `*` for all. With --auth any
    /// page may unless some are named, for it needs a token like everybody; without, those of this machine
    /// (localhost) and the named ones. May be given several times
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub(crate) cors_origin: Vec<String>,

    /// Append a line of JSON for each denied or administrative call; opened again at SIGHUP
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
}

/// Connections that nobody can read or change on their way. The files are PEM; when they change, new
/// connections get the new ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArguments {
    /// Serve by TLS, with this certificate: the server's own first, then those that lead to its authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,

    /// The certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Serve only clients that show a certificate of an authority in this file
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Serve connections without TLS as well, on the same port
    #[arg(long, requires = "tls_certificate", conflicts_with = "tls_client_ca")]
    pub(crate) tls_optional: bool,
}

/// What the server may take of the machine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Connections open at once; beyond it idle ones make room
    #[arg(long, value_name = "NUMBER", default_value_t = 4_096)]
    pub(crate) max_connections: usize,

    /// Connections that one address may have open, or one network of 64 bits of IPv6; beyond it new ones are
    /// closed at once [default: a quarter of --max-connections; on a loopback address, and --behind-proxy, where
    /// all come from the proxy's address, all of them]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_connections_per_address: Option<NonZeroUsize>,

    /// Requests a second that one user, account or unknown address may send; RESOURCE_EXHAUSTED beyond it.
    /// Usually as many as they like
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_requests_per_second: Option<NonZeroU32>,

    /// Listen and Write streams that one user, account or unknown address may have open [default: 1000 with --auth]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_streams: Option<usize>,

    /// Memory for what was read from disk. Usually a sixteenth of the machine's, 128 to 1024 MiB; it
    /// fills as blocks are read
    #[arg(long, value_name = "MIB")]
    pub(crate) cache: Option<u64>,
}

/// Reads `https://app.example.com`, `null` or `*`.
fn origin(text: &str) -> Result<String, String> {
    let host = text.split_once("://").map(|(_, host)| host);
    if ["*", "null"].contains(&text) || host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no origin; write one like https://app.example.com, without a path"))
}

/// Reads a number from 0 to 1.
fn fraction(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("`{text}` is not a number from 0 to 1"))
}

/// Reads `250ms`, `90s`, `20m`, `1h` or `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let wrong = || format!("`{text}` is not a duration; write one like 90s, 20m or 1h");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60 * 1_000,
        "h" => 3_600 * 1_000,
        "d" => 24 * 3_600 * 1_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit() {
        let table = [
            ("250ms", Some(Duration::from_millis(250))),
            ("90s", Some(Duration::from_secs(90))),
            ("20m", Some(Duration::from_secs(1_200))),
            ("7d", Some(Duration::from_secs(7 * 24 * 3_600))),
            ("90", None),
            ("s", None),
            ("-1s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, expected) in table {
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }
}
