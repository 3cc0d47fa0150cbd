//! Expressions to values.
//!
//! There is one evaluator, for documents that are known and for proofs about queries: what a proof does not know is a
//! [`Value::Unknown`], and an operation that needs it is a fault, which `&&` and `||` absorb as they absorb errors.

mod access;
mod convert;
mod operators;
mod select;

pub use access::{Accesses, Documents};
pub(crate) use convert::text as text_of;

use crate::budget::Budget;
use crate::check::is_namespace;
use crate::coverage::Coverage;
use crate::fault::Fault;
use crate::issue::Lines;
use crate::limits::{MAX_CALL_DEPTH, MAX_EVALUATION_DEPTH};
use crate::methods;
use crate::syntax::{Call, Expr, ExprKind, Function, Method, Name, PathPart, Tree};
use crate::value::{List, Map, Path, Value};

/// All that stays the same while one request is decided.
pub(crate) struct Evaluator<'a> {
    pub tree: &'a Tree,
    pub lines: &'a Lines,
    /// The id of the database.
    pub database: &'a Name,
    pub request: Value,
    pub resource: Value,
    pub documents: &'a dyn Documents,
    pub accesses: &'a mut Accesses,
    pub budget: Budget,
    pub coverage: Option<&'a mut Coverage>,
    /// Expressions that wait for the value of one inside them.
    pub depth: usize,
}

/// The variables that an expression sees, besides `request` and `resource`.
pub(crate) struct Frame<'f> {
    /// Wildcards of the path.
    pub captures: &'f [(Name, Value)],
    locals: Vec<(Name, Value)>,
    /// Functions that wait for this one.
    calls: usize,
}

impl<'f> Frame<'f> {
    pub fn new(captures: &'f [(Name, Value)]) -> Self {
        Frame { captures, locals: Vec::new(), calls: 0 }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let named = |pair: &&(Name, Value)| *pair.0 == *name;
        let local = self.locals.iter().rev().find(named);
        local.or_else(|| self.captures.iter().rev().find(named)).map(|(_, value)| value)
    }
}

impl Evaluator<'_> {
    /// The value of an expression.
    pub fn value(&mut self, expr: &Expr, frame: &Frame) -> Result<Value, Fault> {
        self.budget.expression()?;
        if self.depth >= MAX_EVALUATION_DEPTH {
            return Err(Fault::error("Expressions and functions are nested too deeply.").at(expr.span));
        }
        self.depth += 1;
        let result = self.value_of(expr, frame).map_err(|fault| fault.at(expr.span));
        self.depth -= 1;
        if let Some(coverage) = &mut self.coverage {
            coverage.note(expr.id, &result);
        }
        result
    }

    fn value_of(&mut self, expr: &Expr, frame: &Frame) -> Result<Value, Fault> {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Variable(name) => self.variable(name, frame),
            ExprKind::Group(inner) => self.value(inner, frame),
            ExprKind::List(items) => {
                self.certain_values(items, frame).map(|items| Value::List(List::new(items)))
            }
            ExprKind::Map(entries) => self.map(entries, frame),
            ExprKind::Path(parts) => self.path(parts, frame),
            ExprKind::Not(inner) => match self.value(inner, frame)? {
                Value::Bool(truth) => Ok(Value::Bool(!truth)),
                other => Err(not_bool(&other)),
            },
            ExprKind::Negate(inner) => operators::negate(self.value(inner, frame)?),
            ExprKind::All(operands) => self.chain(operands, false, frame),
            ExprKind::Any(operands) => self.chain(operands, true, frame),
            ExprKind::Binary(operator, pair) => {
                let left = self.value(&pair[0], frame)?;
                let right = self.value(&pair[1], frame)?;
                operators::binary(*operator, &left, &right, &mut self.budget)
            }
            ExprKind::Is(inner, kind) => match self.value(inner, frame)? {
                Value::Unknown(known) => known.is(*kind).map(Value::Bool).ok_or_else(Fault::unknown),
                value => Ok(Value::Bool(kind.holds(&value))),
            },
            ExprKind::Choice(three) => match self.value(&three[0], frame)? {
                Value::Bool(true) => self.value(&three[1], frame),
                Value::Bool(false) => self.value(&three[2], frame),
                other => Err(not_bool(&other)),
            },
            ExprKind::Member(object, name) => select::member(&self.value(object, frame)?, name),
            ExprKind::Index(pair) => {
                let object = self.value(&pair[0], frame)?;
                let key = self.value(&pair[1], frame)?;
                select::index(&object, &key, &mut self.budget)
            }
            ExprKind::Slice(three) => {
                let object = self.value(&three[0], frame)?;
                let from = self.value(&three[1], frame)?;
                let to = self.value(&three[2], frame)?;
                select::slice(&object, &from, &to, &mut self.budget)
            }
            ExprKind::Call(call) => self.call(call, expr, frame),
            ExprKind::Method(method) => self.method(method, frame),
        }
    }

    fn variable(&mut self, name: &str, frame: &Frame) -> Result<Value, Fault> {
        if let Some(value) = frame.find(name) {
            return Ok(value.clone());
        }
        match name {
            "request" => Ok(self.request.clone()),
            "resource" => Ok(self.resource.clone()),
            _ => Err(Fault::error(format!("Variable not found error: Name: [{name}]."))),
        }
    }

    /// `a && b && c`, or with `decisive` true `a || b || c`: one decisive operand decides, even beside errors.
    fn chain(&mut self, operands: &[Expr], decisive: bool, frame: &Frame) -> Result<Value, Fault> {
        let mut first_fault = None;
        for (at, operand) in operands.iter().enumerate() {
            if at > 1 {
                // Every operator counts, though one node stands for all.
                self.budget.expression()?;
            }
            let fault = match self.value(operand, frame) {
                Ok(Value::Bool(truth)) if truth == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => continue,
                Ok(other) => not_bool(&other).at(operand.span),
                Err(fault) if fault.is_absorbed() => fault,
                Err(fault) => return Err(fault),
            };
            first_fault = first_fault.or(Some(fault));
        }
        first_fault.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn map(&mut self, entries: &[(Expr, Expr)], frame: &Frame) -> Result<Value, Fault> {
        let mut map = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Value::String(key) = self.value(key, frame)? else {
                return Err(Fault::error("The key of a map must be a string.").at(key.span));
            };
            map.push((key, self.certain(value, frame)?));
        }
        self.budget.work(64 * map.len() as u64)?;
        Ok(Value::Map(Map::new(map)))
    }

    fn path(&mut self, parts: &[PathPart], frame: &Frame) -> Result<Value, Fault> {
        let mut segments: Vec<Name> = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                PathPart::Literal(name) => segments.push(name.clone()),
                PathPart::Bound(inner) => match self.value(inner, frame)? {
                    Value::String(text) if text.is_empty() || text.contains('/') => {
                        // Or the value of a field could lead to another document than the rule names.
                        let message = format!("'{text}' cannot be a segment of a path.");
                        return Err(Fault::error(message).at(inner.span));
                    }
                    Value::String(text) => segments.push(text),
                    Value::Path(path) => segments.extend_from_slice(path.segments()),
                    Value::Unknown(_) => return Err(Fault::unknown().at(inner.span)),
                    other => {
                        let message = format!("A {} cannot be a segment of a path.", other.type_name());
                        return Err(Fault::error(message).at(inner.span));
                    }
                },
            }
        }
        let path = Value::Path(Path::absolute(segments));
        self.budget.look_at(&[&path])?;
        Ok(path)
    }

    fn call(&mut self, call: &Call, expr: &Expr, frame: &Frame) -> Result<Value, Fault> {
        let arguments = self.values(&call.arguments, frame)?;
        if let Some(id) = call.target.get() {
            let tree = self.tree;
            return self.function(&tree.functions[*id], arguments, frame);
        }
        match (&*call.name, &arguments[..]) {
            ("debug", [value]) => {
                self.documents.debug(self.lines.position(expr.span), value);
                Ok(value.clone())
            }
            ("get" | "exists" | "getAfter" | "existsAfter", [path]) => self.access(&call.name, path),
            ("bool" | "int" | "float" | "string" | "path", [value]) => {
                self.budget.look_at(&[value])?;
                convert::convert(&call.name, value)
            }
            _ => Err(Fault::error(format!("Function not found error: Name: [{}].", call.name))),
        }
    }

    fn function(
        &mut self,
        function: &Function,
        arguments: Vec<Value>,
        caller: &Frame,
    ) -> Result<Value, Fault> {
        if arguments.len() != function.parameters.len() {
            let text = format!(
                "Function '{}' takes {} arguments, not {}.",
                function.name,
                function.parameters.len(),
                arguments.len()
            );
            return Err(Fault::error(text));
        }
        let calls = caller.calls + 1;
        if calls > MAX_CALL_DEPTH {
            return Err(Fault::error(format!("Functions are nested more than {MAX_CALL_DEPTH} deep.")));
        }
        // A function sees the wildcards of the blocks around itself, not those of the blocks that call it.
        let captures = &caller.captures[..function.captures.min(caller.captures.len())];
        let names = function.parameters.iter().map(|(name, _)| name.clone());
        let mut frame = Frame { captures, locals: names.zip(arguments).collect(), calls };
        for (name, value) in &function.bindings {
            let value = self.value(value, &frame)?;
            frame.locals.push((name.clone(), value));
        }
        self.value(&function.result, &frame)
    }

    fn method(&mut self, method: &Method, frame: &Frame) -> Result<Value, Fault> {
        if let ExprKind::Variable(namespace) = &method.object.kind
            && is_namespace(namespace)
            && frame.find(namespace).is_none()
        {
            let arguments = self.certain_values(&method.arguments, frame)?;
            return methods::in_namespace(namespace, &method.name, &arguments, &mut self.budget);
        }
        let object = self.value(&method.object, frame)?;
        let arguments = self.certain_values(&method.arguments, frame)?;
        methods::call(&object, &method.name, &arguments, method.pattern.as_deref(), &mut self.budget)
    }

    fn values(&mut self, exprs: &[Expr], frame: &Frame) -> Result<Vec<Value>, Fault> {
        exprs.iter().map(|expr| self.value(expr, frame)).collect()
    }

    fn certain_values(&mut self, exprs: &[Expr], frame: &Frame) -> Result<Vec<Value>, Fault> {
        self.budget.work(32 * exprs.len() as u64)?;
        exprs.iter().map(|expr| self.certain(expr, frame)).collect()
    }

    /// A value that goes into another or into a method: it must be wholly known, and readable.
    fn certain(&mut self, expr: &Expr, frame: &Frame) -> Result<Value, Fault> {
        let value = self.value(expr, frame)?;
        if !value.is_certain() {
            return Err(Fault::unknown().at(expr.span));
        }
        if let Value::Map(map) | Value::Object(map) = &value {
            self.budget.look_at(&[&value])?;
            map.settle()?;
        }
        Ok(value)
    }
}

fn not_bool(value: &Value) -> Fault {
    match value {
        Value::Unknown(known) if known.is(crate::kind::Kind::Bool) != Some(false) => Fault::unknown(),
        Value::Null => Fault::error("Null value error."),
        other => Fault::error(format!("Type error: expected a bool, but found {}.", other.type_name())),
    }
}
