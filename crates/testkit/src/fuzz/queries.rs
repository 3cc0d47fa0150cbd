//! What clients send as text or bytes for queries: orders of a list, and the tokens of its pages.

use database::Options;
use model::query::Direction;
use model::write::{Operation, Precondition, Write};
use model::{DocumentPath, Parent};
use query::{ListPage, ListQuery, MissingIndex, list_documents, parse_order_by};

use super::sample_fields;
use crate::poll::at_once;
use crate::world::{EngineKind, World};

thread_local! {
    /// A few documents to list.
    static WORLD: World = {
        let world = World::new(EngineKind::Memory, 1, Options::default());
        let write = |id: &str| Write {
            path: DocumentPath::new(&format!("c/{id}")).expect("a collection and an id"),
            operation: Operation::Set { fields: sample_fields(), mask: None, transforms: Vec::new() },
            precondition: Precondition::None,
        };
        let (database, writes) = (world.database(), ["a", "b", "__id7__", "d"].map(write).to_vec());
        at_once(async move { database.commit(writes, None).await }).expect("nothing stands in its way");
        world
    };
}

/// Orders that the corpus has tokens of.
const ORDERS: [&str; 3] = ["", "integer desc", "m.x.text, __name__ desc"];

fn list(order_by: &str, page_token: &[u8]) -> Option<ListPage> {
    let list = ListQuery {
        parent: Parent::Root,
        collection_id: Some("c".to_owned()),
        order_by: order_by.to_owned(),
        mask: None,
        show_missing: order_by.is_empty(),
        page_size: 2,
        page_token: page_token.to_vec(),
    };
    WORLD.with(|world| list_documents(&world.database().view(), &list, MissingIndex::Suggest)).ok()
}

/// A page goes on from a token, or the token is refused.
pub(super) fn page_tokens(input: &[u8]) {
    for order_by in ORDERS {
        if let Some(page) = list(order_by, input) {
            assert!(page.documents.len() <= 2, "a page is never larger than was asked for");
        }
    }
}

/// An order that is read can be listed by.
pub(super) fn order_by(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(orders) = parse_order_by(text) {
        assert!(text.trim().is_empty() == orders.is_empty(), "{text:?} is {orders:?}");
        let again = orders.iter().map(|order| match order.direction {
            Direction::Ascending => format!("{} asc", order.path),
            Direction::Descending => format!("{} desc", order.path),
        });
        let again = again.collect::<Vec<_>>().join(",");
        // Printing may quote what needed no quotes, and so make a path too long to be read.
        if again.len() <= model::limits::MAX_ID_BYTES {
            assert_eq!(parse_order_by(&again).as_ref(), Ok(&orders), "{again}");
        }
    }
    drop(list(text, &[]));
}

pub(super) fn page_token_corpus() -> Vec<Vec<u8>> {
    ORDERS.iter().filter_map(|order_by| Some(list(order_by, &[])?.next_page_token)).collect()
}

pub(super) fn order_by_corpus() -> Vec<Vec<u8>> {
    ["a", "a desc", "a.b asc, c desc", "__name__", " `a b` ,c", "a, a"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
}
