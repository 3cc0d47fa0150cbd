//! What a query says about the documents that it can return.
//!
//! A query is allowed when the rules allow every document it could return, whatever is stored. So each disjunct of its
//! filters becomes a document that is known in part, and the rules must allow that: see [`crate::known`].

use std::collections::BTreeMap;
use std::sync::Arc;

use model::limits::MAX_INDEXED_VALUE_BYTES;
use model::order::TypeClass;
use model::query::{FieldOperator, Filter, StructuredQuery, UnaryOperator};
use model::{DocumentPath, FieldPath, Parent};

use crate::known::{Known, Limit, class_of, has_number};
use crate::limits::MAX_DISJUNCTS;
use crate::steps::Step;
use crate::value::{Map, Value};

/// One way to be in a query's result.
#[derive(Debug, Default)]
pub(crate) struct Disjunct {
    /// The one document that it can be, by `__name__ == …`.
    pub name: Option<DocumentPath>,
    /// The name is all that the query asks for.
    pub only_name: bool,
    /// `resource.data`
    pub data: Node,
}

/// What is known of a field and of the fields below it.
#[derive(Debug, Default)]
pub(crate) struct Node {
    known: Known,
    below: BTreeMap<String, Node>,
}

/// A condition on one field that holds for every document of a disjunct.
#[derive(Clone)]
enum Leaf<'q> {
    Field(&'q FieldPath, FieldOperator, &'q model::Value),
    Unary(&'q FieldPath, UnaryOperator),
}

/// The disjuncts of a query; None when there are more than a query may have.
pub(crate) fn disjuncts(query: &StructuredQuery) -> Option<Vec<Disjunct>> {
    let conjunctions = match &query.filter {
        Some(filter) => normal_form(filter)?,
        None => vec![Vec::new()],
    };
    let disjunct = |leaves: Vec<Leaf>| {
        let mut disjunct = Disjunct::default();
        for leaf in &leaves {
            disjunct.add(leaf);
        }
        disjunct.only_name = disjunct.name.is_some() && leaves.len() == 1;
        // Only documents that have the fields of the order are returned.
        for order in query.order_by.iter().filter(|order| !order.path.is_document_name()) {
            disjunct.data.at(&order.path);
        }
        disjunct
    };
    Some(conjunctions.into_iter().map(disjunct).collect())
}

/// A disjunction of conjunctions.
fn normal_form(filter: &Filter) -> Option<Vec<Vec<Leaf<'_>>>> {
    let found = match filter {
        Filter::And(filters) => {
            let mut product: Vec<Vec<Leaf>> = vec![Vec::new()];
            for filter in filters {
                let arms = normal_form(filter)?;
                if product.len() * arms.len() > MAX_DISJUNCTS {
                    return None;
                }
                let pairs =
                    product.iter().flat_map(|left| arms.iter().map(move |right| [&left[..], right].concat()));
                product = pairs.collect();
            }
            product
        }
        Filter::Or(filters) => {
            let mut sum = Vec::new();
            for filter in filters {
                sum.extend(normal_form(filter)?);
                if sum.len() > MAX_DISJUNCTS {
                    return None;
                }
            }
            sum
        }
        Filter::Field { path, operator: FieldOperator::In, value } => {
            each_of(path, FieldOperator::Equal, value)?
        }
        Filter::Field { path, operator: FieldOperator::ArrayContainsAny, value } => {
            each_of(path, FieldOperator::ArrayContains, value)?
        }
        Filter::Field { path, operator, value } => vec![vec![Leaf::Field(path, *operator, value)]],
        Filter::Unary { path, operator } => vec![vec![Leaf::Unary(path, *operator)]],
    };
    (!found.is_empty() && found.len() <= MAX_DISJUNCTS).then_some(found)
}

/// A disjunct for each element of an array.
fn each_of<'q>(
    path: &'q FieldPath,
    operator: FieldOperator,
    values: &'q model::Value,
) -> Option<Vec<Vec<Leaf<'q>>>> {
    let model::Value::Array(values) = values else { return None };
    Some(values.iter().map(|value| vec![Leaf::Field(path, operator, value)]).collect())
}

impl Disjunct {
    fn add(&mut self, leaf: &Leaf) {
        match leaf {
            Leaf::Field(path, operator, value) if path.is_document_name() => {
                if let (FieldOperator::Equal, model::Value::Reference(name)) = (operator, value) {
                    self.name.get_or_insert_with(|| name.path.clone());
                }
            }
            Leaf::Field(path, operator, value) => self.data.at(path).add(*operator, value),
            Leaf::Unary(path, _) if path.is_document_name() => {}
            Leaf::Unary(path, operator) => {
                let known = &mut self.data.at(path).known;
                match operator {
                    UnaryOperator::IsNull => known.fix(Value::Null),
                    UnaryOperator::IsNan => known.fix(Value::Float(f64::NAN)),
                    UnaryOperator::IsNotNull | UnaryOperator::IsNotNan => known.excluded.push(Value::Null),
                }
            }
        }
    }
}

impl Node {
    /// The node of a field, which exists in every document.
    fn at(&mut self, path: &FieldPath) -> &mut Node {
        path.segments().iter().fold(self, |node, segment| node.below.entry(segment.clone()).or_default())
    }

    fn add(&mut self, operator: FieldOperator, value: &model::Value) {
        let known = &mut self.known;
        let value = Value::of(value);
        // An index keeps the first bytes only, and a query that reads the index cannot tell what follows.
        let whole = value.weight() < MAX_INDEXED_VALUE_BYTES as u64;
        match operator {
            FieldOperator::Equal if whole => known.fix(value),
            FieldOperator::Equal => known.class = known.class.or(class_of(&value)),
            FieldOperator::NotEqual => known.excluded.extend([value, Value::Null]),
            FieldOperator::NotIn => {
                known.excluded.push(Value::Null);
                if let Value::List(list) = &value {
                    known.excluded.extend_from_slice(list.values());
                }
            }
            FieldOperator::ArrayContains => {
                known.class = known.class.or(Some(TypeClass::Array));
                if whole {
                    known.contains.push(value);
                }
            }
            FieldOperator::LessThan | FieldOperator::LessThanOrEqual => {
                let inclusive = operator == FieldOperator::LessThanOrEqual;
                known.bound(value, inclusive, whole, |known| &mut known.upper);
            }
            FieldOperator::GreaterThan | FieldOperator::GreaterThanOrEqual => {
                let inclusive = operator == FieldOperator::GreaterThanOrEqual;
                known.bound(value, inclusive, whole, |known| &mut known.lower);
            }
            // These became disjuncts.
            FieldOperator::In | FieldOperator::ArrayContainsAny => {}
        }
    }

    /// The map that rules see.
    pub fn into_map(self) -> Value {
        let below = self.below.into_iter().map(|(name, node)| (Arc::from(name), node.into_value()));
        Value::Map(Map::open(below.collect()))
    }

    fn into_value(self) -> Value {
        if !self.below.is_empty() {
            return self.into_map();
        }
        match &self.known.alike {
            Some(value) if !has_number(value) => value.clone(),
            Some(_) | None => Value::Unknown(Arc::new(self.known)),
        }
    }
}

impl Known {
    fn fix(&mut self, value: Value) {
        self.class = self.class.or(class_of(&value));
        self.alike.get_or_insert(value);
    }

    fn bound(
        &mut self,
        value: Value,
        inclusive: bool,
        whole: bool,
        end: impl Fn(&mut Known) -> &mut Option<Limit>,
    ) {
        // A range is of one type.
        self.class = self.class.or(class_of(&value));
        if whole && self.class == class_of(&value) {
            end(self).get_or_insert(Limit { value, inclusive });
        }
    }
}

/// Where the documents of a disjunct can be.
pub(crate) fn steps(query: &StructuredQuery, disjunct: &Disjunct) -> Vec<Step> {
    let known = |id: &str| Step::Known(id.into());
    if let Some(name) = &disjunct.name {
        return name.ids().map(known).collect();
    }
    let mut steps: Vec<Step> = match &query.parent {
        Parent::Root => Vec::new(),
        Parent::Document(path) => path.ids().map(known).collect(),
    };
    if query.from.all_descendants {
        steps.push(Step::Descent);
    }
    steps.push(query.from.collection_id.as_deref().map_or(Step::Any, known));
    steps.push(Step::Any);
    steps
}
