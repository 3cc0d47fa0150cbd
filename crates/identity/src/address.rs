//! Addresses from which keys may be fetched: https, and http on this machine alone.

use std::net::IpAddr;

use http::Uri;

/// The longest address; servers take no longer ones either.
const ADDRESS_BYTES: usize = 2_048;

/// Where to connect, and what to ask for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With the query, if there is one.
    pub(crate) path: String,
}

/// Says what is wrong with an address, if anything is.
pub(crate) fn check(text: &str) -> Result<(), String> {
    parse(text).map(drop)
}

/// Reads an address. Without TLS anybody on the way could hand out keys, so only this machine may be asked so.
pub(crate) fn parse(text: &str) -> Result<Address, String> {
    let wrong = |why: &str| format!("`{text}` cannot be used: {why}");
    if text.len() > ADDRESS_BYTES {
        return Err("the address is too long".to_owned());
    }
    let uri: Uri = text.parse().map_err(|_| wrong("it is no address; write one like https://example.com"))?;
    let authority =
        uri.authority().ok_or_else(|| wrong("it names no host; write one like https://example.com"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it must not have a user"));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if is_this_machine(&host) => false,
        _ => return Err(wrong("it must begin with https:// (http:// is taken on this machine alone)")),
    };
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Address { secure, host, port, path })
}

fn is_this_machine(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        let table = [
            ("https://example.com", Some((true, "example.com", 443, "/"))),
            ("https://example.com:8443/a?b=c", Some((true, "example.com", 8443, "/a?b=c"))),
            ("http://127.0.0.1:9/keys", Some((false, "127.0.0.1", 9, "/keys"))),
            ("http://[::1]/", Some((false, "::1", 80, "/"))),
            ("http://example.com/keys", None),
            // A name may be made to mean anything.
            ("http://localhost/keys", None),
            ("http://127.0.0.1@example.com/keys", None),
            ("https://user:password@example.com/", None),
            ("ftp://example.com", None),
            ("file:///etc/passwd", None),
            ("example.com", None),
            ("/keys", None),
            ("", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(secure, host, port, path): (bool, &str, u16, &str)| Address {
                secure,
                host: host.to_owned(),
                port,
                path: path.to_owned(),
            });
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
