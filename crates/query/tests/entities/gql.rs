//! GQL: what each form means, what is refused, and that no text does harm.

use std::collections::BTreeMap;

use model::Status;
use model::entity::query::{GqlParameter, GqlQuery};
use model::entity::{EntityValue, Partition};
use proptest::prelude::*;
use query::parse_gql;

use crate::show;

fn partition() -> Partition {
    Partition { project: "p".into(), database: "(default)".into(), namespace: "".into() }
}

fn value(value: EntityValue) -> GqlParameter {
    GqlParameter::Value(value.into())
}

/// With literals; `@1` is 7, `@2` a cursor; `@n` is 8, `@c` a cursor, `@list` an array.
fn parsed(text: &str) -> Result<String, Status> {
    let cursor = |text: &'static str| GqlParameter::Cursor(text.into());
    let list = EntityValue::Array(vec![EntityValue::Integer(1).into(), EntityValue::Null.into()]);
    let named = [("n", value(EntityValue::Integer(8))), ("c", cursor("named")), ("list", value(list))];
    let positional = match (text.contains("@1"), text.contains("@2")) {
        (_, true) => vec![value(EntityValue::Integer(7)), cursor("second")],
        (true, false) => vec![value(EntityValue::Integer(7))],
        (false, false) => Vec::new(),
    };
    let named = named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let query = GqlQuery { text: text.to_owned(), allow_literals: true, positional, named };
    parse_gql(&query, &partition()).map(|statement| show::statement(&statement))
}

#[test]
fn each_form_is_read() {
    let table = [
        ("SELECT *", "*"),
        ("select * from Task", "Task"),
        ("SELECT __key__ FROM Task", "Task select __key__"),
        ("SELECT a, b.c FROM Task", "Task select a,b.c"),
        ("SELECT DISTINCT a, b FROM Task", "Task select a,b distinct a,b"),
        ("SELECT DISTINCT ON (a) * FROM Task", "Task distinct a"),
        ("SELECT DISTINCT ON (a, b) c FROM Task", "Task select c distinct a,b"),
        ("SELECT * FROM `a kind` WHERE `a``b` = 1", "a kind where a`b = 1"),
        ("SELECT Task.a FROM Task WHERE Task.b.c > 1 ORDER BY Task.d", "Task select a where b.c > 1 order d"),
        ("SELECT * FROM T WHERE T.T.a = 1", "T where T.a = 1"),
        ("SELECT * FROM T WHERE a = 1 OR b = 2 AND c = 3", "T where (a = 1 or (b = 2 and c = 3))"),
        ("SELECT * FROM T WHERE (a = 1 OR b = 2) AND c = 3", "T where ((a = 1 or b = 2) and c = 3)"),
        ("SELECT * FROM T WHERE a IS NULL", "T where a = null"),
        (
            "SELECT * FROM T WHERE a = NULL AND b = true AND c = FALSE",
            "T where (a = null and b = true and c = false)",
        ),
        ("SELECT * FROM T WHERE 1 < a AND 2 >= b", "T where (a > 1 and b <= 2)"),
        (
            "SELECT * FROM T WHERE 'x' IN tags AND tags CONTAINS \"y\"",
            "T where (tags = \"x\" and tags = \"y\")",
        ),
        ("SELECT * FROM T WHERE a IN ARRAY(1, -2, +3)", "T where a in [1, -2, 3]"),
        (
            "SELECT * FROM T WHERE a NOT IN @list AND b != 1.5e3",
            "T where (a not in [1, null] and b != 1500.0)",
        ),
        ("SELECT * FROM T WHERE a = -3. OR a = +.5", "T where (a = -3.0 or a = 0.5)"),
        ("SELECT * WHERE __key__ HAS ANCESTOR KEY(G, 'x')", "* where __key__ below G:'x'"),
        ("SELECT * WHERE KEY(G, 5) HAS DESCENDANT __key__", "* where __key__ below G:5"),
        (
            "SELECT * FROM T WHERE __key__ > KEY(NAMESPACE('n'), A, 1, `b c`, 'x')",
            "T where __key__ > n!A:1/b c:'x'",
        ),
        ("SELECT * FROM T WHERE a = BLOB('aGk_')", "T where a = b\"hi?\""),
        ("SELECT * FROM T WHERE a = DATETIME('1970-01-01T01:00:00.5+01:00')", "T where a = 500000us"),
        (
            "SELECT * FROM T WHERE a = 'it''s' AND b = 'a\\n\\'\\%'",
            "T where (a = \"it's\" and b = \"a\\n'\\\\%\")",
        ),
        ("SELECT key, first FROM T WHERE KEY = 1", "T select key,first where KEY = 1"),
        ("SELECT * FROM T ORDER BY a DESC, b ASC, c", "T order -a,b,c"),
        ("SELECT * FROM T LIMIT 5 OFFSET 2", "T offset 2 limit 5"),
        ("SELECT * FROM T LIMIT @1 OFFSET @2", "T from b\"second\" limit 7"),
        (
            "SELECT * FROM T LIMIT FIRST(@c, 5) OFFSET @c + 17",
            "T from b\"named\" to b\"named\" offset 17 limit 5",
        ),
        ("SELECT * FROM T OFFSET @c + +17", "T from b\"named\" offset 17"),
        ("SELECT * FROM T WHERE a = @n AND b = @1", "T where (a = 8 and b = 7)"),
        ("SELECT COUNT(*) FROM T WHERE a = 1", "=count of T where a = 1"),
        ("SELECT COUNT(*) AS n, SUM(T.b), AVG(c) AS m FROM T", "n=count, =sum b, m=avg c of T"),
        ("AGGREGATE COUNT_UP_TO(5) AS n OVER (SELECT * FROM T LIMIT 9)", "n=count to 5 of T limit 9"),
    ];
    for (text, expected) in table {
        assert_eq!(parsed(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_query_is_refused() {
    let table = [
        ("", "Encountered \"<EOF>\" at line 1, column 1."),
        ("SELECT * FROM T;", "Lexical error at line 1, column 16."),
        ("SELECT * FROM T -- all of it", "Lexical error at line 1, column 17."),
        (
            "SELECT * FROM T WHERE a = 'open",
            "Lexical error at line 1, column 27.  Encountered: <EOF> after : 'open",
        ),
        ("SELECT * FROM T WHERE a = 'a\nb'", "Lexical error"),
        ("SELECT *\nFROM T WHERE ANCESTOR IS 1", "Encountered \"ANCESTOR\" at line 2, column 14."),
        ("SELECT * FROM T LIMIT 1,2", "Encountered \",\" at line 1, column 24."),
        ("SELECT * FROM T WHERE a LIKE 'x'", "Encountered \"LIKE\""),
        ("SELECT * FROM T WHERE NULL IS a", "Encountered \"IS\""),
        ("SELECT * FROM T GROUP BY a", "GROUP BY not supported."),
        ("SELECT order FROM T", "Encountered \"order\""),
        ("SELECT * FROM T OFFSET @c +17", "Encountered \"17\""),
        ("SELECT * FROM T LIMIT FIRST(1, 2)", "FIRST takes one integer and one cursor."),
        ("SELECT * FROM T OFFSET 1 + 2", "OFFSET takes a cursor, then an integer."),
        ("SELECT * FROM T LIMIT 9999999999", "A LIMIT or OFFSET must be a 32-bit integer."),
        ("SELECT * FROM T WHERE a = 9223372036854775808", "Invalid integer literal"),
        ("SELECT * FROM T WHERE a = KEY(b, 0)", "Encountered \"0\""),
        ("SELECT * FROM T WHERE a = KEY(b, '')", "Encountered"),
        ("SELECT * FROM T WHERE a = BLOB('a+')", "Invalid blob literal"),
        ("SELECT * FROM T WHERE a = DATETIME('2020-02-30T00:00:00Z')", "Invalid datetime literal"),
        ("SELECT * FROM T WHERE a = DATETIME('2020-02-20T00:00:00-00:00')", "Invalid datetime literal"),
        ("SELECT * FROM T WHERE a IN ARRAY(ARRAY(1))", "Encountered \"ARRAY\""),
        ("SELECT * FROM T WHERE a = @missing", "Absent named binding: missing."),
        ("SELECT * FROM T WHERE a = @0", "Absent positional binding: 0."),
        ("SELECT * FROM T WHERE a = @2", "A cursor is bound where a value is needed."),
        ("SELECT * FROM T LIMIT @2", "Unused positional binding: 1."),
        ("SELECT * FROM T LIMIT @list", "A LIMIT or OFFSET must be bound to an integer or a cursor."),
        ("SELECT COUNT(*) FROM T LIMIT 5", "Encountered \"LIMIT\""),
    ];
    for (text, expected) in table {
        let refused = parsed(text).expect_err(text).message;
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
    let deep = format!("SELECT * FROM T WHERE {}a = 1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(parsed(&deep).unwrap_err().message, "Conditions nest deeper than 64 levels.");
    assert!(parsed(&" ".repeat(2_000_000)).unwrap_err().message.contains("longer than"));
}

#[test]
fn without_literals_every_value_is_bound() {
    let strict = |text: &str, named: &[&str]| {
        let named = named.iter().map(|name| ((*name).to_owned(), value(EntityValue::Integer(1))));
        let query = GqlQuery {
            text: text.to_owned(),
            named: named.collect::<BTreeMap<_, _>>(),
            ..GqlQuery::default()
        };
        parse_gql(&query, &partition()).map(|statement| show::statement(&statement)).map_err(|e| e.message)
    };
    let disallowed = |literal: &str| Err(format!("Disallowed literal: {literal}."));
    assert_eq!(strict("SELECT * FROM T WHERE a = 1", &[]), disallowed("1"));
    assert_eq!(strict("SELECT * FROM T LIMIT 1", &[]), disallowed("1"));
    assert_eq!(strict("SELECT * FROM T WHERE a = 'x'", &[]), disallowed("\"x\""));
    assert_eq!(strict("SELECT * FROM T WHERE a = KEY(b, 1)", &[]), disallowed("KEY"));
    assert_eq!(strict("SELECT * FROM T WHERE a IN ARRAY(@x, @x)", &["x"]).unwrap(), "T where a in [1, 1]");
    assert_eq!(strict("SELECT * FROM T WHERE a IS NULL", &[]).unwrap(), "T where a = null");
    let reserved = "The GQL query parameter name \"__x__\" is reserved.".to_owned();
    assert_eq!(strict("SELECT *", &["__x__"]), Err(reserved));
}

proptest! {
    #[test]
    fn no_text_does_harm(text in "\\PC{0,60}") {
        let _ = parsed(&text);
    }

    #[test]
    fn no_row_of_tokens_does_harm(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "SELECT", "*", "FROM", "T", "WHERE", "a", "=", "1", "AND", "OR", "(", ")", ",", ".", "IN", "NOT",
                "ARRAY", "KEY", "'x'", "@n", "@c", "@1", "LIMIT", "OFFSET", "+", "FIRST", "ORDER", "BY", "DESC",
                "DISTINCT", "ON", "COUNT", "AGGREGATE", "OVER", "AS", "HAS", "ANCESTOR", "IS", "NULL", "-3.", "`q`",
            ]),
            0..25,
        )
    ) {
        let _ = parsed(&words.join(" "));
    }
}
