//! Kinds that are computed: which namespaces, kinds and properties there are.
//!
//! Their rows come from skipping scans over keys and indexes: cost follows how many names there are, not how many
//! entities. Statistics kinds exist and are empty: nobody computes them here.

use std::collections::VecDeque;

use model::entity::order::ValueClass;
use model::entity::{EntityValue, Id, Key, Partition, PathElement, Properties, body};
use model::query::Direction;
use model::{Document, Status, Timestamp};

use super::normal::{Normal, Output, path_bytes};
use crate::execute::{Found, Row, Run};
use crate::span::{Span, Spans};

const NAMESPACE: &str = "__namespace__";
const KIND: &str = "__kind__";
const PROPERTY: &str = "__property__";
const STATISTICS: &str = "__Stat_";

/// The number that stands for the default namespace among the names of the others.
const DEFAULT_NAMESPACE: i64 = 1;

/// A kind that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetadataKind {
    Namespaces,
    Kinds,
    Properties,
    Statistics,
}

/// The metadata kind that a query asks for, if it does.
///
/// # Errors
/// INVALID_ARGUMENT with production's text for what such a query cannot ask.
pub(super) fn kind_of(query: &Normal) -> Result<Option<MetadataKind>, Status> {
    let Some(name) = query.source.kind.as_deref() else { return Ok(None) };
    let kind = match name {
        NAMESPACE => MetadataKind::Namespaces,
        KIND => MetadataKind::Kinds,
        PROPERTY => MetadataKind::Properties,
        name if name.starts_with(STATISTICS) && name.ends_with("__") => {
            return Ok(Some(MetadataKind::Statistics));
        }
        _ => return Ok(None),
    };
    if query.disjuncts.iter().any(|one| !one.pins.is_empty() || !one.ranges.is_empty()) {
        return Err(Status::invalid_argument("Only comparison filters on __key__ supported"));
    }
    if !query.is_by_key() || query.order[0].direction == Direction::Descending {
        return Err(Status::invalid_argument("Only ascending order on __key__ supported"));
    }
    if matches!(query.output, Output::Properties(_)) || query.distinct > 0 {
        return Err(Status::invalid_argument(format!("projection queries on {name} not allowed")));
    }
    if query.source.ancestor.is_some() && kind != MetadataKind::Properties {
        return Err(Status::invalid_argument(format!("ancestor queries on {name} not allowed")));
    }
    Ok(Some(kind))
}

/// The rows of a metadata kind, in key order.
pub(super) struct MetadataRows {
    kind: MetadataKind,
    partition: Partition,
    /// Path bytes that are wanted.
    wanted: Spans,
    loaded: VecDeque<(Vec<PathElement>, Properties)>,
    /// Kinds whose properties are still to be loaded; None: nothing was loaded yet.
    kinds: Option<VecDeque<String>>,
}

impl MetadataRows {
    pub fn new(kind: MetadataKind, query: &Normal) -> Self {
        let alternatives = query.disjuncts.iter().flat_map(|one| one.keys.as_slice().to_vec());
        let wanted = Spans::all().without(Spans::all().without(alternatives).as_slice().to_vec());
        let start = match &query.window.start {
            Some(start) => start.edge(&query.order),
            None => Some(Vec::new()),
        };
        let wanted = match start {
            Some(start) => wanted.intersect(&Spans::one(Span::new(start, None))),
            None => Spans::none(),
        };
        let partition = Partition::new(&query.database, &query.source.namespace);
        MetadataRows { kind, partition, wanted, loaded: VecDeque::new(), kinds: None }
    }

    /// The next wanted row.
    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        loop {
            while let Some((path, properties)) = self.loaded.pop_front() {
                let key = Key { partition: self.partition.clone(), path };
                let Some(path) = key.document_path() else { continue };
                let place = path_bytes(&path);
                if self.wanted.contains(&place) {
                    let body = body::encode(&properties);
                    let (create_time, update_time) = (Timestamp::ZERO, Timestamp::ZERO);
                    let document = Document { path, create_time, update_time, body };
                    return Ok(Some(Row { key: place, found: Found::Document(document) }));
                }
            }
            if !self.load(run)? {
                return Ok(None);
            }
        }
    }

    /// Loads more rows; false when there are no more.
    fn load(&mut self, run: &mut Run) -> Result<bool, Status> {
        let Some(kinds) = &mut self.kinds else {
            self.kinds = Some(VecDeque::new());
            self.load_names(run)?;
            return Ok(true);
        };
        let Some(kind) = kinds.pop_front() else { return Ok(false) };
        let of_kind = PathElement::new(KIND, Id::Name(kind.clone()));
        let key = Key { partition: self.partition.clone(), path: vec![of_kind.clone()] };
        let below = key.document_path().map(|path| Spans::one(Span::prefix(&path_bytes(&path))));
        if below.is_none_or(|below| self.wanted.intersect(&below).is_none()) {
            return Ok(true);
        }
        for (name, classes) in run.view.indexed_properties(&self.partition.namespace, &kind)? {
            let path = vec![of_kind.clone(), PathElement::new(PROPERTY, Id::Name(name))];
            self.loaded.push_back((path, representation(&classes)));
        }
        Ok(true)
    }

    fn load_names(&mut self, run: &mut Run) -> Result<(), Status> {
        let row = |path: PathElement| (vec![path], Properties::new());
        match self.kind {
            MetadataKind::Namespaces => {
                let id = |namespace: String| match namespace.as_str() {
                    "" => Id::Number(DEFAULT_NAMESPACE),
                    _ => Id::Name(namespace),
                };
                let names = run.view.namespaces()?.into_iter();
                self.loaded = names.map(|name| row(PathElement::new(NAMESPACE, id(name)))).collect();
            }
            MetadataKind::Kinds => {
                let kinds = run.view.kinds(&self.partition.namespace)?.into_iter();
                self.loaded = kinds.map(|kind| row(PathElement::new(KIND, Id::Name(kind)))).collect();
            }
            MetadataKind::Properties => {
                self.kinds = Some(run.view.kinds(&self.partition.namespace)?.into());
            }
            MetadataKind::Statistics => {}
        }
        Ok(())
    }
}

/// The types of values that a property has, as production names them.
fn representation(classes: &[ValueClass]) -> Properties {
    let names = classes.iter().filter_map(|class| match class {
        ValueClass::Null => Some("NULL"),
        ValueClass::Integer => Some("INT64"),
        ValueClass::Boolean => Some("BOOLEAN"),
        ValueClass::Bytes => Some("STRING"),
        ValueClass::Double => Some("DOUBLE"),
        ValueClass::GeoPoint => Some("POINT"),
        ValueClass::Key => Some("REFERENCE"),
        ValueClass::Compound => None,
    });
    let values = names.map(|name| EntityValue::String(name.to_owned()).into()).collect();
    Properties::from([("property_representation".to_owned(), EntityValue::Array(values).into())])
}
