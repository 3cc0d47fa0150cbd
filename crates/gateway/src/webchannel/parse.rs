//! What a client asks: the query string, the form in a body, and the headers in either.
//!
//! Browsers ask the server's permission before a request with unusual headers. So that they need not,
//! the client puts headers into the form (or the query) and calls the form plain text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::http::encoded::decode;

/// Maps of one POST; the client sends no more.
const MAX_MAPS: usize = 1_000;
/// Headers that travel in a form or query: their number, and the bytes of all.
const MAX_HEADERS: usize = 100;
const HEADER_BYTES: usize = 32 * 1024;

/// One of the requests that make up a session.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    /// Opens a session; the body is a form.
    Open {
        headers: Headers,
        /// The client wants an id that balancers of load can keep its requests together by.
        wants_session_id: bool,
    },
    /// Brings maps; the body is a form.
    Forward {
        session: String,
        has: u64,
    },
    /// Takes arrays.
    Back {
        session: String,
        has: u64,
        style: Style,
    },
    Terminate {
        session: String,
    },
}

/// How a back channel's answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// After minutes.
    Stream,
    /// With the first arrays, or after so many milliseconds if the client says so.
    Poll { millis: Option<u64> },
}

/// What the body of a POST holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Form {
    pub(super) headers: Headers,
    /// JSON texts, not yet read, by their numbers in the session.
    pub(super) maps: BTreeMap<u64, Bytes>,
}

/// Headers that travel in a form or query, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Headers(Vec<(String, String)>);

/// Why a request cannot be understood.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed(pub(super) &'static str);

impl Request {
    /// Reads the method, and the query of the channel's address.
    pub(super) fn parse(method: &Method, query: &str) -> Result<Self, Malformed> {
        let query = Query::parse(query)?;
        let session = query.get("SID").filter(|session| !session.is_empty()).map(str::to_owned);
        match (method, session) {
            (&Method::POST | &Method::GET, Some(session)) if query.get("TYPE") == Some("terminate") => {
                Ok(Request::Terminate { session })
            }
            (&Method::POST, None) => Ok(Request::Open {
                headers: query.get("$httpHeaders").map_or(Ok(Headers::default()), Headers::parse)?,
                wants_session_id: query.get("X-HTTP-Session-Id").is_some(),
            }),
            (&Method::POST, Some(session)) => {
                Ok(Request::Forward { session, has: query.number("AID")?.unwrap_or(0) })
            }
            (&Method::GET, Some(session)) => {
                let style = match query.get("CI") {
                    Some("0") => Style::Stream,
                    Some(_) | None => Style::Poll { millis: query.number("TO")? },
                };
                Ok(Request::Back { session, has: query.number("AID")?.unwrap_or(0), style })
            }
            (&Method::GET, None) => Err(Malformed("The request names no session (SID).")),
            _ => Err(Malformed("A channel knows only GET and POST.")),
        }
    }
}

impl Form {
    /// Reads the body of a POST: `headers=…&count=2&ofs=7&req0___data__=…&req1___data__=…`. Those two
    /// have the numbers 7 and 8. A client that sends maps again may leave numbers out.
    pub(super) fn parse(body: &Bytes) -> Result<Self, Malformed> {
        let mut headers = Headers::default();
        let (mut count, mut offset) = (0, 0);
        let mut maps = BTreeMap::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = split(pair);
            match &*decode(name) {
                b"headers" => headers = Headers::parse(&text(value)?)?,
                b"count" => count = number(&text(value)?)?,
                b"ofs" => offset = number(&text(value)?)?,
                // Other names belong to protocols that no client of ours speaks.
                name => {
                    if let Some(index) = map_index(name)? {
                        maps.insert(index, decode_within(body, value));
                    }
                    if maps.len() > MAX_MAPS {
                        return Err(Malformed("A request holds at most 1000 maps."));
                    }
                }
            }
        }
        if maps.len() as u64 != count {
            return Err(Malformed("The maps of the request are not as many as it counts."));
        }
        let numbered = maps.into_iter().map(|(index, map)| Some((index.checked_add(offset)?, map)));
        let maps = numbered.collect::<Option<_>>().ok_or(NO_NUMBER)?;
        Ok(Form { headers, maps })
    }
}

/// The index of `req12___data__`; None when the name is no map's.
fn map_index(name: &[u8]) -> Result<Option<u64>, Malformed> {
    let Some(index) = name.strip_prefix(b"req").and_then(|rest| rest.strip_suffix(b"___data__")) else {
        return Ok(None);
    };
    let index = str::from_utf8(index).map_err(|_| NO_NUMBER)?;
    number(index).map(Some)
}

impl Headers {
    /// Reads lines of `Name:Value`.
    fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > HEADER_BYTES {
            return Err(Malformed("The headers of the request are too long."));
        }
        let mut headers = Vec::new();
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Malformed("A header has no colon."))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
            if headers.len() > MAX_HEADERS {
                return Err(Malformed("The request has too many headers."));
            }
        }
        Ok(Headers(headers))
    }

    /// The first header of a name, in whatever case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All headers of a name, in whatever case.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// These, and then `others`.
    pub(super) fn and(mut self, others: Headers) -> Self {
        self.0.extend(others.0);
        self
    }
}

/// The parameters of a query, decoded.
struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Result<Self, Malformed> {
        let pairs = query.as_bytes().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = split(pair);
            Ok((text(name)?, text(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Query)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Malformed> {
        self.get(name).map(number).transpose()
    }
}

const NO_NUMBER: Malformed = Malformed("A number of the request is none.");

fn number(text: &str) -> Result<u64, Malformed> {
    // `parse` would allow a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(NO_NUMBER)
}

fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[]),
    }
}

fn text(encoded: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let malformed = Malformed("The request is not UTF-8.");
    match decode(encoded) {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| malformed),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| malformed),
    }
}

/// Decodes a part of `body`, without a copy where it stands there as it is.
fn decode_within(body: &Bytes, part: &[u8]) -> Bytes {
    match decode(part) {
        Cow::Borrowed(bytes) => body.slice_ref(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Reads bytes as a query and, behind the first line feed, a form. What is read must be within the limits,
/// and where it can be written again, it is read as the same.
///
/// # Panics
/// When that is not so.
pub fn read_hostile(input: &[u8]) {
    let (query, form) = match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, input),
    };
    if let Ok(query) = str::from_utf8(query) {
        for method in [Method::GET, Method::POST, Method::PUT] {
            if let Ok(Request::Open { headers, .. }) = Request::parse(&method, query) {
                assert!(headers.0.len() <= MAX_HEADERS);
            }
        }
    }
    let Ok(form) = Form::parse(&Bytes::copy_from_slice(form)) else { return };
    assert!(form.maps.len() <= MAX_MAPS && form.headers.0.len() <= MAX_HEADERS);
    let encode = |bytes: &[u8]| percent_encode(bytes, NON_ALPHANUMERIC).to_string();
    let headers: Vec<_> = form.headers.0.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let mut again = format!("count={}&headers={}", form.maps.len(), encode(headers.join("\r\n").as_bytes()));
    for (number, map) in &form.maps {
        again.push_str(&format!("&req{number}___data__={}", encode(map)));
    }
    assert_eq!(Form::parse(&again.into()), Ok(form));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_requests_of_a_session() {
        let session = || "s+/=".to_owned();
        let table = [
            (
                Method::POST,
                "VER=8&database=projects%2FP%2Fdatabases%2F(default)&RID=1&CVER=22&X-HTTP-Session-Id=gsessionid&t=1",
                Request::Open { headers: Headers::default(), wants_session_id: true },
            ),
            (
                Method::POST,
                "VER=8&%24httpHeaders=Authorization%3ABearer%20a%2Bb%0D%0AX-A:b:c%0D%0A",
                Request::Open {
                    headers: headers(&[("Authorization", "Bearer a+b"), ("X-A", "b:c")]),
                    wants_session_id: false,
                },
            ),
            (Method::POST, "SID=s%2B%2F%3D&RID=2&AID=7", Request::Forward { session: session(), has: 7 }),
            (
                Method::GET,
                "RID=rpc&SID=s%2B%2F%3D&AID=9&CI=0&TYPE=xmlhttp",
                Request::Back { session: session(), has: 9, style: Style::Stream },
            ),
            (
                Method::GET,
                "SID=s%2B%2F%3D&CI=1&TO=5000",
                Request::Back { session: session(), has: 0, style: Style::Poll { millis: Some(5_000) } },
            ),
            (Method::POST, "SID=s%2B%2F%3D&TYPE=terminate", Request::Terminate { session: session() }),
            (Method::GET, "SID=s%2B%2F%3D&TYPE=terminate", Request::Terminate { session: session() }),
        ];
        for (method, query, expected) in table {
            assert_eq!(Request::parse(&method, query), Ok(expected), "{method} {query}");
        }
    }

    #[test]
    fn hostile_queries() {
        let table = [
            (Method::GET, ""),
            (Method::GET, "SID"),
            (Method::GET, "SID=a&AID=x"),
            (Method::GET, "SID=a&AID=+1"),
            (Method::GET, "SID=a&AID=99999999999999999999"),
            (Method::GET, "SID=a&CI=1&TO=-1"),
            (Method::POST, "SID=%ff"),
            (Method::POST, "%24httpHeaders=nonsense"),
            (Method::PUT, "SID=a"),
        ];
        for (method, query) in table {
            assert!(Request::parse(&method, query).is_err(), "{method} {query}");
        }
    }

    #[test]
    fn the_form_of_a_handshake() {
        let body = "headers=X-Goog-Api-Client%3Agl-js%2F%20fire%2F12%0D%0AContent-Type%3Atext%2Fplain%0D%0A\
                    Authorization%3ABearer%20x.y.%0D%0A&count=1&ofs=0&\
                    req0___data__=%7B%22database%22%3A%22%C3%A9%F0%9F%98%80%E6%BC%A2+%2B%22%7D";
        let form = Form::parse(&Bytes::from_static(body.as_bytes())).expect("a form");
        assert_eq!(form.headers.get("authorization"), Some("Bearer x.y."));
        assert_eq!(form.headers.get("x-goog-api-client"), Some("gl-js/ fire/12"));
        assert_eq!(form.headers.get("x-firebase-appcheck"), None);
        assert_eq!(form.maps, BTreeMap::from([(0, Bytes::from("{\"database\":\"é😀漢 +\"}"))]));
    }

    #[test]
    fn forms_with_maps() {
        let table: [(&str, &[(u64, &str)]); 7] = [
            ("", &[]),
            ("count=0", &[]),
            ("count=0&ofs=5", &[]),
            ("count=2&ofs=3&req1___data__=b&req0___data__=a", &[(3, "a"), (4, "b")]),
            ("count=2&ofs=1&req5___data__=b&req3___data__=a", &[(4, "a"), (6, "b")]),
            ("&&count=1&req0___data__=&other=%zz", &[(0, "")]),
            ("count=1&req0___data__=%7b%&&", &[(0, "{%")]),
        ];
        for (body, maps) in table {
            let form = Form::parse(&Bytes::from_static(body.as_bytes()));
            let maps =
                maps.iter().map(|(number, map)| (*number, Bytes::from_static(map.as_bytes()))).collect();
            assert_eq!(form, Ok(Form { headers: Headers::default(), maps }), "{body}");
        }
    }

    #[test]
    fn hostile_forms() {
        let many: String = (0..=MAX_MAPS).map(|index| format!("&req{index}___data__=")).collect();
        let table = [
            "count=1".to_owned(),
            "count=0&req0___data__=a".to_owned(),
            "count=2&req0___data__=a&req0___data__=b".to_owned(),
            "count=x".to_owned(),
            "count=".to_owned(),
            "count=-1".to_owned(),
            "count=18446744073709551616".to_owned(),
            "count=18446744073709551615".to_owned(),
            "ofs=%ff".to_owned(),
            "count=1&ofs=1&req18446744073709551615___data__=a".to_owned(),
            "count=1&reqx___data__=a".to_owned(),
            "headers=a".to_owned(),
            format!("headers=a:{}", "b".repeat(HEADER_BYTES)),
            format!("headers={}", "a:%0D%0A".repeat(MAX_HEADERS + 1)),
            format!("count={}{many}", MAX_MAPS + 1),
        ];
        for body in table {
            assert!(Form::parse(&Bytes::from(body.clone())).is_err(), "{}", &body[..body.len().min(80)]);
        }
    }
}
