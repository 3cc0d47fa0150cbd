//! Access tokens: short, signed with a secret that only the server has, good for an hour.
//!
//! `irori.KEY_ID.EXPIRY.MAC`: the key for which it was given, the second at which it ends, and the HMAC-SHA256 of all
//! before it. What its bearer may do is looked up in the register each time, so that withdrawing a key ends its tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::moment::Moment;

const PREFIX: &str = "irori.";

/// Writes a token for a key.
pub(crate) fn write(secret: &hmac::Key, key_id: &str, expires: Moment) -> String {
    let signed = format!("{PREFIX}{key_id}.{}", expires.0);
    let mac = hmac::sign(secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// True for what looks like a token of ours; [`read`] says whether it is one.
pub(crate) fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// The key that a token was given for and its end; None when it was not signed with this secret.
pub(crate) fn read<'a>(secret: &hmac::Key, token: &'a str) -> Option<(&'a str, Moment)> {
    let (signed, mac) = token.rsplit_once('.')?;
    hmac::verify(secret, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
    let (key_id, expires) = signed.strip_prefix(PREFIX)?.split_once('.')?;
    Some((key_id, Moment(expires.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_only_as_it_was_written_and_with_its_secret() {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let token = write(&secret, "abc", Moment(1_000));
        assert_eq!(read(&secret, &token), Some(("abc", Moment(1_000))));

        assert_eq!(read(&hmac::Key::new(hmac::HMAC_SHA256, &[2; 32]), &token), None);
        let longer = token.replace(".1000.", ".2000.");
        let other = token.replace(".abc.", ".abd.");
        let short = &token[..token.len() - 1];
        for forged in
            [longer.as_str(), other.as_str(), short, "irori.abc.1000.", "irori.abc.1000", "irori.", ""]
        {
            assert_eq!(read(&secret, forged), None, "{forged}");
        }
    }
}
