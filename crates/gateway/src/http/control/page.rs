//! What the expressions of rules came to, for people: the source, and below each line what stands on it came to.

use std::fmt::Write;

use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use model::Status;
use service::{Covered, Observed, RuleValue, Service};

use super::coverage::none;
use super::typed;
use crate::body::Body;

/// The page brings its style and needs nothing else; whatever a value says, no script runs.
const NOTHING_ELSE: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;color:#222}\
    pre{margin:0;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap}\
    table{border-collapse:collapse;width:100%}td{vertical-align:top;padding:0 .6rem}\
    td.n{text-align:right;color:#999;user-select:none}tr.yes{background:#eaf7ea}tr.no{background:#fbeaea}\
    tr.mixed{background:#fdf6df}details{margin:.1rem 0 .4rem}summary{cursor:pointer;color:#666}\
    code{font:12px ui-monospace,monospace}ul{margin:.2rem 0;padding-left:1.4rem}";
const TEXT: &str = "a String takes all";

/// How a line's conditions came out.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    None,
    Unreached,
    Yes,
    No,
    Mixed,
}

/// The page of a project's rules.
pub(super) fn html(service: &Service, project: &str) -> Result<Response<Body>, Status> {
    let coverage = service.rule_coverage(project).ok_or_else(|| none(project))?;
    let body = page(project, &coverage.source, &coverage.expressions);
    let mut response = typed(StatusCode::OK, "text/html; charset=utf-8", body);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, NOTHING_ELSE);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn page(project: &str, source: &str, expressions: &[Covered]) -> String {
    let project = escaped(project);
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Rule coverage: {project}</title>\
         <style>{STYLE}</style><h1>Rule coverage: {project}</h1>\
         <p>What each condition came to, and how often, since the rules were put in force. Green: it held; red: it did \
         not; yellow: both; open a line for the expressions on it.</p><table>"
    );
    for (line, number) in source.lines().zip(1..) {
        let here: Vec<_> = expressions.iter().filter(|covered| covered.position.line == number).collect();
        let class = match class(&here) {
            Class::None => "",
            Class::Unreached => "unreached",
            Class::Yes => "yes",
            Class::No => "no",
            Class::Mixed => "mixed",
        };
        write!(out, "<tr class='{class}'><td class=n>{number}<td><pre>{}</pre>", escaped(line)).expect(TEXT);
        if !here.is_empty() {
            out.push_str("<details><summary>");
            here.iter().for_each(|covered| values(&mut out, covered));
            out.push_str("</summary><ul>");
            here.iter().for_each(|covered| tree(&mut out, source, covered));
            out.push_str("</ul></details>");
        }
        out.push('\n');
    }
    out.push_str("</table></html>\n");
    out
}

/// How the conditions that begin on a line came out, all together.
fn class(here: &[&Covered]) -> Class {
    let all = here.iter().flat_map(|covered| &covered.values);
    let held = all.clone().any(|(observed, _)| is_true(observed));
    let failed = all.clone().any(|(observed, _)| !is_true(observed));
    match (held, failed) {
        (true, true) => Class::Mixed,
        (true, false) => Class::Yes,
        (false, true) => Class::No,
        (false, false) if here.is_empty() => Class::None,
        (false, false) => Class::Unreached,
    }
}

fn is_true(observed: &Observed) -> bool {
    matches!(observed, Observed::Value(RuleValue::Bool(true)))
}

/// An expression, what it came to, and those inside it.
fn tree(out: &mut String, source: &str, covered: &Covered) {
    let part = source.get(covered.position.offset as usize..covered.position.end as usize);
    write!(out, "<li><code>{}</code> ", escaped(part.unwrap_or_default())).expect(TEXT);
    values(out, covered);
    if !covered.children.is_empty() {
        out.push_str("<ul>");
        covered.children.iter().for_each(|child| tree(out, source, child));
        out.push_str("</ul>");
    }
}

fn values(out: &mut String, covered: &Covered) {
    if covered.values.is_empty() {
        out.push_str("<i>never evaluated</i> ");
    }
    for (observed, count) in &covered.values {
        let text = match observed {
            Observed::Value(value) => escaped(&value.to_string()),
            Observed::Other => "<i>other values</i>".to_owned(),
            Observed::Undefined(why) => format!("<i>no value: {}</i>", escaped(why)),
        };
        write!(out, "<code>{text}</code>&nbsp;×{count} ").expect(TEXT);
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
