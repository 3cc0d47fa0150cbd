//! Documents over bytes: key space, catalog, indexes, transactions, the committer, the change log.
