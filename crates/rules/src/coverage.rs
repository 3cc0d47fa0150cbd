//! Which values the expressions of a ruleset had, and how often.

use std::collections::HashMap;

use crate::Ruleset;
use crate::fault::Fault;
use crate::issue::Position;
use crate::limits::{MAX_COVERED_VALUE_BYTES, MAX_COVERED_VALUES};
use crate::order;
use crate::syntax::{Block, Expr, Item, Tree};
use crate::value::Value;

/// A record over many decisions of one ruleset.
#[derive(Debug, Default)]
pub struct Coverage {
    seen: HashMap<u32, Vec<(Observed, u64)>>,
}

/// What an expression came to.
#[derive(Clone, Debug)]
pub enum Observed {
    Value(Value),
    /// A value that is too large to be kept, or one of too many.
    Other,
    /// No value; with the reason.
    Undefined(String),
}

/// An expression with those inside it.
#[derive(Clone, Debug)]
pub struct Covered {
    pub position: Position,
    /// Empty when it was never evaluated.
    pub values: Vec<(Observed, u64)>,
    pub children: Vec<Covered>,
}

impl Coverage {
    /// Notes one evaluation.
    pub(crate) fn note(&mut self, expression: u32, result: &Result<Value, Fault>) {
        let observed = match result {
            Ok(value) if value.weight() <= MAX_COVERED_VALUE_BYTES && is_kept(value) => {
                Observed::Value(value.clone())
            }
            Ok(_) => Observed::Other,
            Err(Fault::Error { text, .. }) => Observed::Undefined(text.clone()),
            Err(Fault::Unknown { .. }) => {
                Observed::Undefined("It depends on what the query leaves open.".to_owned())
            }
            Err(Fault::Exhausted(_) | Fault::Failed(_)) => return,
        };
        self.add(expression, observed, 1);
    }

    /// Takes in another record of the same ruleset.
    pub fn absorb(&mut self, other: Coverage) {
        for (expression, values) in other.seen {
            values.into_iter().for_each(|(observed, count)| self.add(expression, observed, count));
        }
    }

    fn add(&mut self, expression: u32, observed: Observed, count: u64) {
        let values = self.seen.entry(expression).or_default();
        if let Some((_, counted)) = values.iter_mut().find(|(known, _)| known.is_same(&observed)) {
            *counted += count;
            return;
        }
        if values.len() < MAX_COVERED_VALUES {
            return values.push((observed, count));
        }
        match values.iter_mut().find(|(known, _)| matches!(known, Observed::Other)) {
            Some((_, counted)) => *counted += count,
            None => values.push((Observed::Other, count)),
        }
    }

    /// Every expression of a ruleset in source order, with its values.
    pub fn report(&self, ruleset: &Ruleset) -> Vec<Covered> {
        let mut roots = Vec::new();
        for service in &ruleset.tree().services {
            collect(ruleset.tree(), &service.block, &mut roots);
        }
        roots.sort_by_key(|expr| expr.span.start);
        roots.into_iter().map(|expr| self.covered(ruleset, expr)).collect()
    }

    fn covered(&self, ruleset: &Ruleset, expr: &Expr) -> Covered {
        let mut children = Vec::new();
        expr.kind.for_each_child(|child| children.push(self.covered(ruleset, child)));
        Covered {
            position: ruleset.lines().position(expr.span),
            values: self.seen.get(&expr.id).cloned().unwrap_or_default(),
            children,
        }
    }
}

/// Values that can be compared with others at once: not those that wait to be read.
fn is_kept(value: &Value) -> bool {
    match value {
        Value::Map(map) | Value::Object(map) => map.is_certain() && map.settle().is_ok(),
        Value::Unknown(_) => false,
        _ => true,
    }
}

impl Observed {
    fn is_same(&self, other: &Observed) -> bool {
        match (self, other) {
            (Observed::Value(a), Observed::Value(b)) => order::identical(a, b),
            (Observed::Other, Observed::Other) => true,
            (Observed::Undefined(a), Observed::Undefined(b)) => a == b,
            (Observed::Value(_) | Observed::Other | Observed::Undefined(_), _) => false,
        }
    }
}

fn collect<'t>(tree: &'t Tree, block: &'t Block, found: &mut Vec<&'t Expr>) {
    for id in &block.functions {
        let function = &tree.functions[*id];
        found.extend(function.bindings.iter().map(|(_, value)| value));
        found.push(&function.result);
    }
    for item in &block.items {
        match item {
            Item::Match(inner) => collect(tree, &inner.block, found),
            Item::Allow(allow) => found.extend(&allow.condition),
        }
    }
}
