//! Which pages in browsers may call at all.
//!
//! A server that believes whoever calls is safe as long as only its developer's programs reach it. Browsers let any page
//! send requests to this machine, most of them without asking, so a page of the world could say `Bearer owner`. There
//! only pages of this machine may call, and those that the operator names. (Google's emulator answers all of them.)
//!
//! A page could also have its own name's address changed to this machine's (DNS rebinding): then the browser takes the
//! server for the page's own, and a GET does not say where it comes from. But it says whom it is for, by a name that
//! belongs to somebody in the world.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN, VARY};
use http::uri::Authority;
use http::{Request, Response, StatusCode, Version};

use super::cors::BY_ORIGIN;
use super::text;
use crate::body::Body;
use crate::{Options, Origins};

/// Ends of names that nobody can have in the world: RFC 2606, 6762, 8375, and ICANN's for private use.
const NOBODYS: [&str; 7] =
    [".localhost", ".local", ".internal", ".test", ".example", ".invalid", ".home.arpa"];

const NOT_THIS_PAGE: &str =
    "Pages of this origin may not call the server. Start it with --cors-origin ORIGIN if they are to.\n";
const NOT_THIS_NAME: &str = "A server that believes whoever calls answers on its own machine only as localhost, by an address, or by a name of a \
     local network: else a page could pass for its own. Call it so, or start it with --cors-origin http://NAME.\n";

/// The refusal of a request of a page that may not call; `peer` is the other end of its connection.
pub(super) fn refusal<B>(options: &Options, peer: IpAddr, request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    let asked_for = headers.get(HOST).and_then(|host| host.to_str().ok());
    let mut pages = headers.get_all(ORIGIN).iter().peekable();
    if pages.peek().is_none() {
        // No browser speaks HTTP/2 without TLS, and with TLS it asks for a certificate in the page's name.
        let could_be_rebound =
            request.version() < Version::HTTP_2 && peer.is_loopback() && !options.behind_proxy;
        return match (&options.origins, asked_for) {
            (Origins::Local(named), Some(name)) if could_be_rebound && !is_own_name(name, named) => {
                Some(refuse(NOT_THIS_NAME))
            }
            (Origins::Any | Origins::Local(_) | Origins::Only(_), _) => None,
        };
    }
    let may_call = |origin: &str| match &options.origins {
        Origins::Any => true,
        Origins::Only(named) => named.iter().any(|one| one == origin),
        Origins::Local(named) => named.iter().any(|one| one == origin) || is_local(origin, asked_for),
    };
    let mut origins = pages.map(|origin| origin.to_str().ok());
    match origins.all(|origin| origin.is_some_and(may_call)) || options.origins == Origins::Any {
        true => None,
        false => {
            tracing::debug!(origin = ?headers.get(ORIGIN), "a page was refused");
            Some(refuse(NOT_THIS_PAGE))
        }
    }
}

/// True for pages from this machine, and for those from the very address at which the server is asked: nobody else's name
/// leads there.
fn is_local(origin: &str, asked_for: Option<&str>) -> bool {
    let Some(host) = host_of(origin) else { return false };
    let own_address = || address(&host).is_some() && asked_for.and_then(host_of) == Some(host.clone());
    host == "localhost"
        || host.ends_with(".localhost")
        || address(&host).is_some_and(|ip| ip.is_loopback())
        || own_address()
}

/// True for names that nobody in the world can give an address to, and for hosts of the origins that are named.
fn is_own_name(asked_for: &str, named: &[String]) -> bool {
    let Some(host) = host_of(asked_for) else { return false };
    let host = host.trim_end_matches('.');
    !host.contains('.')
        || address(host).is_some()
        || NOBODYS.iter().any(|end| host.ends_with(end))
        || named.iter().any(|origin| host_of(origin).as_deref() == Some(host))
}

/// The host of an origin, or of what stands in a `Host` header, in small letters.
fn host_of(text: &str) -> Option<String> {
    let authority = text.split_once("://").map_or(text, |(_, authority)| authority);
    let authority: Authority = authority.parse().ok()?;
    (!authority.as_str().contains('@')).then(|| authority.host().to_ascii_lowercase())
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn refuse(why: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::FORBIDDEN, why);
    response.headers_mut().append(VARY, BY_ORIGIN);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn allowed(origins: &Origins, peer: IpAddr, version: Version, headers: &[(&str, &str)]) -> bool {
        let options = Options { origins: origins.clone(), ..Options::default() };
        let request = headers.iter().fold(Request::builder().version(version), |request, (name, value)| {
            request.header(*name, *value)
        });
        refusal(&options, peer, &request.body(()).expect("a request")).is_none()
    }

    #[test]
    fn pages_of_this_machine_may_call_a_server_that_believes_them() {
        let local = Origins::Local(vec!["https://app.example.com".to_owned(), "null".to_owned()]);
        let (any, only) = (Origins::Any, Origins::Only(vec!["https://app.example.com".to_owned()]));
        let asked = |origins: &Origins, host, origin| {
            allowed(origins, HERE, Version::HTTP_11, &[("host", host), ("origin", origin)])
        };
        let host = "127.0.0.1:8080";
        // The page, and whether it may call by each of the three.
        let table = [
            ("http://localhost:3000", [true, true, false]),
            ("https://LOCALHOST", [true, true, false]),
            ("http://shop.localhost:3000", [true, true, false]),
            ("http://127.0.0.1:3000", [true, true, false]),
            ("http://127.1.2.3", [true, true, false]),
            ("http://[::1]:3000", [true, true, false]),
            ("capacitor://localhost", [true, true, false]),
            ("https://app.example.com", [true, true, true]),
            ("null", [true, true, false]),
            ("https://evil.example", [true, false, false]),
            ("http://localhost.evil.example", [true, false, false]),
            ("http://127.0.0.1.evil.example", [true, false, false]),
            ("http://evil-localhost", [true, false, false]),
            ("http://127.0.0.1:80@evil.example", [true, false, false]),
            ("http://192.168.1.20:3000", [true, false, false]),
            ("file://", [true, false, false]),
            ("", [true, false, false]),
        ];
        for (origin, expected) in table {
            let found = [&any, &local, &only].map(|origins| asked(origins, host, origin));
            assert_eq!(found, expected, "{origin}");
        }
        let unnamed = Origins::Local(Vec::new());
        assert!(!asked(&unnamed, host, "null"), "any page can have a frame without an origin");
        assert!(asked(&unnamed, "192.168.1.20:8080", "http://192.168.1.20:3000"), "the same machine");
        assert!(!asked(&unnamed, "evil.example:8080", "http://evil.example:8080"), "rebound");
    }

    #[test]
    fn several_origins_must_all_have_leave_on_every_version() {
        let local = Origins::Local(Vec::new());
        let (good, bad) = (("origin", "http://localhost"), ("origin", "https://evil.example"));
        for version in [Version::HTTP_11, Version::HTTP_2] {
            assert!(allowed(&local, HERE, version, &[good]));
            assert!(!allowed(&local, HERE, version, &[bad]));
            assert!(!allowed(&local, HERE, version, &[good, bad]));
        }
    }

    #[test]
    fn a_page_whose_name_was_made_to_lead_here_reads_nothing() {
        let local = Origins::Local(vec!["https://tunnel.example.com".to_owned()]);
        let asked = |host| allowed(&local, HERE, Version::HTTP_11, &[("host", host)]);
        for host in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.1.20",
            "firestore:8080",
            "host.docker.internal:8080",
            "laptop.local",
            "tunnel.example.com",
        ] {
            assert!(asked(host), "{host}");
        }
        for host in
            ["evil.com", "evil.com:8080", "EVIL.com.", "localhost.evil.com", "127.0.0.1.evil.com", "a@b", ""]
        {
            assert!(!asked(host), "{host}");
        }
        let evil = &[("host", "evil.com")];
        let elsewhere = "10.0.0.7".parse().expect("an address");
        assert!(allowed(&local, elsewhere, Version::HTTP_11, evil), "no page on this machine");
        assert!(allowed(&local, HERE, Version::HTTP_2, evil), "no browser");
        assert!(allowed(&Origins::Any, HERE, Version::HTTP_11, evil));
        assert!(allowed(&Origins::Only(Vec::new()), HERE, Version::HTTP_11, evil), "callers are verified");
        assert!(allowed(&local, HERE, Version::HTTP_10, &[]), "browsers say whom they ask");
    }
}
