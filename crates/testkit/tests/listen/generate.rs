//! Random documents, targets, and what happens to them; all of it shrinks.

use model::query::{
    Cursor, Direction, FieldOperator, Filter, Order, Selector, StructuredQuery, UnaryOperator,
};
use model::{DatabaseName, DocumentPath, FieldPath, Fields, GeoPoint, Parent, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use watch::TargetKind;

/// Clients that listen at the same time.
pub const CLIENTS: usize = 3;

const CROWD: usize = 120;

/// One thing that happens. Clients and targets are chosen by number, modulo what there is.
#[derive(Clone, Debug)]
pub enum Action {
    Commit(Vec<Change>),
    /// Many documents appear, or vanish, of a crowd: every so-manieth.
    Crowd {
        each: usize,
        there: bool,
    },
    /// So many commits while nobody reads.
    Burst(u16),
    Listen {
        client: usize,
        what: Wanted,
        once: bool,
    },
    Unlisten {
        client: usize,
        target: usize,
    },
    /// Takes at most so many messages, of those that are there.
    Read {
        client: usize,
        messages: u8,
    },
    /// Reads until the client knows all that has happened.
    Settle {
        client: usize,
    },
    /// The stream breaks; the client comes back when it is next needed.
    Cut {
        client: usize,
        resume: ResumeBy,
        loses: u8,
    },
    /// What waits for the client is dropped, as if it had been too slow.
    Lag {
        client: usize,
    },
    Clear,
    /// Time passes, in seconds.
    Pass(u16),
    /// What nobody can read any more is thrown away.
    CleanUp,
}

/// One write of a commit.
#[derive(Clone, Debug)]
pub enum Change {
    Set(DocumentPath, Fields),
    /// Only one field is new.
    Touch(DocumentPath, &'static str, Value),
    Delete(DocumentPath),
}

/// A target as it is generated.
#[derive(Clone, Debug)]
pub enum Wanted {
    Query(Box<StructuredQuery>),
    Documents(Vec<DocumentPath>),
}

/// How a client that comes back says what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeBy {
    Token {
        count: bool,
    },
    ReadTime {
        count: bool,
    },
    /// It forgets everything.
    Nothing,
}

impl Wanted {
    pub fn kind(&self) -> TargetKind {
        match self {
            Wanted::Query(query) => TargetKind::Query(StructuredQuery::clone(query)),
            Wanted::Documents(paths) => TargetKind::Documents(paths.clone()),
        }
    }

    /// The SDK looks up one document by a target of its own kind.
    pub fn is_single(&self) -> bool {
        matches!(self, Wanted::Documents(paths) if paths.len() == 1)
    }
}

pub fn database() -> DatabaseName {
    DatabaseName::new("p", "(default)")
}

/// Some documents, and then whatever happens.
pub fn actions() -> impl Strategy<Value = Vec<Action>> {
    let set = (document_path(), fields()).prop_map(|(path, fields)| Change::Set(path, fields));
    (vec(set, 0..20), vec(action(), 5..80)).prop_map(|(documents, mut actions)| {
        actions.insert(0, Action::Commit(documents));
        actions
    })
}

fn action() -> impl Strategy<Value = Action> {
    let client = || 0..CLIENTS;
    prop_oneof![
        30 => vec(change(), 1..6).prop_map(Action::Commit),
        5 => (select(vec![1, 2, 4]), any::<bool>()).prop_map(|(each, there)| Action::Crowd { each, there }),
        12 => (client(), wanted(), prop::bool::weighted(0.1))
            .prop_map(|(client, what, once)| Action::Listen { client, what, once }),
        4 => (client(), 0..8usize).prop_map(|(client, target)| Action::Unlisten { client, target }),
        20 => (client(), 1..12u8).prop_map(|(client, messages)| Action::Read { client, messages }),
        10 => client().prop_map(|client| Action::Settle { client }),
        10 => (client(), resume_by(), prop_oneof![1 => Just(0), 1 => 1..4u8])
            .prop_map(|(client, resume, loses)| Action::Cut { client, resume, loses }),
        3 => (1..3_000u16).prop_map(Action::Pass),
        1 => Just(Action::CleanUp),
        1 => Just(Action::Clear),
        3 => client().prop_map(|client| Action::Lag { client }),
        1 => prop_oneof![9 => 20..100u16, 1 => 1_600..2_000u16].prop_map(Action::Burst),
    ]
}

fn resume_by() -> impl Strategy<Value = ResumeBy> {
    prop_oneof![
        6 => any::<bool>().prop_map(|count| ResumeBy::Token { count }),
        2 => any::<bool>().prop_map(|count| ResumeBy::ReadTime { count }),
        1 => Just(ResumeBy::Nothing),
    ]
}

/// The changes of a crowd: more documents than a listener of a few results keeps in reserve.
pub fn crowd(each: usize, there: bool) -> Vec<Change> {
    let number = |number: usize| Value::Integer(i64::try_from(number).expect("a small number"));
    let change = |at: usize| {
        let path = DocumentPath::new(&format!("c/n{at}")).expect("even");
        let fields = [("a", number(at % 4)), ("b", number(at % 7))];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        if there { Change::Set(path, fields) } else { Change::Delete(path) }
    };
    (0..CROWD).step_by(each).map(change).collect()
}

pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (document_path(), fields()).prop_map(|(path, fields)| Change::Set(path, fields)),
        4 => (document_path(), select(vec!["a", "b", "other"]), any_value())
            .prop_map(|(path, field, value)| Change::Touch(path, field, value)),
        2 => document_path().prop_map(Change::Delete),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    let rare = vec![
        Value::Null,
        Value::Boolean(true),
        Value::Double(f64::NAN),
        Value::Double(f64::NEG_INFINITY),
        Value::Double(-0.0),
        Value::Double(1.0),
        Value::Double(1.5),
        Value::from(""),
        Value::from("x"),
        Value::Bytes(vec![0, 255].into()),
        Value::GeoPoint(GeoPoint { latitude: 1.0, longitude: 2.0 }),
        Value::Vector(vec![1.0, 2.0]),
        Value::Reference(database().document(&DocumentPath::new("c/k").expect("even"))),
    ];
    prop_oneof![5 => (0..4i64).prop_map(Value::Integer), 1 => select(rare)]
}

fn any_value() -> impl Strategy<Value = Value> {
    let map = scalar().prop_map(|value| Value::Map(Fields::from([("x".to_owned(), value)])));
    prop_oneof![16 => scalar(), 2 => vec(scalar(), 0..3).prop_map(Value::Array), 1 => map]
}

fn fields() -> impl Strategy<Value = Fields> {
    let parts = (
        option::weighted(0.95, any_value()),
        option::weighted(0.9, any_value()),
        option::weighted(0.7, scalar()),
        option::weighted(0.7, vec(scalar(), 0..4)),
    );
    parts.prop_map(|(a, b, x, t)| {
        let map = x.map(|value| Value::Map(Fields::from([("x".to_owned(), value)])));
        let named = [("a", a), ("b", b), ("m", map), ("t", t.map(Value::Array))];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}

fn document_path() -> impl Strategy<Value = DocumentPath> {
    let paths = [
        "c/a",
        "c/b",
        "c/k",
        "c/z",
        "c/__id7__",
        "c/a0",
        "c/d",
        "c/e",
        "d/a",
        "d/k",
        "c/a/c/a",
        "c/a/c/k",
        "c/k/d/x",
        "d/a/c/b",
        "d/a/c/k",
        "d/k/e/f/c/x",
    ];
    select(paths.to_vec()).prop_map(|path| DocumentPath::new(path).expect("even"))
}

pub fn wanted() -> impl Strategy<Value = Wanted> {
    let documents = prop_oneof![
        2 => vec(document_path(), 1),
        1 => vec(document_path(), 2..5),
    ];
    prop_oneof![
        9 => query().prop_map(|query| Wanted::Query(Box::new(query))),
        1 => documents.prop_map(Wanted::Documents),
    ]
}

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).expect(text)
}

fn reference() -> impl Strategy<Value = Value> {
    document_path().prop_map(|path| Value::Reference(database().document(&path)))
}

fn one_filter() -> impl Strategy<Value = Filter> {
    use FieldOperator::*;
    let field = || select(vec!["a", "b", "m.x", "m"]).prop_map(path);
    let operators =
        vec![Equal, Equal, Equal, LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual, NotEqual];
    let compared = (field(), select(operators.clone()), any_value())
        .prop_map(|(path, operator, value)| Filter::Field { path, operator, value });
    let listed = (field(), select(vec![In, In, NotIn]), vec(scalar(), 1..4))
        .prop_map(|(path, operator, values)| Filter::Field { path, operator, value: Value::Array(values) });
    let contains =
        any_value().prop_map(|value| Filter::Field { path: path("t"), operator: ArrayContains, value });
    let contains_any = vec(scalar(), 1..3).prop_map(|values| Filter::Field {
        path: path("t"),
        operator: ArrayContainsAny,
        value: Value::Array(values),
    });
    let tests =
        vec![UnaryOperator::IsNull, UnaryOperator::IsNan, UnaryOperator::IsNotNull, UnaryOperator::IsNotNan];
    let unary = (field(), select(tests)).prop_map(|(path, operator)| Filter::Unary { path, operator });
    let named = (select(operators), reference()).prop_map(|(operator, value)| Filter::Field {
        path: FieldPath::document_name(),
        operator,
        value,
    });
    prop_oneof![6 => compared, 2 => listed, 2 => contains, 1 => contains_any, 1 => unary, 1 => named]
}

fn filter() -> impl Strategy<Value = Option<Filter>> {
    let tree = one_filter().prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 2..3).prop_map(Filter::And),
            2 => vec(inner, 2..3).prop_map(Filter::Or),
        ]
    });
    option::weighted(0.6, tree)
}

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let direction = || select(vec![Direction::Ascending, Direction::Descending]);
    let order = (select(vec!["a", "a", "b", "m.x", "__name__"]), direction());
    vec(order, 0..3).prop_map(|orders| {
        let mut kept: Vec<Order> = Vec::new();
        for (name, direction) in orders {
            let path = if name == "__name__" { FieldPath::document_name() } else { path(name) };
            if !kept.iter().any(|order| order.path.is_document_name() || order.path == path) {
                kept.push(Order { path, direction });
            }
        }
        kept
    })
}

fn source() -> impl Strategy<Value = (Parent, Selector)> {
    let parent = |path: &str| Parent::Document(DocumentPath::new(path).expect("even"));
    let from = |id: Option<&str>, all_descendants| Selector {
        collection_id: id.map(str::to_owned),
        all_descendants,
    };
    prop_oneof![
        6 => Just((Parent::Root, from(Some("c"), false))),
        1 => Just((parent("c/a"), from(Some("c"), false))),
        3 => Just((Parent::Root, from(Some("c"), true))),
        1 => Just((parent("d/a"), from(Some("c"), true))),
        1 => Just((parent("c/a"), from(Some("c"), true))),
        1 => Just((Parent::Root, from(None, true))),
        1 => Just((parent("c/a"), from(None, false))),
    ]
}

fn cursor(orders: &[Order]) -> impl Strategy<Value = Option<Cursor>> + use<> {
    let names: Vec<bool> = orders.iter().map(|order| order.path.is_document_name()).collect();
    let values: Vec<BoxedStrategy<Value>> =
        names.iter().map(|name| if *name { reference().boxed() } else { any_value().boxed() }).collect();
    (option::weighted(0.2, values), 0..=names.len(), any::<bool>()).prop_map(|(values, length, before)| {
        let mut values = values?;
        values.truncate(length.max(1));
        (!values.is_empty()).then_some(Cursor { values, before })
    })
}

fn query() -> impl Strategy<Value = StructuredQuery> {
    let parts = (source(), filter(), orders()).prop_flat_map(|(source, filter, orders)| {
        let cursors = (cursor(&orders), cursor(&orders));
        let offset = prop_oneof![6 => Just(0), 1 => 1..3i32];
        let selected = vec(select(vec!["a", "m.x", "t"]).prop_map(path), 1..3);
        let limit = option::weighted(0.5, 1..6i32);
        (Just(source), Just(filter), Just(orders), cursors, offset, limit, option::weighted(0.1, selected))
    });
    parts.prop_map(|((parent, from), filter, order_by, (start_at, end_at), offset, limit, select)| {
        StructuredQuery {
            parent,
            from,
            select,
            filter,
            order_by,
            start_at,
            end_at,
            offset,
            limit,
            find_nearest: None,
        }
    })
}
