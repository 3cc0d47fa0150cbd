//! A query split into ranges of names that can be read side by side.

use model::principal::Role;
use model::query::{PartitionQuery, StructuredQuery};
use model::{DatabaseName, DocumentName, Status};

use crate::blocking::Length;
use crate::reader::Reader;
use crate::{Call, ReadAt, Service, page_token};

/// What to split, into how many, and which page.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub database: DatabaseName,
    pub query: StructuredQuery,
    pub partition_count: i64,
    /// 0 for all on one page.
    pub page_size: i32,
    /// Empty for the first page.
    pub page_token: String,
    pub at: ReadAt,
}

/// One page of cursors, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partitioned {
    pub cursors: Vec<DocumentName>,
    /// Empty after the last page.
    pub next_page_token: String,
}

impl Service {
    /// Answers names at which the query's results can be cut.
    pub async fn partition_query(&self, call: &Call, request: Partition) -> Result<Partitioned, Status> {
        let Partition { database, query, partition_count, page_size, page_token, at } = request;
        let permit = self.permit(call, &database, Role::Viewer)?;
        permit.servers_only("Metadata operations require admin authentication.")?;
        let parameters = (database.clone(), query.from.collection_id.clone(), partition_count);
        let page_after = match page_token::read(&parameters, &page_token)? {
            Some(position) => Some(position_of(&position)?),
            None => None,
        };
        let partition = PartitionQuery { query, partition_count, page_size, page_after };
        let (reader, _) = Reader::open(self.database(&database)?, at.into())?;
        let split = move |view: &database::View| query::partition(view, &partition);
        let (found, _) = self.work.read(call, &reader, Length::Long, split).await?;
        let next_page_token = match found.cursors.last() {
            Some(last) if found.more => page_token::write(&parameters, last.to_string().as_bytes()),
            Some(_) | None => String::new(),
        };
        Ok(Partitioned { cursors: found.cursors, next_page_token })
    }
}

fn position_of(position: &[u8]) -> Result<DocumentName, Status> {
    let name = std::str::from_utf8(position).ok().and_then(|name| DocumentName::parse(name).ok());
    name.ok_or_else(|| Status::invalid_argument("invalid page token"))
}
