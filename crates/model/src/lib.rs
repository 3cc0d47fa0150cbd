//! The vocabulary of Irori: values, documents, paths, their order and their bytes.
//!
//! Suggested reading: [`value`] and [`path`] say what things are, [`order`] how they compare,
//! [`encoding`] the bytes whose order is that order, [`body`] the bytes a document is stored as.
//! Nothing here does I/O, and nothing here knows a wire: generated protobuf types stay in `wire`.

pub mod body;
pub mod calendar;
pub mod document;
pub mod encoding;
pub mod entity;
pub mod field_path;
pub mod limits;
pub mod order;
pub mod path;
pub mod principal;
pub mod query;
pub mod size;
pub mod status;
pub mod timestamp;
pub mod validate;
pub mod value;
pub mod write;

mod resource_name;

pub use document::Document;
pub use field_path::FieldPath;
pub use path::{CollectionPath, DatabaseName, DocumentName, DocumentPath, Parent};
pub use principal::Principal;
pub use status::{Code, Status};
pub use timestamp::Timestamp;
pub use value::{Fields, GeoPoint, Value};
