//! What names stand for: variables in sight, and what is built in.

use crate::syntax::Name;

/// Variables that an expression sees.
pub(super) struct Names {
    captures: Vec<Name>,
    /// Parameters and bindings, and whether something uses them.
    locals: Vec<(Name, bool)>,
}

impl Names {
    pub fn new(captures: &[Name]) -> Self {
        Names { captures: captures.to_vec(), locals: Vec::new() }
    }

    pub fn push(&mut self, name: Name) {
        self.locals.push((name, false));
    }

    /// Looks for a variable and notes that it is used.
    pub fn find(&mut self, name: &str) -> bool {
        if let Some((_, used)) = self.locals.iter_mut().rev().find(|(local, _)| **local == *name) {
            *used = true;
            return true;
        }
        matches!(name, "request" | "resource") || self.captures.iter().any(|capture| **capture == *name)
    }

    /// True for a name that the file gives, which hides a namespace.
    pub fn is_local(&self, name: &str) -> bool {
        let local = self.locals.iter().any(|(local, _)| **local == *name);
        local || self.captures.iter().any(|capture| **capture == *name)
    }

    pub fn unused(&self) -> impl Iterator<Item = &Name> {
        self.locals.iter().filter(|(_, used)| !used).map(|(name, _)| name)
    }
}

/// How many arguments a built-in function takes.
pub(super) fn built_in(name: &str) -> Option<usize> {
    match name {
        "bool" | "int" | "float" | "string" | "path" | "debug" => Some(1),
        "get" | "exists" | "getAfter" | "existsAfter" => Some(1),
        _ => None,
    }
}

/// True for what stands before a dot without being a variable.
pub(crate) fn is_namespace(name: &str) -> bool {
    matches!(name, "duration" | "hashing" | "latlng" | "math" | "timestamp")
}

/// True when some type has a method of that name.
pub(super) fn is_method(name: &str) -> bool {
    const METHODS: [&str; 45] = [
        "addedKeys",
        "affectedKeys",
        "bind",
        "changedKeys",
        "concat",
        "date",
        "day",
        "dayOfWeek",
        "dayOfYear",
        "diff",
        "difference",
        "distance",
        "get",
        "hasAll",
        "hasAny",
        "hasOnly",
        "hours",
        "intersection",
        "join",
        "keys",
        "latitude",
        "longitude",
        "lower",
        "matches",
        "minutes",
        "month",
        "nanos",
        "removeAll",
        "removedKeys",
        "replace",
        "seconds",
        "size",
        "split",
        "time",
        "toBase64",
        "toHexString",
        "toMillis",
        "toSet",
        "toUtf8",
        "trim",
        "unchangedKeys",
        "union",
        "upper",
        "values",
        "year",
    ];
    METHODS.contains(&name)
}
