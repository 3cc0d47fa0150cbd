//! A client as the clients' libraries are: what it makes of the messages, and that polling answers the same.

use std::collections::BTreeMap;

use database::View;
use model::{DocumentPath, Timestamp};
use query::MissingIndex;
use testkit::notation::show_time;
use watch::{ListenEvent, TargetChange};

use crate::text;

pub const QUERIES: &[&str] = &[
    "c",
    "c where n = 1",
    "c where n = 2",
    "c where n in [1, 3]",
    "c where n > 1",
    "c where n != 2",
    "c where n >= 1 and m < 3",
    "c where n = 1 or m = 2",
    "c where t contains 1",
    "c where t contains any [1, 2] and n = 1",
    "c order by n limit 2",
    "c order by n desc limit 1",
    "c order by m desc, n limit 3",
    "c where n > 0 order by n offset 1 limit 2",
    "c where n = 1 or n = 2 limit 2",
    "c order by n from (1) before (3)",
    "c order by n after (1) limit 2",
    "c where __name__ >= /c/b limit 2",
    "c where __name__ = /c/b",
    "c select (m)",
    "c limit 1",
    "group c",
    "group c where n = 1",
    "group c order by n limit 3",
    "everything below c/a",
    "c/a/c where n = 1",
];
const DOCUMENTS: &[&str] = &["c/a", "c/b", "c/d", "c/e", "c/f", "c/a/c/x", "c/a/c/y", "d/a"];
/// More of them, so that queries with a limit do not know all that match.
const MORE: usize = 60;

pub const STREAMS: &[&str] = &["one", "two", "three"];

/// What a client knows of a target.
#[derive(Clone, Default)]
pub struct Known {
    pub query: usize,
    pub documents: BTreeMap<DocumentPath, Timestamp>,
    pub current: bool,
}

#[derive(Default)]
pub struct Client {
    pub targets: BTreeMap<i32, Known>,
    pub position: Option<Timestamp>,
    /// The targets at the last boundary.
    settled: BTreeMap<i32, Known>,
    pub held: bool,
}

impl Client {
    /// Takes a message as the clients' libraries do; answers the time of a boundary.
    pub fn fold(&mut self, event: ListenEvent) -> Option<Timestamp> {
        match event {
            ListenEvent::Targets { change, ids, cause, read_time, .. } => {
                assert_eq!(cause, None);
                for id in &ids {
                    let Some(known) = self.targets.get_mut(id) else { continue };
                    match change {
                        TargetChange::Current => known.current = true,
                        TargetChange::Reset => {
                            known.documents.clear();
                            known.current = false;
                        }
                        TargetChange::Add | TargetChange::NoChange => {}
                        TargetChange::Remove => panic!("nobody removed {id}"),
                    }
                }
                if change == TargetChange::NoChange && ids.is_empty() {
                    assert!(read_time >= self.position, "time never goes back");
                    self.position = read_time;
                    self.settled.clone_from(&self.targets);
                    return read_time;
                }
            }
            ListenEvent::Changed { document, targets, removed } => {
                let document = document.document();
                for id in targets {
                    if let Some(known) = self.targets.get_mut(&id) {
                        known.documents.insert(document.path.clone(), document.update_time);
                    }
                }
                self.forget(&document.path, &removed);
            }
            ListenEvent::Removed { path, targets, .. } | ListenEvent::Deleted { path, targets, .. } => {
                self.forget(&path, &targets);
            }
            ListenEvent::Filter { .. } => {}
        }
        None
    }

    /// Asserts that polling answers the same at the view's time.
    pub fn compare(&self, view: &View) {
        self.targets.values().filter(|known| known.current).for_each(|known| known.compare(view));
    }

    /// The connection is lost, and with it what came after the last boundary.
    pub fn lose_connection(&mut self) {
        for (id, known) in &mut self.targets {
            if let Some(settled) = self.settled.get(id) {
                known.clone_from(settled);
            } else {
                known.current = false;
            }
        }
    }

    fn forget(&mut self, path: &DocumentPath, ids: &[i32]) {
        for id in ids {
            if let Some(known) = self.targets.get_mut(id) {
                known.documents.remove(path);
            }
        }
    }
}

impl Known {
    fn compare(&self, view: &View) {
        let text = QUERIES[self.query];
        let mut rows = query::run_query(view, &text::query(text), MissingIndex::Suggest).unwrap().documents;
        let mut polled = BTreeMap::new();
        while let Some(document) = rows.next().unwrap() {
            polled.insert(document.path, document.update_time);
        }
        assert_eq!(self.documents, polled, "{text} at {}", show_time(view.read_time()));
    }
}

/// One of the documents that are written.
pub fn document(n: usize) -> String {
    match DOCUMENTS.get(n % (2 * DOCUMENTS.len())) {
        Some(path) => (*path).to_owned(),
        None => format!("c/{}", n % MORE),
    }
}
