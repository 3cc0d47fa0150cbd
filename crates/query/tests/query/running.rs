//! Golden scripts over results: documents in, queries, aggregations, pages and partitions out.
//!
//! `set <path> <fields>`, `delete <path>`; `run`, `analyze` and `require` take a query; `aggregate
//! <count|sum f|avg f …> <query>`; `list <collection> [order] [size]` shows every page; `fill
//! <collection> <count>` writes many documents, `partition <count> <query>` splits them.

use std::error::Error;
use std::path::Path;

use goldenscript::{Command, Context, Runner};
use model::query::{Aggregation, AggregationKind, AggregationQuery, PartitionQuery};
use model::{Document, DocumentPath, FieldPath, Fields, Parent, Status, Value};
use query::{ListQuery, Listed, MissingIndex};

use crate::text;
use crate::world::World;

struct Script(World);

fn show(document: &Document) -> String {
    let fields = document.fields().expect("readable");
    format!("{} {}", document.path, show_value(&Value::Map(fields)))
}

fn show_value(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
        Value::String(text) => format!("{text:?}"),
        Value::Reference(name) => format!("/{}", name.path),
        Value::Array(values) => format!("[{}]", join(values.iter().map(show_value).collect())),
        Value::Vector(elements) => format!("vector{elements:?}"),
        Value::Map(fields) => {
            format!("{{{}}}", join(fields.iter().map(|(k, v)| format!("{k}: {}", show_value(v))).collect()))
        }
        other => format!("{other:?}"),
    }
}

impl Script {
    fn run(&self, query: &str, missing: MissingIndex) -> Result<String, Status> {
        let mut outcome = query::run_query(&self.0.view(), &text::query(query), missing)?;
        let mut lines = Vec::new();
        while let Some(document) = outcome.documents.next()? {
            lines.push(show(&document));
        }
        if outcome.documents.skipped() > 0 {
            lines.insert(0, format!("skipped {}", outcome.documents.skipped()));
        }
        Ok(lines.join("\n"))
    }

    fn analyze(&self, query: &str) -> Result<String, Status> {
        let view = self.0.view();
        let prepared = query::prepare(&text::query(query), view.database())?;
        let plan = prepared.plan(view.indexes(), view.read_time(), MissingIndex::Suggest)?;
        let mut documents = plan.analyze(&view);
        let mut returned = 0;
        while documents.next()?.is_some() {
            returned += 1;
        }
        Ok(format!("{:?}", documents.stats(returned)))
    }

    fn aggregate(&self, kinds: &str, query: &str) -> Result<String, Status> {
        let kind = |text: &str| match text.trim().split_once(' ') {
            Some(("sum", field)) => AggregationKind::Sum(FieldPath::parse(field).expect(field)),
            Some(("avg", field)) => AggregationKind::Average(FieldPath::parse(field).expect(field)),
            Some(("count", up_to)) => AggregationKind::Count { up_to: up_to.parse().ok() },
            _ => AggregationKind::Count { up_to: None },
        };
        let aggregations =
            kinds.split(',').map(|text| Aggregation { alias: String::new(), kind: kind(text) });
        let query = AggregationQuery { query: text::query(query), aggregations: aggregations.collect() };
        let result = query::run_aggregation(&self.0.view(), &query, MissingIndex::Suggest)?;
        let fields = result.fields.iter().map(|(alias, value)| format!("{alias}: {}", show_value(value)));
        Ok(fields.collect::<Vec<_>>().join(", "))
    }

    fn list(
        &self,
        collection: &str,
        order_by: &str,
        page_size: &str,
        missing: bool,
    ) -> Result<String, Status> {
        let (parent, id) = match collection.rsplit_once('/') {
            Some((parent, id)) => (Parent::Document(DocumentPath::new(parent).expect("even")), id),
            None => (Parent::Root, collection),
        };
        let mut list = ListQuery {
            parent,
            collection_id: Some(id.to_owned()),
            order_by: order_by.to_owned(),
            mask: None,
            show_missing: missing,
            page_size: page_size.parse().unwrap_or(0),
            page_token: Vec::new(),
        };
        let mut lines = Vec::new();
        loop {
            let page = query::list_documents(&self.0.view(), &list, MissingIndex::Suggest)?;
            lines.extend(page.documents.iter().map(|listed| match listed {
                Listed::Document(document) => show(document),
                Listed::Missing(path) => format!("{path} is missing"),
            }));
            if page.next_page_token.is_empty() {
                return Ok(lines.join("\n"));
            }
            lines.push("—".to_owned());
            list.page_token = page.next_page_token;
        }
    }

    fn partition(&self, count: &str, query: &str) -> Result<String, Status> {
        let request = PartitionQuery {
            query: text::query(query),
            partition_count: count.parse().expect("a number"),
            page_size: 0,
            page_after: None,
        };
        let partitions = query::partition(&self.0.view(), &request)?;
        Ok(partitions.cursors.iter().map(|name| name.path.to_string()).collect::<Vec<_>>().join("\n"))
    }

    fn fill(&self, collection: &str, count: &str) {
        let count: usize = count.parse().expect("a number");
        let path = |n: usize| DocumentPath::new(&format!("{collection}/{n:04}")).expect("even");
        self.0.set_all(&(0..count).map(|n| (path(n), Fields::new())).collect());
    }
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut words = command.consume_args();
        let words: Vec<&str> = std::iter::from_fn(|| words.next_pos()).collect();
        let argument = |n: usize| words.get(n).copied().unwrap_or_default();
        let answer = match command.name.as_str() {
            "set" => {
                self.0.set(argument(0), text::fields(argument(1)));
                Ok(String::new())
            }
            "delete" => {
                self.0.delete(argument(0));
                Ok(String::new())
            }
            "fill" => {
                self.fill(argument(0), argument(1));
                Ok(String::new())
            }
            "run" => Script::run(self, argument(0), MissingIndex::Suggest),
            "require" => Script::run(self, argument(0), MissingIndex::Require),
            "analyze" => self.analyze(argument(0)),
            "aggregate" => self.aggregate(argument(0), argument(1)),
            "list" => self.list(argument(0), argument(1), argument(2), false),
            "list-missing" => self.list(argument(0), argument(1), argument(2), true),
            "partition" => self.partition(argument(0), argument(1)),
            other => return Err(format!("no such command: {other}").into()),
        };
        Ok(answer.unwrap_or_else(|status| status.to_string()))
    }
}

#[test]
fn results_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/query/golden/run");
    let mut scripts: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let indexes = ["k color asc, v vector<2>", "k v vector<2>"];
        goldenscript::run(&mut Script(World::new(&indexes)), &script).expect("a script");
    }
}

#[test]
fn a_page_token_belongs_to_its_request() {
    let world = World::new(&[]);
    for n in 0..3 {
        world.set(&format!("c/{n}"), Fields::new());
    }
    let first = ListQuery {
        parent: Parent::Root,
        collection_id: Some("c".to_owned()),
        order_by: String::new(),
        mask: None,
        show_missing: false,
        page_size: 2,
        page_token: Vec::new(),
    };
    let list = |list: &ListQuery| query::list_documents(&world.view(), list, MissingIndex::Suggest);
    let token = list(&first).expect("a page").next_page_token;
    let with = |token: &[u8]| ListQuery { page_token: token.to_vec(), ..first.clone() };
    assert_eq!(list(&with(&token)).expect("the last page").documents.len(), 1);
    // Another size is no other request.
    assert_eq!(list(&ListQuery { page_size: 1, ..with(&token) }).expect("a page").documents.len(), 1);
    let others = [
        ListQuery { order_by: "a".to_owned(), ..with(&token) },
        ListQuery { collection_id: Some("d".to_owned()), ..with(&token) },
        ListQuery { show_missing: true, ..with(&token) },
    ];
    for other in others {
        assert_eq!(list(&other).expect_err("a foreign token").message, "Invalid page token.");
    }
    for cut in 1..token.len() {
        assert!(list(&with(&token[..cut])).is_err(), "{cut} bytes");
    }
    assert_eq!(list(&with(b"x")).expect_err("no token").message, "invalid page token");
}

#[test]
fn a_page_of_large_documents_is_short_and_leads_on() {
    let world = World::new(&[]);
    for n in 0..10 {
        let text = Value::from("x".repeat(800_000).as_str());
        world.set(&format!("c/{n}"), Fields::from([("text".to_owned(), text)]));
    }
    for show_missing in [false, true] {
        let mut list = ListQuery {
            parent: Parent::Root,
            collection_id: Some("c".to_owned()),
            order_by: String::new(),
            mask: None,
            show_missing,
            page_size: 100,
            page_token: Vec::new(),
        };
        let mut pages = Vec::new();
        loop {
            let page = query::list_documents(&world.view(), &list, MissingIndex::Suggest).expect("a page");
            pages.push(page.documents.len());
            list.page_token = page.next_page_token;
            if list.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, [4, 4, 2], "show_missing: {show_missing}");
    }
}
