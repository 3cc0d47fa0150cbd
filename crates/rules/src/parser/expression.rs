//! Expressions, from the loosest operator to the tightest.

use std::sync::{Arc, OnceLock};

use super::{Parsed, Parser};
use crate::issue::Span;
use crate::kind::Kind;
use crate::lexer::TokenKind;
use crate::limits::{MAX_EXPRESSION_DEPTH, MAX_REGEX_BYTES};
use crate::regex::{Pattern, Purpose};
use crate::syntax::{Call, Expr, ExprKind, Method, Operator};
use crate::value::Value;

/// The operators of one level of precedence.
type Level = &'static [(&'static str, Operator)];

const EQUALITY: Level = &[("==", Operator::Equal), ("!=", Operator::NotEqual)];
const RELATION: Level = &[
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
];
const SUM: Level = &[("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCT: Level = &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)];

impl Parser<'_> {
    /// `a ? b : c`
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        let condition = self.any()?;
        if !self.take("?")? {
            return Ok(condition);
        }
        let then = self.nested(|parser| parser.expression())?;
        self.expect(":")?;
        let otherwise = self.nested(|parser| parser.expression())?;
        let span = condition.span.to(otherwise.span);
        self.expression_of(ExprKind::Choice(Box::new([condition, then, otherwise])), span)
    }

    /// `a || b || c`
    fn any(&mut self) -> Parsed<Expr> {
        self.chain("||", Self::all, ExprKind::Any)
    }

    /// `a && b && c`
    fn all(&mut self) -> Parsed<Expr> {
        self.chain("&&", Self::equality, ExprKind::All)
    }

    fn chain(
        &mut self,
        sign: &str,
        operand: impl Fn(&mut Self) -> Parsed<Expr>,
        kind: impl Fn(Vec<Expr>) -> ExprKind,
    ) -> Parsed<Expr> {
        let first = operand(self)?;
        if !self.at(sign)? {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take(sign)? {
            operands.push(operand(self)?);
        }
        let span = operands[0].span.to(self.last);
        self.expression_of(kind(operands), span)
    }

    /// `a == b`
    fn equality(&mut self) -> Parsed<Expr> {
        self.binary(EQUALITY, Self::relation)
    }

    /// `a < b`, `a in b`, `a is int`
    fn relation(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        loop {
            if self.take_word("is")? {
                let (kind, span) = self.kind()?;
                let span = left.span.to(span);
                left = self.expression_of(ExprKind::Is(Box::new(left), kind), span)?;
                continue;
            }
            let operator = match self.take_word("in")? {
                true => Some(Operator::In),
                false => self.take_operator(RELATION)?,
            };
            let Some(operator) = operator else { return Ok(left) };
            let right = self.sum()?;
            left = self.pair(operator, left, right)?;
        }
    }

    /// `int`, behind `is`
    fn kind(&mut self) -> Parsed<(Kind, Span)> {
        let token = self.advance()?;
        match token.kind {
            TokenKind::Word(word) => match Kind::named(word) {
                Some(kind) => Ok((kind, token.span)),
                None => {
                    self.fail(token.span, format!("'{word}' is not a type. Types are {}.", Kind::names()))
                }
            },
            _ => self.unexpected(&token, "a type"),
        }
    }

    /// `a + b`
    fn sum(&mut self) -> Parsed<Expr> {
        self.binary(SUM, Self::product)
    }

    /// `a * b`
    fn product(&mut self) -> Parsed<Expr> {
        self.binary(PRODUCT, Self::unary)
    }

    fn binary(&mut self, level: Level, operand: impl Fn(&mut Self) -> Parsed<Expr>) -> Parsed<Expr> {
        let mut left = operand(self)?;
        while let Some(operator) = self.take_operator(level)? {
            let right = operand(self)?;
            left = self.pair(operator, left, right)?;
        }
        Ok(left)
    }

    fn take_operator(&mut self, level: Level) -> Parsed<Option<Operator>> {
        for (sign, operator) in level {
            if self.take(sign)? {
                return Ok(Some(*operator));
            }
        }
        Ok(None)
    }

    fn pair(&mut self, operator: Operator, left: Expr, right: Expr) -> Parsed<Expr> {
        let span = left.span.to(right.span);
        self.expression_of(ExprKind::Binary(operator, Box::new([left, right])), span)
    }

    /// `!a`, `-a`
    fn unary(&mut self) -> Parsed<Expr> {
        let start = self.peek()?.span;
        if self.take("!")? {
            let inner = self.nested(|parser| parser.unary())?;
            let span = start.to(inner.span);
            return self.expression_of(ExprKind::Not(Box::new(inner)), span);
        }
        if self.take("-")? {
            // The smallest integer has no positive counterpart that could be negated.
            if self.peek()?.kind == TokenKind::Int(1 << 63) {
                let span = start.to(self.advance()?.span);
                return self.expression_of(ExprKind::Literal(Value::Int(i64::MIN)), span);
            }
            let inner = self.nested(|parser| parser.unary())?;
            let span = start.to(inner.span);
            return self.expression_of(ExprKind::Negate(Box::new(inner)), span);
        }
        self.postfix()
    }

    /// `a.b`, `a.b(c)`, `a[b]`, `a[b:c]`
    fn postfix(&mut self) -> Parsed<Expr> {
        let mut object = self.primary()?;
        loop {
            if self.take(".")? {
                let name = self.advance()?;
                let TokenKind::Word(word) = name.kind else {
                    return self.unexpected(&name, "the name of a field or method");
                };
                object = match self.take("(")? {
                    true => self.method(object, word)?,
                    false => {
                        let span = object.span.to(name.span);
                        self.expression_of(ExprKind::Member(Box::new(object), word.into()), span)?
                    }
                };
            } else if self.take("[")? {
                let key = self.nested(|parser| parser.expression())?;
                let end = match self.take(":")? {
                    true => Some(self.nested(|parser| parser.expression())?),
                    false => None,
                };
                self.expect("]")?;
                let span = object.span.to(self.last);
                let kind = match end {
                    Some(end) => ExprKind::Slice(Box::new([object, key, end])),
                    None => ExprKind::Index(Box::new([object, key])),
                };
                object = self.expression_of(kind, span)?;
            } else {
                return Ok(object);
            }
        }
    }

    /// `a.b(c)`, behind the opening parenthesis
    fn method(&mut self, object: Expr, name: &str) -> Parsed<Expr> {
        let arguments = self.items(")")?;
        let span = object.span.to(self.last);
        let pattern = match (Purpose::of_method(name), arguments.first()) {
            (Some(purpose), Some(first)) => self.literal_pattern(purpose, first)?,
            _ => None,
        };
        let method = Method { object: Box::new(object), name: name.into(), arguments, pattern };
        self.expression_of(ExprKind::Method(method), span)
    }

    /// Compiles a regular expression that stands in the source.
    fn literal_pattern(&mut self, purpose: Purpose, expr: &Expr) -> Parsed<Option<Arc<Pattern>>> {
        let ExprKind::Literal(Value::String(source)) = &expr.kind else { return Ok(None) };
        let limit = MAX_REGEX_BYTES.min(self.regex_bytes);
        match Pattern::compile(source, purpose, limit) {
            Ok(pattern) => {
                self.regex_bytes = self.regex_bytes.saturating_sub(pattern.size());
                Ok(Some(Arc::new(pattern)))
            }
            Err(why) => self.fail(expr.span, format!("Invalid regular expression pattern: {why}.")),
        }
    }

    /// A literal, a name, a call, a list, a map, a path or a group.
    fn primary(&mut self) -> Parsed<Expr> {
        if self.at("/")? {
            return self.path_literal();
        }
        let token = self.advance()?;
        let start = token.span;
        let kind = match token.kind {
            TokenKind::Int(number) => match i64::try_from(number) {
                Ok(number) => ExprKind::Literal(Value::Int(number)),
                Err(_) => return self.fail(start, format!("The integer {number} is too large.")),
            },
            TokenKind::Float(number) => ExprKind::Literal(Value::Float(number)),
            TokenKind::Text(text) => ExprKind::Literal(Value::string(text)),
            TokenKind::Word("true") => ExprKind::Literal(Value::Bool(true)),
            TokenKind::Word("false") => ExprKind::Literal(Value::Bool(false)),
            TokenKind::Word("null") => ExprKind::Literal(Value::Null),
            TokenKind::Word(word) if super::is_reserved(word) => {
                return self.unexpected(&token, "an expression");
            }
            TokenKind::Word(word) => match self.take("(")? {
                true => {
                    let arguments = self.items(")")?;
                    ExprKind::Call(Call { name: word.into(), target: OnceLock::new(), arguments })
                }
                false => ExprKind::Variable(word.into()),
            },
            TokenKind::Punctuation("(") => {
                let inner = self.nested(|parser| parser.expression())?;
                self.expect(")")?;
                ExprKind::Group(Box::new(inner))
            }
            TokenKind::Punctuation("[") => ExprKind::List(self.items("]")?),
            TokenKind::Punctuation("{") => ExprKind::Map(self.entries()?),
            TokenKind::Punctuation(_) | TokenKind::End => return self.unexpected(&token, "an expression"),
        };
        let span = start.to(self.last);
        self.expression_of(kind, span)
    }

    /// `a, b)`: expressions up to a closing sign; a comma may stand before it.
    fn items(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        while !self.take(end)? {
            items.push(self.nested(|parser| parser.expression())?);
            if !self.take(",")? {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    /// `'a': b, 'c': d}`
    fn entries(&mut self) -> Parsed<Vec<(Expr, Expr)>> {
        let mut entries = Vec::new();
        while !self.take("}")? {
            let key = self.nested(|parser| parser.any())?;
            self.expect(":")?;
            let value = self.nested(|parser| parser.nested(|parser| parser.expression()))?;
            entries.push((key, value));
            if !self.take(",")? {
                self.expect("}")?;
                break;
            }
        }
        Ok(entries)
    }

    /// Reads something one level deeper. The bound keeps the stack small, here and wherever the tree is walked.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if usize::from(self.nesting) >= MAX_EXPRESSION_DEPTH {
            let at = self.peek()?.span;
            return self.too_deep(at);
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting = self.nesting.saturating_sub(1);
        result
    }

    fn too_deep<T>(&mut self, at: Span) -> Parsed<T> {
        let text = format!(
            "This expression is nested too deeply: {MAX_EXPRESSION_DEPTH} levels are possible. Use functions and 'let'."
        );
        self.fail(at, text)
    }

    /// Numbers an expression and measures its depth.
    pub(super) fn expression_of(&mut self, kind: ExprKind, span: Span) -> Parsed<Expr> {
        let mut inner = None;
        kind.for_each_child(|child| inner = inner.max(Some(child.depth)));
        // A map counts twice in production, its values being entries first.
        let step = if matches!(kind, ExprKind::Map(_)) { 2 } else { 1 };
        let depth = inner.map_or(0, |inner| inner + step);
        if usize::from(depth) > MAX_EXPRESSION_DEPTH {
            return self.too_deep(span);
        }
        let id = self.expressions;
        self.expressions += 1;
        Ok(Expr { kind, span, id, depth })
    }
}
