//! What a query answers, the naive way: every row that an entity has for every disjunct, as the documentation tells,
//! compared value by value. No bytes, no indexes.

use std::cmp::Ordering;

use model::entity::query::{EntityFilter, EntityQuery, PropertyOperator};
use model::entity::{Entity, EntityValue, Key, Properties, Property, order};
use model::query::Direction;

/// A result: its key, and the values of the properties that make it one of several of its entity.
#[derive(Clone, Debug)]
pub struct Answer {
    pub key: Key,
    exploded: Vec<(String, EntityValue)>,
    /// One value for each column of the order.
    row: Vec<EntityValue>,
}

type Comparison = (String, PropertyOperator, Vec<EntityValue>);

/// All results, before offset and limit.
pub fn answers(query: &EntityQuery, entities: &[Entity]) -> Vec<Answer> {
    let disjuncts = query.filter.as_ref().map_or_else(|| vec![Vec::new()], disjuncts);
    let columns = columns(query, &disjuncts);
    let own = entities.iter().filter(|entity| {
        query.kind.as_deref().is_none_or(|kind| entity.key.kind() == kind)
            && *entity.key.partition.namespace == *query.namespace
    });
    let mut answers: Vec<Answer> =
        own.flat_map(|entity| of_entity(query, entity, &disjuncts, &columns)).collect();
    answers.sort_by(|a, b| compare(&a.row, &b.row, &columns));
    let grouped: Vec<usize> =
        (0..columns.len()).filter(|n| query.distinct_on.contains(&columns[*n].0)).collect();
    if !grouped.is_empty() {
        answers.dedup_by(|b, a| grouped.iter().all(|n| order::equal(&a.row[*n], &b.row[*n])));
    }
    answers
}

impl Answer {
    pub fn text(&self, query: &EntityQuery) -> String {
        let mut text = crate::show::key(&self.key);
        for (name, value) in &self.exploded {
            if query.projection.contains(name) {
                let value = match value {
                    EntityValue::Timestamp(time) => EntityValue::Integer(time.micros()),
                    value => value.clone(),
                };
                text.push_str(&format!(" {name}={}", crate::show::property(&value.into())));
            }
        }
        text
    }
}

fn of_entity(
    query: &EntityQuery,
    entity: &Entity,
    disjuncts: &[Vec<Comparison>],
    columns: &[(String, Direction)],
) -> Vec<Answer> {
    let mut values = Vec::new();
    entity.properties.iter().for_each(|(name, property)| indexed(name, property, &mut values));
    let mut answers: Vec<Answer> = Vec::new();
    for disjunct in disjuncts {
        for row in rows(entity, &values, disjunct, columns) {
            let is_exploded =
                |name: &String| query.projection.contains(name) || query.distinct_on.contains(name);
            let exploded =
                columns.iter().zip(&row).filter(|((name, _), _)| name != "__key__" && is_exploded(name));
            let mut exploded: Vec<(String, EntityValue)> =
                exploded.map(|((name, _), value)| (name.clone(), value.clone())).collect();
            exploded.sort_by(|a, b| a.0.cmp(&b.0));
            let same = |answer: &&mut Answer| {
                answer.exploded.iter().zip(&exploded).all(|(a, b)| order::equal(&a.1, &b.1))
            };
            match answers.iter_mut().find(same) {
                Some(known) if compare(&row, &known.row, columns).is_lt() => known.row = row,
                Some(_) => {}
                None => answers.push(Answer { key: entity.key.clone(), exploded, row }),
            }
        }
    }
    answers
}

/// Every combination of values of the columns for one disjunct.
fn rows(
    entity: &Entity,
    values: &[(String, EntityValue)],
    disjunct: &[Comparison],
    columns: &[(String, Direction)],
) -> Vec<Vec<EntityValue>> {
    let key = EntityValue::Key(entity.key.clone());
    let of = |name: &str| -> Vec<EntityValue> {
        values.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect()
    };
    let in_range = |name: &str, value: &EntityValue| {
        disjunct
            .iter()
            .filter(|one| one.0 == name && one.1 != PropertyOperator::Equal)
            .all(|one| holds(one, value))
    };
    for one @ (name, operator, _) in disjunct {
        let met = match (name.as_str(), operator) {
            ("__key__", _) => holds(one, &key),
            (name, PropertyOperator::Equal) => of(name).iter().any(|value| holds(one, value)),
            (name, _) => of(name).iter().any(|value| in_range(name, value)),
        };
        if !met {
            return Vec::new();
        }
    }
    let mut rows = vec![Vec::new()];
    for (name, _) in columns {
        let mine: Vec<&Comparison> = disjunct.iter().filter(|one| one.0 == *name).collect();
        let candidates: Vec<EntityValue> = match name.as_str() {
            "__key__" => vec![key.clone()],
            name if mine.iter().any(|one| is_range(one.1)) => {
                of(name).into_iter().filter(|value| in_range(name, value)).collect()
            }
            name if !mine.is_empty() => {
                of(name).into_iter().filter(|value| mine.iter().any(|one| holds(one, value))).collect()
            }
            name => of(name),
        };
        rows = rows
            .iter()
            .flat_map(|row| candidates.iter().map(|value| [&row[..], std::slice::from_ref(value)].concat()))
            .collect();
    }
    rows
}

fn holds((_, operator, operands): &Comparison, value: &EntityValue) -> bool {
    let against = |operand: &EntityValue| order::compare(value, operand);
    match operator {
        PropertyOperator::Equal => against(&operands[0]).is_eq(),
        PropertyOperator::LessThan => against(&operands[0]).is_lt(),
        PropertyOperator::LessThanOrEqual => against(&operands[0]).is_le(),
        PropertyOperator::GreaterThan => against(&operands[0]).is_gt(),
        PropertyOperator::GreaterThanOrEqual => against(&operands[0]).is_ge(),
        PropertyOperator::NotEqual | PropertyOperator::NotIn => {
            operands.iter().all(|one| against(one).is_ne())
        }
        PropertyOperator::HasAncestor => match (value, &operands[0]) {
            (EntityValue::Key(key), EntityValue::Key(ancestor)) => key.path.starts_with(&ancestor.path),
            _ => false,
        },
        PropertyOperator::In => unreachable!("taken apart"),
    }
}

fn is_range(operator: PropertyOperator) -> bool {
    !matches!(operator, PropertyOperator::Equal | PropertyOperator::HasAncestor)
}

fn columns(query: &EntityQuery, disjuncts: &[Vec<Comparison>]) -> Vec<(String, Direction)> {
    let mut columns: Vec<(String, Direction)> = Vec::new();
    let one_key = |one: &Comparison| one.0 == "__key__" && one.1 == PropertyOperator::Equal;
    let by_key = disjuncts.iter().all(|disjunct| disjunct.iter().any(one_key));
    for order in query.order.iter().filter(|_| !by_key) {
        columns.push((order.name.clone(), order.direction));
        if order.name == "__key__" {
            break;
        }
    }
    let has_key = columns.iter().any(|column| column.0 == "__key__");
    let direction = columns.last().map_or(Direction::Ascending, |last| last.1);
    let sorted = |names: Vec<String>| {
        let mut names = names;
        names.sort();
        names
    };
    let ranged =
        disjuncts.iter().flatten().filter(|one| is_range(one.1) && one.0 != "__key__" && !has_key && !by_key);
    let ranged = sorted(ranged.map(|one| one.0.clone()).collect());
    let more = ranged.into_iter().chain(sorted(query.distinct_on.clone()));
    for name in more.chain(sorted(query.projection.clone())) {
        if name != "__key__" && !columns.iter().any(|column| column.0 == name) {
            columns.push((name, direction));
        }
    }
    if !has_key {
        columns.push(("__key__".to_owned(), direction));
    }
    columns
}

fn compare(a: &[EntityValue], b: &[EntityValue], columns: &[(String, Direction)]) -> Ordering {
    let each = columns.iter().zip(a.iter().zip(b)).map(|((_, direction), (a, b))| match direction {
        Direction::Ascending => order::compare(a, b),
        Direction::Descending => order::compare(b, a),
    });
    each.fold(Ordering::Equal, Ordering::then)
}

fn disjuncts(filter: &EntityFilter) -> Vec<Vec<Comparison>> {
    match filter {
        EntityFilter::And(filters) => filters.iter().map(disjuncts).fold(vec![Vec::new()], |left, right| {
            left.iter().flat_map(|l| right.iter().map(move |r| [&l[..], r].concat())).collect()
        }),
        EntityFilter::Or(filters) => filters.iter().flat_map(disjuncts).collect(),
        EntityFilter::Property { name, operator, value } => {
            let values: Vec<EntityValue> = match &value.value {
                EntityValue::Array(values) => values.iter().map(|value| value.value.clone()).collect(),
                value => vec![value.clone()],
            };
            let one = |operator: PropertyOperator, values| vec![(name.clone(), operator, values)];
            match operator {
                PropertyOperator::In => {
                    values.into_iter().map(|value| one(PropertyOperator::Equal, vec![value])).collect()
                }
                operator => vec![one(*operator, values)],
            }
        }
    }
}

/// What an entity is found by.
fn indexed(name: &str, property: &Property, values: &mut Vec<(String, EntityValue)>) {
    if property.excluded {
        return;
    }
    let below = |properties: &Properties, values: &mut Vec<(String, EntityValue)>| {
        properties.iter().for_each(|(inner, property)| indexed(&format!("{name}.{inner}"), property, values));
    };
    match &property.value {
        EntityValue::Array(elements) => elements.iter().for_each(|element| indexed(name, element, values)),
        EntityValue::Entity(entity) => below(&entity.properties, values),
        value => values.push((name.to_owned(), value.clone())),
    }
}
