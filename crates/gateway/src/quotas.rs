//! What one identity may take of the server: requests a second, and conversations at once.
//!
//! A user or an account is one identity wherever it calls from; who is not known is one with his address.
//! The administrator is not counted. Rates are kept as one moment for each identity: when it would have used up
//! what it has asked so far, had it asked evenly (a token bucket that holds one second).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use model::{Code, Principal, Status};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Identities whose rate is known at once. Those that ask for nothing are forgotten after a second; beyond this
/// many in one second, all others share a rate.
const MAX_RATED: usize = 100_000;
/// How often it is looked for identities that can be forgotten, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How much one identity may be ahead of its rate.
const BURST: Duration = Duration::from_secs(1);

/// Who is counted as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    Address(IpAddr),
    User(Option<Arc<str>>, String),
    Account(String),
    /// All for whom there was no room.
    Others,
}

/// See the module.
pub(crate) struct Quotas {
    rate: Option<Rate>,
    conversations: usize,
    open: Mutex<HashMap<Identity, usize>>,
}

struct Rate {
    per_second: NonZeroU32,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    until: HashMap<Identity, Instant>,
    looked: Option<Instant>,
}

/// What one identity goes on to use: while it lives, its conversation counts.
pub(crate) struct Share {
    quotas: Arc<Quotas>,
    identity: Identity,
}

impl Identity {
    /// Who `principal` is; None for the administrator.
    pub(crate) fn of(principal: &Principal, peer: IpAddr) -> Option<Self> {
        match principal {
            Principal::Anonymous => Some(Identity::address(peer)),
            Principal::User(user) => Some(Identity::User(user.project.clone(), user.uid.clone())),
            Principal::Account(account) => Some(Identity::Account(account.email.clone())),
            Principal::Administrator => None,
        }
    }

    /// Whoever is not known there.
    pub(crate) fn address(peer: IpAddr) -> Self {
        Identity::Address(network(peer))
    }
}

/// What one customer has: an address, and of IPv6 the network of 64 bits.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => {
            let [a, b, c, d, ..] = peer.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        peer @ IpAddr::V4(_) => peer,
    }
}

impl Quotas {
    /// Quotas of so many requests a second, if they are limited, and so many conversations.
    pub(crate) fn new(per_second: Option<NonZeroU32>, conversations: usize) -> Arc<Self> {
        let rate = per_second.map(|per_second| Rate { per_second, used: Mutex::default() });
        Arc::new(Quotas { rate, conversations, open: Mutex::default() })
    }

    /// One request more of `principal`. Who he is counted as is not even asked where nothing is limited.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there were too many.
    pub(crate) fn request_of(&self, principal: &Principal, peer: IpAddr) -> Result<(), Status> {
        let Some(rate) = &self.rate else { return Ok(()) };
        Identity::of(principal, peer).map_or(Ok(()), |identity| rate.request(&identity))
    }

    /// One request more.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there were too many.
    pub(crate) fn request(&self, identity: &Identity) -> Result<(), Status> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.request(identity))
    }

    /// One conversation more, until the share is dropped.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there are too many.
    pub(crate) fn conversation(self: &Arc<Self>, identity: Identity) -> Result<Share, Status> {
        let mut open = self.open.lock();
        // Who may have none leaves nothing behind.
        if open.get(&identity).copied().unwrap_or_default() >= self.conversations {
            let most = self.conversations;
            let text =
                format!("One identity may have {most} streams open. Close some, or listen to more on each.");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        *open.entry(identity.clone()).or_default() += 1;
        drop(open);
        Ok(Share { quotas: self.clone(), identity })
    }
}

impl Rate {
    fn request(&self, identity: &Identity) -> Result<(), Status> {
        let (now, each) = (Instant::now(), Duration::from_secs(1) / self.per_second.get());
        let mut used = self.used.lock();
        let until = used.of(identity, now);
        let next = (*until).max(now) + each;
        if next > now + BURST.max(each) {
            let text = format!(
                "Quota exceeded: one identity may send {} requests a second. Wait a moment and send fewer.",
                self.per_second
            );
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        *until = next;
        Ok(())
    }
}

impl Used {
    fn of(&mut self, identity: &Identity, now: Instant) -> &mut Instant {
        let is_full = self.until.len() >= MAX_RATED && !self.until.contains_key(identity);
        if is_full && self.looked.is_none_or(|looked| looked + LOOK_AGAIN <= now) {
            self.looked = Some(now);
            self.until.retain(|_, until| *until > now);
        }
        let has_room = self.until.len() < MAX_RATED || self.until.contains_key(identity);
        let identity = if has_room { identity.clone() } else { Identity::Others };
        self.until.entry(identity).or_insert(now)
    }
}

impl Share {
    /// One request more of the conversation.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there were too many.
    pub(crate) fn request(&self) -> Result<(), Status> {
        self.quotas.request(&self.identity)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.quotas.open.lock();
        if let Some(count) = open.get_mut(&self.identity) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.identity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: &str) -> Identity {
        Identity::User(None, uid.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_a_second_and_then_an_even_rate() {
        let quotas = Quotas::new(NonZeroU32::new(10), usize::MAX);
        let taken = |identity: &Identity| (0..50).filter(|_| quotas.request(identity).is_ok()).count();
        assert_eq!(taken(&user("greedy")), 10);
        tokio::time::advance(Duration::from_millis(300)).await;
        assert_eq!((taken(&user("greedy")), taken(&user("other"))), (3, 10));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(taken(&user("greedy")), 10, "what was not used is not saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn identities_beyond_the_table_share_a_rate() {
        let quotas = Quotas::new(NonZeroU32::new(1), usize::MAX);
        for number in 0..MAX_RATED {
            quotas.request(&user(&number.to_string())).expect("the first of this second");
        }
        quotas.request(&user("late")).expect("the first of the others");
        quotas.request(&user("later")).expect_err("they share");
        let rate = quotas.rate.as_ref().expect("a rate");
        assert_eq!(rate.used.lock().until.len(), MAX_RATED + 1);
        tokio::time::advance(LOOK_AGAIN).await;
        quotas.request(&user("later")).expect("the table was emptied");
        assert_eq!(rate.used.lock().until.len(), 1);
    }

    #[test]
    fn conversations_count_while_they_live() {
        let quotas = Quotas::new(None, 2);
        let open = |uid| quotas.conversation(user(uid));
        let (first, _second) = (open("a").expect("room"), open("a").expect("room"));
        assert_eq!(open("a").err().map(|refusal| refusal.code), Some(Code::ResourceExhausted));
        drop(open("b").expect("others have their own"));
        drop(first);
        drop(open("a").expect("room again"));
        assert_eq!(quotas.open.lock().len(), 1, "who has none is forgotten");
        let none = Quotas::new(None, 0);
        assert!(none.conversation(user("a")).is_err() && none.open.lock().is_empty());
    }

    #[test]
    fn neighbours_in_a_network_of_one_customer_are_one() {
        let address = |text: &str| Identity::address(text.parse().expect("an address"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }
}
