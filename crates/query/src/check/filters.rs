//! The checks of filters, in production's order: each comparison on its own, then how many
//! disjuncts there are, then what each disjunct holds, then the inequalities.

use std::collections::BTreeSet;

use model::query::{FieldOperator, Filter, StructuredQuery, UnaryOperator};
use model::{DatabaseName, FieldPath, Status, Value, limits};

use super::{own_database, too_many_disjuncts};
use crate::dnf::{self, Leaf, Test};

pub(super) fn check<'a>(
    query: &'a StructuredQuery,
    database: &DatabaseName,
) -> Result<Vec<Vec<Leaf<'a>>>, Status> {
    let Some(filter) = &query.filter else {
        return Ok(vec![Vec::new()]);
    };
    no_empty_or(filter)?;
    let mut leaves = Vec::new();
    dnf::each_leaf(filter, &mut |leaf| leaves.push(leaf));
    for leaf in &leaves {
        comparison(leaf, database)?;
        if query.from.collection_id.is_none() && !leaf.path.is_document_name() {
            return Err(Status::invalid_argument(format!("kind is required for filter: {}", leaf.path)));
        }
    }
    single_exclusion(&leaves)?;
    not_in_alone(filter, &leaves)?;
    if let Some(count) = too_many_disjuncts(filter) {
        return Err(Status::invalid_argument(format!(
            "Too many disjunctions after normalization. Result had {count} disjunctions which is more than \
             the maximum of {}",
            limits::MAX_DISJUNCTIONS
        )));
    }
    let disjuncts = dnf::tree(filter).expand();
    one_containment_each(&disjuncts)?;
    inequalities(&leaves)?;
    Ok(disjuncts)
}

fn no_empty_or(filter: &Filter) -> Result<(), Status> {
    match filter {
        Filter::Or(filters) if filters.is_empty() => {
            Err(Status::invalid_argument("Composite filter must have at least one sub-filter."))
        }
        Filter::And(filters) | Filter::Or(filters) => filters.iter().try_for_each(no_empty_or),
        Filter::Field { .. } | Filter::Unary { .. } => Ok(()),
    }
}

fn comparison(leaf: &Leaf<'_>, database: &DatabaseName) -> Result<(), Status> {
    leaf.path.check_not_reserved()?;
    match leaf.test {
        Test::Compare(operator, value) => {
            list_operand(operator, value)?;
            if leaf.path.is_document_name() {
                key_operand(operator, value)?;
            }
            match (operator, value) {
                (
                    FieldOperator::In | FieldOperator::NotIn | FieldOperator::ArrayContainsAny,
                    Value::Array(values),
                ) => values.iter().try_for_each(|value| own_database(value, database)),
                (_, value) => own_database(value, database),
            }
        }
        Test::Is(_) if leaf.path.is_document_name() => Err(not_a_key()),
        Test::Is(_) => Ok(()),
    }
}

fn list_operand(operator: FieldOperator, value: &Value) -> Result<(), Status> {
    let (name, max) = match operator {
        FieldOperator::In => ("IN", limits::MAX_IN_VALUES),
        FieldOperator::ArrayContainsAny => ("ARRAY_CONTAINS_ANY", limits::MAX_IN_VALUES),
        FieldOperator::NotIn => ("NOT_IN", limits::MAX_NOT_IN_VALUES),
        FieldOperator::LessThan
        | FieldOperator::LessThanOrEqual
        | FieldOperator::GreaterThan
        | FieldOperator::GreaterThanOrEqual
        | FieldOperator::Equal
        | FieldOperator::NotEqual
        | FieldOperator::ArrayContains => return Ok(()),
    };
    let Value::Array(values) = value else {
        return Err(Status::invalid_argument(format!("'{name}' requires an ArrayValue.")));
    };
    if values.is_empty() {
        return Err(Status::invalid_argument(format!("'{name}' requires an non-empty ArrayValue.")));
    }
    if values.len() > max {
        let message = format!("'{name}' supports up to {max} comparison values.");
        return Err(Status::invalid_argument(message));
    }
    Ok(())
}

fn not_a_key() -> Status {
    Status::invalid_argument("__key__ filter value must be a Key")
}

fn key_operand(operator: FieldOperator, value: &Value) -> Result<(), Status> {
    let is_key = |value: &Value| matches!(value, Value::Reference(_));
    let legal = match operator {
        FieldOperator::ArrayContains | FieldOperator::ArrayContainsAny => {
            return Err(Status::invalid_argument("the name __key__ is reserved"));
        }
        FieldOperator::In | FieldOperator::NotIn => {
            matches!(value, Value::Array(values) if values.iter().all(is_key))
        }
        FieldOperator::LessThan
        | FieldOperator::LessThanOrEqual
        | FieldOperator::GreaterThan
        | FieldOperator::GreaterThanOrEqual
        | FieldOperator::Equal
        | FieldOperator::NotEqual => is_key(value),
    };
    if legal { Ok(()) } else { Err(not_a_key()) }
}

fn is_exclusion(leaf: &Leaf<'_>) -> bool {
    match leaf.test {
        Test::Compare(operator, _) => matches!(operator, FieldOperator::NotEqual | FieldOperator::NotIn),
        Test::Is(operator) => matches!(operator, UnaryOperator::IsNotNan | UnaryOperator::IsNotNull),
    }
}

fn single_exclusion(leaves: &[Leaf<'_>]) -> Result<(), Status> {
    if leaves.iter().filter(|leaf| is_exclusion(leaf)).count() > 1 {
        return Err(Status::invalid_argument(
            "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
        ));
    }
    Ok(())
}

fn has_or(filter: &Filter) -> bool {
    match filter {
        Filter::Or(filters) => filters.len() > 1 || filters.iter().any(has_or),
        Filter::And(filters) => filters.iter().any(has_or),
        Filter::Field { .. } | Filter::Unary { .. } => false,
    }
}

fn not_in_alone(filter: &Filter, leaves: &[Leaf<'_>]) -> Result<(), Status> {
    let uses = |wanted: FieldOperator| {
        leaves.iter().any(|leaf| matches!(leaf.test, Test::Compare(operator, _) if operator == wanted))
    };
    let others = || uses(FieldOperator::In) || uses(FieldOperator::ArrayContainsAny) || has_or(filter);
    if uses(FieldOperator::NotIn) && others() {
        return Err(Status::invalid_argument(
            "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.",
        ));
    }
    Ok(())
}

fn one_containment_each(disjuncts: &[Vec<Leaf<'_>>]) -> Result<(), Status> {
    let contains = |leaf: &&Leaf<'_>| matches!(leaf.test, Test::Compare(FieldOperator::ArrayContains, _));
    if disjuncts.iter().any(|leaves| leaves.iter().filter(contains).count() > 1) {
        return Err(Status::invalid_argument(
            "A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.",
        ));
    }
    Ok(())
}

fn inequalities(leaves: &[Leaf<'_>]) -> Result<(), Status> {
    let fields: BTreeSet<&FieldPath> =
        leaves.iter().filter(|leaf| leaf.is_inequality()).map(|leaf| leaf.path).collect();
    let max = limits::MAX_INEQUALITY_FIELDS;
    if fields.len() > max {
        let list: Vec<String> = fields.iter().map(|path| path.to_string()).collect();
        return Err(Status::invalid_argument(format!(
            "The query contains {} distinct inequality fields: [{}]. A query may not have more than {max} \
             distinct inequality fields.",
            fields.len(),
            list.join(", ")
        )));
    }
    let equal_key = leaves.iter().any(|leaf| {
        let equality = matches!(leaf.test, Test::Compare(FieldOperator::Equal | FieldOperator::In, _));
        leaf.path.is_document_name() && equality
    });
    let key_is_ranged = fields.iter().any(|path| path.is_document_name());
    if equal_key && !fields.is_empty() && !key_is_ranged {
        return Err(Status::invalid_argument(
            "Equality on key is not allowed if there are other inequality fields and key does not appear in \
             inequalities.",
        ));
    }
    Ok(())
}
