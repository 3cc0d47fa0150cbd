//! Messages as the official SDK puts them on the wire, byte for byte.

use bytes::Bytes;

use super::codec::{self, Fixed64, Group, Malformed, Message};
use super::messages::datastore::{
    BeginTransactionRequest, DeleteRequest, PutRequest, PutResponse, QueryResult, Transaction,
};
use super::messages::entity::{Element, EntityProto, Path, Property, Reference};
use super::messages::memcache;
use super::messages::remote_api::{ApplicationError, Request, Response, RpcError};

const PUT: &str = "120c6461746173746f72655f76331a035075742288010a85016a2f6a096465767e677565737472220b1209\
    4775657374626f6f6b220764656661756c740c0b12084772656574696e670c720f1a06617574686f7220002a031a016172111a07636f\
    6e74656e7420002a041a026869721508071a046461746520002a0908b59ec591f7e3e6028201160b12094775657374626f6f6b220764\
    656661756c740c2a0174";
const PUT_RESPONSE: &str = "0a350a316a096465767e677565737472240b12094775657374626f6f6b220764656661756c740c0b1208\
    4772656574696e6718010c1801";
const QUERY_RESULT: &str = "0a8c011287016a316a096465767e677565737472240b12094775657374626f6f6b220764656661756c740c\
    0b12084772656574696e6718010c720f1a06617574686f7220002a031a016172111a07636f6e74656e7420002a041a02686972150807\
    1a046461746520002a0908b59ec591f7e3e6028201160b12094775657374626f6f6b220764656661756c740c1800";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).expect("digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("a byte")).collect()
}

/// Reads a message, and sees that it is written with the same bytes.
fn read<M: Message>(bytes: &[u8]) -> M {
    let message = codec::read(bytes).expect("a message");
    assert_eq!(codec::write(&message), bytes);
    message
}

#[test]
fn a_greeting_is_put() {
    let request: Request = read(&bytes(PUT));
    assert_eq!((request.service_name.as_str(), request.method.as_str()), ("datastore_v3", "Put"));
    let put: PutRequest = read(&request.request);
    let EntityProto { key: Some(key), property, .. } = &put.entity[0] else { panic!("no key") };
    let path: Vec<_> =
        key.path.element.iter().map(|Group(step)| (&*step.kind, step.name.as_deref())).collect();
    assert_eq!(path, [("Guestbook", Some("default")), ("Greeting", None)]);
    let names: Vec<_> = property.iter().map(|property| (&*property.name, property.meaning)).collect();
    assert_eq!(names, [("author", None), ("content", None), ("date", Some(7))]);
    let response: Response = read(&bytes(PUT_RESPONSE));
    let response: PutResponse = read(&response.response.expect("an answer"));
    assert_eq!((response.key[0].path.element[1].0.id, response.version), (Some(1), vec![1]));
}

#[test]
fn a_greeting_is_found() {
    let response: Response = read(&bytes(QUERY_RESULT));
    let result: QueryResult = read(&response.response.expect("an answer"));
    assert_eq!((result.result.len(), result.more_results), (1, false));
    let response: Response = read(&bytes("0a021800"));
    assert_eq!(read::<QueryResult>(&response.response.expect("an answer")), QueryResult::default());
}

#[test]
fn a_transaction_begins() {
    let request: BeginTransactionRequest = read(&bytes("0a096465767e67756573742802"));
    assert_eq!((request.app.as_str(), request.mode), ("dev~guest", Some(2)));
    let transaction: Transaction = read(&bytes("09010000000000000012096465767e6775657374"));
    let expected = Transaction { handle: Fixed64(1), app: "dev~guest".to_owned(), database_id: None };
    assert_eq!(transaction, expected);
}

#[test]
fn a_call_fails() {
    let response: Response = read(&bytes("1a1a08021216436f6e63757272656e637920657863657074696f6e2e"));
    let error = ApplicationError { code: 2, detail: "Concurrency exception.".to_owned() };
    assert_eq!(response.application_error, Some(error));
    let response: Response = read(&bytes("2a06080112026e6f"));
    assert_eq!(response.rpc_error, Some(RpcError { code: 1, detail: Some("no".to_owned()) }));
}

#[test]
fn the_smallest_real_things_fit_the_memory_of_their_message() {
    let property = Property { name: "a".to_owned(), ..Property::default() };
    let step = Group(Element { kind: "K".to_owned(), id: Some(1), name: None });
    let key = Reference { app: "a".to_owned(), path: Path { element: vec![step] }, ..Reference::default() };
    let entity =
        EntityProto { key: Some(key.clone()), property: vec![property; 3], ..EntityProto::default() };
    read::<PutRequest>(&codec::write(&PutRequest { entity: vec![entity; 10_000], transaction: None }));
    read::<DeleteRequest>(&codec::write(&DeleteRequest { key: vec![key; 10_000], transaction: None }));
    let get = memcache::GetRequest { key: vec![Bytes::from_static(b"k"); 10_000], ..Default::default() };
    read::<memcache::GetRequest>(&codec::write(&get));
}

#[test]
fn what_is_no_message_is_refused() {
    let deep = [vec![0x1b; 40], vec![0x1c; 40]].concat();
    let many = [0x0a, 0].repeat(2_000_000);
    let table: [(&[u8], Malformed); 9] = [
        (&[0x0a], Malformed::Truncated),
        (&[0x0a, 5, 1], Malformed::Truncated),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Malformed::Truncated),
        (&[0x80; 11], Malformed::Varint),
        (&[0x08, 1], Malformed::WireType(1)),
        (&[0x0f], Malformed::WireType(1)),
        (&[0x0c], Malformed::Group),
        (&deep, Malformed::Depth),
        (&many, Malformed::Memory),
    ];
    for (bytes, expected) in table {
        assert_eq!(
            codec::read::<PutRequest>(bytes).err(),
            Some(expected),
            "{:?}",
            &bytes[..bytes.len().min(20)]
        );
    }
    // Field 2 is unknown here, with a group in it that ends as another.
    assert_eq!(codec::read::<PutResponse>(&[0x13, 0x1b, 0x14]).err(), Some(Malformed::Group));
    assert_eq!(codec::read::<Request>(&[0x12, 1, 0xff]).err(), Some(Malformed::Text(2)));
}
