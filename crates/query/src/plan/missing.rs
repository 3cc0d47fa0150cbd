//! What is answered when a query has no index: production's texts, with the link that creates one.

use database::{Column, ColumnKind, IndexDefinition, IndexScope, Scope};
use model::query::Direction;
use model::{FieldPath, Status};

use super::link::Link;
use crate::normal::Normal;

const MULTIPLE_RANGES: &str = " .\nThe query contains range and inequality filters on multiple fields, please \
     refer to the documentation for index selection best practices: \
     https://cloud.google.com/firestore/docs/query-data/multiple-range-fields.";

/// The index that one disjunct lacks.
#[derive(Clone, Debug)]
pub(crate) enum Shortfall {
    Composite {
        columns: Vec<Column>,
        building: bool,
    },
    Field {
        path: FieldPath,
        mode: FieldMode,
        building: bool,
    },
    Vector {
        columns: Vec<Column>,
        path: FieldPath,
        dimension: u32,
    },
    /// No index can have this order.
    Unindexable,
}

/// How a single-field index is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldMode {
    Ascending,
    Descending,
    Contains,
}

impl FieldMode {
    pub(super) fn column(self) -> ColumnKind {
        match self {
            FieldMode::Ascending => ColumnKind::Ascending,
            FieldMode::Descending => ColumnKind::Descending,
            FieldMode::Contains => ColumnKind::Contains,
        }
    }

    fn word(self) -> &'static str {
        match self {
            FieldMode::Ascending => "ASC",
            FieldMode::Descending => "DESC",
            FieldMode::Contains => "CONTAINS",
        }
    }
}

/// The group and scope that an index for the query would have.
fn place(query: &Normal) -> Option<(String, IndexScope)> {
    let scope = query.source.scope()?;
    let kind = match scope {
        Scope::Collection(_) => IndexScope::Collection,
        Scope::Group { .. } => IndexScope::CollectionGroup,
    };
    Some((scope.collection_id().to_owned(), kind))
}

impl Shortfall {
    /// The index to declare; none when declaring cannot help, or it is being built already.
    pub fn definition(&self, query: &Normal) -> Option<IndexDefinition> {
        let (collection_id, scope) = place(query)?;
        let columns = match self {
            Shortfall::Composite { columns, building: false } => columns.clone(),
            Shortfall::Field { path, mode, building: false } => {
                vec![Column { path: path.clone(), kind: mode.column() }]
            }
            Shortfall::Vector { columns, path, dimension } => {
                let kind = ColumnKind::Vector { dimension: *dimension };
                let vector = Column { path: path.clone(), kind };
                columns.iter().cloned().chain([vector]).collect()
            }
            Shortfall::Composite { building: true, .. }
            | Shortfall::Field { building: true, .. }
            | Shortfall::Unindexable => return None,
        };
        Some(IndexDefinition { collection_id, scope, columns })
    }

    /// Production's FAILED_PRECONDITION.
    pub fn status(&self, query: &Normal) -> Status {
        let Some((group, scope)) = place(query) else {
            return Status::failed_precondition("no matching index found.");
        };
        let link = Link { database: &query.database, group: &group, scope };
        Status::failed_precondition(match self {
            Shortfall::Composite { columns, building } => composite(&link, columns, *building, query),
            Shortfall::Field { path, mode, building } => field(&link, path, *mode, *building),
            Shortfall::Vector { columns, path, dimension } => vector(&link, columns, path, *dimension),
            Shortfall::Unindexable => "no matching index found.".to_owned(),
        })
    }
}

fn composite(link: &Link<'_>, columns: &[Column], building: bool, query: &Normal) -> String {
    let name = query.order.last().map_or(Direction::Ascending, |order| order.direction);
    let url = link.composite(columns, name);
    if building {
        return format!(
            "The query requires an index. That index is currently building and cannot be used yet. See its \
             status here: {url}"
        );
    }
    let hint = if query.several_inequalities { MULTIPLE_RANGES } else { "" };
    format!("The query requires an index. You can create it here: {url}{hint}")
}

fn field(link: &Link<'_>, path: &FieldPath, mode: FieldMode, building: bool) -> String {
    let scope = match link.scope {
        IndexScope::Collection => "COLLECTION",
        IndexScope::CollectionGroup => "COLLECTION_GROUP",
        IndexScope::Recursive => "COLLECTION_RECURSIVE",
    };
    let (word, group, url) = (mode.word(), link.group, link.exemption(path, mode.column()));
    let then = if building {
        "That index is not ready yet. See its status here:"
    } else {
        "You can create it here:"
    };
    format!("The query requires a {scope}_{word} index for collection {group} and field {path}. {then} {url}")
}

fn vector(link: &Link<'_>, columns: &[Column], path: &FieldPath, dimension: u32) -> String {
    let scope = match link.scope {
        IndexScope::Collection => "COLLECTION",
        IndexScope::CollectionGroup => "COLLECTION_GROUP",
        IndexScope::Recursive => "COLLECTION_RECURSIVE",
    };
    let mut command = format!(
        "Missing vector index configuration. Please create the required index with the following gcloud \
         command: gcloud firestore indexes composite create --project={} --collection-group={} \
         --query-scope={scope}",
        link.database.project, link.group
    );
    for column in columns {
        let config = match column.kind {
            ColumnKind::Ascending => "order=ASCENDING",
            ColumnKind::Descending => "order=DESCENDING",
            ColumnKind::Contains => "array-config=CONTAINS",
            ColumnKind::Vector { .. } => continue,
        };
        command.push_str(&format!(" --field-config={config},field-path={}", column.path));
    }
    command.push_str(&format!(
        " --field-config=vector-config='{{\"dimension\":\"{dimension}\",\"flat\": \"{{}}\"}}',field-path={path}"
    ));
    command
}
