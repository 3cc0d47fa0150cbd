//! Statements: what is selected, where from, in which order, how much of it.

use bytes::Bytes;
use model::Status;
use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery,
    GqlParameter, GqlStatement, PropertyOrder,
};
use model::entity::{EntityValue, Property};
use model::query::Direction;

use super::parser::Parser;
use super::token::TokenKind;

/// A place in results: a count or a cursor.
enum Position {
    Count(i32),
    Cursor(Bytes),
}

impl Parser<'_> {
    /// `SELECT * FROM a`, `SELECT COUNT(*) FROM a`, `AGGREGATE COUNT(*) OVER (SELECT * FROM a)`
    pub(super) fn statement(mut self) -> Result<GqlStatement, Status> {
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
