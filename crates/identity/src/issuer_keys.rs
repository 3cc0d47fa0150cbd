//! The keys of one issuer, from wherever they are, as fresh as they need to be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host::Host;
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::fetch;
use crate::key_set::{KEY_SET_BYTES, KeySet};
use crate::options::{Issuer, KeySource};
use crate::refusal::Rejection;
use crate::watched_file::WatchedFile;

/// The shortest pause between two times that an issuer is asked, whatever keys tokens name.
const PAUSE: Duration = Duration::from_secs(30);
/// How long keys are used without asking again, when their sender does not say.
const USUAL_AGE: Duration = Duration::from_secs(3_600);
/// The bounds of what a sender may say.
const SHORTEST_AGE: Duration = Duration::from_secs(60);
const LONGEST_AGE: Duration = Duration::from_secs(24 * 3_600);
/// How long keys are used while nobody can be asked. Longer, and a key that its issuer withdrew would open for ever to
/// those who can cut us off.
const STALE_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) struct IssuerKeys {
    issuer: String,
    origin: Origin,
    held: RwLock<Held>,
    /// One question at a time.
    asking: Arc<Mutex<()>>,
    /// Counts changes of keys, all issuers' together.
    changes: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Origin {
    File(WatchedFile),
    Url(String),
    Discovery(String),
}

/// What is known. Times are of [`Host::elapsed`].
#[derive(Debug, Default)]
struct Held {
    set: Option<Arc<KeySet>>,
    /// When they came, and how long they need not be asked for again.
    came: Duration,
    fresh_for: Duration,
    asked: Option<Duration>,
}

impl IssuerKeys {
    /// Those of an issuer. A file is read now, and must be readable; the error is in words. `changes` is counted up
    /// after each change.
    pub(crate) fn new(issuer: &Issuer, changes: Arc<AtomicU64>) -> Result<Self, String> {
        let origin = match &issuer.keys {
            KeySource::File(path) => Origin::File(WatchedFile::new(path)),
            KeySource::Url(url) => Origin::Url(url.clone()),
            KeySource::Discovery => {
                let issuer = issuer.issuer.trim_end_matches('/');
                Origin::Discovery(format!("{issuer}/.well-known/openid-configuration"))
            }
        };
        let set = match &origin {
            Origin::File(file) => Some(Arc::new(read_file(file)?)),
            Origin::Url(_) | Origin::Discovery(_) => None,
        };
        let held = RwLock::new(Held { set, ..Held::default() });
        Ok(IssuerKeys { issuer: issuer.issuer.clone(), origin, held, asking: Arc::default(), changes })
    }

    /// The keys among which `id` is, or would be: an issuer whose keys are not known yet, or who may have made a new
    /// one, is asked, though never more often than each [`PAUSE`].
    pub(crate) async fn with(self: &Arc<Self>, id: &str, host: &Host) -> Result<Arc<KeySet>, Rejection> {
        let usable = || self.usable(host);
        if let Some(set) = usable()
            && set.get(id).is_some()
        {
            return Ok(set);
        }
        if self.is_remote() {
            let one = self.asking.clone().lock_owned().await;
            let known = usable().is_some_and(|set| set.get(id).is_some());
            if !known && self.may_ask(host) {
                let (keys, host) = (self.clone(), host.clone());
                // To its end, even if the caller goes away: whoever did that twice a minute could keep the keys from
                // everybody. A panic in it is nobody's keys.
                let asked = tokio::spawn(async move {
                    let _one = one;
                    keys.ask(&host).await;
                });
                asked.await.map_err(|_| Rejection::NoKeys)?;
            }
        }
        usable().ok_or(Rejection::NoKeys)
    }

    /// Reads a file that has changed.
    pub(crate) fn look(&self) {
        let Origin::File(file) = &self.origin else { return };
        if !file.has_changed() {
            return;
        }
        let issuer = &self.issuer;
        match read_file(file) {
            Ok(set) => {
                self.held.write().set = Some(Arc::new(set));
                self.changes.fetch_add(1, Ordering::SeqCst);
                tracing::info!(issuer, "the issuer's keys were read again");
            }
            Err(why) => tracing::warn!(issuer, "the issuer's last good keys stay in use: {why}"),
        }
    }

    /// Asks the issuer when its keys are no longer fresh.
    pub(crate) async fn renew(&self, host: &Host) {
        let is_due = || {
            let held = self.held.read();
            held.set.is_none() || host.elapsed() >= held.came + held.fresh_for
        };
        if !self.is_remote() || !is_due() {
            return;
        }
        let _one = self.asking.lock().await;
        if is_due() && self.may_ask(host) {
            self.ask(host).await;
        }
    }

    fn is_remote(&self) -> bool {
        match &self.origin {
            Origin::File(_) => false,
            Origin::Url(_) | Origin::Discovery(_) => true,
        }
    }

    fn usable(&self, host: &Host) -> Option<Arc<KeySet>> {
        let held = self.held.read();
        let is_stale = self.is_remote() && host.elapsed() > held.came + STALE_AGE;
        held.set.clone().filter(|_| !is_stale)
    }

    fn may_ask(&self, host: &Host) -> bool {
        self.held.read().asked.is_none_or(|asked| host.elapsed() >= asked + PAUSE)
    }

    /// Asks; keeps what it has when there is no good answer.
    async fn ask(&self, host: &Host) {
        self.held.write().asked = Some(host.elapsed());
        let issuer = &self.issuer;
        match self.answer().await {
            Ok((set, max_age)) => {
                let fresh_for = max_age.unwrap_or(USUAL_AGE).clamp(SHORTEST_AGE, LONGEST_AGE);
                let asked = Some(host.elapsed());
                *self.held.write() =
                    Held { set: Some(Arc::new(set)), came: host.elapsed(), fresh_for, asked };
                self.changes.fetch_add(1, Ordering::SeqCst);
                tracing::debug!(issuer, ?fresh_for, "the issuer told its keys");
            }
            Err(why) => tracing::warn!(issuer, "the issuer's keys could not be fetched: {why}"),
        }
    }

    async fn answer(&self) -> Result<(KeySet, Option<Duration>), String> {
        let url = match &self.origin {
            Origin::File(_) => unreachable!("files are not asked"),
            Origin::Url(url) => url.clone(),
            Origin::Discovery(url) => self.discover(url).await?,
        };
        let fetched = fetch::get(&url).await?;
        let set = KeySet::read(&fetched.body).map_err(|why| format!("{url}: {why}"))?;
        Ok((set, fetched.max_age))
    }

    /// Where the issuer says its keys are (OpenID Connect Discovery 1.0, 4).
    async fn discover(&self, url: &str) -> Result<String, String> {
        let fetched = fetch::get(url).await?;
        let told: serde_json::Value =
            serde_json::from_slice(&fetched.body).map_err(|error| format!("{url}: {error}"))?;
        if told["issuer"].as_str() != Some(&self.issuer) {
            return Err(format!("{url}: it is of another issuer: {}", told["issuer"]));
        }
        let keys = told["jwks_uri"].as_str();
        keys.map(str::to_owned).ok_or_else(|| format!("{url}: it does not say where the keys are (jwks_uri)"))
    }
}

fn read_file(file: &WatchedFile) -> Result<KeySet, String> {
    let name = file.path().display();
    match file.read(KEY_SET_BYTES) {
        Ok(Some(bytes)) => KeySet::read(&bytes).map_err(|why| format!("{name}: {why}")),
        Ok(None) => Err(format!("{name} is not there")),
        Err(why) => Err(format!("{name}: {why}")),
    }
}
