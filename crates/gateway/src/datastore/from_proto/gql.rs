//! GQL queries and what is bound to their parameters.

use model::entity::query::{GqlParameter, GqlQuery};
use model::{DatabaseName, Status};
use wire::datastore::gql_query_parameter::ParameterType;
use wire::datastore::{self as proto};

use super::value;

/// A query, its text unread.
pub(crate) fn gql(database: &DatabaseName, query: proto::GqlQuery) -> Result<GqlQuery, Status> {
    let positional = query.positional_bindings.into_iter().enumerate();
    let positional = positional.map(|(at, one)| parameter(database, &(at + 1).to_string(), one));
    let named = query.named_bindings.into_iter().map(|(name, one)| {
        let parameter = parameter(database, &name, one)?;
        Ok((name, parameter))
    });
    Ok(GqlQuery {
        text: query.query_string,
        allow_literals: query.allow_literals,
        positional: positional.collect::<Result<_, _>>()?,
        named: named.collect::<Result<_, Status>>()?,
    })
}

fn parameter(
    database: &DatabaseName,
    name: &str,
    parameter: proto::GqlQueryParameter,
) -> Result<GqlParameter, Status> {
    match parameter.parameter_type {
        Some(ParameterType::Value(value)) => value::property(database, name, value).map(GqlParameter::Value),
        Some(ParameterType::Cursor(cursor)) => Ok(GqlParameter::Cursor(cursor)),
        None => {
            let text = format!("The GQL query parameter \"{name}\" has neither a value nor a cursor.");
            Err(Status::invalid_argument(text))
        }
    }
}
