//! What those above ask of the door besides letting callers in.

use std::time::Duration;

use model::Principal;

use crate::Service;

pub use identity::{AccessToken, Called, Credentials, Refusal, Remembered};

impl Service {
    /// True when callers are believed, as Google's emulator does.
    pub fn is_development(&self) -> bool {
        self.door.is_development()
    }

    /// An access token for an assertion that an account signed (RFC 7523).
    ///
    /// # Errors
    /// Why there is none, in OAuth's words.
    pub async fn exchange(&self, grant_type: &str, assertion: &str) -> Result<AccessToken, Refusal> {
        self.door.exchange(grant_type, assertion).await
    }

    /// Done when the key with which a principal proved who it is was withdrawn; None for who came without a key.
    pub fn withdrawn(&self, principal: &Principal) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.door.withdrawn(principal)
    }

    /// How long what a principal proved is good; None when it always is.
    pub fn expires_in(&self, principal: &Principal) -> Option<Duration> {
        let left = principal.expires()?.micros().saturating_sub(self.now().micros());
        Some(Duration::from_micros(u64::try_from(left).unwrap_or(0)))
    }
}
