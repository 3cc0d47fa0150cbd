//! Queries and values as text, for scripts: `c where a = 1 and (b > 2 or t contains "x") order by b desc limit 3`.

use model::query::{
    Cursor, Direction, DistanceMeasure, FieldOperator, Filter, FindNearest, Order, Selector, StructuredQuery,
    UnaryOperator,
};
use model::{DatabaseName, DocumentPath, FieldPath, Fields, GeoPoint, Parent, Timestamp, Value};

pub fn database() -> DatabaseName {
    DatabaseName::new("p", "(default)")
}

/// Reads a query; panics with the rest of the text on what is none.
pub fn query(text: &str) -> StructuredQuery {
    let mut reader = Reader { rest: text.trim() };
    let query = reader.query();
    assert!(reader.rest.is_empty(), "not understood: {}", reader.rest);
    query
}

/// Reads `{a: 1, b: [true]}`.
pub fn fields(text: &str) -> Fields {
    match value(text) {
        Value::Map(fields) => fields,
        other => panic!("not fields: {other:?}"),
    }
}

pub fn value(text: &str) -> Value {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value();
    assert!(reader.rest.is_empty(), "not understood: {}", reader.rest);
    value
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a word or sign if it is next.
    fn take(&mut self, token: &str) -> bool {
        let Some(after) = self.rest.strip_prefix(token) else { return false };
        let word = token.chars().all(char::is_alphabetic);
        if word && after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.rest = after.trim_start();
        true
    }

    fn take_all(&mut self, tokens: &str) -> bool {
        let before = self.rest;
        let taken = tokens.split(' ').all(|token| self.take(token));
        if !taken {
            self.rest = before;
        }
        taken
    }

    fn expect(&mut self, token: &str) {
        assert!(self.take(token), "expected {token} at: {}", self.rest);
    }

    fn until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(stop).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.skip();
        word
    }

    fn word(&mut self) -> &'a str {
        self.until(|c| c.is_whitespace() || "(),[]{}".contains(c))
    }

    fn number(&mut self) -> i64 {
        let word = self.word();
        word.parse().unwrap_or_else(|_| panic!("not a number: {word:?}"))
    }

    fn path(&mut self) -> FieldPath {
        if self.rest.starts_with('`') {
            let end = self.rest[1..].find('`').expect("a closing quote") + 2;
            let (quoted, rest) = self.rest.split_at(end);
            self.rest = rest.trim_start();
            return FieldPath::parse(quoted).expect(quoted);
        }
        let word = self.until(|c| c.is_whitespace() || "(),[]{}:=<>!".contains(c));
        FieldPath::parse(word).expect(word)
    }

    fn list<T>(&mut self, open: &str, close: &str, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        self.expect(open);
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(item(self));
            self.take(",");
        }
        items
    }

    fn query(&mut self) -> StructuredQuery {
        let (parent, from) = self.source();
        let mut query = StructuredQuery::all(parent, from);
        query.filter = self.take("where").then(|| self.any());
        if self.take_all("order by") {
            query.order_by = self.orders();
        }
        query.start_at = self.cursor([("from", true), ("after", false)]);
        query.end_at = self.cursor([("before", true), ("to", false)]);
        if self.take("offset") {
            query.offset = self.number() as i32;
        }
        if self.take("limit") {
            query.limit = Some(self.number() as i32);
        }
        if self.take("nearest") {
            query.find_nearest = Some(self.nearest());
        }
        if self.take("select") {
            query.select = Some(self.list("(", ")", Self::path));
        }
        query
    }

    fn source(&mut self) -> (Parent, Selector) {
        let below = |reader: &mut Self| match reader.take("below") {
            true => Parent::Document(DocumentPath::new(reader.word()).expect("a document path")),
            false => Parent::Root,
        };
        if self.take("group") {
            let id = self.word().to_owned();
            return (below(self), Selector { collection_id: Some(id), all_descendants: true });
        }
        if self.take("everything") {
            return (below(self), Selector { collection_id: None, all_descendants: true });
        }
        if self.take("children") {
            return (below(self), Selector { collection_id: None, all_descendants: false });
        }
        let path = self.word();
        let (parent, id) = match path.rsplit_once('/') {
            Some((parent, id)) => (Parent::Document(DocumentPath::new(parent).expect("a document path")), id),
            None => (Parent::Root, path),
        };
        (parent, Selector { collection_id: Some(id.to_owned()), all_descendants: false })
    }

    fn any(&mut self) -> Filter {
        let mut filters = vec![self.all()];
        while self.take("or") {
            filters.push(self.all());
        }
        if filters.len() == 1 { filters.remove(0) } else { Filter::Or(filters) }
    }

    fn all(&mut self) -> Filter {
        let mut filters = vec![self.one()];
        while self.take("and") {
            filters.push(self.one());
        }
        if filters.len() == 1 { filters.remove(0) } else { Filter::And(filters) }
    }

    fn one(&mut self) -> Filter {
        if self.take("(") {
            let filter = self.any();
            self.expect(")");
            return filter;
        }
        let path = self.path();
        let unary = [
            ("is not null", UnaryOperator::IsNotNull),
            ("is not nan", UnaryOperator::IsNotNan),
            ("is null", UnaryOperator::IsNull),
            ("is nan", UnaryOperator::IsNan),
        ];
        if let Some((_, operator)) = unary.into_iter().find(|(words, _)| self.take_all(words)) {
            return Filter::Unary { path, operator };
        }
        let operators = [
            ("<=", FieldOperator::LessThanOrEqual),
            (">=", FieldOperator::GreaterThanOrEqual),
            ("!=", FieldOperator::NotEqual),
            ("<", FieldOperator::LessThan),
            (">", FieldOperator::GreaterThan),
            ("=", FieldOperator::Equal),
            ("contains any", FieldOperator::ArrayContainsAny),
            ("contains", FieldOperator::ArrayContains),
            ("not in", FieldOperator::NotIn),
            ("in", FieldOperator::In),
        ];
        let found = operators.into_iter().find(|(words, _)| self.take_all(words));
        let operator = found.unwrap_or_else(|| panic!("no operator at: {}", self.rest)).1;
        Filter::Field { path, operator, value: self.value() }
    }

    fn orders(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        loop {
            let path = self.path();
            let direction = if self.take("desc") { Direction::Descending } else { Direction::Ascending };
            self.take("asc");
            orders.push(Order { path, direction });
            if !self.take(",") {
                return orders;
            }
        }
    }

    fn cursor(&mut self, words: [(&str, bool); 2]) -> Option<Cursor> {
        let (_, before) = words.into_iter().find(|(word, _)| self.take(word))?;
        Some(Cursor { values: self.list("(", ")", Self::value), before })
    }

    fn nearest(&mut self) -> FindNearest {
        let limit = self.number() as i32;
        self.expect("of");
        let field = self.path();
        self.expect("to");
        let vector = self.list("[", "]", |reader| reader.value().as_f64().expect("a number"));
        self.expect("by");
        let measure = match self.word() {
            "euclidean" => DistanceMeasure::Euclidean,
            "cosine" => DistanceMeasure::Cosine,
            "dot" => DistanceMeasure::DotProduct,
            other => panic!("no measure: {other}"),
        };
        let threshold = self.take("within").then(|| self.value().as_f64().expect("a number"));
        let result_field = self.take("as").then(|| self.word().to_owned());
        FindNearest { field, vector, measure, limit, result_field, threshold }
    }

    fn value(&mut self) -> Value {
        let constants = [
            ("null", Value::Null),
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("nan", Value::Double(f64::NAN)),
            ("inf", Value::Double(f64::INFINITY)),
            ("-inf", Value::Double(f64::NEG_INFINITY)),
        ];
        if let Some((_, value)) = constants.into_iter().find(|(word, _)| self.take(word)) {
            return value;
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let end = rest.find('"').expect("a closing quote");
            self.rest = rest[end + 1..].trim_start();
            return Value::from(&rest[..end]);
        }
        if self.take("/") {
            let path = DocumentPath::new(self.word()).expect("a document path");
            return Value::Reference(database().document(&path));
        }
        if self.take("vector") {
            return Value::Vector(self.list("[", "]", |reader| reader.value().as_f64().expect("a number")));
        }
        if self.take("at") {
            let micros = self.list("(", ")", Self::number)[0];
            return Value::Timestamp(Timestamp::from_micros(micros).expect("in range"));
        }
        if self.take("bytes") {
            let bytes = self.list("(", ")", |reader| reader.number() as u8);
            return Value::Bytes(bytes.into());
        }
        if self.take("geo") {
            let ends = self.list("(", ")", |reader| reader.value().as_f64().expect("a number"));
            return Value::GeoPoint(GeoPoint { latitude: ends[0], longitude: ends[1] });
        }
        if self.rest.starts_with('[') {
            return Value::Array(self.list("[", "]", Self::value));
        }
        if self.rest.starts_with('{') {
            let pairs = self.list("{", "}", |reader| {
                let key = reader.path();
                reader.expect(":");
                (key.first().to_owned(), reader.value())
            });
            return Value::Map(pairs.into_iter().collect());
        }
        let word = self.word();
        match word.parse::<i64>() {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Double(word.parse().unwrap_or_else(|_| panic!("not a value: {word:?}"))),
        }
    }
}
