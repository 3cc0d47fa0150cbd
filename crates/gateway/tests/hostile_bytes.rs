//! Random and mutated bytes for what reads the requests of strangers.

use testkit::fuzz::Target;

const CHANNEL_REQUESTS: Target =
    Target { name: "channel_requests", run: gateway::fuzz::channel_requests, corpus: channel_request_corpus };

const CALL_MESSAGES: Target =
    Target { name: "call_messages", run: gateway::fuzz::call_messages, corpus: call_message_corpus };
const WEB_TEXT: Target = Target { name: "web_text", run: gateway::fuzz::web_text, corpus: web_text_corpus };
const STREAM_REQUESTS: Target =
    Target { name: "stream_requests", run: gateway::fuzz::stream_requests, corpus: stream_request_corpus };

const APP_CALLS: Target =
    Target { name: "app_calls", run: gateway::fuzz::app_calls, corpus: app_call_corpus };

/// Requests as App Engine's SDK writes them.
fn app_call_corpus() -> Vec<Vec<u8>> {
    let files = [
        include_str!("app_calls/every_type.hex"),
        include_str!("app_calls/query.hex"),
        include_str!("app_calls/set.hex"),
        include_str!("app_calls/increments.hex"),
    ];
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("digits"), 16).expect("a byte");
    files
        .map(|file| {
            file.bytes().filter(u8::is_ascii_hexdigit).collect::<Vec<u8>>().chunks(2).map(byte).collect()
        })
        .into()
}

/// The first byte is the size of pieces.
fn call_message_corpus() -> Vec<Vec<u8>> {
    vec![vec![3, 0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9], vec![1, 0, 0, 0, 1, 0, 0], vec![9, 1]]
}

fn web_text_corpus() -> Vec<Vec<u8>> {
    ["\x03AAAAAAI=AAAA", "\x05b25lIHR3bw==dGhyZWU=", "\x01AAAA"].map(|text| text.as_bytes().to_vec()).into()
}

fn stream_request_corpus() -> Vec<Vec<u8>> {
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short");
        [&[number << 3 | 2, length], content].concat()
    };
    let documents = "projects/p/databases/d/documents";
    let database = field(1, b"projects/p/databases/d");
    let (listed, token) =
        (field(2, &field(2, format!("{documents}/c/d").as_bytes())), field(4, b"\x0a\x02\x08\x05"));
    let from = field(2, &field(2, &field(2, b"c")));
    let query = field(2, &[field(1, documents.as_bytes()), from].concat());
    let add = |target: &[Vec<u8>]| [database.clone(), field(2, &target.concat())].concat();
    let write = field(3, &field(2, format!("{documents}/c/d").as_bytes()));
    vec![
        add(&[listed, token.clone(), vec![5 << 3, 2]]),
        add(&[query, vec![5 << 3, 4], field(12, &[8, 3])]),
        add(&[field(13, &[]), vec![5 << 3, 6]]),
        [database.clone(), vec![3 << 3, 2]].concat(),
        [database, write, token].concat(),
    ]
}

fn channel_request_corpus() -> Vec<Vec<u8>> {
    let requests = [
        "VER=8&database=projects%2Fp%2Fdatabases%2F(default)&RID=1&CVER=22&X-HTTP-Session-Id=gsessionid&t=1\n\
         headers=X-Goog-Api-Client%3Agl-js%2F%0D%0AAuthorization%3ABearer%20x%0D%0A&count=1&ofs=0&\
         req0___data__=%7B%22database%22%3A%22%C3%A9%F0%9F%98%80+%22%7D",
        "SID=abc&RID=2&AID=7\ncount=2&ofs=3&req1___data__=b&req0___data__=a",
        "SID=abc&RID=rpc&AID=9&CI=0&TYPE=xmlhttp",
        "SID=abc&RID=rpc&AID=9&CI=1&TO=5000&%24httpHeaders=a%3Ab%0D%0A",
        "SID=abc&TYPE=terminate\n",
    ];
    requests.map(|request| request.as_bytes().to_vec()).into()
}

#[test]
fn requests_of_web_channels() {
    CHANNEL_REQUESTS.shake(1, 30_000);
}

#[test]
fn messages_of_calls() {
    CALL_MESSAGES.shake(2, 3_000);
}

#[test]
fn bodies_of_web_calls() {
    WEB_TEXT.shake(3, 30_000);
}

#[test]
fn requests_of_streams() {
    STREAM_REQUESTS.shake(4, 30_000);
}

#[test]
fn calls_of_apps() {
    APP_CALLS.shake(5, 30_000);
}
