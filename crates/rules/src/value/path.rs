//! Paths: lists of segments.

use std::fmt;
use std::sync::Arc;

use model::DocumentPath;

use crate::names::ROOT;

/// Segments, none of which contains a slash.
#[derive(Clone, Debug)]
pub struct Path {
    segments: Arc<[Arc<str>]>,
    /// Printed with a slash in front. What `{x=**}` is bound to is not.
    absolute: bool,
}

impl Path {
    /// `/a/b`
    pub(crate) fn absolute(segments: impl IntoIterator<Item = Arc<str>>) -> Self {
        Path { segments: segments.into_iter().collect(), absolute: true }
    }

    /// `a/b`
    pub(crate) fn relative(segments: impl IntoIterator<Item = Arc<str>>) -> Self {
        Path { segments: segments.into_iter().collect(), absolute: false }
    }

    /// `/databases/{database}/documents/{ids}`
    pub(crate) fn of_document<'a>(database: &'a str, ids: impl Iterator<Item = &'a str>) -> Self {
        let root = [ROOT.databases.clone(), database.into(), ROOT.documents.clone()];
        Self::absolute(root.into_iter().chain(ids.map(Arc::from)))
    }

    /// Reads `/a/b`; None when a segment is empty. A slash in front may lack, one at the end is ignored.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let legal = inner.split('/').all(|segment| !segment.is_empty());
        legal.then(|| Self::absolute(inner.split('/').map(Arc::from)))
    }

    /// The segments in order.
    pub fn segments(&self) -> &[Arc<str>] {
        &self.segments
    }

    pub(crate) fn weight(&self) -> u64 {
        16 + self.segments.iter().map(|segment| 16 + segment.len() as u64).sum::<u64>()
    }

    /// The document of `database` that the path names, if it names one.
    pub(crate) fn document(&self, database: &str) -> Option<DocumentPath> {
        let (root, ids) = self.segments.split_at_checked(3)?;
        let here = *root[0] == *"databases" && *root[1] == *database && *root[2] == *"documents";
        if !here {
            return None;
        }
        DocumentPath::new(&ids.join("/"))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.absolute {
            f.write_str("/")?;
        }
        f.write_str(&self.segments.join("/"))
    }
}
