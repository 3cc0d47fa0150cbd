//! Who calls whom, and that nobody calls itself.

use std::collections::HashSet;

use crate::issue::Span;
use crate::syntax::{Block, Expr, ExprKind, FunctionId, Item, Tree};

/// Complains about every function that can come back to itself, and answers the functions that are called.
pub(super) fn check(tree: &Tree, complain: &mut impl FnMut(Span, String)) -> HashSet<FunctionId> {
    let callees: Vec<HashSet<FunctionId>> = tree
        .functions
        .iter()
        .map(|function| {
            let mut found = HashSet::new();
            function.bindings.iter().for_each(|(_, value)| collect(value, &mut found));
            collect(&function.result, &mut found);
            found
        })
        .collect();
    for id in on_cycles(&callees) {
        let function = &tree.functions[id];
        let text = format!(
            "Function '{}' calls itself, directly or through others. Recursion is not possible.",
            function.name
        );
        complain(function.span, text);
    }
    let mut called: HashSet<FunctionId> = callees.into_iter().flatten().collect();
    tree.services.iter().for_each(|service| collect_block(&service.block, &mut called));
    called
}

/// What is left when those that call nobody, and those that nobody calls, are taken away again and again.
fn on_cycles(callees: &[HashSet<FunctionId>]) -> Vec<FunctionId> {
    let mut callers: Vec<Vec<FunctionId>> = vec![Vec::new(); callees.len()];
    for (caller, called) in callees.iter().enumerate() {
        called.iter().for_each(|callee| callers[*callee].push(caller));
    }
    let callees: Vec<Vec<FunctionId>> =
        callees.iter().map(|called| called.iter().copied().collect()).collect();
    let mut left = vec![true; callees.len()];
    for (from, to) in [(&callees, &callers), (&callers, &callees)] {
        let count = |id: FunctionId, left: &[bool]| from[id].iter().filter(|other| left[**other]).count();
        let mut open: Vec<usize> = (0..left.len()).map(|id| count(id, &left)).collect();
        let mut free: Vec<FunctionId> = (0..left.len()).filter(|id| left[*id] && open[*id] == 0).collect();
        while let Some(id) = free.pop() {
            left[id] = false;
            for other in &to[id] {
                open[*other] = open[*other].saturating_sub(1);
                if open[*other] == 0 && left[*other] {
                    free.push(*other);
                }
            }
        }
    }
    (0..left.len()).filter(|id| left[*id]).collect()
}

fn collect_block(block: &Block, found: &mut HashSet<FunctionId>) {
    for item in &block.items {
        match item {
            Item::Match(inner) => collect_block(&inner.block, found),
            Item::Allow(allow) => allow.condition.iter().for_each(|condition| collect(condition, found)),
        }
    }
}

fn collect(expr: &Expr, found: &mut HashSet<FunctionId>) {
    if let ExprKind::Call(call) = &expr.kind {
        found.extend(call.target.get());
    }
    expr.kind.for_each_child(|child| collect(child, found));
}
