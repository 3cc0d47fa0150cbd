//! What a store that is opened again knows of the time before.

use database::{
    ByteRange, Column, ColumnKind, IndexDefinition, IndexFile, IndexScope, NameSource, Options, Scope,
};
use model::query::Direction;
use model::write::{Operation, Precondition, Write};
use model::{DocumentPath, FieldPath, Fields, Parent, Timestamp, Value};
use testkit::crash::{Ledger, NumberedCommit, Report};
use testkit::poll::at_once;
use testkit::world::{EngineKind, World};

fn commit(world: &World, operation: Operation) -> Timestamp {
    let path = DocumentPath::new("c/a").expect("a collection and an id");
    let write = Write { path, operation, precondition: Precondition::None };
    let database = world.database();
    let committed = at_once(async move { database.commit(vec![write], None).await });
    committed.expect("nothing stands in its way").commit_time
}

/// An index that is new in the options, of a database whose documents are all gone but not forgotten: a query in the
/// past must not take it for complete.
#[test]
fn an_index_of_an_empty_database_does_not_know_its_past() {
    for kind in [EngineKind::Memory, EngineKind::Local] {
        let mut world = World::new(kind, 1, Options::default());
        let fields = Fields::from([("n".to_owned(), Value::Integer(1)), ("m".to_owned(), Value::Integer(1))]);
        let then = commit(&world, Operation::Set { fields, mask: None, transforms: Vec::new() });
        commit(&world, Operation::Delete);
        let column = |name: &str| Column { path: FieldPath::single(name), kind: ColumnKind::Ascending };
        let definition = IndexDefinition {
            collection_id: "c".to_owned(),
            scope: IndexScope::CollectionGroup,
            columns: vec![column("n"), column("m")],
        };
        let indexes = IndexFile { indexes: vec![definition], overrides: Vec::new() };
        world.reopen_with(Options { indexes, ..Options::default() });

        let database = world.database();
        let scope = Scope::Group { collection_id: "c".to_owned() };
        let serves = |time: Timestamp| {
            let view = database.view_at(time).expect("not long past");
            let (index, _) = view.indexes().composites(&scope).pop().expect("it is declared");
            index.serves(view.read_time())
        };
        assert!(!serves(then), "{kind:?}");
        let now = database.view().read_time();
        assert!(serves(now), "{kind:?}");
        let path = DocumentPath::new("c/a").expect("a collection and an id");
        assert!(database.view_at(then).expect("not long past").get(&path).expect("it reads").is_some());
    }
}

/// Numbered commits, a restart after every few: all that was acknowledged is there, whole.
#[test]
fn acknowledged_commits_survive_restarts_whole() {
    let mut world = World::new(EngineKind::Local, 1, Options::default());
    let mut ledger = Ledger::new(4);
    for number in 1..=40 {
        let commit = NumberedCommit { client: number as u32 % 3, number };
        ledger.attempt(commit);
        let (database, writes) = (world.database(), commit.writes(ledger.width()));
        at_once(async move { database.commit(writes, None).await }).expect("nothing stands in its way");
        ledger.acknowledge(commit);
        if number % 8 == 0 {
            world.reopen();
        }
    }
    let view = world.database().view();
    let source = NameSource::Children { parent: Parent::Root };
    let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
    let documents = std::iter::from_fn(|| scan.next().expect("it reads"));
    let documents = documents.map(|one| (one.path.clone(), one.fields().expect("a body that was written")));
    assert_eq!(ledger.verify(documents), Ok(Report { acknowledged: 40, unacknowledged: 0 }));
}
