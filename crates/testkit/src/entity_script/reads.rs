//! Reads: by key, by kind, by index, and the names that exist.

use database::{ByteRange, IndexSource, NameSource, View};
use goldenscript::ArgumentConsumer;
use model::encoding::push_ids;
use model::entity::encoding::push_value;
use model::entity::key::{collection_id, namespace_path};
use model::query::Direction;
use model::{DocumentPath, Parent, Status};

use super::{EntityScript, Output, words};
use crate::notation::{lines, read};

/// What reads have in common.
struct Common {
    namespace: String,
    ancestor: Option<DocumentPath>,
    direction: Direction,
    /// The value bytes that index entries begin with.
    equal: Vec<u8>,
}

impl EntityScript {
    pub(super) fn read_command(
        &mut self,
        client: &str,
        name: &str,
        mut args: ArgumentConsumer<'_>,
    ) -> Output {
        let at = args.take_key("at");
        let common = self.common(&mut args)?;
        let mut words_of_line: Vec<String> = Vec::new();
        while let Some(word) = args.next_pos() {
            words_of_line.push(word.to_owned());
        }
        args.reject_next()?;
        let what = [&[name.to_owned()], &words_of_line[..]].concat().join(" ");
        let keys = match name {
            "get" => words_of_line.iter().map(|text| words::key(text, self.world.name())).collect(),
            _ => Ok(Vec::new()),
        };
        let (name, keys) = (name.to_owned(), keys?);
        self.read(client, &what, at, move |view| match (name.as_str(), words_of_line.as_slice()) {
            ("get", _) => {
                let shown = keys.iter().map(|key| match view.get_entity(key)? {
                    Some(entity) => words::show_entity(&entity),
                    None => Ok(format!("{} none", words::show_key(key))),
                });
                Ok(lines(shown.collect::<Result<Vec<_>, _>>()?))
            }
            ("scan", [kind]) => scan(view, kind, &common),
            ("index", [kind, property]) => {
                entries(view, &view.indexes().property(&common.namespace, kind, property), &common)
            }
            ("composite", [kind, id]) => {
                let indexes = view.indexes();
                let found = indexes.entity_composites(&common.namespace, kind, common.ancestor.as_ref());
                let found = found.into_iter().find(|(index, _)| index.id.to_string() == *id);
                match found {
                    Some((index, source)) if index.serves(view.read_time()) => {
                        let all = Common { ancestor: None, ..common.copy() };
                        entries(view, &source, &all)
                    }
                    Some(_) => Ok("the index does not serve this time".to_owned()),
                    None => Ok("no such index".to_owned()),
                }
            }
            ("kinds", _) => Ok(view.kinds(&common.namespace)?.join(" ")),
            ("namespaces", _) => Ok(format!("{:?}", view.namespaces()?)),
            ("properties", [kind]) => {
                let properties = view.indexed_properties(&common.namespace, kind)?;
                Ok(lines(properties.iter().map(|(name, classes)| format!("{name} {classes:?}"))))
            }
            (_, _) => Ok("which?".to_owned()),
        })
    }

    fn common(&self, args: &mut ArgumentConsumer<'_>) -> Result<Common, Box<dyn std::error::Error>> {
        let database = self.world.name();
        let ancestor = args.take_key("ancestor").map(|text| words::key(text, database)).transpose()?;
        let mut equal = Vec::new();
        if let Some(text) = args.take_key("equal") {
            push_value(&mut equal, &words::value(read(text, database)?, database)?);
        }
        Ok(Common {
            namespace: args.take_key("ns").unwrap_or("").to_owned(),
            ancestor: ancestor.and_then(|key| key.document_path()),
            direction: match args.take_key("order") {
                Some("desc") => Direction::Descending,
                _ => Direction::Ascending,
            },
            equal,
        })
    }
}

impl Common {
    fn copy(&self) -> Common {
        let Common { namespace, ancestor, direction, equal } = self;
        Common {
            namespace: namespace.clone(),
            ancestor: ancestor.clone(),
            direction: *direction,
            equal: equal.clone(),
        }
    }
}

fn scan(view: &View, kind: &str, common: &Common) -> Result<String, Status> {
    let parent = common.ancestor.clone().unwrap_or_else(|| namespace_path(&common.namespace));
    let parent = Parent::Document(parent);
    let source = match kind {
        "kindless" => NameSource::Kindless { parent },
        kind => NameSource::Group { collection_id: collection_id(kind).into_owned(), parent },
    };
    let mut scan = view.scan_documents(&source, ByteRange::all(), common.direction);
    let mut shown = Vec::new();
    while let Some(row) = scan.next()? {
        shown.push(words::show_entity(&view.entity(row)?)?);
    }
    Ok(if shown.is_empty() { "none".to_owned() } else { lines(shown) })
}

fn entries(view: &View, source: &IndexSource, common: &Common) -> Result<String, Status> {
    let mut prefix = common.equal.clone();
    if let Some(ancestor) = &common.ancestor {
        push_ids(&mut prefix, ancestor.ids());
    }
    let mut scan = view.scan_index(source, ByteRange::prefix(&prefix), common.direction);
    let mut shown = Vec::new();
    while let Some(entry) = scan.next()? {
        let path = scan.path(&entry)?;
        let key = model::entity::Key::of_document_path(view.database(), &path);
        shown.push(key.map_or_else(|| path.to_string(), |key| words::show_key(&key)));
    }
    Ok(if shown.is_empty() { "none".to_owned() } else { shown.join(" ") })
}
