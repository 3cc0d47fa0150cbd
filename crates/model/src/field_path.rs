//! Paths to fields: dot-separated names, quoted with backticks where they are not simple.

use std::fmt;

use crate::Status;
use crate::limits::MAX_ID_BYTES;

/// The pseudo field that stands for the document's name.
pub const NAME_FIELD: &str = "__name__";

/// The names from the document down to the field; never empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// From names as they are; `None` when there are none or one is empty.
    pub fn new(segments: Vec<String>) -> Option<Self> {
        let legal = !segments.is_empty() && segments.iter().all(|segment| !segment.is_empty());
        legal.then_some(FieldPath(segments))
    }

    /// One name that is taken literally, dots and all.
    pub fn single(name: &str) -> Self {
        FieldPath(vec![name.to_owned()])
    }

    /// `__name__`.
    pub fn document_name() -> Self {
        Self::single(NAME_FIELD)
    }

    /// True for `__name__`.
    pub fn is_document_name(&self) -> bool {
        self.0.len() == 1 && self.0[0] == NAME_FIELD
    }

    /// Reads the quoted grammar of the API; INVALID_ARGUMENT with production's text otherwise.
    /// Reserved names are legal here: see [`FieldPath::check_not_reserved`].
    pub fn parse(text: &str) -> Result<Self, Status> {
        if text.is_empty() {
            return Err(Status::invalid_argument("Invalid empty property path string."));
        }
        if text.len() > MAX_ID_BYTES {
            return Err(Status::invalid_argument(format!(
                "property path is longer than {MAX_ID_BYTES} bytes."
            )));
        }
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = read_segment(rest).ok_or_else(|| malformed(text))?;
            segments.push(segment);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(FieldPath(segments)),
                None => return Err(malformed(text)),
            }
        }
    }

    /// Refuses names of the form `__x__` (other than `__name__` on its own).
    pub fn check_not_reserved(&self) -> Result<(), Status> {
        match self.0.iter().find(|segment| is_reserved_field(segment)) {
            Some(segment) if !self.is_document_name() => {
                Err(Status::invalid_argument(format!("Invalid reserved name in field path {segment}")))
            }
            _ => Ok(()),
        }
    }

    /// The names from the document down.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The top-level field that the path goes through.
    pub fn first(&self) -> &str {
        &self.0[0]
    }

    /// True when `self` is `other` or an ancestor of it.
    pub fn is_prefix_of(&self, other: &FieldPath) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// True for names that documents must not use.
pub fn is_reserved_field(name: &str) -> bool {
    name.len() >= 4 && name.starts_with("__") && name.ends_with("__")
}

fn malformed(text: &str) -> Status {
    Status::invalid_argument(format!(
        "Invalid property path \"{text}\". Unquoted property paths must match regex \
         ([a-zA-Z_][a-zA-Z_0-9]*), and quoted property paths must match regex (`(?:[^`\\\\]|(?:\\\\.))+`)"
    ))
}

fn is_simple(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The first segment of `text` and what follows it.
fn read_segment(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('`') else {
        let end = text.find('.').unwrap_or(text.len());
        let (segment, after) = text.split_at(end);
        return is_simple(segment).then(|| (segment.to_owned(), after));
    };
    let mut segment = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '`' if segment.is_empty() => return None,
            '`' => return Some((segment, &quoted[at + 1..])),
            '\\' => segment.push(chars.next()?.1),
            c => segment.push(c),
        }
    }
    None
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, segment) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            if is_simple(segment) {
                f.write_str(segment)?;
            } else {
                write!(f, "`{}`", segment.replace('\\', "\\\\").replace('`', "\\`"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        for names in [vec!["a"], vec!["a", "b_1"], vec!["x&y", "z.`\\"], vec!["日本", ""]] {
            let names: Vec<String> = names.into_iter().filter(|n| !n.is_empty()).map(str::to_owned).collect();
            let path = FieldPath::new(names).expect("not empty");
            assert_eq!(FieldPath::parse(&path.to_string()).expect("prints what it reads"), path);
        }
    }

    #[test]
    fn malformed_paths_are_refused() {
        for text in ["a..b", ".a", "a.", "1a", "a b", "`a", "``", "`a`b", "a.`b"] {
            let error = FieldPath::parse(text).expect_err(text);
            assert!(error.message.starts_with(&format!("Invalid property path \"{text}\". Unquoted")));
        }
        let error = FieldPath::parse("").expect_err("empty");
        assert_eq!(error.message, "Invalid empty property path string.");
    }
}
