//! Declared indexes: `declare "c(a, b desc, tags contains)" "group c(a)" "override c.a" "override c.b: ordered contains group"`.

use database::{
    Column, ColumnKind, FieldOverride, IndexDefinition, IndexFile, IndexScope, IndexState, SingleFieldIndex,
    SingleFieldKind,
};
use goldenscript::ArgumentConsumer;
use model::FieldPath;

use super::{Output, Script};
use crate::notation::{lines, show_time};

impl Script {
    pub(super) fn declare(&mut self, mut args: ArgumentConsumer<'_>) -> Output {
        let mut file = IndexFile::default();
        while let Some(text) = args.next_pos() {
            match text.strip_prefix("override ") {
                Some(text) => file.overrides.push(field_override(text)?),
                None => file.indexes.push(definition(text)?),
            }
        }
        let declared = self.world.store().declare_indexes(self.world.name(), &file);
        Ok(declared.map_or_else(|status| status.to_string(), |()| self.show_indexes()))
    }

    pub(super) fn show_indexes(&self) -> String {
        let indexes = self.database().indexes();
        let shown = indexes.declared().iter().map(|index| {
            let columns = index.definition.columns.iter().map(|column| {
                let kind = match column.kind {
                    ColumnKind::Ascending => "",
                    ColumnKind::Descending => " desc",
                    ColumnKind::Contains => " contains",
                    ColumnKind::Vector { .. } => " vector",
                };
                format!("{}{kind}", column.path)
            });
            let scope = match index.definition.scope {
                IndexScope::Collection => "",
                IndexScope::CollectionGroup => "group ",
                IndexScope::Recursive => "recursive ",
            };
            let state = match index.state {
                IndexState::Building => "building".to_owned(),
                IndexState::Ready { since } if since.micros() == 0 => "ready since ever".to_owned(),
                IndexState::Ready { since } => format!("ready since {}", show_time(since)),
            };
            let columns: Vec<_> = columns.collect();
            format!("{} {scope}{}({}) {state}", index.id, index.definition.collection_id, columns.join(", "))
        });
        lines(shown)
    }
}

fn definition(text: &str) -> Result<IndexDefinition, Box<dyn std::error::Error>> {
    let (scope, text) = match text.strip_prefix("group ") {
        Some(text) => (IndexScope::CollectionGroup, text),
        None => (IndexScope::Collection, text),
    };
    let (collection_id, columns) = text.split_once('(').ok_or("a definition is `c(a, b desc)`")?;
    let columns = columns.strip_suffix(')').ok_or("`)` expected")?;
    let column = |text: &str| -> Result<Column, Box<dyn std::error::Error>> {
        let (path, kind) = text.trim().split_once(' ').unwrap_or((text.trim(), "asc"));
        let kind = match kind.split_once(' ').unwrap_or((kind, "0")) {
            ("asc", _) => ColumnKind::Ascending,
            ("desc", _) => ColumnKind::Descending,
            ("contains", _) => ColumnKind::Contains,
            ("vector", dimension) => ColumnKind::Vector { dimension: dimension.parse()? },
            (other, _) => return Err(format!("unknown column kind {other}").into()),
        };
        Ok(Column { path: FieldPath::parse(path)?, kind })
    };
    let columns = columns.split(',').map(column).collect::<Result<_, _>>()?;
    Ok(IndexDefinition { collection_id: collection_id.to_owned(), scope, columns })
}

fn field_override(text: &str) -> Result<FieldOverride, Box<dyn std::error::Error>> {
    let (name, kinds) = text.split_once(": ").unwrap_or((text, ""));
    let (collection_id, field) = name.split_once('.').ok_or("an override is `override c.field: ordered`")?;
    let field = if field == "*" { None } else { Some(FieldPath::parse(field)?) };
    let single = |kind: &str| match kind {
        "ordered" => Ok(SingleFieldIndex { scope: IndexScope::Collection, kind: SingleFieldKind::Ordered }),
        "contains" => Ok(SingleFieldIndex { scope: IndexScope::Collection, kind: SingleFieldKind::Contains }),
        "group" => {
            Ok(SingleFieldIndex { scope: IndexScope::CollectionGroup, kind: SingleFieldKind::Ordered })
        }
        "group-contains" => {
            Ok(SingleFieldIndex { scope: IndexScope::CollectionGroup, kind: SingleFieldKind::Contains })
        }
        other => Err(format!("unknown index kind {other}")),
    };
    let indexes = kinds.split_whitespace().map(single).collect::<Result<_, _>>()?;
    Ok(FieldOverride { collection_id: collection_id.to_owned(), field, indexes })
}
