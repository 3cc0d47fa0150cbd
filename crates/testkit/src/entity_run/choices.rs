//! Random mutations over few keys, so that they meet.

use model::entity::write::{
    Base, Mutation, MutationOperation, OnConflict, PropertyTransform, PropertyTransformKind,
};
use model::entity::{Entity, EntityValue, Id, Key, Partition, PathElement, Properties, Property};
use model::{DatabaseName, FieldPath, Timestamp};

use crate::dice::Dice;

pub(super) const NAMESPACES: [&str; 2] = ["", "tenant"];
pub(super) const KINDS: [&str; 3] = ["K", "a/b", "__id5_"];
pub(super) const NAMES: [&str; 3] = ["a", "b", "c.d"];

/// One to four mutations of keys that are known or new, resting on times that are.
pub(super) fn mutations(
    dice: &mut Dice,
    database: &DatabaseName,
    known: &[Key],
    times: &[Timestamp],
) -> Vec<Mutation> {
    (0..=dice.below(4)).map(|_| mutation(dice, database, known, times)).collect()
}

fn mutation(dice: &mut Dice, database: &DatabaseName, known: &[Key], times: &[Timestamp]) -> Mutation {
    let mut key = match known {
        [] => new_key(dice, database),
        known if dice.chance(60) => dice.pick(known).clone(),
        _ => new_key(dice, database),
    };
    let operation = dice.below(6);
    if operation < 4 && dice.chance(10) {
        key.path.last_mut().expect("a path is never empty").id = None;
    }
    let entity = Entity { key: key.clone(), properties: properties(dice) };
    let operation = match operation {
        0 => MutationOperation::Insert(entity),
        1..=3 => MutationOperation::Upsert(entity),
        4 => MutationOperation::Update(entity),
        _ => MutationOperation::Delete(key),
    };
    let deletes = operation.entity().is_none();
    let mut mutation = Mutation::from(operation);
    if dice.chance(15) && !times.is_empty() {
        let time = *dice.pick(times);
        mutation.base = Some(match dice.below(3) {
            0 => Base::Version(0),
            1 => Base::Version(time.micros()),
            _ => Base::UpdateTime(time),
        });
        mutation.on_conflict = *dice.pick(&[OnConflict::KeepStored, OnConflict::Fail]);
    }
    if !deletes && dice.chance(20) {
        mutation.mask = Some((0..dice.below(3)).map(|_| FieldPath::single(name(dice))).collect());
    }
    if !deletes && dice.chance(20) {
        mutation.transforms = (0..=dice.below(2)).map(|_| transform(dice)).collect();
    }
    mutation
}

fn new_key(dice: &mut Dice, database: &DatabaseName) -> Key {
    let partition = Partition::new(database, dice.pick::<&str>(&NAMESPACES));
    let ids = [Id::Number(-1), Id::Number(7), Id::Name("7".to_owned()), Id::Name("x/y".to_owned())];
    let step = |dice: &mut Dice| PathElement::new(*dice.pick(&KINDS), dice.pick(&ids).clone());
    let path = (0..=dice.below(2)).map(|_| step(dice)).collect();
    Key { partition, path }
}

fn properties(dice: &mut Dice) -> Properties {
    (0..dice.below(4)).map(|_| (name(dice).to_owned(), property(dice, true))).collect()
}

fn property(dice: &mut Dice, may_be_array: bool) -> Property {
    if may_be_array && dice.chance(30) {
        let elements = (0..dice.below(4)).map(|_| property(dice, false)).collect();
        return EntityValue::Array(elements).into();
    }
    let small = i64::try_from(dice.below(4)).expect("it is small");
    let value = match dice.below(7) {
        0 => EntityValue::Null,
        1 => EntityValue::Boolean(small > 1),
        2 => EntityValue::Double(small as f64 - 1.5),
        3 => EntityValue::String("x".repeat(dice.below(3))),
        4 => EntityValue::Blob(vec![b'x'; dice.below(3)].into()),
        5 => EntityValue::Timestamp(Timestamp::from_micros(small).expect("it is small")),
        _ => EntityValue::Integer(small),
    };
    Property { value, excluded: dice.chance(20), meaning: 0 }
}

fn transform(dice: &mut Dice) -> PropertyTransform {
    let operand = if dice.chance(50) { EntityValue::Integer(2) } else { EntityValue::Double(0.5) };
    let kind = match dice.below(6) {
        0 => PropertyTransformKind::RequestTime,
        1 => PropertyTransformKind::Increment(operand),
        2 => PropertyTransformKind::Maximum(operand),
        3 => PropertyTransformKind::Minimum(operand),
        4 => PropertyTransformKind::AppendMissing(vec![operand.into(), EntityValue::Null.into()]),
        _ => PropertyTransformKind::RemoveAll(vec![operand.into(), EntityValue::Integer(0).into()]),
    };
    PropertyTransform { path: FieldPath::single(name(dice)), kind }
}

fn name(dice: &mut Dice) -> &'static str {
    dice.pick::<&'static str>(&NAMES)
}
