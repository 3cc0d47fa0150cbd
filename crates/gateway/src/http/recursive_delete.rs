//! Deletes a document or a collection with everything below it, as consoles ask for.

use std::time::Instant;

use model::query::{Selector, StructuredQuery};
use model::write::{Operation, Precondition, Write};
use model::{DatabaseName, DocumentPath, FieldPath, Parent, Principal, Status};
use service::{Call, Commit, Explain, ListDocuments, Listed, ReadAt, RunQuery, Service};

/// Documents of a collection that are listed at once.
const PAGE: i32 = 300;

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    /// Also when the document itself is missing.
    Document(DocumentPath),
    Collection {
        parent: Parent,
        id: String,
    },
}

impl Tree {
    /// Reads `c/d/e`, whose segments are decoded; None when one is empty.
    pub(super) fn parse(segments: &[&str]) -> Option<Self> {
        let (last, above) = segments.split_last()?;
        if let Some(document) = DocumentPath::new(&segments.join("/")) {
            return Some(Tree::Document(document));
        }
        let parent = match above {
            [] => Parent::Root,
            above => Parent::Document(DocumentPath::new(&above.join("/"))?),
        };
        (!last.is_empty()).then(|| Tree::Collection { parent, id: (*last).to_owned() })
    }
}

/// Deletes the tree, for who was found to be allowed to. What is written into it meanwhile may stay.
pub(super) async fn run(
    service: &Service,
    database: &DatabaseName,
    tree: Tree,
    deadline: Instant,
) -> Result<(), Status> {
    // Rules have no say: who owns a database, or develops with it, may delete all of it.
    let call = Call { deadline, principal: Principal::Administrator };
    let deleting = Deleting { service, database, call };
    match tree {
        Tree::Document(path) => deleting.documents(&[path]).await,
        Tree::Collection { parent, id } => deleting.collection(parent, id).await,
    }
}

struct Deleting<'a> {
    service: &'a Service,
    database: &'a DatabaseName,
    call: Call,
}

impl Deleting<'_> {
    async fn collection(&self, parent: Parent, id: String) -> Result<(), Status> {
        let mut page_token = String::new();
        loop {
            let list = ListDocuments {
                database: self.database.clone(),
                parent: parent.clone(),
                collection_id: Some(id.clone()),
                order_by: String::new(),
                mask: Some(vec![FieldPath::single("__name__")]),
                show_missing: true,
                page_size: PAGE,
                page_token,
                at: ReadAt::Now,
            };
            let page = self.service.list_documents(&self.call, list).await?;
            let path = |listed| match listed {
                Listed::Document(document) => document.path,
                Listed::Missing(path) => path,
            };
            let paths: Vec<_> = page.documents.into_iter().map(path).collect();
            self.documents(&paths).await?;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }

    /// First what is below, so that a document is there until its tree is gone.
    async fn documents(&self, paths: &[DocumentPath]) -> Result<(), Status> {
        for path in paths {
            self.below(path).await?;
        }
        self.delete(paths).await
    }

    async fn below(&self, path: &DocumentPath) -> Result<(), Status> {
        let from = Selector { collection_id: None, all_descendants: true };
        let query = StructuredQuery {
            select: Some(vec![FieldPath::single("__name__")]),
            ..StructuredQuery::all(Parent::Document(path.clone()), from)
        };
        let run =
            RunQuery { database: self.database.clone(), query, at: ReadAt::Now.into(), explain: Explain::No };
        let mut answer = self.service.run_query(&self.call, run).await?;
        while let Some(step) = answer.next().await? {
            let paths: Vec<_> = step.documents.into_iter().map(|document| document.path).collect();
            self.delete(&paths).await?;
        }
        Ok(())
    }

    /// As many as a page or a step of an answer has: one commit takes them all.
    async fn delete(&self, paths: &[DocumentPath]) -> Result<(), Status> {
        if paths.is_empty() {
            return Ok(());
        }
        let write = |path: &DocumentPath| Write {
            path: path.clone(),
            operation: Operation::Delete,
            precondition: Precondition::None,
        };
        let writes = paths.iter().map(write).collect();
        let commit = Commit { database: self.database.clone(), writes, transaction: None };
        self.service.commit(&self.call, commit).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_a_document_or_a_collection() {
        let document = |path| DocumentPath::new(path).expect("even");
        let table: [(&[&str], Option<Tree>); 6] = [
            (&["c", "d"], Some(Tree::Document(document("c/d")))),
            (&["c"], Some(Tree::Collection { parent: Parent::Root, id: "c".to_owned() })),
            (
                &["c", "d", "e"],
                Some(Tree::Collection { parent: Parent::Document(document("c/d")), id: "e".to_owned() }),
            ),
            (&[], None),
            (&[""], None),
            (&["c", "", "e"], None),
        ];
        for (segments, expected) in table {
            assert_eq!(Tree::parse(segments), expected, "{segments:?}");
        }
    }
}
