//! The door that verifies.
//!
//! A token is one of three things: an access token that this server gave, a token that an account signed for itself, or
//! a token that an issuer gave to an end user. Which one is decided by its form and its issuer, each is checked by its own
//! room, and what was good is remembered until it ends or keys change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host::Host;
use model::principal::Account;
use model::{Principal, Status};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::access_token;
use crate::accounts::{Accounts, LONGEST};
use crate::admitted::{Admitted, Seen};
use crate::credentials::{Credentials, TOKEN_BYTES};
use crate::door::{AccessToken, Failure};
use crate::jwt::Jwt;
use crate::options::{self, Issuer, Options};
use crate::refusal::{Refusal, Rejection};
use crate::register::{REGISTER_BYTES, Register};
use crate::secret::Secret;
use crate::times::{Times, Window};
use crate::users::{self, TrustedIssuer};
use crate::watched_file::WatchedFile;

/// How often files are looked at: a key that is withdrawn opens nothing after so long.
const LOOK: Duration = Duration::from_secs(1);
/// How long the end of a key that is far off is waited for at once: the machine's clock may be set meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The only kind of grant there is.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Everything that a door needs to verify tokens.
pub(crate) struct Verified {
    host: Host,
    issuers: Vec<TrustedIssuer>,
    register: WatchedFile,
    /// One reader of it at a time.
    reading: Mutex<()>,
    accounts: watch::Sender<Arc<Accounts>>,
    secret: Secret,
    audiences: Vec<String>,
    skew: Duration,
    admitted: Admitted,
    /// Counts changes of keys.
    changes: Arc<AtomicU64>,
}

impl Verified {
    /// Reads the register and the issuers' files.
    pub(crate) fn new(options: Options, host: Host) -> Result<Self, Failure> {
        options::check(&options.issuers).map_err(Failure::Issuers)?;
        let register = WatchedFile::new(&options.key_register);
        let accounts = read_accounts(&register)
            .map_err(|why| Failure::Register { path: options.key_register.clone(), why })?;
        let changes = Arc::new(AtomicU64::new(0));
        let trust = |issuer: Issuer| {
            let name = issuer.issuer.clone();
            TrustedIssuer::new(issuer, changes.clone()).map_err(|why| Failure::Keys { issuer: name, why })
        };
        let issuers = options.issuers.into_iter().map(trust).collect::<Result<_, _>>()?;
        Ok(Verified {
            host,
            issuers,
            accounts: watch::Sender::new(Arc::new(accounts)),
            secret: Secret::beside(&options.key_register),
            register,
            reading: Mutex::new(()),
            audiences: options.audiences,
            skew: options.clock_skew,
            admitted: Admitted::default(),
            changes,
        })
    }

    /// Who sends these.
    pub(crate) async fn admit(&self, credentials: &Credentials<'_>) -> Result<Principal, Status> {
        let Some(token) = credentials.token() else { return Ok(Principal::Anonymous) };
        if token.len() > TOKEN_BYTES {
            return Err(Rejection::NotCredentials.status(credentials));
        }
        // Before any key is looked at: what is remembered with an older state is not found.
        let state = self.changes.load(Ordering::SeqCst);
        let times = self.times();
        let remembered = credentials.connection;
        if let Some(principal) = remembered.and_then(|known| known.get(token, times.now, state)) {
            return Ok(principal);
        }
        let remember = |seen: &Seen| remembered.into_iter().for_each(|known| known.set(token, seen));
        if let Some(seen) = self.admitted.get(token, times.now, state) {
            remember(&seen);
            return Ok(seen.principal);
        }
        let mut verified = self.verify(token, times).await;
        if matches!(verified, Err(Rejection::NotCredentials)) && self.has_other_keys_than(state) {
            verified = self.verify(token, times).await;
        }
        let (principal, window) = verified.map_err(|rejection| rejection.status(credentials))?;
        let seen = Seen { principal, until: window.taken_until, state };
        remember(&seen);
        self.admitted.insert(token, seen.clone());
        Ok(seen.principal)
    }

    async fn verify(&self, token: &str, times: Times) -> Result<(Principal, Window), Rejection> {
        if access_token::is_one(token) {
            return self.verify_access_token(token, times);
        }
        let jwt = Jwt::read(token).ok_or(Rejection::NotCredentials)?;
        if Accounts::claim(&jwt) {
            return self.accounts().admit(&jwt, &self.audiences, times);
        }
        users::admit(jwt, &self.issuers, times, &self.host).await
    }

    fn verify_access_token(&self, token: &str, times: Times) -> Result<(Principal, Window), Rejection> {
        let secret = self.secret.existing().unwrap_or_else(|why| {
            tracing::warn!("access tokens cannot be verified: {why}");
            None
        });
        let secret = secret.ok_or(Rejection::NotCredentials)?;
        let (key_id, expires) = access_token::read(&secret, token).ok_or(Rejection::NotCredentials)?;
        self.accounts().bearer(key_id, expires, times.now)
    }

    /// An access token for an assertion.
    pub(crate) fn exchange(&self, grant_type: &str, assertion: &str) -> Result<AccessToken, Refusal> {
        if grant_type != GRANT_TYPE {
            return Err(Refusal::new(
                "unsupported_grant_type",
                format!("`grant_type` must be {GRANT_TYPE}."),
            ));
        }
        if assertion.len() > TOKEN_BYTES {
            return Err(Refusal::new("invalid_request", "The assertion is too long."));
        }
        let (state, times) = (self.changes.load(Ordering::SeqCst), self.times());
        let ask = || self.accounts().assert(assertion, &self.audiences, times);
        let mut asked = ask();
        if asked.is_err() && self.has_other_keys_than(state) {
            asked = ask();
        }
        let key = asked?;
        let secret = self.secret.or_made(&self.host).map_err(|why| {
            tracing::error!("no access tokens can be given: {why}");
            Refusal::new("server_error", "The server cannot give access tokens; its log says why.")
        })?;
        let hour = Duration::from_secs(LONGEST.unsigned_abs());
        let expires = key.expires.map_or(times.now.after(hour), |end| end.min(times.now.after(hour)));
        Ok(AccessToken {
            access_token: access_token::write(&secret, &key.id, expires),
            token_type: "Bearer",
            expires_in: (expires.0 - times.now.0).unsigned_abs(),
        })
    }

    /// Done when the key with which `account` proved who it is is good no more.
    pub(crate) fn withdrawn(&self, account: Arc<Account>) -> impl Future<Output = ()> + Send + use<> {
        let (mut accounts, host, skew) = (self.accounts.subscribe(), self.host.clone(), self.skew);
        async move {
            loop {
                let now = Times::new(host.now_micros(), skew).now;
                let Some(until) = accounts.borrow_and_update().stands(&account, now) else { return };
                let left = Duration::from_secs(until.0.abs_diff(now.0)).min(LOOK_AGAIN);
                tokio::select! {
                    changed = accounts.changed() => if changed.is_err() {
                        // The door is gone, and with it all that it let in.
                        return;
                    },
                    () = tokio::time::sleep(left) => {}
                }
            }
        }
    }

    /// Looks at files and asks issuers, for ever.
    pub(crate) async fn follow(self: &Arc<Self>) {
        tokio::join!(self.follow_files(), self.follow_issuers());
    }

    async fn follow_files(self: &Arc<Self>) {
        let mut looks = looks();
        loop {
            looks.tick().await;
            // A file system that hangs holds up nothing else. What is spawned fails when the server ends.
            let door = self.clone();
            if tokio::task::spawn_blocking(move || door.look()).await.is_err() {
                return;
            }
        }
    }

    async fn follow_issuers(&self) {
        let mut looks = looks();
        loop {
            looks.tick().await;
            self.renew().await;
        }
    }

    /// Reads the files that have changed.
    pub(crate) fn look(&self) {
        for issuer in &self.issuers {
            issuer.keys.look();
        }
        self.look_at_register();
    }

    /// Looks at the register, and tells whether keys are others than in a state. Whoever is refused is worth a look:
    /// their key may have been made a moment ago.
    fn has_other_keys_than(&self, state: u64) -> bool {
        self.look_at_register();
        self.changes.load(Ordering::SeqCst) != state
    }

    /// Reads the register if it has changed. Who comes while it is read waits for it.
    fn look_at_register(&self) {
        let _one = self.reading.lock();
        if !self.register.has_changed() {
            return;
        }
        let register = self.register.path().display();
        match read_accounts(&self.register) {
            Ok(accounts) => {
                self.accounts.send_replace(Arc::new(accounts));
                self.changes.fetch_add(1, Ordering::SeqCst);
                tracing::info!(%register, "the key register was read again");
            }
            Err(why) => {
                tracing::warn!(%register, "the key register cannot be used, the last good one goes on: {why}");
            }
        }
    }

    /// Asks issuers whose keys are no longer fresh.
    pub(crate) async fn renew(&self) {
        for issuer in &self.issuers {
            issuer.keys.renew(&self.host).await;
        }
    }

    fn accounts(&self) -> Arc<Accounts> {
        self.accounts.borrow().clone()
    }

    fn times(&self) -> Times {
        Times::new(self.host.now_micros(), self.skew)
    }
}

fn looks() -> tokio::time::Interval {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// A register that is not there has no keys.
fn read_accounts(register: &WatchedFile) -> Result<Accounts, String> {
    let register = match register.read(REGISTER_BYTES)? {
        Some(bytes) => Register::read(&bytes)?,
        None => Register::empty(),
    };
    Ok(Accounts::new(register))
}
