//! The second look at a tree: which function a call means, what a name stands for, and the limits of a path.
//!
//! Production compiles much that can only fail: unknown functions, methods and variables, wrong numbers of arguments.
//! These are warnings here. Errors are what production refuses: functions that call themselves or share a name, and
//! broken limits.

mod calls;
mod names;

use std::collections::HashMap;

use crate::issue::{Issue, Lines, Severity, Span};
use crate::limits::{MAX_BINDINGS, MAX_CAPTURES, MAX_ISSUES, MAX_PATH_SEGMENTS};
use crate::syntax::{Allow, Block, Expr, ExprKind, FunctionId, Item, Match, Name, Segment, Tree};

use names::Names;
pub(crate) use names::is_namespace;

/// Methods that an `allow` may name with an effect.
pub(crate) const METHODS: [&str; 7] = ["read", "write", "get", "list", "create", "update", "delete"];

/// Resolves the calls of a tree.
///
/// # Errors
/// What production refuses, with warnings among it; otherwise the answer is the warnings.
pub(crate) fn check(tree: &Tree, lines: &Lines) -> Result<Vec<Issue>, Vec<Issue>> {
    let mut checker =
        Checker { tree, lines, issues: Vec::new(), scopes: Vec::new(), captures: Vec::new(), segments: 0 };
    for service in &tree.services {
        checker.block(&service.block);
    }
    let called = calls::check(tree, &mut |span, text| checker.issues.push(lines.error(span, text)));
    for (id, function) in tree.functions.iter().enumerate() {
        if !called.contains(&id) {
            checker.warn(function.span, format!("Unused function: {}.", function.name));
        }
    }
    let mut issues = checker.issues;
    issues.sort_by_key(|issue| (issue.severity == Severity::Warning, issue.position.offset));
    issues.truncate(MAX_ISSUES);
    if issues.iter().any(|issue| issue.severity == Severity::Error) { Err(issues) } else { Ok(issues) }
}

struct Checker<'t> {
    tree: &'t Tree,
    lines: &'t Lines,
    issues: Vec<Issue>,
    /// Functions that are visible here, the innermost block last.
    scopes: Vec<HashMap<Name, FunctionId>>,
    /// Wildcards that are visible here.
    captures: Vec<Name>,
    /// Segments on the way here.
    segments: usize,
}

impl<'t> Checker<'t> {
    fn error(&mut self, span: Span, text: impl Into<String>) {
        self.issues.push(self.lines.error(span, text));
    }

    fn warn(&mut self, span: Span, text: impl Into<String>) {
        self.issues.push(self.lines.warning(span, text));
    }

    fn block(&mut self, block: &'t Block) {
        let mut scope = HashMap::new();
        for id in &block.functions {
            let function = &self.tree.functions[*id];
            if scope.insert(function.name.clone(), *id).is_some() {
                let text =
                    format!("Function '{}' is defined twice here. Give one another name.", function.name);
                self.error(function.span, text);
            }
        }
        self.scopes.push(scope);
        for id in &block.functions {
            self.function(*id);
        }
        for item in &block.items {
            match item {
                Item::Match(found) => self.match_block(found),
                Item::Allow(allow) => self.allow(allow),
            }
        }
        self.scopes.pop();
    }

    fn function(&mut self, id: FunctionId) {
        let function = &self.tree.functions[id];
        if function.bindings.len() > MAX_BINDINGS {
            let text = format!("A function has at most {MAX_BINDINGS} 'let' bindings. Split it in two.");
            self.error(function.span, text);
        }
        let mut names = Names::new(&self.captures);
        for (at, (name, span)) in function.parameters.iter().enumerate() {
            if function.parameters[..at].iter().any(|(earlier, _)| earlier == name) {
                self.error(*span, format!("Parameter '{name}' is named twice."));
            }
            names.push(name.clone());
        }
        for (name, value) in &function.bindings {
            self.expression(value, &mut names);
            names.push(name.clone());
        }
        self.expression(&function.result, &mut names);
        for name in names.unused() {
            self.warn(function.span, format!("Unused variable: {name}."));
        }
    }

    fn match_block(&mut self, found: &'t Match) {
        let captures = self.captures.len();
        for segment in &found.pattern {
            match segment {
                Segment::Literal(_) => {}
                Segment::One(name) | Segment::Many(name) => self.captures.push(name.clone()),
            }
        }
        self.segments += found.pattern.len();
        if self.captures.len() > MAX_CAPTURES {
            let text =
                format!("A path has at most {MAX_CAPTURES} wildcards, with those of the matches around it.");
            self.error(found.span, text);
        }
        if self.segments > MAX_PATH_SEGMENTS {
            let text = format!(
                "A path has at most {MAX_PATH_SEGMENTS} segments, with those of the matches around it."
            );
            self.error(found.span, text);
        }
        self.block(&found.block);
        self.segments -= found.pattern.len();
        self.captures.truncate(captures);
    }

    fn allow(&mut self, allow: &'t Allow) {
        for (method, span) in &allow.methods {
            if !METHODS.contains(&method.as_str()) {
                let text = format!(
                    "'{method}' is not a method, so this allows nothing. Methods are {}.",
                    METHODS.join(", ")
                );
                self.warn(*span, text);
            }
        }
        if let Some(condition) = &allow.condition {
            let mut names = Names::new(&self.captures);
            self.expression(condition, &mut names);
        }
    }

    /// Depth is bounded by the parser.
    fn expression(&mut self, expr: &'t Expr, names: &mut Names) {
        match &expr.kind {
            ExprKind::Variable(name) => {
                if !names.find(name) {
                    self.warn(expr.span, format!("Invalid variable name: {name}."));
                }
                return;
            }
            ExprKind::Call(call) => {
                let target = self.scopes.iter().rev().find_map(|scope| scope.get(&call.name)).copied();
                let (arguments, expected) = match target {
                    Some(id) => {
                        call.target.set(id).expect("an expression is checked once");
                        (call.arguments.len(), Some(self.tree.functions[id].parameters.len()))
                    }
                    None => (call.arguments.len(), names::built_in(&call.name)),
                };
                match expected {
                    None => self.warn(expr.span, format!("Invalid function name: {}.", call.name)),
                    Some(expected) if expected != arguments => {
                        let text =
                            format!("Function '{}' takes {expected} arguments, not {arguments}.", call.name);
                        self.warn(expr.span, text);
                    }
                    Some(_) => {}
                }
            }
            ExprKind::Method(method) => {
                if let ExprKind::Variable(name) = &method.object.kind
                    && is_namespace(name)
                    && !names.is_local(name)
                {
                    method.arguments.iter().for_each(|argument| self.expression(argument, names));
                    return;
                }
                if !names::is_method(&method.name) {
                    self.warn(expr.span, format!("Invalid function name: {}.", method.name));
                }
            }
            _ => {}
        }
        expr.kind.for_each_child(|child| self.expression(child, names));
    }
}
