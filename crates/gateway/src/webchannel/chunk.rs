//! How every answer is framed: the length of a JSON text, a line feed, the text.

/// The chunk of a JSON text. Its length counts UTF-16 code units, since the client cuts a JavaScript
/// string.
pub(super) fn of(json: &str) -> String {
    format!("{}\n{json}", utf16_length(json))
}

/// How many UTF-16 code units a text has: one for each character, two for those of four bytes.
fn utf16_length(text: &str) -> usize {
    text.bytes().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_utf_16_code_units() {
        let table =
            [("", 0), ("[]", 2), ("é", 1), ("漢", 1), ("😀", 2), ("é😀漢", 4), ("\u{10ffff}\u{ffff}", 3)];
        for (text, length) in table {
            assert_eq!(utf16_length(text), length, "{text}");
            assert_eq!(text.encode_utf16().count(), length, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn as_many_as_a_browser_counts(text: String) {
            proptest::prop_assert_eq!(utf16_length(&text), text.encode_utf16().count());
        }
    }

    #[test]
    fn the_recorded_handshake() {
        let json = r#"[[0,["c","0123456789abcdefghijklmn","",8,12,30000]]]"#;
        assert_eq!(of(json), format!("52\n{json}"));
    }
}
