//! Security rules: sources that compile or do not, and requests that are decided by those that do.

use std::sync::Arc;

use bytes::Bytes;
use model::query::{FieldOperator, Filter, Selector, StructuredQuery};
use model::{DocumentPath, FieldPath, Parent, Status, Timestamp, Value, body};
use rules::{Accesses, Auth, Coverage, Documents, Operation, Request, Ruleset, limits};

use super::sample_fields;

/// Every document exists and has every field of the samples.
struct Everything(Bytes);

impl Documents for Everything {
    fn get(&self, _path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        Ok(Some(self.0.clone()))
    }
}

/// A source, as it is and as a condition: complaints lie within it, and what compiles decides, twice the same.
pub(super) fn rules(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    compile(text);
    let condition = format!(
        "rules_version = '2'; service cloud.firestore {{ match /databases/{{database}}/documents {{ \
         match /{{path=**}}/c/{{id}} {{ allow read, write: if {text}; }} }} }}"
    );
    if let Some(ruleset) = compile(&condition) {
        decide(&ruleset);
    }
}

fn compile(source: &str) -> Option<Ruleset> {
    let (ruleset, issues) = match Ruleset::compile(source) {
        Ok((ruleset, warnings)) => (Some(ruleset), warnings),
        Err(issues) => {
            assert!(!issues.is_empty(), "a refusal says why");
            (None, issues)
        }
    };
    assert!(issues.len() <= limits::MAX_ISSUES + 1, "so many complaints help nobody");
    for issue in issues.iter().filter(|_| source.len() <= limits::MAX_SOURCE_BYTES) {
        let place = issue.position.offset as usize..issue.position.end as usize;
        assert!(source.get(place).is_some(), "{issue} points into the source");
    }
    ruleset
}

fn decide(ruleset: &Ruleset) {
    let documents = Everything(body::encode(&sample_fields()));
    let path = DocumentPath::new("c/a").expect("a collection and an id");
    let auth = Auth { uid: "ada".into(), token: Arc::new(sample_fields()) };
    let equal = |name: &str, value| Filter::Field {
        path: FieldPath::parse(name).expect("a field path"),
        operator: FieldOperator::Equal,
        value,
    };
    let from = Selector { collection_id: Some("c".to_owned()), all_descendants: false };
    let query = StructuredQuery {
        filter: Some(Filter::And(vec![
            equal("text", Value::from("a\0b")),
            equal("m.x.true", Value::from(true)),
        ])),
        limit: Some(3),
        ..StructuredQuery::all(Parent::Root, from)
    };
    let document = || documents.0.clone();
    let operations = || {
        [
            Operation::Get { path: &path, before: Some(document()) },
            Operation::Update { path: &path, before: document(), after: document() },
            Operation::List { query: &query },
        ]
    };
    for (first, second) in operations().into_iter().zip(operations()) {
        let mut coverage = Coverage::default();
        let ask = |operation, coverage| {
            let request = Request {
                database: &"(default)".into(),
                time: Timestamp::ZERO,
                auth: Some(&auth),
                operation,
            };
            ruleset
                .decide(&request, &documents, &mut Accesses::for_query(), coverage)
                .expect("all can be read")
        };
        let verdict = ask(first, Some(&mut coverage));
        assert_eq!(verdict, ask(second, None), "coverage changes no verdict");
        drop(coverage.report(ruleset));
    }
}

pub(super) fn rules_corpus() -> Vec<Vec<u8>> {
    let sources = [
        "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents { function f(a) { let b = a; \
         return b == 1; } match /a/{b}/{c=**} { allow read, write: if f(b) && request.auth != null; } } }",
        "request.auth.uid == id && resource.data.m.x.integer == -1",
        "resource.data.text.matches('[a\\\\d]+(?i)b*') || 'a,b'.split(',').size() == 2",
        "get(/databases/$(database)/documents/u/$(id)).data.keys().hasAll(['a', 'b'])",
        "request.resource.data.diff(resource.data).affectedKeys().hasOnly(['text', \"m\"])",
        "[1, 2.5, 'x', null, true][1:3].toSet().union([{'a': {'b': [1]}}].toSet()).size() > 3 ? true : !false",
        "timestamp.date(2020, 2, 29) + duration.value(-1, 'w') < request.time && math.round(1.5e3) % 7 == -2",
        "latlng.value(1, 2).distance(resource.data.point) >= 0 && hashing.crc32('a').toHexString() != ''",
        "debug(resource.data.a) is list && resource.data.a.join('-').replace('(a)', '$1$0') in ['x']",
        "path('/a/{x}').bind({'x': 'b'})[1] == string(7) || int('12') * -9223372036854775808 == 0",
    ];
    sources.map(|source| source.as_bytes().to_vec()).to_vec()
}
