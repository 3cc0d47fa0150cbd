//! Parts of queries and forms as addresses and browsers write them.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Decodes one part: `+` is a space, `%` begins a byte in hexadecimal.
pub(crate) fn decode(part: &[u8]) -> Cow<'_, [u8]> {
    if !part.contains(&b'+') {
        return percent_decode(part).into();
    }
    let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}
