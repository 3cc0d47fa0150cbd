//! ListDocuments: a page of a collection, in name order or as `order_by` says.

mod token;

use database::View;
use model::query::{Cursor, Direction, Order, Selector, StructuredQuery};
use model::{Document, DocumentPath, FieldPath, Parent, Status, Value, body, limits};

use crate::plan::MissingIndex;
use crate::{damage, run_query};
use token::Token;

/// Documents on a page when the request does not say.
const DEFAULT_PAGE: i32 = 20;
/// A page ends with the document that reaches so many bytes, whatever its size: with that one, of a mebibyte at most,
/// it stays below the 4 MiB that gRPC clients take without being told to take more.
const PAGE_BYTES: usize = 3 << 20;

/// A ListDocuments request.
#[derive(Clone, Debug)]
pub struct ListQuery {
    pub parent: Parent,
    /// None: every collection of the parent.
    pub collection_id: Option<String>,
    pub order_by: String,
    /// None: whole documents.
    pub mask: Option<Vec<FieldPath>>,
    /// Also the names of documents that are missing but have descendants.
    pub show_missing: bool,
    /// 0: the default.
    pub page_size: i32,
    /// From the page before; empty for the first.
    pub page_token: Vec<u8>,
}

/// One page.
#[derive(Clone, Debug)]
pub struct ListPage {
    pub documents: Vec<Listed>,
    /// Empty on the last page.
    pub next_page_token: Vec<u8>,
}

/// One entry of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    Document(Document),
    /// Not there, but documents below it are.
    Missing(DocumentPath),
}

impl ListQuery {
    /// The request as a query, with the size of a page for a limit: what may be asked of it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for bad sizes and orders.
    pub fn as_query(&self) -> Result<StructuredQuery, Status> {
        let from = Selector { collection_id: self.collection_id.clone(), all_descendants: false };
        let order_by = parse_order_by(&self.order_by)?;
        let limit = Some(self.size()?);
        Ok(StructuredQuery { order_by, limit, ..StructuredQuery::all(self.parent.clone(), from) })
    }

    /// Documents on a page.
    fn size(&self) -> Result<i32, Status> {
        match self.page_size {
            ..0 => Err(Status::invalid_argument("Page size must be nonnegative.")),
            0 => Ok(DEFAULT_PAGE),
            asked => Ok(asked.min(limits::MAX_LIST_PAGE)),
        }
    }
}

/// Lists one page.
///
/// # Errors
/// INVALID_ARGUMENT for bad sizes, orders and tokens; what queries answer.
pub fn list_documents(view: &View, list: &ListQuery, missing: MissingIndex) -> Result<ListPage, Status> {
    let size = list.size()?;
    let order = parse_order_by(&list.order_by)?;
    let token = Token::read(&list.page_token, list)?;
    match (&list.collection_id, list.show_missing) {
        (Some(collection_id), true) => list_names(view, list, collection_id, &order, token, size),
        (_, _) => list_query(view, list, order, token, size, missing),
    }
}

fn list_query(
    view: &View,
    list: &ListQuery,
    order: Vec<Order>,
    token: Option<Token>,
    size: i32,
    missing: MissingIndex,
) -> Result<ListPage, Status> {
    let order = with_name(order);
    let from = Selector { collection_id: list.collection_id.clone(), all_descendants: false };
    let query = StructuredQuery {
        start_at: token.map(|token| Cursor { values: token.values, before: false }),
        order_by: order.clone(),
        limit: Some(size + 1),
        ..StructuredQuery::all(list.parent.clone(), from)
    };
    let mut results = run_query(view, &query, missing)?.documents;
    let mut page = Page::new(size);
    let mut last: Option<Document> = None;
    while let Some(document) = results.next()? {
        if page.is_full() {
            let last = last.expect("a full page has documents");
            return Ok(page.before(Token { values: cursor_values(view, &last, &order)? }.write(list)));
        }
        page.push(Listed::Document(masked(document.clone(), list)?));
        last = Some(document);
    }
    Ok(page.before(Vec::new()))
}

/// A page that fills.
struct Page {
    documents: Vec<Listed>,
    bytes: usize,
    size: usize,
}

impl Page {
    fn new(size: i32) -> Self {
        Page { documents: Vec::new(), bytes: 0, size: usize::try_from(size).expect("checked to be positive") }
    }

    fn is_full(&self) -> bool {
        self.documents.len() == self.size || self.bytes >= PAGE_BYTES
    }

    fn push(&mut self, listed: Listed) {
        self.bytes += match &listed {
            Listed::Document(document) => document.body.len() + document.path.as_str().len(),
            Listed::Missing(path) => path.as_str().len(),
        };
        self.documents.push(listed);
    }

    /// The page with what leads on from it.
    fn before(self, next_page_token: Vec<u8>) -> ListPage {
        ListPage { documents: self.documents, next_page_token }
    }
}

fn list_names(
    view: &View,
    list: &ListQuery,
    collection_id: &str,
    order: &[Order],
    token: Option<Token>,
    size: i32,
) -> Result<ListPage, Status> {
    let by_name = |order: &Order| order.path.is_document_name() && order.direction == Direction::Ascending;
    if !order.iter().all(by_name) {
        return Err(Status::invalid_argument("show_missing cannot be combined with order_by."));
    }
    model::path::check_collection_id(collection_id)?;
    let collection = list.parent.collection(collection_id);
    let last = match token.as_ref().and_then(|token| token.values.first()) {
        Some(Value::Reference(name)) => Some(name.path.clone()),
        _ => None,
    };
    let mut names = view.scan_names(&collection, last.as_ref().map(DocumentPath::document_id));
    let mut page = Page::new(size);
    let mut seen = last.clone();
    while let Some((path, document)) = names.next()? {
        if last.as_ref() == Some(&path) {
            continue;
        }
        if page.is_full() {
            let name = seen.expect("the page has entries");
            let values = vec![Value::Reference(view.database().document(&name))];
            return Ok(page.before(Token { values }.write(list)));
        }
        page.push(match document {
            Some(document) => Listed::Document(masked(document, list)?),
            None => Listed::Missing(path.clone()),
        });
        seen = Some(path);
    }
    Ok(page.before(Vec::new()))
}

fn masked(mut document: Document, list: &ListQuery) -> Result<Document, Status> {
    if let Some(mask) = &list.mask {
        document.body = body::project(&document.body, mask).map_err(damage)?;
    }
    Ok(document)
}

/// The order with the name at its end: a page must know where it ended.
fn with_name(mut order: Vec<Order>) -> Vec<Order> {
    let direction = order.last().map_or(Direction::Ascending, |last| last.direction);
    if !order.iter().any(|order| order.path.is_document_name()) {
        order.push(Order { path: FieldPath::document_name(), direction });
    }
    order
}

fn cursor_values(view: &View, last: &Document, order: &[Order]) -> Result<Vec<Value>, Status> {
    let value = |order: &Order| {
        if order.path.is_document_name() {
            return Ok(Value::Reference(view.database().document(&last.path)));
        }
        let found = body::find(&last.body, &order.path).map_err(damage)?;
        found.ok_or_else(|| Status::internal("a listed document has the fields of its order"))
    };
    order.iter().map(value).collect()
}

/// Reads `priority desc, __name__ desc`.
///
/// # Errors
/// INVALID_ARGUMENT: `Invalid order by clause "…".`, or what a broken field path answers.
pub fn parse_order_by(text: &str) -> Result<Vec<Order>, Status> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    clauses(text).into_iter().map(|clause| parse_clause(clause.trim())).collect()
}

/// The parts between commas that are not quoted.
fn clauses(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let was_escaped = std::mem::replace(&mut escaped, false);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '`' if !was_escaped => quoted = !quoted,
            ',' if !quoted => return true,
            _ => {}
        }
        false
    })
    .collect()
}

fn parse_clause(clause: &str) -> Result<Order, Status> {
    let invalid = || Status::invalid_argument(format!("Invalid order by clause \"{clause}\"."));
    // A quoted name may hold blanks, so the direction is looked for at the end.
    let (path, direction) = match clause.rsplit_once(char::is_whitespace) {
        Some((path, word)) if word.eq_ignore_ascii_case("asc") => (path, Direction::Ascending),
        Some((path, word)) if word.eq_ignore_ascii_case("desc") => (path, Direction::Descending),
        _ => (clause, Direction::Ascending),
    };
    let path = path.trim_end();
    let unquoted_blank = path.contains(char::is_whitespace) && !path.contains('`');
    if path.is_empty() || unquoted_blank {
        return Err(invalid());
    }
    Ok(Order { path: FieldPath::parse(path)?, direction })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_order_by(text) {
            Ok(orders) => {
                let one = |order: &Order| format!("{} {:?}", order.path, order.direction);
                orders.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            Err(status) => status.message,
        }
    }

    #[test]
    fn clauses_are_fields_with_a_direction() {
        let table = [
            ("", ""),
            ("a", "a Ascending"),
            ("priority desc, __name__ desc", "priority Descending, __name__ Descending"),
            ("a.b ASC,c", "a.b Ascending, c Ascending"),
            ("`x, y` desc", "`x, y` Descending"),
            ("a sideways", "Invalid order by clause \"a sideways\"."),
            ("a,", "Invalid order by clause \"\"."),
            ("a desc asc", "Invalid order by clause \"a desc asc\"."),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
