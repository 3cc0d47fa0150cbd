//! Golden scripts over printed plans.
//!
//! `index [group] <collection> a asc, b contains` declares, `building …` an index that is not ready,
//! `exempt <collection> <field>` takes a field's automatic indexes away; `plan`, `require` and
//! `explain` take a query, `sum <field>` and `count` an aggregation of one.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use database::keys::DatabaseNumber;
use database::{
    Column, ColumnKind, DeclaredIndex, FieldOverride, IndexDefinition, IndexScope, IndexSet, IndexState,
};
use goldenscript::{Command, Context, Runner};
use model::query::{Aggregation, AggregationKind, AggregationQuery};
use model::{FieldPath, Timestamp};
use query::{MissingIndex, Plan};

use crate::text;

#[derive(Default)]
struct Script {
    declared: Vec<Arc<DeclaredIndex>>,
    overrides: Vec<FieldOverride>,
}

/// Reads `[group] c a asc, b desc, t contains, v vector<3>`.
pub fn definition(text: &str) -> IndexDefinition {
    let (scope, rest) = match text.strip_prefix("group ") {
        Some(rest) => (IndexScope::CollectionGroup, rest),
        None => (IndexScope::Collection, text),
    };
    let (collection_id, columns) = rest.split_once(' ').expect("a collection and columns");
    let column = |text: &str| {
        let (path, kind) = text.trim().rsplit_once(' ').expect("a field and a kind");
        let kind = match kind {
            "asc" => ColumnKind::Ascending,
            "desc" => ColumnKind::Descending,
            "contains" => ColumnKind::Contains,
            vector => {
                let dimension = vector.strip_prefix("vector<").and_then(|rest| rest.strip_suffix('>'));
                ColumnKind::Vector { dimension: dimension.and_then(|n| n.parse().ok()).expect("a dimension") }
            }
        };
        Column { path: FieldPath::parse(path).expect("a field path"), kind }
    };
    let columns = columns.split(',').map(column).collect();
    IndexDefinition { collection_id: collection_id.to_owned(), scope, columns }
}

/// An index definition as scripts write it.
pub fn show(definition: &IndexDefinition) -> String {
    let column = |column: &Column| match column.kind {
        ColumnKind::Ascending => format!("{} asc", column.path),
        ColumnKind::Descending => format!("{} desc", column.path),
        ColumnKind::Contains => format!("{} contains", column.path),
        ColumnKind::Vector { dimension } => format!("{} vector<{dimension}>", column.path),
    };
    let scope = match definition.scope {
        IndexScope::Collection => "",
        IndexScope::CollectionGroup => "group ",
        IndexScope::Recursive => "recursive ",
    };
    let columns: Vec<String> = definition.columns.iter().map(column).collect();
    format!("{scope}{} {}", definition.collection_id, columns.join(", "))
}

impl Script {
    fn declare(&mut self, text: &str, state: IndexState) {
        let id = self.declared.len() as u32 + 1;
        self.declared.push(Arc::new(DeclaredIndex { id, definition: definition(text), state }));
    }

    fn indexes(&self) -> IndexSet {
        IndexSet::new(DatabaseNumber(1), self.declared.clone(), self.overrides.clone())
    }

    fn plan(&self, text: &str, missing: MissingIndex) -> Result<Plan, model::Status> {
        query::prepare(&text::query(text), &text::database())?.plan(&self.indexes(), Timestamp::ZERO, missing)
    }

    fn aggregate(&self, kind: AggregationKind, text: &str) -> Result<String, model::Status> {
        let aggregations = vec![Aggregation { alias: String::new(), kind }];
        let query = AggregationQuery { query: text::query(text), aggregations };
        let prepared = query::prepare_aggregation(&query, &text::database())?;
        let strict = prepared.plan(&self.indexes(), Timestamp::ZERO, MissingIndex::Require);
        Ok(match strict {
            Ok(plan) => show_plan(plan.plan()),
            Err(status) => {
                let plan = prepared.plan(&self.indexes(), Timestamp::ZERO, MissingIndex::Suggest)?;
                format!("{}\nwithout: {}", show_plan(plan.plan()), status.message)
            }
        })
    }
}

fn show_plan(plan: &Plan) -> String {
    let suggested = plan.suggested().map(|index| format!("\nsuggested: {}", show(index)));
    format!("{plan}{}", suggested.unwrap_or_default())
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut words = command.consume_args();
        let words: Vec<&str> = std::iter::from_fn(|| words.next_pos()).collect();
        let argument = |n: usize| words.get(n).copied().unwrap_or_default();
        let answer = match command.name.as_str() {
            "index" => {
                self.declare(argument(0), IndexState::Ready { since: Timestamp::ZERO });
                return Ok(String::new());
            }
            "building" => {
                self.declare(argument(0), IndexState::Building);
                return Ok(String::new());
            }
            "exempt" => {
                let field = Some(FieldPath::parse(argument(1))?);
                let collection_id = argument(0).to_owned();
                self.overrides.push(FieldOverride { collection_id, field, indexes: Vec::new() });
                return Ok(String::new());
            }
            "plan" => self.plan(argument(0), MissingIndex::Suggest).map(|plan| show_plan(&plan)),
            "require" => self.plan(argument(0), MissingIndex::Require).map(|plan| show_plan(&plan)),
            "explain" => self.plan(argument(0), MissingIndex::Suggest).map(|plan| {
                let used = plan.summary().indexes_used;
                let lines = used.iter().map(|index| format!("{}: {}", index.query_scope, index.properties));
                lines.collect::<Vec<_>>().join("\n")
            }),
            "count" => self.aggregate(AggregationKind::Count { up_to: None }, argument(0)),
            "sum" => self.aggregate(AggregationKind::Sum(FieldPath::parse(argument(0))?), argument(1)),
            other => return Err(format!("no such command: {other}").into()),
        };
        Ok(answer.unwrap_or_else(|status| status.to_string()))
    }
}

#[test]
fn plans_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/query/golden/plan");
    let mut scripts: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        goldenscript::run(&mut Script::default(), &script).expect("a script");
    }
}
