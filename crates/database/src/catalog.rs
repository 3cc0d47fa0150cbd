//! The catalog: which databases there are, their numbers and their indexes. Lives in `Meta`.
//!
//! Keys are text, parts separated by `/`; numbers are 8 hexadecimal digits. Rows are bodies of fields
//! ([`model::body`]), so a row can gain a field without a new format.
//!
//! | key | row |
//! |---|---|
//! | `next` | `number`: the next database number |
//! | `database/{project}/{database}` | `number`; `begun`: when it was made, or last cleared; `mode`: `datastore`, `native`, or `open` as long as nobody has used it since it was cleared; native where it is missing |
//! | `cleared/{number}` | nothing: rows of that number are garbage |
//! | `index/{number}/{id}` | a declared index and its state |
//! | `dropped/{number}/{id}` | nothing: entries of that index are garbage |
//! | `ids/{number}/{sequence}` | `next`: the first counter that no run of the server was granted |
//! | `reserved/{number}/{sequence}/{counter}` | nothing: no key gets the id of this counter (16 hexadecimal digits) |
//! | `exempt/{number}/{collection id}/{field path or *}` | nothing: no automatic index there, ever again |

mod ids;

use std::collections::HashSet;
use std::sync::Arc;

use model::{DatabaseName, FieldPath, Fields, Status, Timestamp, Value, body};
use storage::{Batch, Engine, KeyRange, Space};

use crate::error::{self, Damage};
use crate::index::{Column, ColumnKind, DeclaredIndex, IndexDefinition, IndexScope, IndexState};
use crate::keys::DatabaseNumber;
use crate::mode::Mode;

/// Reads and writes the catalog of one engine. The store serialises its users.
pub(crate) struct Catalog {
    engine: Arc<dyn Engine>,
}

/// What rows call the modes of a database.
const NATIVE: &str = "native";
const DATASTORE: &str = "datastore";
const OPEN: &str = "open";

/// A field without automatic indexes; None stands for every field.
pub(crate) type Exemption = (String, Option<FieldPath>);

impl Catalog {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Catalog { engine }
    }

    /// The number of a database, if it exists.
    pub(crate) fn number(&self, name: &DatabaseName) -> Result<Option<DatabaseNumber>, Status> {
        self.read_number(&database_key(name)).map(|number| number.map(DatabaseNumber))
    }

    /// When a database was made or last cleared; the epoch for one that an earlier version made.
    pub(crate) fn begun(&self, name: &DatabaseName) -> Result<Timestamp, Status> {
        let row = self.row(&database_key(name))?;
        match row.as_ref().and_then(|row| row.get("begun")) {
            None => Ok(Timestamp::ZERO),
            Some(Value::Timestamp(begun)) => Ok(*begun),
            Some(_) => Err(Damage::CatalogRow.into()),
        }
    }

    /// What a database holds; None when that is for its next use to decide.
    pub(crate) fn mode(&self, name: &DatabaseName) -> Result<Option<Mode>, Status> {
        let row = self.row(&database_key(name))?;
        match row.as_ref().and_then(|row| row.get("mode")) {
            None => Ok(Some(Mode::Native)),
            Some(Value::String(mode)) if mode == NATIVE => Ok(Some(Mode::Native)),
            Some(Value::String(mode)) if mode == DATASTORE => Ok(Some(Mode::Datastore)),
            Some(Value::String(mode)) if mode == OPEN => Ok(None),
            Some(_) => Err(Damage::CatalogRow.into()),
        }
    }

    /// Declares what a database holds.
    pub(crate) fn declare_mode(&self, name: &DatabaseName, mode: Mode) -> Result<(), Status> {
        let key = database_key(name);
        let mut row = self.row(&key)?.ok_or(Damage::CatalogRow)?;
        row.insert("mode".to_owned(), mode_value(Some(mode)));
        let mut batch = Batch::default();
        put(&mut batch, &key, &row);
        self.write(batch)
    }

    /// Gives a database a new number at the time `begun`; a number it had before becomes garbage. Without a mode it
    /// is for the next use to decide.
    pub(crate) fn renumber(
        &self,
        name: &DatabaseName,
        mode: Option<Mode>,
        begun: Timestamp,
    ) -> Result<(Option<DatabaseNumber>, DatabaseNumber), Status> {
        let old = self.number(name)?;
        let number = self.read_number("next")?.unwrap_or(1);
        let mut batch = Batch::default();
        put(&mut batch, "next", &number_row(number + 1));
        let mut row = number_row(number);
        row.insert("begun".to_owned(), Value::Timestamp(begun));
        row.insert("mode".to_owned(), mode_value(mode));
        put(&mut batch, &database_key(name), &row);
        if let Some(old) = old {
            put(&mut batch, &format!("cleared/{:08x}", old.0), &Fields::new());
        }
        self.write(batch)?;
        Ok((old, DatabaseNumber(number)))
    }

    /// The numbers whose rows are garbage.
    pub(crate) fn cleared(&self) -> Result<HashSet<DatabaseNumber>, Status> {
        let rows = self.rows("cleared/")?;
        rows.iter().map(|(key, _)| Ok(DatabaseNumber(hex(key.split('/').nth(1))?))).collect()
    }

    /// The indexes whose entries are garbage.
    pub(crate) fn dropped(&self) -> Result<HashSet<(DatabaseNumber, u32)>, Status> {
        let rows = self.rows("dropped/")?;
        let read = |key: &String| -> Result<_, Status> {
            let mut parts = key.split('/').skip(1);
            Ok((DatabaseNumber(hex(parts.next())?), hex(parts.next())?))
        };
        rows.iter().map(|(key, _)| read(key)).collect()
    }

    /// The declared indexes of a database.
    pub(crate) fn indexes(&self, number: DatabaseNumber) -> Result<Vec<DeclaredIndex>, Status> {
        let rows = self.rows(&format!("index/{:08x}/", number.0))?;
        rows.iter().map(|(key, row)| Ok(read_index(hex(key.split('/').nth(2))?, row)?)).collect()
    }

    /// The highest index id ever used by a database.
    pub(crate) fn last_index_id(&self, number: DatabaseNumber) -> Result<u32, Status> {
        let live = self.indexes(number)?.into_iter().map(|index| index.id);
        let dropped = self.dropped()?.into_iter().filter(|(of, _)| *of == number).map(|(_, id)| id);
        Ok(live.chain(dropped).max().unwrap_or(0))
    }

    /// The fields without automatic indexes.
    pub(crate) fn exemptions(&self, number: DatabaseNumber) -> Result<Vec<Exemption>, Status> {
        let rows = self.rows(&format!("exempt/{:08x}/", number.0))?;
        let read = |key: &String| -> Result<Exemption, Status> {
            let mut parts = key.splitn(4, '/').skip(2);
            let (Some(group), Some(field)) = (parts.next(), parts.next()) else {
                return Err(Damage::CatalogRow.into());
            };
            let field = (field != "*").then(|| FieldPath::parse(field)).transpose()?;
            Ok((group.to_owned(), field))
        };
        rows.iter().map(|(key, _)| read(key)).collect()
    }

    /// Records new and changed indexes, dropped ones and exemptions, together.
    pub(crate) fn write_indexes(
        &self,
        number: DatabaseNumber,
        present: &[Arc<DeclaredIndex>],
        dropped: &[u32],
        exemptions: &[Exemption],
    ) -> Result<(), Status> {
        let mut batch = Batch::default();
        for index in present {
            put(&mut batch, &format!("index/{:08x}/{:08x}", number.0, index.id), &index_row(index));
        }
        for id in dropped {
            batch.delete(Space::Meta, format!("index/{:08x}/{id:08x}", number.0).into_bytes());
            put(&mut batch, &format!("dropped/{:08x}/{id:08x}", number.0), &Fields::new());
        }
        for (group, field) in exemptions {
            let field = field.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
            put(&mut batch, &format!("exempt/{:08x}/{group}/{field}", number.0), &Fields::new());
        }
        self.write(batch)
    }

    /// Forgets what was cleared and dropped, once storage holds no such row.
    pub(crate) fn forget_garbage(&self, cleared: &HashSet<DatabaseNumber>) -> Result<(), Status> {
        let mut batch = Batch::default();
        for number in cleared {
            batch.delete(Space::Meta, format!("cleared/{:08x}", number.0).into_bytes());
            self.forget_counters(*number, &mut batch)?;
        }
        self.write(batch)
    }

    fn read_number(&self, key: &str) -> Result<Option<u32>, Status> {
        let Some(row) = self.row(key)? else { return Ok(None) };
        Ok(Some(integer(&row, "number")?))
    }

    fn row(&self, key: &str) -> Result<Option<Fields>, Status> {
        let row = self.engine.snapshot().get(Space::Meta, key.as_bytes()).map_err(error::storage)?;
        Ok(row.map(|row| body::decode(&row)).transpose().map_err(|_| Damage::CatalogRow)?)
    }

    fn rows(&self, prefix: &str) -> Result<Vec<(String, Fields)>, Status> {
        let range = KeyRange::prefix(prefix.as_bytes());
        let scan = self.engine.snapshot().scan(Space::Meta, range, storage::Direction::Forward);
        let read = |row: Result<storage::Row, _>| -> Result<(String, Fields), Status> {
            let (key, value) = row.map_err(error::storage)?;
            let key = String::from_utf8(key.to_vec()).map_err(|_| Damage::CatalogRow)?;
            Ok((key, body::decode(&value).map_err(|_| Damage::CatalogRow)?))
        };
        scan.map(read).collect()
    }

    fn write(&self, batch: Batch) -> Result<(), Status> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.engine.commit(batch).map_err(error::storage)? {
            storage::Committed::Done => Ok(()),
            storage::Committed::Fenced | storage::Committed::Unknown => Err(Status::new(
                model::Code::Unavailable,
                "The catalog could not be written; restart the server.",
            )),
        }
    }
}

fn database_key(name: &DatabaseName) -> String {
    format!("database/{}/{}", name.project, name.database)
}

fn put(batch: &mut Batch, key: &str, fields: &Fields) {
    batch.put(Space::Meta, key.as_bytes().to_vec(), body::encode(fields));
}

fn mode_value(mode: Option<Mode>) -> Value {
    Value::from(match mode {
        Some(Mode::Native) => NATIVE,
        Some(Mode::Datastore) => DATASTORE,
        None => OPEN,
    })
}

fn number_row(number: u32) -> Fields {
    Fields::from([("number".to_owned(), Value::Integer(i64::from(number)))])
}

fn hex(part: Option<&str>) -> Result<u32, Damage> {
    part.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(Damage::CatalogRow)
}

fn integer(fields: &Fields, name: &str) -> Result<u32, Damage> {
    match fields.get(name) {
        Some(Value::Integer(number)) => u32::try_from(*number).map_err(|_| Damage::CatalogRow),
        _ => Err(Damage::CatalogRow),
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Damage> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Damage::CatalogRow),
    }
}

fn index_row(index: &DeclaredIndex) -> Fields {
    let columns = index.definition.columns.iter().map(|column| {
        let (kind, dimension) = match column.kind {
            ColumnKind::Ascending => ("ascending", 0),
            ColumnKind::Descending => ("descending", 0),
            ColumnKind::Contains => ("contains", 0),
            ColumnKind::Vector { dimension } => ("vector", dimension),
        };
        Value::Map(Fields::from([
            ("path".to_owned(), Value::String(column.path.to_string())),
            ("kind".to_owned(), Value::from(kind)),
            ("dimension".to_owned(), Value::Integer(i64::from(dimension))),
        ]))
    });
    let mut row = Fields::from([
        ("collection_id".to_owned(), Value::String(index.definition.collection_id.clone())),
        ("columns".to_owned(), Value::Array(columns.collect())),
        ("group".to_owned(), Value::Boolean(index.definition.scope != IndexScope::Collection)),
    ]);
    if index.definition.scope == IndexScope::Recursive {
        row.insert("ancestors".to_owned(), Value::Boolean(true));
    }
    if let IndexState::Ready { since } = index.state {
        row.insert("ready_since".to_owned(), Value::Timestamp(since));
    }
    row
}

fn read_index(id: u32, row: &Fields) -> Result<DeclaredIndex, Damage> {
    let Some(Value::Array(columns)) = row.get("columns") else { return Err(Damage::CatalogRow) };
    let scope = match row.get("group") {
        Some(Value::Boolean(true)) if row.contains_key("ancestors") => IndexScope::Recursive,
        Some(Value::Boolean(true)) => IndexScope::CollectionGroup,
        Some(Value::Boolean(false)) => IndexScope::Collection,
        _ => return Err(Damage::CatalogRow),
    };
    let state = match row.get("ready_since") {
        Some(Value::Timestamp(since)) => IndexState::Ready { since: *since },
        None => IndexState::Building,
        Some(_) => return Err(Damage::CatalogRow),
    };
    let columns = columns.iter().map(read_column).collect::<Result<_, _>>()?;
    let collection_id = text(row, "collection_id")?.to_owned();
    Ok(DeclaredIndex { id, definition: IndexDefinition { collection_id, scope, columns }, state })
}

fn read_column(column: &Value) -> Result<Column, Damage> {
    let Value::Map(column) = column else { return Err(Damage::CatalogRow) };
    let kind = match text(column, "kind")? {
        "ascending" => ColumnKind::Ascending,
        "descending" => ColumnKind::Descending,
        "contains" => ColumnKind::Contains,
        "vector" => ColumnKind::Vector { dimension: integer(column, "dimension")? },
        _ => return Err(Damage::CatalogRow),
    };
    let path = FieldPath::parse(text(column, "path")?).map_err(|_| Damage::CatalogRow)?;
    Ok(Column { path, kind })
}

/// Ready from the beginning: for an index of a database that has no documents yet.
pub(crate) const SINCE_EVER: IndexState = IndexState::Ready { since: Timestamp::ZERO };
