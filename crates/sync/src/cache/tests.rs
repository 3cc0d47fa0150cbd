//! The cache by itself: what a batch does, what a crash leaves, what is refused.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::change::Key;
use crate::source::{Collection, Stretch};

fn source() -> Source {
    Source {
        project: "p".to_owned(),
        database: "(default)".to_owned(),
        collection: Collection::One("c".to_owned()),
        conditions: Vec::new(),
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("cache.db");
    (directory, path)
}

fn open(path: &Path, bounds: Bounds) -> Cache {
    Cache::open(path, &source(), bounds).expect("a cache")
}

fn row(name: &str, updated: i64) -> Row {
    let fields = format!(r#"{{"n":{{"integerValue":"{updated}"}}}}"#);
    Row { name: name.to_owned(), fields, create_time: Time(1), update_time: Time(updated) }
}

fn set(name: &str, updated: i64) -> Change {
    Change::Set(row(name, updated))
}

fn delete(name: &str) -> Change {
    Change::Delete(name.to_owned())
}

fn names(cache: &Cache) -> Vec<String> {
    let mut select = cache.connection.prepare("SELECT name FROM documents ORDER BY name").expect("tables");
    select.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect()
}

fn following(as_of: i64) -> Cursor {
    Cursor::Following { as_of: Time(as_of), token: Some(vec![1, 2]) }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Failure>) -> Kind {
    result.expect_err("it is refused").kind
}

#[test]
fn a_batch_and_its_cursor_are_there_after_opening_again() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    assert_eq!(cache.cursor(), Ok(Cursor::Fresh));
    let applied = cache.apply(&[set("c/a", 5), set("c/b", 6), delete("c/none")], Some(&following(7)));
    assert_eq!(applied, Ok(Applied { set: 2, deleted: 0, evicted: 0 }));
    let held = cache.held();
    drop(cache);
    let mut cache = open(&path, Bounds::default());
    assert_eq!((cache.cursor(), cache.held()), (Ok(following(7)), held));
    assert_eq!(cache.get("c/a"), Ok(Some(row("c/a", 5))));
    assert_eq!(cache.get("c/none"), Ok(None));
    assert_eq!(cache.apply(&[delete("c/a"), delete("c/b")], None).map(|applied| applied.deleted), Ok(2));
    assert_eq!((cache.held().rows, cache.held().bytes), (0, 0));
}

#[test]
fn a_version_that_is_known_changes_nothing() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    cache.send_changes();
    for expected in [1, 0, 0] {
        assert_eq!(cache.apply(&[set("c/a", 5)], None).map(|applied| applied.set), Ok(expected));
    }
    assert_eq!(cache.apply(&[set("c/a", 6)], None).map(|applied| applied.set), Ok(1));
    assert_eq!(cache.outgoing().expect("a file").map(|outgoing| outgoing.count), Some(2));
}

#[test]
fn changes_stay_in_the_outbox_until_they_are_delivered_and_keep_their_numbers() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    cache.send_changes();
    cache.apply(&[set("c/a", 5), delete("c/a")], None).expect("applied");
    let first = cache.outgoing().expect("a file").expect("changes");
    let lines: Vec<&str> = first.lines.lines().collect();
    assert!(lines[0].starts_with(r#"{"number":1,"type":"set","name":"c/a","createTime":"#), "{lines:?}");
    assert_eq!(lines[1], r#"{"number":2,"type":"delete","name":"c/a"}"#);
    drop(cache);
    let mut cache = open(&path, Bounds::default());
    cache.send_changes();
    assert_eq!(cache.outgoing(), Ok(Some(first.clone())));
    cache.delivered(&first).expect("written");
    assert_eq!(cache.outgoing(), Ok(None));
    cache.apply(&[set("c/b", 6)], None).expect("applied");
    assert!(cache.outgoing().expect("a file").expect("a change").lines.starts_with(r#"{"number":3,"#));
}

#[test]
fn a_full_cache_keeps_what_was_used_last_and_does_not_miss_the_rest() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds { rows: Some(3), bytes: None });
    let changes: Vec<_> = (1..=5).map(|n| set(&format!("c/{n}"), n)).collect();
    assert_eq!(cache.apply(&changes, None).map(|applied| applied.evicted), Ok(2));
    assert_eq!(names(&cache), ["c/3", "c/4", "c/5"]);
    // What had to go does not come back by being told or compared again …
    assert_eq!(cache.apply(&[set("c/1", 1)], None), Ok(Applied::default()));
    let keys: Vec<_> = (1..=5).map(|n| Key { name: format!("c/{n}"), update_time: Time(n) }).collect();
    assert_eq!(cache.unknown(&keys), Ok(Vec::new()));
    cache.note_seen(&keys).expect("noted");
    assert_eq!(cache.lacking("", 10), Ok(Vec::new()));
    // … but it does when it changes; and what is read is used.
    cache.get("c/3").expect("a file").expect("a document");
    cache.apply(&[set("c/1", 9)], None).expect("applied");
    assert_eq!(names(&cache), ["c/1", "c/3", "c/5"]);
    drop(cache);
    let cache = open(&path, Bounds { rows: Some(2), bytes: None });
    assert_eq!(names(&cache), ["c/1", "c/3"]);
}

#[test]
fn bytes_are_a_bound_as_well() {
    let (_directory, path) = place();
    let size = row("c/1", 1).size() as u64;
    let mut cache = open(&path, Bounds { rows: None, bytes: Some(2 * size) });
    let changes: Vec<_> = (1..=4).map(|n| set(&format!("c/{n}"), n)).collect();
    cache.apply(&changes, None).expect("applied");
    assert_eq!((names(&cache), cache.held().bytes), (vec!["c/3".to_owned(), "c/4".to_owned()], 2 * size));
}

#[test]
fn a_full_disk_loses_nothing() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    cache.apply(&[set("c/a", 5)], Some(&following(5))).expect("applied");
    let held = cache.held();
    let pages: i64 = cache.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a number");
    cache.connection.pragma_update(None, "max_page_count", pages).expect("a limit");
    let many: Vec<_> = (0..2_000).map(|n| set(&format!("c/{n}"), 6)).collect();
    assert_eq!(kind(cache.apply(&many, Some(&following(6)))), Kind::DiskFull);
    assert_eq!(
        (cache.held(), cache.cursor(), names(&cache)),
        (held, Ok(following(5)), vec!["c/a".to_owned()])
    );
    cache.connection.pragma_update(None, "max_page_count", i64::from(u32::MAX - 1)).expect("a limit");
    cache.apply(&many, Some(&following(6))).expect("there is room again");
    assert_eq!(cache.held().rows, 2_001);
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let (_directory, path) = place();
    let sqlite = |sql: &str| {
        let connection = Connection::open(&path).expect("a file");
        connection.execute_batch(sql).expect("SQL");
    };
    std::fs::write(&path, "This is a letter, and no database at all.\n".repeat(100)).expect("written");
    let before = std::fs::read(&path).expect("read");
    assert_eq!(kind(Cache::open(&path, &source(), Bounds::default())), Kind::Cache);
    assert_eq!(std::fs::read(&path).expect("read"), before);
    std::fs::remove_file(&path).expect("removed");

    sqlite("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x')");
    let before = std::fs::read(&path).expect("read");
    assert_eq!(kind(Cache::open(&path, &source(), Bounds::default())), Kind::Cache);
    assert_eq!(std::fs::read(&path).expect("read"), before);
    std::fs::remove_file(&path).expect("removed");

    open(&path, Bounds::default()).apply(&[], Some(&following(1))).expect("applied");
    let other = Source { project: "another".to_owned(), ..source() };
    assert_eq!(kind(Cache::open(&path, &other, Bounds::default())), Kind::Cache);
    sqlite("PRAGMA user_version = 99");
    assert_eq!(kind(Cache::open(&path, &source(), Bounds::default())), Kind::Cache);
    assert_eq!(kind(Cache::open_to_read(&path.with_extension("none"))), Kind::Cache);
}

#[test]
fn an_empty_cache_becomes_another_source_s() {
    let (_directory, path) = place();
    drop(open(&path, Bounds::default()));
    let other = Source { collection: Collection::One("d".to_owned()), ..source() };
    let cache = Cache::open(&path, &other, Bounds::default()).expect("nothing is lost by it");
    assert_eq!(cache.source(), &other);
}

#[test]
fn one_at_a_time_writes_and_others_look_on() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    assert_eq!(kind(Cache::open(&path, &source(), Bounds::default())), Kind::Cache);
    let reader = Cache::open_to_read(&path).expect("a reader");
    cache.apply(&[set("c/a", 5)], Some(&following(5))).expect("applied");
    assert_eq!((reader.cursor(), names(&reader)), (Ok(Cursor::Fresh), Vec::new()));
}

#[test]
fn what_is_put_aside_counts_when_it_is_whole() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    cache.apply(&[set("c/a", 1), set("c/b", 1), set("c/c", 1)], None).expect("applied");
    cache.stage(&[set("c/a", 2), delete("c/b")]).expect("staged");
    assert_eq!(names(&cache), ["c/a", "c/b", "c/c"]);
    let applied = cache.apply_staged(&[set("c/d", 3)], false, &following(3));
    assert_eq!(applied, Ok(Applied { set: 2, deleted: 1, evicted: 0 }));
    assert_eq!(names(&cache), ["c/a", "c/c", "c/d"]);
    cache.stage(&[set("c/a", 2)]).expect("staged");
    let applied = cache.apply_staged(&[set("c/e", 4)], true, &following(4));
    assert_eq!(applied, Ok(Applied { set: 1, deleted: 2, evicted: 0 }));
    assert_eq!(names(&cache), ["c/a", "c/e"]);
    // Nothing stays behind for the next snapshot.
    assert_eq!(cache.apply_staged(&[], false, &following(5)), Ok(Applied::default()));
}

#[test]
fn differences_of_a_stretch_are_found() {
    let (_directory, path) = place();
    let mut cache = open(&path, Bounds::default());
    cache.apply(&(0..10).map(|n| set(&format!("c/{n}"), 1)).collect::<Vec<_>>(), None).expect("applied");
    let stretch = Stretch { after: Some("c/2".to_owned()), to: Some("c/6".to_owned()) };
    let local = cache.local(&stretch).expect("a file");
    assert_eq!(local.count, 4);
    let key = |n: &str, updated| Key { name: format!("c/{n}"), update_time: Time(updated) };
    let theirs = [key("3", 1), key("3a", 1), key("4", 2), key("6", 1)];
    cache.note_seen(&theirs).expect("noted");
    let mut checksum = Checksum::default();
    theirs.iter().for_each(|key| checksum.add(&key.name, key.update_time));
    assert_ne!(checksum, local.checksum);
    assert_eq!(cache.lacking("", 10), Ok(vec![(key("3a", 1), false), (key("4", 2), true)]));
    assert_eq!(cache.surplus(&stretch, "", 10), Ok(vec!["c/5".to_owned()]));
    assert_eq!(cache.name_after(Some("c/2"), 3), Ok(Some("c/5".to_owned())));
    assert_eq!(cache.name_after(Some("c/8"), 3), Ok(None));
    assert_eq!(cache.has_numeric_ids(), Ok(false));
    cache.apply(&[set("c/__id7__", 1)], None).expect("applied");
    assert_eq!(cache.has_numeric_ids(), Ok(true));
}
