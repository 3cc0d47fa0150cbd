//! Which plans are short: they need about as many reads as they have results, and have few. Whoever runs one may do it
//! where it stands, for handing it to another thread takes longer than answering it.

use database::NameSource;

use super::{Node, Plan};

/// Results that are few.
const FEW: u64 = 32;

/// True when a window ends after few rows.
pub(crate) fn is_few(offset: u64, limit: Option<u64>) -> bool {
    limit.is_some_and(|limit| offset.saturating_add(limit) <= FEW)
}

impl Plan {
    /// See the module.
    pub fn is_short(&self) -> bool {
        self.root.is_short()
    }
}

impl Node {
    fn is_short(&self) -> bool {
        match self {
            Node::Nothing => true,
            Node::Page { input, offset, limit } => is_few(*offset, *limit) && input.is_direct(),
            Node::Fetch(input) | Node::Project { input, .. } => input.is_short(),
            Node::Names(_)
            | Node::Index(_)
            | Node::Merge(_)
            | Node::Union(_)
            | Node::Filter(_)
            | Node::Sort { .. }
            | Node::Having { .. }
            | Node::Nearest { .. } => false,
        }
    }

    /// True when each row that is read comes out of it.
    pub(crate) fn is_direct(&self) -> bool {
        match self {
            Node::Nothing => true,
            Node::Index(read) => !read.is_selective(),
            Node::Names(read) => match read.source {
                NameSource::Collection(_) | NameSource::Group { .. } => true,
                NameSource::Kindless { .. } | NameSource::Children { .. } => false,
            },
            Node::Fetch(input) => input.is_direct(),
            Node::Merge(_)
            | Node::Union(_)
            | Node::Filter(_)
            | Node::Sort { .. }
            | Node::Having { .. }
            | Node::Page { .. }
            | Node::Nearest { .. }
            | Node::Project { .. } => false,
        }
    }
}
