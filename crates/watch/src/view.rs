//! One thing that is watched, for everybody who watches it.

use std::collections::HashMap;
use std::sync::Arc;

use database::{DocumentChange, View as DatabaseView};
use model::{DocumentPath, Status};
use query::{Matcher, MissingIndex};

use crate::event::ChangedDocument;
use crate::mailbox::{Item, Mailbox, Slot};
use crate::window::{Shift, Window};

/// A query as it is watched: the same for all who ask the same.
#[derive(Debug)]
pub(crate) struct Watched {
    pub matcher: Matcher,
    /// What equal queries have in common.
    pub identity: Arc<[u8]>,
}

/// What a target asks for.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Query(Arc<Watched>),
    Documents(Arc<[DocumentPath]>),
}

/// See the module.
pub(crate) struct View {
    pub kind: Kind,
    /// Streams by their number, and which of their targets it is.
    pub subscribers: HashMap<(u64, Slot), Arc<Mailbox>>,
}

pub(crate) enum Kind {
    Document(DocumentPath),
    /// A document on which rights rest.
    Reliance(DocumentPath),
    /// A query whose results do not depend on each other: a change says all.
    Matches(Arc<Watched>),
    /// A query with a limit or an offset.
    Window(Arc<Watched>, Box<Window>),
}

/// The changes of one commit, each with the form of the new document that all streams share.
pub(crate) struct Changes<'a> {
    pub changes: &'a [DocumentChange],
    whole: Vec<Option<Arc<ChangedDocument>>>,
}

impl Watched {
    pub fn new(matcher: Matcher) -> Arc<Self> {
        let identity = matcher.identity().into();
        Arc::new(Watched { matcher, identity })
    }

    /// True when results push each other out, so that they have to be kept.
    pub fn is_window(&self) -> bool {
        self.matcher.limit().is_some() || self.matcher.offset() > 0
    }
}

impl<'a> Changes<'a> {
    pub fn new(changes: &'a [DocumentChange]) -> Self {
        Changes { changes, whole: vec![None; changes.len()] }
    }

    /// The changed document as a query shows it.
    fn shown(&mut self, n: usize, matcher: Option<&Matcher>) -> Result<Option<Arc<ChangedDocument>>, Status> {
        let Some(new) = &self.changes[n].new else { return Ok(None) };
        match matcher.filter(|matcher| !matcher.selects_everything()) {
            Some(matcher) => Ok(Some(ChangedDocument::new(matcher.project(new.clone())?))),
            None => {
                let shared = self.whole[n].get_or_insert_with(|| ChangedDocument::new(new.clone()));
                Ok(Some(shared.clone()))
            }
        }
    }
}

impl View {
    /// The query, unless it is one document.
    pub fn watched(&self) -> Option<&Arc<Watched>> {
        match &self.kind {
            Kind::Document(_) | Kind::Reliance(_) => None,
            Kind::Matches(watched) | Kind::Window(watched, _) => Some(watched),
        }
    }

    /// How many results it keeps.
    pub fn kept(&self) -> usize {
        match &self.kind {
            Kind::Document(_) | Kind::Reliance(_) | Kind::Matches(_) => 0,
            Kind::Window(_, window) => window.kept(),
        }
    }

    /// What the changes that may concern the view mean to its subscribers; `after` is the state after the
    /// commit.
    ///
    /// # Errors
    /// The view cannot be kept up: a damaged document, or a query that cannot be run.
    pub fn apply(
        &mut self,
        changes: &mut Changes<'_>,
        concerned: &[usize],
        after: impl Fn() -> Result<DatabaseView, Status>,
        missing: MissingIndex,
    ) -> Result<Vec<Item>, Status> {
        let gone = |change: &DocumentChange| Item::Deleted(change.path.clone());
        let mut items = Vec::new();
        match &mut self.kind {
            Kind::Document(_) => {
                for n in concerned {
                    let shown = changes.shown(*n, None)?;
                    items.push(shown.map_or_else(|| gone(&changes.changes[*n]), Item::Upsert));
                }
            }
            Kind::Reliance(_) => items.push(Item::Reconsider),
            Kind::Matches(watched) => {
                for n in concerned {
                    items.extend(matched(&watched.matcher, changes, *n)?);
                }
            }
            Kind::Window(watched, window) => {
                let matcher = &watched.matcher;
                let own: Vec<&DocumentChange> = concerned.iter().map(|n| &changes.changes[*n]).collect();
                for (path, shift) in window.apply(&own, matcher, &after, missing)? {
                    let changed = concerned.iter().find(|n| changes.changes[**n].path == path);
                    let shown = changed.map_or(Ok(None), |n| changes.shown(*n, Some(matcher)));
                    items.push(match (shift, shown?) {
                        (Shift::Shown, Some(document)) => Item::Upsert(document),
                        (Shift::Shown, None) => Item::Upsert(newcomer(&path, matcher, &after()?)?),
                        (Shift::Left, Some(document)) => Item::Left(document),
                        (Shift::Left, None) | (Shift::PushedOut, _) => Item::Removed(path),
                        (Shift::Deleted, _) => Item::Deleted(path),
                    });
                }
            }
        }
        Ok(items)
    }
}

/// What a change means to a query without a limit; None when the document was and is not in it.
fn matched(matcher: &Matcher, changes: &mut Changes<'_>, n: usize) -> Result<Option<Item>, Status> {
    let DocumentChange { path, old, new } = &changes.changes[n];
    if let Some(new) = new
        && matcher.place(new)?.is_some()
    {
        return Ok(changes.shown(n, Some(matcher))?.map(Item::Upsert));
    }
    let was = old.as_ref().map_or(Ok(None), |old| matcher.place(old))?.is_some();
    if !was {
        return Ok(None);
    }
    let left = changes.shown(n, Some(matcher))?;
    Ok(Some(left.map_or_else(|| Item::Deleted(path.clone()), Item::Left)))
}

/// A document that moved up into the window because another one left.
fn newcomer(
    path: &DocumentPath,
    matcher: &Matcher,
    after: &DatabaseView,
) -> Result<Arc<ChangedDocument>, Status> {
    let document = after.get(path)?.ok_or_else(|| Status::internal("a kept result exists"))?;
    Ok(ChangedDocument::new(matcher.project(document)?))
}
