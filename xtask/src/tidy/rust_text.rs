//! A Rust file as the checks see it: its code without comments and literals, and which lines only tests compile.
//!
//! This is a scanner, not a parser: it knows where comments, strings and character literals begin and end, so that
//! braces can be counted, and nothing else of the language.

use std::path::PathBuf;

/// One source file.
pub struct RustText {
    pub path: PathBuf,
    pub text: String,
    /// The same lines, with comments and the insides of literals blanked out.
    code: Vec<String>,
    /// For each line, whether it belongs to an item under `#[cfg(test)]`.
    test_only: Vec<bool>,
}

impl RustText {
    pub fn new(path: PathBuf, text: String) -> Self {
        let code: Vec<String> = blank_comments_and_literals(&text).lines().map(str::to_owned).collect();
        let whole_file = is_test_path(&path);
        let test_only = if whole_file { vec![true; code.len()] } else { mark_test_items(&code) };
        RustText { path, text, code, test_only }
    }

    /// Line numbers (from 1) and code of the lines that are not only for tests.
    pub fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().zip(&self.test_only).enumerate();
        lines.filter(|(_, (_, test_only))| !**test_only).map(|(index, (line, _))| (index + 1, line.as_str()))
    }

    /// The line with its comments, by number from 1.
    pub fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number - 1).unwrap_or_default()
    }

    /// Whether the code, tests included, holds this word.
    pub fn has_word(&self, word: &str) -> bool {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        self.code.iter().any(|line| line.split(|c| !is_part(c)).any(|candidate| candidate == word))
    }
}

fn is_test_path(path: &std::path::Path) -> bool {
    let in_test_directory = path.components().any(|part| {
        let name = part.as_os_str();
        name == "tests" || name == "benches" || name == "fuzz"
    });
    in_test_directory || path.file_name().is_some_and(|name| name == "tests.rs")
}

/// Marks each `#[cfg(test)]` line and the item after it: up to its closing brace, or its semicolon.
fn mark_test_items(code: &[String]) -> Vec<bool> {
    let mut marks = vec![false; code.len()];
    let mut index = 0;
    while index < code.len() {
        if code[index].trim_start().starts_with("#[cfg(test)]") {
            let end = end_of_item(code, index);
            marks[index..=end].fill(true);
            index = end;
        }
        index += 1;
    }
    marks
}

fn end_of_item(code: &[String], start: usize) -> usize {
    let mut depth = 0usize;
    for (index, line) in code.iter().enumerate().skip(start) {
        for character in line.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth <= 1 => return index,
                '}' => depth -= 1,
                ';' if depth == 0 => return index,
                _ => {}
            }
        }
    }
    code.len() - 1
}

/// Replaces comments and the contents of string and character literals by spaces; line ends stay.
fn blank_comments_and_literals(text: &str) -> String {
    let mut scanner = Scanner { rest: text, out: String::with_capacity(text.len()) };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
}

impl Scanner<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment_length(rest));
        } else if let Some(length) = raw_string_length(rest).filter(|_| !self.after_word()) {
            self.blank(length);
        } else if rest.starts_with('"') {
            self.blank(quoted_length(rest, '"'));
        } else if is_character_literal(rest) {
            self.blank(quoted_length(rest, '\''));
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            self.out.push_str(&rest[..length]);
            self.rest = &rest[length..];
        }
    }

    fn after_word(&self) -> bool {
        self.out.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_')
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        self.out.extend(gone.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a raw string (`r"…"`, `br#"…"#`) that starts here.
fn raw_string_length(text: &str) -> Option<usize> {
    let unprefixed =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let unhashed = unprefixed.trim_start_matches('#');
    let body = unhashed.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(unprefixed.len() - unhashed.len()));
    let end = body.find(&closing).map_or(body.len(), |at| at + closing.len());
    Some(text.len() - body.len() + end)
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Tells `'x'` and `'\n'` from a lifetime.
fn is_character_literal(text: &str) -> bool {
    let Some(body) = text.strip_prefix('\'') else { return false };
    let mut characters = body.chars();
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(text: &str) -> Vec<usize> {
        let source = RustText::new(PathBuf::from("src/a.rs"), text.to_owned());
        source.product_code().map(|(number, _)| number).collect()
    }

    #[test]
    fn an_inline_test_module_is_not_product_code_and_what_follows_is() {
        assert_eq!(product("a\n#[cfg(test)]\nmod tests {\n  { }\n}\nb\n"), [1, 6]);
    }

    #[test]
    fn a_test_module_in_its_own_file_ends_at_the_semicolon() {
        assert_eq!(product("#[cfg(test)]\nmod tests;\nb\n"), [3]);
    }

    #[test]
    fn braces_in_literals_and_comments_do_not_count() {
        let text = "#[cfg(test)]\nmod t {\n let a = \"}\"; // }\n let b = '}'; let c = r#\"}\"#;\n}\nb\n";
        assert_eq!(product(text), [6]);
    }

    #[test]
    fn a_lifetime_is_not_a_character_literal() {
        let blanked = blank_comments_and_literals("fn f<'a>(x: &'a str) { 'x'; '\\''; }");
        assert_eq!(blanked, "fn f<'a>(x: &'a str) {    ;     ; }");
    }

    #[test]
    fn nested_block_comments_end_where_they_end() {
        assert_eq!(blank_comments_and_literals("a/* /* */ */b"), "a           b");
    }
}
