//! The tree of a source file: what the parser makes, the checker reads and the evaluator walks.

use std::sync::{Arc, OnceLock};

use crate::issue::Span;
use crate::kind::Kind;
use crate::regex::Pattern;
use crate::value::Value;

/// A variable's, a field's or a function's name.
pub(crate) type Name = Arc<str>;

/// `rules_version`; a file that does not say is of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// A whole file.
#[derive(Debug)]
pub(crate) struct Tree {
    pub version: Version,
    pub services: Vec<Service>,
    /// All functions; a [`FunctionId`] is a place in here.
    pub functions: Vec<Function>,
}

/// A place in [`Tree::functions`].
pub(crate) type FunctionId = usize;

#[derive(Debug)]
pub(crate) struct Service {
    pub name: String,
    pub block: Block,
}

/// What stands between the braces of a service or a match.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// In source order.
    pub items: Vec<Item>,
    pub functions: Vec<FunctionId>,
}

#[derive(Debug)]
pub(crate) enum Item {
    Match(Match),
    Allow(Allow),
}

/// `match /a/{b}/{c=**} { … }`
#[derive(Debug)]
pub(crate) struct Match {
    pub pattern: Vec<Segment>,
    pub block: Block,
    /// Of the path alone.
    pub span: Span,
}

/// One part of a match's path.
#[derive(Debug)]
pub(crate) enum Segment {
    Literal(Name),
    /// `{x}`
    One(Name),
    /// `{x=**}`
    Many(Name),
}

/// `allow read, write: if …;`
#[derive(Debug)]
pub(crate) struct Allow {
    pub methods: Vec<(String, Span)>,
    /// None allows always.
    pub condition: Option<Expr>,
    pub span: Span,
}

/// `function f(a, b) { let c = …; return …; }`
#[derive(Debug)]
pub(crate) struct Function {
    pub name: Name,
    pub parameters: Vec<(Name, Span)>,
    pub bindings: Vec<(Name, Expr)>,
    pub result: Expr,
    /// Of the name.
    pub span: Span,
    /// How many wildcards of the blocks around the function it sees.
    pub captures: usize,
}

/// An expression with its place.
#[derive(Debug)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
    /// Its number in the file, for coverage.
    pub id: u32,
    /// Operators nested in it.
    pub depth: u16,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Literal(Value),
    Variable(Name),
    /// Parentheses; production counts them.
    Group(Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Path(Vec<PathPart>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// `a && b && c`
    All(Vec<Expr>),
    /// `a || b || c`
    Any(Vec<Expr>),
    Binary(Operator, Box<[Expr; 2]>),
    Is(Box<Expr>, Kind),
    /// `condition ? then : otherwise`
    Choice(Box<[Expr; 3]>),
    Member(Box<Expr>, Name),
    /// `object[key]`
    Index(Box<[Expr; 2]>),
    /// `object[from:to]`
    Slice(Box<[Expr; 3]>),
    Call(Call),
    Method(Method),
}

/// `f(a, b)`
#[derive(Debug)]
pub(crate) struct Call {
    pub name: Name,
    /// The function of the file that is meant, filled in by the checker; empty for what is built in or not there.
    pub target: OnceLock<FunctionId>,
    pub arguments: Vec<Expr>,
}

/// `object.name(a, b)`
#[derive(Debug)]
pub(crate) struct Method {
    pub object: Box<Expr>,
    pub name: Name,
    pub arguments: Vec<Expr>,
    /// The first argument, if it is a literal regular expression.
    pub pattern: Option<Arc<Pattern>>,
}

/// One part of `/a/$(b)/c`.
#[derive(Debug)]
pub(crate) enum PathPart {
    Literal(Name),
    Bound(Expr),
}

/// Operators with two operands, both of which are always evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::In => "in",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
        }
    }
}

impl ExprKind {
    /// Calls `visit` with every expression directly inside this one.
    pub fn for_each_child<'a>(&'a self, mut visit: impl FnMut(&'a Expr)) {
        match self {
            ExprKind::Literal(_) | ExprKind::Variable(_) => {}
            ExprKind::Group(inner)
            | ExprKind::Not(inner)
            | ExprKind::Negate(inner)
            | ExprKind::Is(inner, _)
            | ExprKind::Member(inner, _) => visit(inner),
            ExprKind::List(items) | ExprKind::All(items) | ExprKind::Any(items) => {
                items.iter().for_each(visit);
            }
            ExprKind::Map(entries) => entries.iter().for_each(|(key, value)| {
                visit(key);
                visit(value);
            }),
            ExprKind::Path(parts) => parts.iter().for_each(|part| match part {
                PathPart::Literal(_) => {}
                PathPart::Bound(inner) => visit(inner),
            }),
            ExprKind::Binary(_, pair) | ExprKind::Index(pair) => pair.iter().for_each(visit),
            ExprKind::Choice(three) | ExprKind::Slice(three) => three.iter().for_each(visit),
            ExprKind::Call(call) => call.arguments.iter().for_each(visit),
            ExprKind::Method(method) => {
                visit(&method.object);
                method.arguments.iter().for_each(visit);
            }
        }
    }
}
