//! Page tokens: where the page before ended, bound to the request it belongs to.
//!
//! Form (1 byte), fingerprint of the request (8 bytes), the cursor as one array value.

use model::{Parent, Status, Value, body};

use super::ListQuery;

const FORM: u8 = 1;
const HEADER: usize = 9;

/// A place between two pages.
pub(super) struct Token {
    /// Of the last document, one for each order.
    pub values: Vec<Value>,
}

impl Token {
    /// The token's bytes.
    pub fn write(self, list: &ListQuery) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&fingerprint(list).to_be_bytes());
        body::encode_value(&mut bytes, &Value::Array(self.values));
        bytes
    }

    /// Reads a token; none for an empty one.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for bytes that are no token, or the token of another request.
    pub fn read(bytes: &[u8], list: &ListQuery) -> Result<Option<Self>, Status> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let unreadable = || Status::invalid_argument("invalid page token");
        let (header, cursor) = bytes.split_at_checked(HEADER).ok_or_else(unreadable)?;
        if header[0] != FORM {
            return Err(unreadable());
        }
        if header[1..] != fingerprint(list).to_be_bytes() {
            return Err(Status::invalid_argument("Invalid page token."));
        }
        match body::decode_value(cursor) {
            Ok(Value::Array(values)) => Ok(Some(Token { values })),
            _ => Err(unreadable()),
        }
    }
}

/// FNV-1a over what must stay the same from page to page.
fn fingerprint(list: &ListQuery) -> u64 {
    let parent = match &list.parent {
        Parent::Root => "",
        Parent::Document(path) => path.as_str(),
    };
    let collection = list.collection_id.as_deref().unwrap_or("");
    let missing = if list.show_missing { "missing" } else { "" };
    let parts = [parent, collection, &list.order_by, missing];
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
