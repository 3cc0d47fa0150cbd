//! GQL, the query language of the Datastore API, read straight into queries.
//!
//! ```text
//! query    := SELECT what [FROM kind] [WHERE cond] [ORDER BY prop [ASC|DESC] {, …}] [LIMIT lim] [OFFSET off]
//! what     := * | props | DISTINCT props | DISTINCT ON ( props ) (* | props)
//! aggquery := SELECT aggs [FROM kind] [WHERE cond] | AGGREGATE aggs OVER ( query )
//! cond     := cond OR cond | cond AND cond | ( cond ) | prop IS NULL | prop fwd value | value bwd prop
//! value    := @binding | literal | KEY(…) | ARRAY(…) | BLOB('…') | DATETIME('…')
//! ```
//! [`token`] cuts the text. [`statement`], [`condition`] and [`value`] have one function a rule, over the tokens that
//! [`parser`] holds; [`bindings`] answers for what is bound. Text is bounded before it is cut, nesting while it is
//! read.

mod bindings;
mod condition;
mod parser;
mod statement;
mod token;
mod value;

use model::Status;
use model::entity::Partition;
use model::entity::query::{GqlQuery, GqlStatement};

/// Bytes of one GQL text. A query within every limit on filters fits many times.
const MAX_GQL_BYTES: usize = 1024 * 1024;

/// Reads a query that is to run in `partition`; keys without one of their own are of that partition.
///
/// # Errors
/// INVALID_ARGUMENT: with the place and what was expected there, or with production's text for what is bound.
pub fn parse_gql(query: &GqlQuery, partition: &Partition) -> Result<GqlStatement, Status> {
    if query.text.len() > MAX_GQL_BYTES {
        let message = format!("The GQL query string is longer than {MAX_GQL_BYTES} bytes.");
        return Err(Status::invalid_argument(message));
    }
    let tokens = token::cut(&query.text)?;
    parser::Parser::new(tokens, bindings::Bindings::new(query)?, partition).statement()
}
