//! The parser of resource names, with the texts that production answers broken ones with.

use crate::limits::{MAX_DOCUMENT_PATH_BYTES, MAX_ID_BYTES, MAX_PATH_DEPTH};
use crate::{DatabaseName, Status};

/// What a name is expected to be; decides the words of the error.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// `projects/{p}/databases/{d}`
    Database,
    /// `projects/{p}/databases/{d}/documents/{path}` with an even path
    Document,
    /// A document, or `projects/{p}/databases/{d}/documents` itself
    Parent,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Database => "Database name",
            Kind::Document => "Document name",
            Kind::Parent => "Document parent name",
        }
    }
}

/// A walk over one name; `at` is the byte where the next part is expected.
struct Cursor<'a> {
    kind: Kind,
    name: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.name[self.at..]
    }

    fn lacks(&self, what: &str) -> Status {
        let words = self.kind.words();
        Status::invalid_argument(format!("{words} \"{}\" lacks \"{what}\" at index {}.", self.name, self.at))
    }

    fn literal(&mut self, text: &str) -> Result<(), Status> {
        let rest = self.rest();
        let whole = rest.split('/').next() == Some(text);
        if !whole {
            return Err(self.lacks(text));
        }
        self.at += text.len();
        Ok(())
    }

    fn slash(&mut self) -> Result<(), Status> {
        if !self.rest().starts_with('/') {
            return Err(self.lacks("/"));
        }
        if self.rest().len() == 1 {
            let words = self.kind.words();
            return Err(Status::invalid_argument(format!(
                "{words} \"{}\" has invalid trailing \"/\".",
                self.name
            )));
        }
        self.at += 1;
        Ok(())
    }

    fn id(&mut self) -> Result<&'a str, Status> {
        let id = self.rest().split('/').next().expect("a split yields at least one part");
        if id.is_empty() {
            let message =
                format!("Resource name \"{}\" lacks a resource id at index {}.", self.name, self.at);
            return Err(Status::invalid_argument(message));
        }
        if id == "." || id == ".." {
            let words = self.kind.words();
            return Err(Status::invalid_argument(format!(
                "{words} \"{}\" contains a resource id \"{id}\" at index {}.",
                self.name, self.at
            )));
        }
        self.at += id.len();
        Ok(id)
    }

    fn done(&self) -> bool {
        self.at == self.name.len()
    }
}

/// Reads `name` as `kind`: the database and, when there is one, the path below `documents`.
pub(crate) fn parse(kind: Kind, name: &str) -> Result<(DatabaseName, Option<&str>), Status> {
    let mut cursor = Cursor { kind, name, at: 0 };
    cursor.literal("projects")?;
    cursor.slash()?;
    let project = cursor.id()?;
    cursor.slash()?;
    cursor.literal("databases")?;
    cursor.slash()?;
    let database = DatabaseName::new(project, cursor.id()?);
    if kind == Kind::Database {
        if !cursor.done() {
            let message = format!("Database name \"{name}\" has unexpected text at index {}.", cursor.at);
            return Err(Status::invalid_argument(message));
        }
        return Ok((database, None));
    }
    cursor.slash()?;
    cursor.literal("documents")?;
    if kind == Kind::Parent && cursor.done() {
        return Ok((database, None));
    }
    cursor.slash()?;
    let start = cursor.at;
    let mut depth = 0;
    loop {
        check_collection_id(cursor.id()?)?;
        cursor.slash()?;
        check_document_id(cursor.id()?)?;
        depth += 1;
        if cursor.done() {
            break;
        }
        cursor.slash()?;
    }
    let path = &name[start..];
    if path.len() > MAX_DOCUMENT_PATH_BYTES || depth > MAX_PATH_DEPTH {
        return Err(Status::invalid_argument(format!(
            "The key path is longer than {MAX_DOCUMENT_PATH_BYTES} bytes or deeper than {MAX_PATH_DEPTH} collections."
        )));
    }
    Ok((database, Some(path)))
}

fn is_reserved(id: &str) -> bool {
    id.len() >= 4 && id.starts_with("__") && id.ends_with("__")
}

fn check_length(id: &str) -> Result<(), Status> {
    if id.len() > MAX_ID_BYTES {
        return Err(Status::invalid_argument(format!(
            "The key path element name is longer than {MAX_ID_BYTES} bytes."
        )));
    }
    Ok(())
}

/// Checks one collection id.
pub(crate) fn check_collection_id(id: &str) -> Result<(), Status> {
    let invalid = |why: &str| {
        Err(Status::invalid_argument(format!("Collection id \"{id}\" is invalid because it {why}.")))
    };
    if id.is_empty() {
        return invalid("is empty");
    }
    if id.contains('/') {
        return invalid("contains \"/\"");
    }
    if id == "." || id == ".." || is_reserved(id) {
        return invalid("is reserved");
    }
    check_length(id)
}

/// Checks one document id; `__id<int64>__` is an integer id and legal.
pub(crate) fn check_document_id(id: &str) -> Result<(), Status> {
    let invalid = |why: &str| {
        Err(Status::invalid_argument(format!("Resource id \"{id}\" is invalid because it {why}.")))
    };
    if id.is_empty() {
        return invalid("is empty");
    }
    if id.contains('/') {
        return invalid("contains \"/\"");
    }
    let integer = matches!(crate::path::Segment::parse(id), crate::path::Segment::Id(_));
    if id == "." || id == ".." || (is_reserved(id) && !integer) {
        return invalid("is reserved");
    }
    check_length(id)
}

#[cfg(test)]
mod tests {
    use crate::{DocumentName, Parent};

    #[test]
    fn broken_names_answer_with_productions_texts() {
        let table = [
            (
                "projects/p/databases/d/documents/err",
                "Document name \"projects/p/databases/d/documents/err\" lacks \"/\" at index 36.",
            ),
            ("not/a/valid", "Document name \"not/a/valid\" lacks \"projects\" at index 0."),
            ("", "Document name \"\" lacks \"projects\" at index 0."),
            ("projects/x", "Document name \"projects/x\" lacks \"/\" at index 10."),
            (
                "projects/p/databases/d/documents/c/d/",
                "Document name \"projects/p/databases/d/documents/c/d/\" has invalid trailing \"/\".",
            ),
            (
                "projects/p/databases/d/documents/c//d",
                "Resource name \"projects/p/databases/d/documents/c//d\" lacks a resource id at index 35.",
            ),
            (
                "projects/p/databases/d/documents/c/..",
                "Document name \"projects/p/databases/d/documents/c/..\" contains a resource id \"..\" at index 35.",
            ),
            (
                "projects/p/databases/d/documents/c/__x__",
                "Resource id \"__x__\" is invalid because it is reserved.",
            ),
            (
                "projects/p/databases/d/documents/__c__/x",
                "Collection id \"__c__\" is invalid because it is reserved.",
            ),
        ];
        for (name, text) in table {
            assert_eq!(DocumentName::parse(name).expect_err(name).message, text);
        }
        let long = format!("projects/p/databases/d/documents/c/{}", "x".repeat(1_501));
        let text = "The key path element name is longer than 1500 bytes.";
        assert_eq!(DocumentName::parse(&long).expect_err("too long").message, text);
        assert!(DocumentName::parse(&long[..long.len() - 1]).is_ok());
    }

    #[test]
    fn a_parent_is_the_root_or_a_document() {
        assert_eq!(Parent::parse("projects/p/databases/d/documents").expect("root").1, Parent::Root);
        let text = "Document parent name \"projects/p/databases/d/documents/x\" lacks \"/\" at index 34.";
        assert_eq!(
            Parent::parse("projects/p/databases/d/documents/x").expect_err("collection").message,
            text
        );
    }

    #[test]
    fn integer_ids_are_legal_and_sort_first() {
        let name = |id: &str| DocumentName::parse(&format!("projects/p/databases/d/documents/c/{id}"));
        assert!(name("__id7__").expect("id") < name("__id10__").expect("id"));
        assert!(name("__id10__").expect("id") < name("!").expect("id"));
        assert!(name("__id99999999999999999999__").is_err());
    }
}
