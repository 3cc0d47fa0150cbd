//! What a file of cases says: documents that are stored, and requests with what should become of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use model::query::{Direction, FieldOperator, Filter, Order, Selector, StructuredQuery, UnaryOperator};
use model::{DocumentPath, FieldPath, Fields, Parent, Timestamp, Value, body};
use rules::{Auth, Method};
use serde::Deserialize;
use serde_json::Value as Json;

use super::value;
use crate::failure::Failure;

type JsonMap = serde_json::Map<String, Json>;

/// A file of cases.
pub(super) struct Cases {
    /// The rules that it names.
    pub(super) rules: Option<PathBuf>,
    pub(super) documents: BTreeMap<DocumentPath, Bytes>,
    pub(super) cases: Vec<Case>,
}

/// One request, and what should become of it.
pub(super) struct Case {
    pub(super) name: Option<String>,
    /// None for nobody.
    pub(super) auth: Option<Auth>,
    /// None for now.
    pub(super) time: Option<Timestamp>,
    pub(super) asked: Asked,
    pub(super) expect: Expect,
}

/// What is asked for.
pub(super) enum Asked {
    Get(DocumentPath),
    List(Box<StructuredQuery>),
    /// The whole new document.
    Create(DocumentPath, Fields),
    Update(DocumentPath, Change),
    Delete(DocumentPath),
}

/// What an update does to a document.
pub(super) struct Change {
    pub(super) set: Fields,
    pub(super) remove: Vec<String>,
}

/// What should become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Expect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    rules: Option<PathBuf>,
    /// When all cases happen that do not say.
    time: Option<String>,
    #[serde(default)]
    documents: BTreeMap<String, JsonMap>,
    cases: Vec<CaseForm>,
}

#[derive(Deserialize)]
struct CaseForm {
    name: Option<String>,
    #[serde(default, rename = "as")]
    who: Json,
    time: Option<String>,
    expect: Expect,
    #[serde(flatten)]
    asked: JsonMap,
}

impl Cases {
    /// Reads a file. Fails with the place in it, or with the case, that is wrong.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let text = super::read(file)?;
        let wrong = |why: String| Failure::new(format!("{}: {why}", file.display()));
        let form: FileForm = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let usual = form.time.as_deref().map(time).transpose().map_err(wrong)?;
        let documents = form.documents.iter().map(|(path, fields)| {
            let fields = value::fields(fields).map_err(|why| format!("document {path}: {why}"))?;
            Ok((document(path)?, body::encode(&fields)))
        });
        let documents = documents.collect::<Result<_, String>>().map_err(wrong)?;
        let cases =
            form.cases.into_iter().zip(1..).map(|(form, number)| {
                case(form, usual).map_err(|why| wrong(format!("case {number}: {why}")))
            });
        Ok(Cases { rules: form.rules, documents, cases: cases.collect::<Result<_, _>>()? })
    }
}

fn case(form: CaseForm, usual: Option<Timestamp>) -> Result<Case, String> {
    let mut asked = Form(form.asked);
    let case = Case {
        name: form.name,
        auth: auth(&form.who)?,
        time: form.time.as_deref().map(time).transpose()?.or(usual),
        asked: asked.operation()?,
        expect: form.expect,
    };
    match asked.0.keys().next() {
        None => Ok(case),
        Some(key) => Err(format!("`{key}` says nothing here")),
    }
}

/// `null`, a uid, or `{uid: …, claims: {…}}`.
fn auth(who: &Json) -> Result<Option<Auth>, String> {
    let wrong = || format!("as: {who} is nobody; write null, a uid or {{uid: …, claims: {{…}}}}");
    let (uid, claims) = match who {
        Json::Null => return Ok(None),
        Json::String(uid) => (uid, None),
        Json::Object(map) => {
            let uid = map.get("uid").and_then(Json::as_str);
            let claims = map.get("claims").map(|claims| claims.as_object().ok_or_else(wrong)).transpose()?;
            let others = map.keys().any(|key| key != "uid" && key != "claims");
            let Some(Json::String(uid)) = map.get("uid").filter(|_| uid.is_some() && !others) else {
                return Err(wrong());
            };
            (uid, claims)
        }
        Json::Bool(_) | Json::Number(_) | Json::Array(_) => return Err(wrong()),
    };
    let mut token = claims.map(value::fields).transpose()?.unwrap_or_default();
    for name in ["sub", "user_id"] {
        token.entry(name.to_owned()).or_insert_with(|| Value::String(uid.clone()));
    }
    Ok(Some(Auth { uid: uid.as_str().into(), token: Arc::new(token) }))
}

fn time(text: &str) -> Result<Timestamp, String> {
    value::timestamp(text).ok_or_else(|| format!("`{text}` is no time; write it like 2026-01-31T12:00:00Z"))
}

fn document(path: &str) -> Result<DocumentPath, String> {
    DocumentPath::new(path).ok_or_else(|| {
        format!("`{path}` is no path of a document; it has an even number of segments, like users/alice")
    })
}

/// The keys of a case that say what is asked; those that were understood are taken out.
struct Form(JsonMap);

impl Form {
    fn operation(&mut self) -> Result<Asked, String> {
        let named = [Method::Get, Method::List, Method::Create, Method::Update, Method::Delete];
        let mut said = named.into_iter().filter(|method| self.0.contains_key(method.name()));
        let which = "say exactly one of get, list, create, update, delete and group";
        match (said.next(), said.next(), self.0.contains_key("group")) {
            (Some(method), None, false) => {
                let path = self.text(method.name())?.ok_or(which)?;
                self.of(method, &path)
            }
            (None, None, true) => {
                let id = self.text("group")?.ok_or(which)?;
                self.query(Parent::Root, Selector { collection_id: Some(id), all_descendants: true })
            }
            _ => Err(which.to_owned()),
        }
    }

    fn of(&mut self, method: Method, path: &str) -> Result<Asked, String> {
        Ok(match method {
            Method::Get => Asked::Get(document(path)?),
            Method::Delete => Asked::Delete(document(path)?),
            Method::Create => Asked::Create(document(path)?, self.data()?),
            Method::Update => {
                let set = self.data()?;
                let remove = self.strings("remove")?;
                Asked::Update(document(path)?, Change { set, remove })
            }
            Method::List => {
                let (parent, id) = match path.rsplit_once('/') {
                    None => (Parent::Root, path),
                    Some((above, id)) => (Parent::Document(document(above)?), id),
                };
                let from = Selector { collection_id: Some(id.to_owned()), all_descendants: false };
                self.query(parent, from)?
            }
        })
    }

    fn query(&mut self, parent: Parent, from: Selector) -> Result<Asked, String> {
        let conditions = self.0.remove("where").unwrap_or(Json::Array(Vec::new()));
        let conditions = conditions.as_array().ok_or(WHERE)?.iter().map(condition);
        let mut filters = conditions.collect::<Result<Vec<_>, _>>()?;
        let filter = if filters.len() > 1 { Some(Filter::And(filters)) } else { filters.pop() };
        let order_by =
            self.strings("order_by")?.iter().map(|column| order(column)).collect::<Result<_, _>>()?;
        let limit = self.number("limit")?;
        let offset = self.number("offset")?.unwrap_or_default();
        let all = StructuredQuery::all(parent, from);
        Ok(Asked::List(Box::new(StructuredQuery { filter, order_by, limit, offset, ..all })))
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.0.remove(key) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{key}: {other} is no text")),
        }
    }

    fn number(&mut self, key: &str) -> Result<Option<i32>, String> {
        let Some(json) = self.0.remove(key) else { return Ok(None) };
        let number = json.as_i64().and_then(|number| i32::try_from(number).ok());
        number.filter(|number| *number >= 0).map(Some).ok_or_else(|| format!("{key}: {json} is no number"))
    }

    /// A text or a list of them.
    fn strings(&mut self, key: &str) -> Result<Vec<String>, String> {
        let texts = match self.0.remove(key) {
            None => Some(Vec::new()),
            Some(Json::String(text)) => Some(vec![text]),
            Some(Json::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()
            }
            Some(_) => None,
        };
        texts.ok_or_else(|| format!("{key} is a text or a list of texts"))
    }

    fn data(&mut self) -> Result<Fields, String> {
        match self.0.remove("data") {
            None => Ok(Fields::new()),
            Some(Json::Object(map)) => value::fields(&map),
            Some(_) => Err("data is a map of fields".to_owned()),
        }
    }
}

const WHERE: &str = "where is a list of conditions like [public, ==, true]";

fn condition(json: &Json) -> Result<Filter, String> {
    let Some([field, operator, wanted]) = json.as_array().map(Vec::as_slice) else {
        return Err(WHERE.to_owned());
    };
    let (Some(field), Some(operator)) = (field.as_str(), operator.as_str()) else {
        return Err(WHERE.to_owned());
    };
    let path = FieldPath::parse(field).map_err(|refusal| refusal.message)?;
    let wanted = match wanted {
        Json::String(name) if path.is_document_name() => value::reference(name)?,
        other => value::value(other)?,
    };
    let operator = match (operator, &wanted) {
        ("==", Value::Null) => return Ok(Filter::Unary { path, operator: UnaryOperator::IsNull }),
        ("!=", Value::Null) => return Ok(Filter::Unary { path, operator: UnaryOperator::IsNotNull }),
        ("==", _) => FieldOperator::Equal,
        ("!=", _) => FieldOperator::NotEqual,
        ("<", _) => FieldOperator::LessThan,
        ("<=", _) => FieldOperator::LessThanOrEqual,
        (">", _) => FieldOperator::GreaterThan,
        (">=", _) => FieldOperator::GreaterThanOrEqual,
        ("in", _) => FieldOperator::In,
        ("not-in", _) => FieldOperator::NotIn,
        ("array-contains", _) => FieldOperator::ArrayContains,
        ("array-contains-any", _) => FieldOperator::ArrayContainsAny,
        _ => return Err(format!("`{operator}` compares nothing")),
    };
    Ok(Filter::Field { path, operator, value: wanted })
}

fn order(column: &str) -> Result<Order, String> {
    let (field, direction) = match column.split_once(' ') {
        None | Some((_, "asc")) => (column.trim_end_matches(" asc"), Direction::Ascending),
        Some((field, "desc")) => (field, Direction::Descending),
        Some(_) => return Err(format!("order_by: `{column}` is neither a field nor `FIELD desc`")),
    };
    let path = FieldPath::parse(field).map_err(|refusal| refusal.message)?;
    Ok(Order { path, direction })
}
