//! The collections below a document or the root.

use model::principal::Role;
use model::{DatabaseName, Parent, Status};

use crate::blocking::Length;
use crate::reader::Reader;
use crate::{Call, ReadAt, Service, page_token};

/// Ids on a page when the request names no size, and at most.
const MAX_PAGE: usize = 1_000;

/// Below what, and which page.
#[derive(Clone, Debug, PartialEq)]
pub struct ListCollectionIds {
    pub database: DatabaseName,
    pub parent: Parent,
    /// 0 lets the server choose.
    pub page_size: i32,
    /// Empty for the first page.
    pub page_token: String,
    pub at: ReadAt,
}

/// One page of ids, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedCollectionIds {
    pub ids: Vec<String>,
    /// Empty after the last page.
    pub next_page_token: String,
}

impl Service {
    /// Answers ids of collections that have documents, or documents below them.
    pub async fn list_collection_ids(
        &self,
        call: &Call,
        request: ListCollectionIds,
    ) -> Result<ListedCollectionIds, Status> {
        let ListCollectionIds { database, parent, page_size, page_token, at } = request;
        let permit = self.permit(call, &database, Role::Viewer)?;
        permit.servers_only("Metadata operations require admin authentication.")?;
        let size = page_size_of(page_size, MAX_PAGE)?;
        let parameters = (&database, &parent);
        let after = page_token::read(&parameters, &page_token)?;
        let (reader, _) = Reader::open(self.database(&database)?, at.into())?;
        let below = parent.clone();
        let (mut ids, _) =
            self.work.read(call, &reader, Length::Long, move |view| view.collection_ids(&below)).await?;
        if let Some(after) = after {
            ids.retain(|id| id.as_bytes() > after.as_slice());
        }
        let more = ids.len() > size;
        ids.truncate(size);
        let next_page_token = match ids.last() {
            Some(last) if more => page_token::write(&parameters, last.as_bytes()),
            Some(_) | None => String::new(),
        };
        Ok(ListedCollectionIds { ids, next_page_token })
    }
}

/// The size of a page: what is asked, within `limit`.
pub(crate) fn page_size_of(asked: i32, limit: usize) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(limit),
        Ok(asked) => Ok(asked.min(limit)),
        Err(_) => Err(Status::invalid_argument("Page size must be nonnegative.")),
    }
}
