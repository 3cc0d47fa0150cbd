//! `unwrap()` outside tests: only with a comment on the line or just above that says why the value is there.

use super::rust_text::RustText;

const CALL: &str = ".unwrap()";

pub fn check(sources: &[RustText], complaints: &mut Vec<String>) {
    for source in sources {
        for (number, code) in source.product_code() {
            if code.contains(CALL) && !has_reason(source, number) {
                let path = source.path.display();
                complaints.push(format!(
                    "{path}:{number}: `unwrap()` without a reason; use `expect(\"why it holds\")`"
                ));
            }
        }
    }
}

fn has_reason(source: &RustText, number: usize) -> bool {
    let above = if number > 1 { source.line(number - 1) } else { "" };
    source.line(number).contains("//") || above.trim_start().starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints_of(text: &str) -> usize {
        let mut complaints = Vec::new();
        check(&[RustText::new("src/a.rs".into(), text.to_owned())], &mut complaints);
        complaints.len()
    }

    #[test]
    fn a_bare_unwrap_is_a_complaint_and_an_explained_one_is_not() {
        assert_eq!(complaints_of("fn f() {\n x.unwrap();\n}\n"), 1);
        assert_eq!(complaints_of("// x was filled above\nx.unwrap();\n"), 0);
    }

    #[test]
    fn unwraps_in_tests_comments_and_strings_are_nobodys_business() {
        assert_eq!(complaints_of("#[cfg(test)]\nmod t {\n fn f() { x.unwrap(); }\n}\n"), 0);
        assert_eq!(complaints_of("let a = \".unwrap()\"; /* .unwrap() */\n"), 0);
    }
}
