//! Resume tokens: the time up to which a client has been told everything.
//!
//! The bytes are production's: a message whose field 1 holds a message whose field 1 is the time in
//! microseconds.

use bytes::Bytes;
use model::{Status, Timestamp};

/// The tag of field 1 as a message, and as a number.
const MESSAGE: u8 = 0x0a;
const NUMBER: u8 = 0x08;
/// Bytes of the longest varint.
const MAX_VARINT: usize = 10;

/// The token of a time.
pub(crate) fn write(time: Timestamp) -> Bytes {
    let mut varint = Vec::with_capacity(MAX_VARINT);
    let mut rest = time.micros() as u64;
    while rest >= 0x80 {
        varint.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    varint.push(rest as u8);
    let length = u8::try_from(varint.len() + 1).expect("a varint has at most ten bytes");
    [&[MESSAGE, length, NUMBER], varint.as_slice()].concat().into()
}

/// The time of a token.
///
/// # Errors
/// INVALID_ARGUMENT, with production's text, for bytes that are no token.
pub(crate) fn read(token: &[u8]) -> Result<Timestamp, Status> {
    let bad = || Status::invalid_argument("bad resume token");
    let [MESSAGE, length, NUMBER, varint @ ..] = token else { return Err(bad()) };
    if usize::from(*length) != varint.len() + 1 || varint.len() > MAX_VARINT {
        return Err(bad());
    }
    let (last, front) = varint.split_last().ok_or_else(bad)?;
    if *last >= 0x80 || front.iter().any(|byte| *byte < 0x80) {
        return Err(bad());
    }
    let micros = varint.iter().rev().fold(0u128, |number, byte| number << 7 | u128::from(byte & 0x7f));
    i64::try_from(micros).ok().and_then(Timestamp::from_micros).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_time_and_other_bytes_are_refused() {
        for micros in [0, 1, 127, 128, 1_700_000_000_000_000] {
            let time = Timestamp::from_micros(micros).unwrap();
            assert_eq!(read(&write(time)), Ok(time));
        }
        let now = Timestamp::from_micros(1_758_000_000_000_000).unwrap();
        assert_eq!(write(now)[..3], [0x0a, 9, 0x08], "as production's begin");
        let hostile: [&[u8]; 8] = [
            b"",
            b"x",
            &[0x0a, 2, 0x08],
            &[0x0a, 2, 0x08, 0x80],
            &[0x0a, 3, 0x08, 1],
            &[0x0a, 3, 0x08, 1, 1],
            &[0x0a, 11, 0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            &[0x0a, 13, 0x08, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1],
        ];
        for token in hostile {
            assert_eq!(read(token).unwrap_err().message, "bad resume token", "{token:?}");
        }
    }
}
