//! Requests as they go over the wire, and answers as they come.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use model::query::{Cursor, Direction, FieldOperator, Filter, Order, StructuredQuery, UnaryOperator};
use model::{
    Code, DatabaseName, Document, DocumentName, DocumentPath, FieldPath, Parent, Status, Timestamp, Value,
    body,
};
use prost::Message as _;
use proto::listen_response::ResponseType as Response;
use proto::structured_query as parts;
use proto::structured_query::{composite_filter, field_filter, filter::FilterType, unary_filter};
use proto::target::{DocumentsTarget, QueryTarget, ResumeType, TargetType, query_target};
use proto::target_change::TargetChangeType;
use watch::{Resume, Target, TargetKind};

use crate::generate::Change;
use crate::message::{Kind, Message, Names};

/// A request for a target.
pub fn add_target(database: &DatabaseName, target: Target) -> proto::ListenRequest {
    let target_type = match target.what {
        TargetKind::Query(query) => TargetType::Query(query_target(database, &query)),
        TargetKind::Documents(paths) => {
            let documents = paths.iter().map(|path| database.document(path).to_string()).collect();
            TargetType::Documents(DocumentsTarget { documents })
        }
        TargetKind::Refused(status) => panic!("nobody asks for a refusal: {status}"),
    };
    let resume_type = target.resume.map(|resume| match resume {
        Resume::Token(token) => ResumeType::ResumeToken(token),
        Resume::ReadTime(time) => ResumeType::ReadTime(timestamp(time)),
    });
    let target = proto::Target {
        target_id: target.id,
        once: target.once,
        expected_count: target.expected_count,
        target_type: Some(target_type),
        resume_type,
    };
    request(database, proto::listen_request::TargetChange::AddTarget(target))
}

/// A request to end a target.
pub fn remove_target(database: &DatabaseName, id: i32) -> proto::ListenRequest {
    request(database, proto::listen_request::TargetChange::RemoveTarget(id))
}

fn request(database: &DatabaseName, change: proto::listen_request::TargetChange) -> proto::ListenRequest {
    let database = database.to_string();
    proto::ListenRequest { database, target_change: Some(change), ..Default::default() }
}

/// A write.
pub fn write(database: &DatabaseName, change: &Change) -> proto::Write {
    use proto::write::Operation;
    let named = |path: &DocumentPath, fields: &model::Fields| proto::Document {
        name: database.document(path).to_string(),
        // A body is the fields of a document, as messages write them.
        ..proto::Document::decode(body::encode(fields)).expect("a body is a message")
    };
    let (operation, update_mask) = match change {
        Change::Set(path, fields) => (Operation::Update(named(path, fields)), None),
        Change::Touch(path, field, value) => {
            let fields = model::Fields::from([((*field).to_owned(), value.clone())]);
            let mask = proto::DocumentMask { field_paths: vec![(*field).to_owned()] };
            (Operation::Update(named(path, &fields)), Some(mask))
        }
        Change::Delete(path) => (Operation::Delete(database.document(path).to_string()), None),
    };
    proto::Write { operation: Some(operation), update_mask, ..Default::default() }
}

fn query_target(database: &DatabaseName, query: &StructuredQuery) -> QueryTarget {
    let parent = match &query.parent {
        Parent::Root => format!("{database}/documents"),
        Parent::Document(path) => database.document(path).to_string(),
    };
    let selector = parts::CollectionSelector {
        collection_id: query.from.collection_id.clone().unwrap_or_default(),
        all_descendants: query.from.all_descendants,
    };
    let projection = |paths: &Vec<FieldPath>| parts::Projection { fields: paths.iter().map(field).collect() };
    let query = proto::StructuredQuery {
        from: vec![selector],
        select: query.select.as_ref().map(projection),
        r#where: query.filter.as_ref().map(filter),
        order_by: query.order_by.iter().map(order).collect(),
        start_at: query.start_at.as_ref().map(cursor),
        end_at: query.end_at.as_ref().map(cursor),
        offset: query.offset,
        limit: query.limit,
        find_nearest: None,
    };
    QueryTarget { parent, query_type: Some(query_target::QueryType::StructuredQuery(query)) }
}

fn field(path: &FieldPath) -> parts::FieldReference {
    parts::FieldReference { field_path: path.to_string() }
}

fn value(value: &Value) -> proto::Value {
    let mut bytes = Vec::new();
    body::encode_value(&mut bytes, value);
    proto::Value::decode(bytes.as_slice()).expect("a stored value is a message")
}

fn filter(filter: &Filter) -> parts::Filter {
    let composite = |op: composite_filter::Operator, filters: &[Filter]| {
        let filters = filters.iter().map(self::filter).collect();
        FilterType::CompositeFilter(parts::CompositeFilter { op: op.into(), filters })
    };
    let filter_type = match filter {
        Filter::And(filters) => composite(composite_filter::Operator::And, filters),
        Filter::Or(filters) => composite(composite_filter::Operator::Or, filters),
        Filter::Field { path, operator, value: compared } => {
            let op = field_operator(*operator).into();
            FilterType::FieldFilter(parts::FieldFilter {
                field: Some(field(path)),
                op,
                value: Some(value(compared)),
            })
        }
        Filter::Unary { path, operator } => {
            let op = match operator {
                UnaryOperator::IsNan => unary_filter::Operator::IsNan,
                UnaryOperator::IsNull => unary_filter::Operator::IsNull,
                UnaryOperator::IsNotNan => unary_filter::Operator::IsNotNan,
                UnaryOperator::IsNotNull => unary_filter::Operator::IsNotNull,
            };
            let operand_type = Some(unary_filter::OperandType::Field(field(path)));
            FilterType::UnaryFilter(parts::UnaryFilter { op: op.into(), operand_type })
        }
    };
    parts::Filter { filter_type: Some(filter_type) }
}

fn field_operator(operator: FieldOperator) -> field_filter::Operator {
    match operator {
        FieldOperator::LessThan => field_filter::Operator::LessThan,
        FieldOperator::LessThanOrEqual => field_filter::Operator::LessThanOrEqual,
        FieldOperator::GreaterThan => field_filter::Operator::GreaterThan,
        FieldOperator::GreaterThanOrEqual => field_filter::Operator::GreaterThanOrEqual,
        FieldOperator::Equal => field_filter::Operator::Equal,
        FieldOperator::NotEqual => field_filter::Operator::NotEqual,
        FieldOperator::ArrayContains => field_filter::Operator::ArrayContains,
        FieldOperator::In => field_filter::Operator::In,
        FieldOperator::ArrayContainsAny => field_filter::Operator::ArrayContainsAny,
        FieldOperator::NotIn => field_filter::Operator::NotIn,
    }
}

fn order(order: &Order) -> parts::Order {
    let direction = match order.direction {
        Direction::Ascending => parts::Direction::Ascending,
        Direction::Descending => parts::Direction::Descending,
    };
    parts::Order { field: Some(field(&order.path)), direction: direction.into() }
}

fn cursor(cursor: &Cursor) -> proto::Cursor {
    proto::Cursor { values: cursor.values.iter().map(value).collect(), before: cursor.before }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_parts();
    prost_types::Timestamp { seconds, nanos }
}

fn time(timestamp: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    timestamp.map(|stamp| Timestamp::from_parts(stamp.seconds, stamp.nanos).expect("a time"))
}

/// What the server says.
///
/// # Errors
/// A message that says nothing, or names what is no document.
pub fn message(database: &DatabaseName, response: proto::ListenResponse) -> Result<Message, String> {
    match response.response_type.ok_or("a message that says nothing")? {
        Response::TargetChange(change) => {
            let kind = match change.target_change_type() {
                TargetChangeType::NoChange => Kind::NoChange,
                TargetChangeType::Add => Kind::Add,
                TargetChangeType::Remove => Kind::Remove,
                TargetChangeType::Current => Kind::Current,
                TargetChangeType::Reset => Kind::Reset,
            };
            let cause = change.cause.map(|cause| Status::new(code(cause.code), cause.message));
            let token = (!change.resume_token.is_empty()).then_some(change.resume_token);
            Ok(Message::Targets {
                kind,
                ids: change.target_ids,
                cause,
                token,
                read_time: time(change.read_time),
            })
        }
        Response::DocumentChange(change) => {
            let document = document(database, change.document.ok_or("a change of no document")?)?;
            Ok(Message::Changed { document, targets: change.target_ids, removed: change.removed_target_ids })
        }
        Response::DocumentDelete(gone) => {
            let path = path(database, &gone.document)?;
            Ok(Message::Gone { path, targets: gone.removed_target_ids, deleted: true })
        }
        Response::DocumentRemove(gone) => {
            let path = path(database, &gone.document)?;
            Ok(Message::Gone { path, targets: gone.removed_target_ids, deleted: false })
        }
        Response::Filter(filter) => {
            let names = filter.unchanged_names.and_then(|names| {
                let bits = names.bits?;
                Some(Names {
                    database: database.clone(),
                    bitmap: bits.bitmap,
                    padding: bits.padding,
                    hash_count: names.hash_count,
                })
            });
            Ok(Message::Filter { target: filter.target_id, count: filter.count, names })
        }
    }
}

fn code(code: i32) -> Code {
    match code {
        3 => Code::InvalidArgument,
        9 => Code::FailedPrecondition,
        14 => Code::Unavailable,
        _ => Code::Internal,
    }
}

fn path(database: &DatabaseName, name: &str) -> Result<DocumentPath, String> {
    let name = DocumentName::parse(name).map_err(|status| status.to_string())?;
    if name.database == *database { Ok(name.path) } else { Err(format!("a document of {}", name.database)) }
}

fn document(database: &DatabaseName, document: proto::Document) -> Result<Document, String> {
    let path = path(database, &document.name)?;
    let (create_time, update_time) = (time(document.create_time), time(document.update_time));
    let fields = proto::Document { fields: document.fields, ..Default::default() };
    Ok(Document {
        path,
        create_time: create_time.ok_or("a document without times")?,
        update_time: update_time.ok_or("a document without times")?,
        body: fields.encode_to_vec().into(),
    })
}
