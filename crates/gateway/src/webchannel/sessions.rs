//! The sessions of the server, by their names.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::session::Session;
use crate::quotas::{Identity, Quotas, Share};

/// Sessions of a server; beyond it one without a back channel makes room, or the new one is turned away.
const MAX_SESSIONS: usize = 20_000;
/// A session without a back channel for this long may have to make room for a new one.
const EVICTABLE: Duration = Duration::from_secs(5);
/// All sessions are looked at, so not for each that comes when there is no room.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Bytes of a name before they are letters: more than anybody can guess.
const NAME_BYTES: usize = 18;

/// Sessions of one address that wait for their refusal to be taken.
const REFUSED: usize = 100;

/// See the module.
pub(crate) struct Sessions {
    table: Mutex<Table>,
    /// Who was refused has no share of anything else.
    refused: Arc<Quotas>,
    /// Bytes of arrays that all sessions keep.
    pub(super) array_bytes: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Session>>,
    /// When it was last looked for a session that might make room, and there was none.
    none_found: Option<Instant>,
}

/// There cannot be another session.
#[derive(Debug)]
pub(super) struct NoRoom;

/// One address has as many refused sessions as it may.
#[derive(Debug)]
pub(super) struct TooManyRefused;

impl Default for Sessions {
    fn default() -> Self {
        let refused = Quotas::new(None, REFUSED);
        Sessions { table: Mutex::default(), refused, array_bytes: Arc::default() }
    }
}

impl Sessions {
    /// Counts a session that only tells a refusal, while the share lives.
    pub(super) fn refused(&self, peer: IpAddr) -> Result<Share, TooManyRefused> {
        self.refused.conversation(Identity::address(peer)).map_err(|_| TooManyRefused)
    }

    /// Adds a session under the name that `secret` makes.
    pub(super) fn add(&self, secret: [u8; NAME_BYTES], session: Arc<Session>) -> Result<Arc<str>, NoRoom> {
        let mut table = self.table.lock();
        if table.by_name.len() >= MAX_SESSIONS && !table.evict_one() {
            return Err(NoRoom);
        }
        let name: Arc<str> = URL_SAFE_NO_PAD.encode(secret).into();
        table.by_name.insert(name.clone(), session);
        Ok(name)
    }

    /// The session of a name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Session>> {
        self.table.lock().by_name.get(name).cloned()
    }

    /// Takes a session out.
    pub(super) fn remove(&self, name: &str) -> Option<Arc<Session>> {
        self.table.lock().by_name.remove(name)
    }
}

impl Table {
    /// Ends the session that has been without a back channel for longest, first of those whose conversation is over;
    /// false if there is none.
    fn evict_one(&mut self) -> bool {
        if self.none_found.is_some_and(|when| when.elapsed() < LOOK_AGAIN) {
            return false;
        }
        let alone = self.by_name.iter().filter_map(|(name, session)| {
            let (is_over, alone) = session.unattended()?;
            Some((is_over, alone, name))
        });
        let longest = alone.max().filter(|(is_over, alone, _)| *is_over || *alone >= EVICTABLE);
        let longest = longest.map(|(_, _, name)| name.clone());
        match longest.and_then(|name| self.by_name.remove(&name)) {
            Some(session) => session.go(),
            None => self.none_found = Some(Instant::now()),
        }
        self.by_name.len() < MAX_SESSIONS
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::Headers;
    use super::*;
    use crate::conversation::Topic;

    #[tokio::test(start_paused = true)]
    async fn a_session_that_nobody_reads_makes_room() {
        let sessions = Sessions::default();
        let session = || Arc::new(Session::new(Topic::Listen, Headers::default(), Arc::default()));
        let secret = |number: usize| {
            let mut secret = [0; NAME_BYTES];
            secret[..8].copy_from_slice(&number.to_le_bytes());
            secret
        };
        let attended = session();
        attended.attach(0);
        let kept = sessions.add(secret(0), attended).expect("room");
        let first = sessions.add(secret(1), session()).expect("room");
        tokio::time::sleep(EVICTABLE / 2).await;
        for number in 2..MAX_SESSIONS {
            sessions.add(secret(number), session()).expect("room");
        }
        assert!(sessions.add(secret(MAX_SESSIONS), session()).is_err(), "all are young or attended");
        tokio::time::sleep(EVICTABLE / 2).await;
        sessions.add(secret(MAX_SESSIONS), session()).expect("the oldest makes room");
        assert!(sessions.get(&first).is_none());
        assert!(sessions.add(secret(MAX_SESSIONS + 1), session()).is_err());
        assert!(sessions.get(&kept).is_some());
    }
}
