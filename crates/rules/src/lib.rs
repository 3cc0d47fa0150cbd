//! The security-rules language of Firestore: parse, check, evaluate.
//!
//! The journey of a source: 1. [`Ruleset::compile`] hands it to `parser::parse`, which gets tokens from `Lexer::next`
//! and makes a `Tree`. 2. `check::check` resolves calls and warns. The journey of a request: 1. [`Ruleset::decide`]
//! makes the variables `request` and `resource` (`Request::variable`; for a query, `proof::disjuncts` makes a document
//! that is known in part). 2. `Walk::block` finds the `match` blocks of the path and tries their `allow`s.
//! 3. `Evaluator::value` evaluates a condition, within a `Budget`, and looks documents up through [`Documents`].
//!
//! This room knows no database: whoever asks hands in the documents. Nothing here reads a clock; what a decision costs is
//! counted, see [`limits`].

pub mod limits;

mod budget;
mod check;
mod coverage;
mod decide;
mod evaluate;
mod fault;
mod issue;
mod kind;
mod known;
mod lexer;
mod methods;
mod names;
mod order;
mod parser;
mod proof;
mod regex;
mod request;
mod steps;
mod syntax;
mod value;
mod verdict;

use std::sync::Arc;

use model::Status;

pub use coverage::{Coverage, Covered, Observed};
pub use evaluate::{Accesses, Documents};
pub use issue::{Issue, Position, Severity};
pub use kind::Kind;
pub use known::Known;
pub use request::{Auth, Claims, Method, Operation, Request};
pub use value::{Duration, Instant, List, Map, MapDiff, Path, Set, Value};
pub use verdict::{Denial, Reason, Verdict, Why};

use issue::{Lines, Span};
use syntax::Tree;

/// Compiled rules. Cheap to clone, and shared by all requests until they are replaced.
#[derive(Clone, Debug)]
pub struct Ruleset(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    tree: Tree,
    lines: Lines,
}

impl Ruleset {
    /// Compiles a source file; the second part of the answer are warnings.
    ///
    /// # Errors
    /// All complaints that could be found in one run, errors first; at most [`limits::MAX_ISSUES`].
    pub fn compile(source: &str) -> Result<(Ruleset, Vec<Issue>), Vec<Issue>> {
        if source.len() > limits::MAX_SOURCE_BYTES {
            let text = format!(
                "The source is {} bytes long; at most {} fit.",
                source.len(),
                limits::MAX_SOURCE_BYTES
            );
            return Err(vec![Lines::of("").error(Span::default(), text)]);
        }
        let lines = Lines::of(source);
        let tree = parser::parse(&lines)?;
        let warnings = check::check(&tree, &lines)?;
        Ok((Ruleset(Arc::new(Compiled { tree, lines })), warnings))
    }

    /// Decides whether a request may be served.
    ///
    /// `documents` must show what the request is about to read or to change: the snapshot of a read, the committing
    /// transaction of a write. Give the same `accesses` to all decisions of one commit or batch. The decision is a
    /// function of these alone, so it can be repeated when a transaction is.
    ///
    /// A query is proved for all documents, stored now or later, as long as the documents that the rules look up stay
    /// the same: a listener asks again when one of them changes ([`Accesses::paths`]), when its token expires or when
    /// `request.time` may matter. A query for one name alone looks that document up too.
    ///
    /// # Errors
    /// The status with which a document could not be read. There is no decision then.
    pub fn decide(
        &self,
        request: &Request,
        documents: &dyn Documents,
        accesses: &mut Accesses,
        coverage: Option<&mut Coverage>,
    ) -> Result<Verdict, Status> {
        decide::decide(self, request, documents, accesses, coverage)
    }

    /// The source it was compiled from.
    pub fn source(&self) -> &str {
        self.0.lines.source()
    }

    fn tree(&self) -> &Tree {
        &self.0.tree
    }

    fn lines(&self) -> &Lines {
        &self.0.lines
    }
}
