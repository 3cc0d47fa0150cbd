//! The part of a request's address behind the question mark.

use crate::http::encoded::decode;
use crate::json::Style;

/// How the client wants the answer, and the fields of the request that stand here.
#[derive(Debug, PartialEq)]
pub(super) struct Parameters {
    pub(super) style: Style,
    pub(super) alt: Alt,
    /// What may be fields of the request.
    pub(super) fields: Vec<(String, String)>,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Alt {
    Json,
    Proto,
}

impl Parameters {
    /// Reads `a=1&b=2`. Parameters that mean nothing are ignored, as are values that make no sense.
    pub(super) fn of(query: &str) -> Self {
        let mut parameters = Parameters { style: Style::PRETTY, alt: Alt::Json, fields: Vec::new() };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            parameters.add(decoded(name), decoded(value));
        }
        parameters
    }

    fn add(&mut self, name: String, value: String) {
        match name.as_str() {
            "alt" | "$alt" => self.set_alt(&value),
            "prettyPrint" | "$prettyPrint" => self.style.pretty = value != "false",
            _ => self.fields.push((name, value)),
        }
    }

    /// `json`, `proto`, `json;enum-encoding=int`.
    fn set_alt(&mut self, value: &str) {
        let mut parts = value.split(';');
        self.alt = if parts.next() == Some("proto") { Alt::Proto } else { Alt::Json };
        self.style.numeric_enums = parts.any(|part| part == "enum-encoding=int");
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decode(text.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_answer_and_the_fields_are_told_apart() {
        let query =
            "mask.fieldPaths=a+b&mask.fieldPaths=%60c%60&$alt=json%3Benum-encoding=int&prettyPrint=false&key";
        let style = Style { pretty: false, numeric_enums: true };
        let fields = [("mask.fieldPaths", "a b"), ("mask.fieldPaths", "`c`"), ("key", "")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(Parameters::of(query), Parameters { style, alt: Alt::Json, fields });
        assert_eq!(Parameters::of("alt=proto").alt, Alt::Proto);
        assert_eq!(Parameters::of(""), Parameters { style: Style::PRETTY, alt: Alt::Json, fields: vec![] });
    }
}
