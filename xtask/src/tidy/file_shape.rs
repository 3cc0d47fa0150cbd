//! Files that a reader can hold: not too long, and each says in its first line what it is.

use super::rust_text::RustText;

/// Lines of a file without its tests. Most should stay under 400.
const HARD_LIMIT: usize = 600;

pub fn check(sources: &[RustText], complaints: &mut Vec<String>) {
    for source in sources {
        let path = source.path.display();
        let lines = source.product_code().count();
        if lines > HARD_LIMIT {
            complaints.push(format!("{path}: {lines} lines without tests, more than {HARD_LIMIT}"));
        }
        if !source.text.starts_with("//!") {
            complaints.push(format!("{path}: the first line is not a `//!` line that says what the file is"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints_of(text: String) -> Vec<String> {
        let mut complaints = Vec::new();
        check(&[RustText::new("src/a.rs".into(), text)], &mut complaints);
        complaints
    }

    #[test]
    fn test_lines_do_not_count_as_length() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "//\n".repeat(HARD_LIMIT));
        assert!(complaints_of(format!("//! A file.\n{tests}")).is_empty());
    }

    #[test]
    fn one_line_too_many_is_a_complaint() {
        assert!(complaints_of(format!("//! A file.\n{}", "x\n".repeat(HARD_LIMIT - 1))).is_empty());
        assert_eq!(complaints_of(format!("//! A file.\n{}", "x\n".repeat(HARD_LIMIT))).len(), 1);
    }

    #[test]
    fn a_file_must_say_what_it_is() {
        assert_eq!(complaints_of("use x;\n".to_owned()).len(), 1);
    }
}
