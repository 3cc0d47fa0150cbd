//! JSON as text: where commas, lines and spaces go, and how strings and numbers look.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A text that is being written. Callers say what opens, what comes and what closes.
pub(super) struct Text {
    out: String,
    pretty: bool,
    /// For each object or array that is open: is something in it?
    open: Vec<bool>,
}

impl Text {
    pub(super) fn new(pretty: bool) -> Self {
        Text { out: String::new(), pretty, open: Vec::new() }
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Begins an object or array.
    pub(super) fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.open.push(false);
    }

    /// Ends it.
    pub(super) fn close(&mut self, bracket: char) {
        let had_something = self.open.pop().expect("each bracket is opened before it is closed");
        if had_something {
            self.line();
        }
        self.out.push(bracket);
    }

    /// Begins an element of an array.
    pub(super) fn element(&mut self) {
        let is_next = self.open.last_mut().expect("elements stand in arrays");
        if std::mem::replace(is_next, true) {
            self.out.push(',');
        }
        self.line();
    }

    /// Begins a field of an object.
    pub(super) fn key(&mut self, name: &str) {
        self.element();
        self.string(name);
        self.out.push_str(if self.pretty { ": " } else { ":" });
    }

    /// A word or number.
    pub(super) fn bare(&mut self, word: &str) {
        self.out.push_str(word);
    }

    /// Something that needs quotes and no escapes.
    pub(super) fn quoted(&mut self, write: impl FnOnce(&mut String)) {
        self.out.push('"');
        write(&mut self.out);
        self.out.push('"');
    }

    /// Any text. Besides what must be escaped, what a page could take for markup is, as production does.
    pub(super) fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut plain_from = 0;
        for (at, c) in text.char_indices().filter(|(_, c)| needs_escape(*c)) {
            self.out.push_str(&text[plain_from..at]);
            plain_from = at + c.len_utf8();
            self.escaped(c);
        }
        self.out.push_str(&text[plain_from..]);
        self.out.push('"');
    }

    pub(super) fn base64(&mut self, bytes: &[u8]) {
        self.quoted(|out| STANDARD.encode_string(bytes, out));
    }

    /// With as few digits as tell it from all others.
    pub(super) fn double(&mut self, number: f64) {
        match number {
            _ if number.is_nan() => self.out.push_str("\"NaN\""),
            f64::INFINITY => self.out.push_str("\"Infinity\""),
            f64::NEG_INFINITY => self.out.push_str("\"-Infinity\""),
            _ => push_finite(&mut self.out, number),
        }
    }

    fn line(&mut self) {
        if self.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.open.len()));
        }
    }

    fn escaped(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\u{8}' => self.out.push_str("\\b"),
            '\u{c}' => self.out.push_str("\\f"),
            _ => self.out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
}

fn needs_escape(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '\u{7f}' | '\u{2028}' | '\u{2029}')
}

/// `0.1`, `4`, `-0`, `1e+20`: as C's `%.15g` has it, or `%.17g` where fifteen digits are too few.
fn push_finite(out: &mut String, number: f64) {
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("this form has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a small number");
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let precision = if digits <= 15 { 15 } else { 17 };
    if (-4..precision).contains(&exponent) {
        out.push_str(&format!("{number}"));
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("{mantissa}e{sign}{:02}", exponent.abs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::new(false);
        write(&mut text);
        text.finish()
    }

    #[test]
    fn doubles_have_the_digits_they_need() {
        let table = [
            (0.0, "0"),
            (-0.0, "-0"),
            (4.0, "4"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e300, "1e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ];
        for (number, expected) in table {
            assert_eq!(written(|text| text.double(number)), expected);
        }
    }

    #[test]
    fn strings_are_escaped_where_they_must_be() {
        let table = [
            ("plain é😀", "\"plain é😀\""),
            ("\"\\\n\r\t\u{8}\u{c}\0", r#""\"\\\n\r\t\b\f\u0000""#),
            ("<b>\u{2028}\u{7f}", r#""\u003cb\u003e\u2028\u007f""#),
        ];
        for (string, expected) in table {
            assert_eq!(written(|text| text.string(string)), expected);
        }
    }
}
