//! One function for each rule of the grammar.

use bytes::Bytes;
use model::Status;
use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery,
    GqlParameter, GqlStatement, PropertyOperator, PropertyOrder,
};
use model::entity::{EntityValue, Partition, Property};
use model::query::Direction;

use super::bindings::Bindings;
use super::token::{Token, TokenKind};

/// Conditions within parentheses within each other: as deep as entities nest, and far from the end of a stack.
const MAX_DEPTH: usize = 64;

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
    depth: usize,
    pub(super) bindings: Bindings<'q>,
    pub(super) partition: &'q Partition,
}

/// A place in results: a count or a cursor.
enum Position {
    Count(i32),
    Cursor(Bytes),
}

impl<'q> Parser<'q> {
    pub fn new(tokens: Vec<Token>, bindings: Bindings<'q>, partition: &'q Partition) -> Self {
        Parser { tokens, at: 0, depth: 0, bindings, partition }
    }

    /// `SELECT * FROM a`, `SELECT COUNT(*) FROM a`, `AGGREGATE COUNT(*) OVER (SELECT * FROM a)`
    pub fn statement(mut self) -> Result<GqlStatement, Status> {
        let statement = if self.take_word("AGGREGATE") {
            self.aggregate_over()?
        } else {
            self.expect_word("SELECT")?;
            if self.begins_aggregation() {
                self.select_aggregations()?
            } else {
                GqlStatement::Query(self.query()?)
            }
        };
        if self.peek() != &TokenKind::End {
            return Err(self.expected("the end of the query"));
        }
        self.bindings.check_used()?;
        Ok(statement)
    }

    /// `AGGREGATE COUNT(*) AS n OVER (SELECT * FROM a LIMIT 5)`
    fn aggregate_over(&mut self) -> Result<GqlStatement, Status> {
        let mut aggregations = self.list(Self::aggregation)?;
        self.expect_word("OVER")?;
        self.expect_symbol("(")?;
        self.expect_word("SELECT")?;
        let query = self.query()?;
        self.expect_symbol(")")?;
        unqualified_aggregations(&mut aggregations, query.kind.as_deref());
        Ok(GqlStatement::Aggregation(EntityAggregationQuery { query, aggregations }))
    }

    /// `COUNT(*) FROM a WHERE b = 1`, the SELECT being read
    fn select_aggregations(&mut self) -> Result<GqlStatement, Status> {
        let mut aggregations = self.list(Self::aggregation)?;
        let mut query = EntityQuery::default();
        self.source(&mut query)?;
        unqualified(&mut query);
        unqualified_aggregations(&mut aggregations, query.kind.as_deref());
        Ok(GqlStatement::Aggregation(EntityAggregationQuery { query, aggregations }))
    }

    /// `* FROM a WHERE b = 1 ORDER BY c LIMIT 5 OFFSET 2`, the SELECT being read
    fn query(&mut self) -> Result<EntityQuery, Status> {
        let mut query = EntityQuery::default();
        self.what(&mut query)?;
        self.source(&mut query)?;
        if self.is_word("GROUP") {
            return Err(Status::invalid_argument("GROUP BY not supported."));
        }
        if self.take_word("ORDER") {
            self.expect_word("BY")?;
            query.order = self.list(Self::order)?;
        }
        if self.take_word("LIMIT") {
            self.limit(&mut query)?;
        }
        if self.take_word("OFFSET") {
            self.offset(&mut query)?;
        }
        unqualified(&mut query);
        Ok(query)
    }

    /// `FROM a WHERE b = 1`, or neither
    fn source(&mut self, query: &mut EntityQuery) -> Result<(), Status> {
        query.namespace = self.partition.namespace.to_string();
        if self.take_word("FROM") {
            query.kind = Some(self.name("a kind")?);
        }
        if self.take_word("WHERE") {
            query.filter = Some(self.condition()?);
        }
        Ok(())
    }

    /// `*`, `a, b`, `DISTINCT a`, `DISTINCT ON (a) b`
    fn what(&mut self, query: &mut EntityQuery) -> Result<(), Status> {
        let distinct = self.take_word("DISTINCT");
        if distinct && self.take_word("ON") {
            self.expect_symbol("(")?;
            query.distinct_on = self.list(Self::property)?;
            self.expect_symbol(")")?;
        } else if distinct {
            query.projection = self.list(Self::property)?;
            query.distinct_on = query.projection.clone();
            return Ok(());
        }
        if !self.take_symbol("*") {
            query.projection = self.list(Self::property)?;
        }
        Ok(())
    }

    /// `a DESC`
    fn order(&mut self) -> Result<PropertyOrder, Status> {
        let name = self.property()?;
        let direction = if self.take_word("DESC") { Direction::Descending } else { Direction::Ascending };
        if direction == Direction::Ascending {
            self.take_word("ASC");
        }
        Ok(PropertyOrder { name, direction })
    }

    /// `5`, `@cursor`, `FIRST(5, @cursor)`
    fn limit(&mut self, query: &mut EntityQuery) -> Result<(), Status> {
        let mut positions = Vec::new();
        if self.is_word("FIRST") && self.symbol_follows("(") {
            self.bump();
            self.expect_symbol("(")?;
            positions.push(self.position()?);
            self.expect_symbol(",")?;
            positions.push(self.position()?);
            self.expect_symbol(")")?;
        } else {
            positions.push(self.position()?);
        }
        for position in positions {
            let repeated = match position {
                Position::Count(count) => query.limit.replace(count).is_some(),
                Position::Cursor(cursor) => query.end.replace(cursor).is_some(),
            };
            if repeated {
                return Err(Status::invalid_argument("FIRST takes one integer and one cursor."));
            }
        }
        Ok(())
    }

    /// `5`, `@cursor`, `@cursor + 5`
    fn offset(&mut self, query: &mut EntityQuery) -> Result<(), Status> {
        let first = self.position()?;
        if !self.take_symbol("+") {
            match first {
                Position::Count(count) => query.offset = count,
                Position::Cursor(cursor) => query.start = Some(cursor),
            }
            return Ok(());
        }
        match (first, self.position()?) {
            (Position::Cursor(cursor), Position::Count(count)) => {
                query.start = Some(cursor);
                query.offset = count;
                Ok(())
            }
            _ => Err(Status::invalid_argument("OFFSET takes a cursor, then an integer.")),
        }
    }

    /// `5`, `@count`, `@cursor`
    fn position(&mut self) -> Result<Position, Status> {
        let out_of_range = || Status::invalid_argument("A LIMIT or OFFSET must be a 32-bit integer.");
        let count = |count: i64| i32::try_from(count).map(Position::Count).map_err(|_| out_of_range());
        match self.peek().clone() {
            TokenKind::Integer(number) => {
                self.bump();
                self.bindings.literal(number)?;
                count(number)
            }
            TokenKind::Named(_) | TokenKind::Positional(_) => match self.binding()? {
                GqlParameter::Cursor(cursor) => Ok(Position::Cursor(cursor.clone())),
                GqlParameter::Value(Property { value: EntityValue::Integer(number), .. }) => count(*number),
                GqlParameter::Value(_) => Err(Status::invalid_argument(
                    "A LIMIT or OFFSET must be bound to an integer or a cursor.",
                )),
            },
            _ => Err(self.expected("an integer or a binding")),
        }
    }

    /// `COUNT(*)`, `COUNT_UP_TO(5)`, `SUM(a)`, `AVG(a) AS mean`
    fn aggregation(&mut self) -> Result<EntityAggregation, Status> {
        let kind = if self.take_word("COUNT") {
            self.parenthesised(|parser| parser.expect_symbol("*"))?;
            EntityAggregationKind::Count { up_to: None }
        } else if self.take_word("COUNT_UP_TO") {
            let up_to = self.parenthesised(Self::position)?;
            let Position::Count(up_to) = up_to else { return Err(self.expected("an integer")) };
            EntityAggregationKind::Count { up_to: Some(i64::from(up_to)) }
        } else if self.take_word("SUM") {
            EntityAggregationKind::Sum(self.parenthesised(Self::property)?)
        } else if self.take_word("AVG") {
            EntityAggregationKind::Average(self.parenthesised(Self::property)?)
        } else {
            return Err(self.expected("COUNT, COUNT_UP_TO, SUM or AVG"));
        };
        let alias = if self.take_word("AS") { self.name("a name")? } else { String::new() };
        Ok(EntityAggregation { alias, kind })
    }

    fn begins_aggregation(&self) -> bool {
        ["COUNT", "COUNT_UP_TO", "SUM", "AVG"].into_iter().any(|word| self.is_word(word))
    }

    /// `a = 1 OR b = 2 AND c = 3`
    fn condition(&mut self) -> Result<EntityFilter, Status> {
        let mut filters = vec![self.conjunction()?];
        while self.take_word("OR") {
            filters.push(self.conjunction()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { EntityFilter::Or(filters) })
    }

    /// `a = 1 AND b = 2`
    fn conjunction(&mut self) -> Result<EntityFilter, Status> {
        let mut filters = vec![self.simple()?];
        while self.take_word("AND") {
            filters.push(self.simple()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { EntityFilter::And(filters) })
    }

    /// `(a = 1)`, `a IS NULL`, `a = 1`, `1 = a`
    fn simple(&mut self) -> Result<EntityFilter, Status> {
        if self.take_symbol("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                let message = format!("Conditions nest deeper than {MAX_DEPTH} levels.");
                return Err(Status::invalid_argument(message));
            }
            let inner = self.condition()?;
            self.depth -= 1;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        if self.begins_value() {
            let value = self.value()?;
            let operator = self.backward()?;
            let name = self.property()?;
            return Ok(EntityFilter::Property { name, operator, value });
        }
        let name = self.property()?;
        if self.take_word("IS") {
            self.expect_word("NULL")?;
            let value = Property::from(EntityValue::Null);
            return Ok(EntityFilter::Property { name, operator: PropertyOperator::Equal, value });
        }
        let operator = self.forward()?;
        let value = self.value()?;
        Ok(EntityFilter::Property { name, operator, value })
    }

    /// The operator of `a < 1`, `a HAS ANCESTOR KEY(b, 1)`, `a NOT IN ARRAY(1, 2)`
    fn forward(&mut self) -> Result<PropertyOperator, Status> {
        if let Some(operator) = self.comparison() {
            return Ok(operator);
        }
        if self.take_word("CONTAINS") {
            return Ok(PropertyOperator::Equal);
        }
        if self.take_word("IN") {
            return Ok(PropertyOperator::In);
        }
        if self.take_word("NOT") {
            self.expect_word("IN")?;
            return Ok(PropertyOperator::NotIn);
        }
        if self.take_word("HAS") {
            self.expect_word("ANCESTOR")?;
            return Ok(PropertyOperator::HasAncestor);
        }
        Err(self.expected("a comparison"))
    }

    /// The operator of `1 < a`, `1 IN a`, `KEY(b, 1) HAS DESCENDANT a`, turned round
    fn backward(&mut self) -> Result<PropertyOperator, Status> {
        if let Some(operator) = self.comparison() {
            return Ok(match operator {
                PropertyOperator::LessThan => PropertyOperator::GreaterThan,
                PropertyOperator::LessThanOrEqual => PropertyOperator::GreaterThanOrEqual,
                PropertyOperator::GreaterThan => PropertyOperator::LessThan,
                PropertyOperator::GreaterThanOrEqual => PropertyOperator::LessThanOrEqual,
                same @ (PropertyOperator::Equal
                | PropertyOperator::NotEqual
                | PropertyOperator::In
                | PropertyOperator::NotIn
                | PropertyOperator::HasAncestor) => same,
            });
        }
        if self.take_word("IN") {
            return Ok(PropertyOperator::Equal);
        }
        if self.take_word("HAS") {
            self.expect_word("DESCENDANT")?;
            return Ok(PropertyOperator::HasAncestor);
        }
        Err(self.expected("a comparison"))
    }

    fn comparison(&mut self) -> Option<PropertyOperator> {
        let operator = match self.peek() {
            TokenKind::Symbol("=") => PropertyOperator::Equal,
            TokenKind::Symbol("!=") => PropertyOperator::NotEqual,
            TokenKind::Symbol("<") => PropertyOperator::LessThan,
            TokenKind::Symbol("<=") => PropertyOperator::LessThanOrEqual,
            TokenKind::Symbol(">") => PropertyOperator::GreaterThan,
            TokenKind::Symbol(">=") => PropertyOperator::GreaterThanOrEqual,
            _ => return None,
        };
        self.bump();
        Some(operator)
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

    fn expect_word(&mut self, keyword: &str) -> Result<(), Status> {
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

/// Takes `Kind.` off the front of every property name.
fn unqualified(query: &mut EntityQuery) {
    let Some(kind) = query.kind.clone() else { return };
    let names = query.projection.iter_mut().chain(&mut query.distinct_on);
    names.chain(query.order.iter_mut().map(|order| &mut order.name)).for_each(|name| strip(name, &kind));
    query.filter.iter_mut().for_each(|filter| unqualified_filter(filter, &kind));
}

fn unqualified_filter(filter: &mut EntityFilter, kind: &str) {
    match filter {
        EntityFilter::And(filters) | EntityFilter::Or(filters) => {
            filters.iter_mut().for_each(|filter| unqualified_filter(filter, kind));
        }
        EntityFilter::Property { name, .. } => strip(name, kind),
    }
}

fn unqualified_aggregations(aggregations: &mut [EntityAggregation], kind: Option<&str>) {
    let Some(kind) = kind else { return };
    for aggregation in aggregations {
        match &mut aggregation.kind {
            EntityAggregationKind::Count { .. } => {}
            EntityAggregationKind::Sum(name) | EntityAggregationKind::Average(name) => strip(name, kind),
        }
    }
}

fn strip(name: &mut String, kind: &str) {
    if let Some(rest) = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')) {
        *name = rest.to_owned();
    }
}
