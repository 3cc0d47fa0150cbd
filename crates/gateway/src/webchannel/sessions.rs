//! The sessions of the server, by their names.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use super::session::Session;

/// Sessions of a server; beyond it one without a back channel makes room, or the new one is turned away.
const MAX_SESSIONS: usize = 20_000;
/// A session without a back channel for this long may have to make room for a new one.
const EVICTABLE: Duration = Duration::from_secs(5);
/// Bytes of a name before they are letters: more than anybody can guess.
const NAME_BYTES: usize = 18;

/// See the module.
#[derive(Default)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
    /// Bytes of arrays that all sessions keep.
    pub(super) array_bytes: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Session>>,
}

/// There cannot be another session.
#[derive(Debug)]
pub(super) struct NoRoom;

impl Sessions {
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
    /// Ends the session that has been without a back channel for longest; false if there is none.
    fn evict_one(&mut self) -> bool {
        let alone = self.by_name.iter().filter_map(|(name, session)| Some((session.unattended()?, name)));
        let Some((alone, name)) = alone.max() else { return false };
        if alone < EVICTABLE {
            return false;
        }
        let name = name.clone();
        self.by_name.remove(&name).inspect(|session| session.go()).is_some()
    }
}
