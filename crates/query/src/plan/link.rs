//! The link of a missing-index error: a console address with a serialized
//! `google.firestore.admin.v1.Index` in base64url without padding.

use database::{Column, ColumnKind, IndexScope};
use model::query::Direction;
use model::{DatabaseName, FieldPath};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where the index would be.
pub(super) struct Link<'a> {
    pub database: &'a DatabaseName,
    pub group: &'a str,
    pub scope: IndexScope,
}

impl Link<'_> {
    /// The address that creates a composite index.
    pub fn composite(&self, columns: &[Column], name: Direction) -> String {
        let kind = match name {
            Direction::Ascending => ColumnKind::Ascending,
            Direction::Descending => ColumnKind::Descending,
        };
        let name = Column { path: FieldPath::document_name(), kind };
        let resource = format!("{}/collectionGroups/{}/indexes/_", self.database, self.group);
        let blob = self.index(&resource, columns.iter().chain([&name]));
        format!("{}?create_composite={}", self.console(), base64url(&blob))
    }

    /// The address that adds a single-field index.
    pub fn exemption(&self, path: &FieldPath, kind: ColumnKind) -> String {
        let column = Column { path: path.clone(), kind };
        let resource = format!("{}/collectionGroups/{}/fields/{path}", self.database, self.group);
        let blob = self.index(&resource, [&column].into_iter());
        format!("{}?create_exemption={}", self.console(), base64url(&blob))
    }

    fn console(&self) -> String {
        let DatabaseName { project, database } = self.database;
        let console = format!("https://console.firebase.google.com/v1/r/project/{project}/firestore");
        match &**database {
            "(default)" => format!("{console}/indexes"),
            database => format!("{console}/databases/{database}/indexes"),
        }
    }

    /// `Index { name = 1, query_scope = 2, fields = 3 }`.
    fn index<'c>(&self, resource: &str, columns: impl Iterator<Item = &'c Column>) -> Vec<u8> {
        let mut out = Vec::new();
        push_bytes(&mut out, 1, resource.as_bytes());
        push_number(
            &mut out,
            2,
            match self.scope {
                IndexScope::Collection => 1,
                IndexScope::CollectionGroup => 2,
                IndexScope::Recursive => 3,
            },
        );
        columns.for_each(|column| push_bytes(&mut out, 3, &field(column)));
        out
    }
}

/// `IndexField { field_path = 1, order = 2 | array_config = 3 | vector_config = 4 { dimension = 1, flat = 2 } }`.
fn field(column: &Column) -> Vec<u8> {
    let mut out = Vec::new();
    push_bytes(&mut out, 1, column.path.to_string().as_bytes());
    match column.kind {
        ColumnKind::Ascending => push_number(&mut out, 2, 1),
        ColumnKind::Descending => push_number(&mut out, 2, 2),
        ColumnKind::Contains => push_number(&mut out, 3, 1),
        ColumnKind::Vector { dimension } => {
            let mut config = Vec::new();
            push_number(&mut config, 1, u64::from(dimension));
            push_bytes(&mut config, 2, &[]);
            push_bytes(&mut out, 4, &config);
        }
    }
    out
}

fn push_number(out: &mut Vec<u8>, field: u8, number: u64) {
    out.push(field << 3);
    push_varint(out, number);
}

fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(group >> (18 - 6 * n) & 0x3f) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_no_padding() {
        let table =
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("\u{7ff}?", "378_")];
        for (plain, text) in table {
            assert_eq!(base64url(plain.as_bytes()), text, "{plain:?}");
        }
    }

    /// Recorded from production: a name of 84 bytes, then collection group scope and `owner` ascending.
    #[test]
    fn an_exemption_link_is_productions() {
        let database = DatabaseName::new("project-0000001", "(default)");
        let link = Link { database: &database, group: "landmarks", scope: IndexScope::CollectionGroup };
        let owner = FieldPath::single("owner");
        let url = link.exemption(&owner, ColumnKind::Ascending);
        let console = "https://console.firebase.google.com/v1/r/project/project-0000001/firestore/indexes";
        assert!(url.starts_with(&format!("{console}?create_exemption=ClRwcm9q")), "{url}");
        let column = Column { path: owner, kind: ColumnKind::Ascending };
        let blob = link.index(&"n".repeat(84), [&column].into_iter());
        assert_eq!(base64url(&blob[2 + 84..]), "EAIaCQoFb3duZXIQAQ");
    }
}
