//! Keeps the documents that match a disjunct, and gives them their keys.

use model::{Document, Status, body};

use super::{Found, Row, Rows, Run};
use crate::damage;
use crate::normal::{Disjunct, KeyPart, encoded};
use crate::plan::Filter;
use crate::source::Source;
use crate::span::Span;
use model::query::Order;

pub(crate) struct FilterRows {
    input: Rows,
    disjunct: Disjunct,
    order: Vec<Order>,
    /// The keys between the cursors; None: there are none.
    between: Option<Span>,
}

impl FilterRows {
    pub fn new(filter: &Filter, input: Rows) -> Self {
        let parts = vec![KeyPart::Column; filter.order.len() - 1];
        let start = match &filter.start {
            Some(cut) => cut.edge(&parts),
            None => Some(Vec::new()),
        };
        let end = filter.end.as_ref().and_then(|cut| cut.edge(&parts));
        FilterRows {
            input,
            disjunct: filter.disjunct.clone(),
            order: filter.order.clone(),
            between: start.map(|start| Span::new(start, end)),
        }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        let Some(between) = &self.between else { return Ok(None) };
        while let Some(row) = self.input.next(run)? {
            let document = run.document(row)?;
            let name = run.source.name_bytes(&document.path);
            if !self.disjunct.accepts(&document.body, &name)? {
                continue;
            }
            let Some(key) = place(&document, &name, &self.order, &run.source)? else { continue };
            if between.contains(&key) {
                return Ok(Some(Row { key, found: Found::Document(document) }));
            }
        }
        Ok(None)
    }
}

/// The place of a document in an order; none when it lacks a field of it.
pub(crate) fn place(
    document: &Document,
    name: &[u8],
    order: &[Order],
    source: &Source,
) -> Result<Option<Vec<u8>>, Status> {
    let mut key = Vec::new();
    for Order { path, direction } in order {
        if path.is_document_name() {
            key.extend(source.name_piece(name, *direction));
            continue;
        }
        let Some(value) = body::find(&document.body, path).map_err(damage)? else { return Ok(None) };
        key.extend(encoded(&value, *direction));
    }
    Ok(Some(key))
}
