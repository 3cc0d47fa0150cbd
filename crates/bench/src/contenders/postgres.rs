//! PostgreSQL beside us: a cluster of its own in a temporary directory, loaded by its own pgbench.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::children::{Processor, processor_time};
use crate::failure::Failure;
use crate::figures::Throughput;
use crate::sample::TEXT_LENGTH;

const ADVICE: &str = "PostgreSQL is needed for this comparison. On Debian or Ubuntu:\n\
    \n    apt-get install postgresql postgresql-contrib\n\n\
    (--postgres DIR names the directory of initdb, pg_ctl and pgbench; --without-postgres leaves it out)";
/// Where Debian keeps each version's programs.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The version to compare with, when it is there.
const WANTED: &str = "15";

/// The table: the document's fields in one jsonb, and a btree index on each of the three. The key is a btree too.
const SCHEMA: &str = "create table documents (id text primary key, body jsonb not null);
create index on documents ((body->>'owner'));
create index on documents (((body->>'score')::bigint));
create index on documents ((body->>'text'));";

/// Everything at its default except what makes it as durable as us, what makes it faster, and where it listens.
const SETTINGS: &str = "synchronous_commit = on
fsync = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 30min
listen_addresses = ''
max_connections = 100
";

/// A running cluster, which ends and goes away with this.
pub struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    owner: Option<(u32, u32)>,
    pub version: String,
}

impl Postgres {
    /// Makes a cluster below `below` and starts it. Its socket is a file; it listens on no port.
    pub fn start(programs: Option<&Path>, below: &Path) -> Result<Self, Failure> {
        let programs = match programs {
            Some(directory) => directory.to_path_buf(),
            None => find_programs().ok_or_else(|| Failure::new(ADVICE))?,
        };
        let directory = TempDir::new_in(below).map_err(Failure::doing("make a directory for PostgreSQL"))?;
        let owner = unprivileged_owner(directory.path())?;
        let version = first_line(Command::new(programs.join("postgres")).arg("--version"))?;
        let postgres = Postgres { programs, directory, owner, version };
        postgres.run(
            "initdb",
            &["--no-locale", "--encoding=UTF8", "--auth=trust", "--username=bench", "-D", "data"],
        )?;
        let settings =
            format!("{SETTINGS}unix_socket_directories = '{}'\n", postgres.directory.path().display());
        postgres.write("data/postgresql.auto.conf", &settings)?;
        postgres.run("pg_ctl", &["start", "--wait", "--silent", "-D", "data", "-l", "log"])?;
        postgres.write("schema.sql", SCHEMA)?;
        postgres.psql(&["--file=schema.sql"])?;
        postgres.write("insert.sql", &insertion())?;
        Ok(postgres)
    }

    /// Lets pgbench insert documents, each in a transaction of its own.
    pub fn insert(&self, clients: usize, time: Duration) -> Result<Throughput, Failure> {
        let clients = clients.to_string();
        let seconds = time.as_secs().max(1).to_string();
        let host = self.directory.path().display().to_string();
        let before = processor_time(self.backends()?)?;
        let said = self.run(
            "pgbench",
            &[
                "--no-vacuum",
                "--protocol=prepared",
                "--jobs=2",
                "--client",
                &clients,
                "--time",
                &seconds,
                "--host",
                &host,
                "--username=bench",
                "--file=insert.sql",
                "postgres",
            ],
        )?;
        let number = |name: &str| -> Result<f64, Failure> {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            let number =
                line.and_then(|rest| rest.split_whitespace().next()).and_then(|text| text.parse().ok());
            number.ok_or_else(|| Failure::new(format!("pgbench did not tell its {name}:\n{said}")))
        };
        let mean = Duration::from_secs_f64(number("latency average = ")? / 1_000.0);
        let transactions = number("number of transactions actually processed: ")?;
        let spent = processor_time(self.backends()?)?.saturating_sub(before);
        // pgbench tells no percentiles without a log of every transaction, which would slow it down.
        Ok(Throughput {
            per_second: number("tps = ")?,
            median: mean,
            p99: Duration::ZERO,
            processor: Some(spent.div_f64(transactions.max(1.0))),
        })
    }

    /// The processes that serve connections: children of the one that pgbench connected to. They end with their
    /// connections.
    fn backends(&self) -> Result<Processor, Failure> {
        let path = self.directory.path().join("data/postmaster.pid");
        let text =
            std::fs::read_to_string(&path).map_err(Failure::doing(format!("read {}", path.display())))?;
        let first = text.lines().next().unwrap_or_default();
        first.parse().map(Processor::ChildrenOf).map_err(Failure::doing("find PostgreSQL's first process"))
    }

    fn psql(&self, arguments: &[&str]) -> Result<String, Failure> {
        let host = self.directory.path().display().to_string();
        let common = [
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--username=bench",
            "--dbname=postgres",
            "--host",
            &host,
        ];
        self.run("psql", &[&common, arguments].concat())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        // A server that pg_ctl starts keeps the outputs it inherits, and a pipe would stay open with it.
        if program == "pg_ctl" {
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            let status = status.map_err(Failure::doing(format!("start {program}. {ADVICE}")))?;
            let ended = || Failure::new(format!("{program} ended with {status}"));
            return if status.success() { Ok(String::new()) } else { Err(ended()) };
        }
        let output = command.output().map_err(Failure::doing(format!("start {program}. {ADVICE}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("{program} ended with {}\n{said}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).map_err(Failure::doing(format!("write {}", path.display())))?;
        give(&path, self.owner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(failure) = self.run("pg_ctl", &["stop", "--mode=immediate", "--silent", "-D", "data"]) {
            eprintln!("PostgreSQL was not stopped: {failure}");
        }
    }
}

/// One document: values as random as those of the other contenders where indexes see them first.
fn insertion() -> String {
    // md5 makes 32 of the characters; the rest is fixed, which spares PostgreSQL the work of making it.
    let rest = "x".repeat(TEXT_LENGTH - 32);
    format!(
        "\\set score random(500000000, 999999999)
\\set a random(1, 9000000000000000000)
insert into documents values (
  left(md5((:a::bigint)::text), 20),
  jsonb_build_object('owner', right(md5((:a::bigint)::text), 20), 'score', :score::bigint, 'text', md5((:a::bigint + 1)::text) || '{rest}'));
"
    )
}

fn find_programs() -> Option<PathBuf> {
    let wanted = Path::new(DEBIAN).join(WANTED).join("bin");
    if wanted.join("pgbench").exists() {
        return Some(wanted);
    }
    let versions = std::fs::read_dir(DEBIAN).ok()?;
    versions.flatten().map(|version| version.path().join("bin")).find(|bin| bin.join("pgbench").exists())
}

/// PostgreSQL refuses to run as root: then the directory goes to the account that Debian makes for it.
fn unprivileged_owner(directory: &Path) -> Result<Option<(u32, u32)>, Failure> {
    let mine = std::fs::metadata(directory).map_err(Failure::doing("look at a directory"))?;
    if mine.uid() != 0 {
        return Ok(None);
    }
    let number = |flag: &str| -> Result<u32, Failure> {
        let text = first_line(Command::new("id").args([flag, "postgres"]))?;
        text.parse().map_err(Failure::doing("find the account postgres"))
    };
    let owner = Some((number("-u")?, number("-g")?));
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory, open).map_err(Failure::doing("open a directory"))?;
    give(directory, owner)?;
    Ok(owner)
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> Result<(), Failure> {
    let Some((user, group)) = owner else { return Ok(()) };
    chown(path, Some(user), Some(group)).map_err(Failure::doing(format!("give {} away", path.display())))
}

fn first_line(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(Failure::doing(format!("start {command:?}. {ADVICE}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
