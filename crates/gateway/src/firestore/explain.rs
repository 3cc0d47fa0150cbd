//! How a query was answered, as both query methods tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use service::{ExecutionStats, Explain, Explained};
use wire::firestore::{self as proto, ExplainMetrics, ExplainOptions, PlanSummary};
use wire::{JsonValue, Struct, json_value};

/// What a request asks to be told.
pub(crate) fn asked(options: Option<ExplainOptions>) -> Explain {
    match options {
        None => Explain::No,
        Some(ExplainOptions { analyze: false }) => Explain::Plan,
        Some(ExplainOptions { analyze: true }) => Explain::Analyze,
    }
}

/// What is told.
pub(crate) fn metrics(explained: &Explained) -> ExplainMetrics {
    let indexes_used = explained.plan.indexes_used.iter().map(|index| {
        object([
            ("query_scope", text(index.query_scope.to_owned())),
            ("properties", text(index.properties.clone())),
        ])
    });
    ExplainMetrics {
        plan_summary: Some(PlanSummary { indexes_used: indexes_used.collect() }),
        execution_stats: explained.ran.as_ref().map(|(stats, took)| execution(stats, *took)),
    }
}

fn execution(stats: &ExecutionStats, took: Duration) -> proto::ExecutionStats {
    let mut billing = vec![
        ("documents_billable", count(stats.documents_billable)),
        ("index_entries_billable", count(stats.index_entries_billable)),
        ("min_query_cost", count(stats.min_query_cost)),
        ("small_ops", count(0)),
    ];
    if let Some(vectors) = stats.knn_vector_index_entries_billable {
        billing.push(("knn_vector_index_entries_billable", count(vectors)));
    }
    let debug_stats = object([
        ("index_entries_scanned", count(stats.index_entries_scanned)),
        ("documents_scanned", count(stats.documents_scanned)),
        ("billing_details", JsonValue { kind: Some(json_value::Kind::StructValue(object(billing))) }),
    ]);
    proto::ExecutionStats {
        results_returned: signed(stats.results_returned),
        execution_duration: wire::Duration::try_from(took).ok(),
        read_operations: signed(stats.read_operations),
        debug_stats: Some(debug_stats),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Figures below `debug_stats` are strings.
fn count(number: u64) -> JsonValue {
    text(number.to_string())
}

fn text(text: String) -> JsonValue {
    JsonValue { kind: Some(json_value::Kind::StringValue(text)) }
}

fn object(entries: impl IntoIterator<Item = (&'static str, JsonValue)>) -> Struct {
    let fields: BTreeMap<_, _> = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Struct { fields }
}
