//! Which method a request means: the table of FIRESTORE.md 3.0.
//!
//! Names of documents are segments of the path. Each is decoded on its own, so a document's id may have
//! any character; an encoded slash stays encoded, since no id can have one. The methods of the Datastore
//! stand on a project: `/v1/projects/{p}:commit`.

use http::Method as Verb;
use percent_encoding::percent_decode_str;
use wire::methods::{Api, METHODS, Method};

const VERSIONS: [&str; 2] = ["/v1/", "/v1beta1/"];
/// Those of the Datastore; the older one has the same messages.
const DATASTORE_VERSIONS: [&str; 2] = ["/v1/projects/", "/v1beta3/projects/"];

/// What is asked.
#[derive(Debug, PartialEq)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Fields of the request that the path gives.
    pub(super) bound: Vec<(&'static str, String)>,
    pub(super) payload: Payload,
}

/// What the body of the request is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Payload {
    /// Not looked at.
    None,
    /// The request, but for what the path gives.
    Request,
    /// Its field `document`.
    Document,
}

/// True when the path is below one of the versions of the API.
pub(crate) fn is_below(path: &str) -> bool {
    VERSIONS.iter().chain(&DATASTORE_VERSIONS).any(|version| path.starts_with(version))
}

/// Finds the method, if the path is one of the API's.
pub(super) fn find(verb: &Verb, path: &str) -> Option<Route> {
    if let Some(route) = of_project(verb, path) {
        return Some(route);
    }
    let resource = VERSIONS.iter().find_map(|version| path.strip_prefix(version))?;
    let (resource, custom) = match verb {
        &Verb::POST => split_custom(resource),
        _ => (resource, None),
    };
    let segments: Vec<_> = resource.split('/').map(decoded).collect::<Option<_>>()?;
    let at = Place::of(&segments)?;
    match (verb, custom) {
        (&Verb::POST, Some(method)) => at.called(method),
        (&Verb::POST, None) => at.created(),
        (&Verb::GET, _) => Some(at.got()),
        (&Verb::PATCH, _) => Some(at.named(Method::UpdateDocument, "document.name", Payload::Document)),
        (&Verb::DELETE, _) => Some(at.named(Method::DeleteDocument, "name", Payload::None)),
        _ => None,
    }
}

/// A method of the Datastore, whose address names the project; the database stands in the body.
fn of_project(verb: &Verb, path: &str) -> Option<Route> {
    let resource = DATASTORE_VERSIONS.iter().find_map(|version| path.strip_prefix(version))?;
    // A project may have a domain, and a colon behind it.
    let (project, called) = resource.rsplit_once(':').filter(|_| verb == Verb::POST)?;
    let is_it = |name: &str| {
        let (first, rest) = name.split_at(1);
        called.strip_prefix(&*first.to_ascii_lowercase()) == Some(rest)
    };
    let of_datastore = METHODS.iter().filter(|definition| definition.api == Api::Datastore);
    let method = of_datastore.into_iter().find(|definition| is_it(definition.name))?.method;
    let project = (!project.contains('/')).then(|| decoded(project))??;
    Some(Route { method, bound: vec![("project_id", project)], payload: Payload::Request })
}

/// The custom verb behind the last colon of the last segment; an id may have colons too.
fn split_custom(resource: &str) -> (&str, Option<Method>) {
    let last = resource.rfind('/').map_or(0, |slash| slash + 1);
    let method = resource[last..].rfind(':').and_then(|colon| {
        let (resource, custom) = resource.split_at(last + colon);
        custom_method(&custom[1..]).map(|method| (resource, Some(method)))
    });
    method.unwrap_or((resource, None))
}

fn custom_method(name: &str) -> Option<Method> {
    match name {
        "batchGet" => Some(Method::BatchGetDocuments),
        "beginTransaction" => Some(Method::BeginTransaction),
        "commit" => Some(Method::Commit),
        "rollback" => Some(Method::Rollback),
        "batchWrite" => Some(Method::BatchWrite),
        "runQuery" => Some(Method::RunQuery),
        "runAggregationQuery" => Some(Method::RunAggregationQuery),
        "executePipeline" => Some(Method::ExecutePipeline),
        "partitionQuery" => Some(Method::PartitionQuery),
        "listCollectionIds" => Some(Method::ListCollectionIds),
        "write" => Some(Method::Write),
        "listen" => Some(Method::Listen),
        _ => None,
    }
}

/// None when it is no UTF-8.
fn decoded(segment: &str) -> Option<String> {
    let segment = segment.replace("%2f", "%2F");
    let pieces = segment.split("%2F").map(|piece| percent_decode_str(piece).decode_utf8().ok());
    Some(pieces.collect::<Option<Vec<_>>>()?.join("%2F"))
}

/// `projects/{p}/databases/{d}/documents` and what is below it.
struct Place<'a> {
    all: &'a [String],
    below: &'a [String],
}

impl<'a> Place<'a> {
    fn of(all: &'a [String]) -> Option<Self> {
        match all {
            [projects, _, databases, _, documents, below @ ..]
                if projects == "projects" && databases == "databases" && documents == "documents" =>
            {
                Some(Place { all, below })
            }
            _ => None,
        }
    }

    fn name(&self) -> String {
        self.all.join("/")
    }

    fn named(&self, method: Method, field: &'static str, payload: Payload) -> Route {
        Route { method, bound: vec![(field, self.name())], payload }
    }

    /// The last segment as the id of a collection, and what it is in.
    fn in_collection(&self, method: Method, payload: Payload) -> Option<Route> {
        let (collection, _) = self.below.split_last()?;
        let parent = self.all[..self.all.len() - 1].join("/");
        let bound = vec![("parent", parent), ("collection_id", collection.clone())];
        Some(Route { method, bound, payload })
    }

    /// A collection has an odd number of segments, a document an even one.
    fn got(&self) -> Route {
        let list =
            (self.below.len() % 2 == 1).then(|| self.in_collection(Method::ListDocuments, Payload::None));
        list.flatten().unwrap_or_else(|| self.named(Method::GetDocument, "name", Payload::None))
    }

    fn created(&self) -> Option<Route> {
        self.in_collection(Method::CreateDocument, Payload::Document)
    }

    /// A custom verb: of the whole database, or of whatever holds collections.
    fn called(&self, method: Method) -> Option<Route> {
        match method {
            Method::RunQuery
            | Method::RunAggregationQuery
            | Method::PartitionQuery
            | Method::ListCollectionIds => Some(self.named(method, "parent", Payload::Request)),
            Method::BatchGetDocuments
            | Method::BeginTransaction
            | Method::Commit
            | Method::Rollback
            | Method::BatchWrite
            | Method::ExecutePipeline
            | Method::Write
            | Method::Listen => self.below.is_empty().then(|| {
                let database = self.all[..self.all.len() - 1].join("/");
                Route { method, bound: vec![("database", database)], payload: Payload::Request }
            }),
            // These have no custom verb.
            Method::GetDocument
            | Method::ListDocuments
            | Method::CreateDocument
            | Method::UpdateDocument
            | Method::DeleteDocument => None,
            // These are no methods of documents.
            Method::Lookup
            | Method::QueryEntities
            | Method::AggregateEntities
            | Method::BeginForEntities
            | Method::CommitEntities
            | Method::RollbackEntities
            | Method::AllocateIds
            | Method::ReserveIds => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "projects/p/databases/(default)/documents";

    fn found(request: &str) -> String {
        let (verb, path) = request.split_once(' ').expect("a verb and a path");
        let path = path.replace("ROOT", ROOT);
        match find(&verb.parse().expect("a verb"), &path) {
            None => "nothing".to_owned(),
            Some(route) => {
                let bound = route.bound.iter().map(|(field, value)| format!(" {field}={value}"));
                format!("{}{}", route.method.name(), bound.collect::<String>()).replace(ROOT, "ROOT")
            }
        }
    }

    #[test]
    fn every_method_has_its_path() {
        let database = "database=projects/p/databases/(default)";
        let table = [
            ("POST /v1/projects/p:lookup", "Lookup project_id=p".to_owned()),
            ("POST /v1beta3/projects/example.com:p:runQuery", "RunQuery project_id=example.com:p".to_owned()),
            ("POST /v1/projects/p:allocateIds", "AllocateIds project_id=p".to_owned()),
            ("POST /v1/projects/p:Lookup", "nothing".to_owned()),
            ("GET /v1/projects/p:lookup", "nothing".to_owned()),
            ("GET /v1/ROOT/c/d", "GetDocument name=ROOT/c/d".to_owned()),
            ("GET /v1beta1/ROOT/c/d/e/f", "GetDocument name=ROOT/c/d/e/f".to_owned()),
            ("GET /v1/ROOT/c", "ListDocuments parent=ROOT collection_id=c".to_owned()),
            ("GET /v1/ROOT/c/d/e", "ListDocuments parent=ROOT/c/d collection_id=e".to_owned()),
            ("GET /v1/ROOT/", "ListDocuments parent=ROOT collection_id=".to_owned()),
            ("POST /v1/ROOT/c", "CreateDocument parent=ROOT collection_id=c".to_owned()),
            ("POST /v1/ROOT/c/d/e", "CreateDocument parent=ROOT/c/d collection_id=e".to_owned()),
            ("PATCH /v1/ROOT/c/d", "UpdateDocument document.name=ROOT/c/d".to_owned()),
            ("DELETE /v1/ROOT/c/d", "DeleteDocument name=ROOT/c/d".to_owned()),
            ("POST /v1/ROOT:batchGet", format!("BatchGetDocuments {database}")),
            ("POST /v1/ROOT:beginTransaction", format!("BeginTransaction {database}")),
            ("POST /v1/ROOT:commit", format!("Commit {database}")),
            ("POST /v1/ROOT:rollback", format!("Rollback {database}")),
            ("POST /v1/ROOT:batchWrite", format!("BatchWrite {database}")),
            ("POST /v1/ROOT:executePipeline", format!("ExecutePipeline {database}")),
            ("POST /v1/ROOT:write", format!("Write {database}")),
            ("POST /v1/ROOT:listen", format!("Listen {database}")),
            ("POST /v1/ROOT:runQuery", "RunQuery parent=ROOT".to_owned()),
            ("POST /v1/ROOT/c/d:runQuery", "RunQuery parent=ROOT/c/d".to_owned()),
            ("POST /v1/ROOT/c/d:runAggregationQuery", "RunAggregationQuery parent=ROOT/c/d".to_owned()),
            ("POST /v1/ROOT:partitionQuery", "PartitionQuery parent=ROOT".to_owned()),
            ("POST /v1/ROOT/c/d:listCollectionIds", "ListCollectionIds parent=ROOT/c/d".to_owned()),
        ];
        for (request, expected) in table {
            assert_eq!(found(request), expected, "{request}");
        }
    }

    #[test]
    fn ids_may_have_any_character() {
        let table = [
            ("GET /v1/ROOT/c/so!%40%23", "GetDocument name=ROOT/c/so!@#"),
            ("GET /v1/ROOT/c/a%2Fb%2fc", "GetDocument name=ROOT/c/a%2Fb%2Fc"),
            ("GET /v1/ROOT/c/a+b%20c%C3%A9", "GetDocument name=ROOT/c/a+b cé"),
            ("GET /v1/ROOT/c/a:commit", "GetDocument name=ROOT/c/a:commit"),
            ("POST /v1/ROOT/c/a:b:listCollectionIds", "ListCollectionIds parent=ROOT/c/a:b"),
            ("POST /v1/ROOT/c:d", "CreateDocument parent=ROOT collection_id=c:d"),
            (
                "POST /v1/ROOT/c/d%3AlistCollectionIds/e",
                "CreateDocument parent=ROOT/c/d:listCollectionIds collection_id=e",
            ),
            ("GET /v1/projects/p/databases/%28default%29/documents/c/d", "GetDocument name=ROOT/c/d"),
        ];
        for (request, expected) in table {
            assert_eq!(found(request), expected, "{request}");
        }
    }

    #[test]
    fn other_paths_are_nothing() {
        let requests = [
            "GET /v2/ROOT/c/d",
            "GET /v1/projects/p/databases/d",
            "GET /v1/projects/p/documents/c/d/e",
            "POST /v1/ROOT",
            "POST /v1/ROOT/c/d:commit",
            "PUT /v1/ROOT/c/d",
            "GET /v1/",
            "GET /v1/ROOT/c/%ff",
        ];
        for request in requests {
            assert_eq!(found(request), "nothing", "{request}");
        }
    }
}
