//! Requests that production refuses, each with its code and text.

mod scene;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use googleapis_tonic_google_firestore_v1::google::r#type::LatLng;
use prost::Message;
use proto::document_transform::FieldTransform;
use proto::document_transform::field_transform::TransformType;
use proto::value::ValueType;
use proto::write::Operation;
use scene::{DATABASE, ROOT, Scene, integer, set, text, value};
use tonic::Code;

/// What is sent, and what must come back.
struct Case {
    what: &'static str,
    method: &'static str,
    message: Vec<u8>,
    code: Code,
    text: String,
}

fn case(what: &'static str, method: &'static str, message: &impl Message, text: &str) -> Case {
    let message = message.encode_to_vec();
    Case { what, method, message, code: Code::InvalidArgument, text: text.to_owned() }
}

fn commit(what: &'static str, write: proto::Write, text: &str) -> Case {
    let request =
        proto::CommitRequest { database: DATABASE.to_owned(), writes: vec![write], ..Default::default() };
    case(what, "Commit", &request, text)
}

fn stored(what: &'static str, kind: ValueType, text: &str) -> Case {
    commit(what, set("c/d", &[("a", value(kind))]), text)
}

fn map(entries: &[(&str, proto::Value)]) -> ValueType {
    let fields = entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    ValueType::MapValue(proto::MapValue { fields })
}

fn array(values: Vec<proto::Value>) -> proto::Value {
    value(ValueType::ArrayValue(proto::ArrayValue { values }))
}

fn vector(value: proto::Value) -> ValueType {
    map(&[("__type__", text("__vector__")), ("value", value)])
}

fn transform(what: &'static str, path: &str, kind: Option<TransformType>, text: &str) -> Case {
    let transform = FieldTransform { field_path: path.to_owned(), transform_type: kind };
    commit(what, proto::Write { update_transforms: vec![transform], ..set("c/d", &[]) }, text)
}

async fn check(cases: Vec<Case>) {
    let scene = Scene::new().await;
    for case in cases {
        let refusal = scene.raw(case.method, case.message.into()).await.expect_err(case.what);
        assert_eq!((refusal.code(), refusal.message()), (case.code, case.text.as_str()), "{}", case.what);
    }
    scene.set(["c/alive".to_owned()], &[]).await;
}

#[tokio::test]
async fn writes() {
    let delete = |name: &str| proto::Write {
        operation: Some(Operation::Delete(name.to_owned())),
        ..Default::default()
    };
    let mask = |paths: &[&str]| {
        Some(proto::DocumentMask { field_paths: paths.iter().map(|path| (*path).to_owned()).collect() })
    };
    let name = format!("{ROOT}/c/d");
    let transform = FieldTransform {
        field_path: "a".to_owned(),
        transform_type: Some(TransformType::SetToServerValue(1)),
    };
    let future = proto::Precondition {
        condition_type: Some(proto::precondition::ConditionType::UpdateTime(prost_types::Timestamp {
            seconds: 253_402_300_799,
            nanos: 0,
        })),
    };
    check(vec![
        commit("nothing to do", proto::Write::default(), "empty write operation"),
        commit(
            "a delete with a mask",
            proto::Write { update_mask: mask(&[]), ..delete(&name) },
            "a delete must not specify a document mask.",
        ),
        commit(
            "a delete with a transform",
            proto::Write { update_transforms: vec![transform], ..delete(&name) },
            "a delete must not specify a update transform.",
        ),
        commit(
            "another database",
            delete("projects/p/databases/other/documents/c/d"),
            "Document \"projects/p/databases/other/documents/c/d\" is not in database \"projects/p/databases/(default)\".",
        ),
        commit(
            "a collection",
            delete("projects/p/databases/(default)/documents/c"),
            "Document name \"projects/p/databases/(default)/documents/c\" lacks \"/\" at index 42.",
        ),
        commit("no name", delete(""), "Document name \"\" lacks \"projects\" at index 0."),
        commit(
            "a mask with a broken path",
            proto::Write { update_mask: mask(&["a..b"]), ..set("c/d", &[]) },
            "Invalid property path \"a..b\". Unquoted property paths must match regex ([a-zA-Z_][a-zA-Z_0-9]*), and quoted property paths must match regex (`(?:[^`\\\\]|(?:\\\\.))+`)",
        ),
        commit(
            "a mask with an empty path",
            proto::Write { update_mask: mask(&[""]), ..set("c/d", &[]) },
            "Invalid empty property path string.",
        ),
        commit(
            "a mask with the name",
            proto::Write { update_mask: mask(&["__name__"]), ..set("c/d", &[]) },
            "Invalid reserved name in field path __name__",
        ),
        commit(
            "a mask with a field and its ancestor",
            proto::Write { update_mask: mask(&["a.b", "c", "a"]), ..set("c/d", &[]) },
            "The update mask names both \"a.b\" and its ancestor \"a\".",
        ),
        commit(
            "an update time of the future",
            proto::Write { current_document: Some(future), ..delete(&name) },
            "The 'update_time' of a precondition cannot be in the future.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn values() {
    let unset = proto::Value::default();
    let point = |latitude, longitude| ValueType::GeoPointValue(LatLng { latitude, longitude });
    let double = |number| value(ValueType::DoubleValue(number));
    let unset_text = "Cannot convert firestore.v1.Value with type unset.";
    check(vec![
        commit("a value of no kind", set("c/d", &[("a", unset.clone())]), unset_text),
        stored("one in a map", map(&[("b", unset.clone())]), unset_text),
        commit("one in an array", set("c/d", &[("a", array(vec![unset]))]), unset_text),
        stored("latitude", point(90.5, 0.0), "Geo point latitude '90.5' outside permitted range -90.0 to 90.0."),
        stored("longitude", point(0.0, -181.0), "Geo point longitude '-181.0' outside permitted range -180.0 to 180.0."),
        stored("no latitude", point(f64::NAN, 0.0), "Geo point latitude 'NaN' outside permitted range -90.0 to 90.0."),
        stored(
            "a reference to a collection",
            ValueType::ReferenceValue(format!("{ROOT}/c")),
            "Document parent name \"projects/p/databases/(default)/documents/c\" lacks \"/\" at index 42.",
        ),
        stored(
            "a time after the year 9999",
            ValueType::TimestampValue(prost_types::Timestamp { seconds: 253_402_300_800, nanos: 0 }),
            "Timestamp with seconds 253402300800 and nanos 0 is outside the permitted range 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.",
        ),
        stored("an array in an array", ValueType::ArrayValue(proto::ArrayValue { values: vec![array(vec![])] }), "Cannot convert an array value in an array value."),
        stored("a reserved key", map(&[("__x__", integer(1))]), "field name '__x__' is reserved."),
        commit("a reserved field", set("c/d", &[("__x__", integer(1))]), "field name __x__ is reserved"),
        commit("an empty field", set("c/d", &[("", integer(1))]), "The property.name is the empty string."),
        stored("a vector without numbers", map(&[("__type__", text("__vector__"))]), "Vector map is missing key 'value'."),
        stored("a vector of text", vector(text("x")), "Vector value type must be an array."),
        stored("an empty vector", vector(array(vec![])), "Cannot have a zero length vector."),
        stored("a vector of integers", vector(array(vec![integer(1)])), "Vector must only contain values of type 'double'"),
        stored("a vector with NaN", vector(array(vec![double(f64::NAN)])), "Vector cannot contain NaN values."),
        stored("a vector that is too long", vector(array(vec![double(1.0); 2_049])), "Vectors must be at most 2048 dimensions."),
        stored("an unknown type", map(&[("__type__", text("__x__"))]), "Property a contains an invalid nested entity."),
        stored("a type that is no text", map(&[("__type__", integer(1))]), "Field __type__ must be a string; founds LONG."),
        stored("a part of pipelines", ValueType::FieldReferenceValue("f".to_owned()), "Cannot convert firestore.v1.Value with type FIELD_REFERENCE_VALUE."),
    ])
    .await;
}

#[tokio::test]
async fn transforms() {
    let nested = proto::ArrayValue { values: vec![array(vec![])] };
    check(vec![
        transform("no kind", "a", None, "Transformation is not specified"),
        transform(
            "no server value",
            "a",
            Some(TransformType::SetToServerValue(0)),
            "Transformation is not specified",
        ),
        transform(
            "an unknown server value",
            "a",
            Some(TransformType::SetToServerValue(9)),
            "Transformation is not specified",
        ),
        transform(
            "increment by text",
            "a",
            Some(TransformType::Increment(text("1"))),
            "Input must be int64 or double.",
        ),
        transform(
            "maximum with null",
            "a",
            Some(TransformType::Maximum(value(ValueType::NullValue(0)))),
            "Input must be int64 or double.",
        ),
        transform(
            "an array in an array",
            "a",
            Some(TransformType::AppendMissingElements(nested)),
            "Cannot convert an array value in an array value.",
        ),
        transform(
            "no path",
            "",
            Some(TransformType::Increment(integer(1))),
            "Invalid empty property path string.",
        ),
        transform(
            "the name",
            "__name__",
            Some(TransformType::Increment(integer(1))),
            "Invalid reserved name in field path __name__",
        ),
    ])
    .await;
}

#[tokio::test]
async fn names_and_pages() {
    let mut cases = vec![
        case(
            "a collection instead of a document",
            "GetDocument",
            &proto::GetDocumentRequest { name: format!("{ROOT}/c"), ..Default::default() },
            "Document name \"projects/p/databases/(default)/documents/c\" lacks \"/\" at index 42.",
        ),
        case(
            "no database",
            "BeginTransaction",
            &proto::BeginTransactionRequest { database: "projects/p".to_owned(), ..Default::default() },
            "Database name \"projects/p\" lacks \"/\" at index 10.",
        ),
        case(
            "a collection as a parent",
            "ListCollectionIds",
            &proto::ListCollectionIdsRequest { parent: format!("{ROOT}/c"), ..Default::default() },
            "Document parent name \"projects/p/databases/(default)/documents/c\" lacks \"/\" at index 42.",
        ),
        case(
            "a negative page",
            "ListCollectionIds",
            &proto::ListCollectionIdsRequest { parent: ROOT.to_owned(), page_size: -1, ..Default::default() },
            "Page size must be nonnegative.",
        ),
        case(
            "a token of nobody",
            "ListCollectionIds",
            &proto::ListCollectionIdsRequest {
                parent: ROOT.to_owned(),
                page_token: "?".to_owned(),
                ..Default::default()
            },
            "invalid page token",
        ),
        case(
            "no query",
            "RunQuery",
            &proto::RunQueryRequest { parent: ROOT.to_owned(), ..Default::default() },
            "only structured queries are supported",
        ),
        case(
            "no query to aggregate",
            "RunAggregationQuery",
            &proto::RunAggregationQueryRequest { parent: ROOT.to_owned(), ..Default::default() },
            "only structured queries are supported",
        ),
        case(
            "a reserved collection",
            "CreateDocument",
            &proto::CreateDocumentRequest {
                parent: ROOT.to_owned(),
                collection_id: "__c__".to_owned(),
                ..Default::default()
            },
            "Collection id \"__c__\" is invalid because it is reserved.",
        ),
        case(
            "two documents in one",
            "CreateDocument",
            &proto::CreateDocumentRequest {
                parent: ROOT.to_owned(),
                collection_id: "c".to_owned(),
                document_id: "a/b".to_owned(),
                ..Default::default()
            },
            "Resource id \"a/b\" is invalid because it contains \"/\".",
        ),
        case(
            "no document",
            "UpdateDocument",
            &proto::UpdateDocumentRequest::default(),
            "The request must have the field `document`.",
        ),
        case(
            "a transaction of nobody",
            "Rollback",
            &proto::RollbackRequest { database: DATABASE.to_owned(), transaction: "x".into() },
            "Invalid transaction.",
        ),
    ];
    let missing = proto::GetDocumentRequest { name: format!("{ROOT}/c/none"), ..Default::default() };
    let text = "Document \"projects/p/databases/(default)/documents/c/none\" not found.";
    cases.push(Case { code: Code::NotFound, ..case("a missing document", "GetDocument", &missing, text) });
    cases.push(Case {
        what: "a method that there is not yet",
        method: "ExecutePipeline",
        message: Vec::new(),
        code: Code::Unimplemented,
        text: "Method google.firestore.v1.Firestore/ExecutePipeline is unimplemented".to_owned(),
    });
    cases.push(Case {
        what: "a method that there is not",
        method: "GetDocuments",
        message: Vec::new(),
        code: Code::Unimplemented,
        text: "Method not found: google.firestore.v1.Firestore/GetDocuments".to_owned(),
    });
    check(cases).await;
}

#[tokio::test]
async fn one_bad_write_of_many_is_refused_alone() {
    let scene = Scene::new().await;
    let writes = vec![
        set("c/a", &[]),
        proto::Write::default(),
        set("c/b", &[("a", proto::Value::default())]),
        set("c/z", &[]),
    ];
    let request = proto::BatchWriteRequest { database: DATABASE.to_owned(), writes, ..Default::default() };
    let answer = scene.client().await.batch_write(request.clone()).await.expect("an answer").into_inner();
    let told: Vec<_> = answer.status.iter().map(|status| (status.code, status.message.as_str())).collect();
    let unset = "Cannot convert firestore.v1.Value with type unset.";
    assert_eq!(told, [(0, ""), (3, "empty write operation"), (3, unset), (0, "")]);
    assert!(answer.write_results[0].update_time.is_some());
    assert_eq!(answer.write_results[1], proto::WriteResult::default());

    let twice =
        proto::BatchWriteRequest { writes: vec![set("c/a", &[]), set("c/a", &[])], ..request.clone() };
    let refusal = scene.client().await.batch_write(twice).await.expect_err("refused");
    assert_eq!(refusal.message(), "the same document cannot be written more than once in a single request");
    let many = (0..501).map(|n| set(&format!("c/{n}"), &[])).collect();
    let refusal =
        scene.client().await.batch_write(proto::BatchWriteRequest { writes: many, ..request }).await;
    assert_eq!(refusal.expect_err("refused").message(), "maximum 500 writes allowed per request");
}
