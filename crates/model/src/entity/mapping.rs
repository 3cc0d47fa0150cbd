//! Entities as documents and documents as entities: what `--cross-api` shows to the API of the other mode.
//!
//! The tables are those of Google's documentation on keys and of its emulator's import of entities. Names stand in
//! `names`, values in `values`. Only the default namespace has documents; what has no counterpart is an error that names
//! it.

mod names;
mod values;

pub use names::{document_path_of, key_of};
pub use values::{fields_of, indexed_property_of, properties_of, value_of};

#[cfg(test)]
mod tests;
