//! The vocabulary: values, documents, paths, their order and their bytes.
