//! Golden scripts of requests.
//!
//! ```text
//! POST "ROOT:runQuery?prettyPrint=false" '{"structuredQuery":{}}' origin="http://localhost"
//! ---
//! 200
//! [{"readTime":"T1"}]
//! ```
//! `ROOT` stands for `/v1/projects/p/databases/(default)/documents` in addresses, and for the same without
//! `/v1/` in bodies. What differs from run to run has a name: times `T1`, tokens `X1`, made ids `ID1`, one
//! number for each that is different; with a dollar before it the name stands for the real one in a request.

use std::error::Error;
use std::net::SocketAddr;

use goldenscript::{Command, Context, Runner};

use crate::http;
use crate::scene::ROOT;

/// Runs a script against a server.
pub struct Script {
    address: SocketAddr,
    /// Real texts and their names.
    known: Vec<(String, String)>,
}

impl Script {
    pub fn new(address: SocketAddr) -> Self {
        Script { address, known: Vec::new() }
    }

    /// The name of a text that differs from run to run.
    fn name(&mut self, kind: &str, real: &str) -> String {
        if let Some((_, name)) = self.known.iter().find(|(known, _)| known == real) {
            return name.clone();
        }
        let count = self.known.iter().filter(|(_, name)| name.trim_end_matches(char::is_numeric) == kind);
        let name = format!("{kind}{}", count.count() + 1);
        self.known.push((real.to_owned(), name.clone()));
        name
    }

    /// The text with what the names stand for, as `encode` has it.
    fn real(&self, text: &str, encode: fn(&str) -> String) -> String {
        let longest_first = self.known.iter().rev();
        longest_first
            .fold(text.to_owned(), |text, (real, name)| text.replace(&format!("${name}"), &encode(real)))
    }

    /// The answer with names for what differs.
    fn named(&mut self, text: &str) -> String {
        let mut key = "";
        let parts: Vec<_> = text.split('"').collect();
        let mut out = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let is_key = parts.get(at + 1).is_some_and(|next| next.starts_with(':'));
            out.push(match kind(key, part) {
                Some((kind, from)) if !is_key => {
                    format!("{}{}", &part[..from], self.name(kind, &part[from..]))
                }
                Some(_) | None => micros_hidden(part),
            });
            if at % 2 == 1 {
                key = if is_key { part } else { "" };
            }
        }
        out.join("\"")
    }
}

/// What a text is that differs from run to run, and where in it that begins.
fn kind(key: &str, text: &str) -> Option<(&'static str, usize)> {
    // Times before this are the script's own.
    let is_time = text.len() >= 20 && text.ends_with('Z') && ("2026-".."3000-").contains(&text);
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    let is_made = text.starts_with("ROOT/")
        && text.len() - last == 20
        && text[last..].bytes().all(|byte| byte.is_ascii_alphanumeric());
    match key {
        "transaction" | "nextPageToken" if !text.is_empty() && !text.starts_with([':', ',']) => {
            Some(("X", 0))
        }
        _ if is_time => Some(("T", 0)),
        _ if is_made => Some(("ID", last)),
        _ => None,
    }
}

/// Versions of documents are told in microseconds.
fn micros_hidden(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(['(', ')']) {
        let digits = piece.trim_end_matches(')');
        let is_micros = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
        out.push_str(&if is_micros { piece.replace(digits, "MICROS") } else { piece.to_owned() });
    }
    out
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let path = args.next_pos().ok_or("a path")?.replace("ROOT", &format!("/v1/{ROOT}"));
        let body = args.next_pos().unwrap_or_default().replace("ROOT", ROOT);
        let mut headers = Vec::new();
        while let Some((name, value)) = args.next_key() {
            headers.push((name.to_owned(), value.to_owned()));
        }
        args.reject_next()?;
        // A plus in an address is a space.
        let path = self.real(&path, |real| real.replace('+', "%2B"));
        let body = self.real(&body, str::to_owned);
        let answer = http::send(self.address, &command.name, &path, &headers, body.as_bytes());
        let mut out = format!("{}\n", answer.status);
        for (name, value) in &answer.headers {
            let is_usual = name == "content-type" && value == "application/json; charset=UTF-8";
            if name.starts_with("access-control") || name == "vary" || (name == "content-type" && !is_usual) {
                out.push_str(&format!("{name}: {value}\n"));
            }
        }
        if answer.header("content-type") == Some("application/x-protobuf") {
            return Ok(out);
        }
        let text = answer.text().replace(ROOT, "ROOT");
        // A line's end that is no line feed alone would be lost in a script.
        out.push_str(&self.named(&text).replace('\r', "␍"));
        Ok(out)
    }
}
