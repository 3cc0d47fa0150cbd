//! Mutations of entities as writes of documents.

use bytes::Bytes;
use database::Database;
use host::Host;
use model::entity::mapping::{document_path_of, fields_of, indexed_property_of, value_of};
use model::entity::validate::check_mutations;
use model::entity::write::{
    Base, EntityCommitResult, Mutation, MutationOperation, MutationResult, OnConflict, PropertyTransform,
    PropertyTransformKind,
};
use model::entity::{Entity, EntityValue, Id, Key, Property};
use model::write::{
    CommitResult, FieldTransform, Operation, Precondition, TransformKind, Write, WriteResult,
};
use model::{Code, Fields, Status, Timestamp, Value};

use crate::EntityCommitMode;
use crate::across::unsupported;

/// Made ids have so many bits, as those that Datastore makes: numbers that JavaScript holds.
const ID_BITS: u32 = 53;

/// Commits the mutations; ids that lack are made.
pub(crate) async fn commit(
    database: &Database,
    host: &Host,
    mutations: Vec<Mutation>,
    mode: EntityCommitMode,
) -> Result<EntityCommitResult, Status> {
    let atomic = mode != EntityCommitMode::NonTransactional;
    check_mutations(&mutations, database.name(), atomic)?;
    let token = match mode {
        EntityCommitMode::NonTransactional => return one_by_one(database, host, mutations).await,
        EntityCommitMode::Transaction(token) => Some(token),
        EntityCommitMode::SingleUse => None,
    };
    all_or_none(database, host, mutations, token).await
}

async fn all_or_none(
    database: &Database,
    host: &Host,
    mutations: Vec<Mutation>,
    token: Option<Bytes>,
) -> Result<EntityCommitResult, Status> {
    if mutations.iter().any(|one| one.base.is_some() && one.on_conflict == OnConflict::KeepStored) {
        return Err(unsupported("A base version in a transaction that goes on when it is another"));
    }
    let ready = mutations.into_iter().map(|mutation| Ready::new(host, mutation));
    let ready = ready.collect::<Result<Vec<_>, _>>()?;
    let (made, writes): (Vec<_>, Vec<_>) = ready.into_iter().map(|ready| (ready.made, ready.write)).unzip();
    let CommitResult { commit_time, results } = database.commit(writes, token.as_deref()).await?;
    let results = made.into_iter().zip(results).map(|(made, done)| result(made, &done, commit_time));
    Ok(EntityCommitResult { commit_time, results: results.collect::<Result<_, _>>()? })
}

/// Each by itself; the first that cannot be done ends the commit, and those before it stay.
async fn one_by_one(
    database: &Database,
    host: &Host,
    mutations: Vec<Mutation>,
) -> Result<EntityCommitResult, Status> {
    let mut commit_time = database.view().read_time();
    let mut results = Vec::with_capacity(mutations.len());
    for mutation in mutations {
        let keeps = mutation.base.is_some() && mutation.on_conflict == OnConflict::KeepStored;
        let Ready { made, write } = Ready::new(host, mutation)?;
        let path = write.path.clone();
        let done = match database.commit(vec![write], None).await {
            Err(refusal) if keeps && is_conflict(refusal.code) => {
                let stored = database.view().get(&path)?;
                let update_time = stored.as_ref().map(|document| document.update_time);
                results.push(MutationResult {
                    key: None,
                    version: update_time.unwrap_or(commit_time).micros(),
                    conflict_detected: true,
                    update_time,
                    create_time: stored.map(|document| document.create_time),
                    transform_results: Vec::new(),
                });
                continue;
            }
            done => done?,
        };
        commit_time = done.commit_time;
        let one = done.results.first().ok_or_else(|| Status::internal("A write has no result."))?;
        results.push(result(made, one, commit_time)?);
    }
    Ok(EntityCommitResult { commit_time, results })
}

/// What a precondition that does not hold is answered with.
fn is_conflict(code: Code) -> bool {
    matches!(code, Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists)
}

/// A mutation as a write, and the key if its id was made here.
struct Ready {
    made: Option<Key>,
    write: Write,
}

impl Ready {
    fn new(host: &Host, mutation: Mutation) -> Result<Self, Status> {
        let Mutation { operation, base, on_conflict: _, mask, transforms } = mutation;
        let made = match operation.key() {
            key if key.is_complete() => None,
            key => Some(key.clone().completed(made_id(host))),
        };
        let path = document_path_of(made.as_ref().unwrap_or(operation.key()))?;
        let based = match base {
            None => None,
            Some(Base::Version(0)) => Some(Precondition::Exists(false)),
            Some(Base::Version(version)) => {
                let time = Timestamp::from_micros(version);
                Some(Precondition::UpdateTime(time.ok_or_else(|| {
                    Status::invalid_argument(format!("The base version {version} is no version."))
                })?))
            }
            Some(Base::UpdateTime(time)) => Some(Precondition::UpdateTime(time)),
        };
        let (own, entity) = match operation {
            // An id that was made is nobody's: whoever has it already must not be overwritten.
            MutationOperation::Insert(entity) => (Precondition::Exists(false), Some(entity)),
            MutationOperation::Upsert(entity) if made.is_some() => {
                (Precondition::Exists(false), Some(entity))
            }
            MutationOperation::Update(entity) => (Precondition::Exists(true), Some(entity)),
            MutationOperation::Upsert(entity) => (Precondition::None, Some(entity)),
            MutationOperation::Delete(_) => (Precondition::None, None),
        };
        let operation = match entity {
            None => Operation::Delete,
            Some(Entity { properties, .. }) => {
                let fields = document_fields(&properties)?;
                let transforms = transforms.into_iter().map(transform).collect::<Result<_, _>>()?;
                Operation::Set { fields, mask, transforms }
            }
        };
        Ok(Ready { made, write: Write { path, operation, precondition: based.unwrap_or(own) } })
    }
}

fn made_id(host: &Host) -> Id {
    Id::Number(i64::try_from(host.random() >> (u64::BITS - ID_BITS)).map_or(1, |number| number.max(1)))
}

/// The fields, if a document can hold them: the maps that stand for what only entities have are reserved there.
fn document_fields(properties: &model::entity::Properties) -> Result<Fields, Status> {
    let fields = fields_of(properties)?;
    match properties.iter().find(|(_, property)| !is_plain(property)) {
        Some((name, _)) => Err(Status::invalid_argument(format!(
            "The property \"{name}\" has a meaning, or holds an entity with a key; a document in Native Mode can hold \
             neither."
        ))),
        None => Ok(fields),
    }
}

fn is_plain(property: &Property) -> bool {
    const VECTOR: i32 = 31;
    match &property.value {
        EntityValue::Array(_) if property.meaning == VECTOR => true,
        _ if property.meaning != 0 => false,
        EntityValue::Array(elements) => elements.iter().all(is_plain),
        EntityValue::Entity(entity) => entity.key.is_none() && entity.properties.values().all(is_plain),
        EntityValue::Null
        | EntityValue::Boolean(_)
        | EntityValue::Integer(_)
        | EntityValue::Double(_)
        | EntityValue::Timestamp(_)
        | EntityValue::Key(_)
        | EntityValue::String(_)
        | EntityValue::Blob(_)
        | EntityValue::GeoPoint(_) => true,
    }
}

fn transform(transform: PropertyTransform) -> Result<FieldTransform, Status> {
    let PropertyTransform { path, kind } = transform;
    let operand = |value: EntityValue| value_of(&value.into());
    let elements = |values: &[Property]| values.iter().map(value_of).collect::<Result<Vec<Value>, Status>>();
    let kind = match kind {
        PropertyTransformKind::RequestTime => TransformKind::RequestTime,
        PropertyTransformKind::Increment(value) => TransformKind::Increment(operand(value)?),
        PropertyTransformKind::Maximum(value) => TransformKind::Maximum(operand(value)?),
        PropertyTransformKind::Minimum(value) => TransformKind::Minimum(operand(value)?),
        PropertyTransformKind::AppendMissing(values) => TransformKind::AppendMissing(elements(&values)?),
        PropertyTransformKind::RemoveAll(values) => TransformKind::RemoveAll(elements(&values)?),
    };
    Ok(FieldTransform { path, kind })
}

fn result(key: Option<Key>, done: &WriteResult, commit_time: Timestamp) -> Result<MutationResult, Status> {
    let value = |value: &Value| indexed_property_of(value).map(|property| property.value);
    let transform_results = done.transform_results.iter().map(value).collect::<Result<_, _>>()?;
    Ok(MutationResult {
        key,
        version: done.update_time.unwrap_or(commit_time).micros(),
        conflict_detected: false,
        update_time: done.update_time,
        create_time: None,
        transform_results,
    })
}
