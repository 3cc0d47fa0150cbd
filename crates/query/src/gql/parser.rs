//! Walks over tokens: names, lists, bindings, and what is said of a token that nobody expected.

use model::Status;
use model::entity::Partition;
use model::entity::query::GqlParameter;

use super::bindings::Bindings;
use super::token::{Token, TokenKind};

/// Words that are no names unless quoted.
const KEYWORDS: [&str; 48] = [
    "AGGREGATE",
    "ALL",
    "ANCESTOR",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "AVG",
    "BETWEEN",
    "BINARY",
    "BY",
    "CHILD",
    "CONTAINS",
    "COUNT",
    "COUNT_UP_TO",
    "CURSOR",
    "DESC",
    "DESCENDANT",
    "DISTINCT",
    "DIV",
    "EXISTS",
    "FALSE",
    "FROM",
    "GROUP",
    "HAS",
    "HAVING",
    "IN",
    "IS",
    "JOIN",
    "LIKE",
    "LIMIT",
    "MOD",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "PARENT",
    "REGEXP",
    "RLIKE",
    "SELECT",
    "SUBSET",
    "SUM",
    "SUPERSET",
    "TRUE",
    "WHERE",
    "XOR",
];

/// Reads one statement.
pub(super) struct Parser<'q> {
    tokens: Vec<Token>,
    at: usize,
    /// How many parentheses are open around a condition.
    pub(super) depth: usize,
    pub(super) bindings: Bindings<'q>,
    pub(super) partition: &'q Partition,
}

impl<'q> Parser<'q> {
    pub fn new(tokens: Vec<Token>, bindings: Bindings<'q>, partition: &'q Partition) -> Self {
        Parser { tokens, at: 0, depth: 0, bindings, partition }
    }

    /// `a`, `a.b`, `` `a b`.c ``
    pub(super) fn property(&mut self) -> Result<String, Status> {
        let mut path = self.name("a property")?;
        while self.take_symbol(".") {
            path.push('.');
            path.push_str(&self.name("a property")?);
        }
        Ok(path)
    }

    /// `a`, `` `a b` ``
    pub(super) fn name(&mut self, what: &str) -> Result<String, Status> {
        let name = match self.peek() {
            TokenKind::Word(word) if !is_keyword(word) => word.clone(),
            TokenKind::Quoted(name) => name.clone(),
            _ => return Err(self.expected(what)),
        };
        self.bump();
        Ok(name)
    }

    /// What `@name` or `@1` stands for
    pub(super) fn binding(&mut self) -> Result<&'q GqlParameter, Status> {
        match self.bump() {
            TokenKind::Named(name) => self.bindings.named(&name),
            TokenKind::Positional(position) => self.bindings.positional(position),
            _ => Err(self.expected("a binding")),
        }
    }

    /// `a, b, c`
    pub(super) fn list<T>(&mut self, item: fn(&mut Self) -> Result<T, Status>) -> Result<Vec<T>, Status> {
        let mut items = vec![item(self)?];
        while self.take_symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item)`
    pub(super) fn parenthesised<T>(
        &mut self,
        item: impl FnOnce(&mut Self) -> Result<T, Status>,
    ) -> Result<T, Status> {
        self.expect_symbol("(")?;
        let item = item(self)?;
        self.expect_symbol(")")?;
        Ok(item)
    }

    pub(super) fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    pub(super) fn bump(&mut self) -> TokenKind {
        let kind = self.tokens[self.at].kind.clone();
        // The end stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        kind
    }

    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), TokenKind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// True when this symbol comes after the next token.
    pub(super) fn symbol_follows(&self, symbol: &str) -> bool {
        matches!(self.tokens.get(self.at + 1), Some(Token { kind: TokenKind::Symbol(s), .. }) if *s == symbol)
    }

    pub(super) fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(keyword);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Symbol(s) if *s == symbol);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect_word(&mut self, keyword: &str) -> Result<(), Status> {
        if self.take_word(keyword) { Ok(()) } else { Err(self.expected(keyword)) }
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<(), Status> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.expected(symbol)) }
    }

    pub(super) fn expected(&self, what: &str) -> Status {
        let Token { kind, at } = &self.tokens[self.at];
        Status::invalid_argument(format!("Encountered \"{kind}\" at {at}.\nWas expecting:\n    {what}"))
    }
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}
