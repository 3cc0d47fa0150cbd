//! The documents of a collection, page by page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use database::{Mode, View};
use model::principal::Role;
use model::{DatabaseName, FieldPath, Parent, Status};
use query::{ListPage, ListQuery, Listed};

use crate::blocking::Length;
use crate::get_document::masked;
use crate::list_collection_ids::page_size_of;
use crate::reader::Reader;
use crate::{Call, ReadAt, Service, across, page_token};

/// Documents on a page of entities when the request names no size, and at most.
const MAX_PAGE_ACROSS: usize = 300;

/// Which collection, in which order, and which page.
#[derive(Clone, Debug, PartialEq)]
pub struct ListDocuments {
    pub database: DatabaseName,
    pub parent: Parent,
    /// None for every collection of the parent.
    pub collection_id: Option<String>,
    /// In the grammar of the API; empty for name order.
    pub order_by: String,
    /// None for all fields.
    pub mask: Option<Vec<FieldPath>>,
    /// Also the names of documents that are not there but have descendants.
    pub show_missing: bool,
    /// 0 lets the server choose.
    pub page_size: i32,
    /// Empty for the first page.
    pub page_token: String,
    pub at: ReadAt,
}

/// One page.
#[derive(Clone, Debug)]
pub struct ListedDocuments {
    pub documents: Vec<query::Listed>,
    /// Empty after the last page.
    pub next_page_token: String,
}

impl Service {
    /// Answers one page.
    pub async fn list_documents(
        &self,
        call: &Call,
        request: ListDocuments,
    ) -> Result<ListedDocuments, Status> {
        let permit = self.permit(call, &request.database, Role::Viewer)?;
        if request.show_missing {
            permit.servers_only("Listing missing documents requires admin authentication.")?;
        }
        let database = self.of_documents(&permit, &request.database)?;
        let (reader, _) = Reader::open(database, request.at.clone().into())?;
        if reader.mode() == Mode::Datastore {
            return self.list_across(call, &reader, request).await;
        }
        let list = list_query(request)?;
        let asked = permit.asks(&list.as_query()?);
        let missing = self.options.missing_index;
        let list_page = move |view: &database::View| {
            asked.prove(view)?;
            query::list_documents(view, &list, missing)
        };
        let (ListPage { documents, next_page_token }, _) =
            self.work.read(call, &reader, Length::Long, list_page).await?;
        Ok(ListedDocuments { documents, next_page_token: URL_SAFE_NO_PAD.encode(next_page_token) })
    }

    /// One page of a collection in a database of entities, in the order of names.
    async fn list_across(
        &self,
        call: &Call,
        reader: &Reader,
        request: ListDocuments,
    ) -> Result<ListedDocuments, Status> {
        let size = page_size_of(request.page_size, MAX_PAGE_ACROSS)?;
        let parameters = (&request.database, &request.parent, &request.collection_id, "--cross-api");
        let after = page_token::read(&parameters, &request.page_token)?;
        let query = across::documents::listing(&request, after, size)?;
        let (missing, suggestions) = (self.options.missing_index, self.suggestions.clone());
        let find = move |view: &View| across::documents::find(view, &query, missing, &suggestions);
        let (found, _) = self.work.read(call, reader, Length::Long, find).await?;
        let next_page_token = match found.documents.get(size - 1) {
            Some(last) if found.documents.len() > size => {
                page_token::write(&parameters, last.path.as_str().as_bytes())
            }
            Some(_) | None => String::new(),
        };
        let page = found.documents.into_iter().take(size);
        let documents = page.map(|document| masked(document, request.mask.as_deref()).map(Listed::Document));
        Ok(ListedDocuments { documents: documents.collect::<Result<_, _>>()?, next_page_token })
    }
}

fn list_query(request: ListDocuments) -> Result<ListQuery, Status> {
    let page_token = URL_SAFE_NO_PAD
        .decode(&request.page_token)
        .map_err(|_| Status::invalid_argument("invalid page token"))?;
    Ok(ListQuery {
        parent: request.parent,
        collection_id: request.collection_id,
        order_by: request.order_by,
        mask: request.mask,
        show_missing: request.show_missing,
        page_size: request.page_size,
        page_token,
    })
}
