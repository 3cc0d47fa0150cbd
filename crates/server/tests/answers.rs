//! What answers look like on the wire.

mod scene;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use proto::structured_query::{
    CollectionSelector, CompositeFilter, FieldFilter, FieldReference, Filter, Order, Projection,
    composite_filter, field_filter, filter::FilterType,
};
use proto::transaction_options::{Mode, ReadOnly, ReadWrite};
use proto::{batch_get_documents_request as batch_get, batch_get_documents_response as got};
use proto::{run_query_request as run_query, value::ValueType};
use scene::{DATABASE, ROOT, Scene, integer, set, text, value};
use tonic::{Code, Streaming};

async fn all<T>(
    answer: Result<tonic::Response<Streaming<T>>, tonic::Status>,
) -> Result<Vec<T>, tonic::Status> {
    let mut stream = answer?.into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

fn collection(id: &str) -> proto::StructuredQuery {
    let from = vec![CollectionSelector { collection_id: id.to_owned(), all_descendants: false }];
    proto::StructuredQuery { from, ..Default::default() }
}

fn query(structured: proto::StructuredQuery) -> proto::RunQueryRequest {
    let query_type = Some(run_query::QueryType::StructuredQuery(structured));
    proto::RunQueryRequest { parent: ROOT.to_owned(), query_type, ..Default::default() }
}

fn field(path: &str) -> Option<FieldReference> {
    Some(FieldReference { field_path: path.to_owned() })
}

fn ids(messages: &[proto::RunQueryResponse]) -> Vec<&str> {
    let documents = messages.iter().filter_map(|message| message.document.as_ref());
    documents.map(|document| document.name.rsplit('/').next().expect("a name")).collect()
}

#[tokio::test]
async fn a_batch_answers_each_name_once_and_missing_ones_last() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned(), "c/b".to_owned()], &[("n", integer(1)), ("m", integer(2))]).await;
    let name = |id: &str| format!("{ROOT}/c/{id}");
    let documents = ["b", "none", "a", "b", "none"].map(name).to_vec();
    let mask = Some(proto::DocumentMask { field_paths: vec!["m".to_owned()] });
    let request = proto::BatchGetDocumentsRequest {
        database: DATABASE.to_owned(),
        documents,
        mask,
        ..Default::default()
    };
    let messages = all(scene.client().await.batch_get_documents(request).await).await.expect("an answer");
    let told: Vec<_> = messages
        .iter()
        .map(|message| match message.result.as_ref().expect("a result") {
            got::Result::Found(document) => {
                assert_eq!(document.fields.keys().collect::<Vec<_>>(), ["m"]);
                assert_eq!(document.create_time, document.update_time);
                document.name.clone()
            }
            got::Result::Missing(name) => format!("no {name}"),
        })
        .collect();
    assert_eq!(told, [name("b"), name("a"), format!("no {}", name("none"))]);
    let times: Vec<_> = messages.iter().map(|message| message.read_time).collect();
    assert!(times[0].is_some() && times.iter().all(|time| *time == times[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_transaction_is_told_first_and_holds() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
    let options = proto::TransactionOptions { mode: Some(Mode::ReadOnly(ReadOnly::default())) };
    let request = proto::BatchGetDocumentsRequest {
        database: DATABASE.to_owned(),
        documents: vec![format!("{ROOT}/c/a")],
        consistency_selector: Some(batch_get::ConsistencySelector::NewTransaction(options)),
        ..Default::default()
    };
    let messages = all(scene.client().await.batch_get_documents(request).await).await.expect("an answer");
    let token = messages[0].transaction.clone();
    assert!(!token.is_empty() && messages[0].result.is_none() && messages[0].read_time.is_none());
    assert!(messages[1].transaction.is_empty());

    scene.set(["c/a".to_owned()], &[("n", integer(2))]).await;
    let inside = proto::RunQueryRequest {
        consistency_selector: Some(run_query::ConsistencySelector::Transaction(token)),
        ..query(collection("c"))
    };
    let messages = all(scene.client().await.run_query(inside).await).await.expect("an answer");
    assert_eq!(messages[0].document.as_ref().expect("a document").fields["n"], integer(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_write_transaction_ends_once() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
    let options = proto::TransactionOptions { mode: Some(Mode::ReadWrite(ReadWrite::default())) };
    let request = proto::RunQueryRequest {
        consistency_selector: Some(run_query::ConsistencySelector::NewTransaction(options)),
        ..query(collection("c"))
    };
    let mut client = scene.client().await;
    let messages = all(client.run_query(request).await).await.expect("an answer");
    assert!(messages[0].document.is_none());
    assert_eq!(ids(&messages), ["a"]);
    let transaction = messages[0].transaction.clone();
    let commit = proto::CommitRequest {
        database: DATABASE.to_owned(),
        writes: vec![set("c/a", &[("n", integer(2))])],
        transaction,
    };
    let done = client.commit(commit.clone()).await.expect("a commit").into_inner();
    assert_eq!(done.write_results[0].update_time, done.commit_time);
    let refusal = client.commit(commit).await.expect_err("ended");
    assert_eq!(refusal.code(), Code::Aborted);
    assert_eq!(refusal.message(), "The referenced transaction has expired or is no longer valid.");
}

#[tokio::test]
async fn a_query_tells_its_time_even_without_results_and_what_it_skipped() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned(), "c/b".to_owned(), "c/d".to_owned()], &[("n", integer(1))]).await;
    let mut client = scene.client().await;
    let mut ask = async |structured| all(client.run_query(query(structured)).await).await.expect("an answer");

    let none = ask(collection("nothing")).await;
    assert_eq!(none.len(), 1);
    assert!(none[0].read_time.is_some() && none[0].document.is_none());
    let limited = ask(proto::StructuredQuery { limit: Some(0), ..collection("c") }).await;
    assert_eq!(limited.len(), 1);
    let skipping = ask(proto::StructuredQuery { offset: 2, ..collection("c") }).await;
    assert_eq!(skipping[0].skipped_results, 2);
    assert!(skipping[0].document.is_none());
    assert_eq!(ids(&skipping), ["d"]);
    let beyond = ask(proto::StructuredQuery { offset: 9, ..collection("c") }).await;
    assert_eq!((beyond.len(), beyond[0].skipped_results), (1, 3));
    let selected = Projection { fields: vec![field("__name__").expect("a field")] };
    let names = ask(proto::StructuredQuery { select: Some(selected), ..collection("c") }).await;
    assert!(names.iter().all(|message| message.document.as_ref().expect("a document").fields.is_empty()));
}

#[tokio::test]
async fn a_long_result_streams_in_order_and_at_one_time() {
    let scene = Scene::new().await;
    let long = text(&"x".repeat(2_000));
    for start in (0..3_000).step_by(500) {
        scene.set((start..start + 500).map(|n| format!("c/{n:05}")), &[("s", long.clone())]).await;
    }
    let messages =
        all(scene.client().await.run_query(query(collection("c"))).await).await.expect("an answer");
    let expected: Vec<_> = (0..3_000).map(|n| format!("{n:05}")).collect();
    assert_eq!(ids(&messages), expected);
    assert!(messages.iter().all(|message| message.read_time == messages[0].read_time));

    let names = (0..3_000).map(|n| format!("{ROOT}/c/{n:05}")).collect();
    let request = proto::BatchGetDocumentsRequest {
        database: DATABASE.to_owned(),
        documents: names,
        ..Default::default()
    };
    let messages = all(scene.client().await.batch_get_documents(request).await).await.expect("an answer");
    assert_eq!(messages.len(), 3_000);
}

#[tokio::test]
async fn a_page_of_a_listing_leads_to_the_next() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned(), "c/b/d/x".to_owned(), "c/e".to_owned()], &[("n", integer(1))]).await;
    let mut client = scene.client().await;
    let request = proto::ListDocumentsRequest {
        parent: ROOT.to_owned(),
        collection_id: "c".to_owned(),
        page_size: 2,
        show_missing: true,
        ..Default::default()
    };
    let first = client.list_documents(request.clone()).await.expect("a page").into_inner();
    let names: Vec<_> = first.documents.iter().map(|document| document.name.as_str()).collect();
    assert_eq!(names, [format!("{ROOT}/c/a"), format!("{ROOT}/c/b")]);
    assert!(first.documents[1].create_time.is_none());
    let next = proto::ListDocumentsRequest { page_token: first.next_page_token.clone(), ..request.clone() };
    let second = client.list_documents(next).await.expect("a page").into_inner();
    assert_eq!(second.documents.len(), 1);
    assert_eq!(second.next_page_token, "");
    let other = proto::ListDocumentsRequest {
        page_token: first.next_page_token,
        collection_id: "other".to_owned(),
        ..request
    };
    let refusal = client.list_documents(other).await.expect_err("of another request");
    assert_eq!(refusal.code(), Code::InvalidArgument);

    let request = proto::ListCollectionIdsRequest { parent: ROOT.to_owned(), ..Default::default() };
    scene.set(["b/a".to_owned(), "a/b/x/y".to_owned()], &[]).await;
    let mut listed = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = proto::ListCollectionIdsRequest { page_size: 1, page_token, ..request.clone() };
        let page = client.list_collection_ids(page).await.expect("a page").into_inner();
        listed.extend(page.collection_ids);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, ["a", "b", "c"]);
}

#[tokio::test]
async fn create_update_delete_answer_the_document() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;
    let fields = [("a".to_owned(), integer(1)), ("b".to_owned(), integer(2))];
    let document = proto::Document { fields: fields.into(), ..Default::default() };
    let create = proto::CreateDocumentRequest {
        parent: ROOT.to_owned(),
        collection_id: "c".to_owned(),
        document: Some(document),
        mask: Some(proto::DocumentMask { field_paths: vec!["b".to_owned()] }),
        ..Default::default()
    };
    let created = client.create_document(create.clone()).await.expect("created").into_inner();
    assert_eq!(created.fields.keys().collect::<Vec<_>>(), ["b"]);
    let id = created.name.rsplit('/').next().expect("a name").to_owned();
    assert_eq!(id.len(), 20);
    let again = proto::CreateDocumentRequest { document_id: id, ..create };
    let refusal = client.create_document(again).await.expect_err("taken");
    assert_eq!(refusal.code(), Code::AlreadyExists);
    assert_eq!(refusal.message(), format!("Document already exists: {}", created.name));

    let change = proto::Document {
        name: created.name.clone(),
        fields: [("a".to_owned(), integer(7))].into(),
        ..Default::default()
    };
    let update = proto::UpdateDocumentRequest {
        document: Some(change),
        update_mask: Some(proto::DocumentMask { field_paths: vec!["a".to_owned(), "gone".to_owned()] }),
        ..Default::default()
    };
    let updated = client.update_document(update).await.expect("updated").into_inner();
    assert_eq!((updated.fields["a"].clone(), updated.fields["b"].clone()), (integer(7), integer(2)));
    assert_eq!(updated.create_time, created.create_time);
    assert_ne!(updated.update_time, created.update_time);

    let delete = proto::DeleteDocumentRequest { name: created.name.clone(), ..Default::default() };
    client.delete_document(delete).await.expect("deleted");
    let get = proto::GetDocumentRequest { name: created.name, ..Default::default() };
    assert_eq!(client.get_document(get).await.expect_err("gone").code(), Code::NotFound);
}

#[tokio::test]
async fn an_explained_query_tells_its_plan_last_or_alone() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned(), "c/b".to_owned()], &[("n", integer(1))]).await;
    let mut client = scene.client().await;
    let mut explain = async |analyze| {
        let explain_options = Some(proto::ExplainOptions { analyze });
        let order_by = vec![Order { field: field("n"), direction: 2 }];
        let request = proto::RunQueryRequest {
            explain_options,
            ..query(proto::StructuredQuery { order_by, ..collection("c") })
        };
        all(client.run_query(request).await).await.expect("an answer")
    };
    let planned = explain(false).await;
    assert_eq!(planned.len(), 1);
    assert!(planned[0].read_time.is_none() && planned[0].document.is_none());
    let metrics = planned[0].explain_metrics.as_ref().expect("metrics");
    assert!(metrics.execution_stats.is_none());
    let index = &metrics.plan_summary.as_ref().expect("a plan").indexes_used[0];
    let properties = index.fields["properties"].kind.clone();
    let expected = "(n DESC, __name__ DESC)".to_owned();
    assert_eq!(properties, Some(prost_types::value::Kind::StringValue(expected)));

    let analyzed = explain(true).await;
    assert_eq!(ids(&analyzed), ["b", "a"]);
    let last = analyzed.last().expect("messages");
    let stats = last.explain_metrics.as_ref().and_then(|metrics| metrics.execution_stats.as_ref());
    assert_eq!(stats.expect("figures").results_returned, 2);
}

#[tokio::test]
async fn figures_come_by_alias() {
    use proto::run_aggregation_query_request::QueryType;
    use proto::structured_aggregation_query::{self as aggregate, Aggregation, aggregation};
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned(), "c/b".to_owned()], &[("n", integer(4))]).await;
    let named = |alias: &str, operator| Aggregation { alias: alias.to_owned(), operator: Some(operator) };
    let aggregations = vec![
        named("", aggregation::Operator::Count(aggregation::Count::default())),
        named("total", aggregation::Operator::Sum(aggregation::Sum { field: field("n") })),
    ];
    let aggregation = proto::StructuredAggregationQuery {
        aggregations,
        query_type: Some(aggregate::QueryType::StructuredQuery(collection("c"))),
    };
    let request = proto::RunAggregationQueryRequest {
        parent: ROOT.to_owned(),
        query_type: Some(QueryType::StructuredAggregationQuery(aggregation)),
        ..Default::default()
    };
    let mut client = scene.client().await;
    let messages = all(client.run_aggregation_query(request.clone()).await).await.expect("an answer");
    assert_eq!(messages.len(), 1);
    let figures = &messages[0].result.as_ref().expect("a result").aggregate_fields;
    assert_eq!(figures["field_1"], integer(2));
    assert_eq!(figures["total"], integer(8));
    assert!(messages[0].read_time.is_some());

    let six = vec![named("", aggregation::Operator::Count(aggregation::Count::default())); 6];
    let Some(QueryType::StructuredAggregationQuery(mut many)) = request.query_type.clone() else { panic!() };
    many.aggregations = six;
    let request = proto::RunAggregationQueryRequest {
        query_type: Some(QueryType::StructuredAggregationQuery(many)),
        ..request
    };
    let refusal = all(client.run_aggregation_query(request).await).await.expect_err("too many");
    let rich: googleapis_tonic_google_firestore_v1::google::rpc::Status =
        prost::Message::decode(refusal.details()).expect("details");
    let info: googleapis_tonic_google_firestore_v1::google::rpc::ErrorInfo =
        prost::Message::decode(&*rich.details[0].value).expect("a reason");
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        ("TOO_MANY_AGGREGATIONS", "firestore.googleapis.com")
    );
    assert_eq!(info.metadata["max_aggregations"], "5");
}

#[tokio::test]
async fn a_web_client_verifies_what_it_read() {
    // `Write.verify` is field 5, which the published message lacks.
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned()], &[]).await;
    let precondition =
        proto::Precondition { condition_type: Some(proto::precondition::ConditionType::Exists(true)) };
    let verify = |path: &str| {
        let mut write = Vec::new();
        prost::encoding::string::encode(5, &format!("{ROOT}/{path}"), &mut write);
        prost::encoding::message::encode(4, &precondition, &mut write);
        let mut request = Vec::new();
        prost::encoding::string::encode(1, &DATABASE.to_owned(), &mut request);
        prost::encoding::bytes::encode(2, &write, &mut request);
        bytes::Bytes::from(request)
    };
    scene.raw("Commit", verify("c/a")).await.expect("it exists");
    let refusal = scene.raw("Commit", verify("c/none")).await.expect_err("it does not exist");
    assert_eq!(refusal.code(), Code::NotFound);
}

#[tokio::test]
async fn filters_of_every_shape_reach_the_query() {
    let scene = Scene::new().await;
    for n in 0..4 {
        let tags = value(ValueType::ArrayValue(proto::ArrayValue { values: vec![integer(n)] }));
        scene.set([format!("c/{n}")], &[("n", integer(n)), ("tags", tags)]).await;
    }
    let compare = |path: &str, op: field_filter::Operator, operand| Filter {
        filter_type: Some(FilterType::FieldFilter(FieldFilter {
            field: field(path),
            op: op as i32,
            value: Some(operand),
        })),
    };
    let or = |filters| Filter {
        filter_type: Some(FilterType::CompositeFilter(CompositeFilter {
            op: composite_filter::Operator::Or as i32,
            filters,
        })),
    };
    let table = [
        (compare("n", field_filter::Operator::LessThan, integer(1)), vec!["0"]),
        (compare("n", field_filter::Operator::NotEqual, integer(1)), vec!["0", "2", "3"]),
        (compare("tags", field_filter::Operator::ArrayContains, integer(2)), vec!["2"]),
        (
            or(vec![
                compare("n", field_filter::Operator::Equal, integer(3)),
                compare("n", field_filter::Operator::Equal, integer(0)),
            ]),
            vec!["0", "3"],
        ),
    ];
    let mut client = scene.client().await;
    for (filter, expected) in table {
        let structured = proto::StructuredQuery { r#where: Some(filter.clone()), ..collection("c") };
        let messages = all(client.run_query(query(structured)).await).await.expect("an answer");
        assert_eq!(ids(&messages), expected, "{filter:?}");
    }
}
