//! Who calls: tokens are verified here, keys issued, roles kept.
