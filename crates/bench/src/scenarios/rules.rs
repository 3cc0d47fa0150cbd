//! What security rules cost: reads and commits of an end user beside those of the administrator, and compiling.

use std::fmt::Write;
use std::time::Instant;

use host::Random;

use crate::contenders::account::Account;
use crate::contenders::bulk::{self, Content, Load};
use crate::contenders::end_user::{self, EndUser};
use crate::contenders::firestore::{self, CommitClient};
use crate::contenders::readers::PointReader;
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::Rounds;
use crate::load::drive;
use crate::report::{self, Section};
use crate::setting::Setting;

/// Documents that are read, and statements that are compiled.
const DOCUMENTS: u64 = 10_000;
const STATEMENTS: usize = 1_000;
const COMPILATIONS: usize = 20;

#[derive(Default)]
struct Found {
    administrator: Rounds,
    account: Rounds,
    open: Rounds,
    guarded: Rounds,
    administrators_commits: Rounds,
    commits: Rounds,
}

/// Two servers on the same documents: one believes everybody, the other verifies an end user and asks rules.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let (believing_data, verifying_data, keys) =
        (setting.directory()?, setting.directory()?, setting.directory()?);
    let user = EndUser::new(keys.path(), &bulk::id(0))?;
    let account = Account::new(&setting.server, keys.path())?;
    for data in [&believing_data, &verifying_data] {
        let loading = IroriServer::start(&setting.server, data.path())?;
        load(&loading).await?;
        loading.stop()?;
    }
    // Both begin with what is on the disk: documents that are still in memory are read faster.
    let believing = IroriServer::start(&setting.server, believing_data.path())?;
    let arguments = [user.arguments(), &account.arguments].concat();
    let verifying = IroriServer::start_with(&setting.server, verifying_data.path(), &arguments)?;
    let found = compare(setting, (&user, &account), &believing, &verifying).await?;
    Ok(section(&found, setting.clients))
}

async fn load(server: &IroriServer) -> Result<(), Failure> {
    for (collection, documents) in
        [("guarded", DOCUMENTS), ("open", DOCUMENTS), ("users", 1), ("settings", 1)]
    {
        bulk::load(server.address, &Load { collection, documents, content: Content::Samples }).await?;
    }
    Ok(())
}

async fn compare(
    setting: &Setting,
    (user, account): (&EndUser, &Account),
    believing: &IroriServer,
    verifying: &IroriServer,
) -> Result<Found, Failure> {
    let readers = async |server: &IroriServer, collection, header: tonic::metadata::AsciiMetadataValue| {
        let load = Load { collection, documents: DOCUMENTS, content: Content::Samples };
        let channels = firestore::connect(server.address, setting.clients).await?;
        let reader = |(random, channel)| PointReader::new(channel, &load, random).by(header.clone());
        Ok::<Vec<_>, Failure>((0..).map(Random::from_seed).zip(channels).map(reader).collect())
    };
    let mut administrators = readers(believing, "guarded", end_user::administrator()?).await?;
    let mut accounts = readers(verifying, "guarded", end_user::header(&account.authorization)?).await?;
    let mut open = readers(verifying, "open", user.header()?).await?;
    let mut guarded = readers(verifying, "guarded", user.header()?).await?;
    let committers = async |server: &IroriServer, authorization: &str| {
        let clients = CommitClient::several(server.address, setting.clients).await?;
        Ok::<Vec<_>, Failure>(clients.into_iter().map(|client| client.by(authorization)).collect())
    };
    let mut administrators_commits = committers(believing, "Bearer owner").await?;
    let mut commits = committers(verifying, &user.authorization).await?;
    let mut found = Found::default();
    for _ in 0..setting.rounds {
        let round;
        (administrators, round) = drive(administrators, setting.time, believing.processor()).await?;
        found.administrator.push(round);
        let round;
        (accounts, round) = drive(accounts, setting.time, verifying.processor()).await?;
        found.account.push(round);
        let round;
        (open, round) = drive(open, setting.time, verifying.processor()).await?;
        found.open.push(round);
        let round;
        (guarded, round) = drive(guarded, setting.time, verifying.processor()).await?;
        found.guarded.push(round);
        let round;
        (administrators_commits, round) =
            drive(administrators_commits, setting.time, believing.processor()).await?;
        found.administrators_commits.push(round);
        let round;
        (commits, round) = drive(commits, setting.time, verifying.processor()).await?;
        found.commits.push(round);
    }
    Ok(found)
}

fn section(found: &Found, clients: usize) -> Section {
    let mut section = Section::new("rules", "Security rules");
    section.unit = "calls per second, more is better";
    let lines = [
        ("point reads of the administrator", &found.administrator, false),
        ("of a service account, whom no rule is asked about", &found.account, false),
        ("of an end user, rule without look-ups", &found.open, true),
        ("of an end user, rule of two get()s", &found.guarded, true),
        ("commits of the administrator", &found.administrators_commits, false),
        ("of an end user, rule of one get()", &found.commits, true),
    ];
    for (what, rounds, ours) in lines {
        section.line(what, report::rounds(rounds));
        section.bar(what, rounds.per_second(), ours);
    }
    let share = found.guarded.ratio_to(&found.account);
    let what = "point reads, two get()s / service account";
    section.judged(what, report::number(share), "≥ 0.8", share >= 0.8);
    let share = found.guarded.ratio_to(&found.administrator);
    section.line("point reads, two get()s / administrator, who shows no token", report::number(share));
    let share = found.commits.ratio_to(&found.administrators_commits);
    section.line("commits, one get() / administrator", report::number(share));
    let took = compilation();
    let met = took.as_millis() < 50;
    section.judged(format!("compiling {STATEMENTS} allow statements"), report::time(took), "< 50 ms", met);
    section.remark(format!(
        "{clients} clients, each with a connection of its own; {DOCUMENTS} documents, read at random. The end user's token is \
         signed by an issuer, the account's by itself; each has some 600 bytes, comes with every call and is verified once; the rules of a read are decided on the view that it reads, those of a commit \
         at the committer's turn."
    ));
    section
}

/// The fastest of several.
fn compilation() -> std::time::Duration {
    let mut source =
        "rules_version = '2'; service cloud.firestore { match /databases/{db}/documents {\n".to_owned();
    for n in 0..STATEMENTS {
        writeln!(
            source,
            "match /c{n}/{{d}} {{ allow read: if request.auth != null && resource.data.owner == request.auth.uid \
             && get(/databases/$(db)/documents/users/$(request.auth.uid)).data.level > {n}; }}"
        )
        .expect("a string takes everything");
    }
    source += "} }";
    let took = (0..COMPILATIONS).map(|_| {
        let begin = Instant::now();
        rules::Ruleset::compile(&source).expect("it is sound");
        begin.elapsed()
    });
    took.min().expect("there were some")
}
