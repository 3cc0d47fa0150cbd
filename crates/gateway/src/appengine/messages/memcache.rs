//! `memcache`: requests, answers, codes.

use bytes::Bytes;

use crate::appengine::codec::{Fixed32, Fixed64, Group, messages};

messages! {
    GetRequest {
        1 key: Vec<Bytes>,
        2 name_space: Option<String>,
        4 for_cas: Option<bool>,
        6 for_peek: Option<bool>,
    }

    GetResponse {
        1 item: Vec<Group<GotItem>>,
    }

    GotItem {
        2 key: Bytes,
        3 value: Bytes,
        4 flags: Option<Fixed32>,
        5 cas_id: Option<Fixed64>,
        6 expires_in_seconds: Option<i32>,
    }

    SetRequest {
        1 item: Vec<Group<SetItem>>,
        7 name_space: Option<String>,
    }

    SetItem {
        2 key: Bytes,
        3 value: Bytes,
        4 flags: Option<Fixed32>,
        5 set_policy: Option<i32>,
        6 expiration_time: Option<Fixed32>,
        8 cas_id: Option<Fixed64>,
    }

    SetResponse {
        1 set_status: Vec<i32>,
    }

    DeleteRequest {
        1 item: Vec<Group<DeleteItem>>,
        4 name_space: Option<String>,
    }

    DeleteItem {
        2 key: Bytes,
        /// Seconds for which `add` finds the key taken.
        3 delete_time: Option<Fixed32>,
    }

    DeleteResponse {
        1 delete_status: Vec<i32>,
    }

    IncrementRequest {
        1 key: Bytes,
        2 delta: Option<u64>,
        3 direction: Option<i32>,
        4 name_space: Option<String>,
        5 initial_value: Option<u64>,
        6 initial_flags: Option<Fixed32>,
    }

    IncrementResponse {
        1 new_value: Option<u64>,
        2 increment_status: Option<i32>,
    }

    BatchIncrementRequest {
        1 name_space: Option<String>,
        2 item: Vec<IncrementRequest>,
    }

    BatchIncrementResponse {
        1 item: Vec<IncrementResponse>,
    }

    StatsResponse {
        1 stats: Option<Stats>,
    }

    Stats {
        1 hits: u64,
        2 misses: u64,
        3 byte_hits: u64,
        4 items: u64,
        5 bytes: u64,
        6 oldest_item_age: Fixed32,
    }
}
