//! Listeners' rights while much happens: never told what they may not know, and not asked about more than necessary.

use model::{DocumentPath, Value};
use service::{Call, Commit, ListenEvent, ListenStream, Service, Target, TargetChange, TargetKind};

use crate::text;
use crate::world::{World, call, principal, write};

fn target(id: i32, query: &str) -> Target {
    let what = TargetKind::Query(text::query(query));
    Target { id, what, resume: None, once: false, expected_count: None }
}

async fn until_boundary(stream: &mut ListenStream) {
    loop {
        if let ListenEvent::Targets { change: TargetChange::NoChange, .. } = stream.next().await.unwrap() {
            return;
        }
    }
}

/// The document says itself whether she may know it: it is secret exactly while she is not in the team, by one commit.
#[test]
fn a_secret_is_never_told_however_fast_rights_come_and_go() {
    const COMMITS: usize = 400;
    let world = World::development();
    world.rules(
        "match /t/{d} { allow read:
             if get(/databases/$(database)/documents/users/$(request.auth.uid)).data.team == 'x'; }",
    );
    let commit = |n: usize| {
        let secret = n.is_multiple_of(3);
        let team = if secret { "y" } else { "x" };
        let texts = [format!("t/a {{n: {n}, secret: {secret}}}"), format!("users/ada {{team: \"{team}\"}}")];
        texts.iter().map(|text| write(text)).collect::<Vec<_>>()
    };
    world.commit("owner", commit(1)).unwrap();
    let write_all = async |service: &Service, call: &Call| {
        for n in 0..COMMITS {
            let (database, writes) = (world.name.clone(), commit(n));
            service.commit(call, Commit { database, writes, transaction: None }).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let listen = async || {
        let (mut shown, mut removed, mut id) = (0, 0, 2);
        let mut stream = world.service.listen(&principal("ada"), &world.name).unwrap();
        stream.add_target(target(id, "t")).unwrap();
        loop {
            match stream.next().await.unwrap() {
                ListenEvent::Changed { document, .. } => {
                    let fields = document.document().fields().unwrap();
                    assert_eq!(fields["secret"], Value::Boolean(false), "{fields:?} was told");
                    shown += 1;
                    if fields["n"] == Value::Integer(COMMITS as i64) {
                        return (shown, removed);
                    }
                }
                ListenEvent::Targets { change: TargetChange::Remove, ids, .. } => {
                    assert_eq!(ids, [id]);
                    removed += 1;
                    id += 2;
                    stream.add_target(target(id, "t")).unwrap();
                }
                ListenEvent::Targets { .. }
                | ListenEvent::Removed { .. }
                | ListenEvent::Deleted { .. }
                | ListenEvent::Filter { .. } => {}
            }
        }
    };
    let owner = call("owner");
    world.runtime.block_on(async {
        let writing = async {
            write_all(&world.service, &owner).await;
            // The last one, which she may know: 400 is no multiple of three.
            let (database, writes) = (world.name.clone(), commit(COMMITS));
            world.service.commit(&owner, Commit { database, writes, transaction: None }).await.unwrap();
        };
        let ((shown, removed), ()) = tokio::join!(listen(), writing);
        assert!(shown > 0 && removed > 0, "{shown} shown, {removed} removed");
    });
}

/// How often a condition was evaluated so far.
fn evaluations(world: &World) -> u64 {
    let report = world.service.rule_coverage("p").expect("collected in development");
    report.expressions[0].values.iter().map(|(_, count)| count).sum()
}

#[test]
fn listeners_are_decided_on_again_only_when_what_that_rests_on_changes() {
    const LISTENERS: usize = 50;
    let world = World::development();
    world.commit("owner", vec![write("settings/all {open: true}"), write("c/0 {n: 0}")]).unwrap();
    world.rules(
        "match /c/{d} { allow read: if get(/databases/$(database)/documents/settings/all).data.open; }",
    );
    world.streams.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..LISTENERS {
            let mut stream = world.service.listen(&principal("nobody"), &world.name).unwrap();
            stream.add_target(target(2, "c")).unwrap();
            until_boundary(&mut stream).await;
            streams.push(stream);
        }
        let begun = evaluations(&world);
        let commit = async |text: &str| {
            let writes = vec![write(text)];
            let commit = Commit { database: world.name.clone(), writes, transaction: None };
            world.service.commit(&call("owner"), commit).await.unwrap();
        };
        for n in 0..20 {
            commit(&format!("c/{n} {{n: {n}, round: 2}}")).await;
            for stream in &mut streams {
                until_boundary(stream).await;
            }
        }
        assert_eq!(evaluations(&world), begun, "nothing changed that the rules look at");
        commit("settings/all {open: true, seen: 1}").await;
        commit("c/0 {n: 7}").await;
        for stream in &mut streams {
            until_boundary(stream).await;
        }
        assert_eq!(evaluations(&world), begun + LISTENERS as u64, "each is asked once");
    });
}

#[test]
fn a_target_of_many_documents_ends_when_one_of_them_may_not_be_read_any_more() {
    let world = World::development();
    let documents: Vec<String> = (0..100).map(|n| format!("c/{n} {{open: true}}")).collect();
    world.commit("owner", documents.iter().map(|text| write(text)).collect()).unwrap();
    world.rules("match /c/{d} { allow get: if resource.data.open; }");
    world.streams.block_on(async {
        let mut stream = world.service.listen(&principal("ada"), &world.name).unwrap();
        let paths = (0..100).map(|n| DocumentPath::new(&format!("c/{n}")).unwrap()).collect();
        let what = TargetKind::Documents(paths);
        stream.add_target(Target { id: 2, what, resume: None, once: false, expected_count: None }).unwrap();
        until_boundary(&mut stream).await;
        let writes = vec![write("c/1 {open: true, n: 1}"), write("c/77 {open: false, secret: 1}")];
        let commit = Commit { database: world.name.clone(), writes, transaction: None };
        world.service.commit(&call("owner"), commit).await.unwrap();
        let ListenEvent::Targets { change: TargetChange::Remove, cause: Some(cause), .. } =
            stream.next().await.unwrap()
        else {
            panic!("nothing of the commit is told");
        };
        assert_eq!(cause.code, model::Code::PermissionDenied);
    });
}
