//! Names that every decision uses, made once.

use std::sync::{Arc, LazyLock};

use crate::syntax::Name;

/// Keys of `request`.
pub(crate) struct RequestKeys {
    pub auth: Name,
    pub method: Name,
    pub path: Name,
    pub time: Name,
    pub query: Name,
    pub resource: Name,
}

/// Keys of a document and of `request.auth`.
pub(crate) struct ObjectKeys {
    pub data: Name,
    pub id: Name,
    pub name: Name,
    pub uid: Name,
    pub token: Name,
}

/// What stands around the id of the database in every path.
pub(crate) struct Root {
    pub databases: Name,
    pub documents: Name,
}

pub(crate) static REQUEST: LazyLock<RequestKeys> = LazyLock::new(|| RequestKeys {
    auth: Arc::from("auth"),
    method: Arc::from("method"),
    path: Arc::from("path"),
    time: Arc::from("time"),
    query: Arc::from("query"),
    resource: Arc::from("resource"),
});

pub(crate) static OBJECT: LazyLock<ObjectKeys> = LazyLock::new(|| ObjectKeys {
    data: Arc::from("data"),
    id: Arc::from("id"),
    name: Arc::from("__name__"),
    uid: Arc::from("uid"),
    token: Arc::from("token"),
});

pub(crate) static ROOT: LazyLock<Root> =
    LazyLock::new(|| Root { databases: Arc::from("databases"), documents: Arc::from("documents") });
