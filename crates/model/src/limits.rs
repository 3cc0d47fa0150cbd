//! Every limit of the Firestore API in one place, each with its source.
//!
//! Sources are the public quota pages and recorded production answers; texts that a broken limit
//! answers with stand where the limit is checked.

/// Bytes of one collection id, document id, field name or field path.
pub const MAX_ID_BYTES: usize = 1_500;
/// Bytes of a document's path relative to the database (quota page: "document name, 6 KiB").
pub const MAX_DOCUMENT_PATH_BYTES: usize = 6_144;
/// Subcollection depth: (collection, id) pairs in one path.
pub const MAX_PATH_DEPTH: usize = 100;
/// Bytes of one document by the storage-size formula of [`crate::size`].
pub const MAX_DOCUMENT_BYTES: usize = 1_048_576;
/// Bytes of one string or bytes value (1 MiB − 89).
pub const MAX_VALUE_BYTES: usize = 1_048_487;
/// Maps and arrays nested below a field.
pub const MAX_DEPTH: usize = 20;
/// Bytes of a string or bytes value that an index keeps; the rest is cut, not refused.
pub const MAX_INDEXED_VALUE_BYTES: usize = 1_500;
/// Index entries of one document over all its indexes.
pub const MAX_INDEX_ENTRIES: usize = 40_000;
/// Bytes of one index entry.
pub const MAX_INDEX_ENTRY_BYTES: usize = 7_680;
/// Fields of a composite index.
pub const MAX_INDEX_FIELDS: usize = 100;
/// Bytes of one API request.
pub const MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;
/// Writes in one BatchWrite request.
pub const MAX_BATCH_WRITES: usize = 500;
/// Field transforms of one document in one commit.
pub const MAX_TRANSFORMS_PER_DOCUMENT: usize = 500;
/// Values of `IN` and `ARRAY_CONTAINS_ANY`.
pub const MAX_IN_VALUES: usize = 30;
/// Values of `NOT_IN`.
pub const MAX_NOT_IN_VALUES: usize = 10;
/// Disjunctions after normalisation.
pub const MAX_DISJUNCTIONS: usize = 30;
/// Distinct fields under inequality filters.
pub const MAX_INEQUALITY_FIELDS: usize = 10;
/// Filters of all disjuncts, sort orders and the ancestor, together.
pub const MAX_QUERY_COMPONENTS: usize = 100;
/// Aggregations of one aggregation query.
pub const MAX_AGGREGATIONS: usize = 5;
/// Results of one nearest-neighbour query.
pub const MAX_NEAREST_RESULTS: i32 = 1_000;
/// Dimensions of a vector.
pub const MAX_VECTOR_DIMENSIONS: usize = 2_048;
/// Documents on one page of ListDocuments.
pub const MAX_LIST_PAGE: i32 = 300;
