//! Reads: documents, scans in the order of names, index scans, names.

use database::{ByteRange, NameSource, Scope, SingleFieldKind, View};
use goldenscript::ArgumentConsumer;
use model::encoding::{push_id, push_ids, push_index_value};
use model::query::Direction;
use model::{CollectionPath, Document, DocumentPath, FieldPath, Parent, Status};

use super::writes::path;
use super::{Output, Script};
use crate::notation::{self, lines, show_fields, show_time};

/// What `scan` and `index` have in common.
struct Bounds {
    range: ByteRange,
    direction: Direction,
    limit: usize,
    seek: Option<Vec<u8>>,
}

impl Script {
    pub(super) fn read_command(&mut self, client: &str, name: &str, args: ArgumentConsumer<'_>) -> Output {
        match name {
            "get" => self.get(client, args),
            "scan" => self.scan(client, args),
            "index" => self.index(client, args),
            "ids" => self.ids(client, args),
            "names" => self.names(client, args),
            _ => {
                self.read(client, name, args, |view| Ok(format!("read time {}", show_time(view.read_time()))))
            }
        }
    }

    fn get(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let mut paths: Vec<DocumentPath> = Vec::new();
        while let Some(text) = args.next_pos() {
            paths.push(path(text)?);
        }
        let what = paths.iter().fold("get".to_owned(), |what, path| format!("{what} {path}"));
        self.read(client, &what, args, move |view| {
            let shown = paths.iter().map(|path| match view.get(path)? {
                Some(document) => show_document(&document),
                None => Ok(format!("{path} none")),
            });
            Ok(lines(shown.collect::<Result<Vec<_>, _>>()?))
        })
    }

    fn scan(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let parent = parent(args.take_key("parent"))?;
        let source = match (args.take_key("collection"), args.take_key("group")) {
            (Some(path), _) => NameSource::Collection(collection(path)?),
            (None, Some(id)) => NameSource::Group { collection_id: id.to_owned(), parent },
            (None, None) => match args.next_pos() {
                Some("kindless") => NameSource::Kindless { parent },
                Some("children") => NameSource::Children { parent },
                _ => return Err("what is to be scanned".into()),
            },
        };
        let by_id = matches!(source, NameSource::Collection(_));
        let bounds = bounds(&mut args, |name| {
            let mut bytes = Vec::new();
            if by_id {
                push_id(&mut bytes, name)
            } else {
                push_ids(&mut bytes, name.split('/'))
            }
            Ok(bytes)
        })?;
        self.read(client, "scan", args, move |view| {
            let mut scan = view.scan_documents(&source, bounds.range.clone(), bounds.direction);
            let mut shown = Vec::new();
            while shown.len() < bounds.limit
                && let Some(document) = scan.next()?
            {
                shown.push(show_document(&document)?);
                if let (1, Some(seek)) = (shown.len(), &bounds.seek) {
                    scan.seek(seek)?;
                }
            }
            Ok(or_none(shown))
        })
    }

    fn index(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let scope = match args.take_key("group") {
            Some(id) => Scope::Group { collection_id: id.to_owned() },
            None => Scope::Collection(collection(args.next_pos().ok_or("a collection")?)?),
        };
        let id: Option<u32> = args.take_key("id").map(str::parse).transpose()?;
        let field = match id {
            Some(_) => None,
            None => Some(FieldPath::parse(args.next_pos().ok_or("a field")?)?),
        };
        let database = self.world.name().clone();
        let encode = |text: &str| {
            let mut bytes = Vec::new();
            push_index_value(&mut bytes, &notation::read(text, &database)?);
            Ok(bytes)
        };
        let equal = args.take_key("equal").map(encode).transpose()?;
        let mut bounds = bounds(&mut args, encode)?;
        if let Some(equal) = equal {
            bounds.range = ByteRange::prefix(&equal);
        }
        let kind = match args.next_pos() {
            Some("contains") => SingleFieldKind::Contains,
            _ => SingleFieldKind::Ordered,
        };
        self.read(client, "index", args, move |view| {
            scan_index(view, &scope, id, field.as_ref(), kind, &bounds)
        })
    }

    fn ids(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let parent = parent(args.next_pos())?;
        self.read(client, "ids", args, move |view| Ok(or_none(view.collection_ids(&parent)?)))
    }

    fn names(&mut self, client: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let collection = collection(args.next_pos().ok_or("a collection")?)?;
        let from = args.take_key("from").map(str::to_owned);
        self.read(client, "names", args, move |view| {
            let mut scan = view.scan_names(&collection, from.as_deref());
            let mut names = Vec::new();
            while let Some((path, document)) = scan.next()? {
                names.push(format!("{path}{}", if document.is_some() { "" } else { " (missing)" }));
            }
            Ok(or_none(names))
        })
    }
}

fn scan_index(
    view: &View,
    scope: &Scope,
    id: Option<u32>,
    field: Option<&FieldPath>,
    kind: SingleFieldKind,
    bounds: &Bounds,
) -> Result<String, Status> {
    let indexes = view.indexes();
    let composite = id.and_then(|id| indexes.composites(scope).into_iter().find(|(index, _)| index.id == id));
    let single = field.and_then(|field| indexes.single_field(scope, field, kind));
    let (source, declared) = match (composite, single) {
        (Some((index, source)), _) => (source, Some(index)),
        (None, Some((source, declared))) => (source, declared),
        (None, None) => return Ok("no such index".to_owned()),
    };
    if declared.is_some_and(|index| !index.serves(view.read_time())) {
        return Ok("the index does not serve this time".to_owned());
    }
    let mut scan = view.scan_index(&source, bounds.range.clone(), bounds.direction);
    let mut shown = Vec::new();
    while shown.len() < bounds.limit
        && let Some(entry) = scan.next()?
    {
        shown.push(entry.path(&source)?.to_string());
        if let (1, Some(seek)) = (shown.len(), &bounds.seek) {
            scan.seek(seek)?;
        }
    }
    Ok(if shown.is_empty() { "none".to_owned() } else { shown.join(" ") })
}

fn bounds(
    args: &mut ArgumentConsumer<'_>,
    encode: impl Fn(&str) -> Result<Vec<u8>, Box<dyn std::error::Error>>,
) -> Result<Bounds, Box<dyn std::error::Error>> {
    let start = args.take_key("from").map(&encode).transpose()?.unwrap_or_default();
    let end = args.take_key("to").map(&encode).transpose()?;
    let seek = args.take_key("seek").map(&encode).transpose()?;
    let limit = args.take_key("limit").map_or(Ok(usize::MAX), str::parse)?;
    let direction = match args.take_key("order") {
        Some("desc") => Direction::Descending,
        _ => Direction::Ascending,
    };
    Ok(Bounds { range: ByteRange { start, end }, direction, limit, seek })
}

fn show_document(document: &Document) -> Result<String, Status> {
    let fields = document.fields().map_err(|error| Status::internal(error.to_string()))?;
    let times = if document.create_time == document.update_time {
        show_time(document.update_time)
    } else {
        format!("{}..{}", show_time(document.create_time), show_time(document.update_time))
    };
    Ok(format!("{} {times} {}", document.path, show_fields(&fields)))
}

fn or_none(found: Vec<String>) -> String {
    if found.is_empty() { "none".to_owned() } else { lines(found) }
}

fn parent(text: Option<&str>) -> Result<Parent, String> {
    text.map_or(Ok(Parent::Root), |text| path(text).map(Parent::Document))
}

fn collection(text: &str) -> Result<CollectionPath, String> {
    CollectionPath::new(text).ok_or_else(|| format!("{text} is not a collection's path"))
}
