//! Who is let in: from what a request says of its sender to a principal, the same on every wire.
//!
//! ```text
//!   authorization ── Service::admit ──► Principal ── Quotas ──► let in
//!   address ──────────────────────────────╯            ╰─► RESOURCE_EXHAUSTED
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use model::{Principal, Status};
use service::{Called, Credentials, Remembered};
use wire::methods::Method;

use crate::Gateway;
use crate::audit::Record;
use crate::connection::Connection;
use crate::grpc::guard;
use crate::quotas::{Identity, Share};

/// What a proxy says of whom it forwards for; the last entry is the one that it wrote itself.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a request says of its sender.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    authorization: Result<Option<&'a str>, Ambiguous>,
    remembered: &'a Remembered,
    pub(crate) peer: IpAddr,
}

/// Credentials that could be read in two ways, or in none.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ambiguous(&'static str);

/// One who was let in, with what is kept of him as long as a conversation goes on.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// Shared by all that goes on for him.
    pub(crate) share: Option<Arc<Share>>,
    pub(crate) record: Option<Record>,
}

impl<'a> Sender<'a> {
    /// As headers tell.
    pub(crate) fn of(gateway: &Gateway, connection: &'a Connection, headers: &'a HeaderMap) -> Self {
        let values = headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().ok());
        let remembered = connection.remembered();
        Sender { authorization: one(values), remembered, peer: peer(gateway, connection, headers) }
    }

    /// The same, where others of its headers travel in the body; those go before.
    pub(crate) fn or_as(self, others: impl Iterator<Item = &'a str>) -> Self {
        match one(others.map(Some)) {
            Ok(None) => self,
            authorization => Sender { authorization, ..self },
        }
    }

    /// The beginning of what an audit log may say of it; None when there is none.
    pub(crate) fn record(&self, gateway: &Gateway, method: impl Into<String>) -> Option<Record> {
        Record::of(gateway.options.audit.as_ref(), method, self.peer)
    }
}

/// Whom the request comes from: the connection's other end, or whom a proxy there forwards for.
fn peer(gateway: &Gateway, connection: &Connection, headers: &HeaderMap) -> IpAddr {
    let told = || {
        let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    gateway.options.behind_proxy.then(told).flatten().unwrap_or(connection.peer())
}

/// The one value of `authorization`. Who sends several that differ may mean to show a proxy one and us another.
fn one<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Result<Option<&'a str>, Ambiguous> {
    let mut found = None;
    for value in values {
        let value = value.ok_or(Ambiguous("The authorization header has characters that no token has."))?;
        if found.is_some_and(|found| found != value) {
            return Err(Ambiguous("The request has several authorization headers that differ; send one."));
        }
        found = Some(value);
    }
    Ok(found)
}

/// Lets in who sends a call of `method`, or a refusal.
///
/// # Errors
/// UNAUTHENTICATED or PERMISSION_DENIED for credentials that prove nothing, RESOURCE_EXHAUSTED for who sends too much.
pub(crate) async fn admit(
    gateway: &Gateway,
    sender: Sender<'_>,
    method: Method,
) -> Result<Principal, Status> {
    let definition = method.definition();
    let called = Called { service: definition.api.service(), name: definition.name };
    admit_to(gateway, sender, Some(called)).await
}

/// As [`admit`], to what is no method of a service.
///
/// # Errors
/// As there.
pub(crate) async fn admit_to(
    gateway: &Gateway,
    sender: Sender<'_>,
    method: Option<Called<'static>>,
) -> Result<Principal, Status> {
    let authorization = sender.authorization.map_err(|Ambiguous(text)| Status::unauthenticated(text))?;
    let credentials = Credentials { authorization, method, connection: Some(sender.remembered) };
    match guard::guarded(Box::pin(gateway.service.admit(&credentials))).await {
        Ok(principal) => {
            gateway.quotas.request_of(&principal, sender.peer)?;
            Ok(principal)
        }
        Err(refusal) => {
            // Whoever tries tokens out is slowed down as well.
            gateway.quotas.request(&Identity::address(sender.peer))?;
            Err(refusal)
        }
    }
}

impl Caller {
    /// Makes room for a conversation with `principal`.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when he has too many already.
    pub(crate) fn to_converse(
        gateway: &Gateway,
        principal: Principal,
        peer: IpAddr,
        record: Option<Record>,
    ) -> Result<Self, Status> {
        let identity = Identity::of(&principal, peer);
        let share = identity.map(|identity| gateway.quotas.conversation(identity)).transpose()?.map(Arc::new);
        Ok(Caller { principal, share, record })
    }
}

#[cfg(test)]
impl From<Principal> for Caller {
    /// One whom nobody counts.
    fn from(principal: Principal) -> Self {
        Caller { principal, share: None, record: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_headers_must_say_the_same() {
        let one = |values: &[Option<&'static str>]| one(values.iter().copied()).ok();
        assert_eq!(one(&[]), Some(None));
        assert_eq!(one(&[Some("Bearer a")]), Some(Some("Bearer a")));
        assert_eq!(one(&[Some("Bearer a"), Some("Bearer a")]), Some(Some("Bearer a")));
        assert_eq!(one(&[Some("Bearer a"), Some("Bearer b")]), None);
        assert_eq!(one(&[None]), None, "no text");
    }
}
