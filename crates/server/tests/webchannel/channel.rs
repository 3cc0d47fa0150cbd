//! A session from the client's side.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Answer};

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

/// A session that is open.
pub struct Channel {
    address: SocketAddr,
    path: String,
    pub name: String,
    /// The number of the next map.
    next: usize,
}

/// A back channel.
pub struct Back {
    answer: Answer,
    text: String,
    arrays: VecDeque<(u64, Value)>,
}

/// The address of a method's channel.
pub fn path(method: &str) -> String {
    let database = "projects%2Fp%2Fdatabases%2F(default)";
    format!("/google.firestore.v1.Firestore/{method}/channel?VER=8&database={database}")
}

/// A form that brings maps, the first of which has the number `first`.
pub fn form(first: usize, maps: &[Value]) -> String {
    let encode =
        |map: &Value| -> String { map.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let maps = maps.iter().enumerate().map(|(index, map)| format!("&req{index}___data__={}", encode(map)));
    let maps: Vec<_> = maps.collect();
    format!("count={}&ofs={first}{}", maps.len(), maps.concat())
}

impl Channel {
    /// Opens a session with its first maps.
    pub async fn open(address: SocketAddr, method: &str, maps: &[Value]) -> Self {
        let path = path(method);
        let target = format!("{path}&RID=4711&CVER=22&X-HTTP-Session-Id=gsessionid&zx=abc&t=1");
        let answer = http::send(address, "POST", &target, &form(0, maps)).await;
        assert_eq!(answer.status, 200);
        let body = answer.body().await;
        let (_, json) = body.split_once('\n').expect("a chunk");
        let arrays: Value = serde_json::from_str(json).expect("JSON");
        let name = arrays[0][1][1].as_str().expect("a name").to_owned();
        Channel { address, path, name, next: maps.len() }
    }

    /// Sends maps after those before, and answers what the server says.
    pub async fn send(&mut self, maps: &[Value]) -> Value {
        let first = self.next;
        self.next += maps.len();
        self.send_at(first, maps).await
    }

    /// Sends maps under numbers of the test's choice.
    pub async fn send_at(&self, first: usize, maps: &[Value]) -> Value {
        let answer = self.post("AID=0", &form(first, maps)).await;
        assert_eq!(answer.status, 200);
        let mut chunks = chunks(&mut answer.body().await);
        assert_eq!(chunks.len(), 1);
        chunks.remove(0)
    }

    pub async fn post(&self, query: &str, body: &str) -> Answer {
        http::send(self.address, "POST", &format!("{}&SID={}&{query}", self.path, self.name), body).await
    }

    pub async fn get(&self, query: &str) -> Answer {
        let target = format!("{}&RID=rpc&SID={}&{query}&TYPE=xmlhttp", self.path, self.name);
        http::send(self.address, "GET", &target, "").await
    }

    /// A back channel that streams what comes after the array `has`.
    pub async fn back(&self, has: u64) -> Back {
        self.back_with(&format!("AID={has}&CI=0")).await
    }

    pub async fn back_with(&self, query: &str) -> Back {
        let answer = self.get(query).await;
        assert_eq!(answer.status, 200);
        Back { answer, text: String::new(), arrays: VecDeque::new() }
    }
}

impl Back {
    /// The next array and its number; None when the answer ended.
    pub async fn next(&mut self) -> Option<(u64, Value)> {
        tokio::time::timeout(SOON, self.read()).await.expect("something in time")
    }

    async fn read(&mut self) -> Option<(u64, Value)> {
        while self.arrays.is_empty() {
            let Some(piece) = self.answer.piece().await else {
                assert_eq!(self.text, "", "an answer ends with a chunk");
                return None;
            };
            self.text.push_str(&piece);
            for chunk in chunks(&mut self.text) {
                let Value::Array(arrays) = chunk else { panic!("arrays: {chunk}") };
                for array in arrays {
                    let number = array[0].as_u64().expect("a number");
                    assert_eq!(
                        array[1].as_array().map(Vec::len),
                        Some(1),
                        "one message in an array: {array}"
                    );
                    self.arrays.push_back((number, array[1][0].clone()));
                }
            }
        }
        self.arrays.pop_front()
    }

    /// The next message; signs of life are left out.
    pub async fn message(&mut self) -> Option<(u64, Value)> {
        loop {
            match self.next().await {
                Some((_, Value::String(text))) if text == "noop" => {}
                other => return other,
            }
        }
    }
}

/// Takes the whole chunks from the beginning of `text`, counted as a browser counts.
fn chunks(text: &mut String) -> Vec<Value> {
    let mut chunks = Vec::new();
    while let Some((length, rest)) = text.split_once('\n') {
        let length: usize = length.parse().expect("a length");
        let units: Vec<u16> = rest.encode_utf16().collect();
        if units.len() < length {
            break;
        }
        let chunk = String::from_utf16(&units[..length]).expect("a chunk ends between characters");
        chunks.push(serde_json::from_str(&chunk).expect("a chunk is JSON"));
        *text = String::from_utf16(&units[length..]).expect("the rest");
    }
    chunks
}
