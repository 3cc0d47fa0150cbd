//! Where callers are verified, denials say what production says and no more, and nothing is allowed that no rule allows.

use model::{Code, Status};
use service::{Commit, ResumeWrites, RulesOf, WriteAnswer};

use crate::operations::{Operation, all};
use crate::text;
use crate::world::{World, call, principal, write};

const DENIED: &str = "Missing or insufficient permissions.";

fn message(outcome: Result<String, Status>) -> Option<(Code, String)> {
    outcome.err().map(|status| (status.code, status.message))
}

#[test]
fn without_rules_end_users_may_do_nothing_and_accounts_what_their_roles_say() {
    let world = World::verified();
    world.commit("owner", vec![write("c/a {n: 1}"), write("c/b {n: 1}")]).unwrap();
    let denied = Some((Code::PermissionDenied, DENIED.to_owned()));
    for (name, operation) in all() {
        for who in ["ada", "nobody", "stranger", "foreigner"] {
            assert_eq!(message(operation.run(&world, who)), denied, "{who}: {name}");
        }
        let outcome = message(operation.run(&world, "chief"));
        assert!(outcome.as_ref().is_none_or(|(code, _)| *code == Code::NotFound), "{name}: {outcome:?}");
    }
}

#[test]
fn denials_under_rules_give_no_reasons_away() {
    let world = World::verified();
    world.commit("owner", vec![write("c/a {n: 1}")]).unwrap();
    world.rules("match /c/{d} { allow read, write: if resource.data.secret == 'squeamish ossifrage'; }");
    for (name, operation) in all() {
        let (code, text) = match message(operation.run(&world, "ada")) {
            Some(refusal) => refusal,
            None if name == "begin read-only" => continue,
            None => panic!("{name} was allowed"),
        };
        assert_eq!((code, text.as_str()), (Code::PermissionDenied, DENIED), "{name}");
    }
    assert!(world.service.rule_coverage("p").is_none(), "coverage shows data");
}

#[test]
fn rules_of_a_project_and_of_a_database_are_for_those_alone() {
    let world = World::verified();
    world.commit("owner", vec![write("c/a {n: 1}")]).unwrap();
    let source = |condition: &str| {
        format!(
            "service cloud.firestore {{ match /databases/{{db}}/documents/{{d=**}} {{ allow read: if {condition}; }} }}"
        )
    };
    let get = Operation::Get("c/a".to_owned());
    let set = |of, condition: &str| world.service.set_rules(of, Some(&source(condition))).unwrap();
    set(RulesOf::Project("q"), "true");
    assert!(get.run(&world, "nobody").is_err(), "those are rules of another project");
    set(RulesOf::Project("p"), "true");
    assert!(get.run(&world, "nobody").is_ok());
    set(RulesOf::Database(&world.name), "false");
    assert!(get.run(&world, "nobody").is_err());
    assert!(world.service.set_rules(RulesOf::Database(&world.name), Some("service {")).is_err());
    assert!(get.run(&world, "nobody").is_err(), "a broken source changes nothing");
    world.service.set_rules(RulesOf::Database(&world.name), None).unwrap();
    assert!(get.run(&world, "nobody").is_ok());
}

#[test]
fn end_users_make_no_databases_by_naming_them() {
    let world = World::verified();
    world.rules("match /{d=**} { allow read, write: if true; }");
    let commit = |who: &str, project: &str, database: &str| {
        let database = model::DatabaseName::new(project, database);
        let commit = Commit { database, writes: vec![write("c/a {n: 1}")], transaction: None };
        world.runtime.block_on(world.service.commit(&call(who), commit)).map_err(|status| status.code).err()
    };
    let denied = Some(Code::PermissionDenied);
    assert_eq!(commit("nobody", "made-up", "(default)"), denied);
    assert_eq!(commit("nobody", "p", "(default)"), denied);
    assert_eq!(commit("ada", "p", "made-up"), denied);
    assert_eq!(commit("ada", "p", "(default)"), None, "the one that its token is for");
    assert_eq!(commit("nobody", "p", "(default)"), None, "it is there now");
    let _runtime = world.streams.enter();
    let made_up = model::DatabaseName::new("made-up", "(default)");
    let listening = world.service.listen(&principal("nobody"), &made_up).map(drop);
    assert_eq!(listening.map_err(|status| status.code).err(), denied);
    for who in ["nobody", "ada", "foreigner", "viewer"] {
        let writing = world.service.write_stream(&principal(who), &made_up, None).map(drop);
        assert_eq!(writing.map_err(|status| status.code).err(), denied, "{who}");
    }
}

/// Who overhears a stream's name can neither hear what was written nor throw its holder out.
#[test]
fn a_write_stream_is_resumed_only_by_who_opened_it() {
    let world = World::verified();
    world.commit("owner", vec![write("c/old {n: 0}")]).unwrap();
    world.rules("match /c/{d} { allow create: if true; }");
    world.runtime.block_on(async {
        let mut stream = world.service.write_stream(&principal("ada"), &world.name, None).unwrap();
        let (id, token) = (stream.id().to_owned(), stream.token());
        stream.begin(vec![write("c/a {n: 1}")]);
        stream.next().await.unwrap();
        let resume = |who: &str| {
            let resume = Some(ResumeWrites { id: &id, token: &token });
            world.service.write_stream(&principal(who), &world.name, resume).map_err(|status| status.code)
        };
        for who in ["nobody", "stranger", "user", "owner"] {
            assert_eq!(resume(who).map(drop), Err(Code::Aborted), "{who}");
        }
        stream.begin(vec![write("c/b {n: 1}")]);
        stream.next().await.expect("nobody took it over");
        drop(stream);
        resume("ada").unwrap().next().await.expect("the first answer again");
    });
}

#[test]
fn control_takes_the_role_of_an_owner() {
    let world = World::verified();
    let require =
        |who: &str| world.service.require(&call(who), model::principal::Role::Owner, &world.name).is_ok();
    let who = ["owner", "chief", "user", "viewer", "foreigner", "ada", "nobody"];
    assert_eq!(who.map(require), [true, true, false, false, false, false, false]);
    let development = World::development();
    let nobody = call("nobody");
    assert!(development.service.require(&nobody, model::principal::Role::Owner, &development.name).is_ok());
}

#[test]
fn write_streams_are_decided_commit_by_commit() {
    let world = World::verified();
    world.commit("owner", vec![write("c/old {n: 0}")]).unwrap();
    world.rules("match /c/{d} { allow create: if request.resource.data.n > 0; }");
    let run = async |who: &str, texts: &[&str]| -> Result<WriteAnswer, Status> {
        let mut stream = world.service.write_stream(&principal(who), &world.name, None)?;
        let mut answer = None;
        for text in texts {
            stream.begin(vec![write(text)]);
            answer = Some(stream.next().await?);
        }
        Ok(answer.expect("there was a commit"))
    };
    world.runtime.block_on(async {
        assert!(run("ada", &["c/a {n: 1}", "c/b {n: 2}"]).await.is_ok());
        let refused = run("ada", &["c/x {n: 1}", "c/y {n: 0}"]).await.expect_err("the second is denied");
        assert_eq!((refused.code, refused.message.as_str()), (Code::PermissionDenied, DENIED));
        assert!(run("viewer", &["c/z {n: 1}"]).await.is_err());
    });
    assert!(world.fields("c/x").is_some() && world.fields("c/y").is_none() && world.fields("c/z").is_none());
}

#[test]
fn server_times_in_documents_equal_the_time_of_the_request() {
    let world = World::verified();
    world.commit("owner", vec![write("c/old {n: 0}")]).unwrap();
    world.rules("match /c/{d} { allow create: if request.resource.data.at == request.time; }");
    let mut now = write("c/a {n: 1}");
    let model::write::Operation::Set { transforms, .. } = &mut now.operation else { unreachable!("it sets") };
    let path = model::FieldPath::single("at");
    transforms.push(model::write::FieldTransform { path, kind: model::write::TransformKind::RequestTime });
    world.commit("ada", vec![now]).unwrap();
    assert!(world.commit("ada", vec![write("c/b {at: null}")]).is_err());
}

#[test]
fn coverage_counts_over_all_operations_in_development() {
    let world = World::development();
    world.commit("owner", vec![write("c/a {n: 1}")]).unwrap();
    world.rules("match /c/{d} { allow read, write: if request.auth != null; }");
    let operations = [
        Operation::Get("c/a".to_owned()),
        Operation::Count("c".to_owned()),
        Operation::Commit(vec![write("c/a {n: 2}"), write("c/b {n: 2}")]),
    ];
    for operation in &operations {
        operation.run(&world, "ada").unwrap();
        operation.run(&world, "nobody").unwrap_err();
    }
    let report = world.service.rule_coverage("p").expect("it is collected in development");
    assert!(report.source.contains("request.auth"));
    let condition = &report.expressions[0];
    let mut counts: Vec<(String, u64)> =
        condition.values.iter().map(|(value, count)| (format!("{value:?}"), *count)).collect();
    counts.sort();
    let expected = [("Value(Bool(false))".to_owned(), 3), ("Value(Bool(true))".to_owned(), 4)];
    assert_eq!(counts, expected, "nobody's commit ends with its first write");
    assert_eq!(text::fields("{n: 2}"), world.fields("c/a").unwrap());
}

/// Other commits wait while rules are asked, so that must end.
#[test]
fn rules_that_take_too_long_refuse_their_commit_and_no_other() {
    let world = World::restless(std::time::Duration::from_millis(50));
    world.rules("match /c/{d} { allow write: if !exists(/databases/$(database)/documents/none/$(d)); }");
    let writes = |count: usize| (0..count).map(|n| write(&format!("c/{n} {{n: 1}}"))).collect::<Vec<_>>();
    world.commit("ada", writes(4)).unwrap();
    for (count, when) in [(12, "on the way"), (5, "in the last decision")] {
        let refused = world.commit("ada", writes(count)).unwrap_err();
        assert_eq!(refused.code, Code::PermissionDenied, "{when}");
        assert!(refused.message.contains("take longer than 500 ms"), "{when}: {refused}");
        assert!(world.fields(&format!("c/{}", count - 1)).is_none(), "{when}");
    }
    world.commit("ada", writes(4)).unwrap();
}
