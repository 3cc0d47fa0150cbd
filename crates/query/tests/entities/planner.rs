//! Golden scripts over printed plans.
//!
//! `index "Task a -b"` declares an index (`Task/` with ancestors), `building …` one that is not ready; `plan`,
//! `require` and `explain` take a query in GQL.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use database::keys::DatabaseNumber;
use database::{DeclaredIndex, IndexSet, IndexState};
use goldenscript::{Command, Context, Runner};
use model::entity::query::GqlStatement;
use model::{Status, Timestamp};
use query::MissingIndex;
use query::entities::{index_yaml, prepare_entities, prepare_entity_aggregation};

use crate::world::{database, definition, statement};

#[derive(Default)]
struct Script {
    declared: Vec<Arc<DeclaredIndex>>,
}

impl Script {
    fn declare(&mut self, text: &str, state: IndexState) {
        let id = self.declared.len() as u32 + 1;
        self.declared.push(Arc::new(DeclaredIndex { id, definition: definition(text), state }));
    }

    fn plan(&self, gql: &str, missing: MissingIndex, explain: bool) -> Result<String, Status> {
        let indexes = IndexSet::new(DatabaseNumber(1), self.declared.clone(), Vec::new());
        let (text, summary, suggested) = match statement(gql)? {
            GqlStatement::Query(query) => {
                let plan = prepare_entities(&query, &database())?.plan(&indexes, Timestamp::ZERO, missing)?;
                (plan.to_string(), plan.summary(), plan.suggested().map(index_yaml))
            }
            GqlStatement::Aggregation(query) => {
                let prepared = prepare_entity_aggregation(&query, &database())?;
                let plan = prepared.plan(&indexes, Timestamp::ZERO, missing)?;
                (plan.plan().to_string(), plan.summary(), plan.suggested().map(index_yaml))
            }
        };
        if explain {
            let lines =
                summary.indexes_used.iter().map(|one| format!("{}: {}", one.query_scope, one.properties));
            return Ok(lines.collect::<Vec<_>>().join("\n"));
        }
        Ok(suggested.map_or(text.clone(), |suggested| format!("{text}\nsuggested:\n{suggested}")))
    }
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut arguments = command.consume_args();
        let argument = arguments.next_pos().unwrap_or_default();
        let answer = match command.name.as_str() {
            "index" => {
                self.declare(argument, IndexState::Ready { since: Timestamp::ZERO });
                return Ok(String::new());
            }
            "building" => {
                self.declare(argument, IndexState::Building);
                return Ok(String::new());
            }
            "plan" => self.plan(argument, MissingIndex::Suggest, false),
            "require" => self.plan(argument, MissingIndex::Require, false),
            "explain" => self.plan(argument, MissingIndex::Suggest, true),
            other => return Err(format!("no such command: {other}").into()),
        };
        Ok(answer.unwrap_or_else(|status| status.to_string()))
    }
}

#[test]
fn plans_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/entities/golden");
    let mut scripts: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        goldenscript::run(&mut Script::default(), &script).expect("a script");
    }
}
