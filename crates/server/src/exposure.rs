//! Who could reach the server, and whether its door is good enough for that.

use std::net::SocketAddr;

use crate::arguments::ServeArguments;
use crate::failure::Failure;

/// Refuses to listen where others can reach an open door, or read tokens on their way, unless the command line names
/// that risk.
pub(crate) fn check(arguments: &ServeArguments) -> Result<(), Failure> {
    let (door, address) = (&arguments.door, arguments.listen);
    if door.behind_proxy && !door.auth && !door.unsafe_open {
        return Err(proxied());
    }
    if address.ip().is_loopback() {
        return Ok(());
    }
    let is_plain = arguments.tls.tls_certificate.is_none();
    match (door.auth, door.unsafe_open) {
        (false, true) => Ok(()),
        (false, false) => Err(open(address)),
        (true, _) if is_plain && !door.behind_proxy => Err(plain(address)),
        (true, _) => Ok(()),
    }
}

fn open(address: SocketAddr) -> Failure {
    Failure::new(format!(
        "refuses to listen on {address}: others could reach it, and without --auth it believes whoever calls. \
         Verify callers with --auth; or name the risk with --unsafe-open; or keep to this machine with \
         --listen 127.0.0.1:{}",
        address.port()
    ))
}

fn proxied() -> Failure {
    Failure::new(
        "refuses to serve behind a proxy: whoever reaches the proxy could do everything, for without --auth it \
         believes whoever calls. Verify callers with --auth; or name the risk with --unsafe-open",
    )
}

fn plain(address: SocketAddr) -> Failure {
    Failure::new(format!(
        "refuses to listen on {address} without TLS: tokens could be read on their way and used by others. \
         Give --tls-certificate and --tls-key; or, when a proxy in front of it ends TLS, --behind-proxy"
    ))
}
