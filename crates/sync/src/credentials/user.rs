//! A person, by the file that `gcloud auth application-default login` writes.
//!
//! It holds a refresh token, which a token server exchanges for one that calls go with (RFC 6749, section 6).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tonic::body::Body;
use tower::ServiceExt as _;

use super::{EARLY, KeyFile};
use crate::connection::Address;
use crate::failure::{Failure, Kind, deepest};
use crate::time::Time;

/// Where Google exchanges them. The files do not say it.
const TOKEN_SERVER: &str = "https://oauth2.googleapis.com/token";
/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// An answer is a token and a few words.
const MOST_BYTES: usize = 64 * 1024;
/// What is shown of a refusal.
const MOST_SHOWN: usize = 200;

/// A person who has logged in.
pub struct User {
    /// The project that pays for the calls.
    pub(super) project: Option<String>,
    at: Address,
    /// What is asked: secret.
    form: String,
    token: Mutex<Option<(String, Time)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl User {
    pub(super) fn of(file: KeyFile, shown: &str) -> Result<User, Failure> {
        let denied = |why: &str| Failure::new(Kind::Denied, format!("{shown} {why}"));
        let (Some(id), Some(secret), Some(token)) = (file.client_id, file.client_secret, file.refresh_token)
        else {
            return Err(denied("is not whole: it needs client_id, client_secret and refresh_token"));
        };
        let url = file.token_uri.unwrap_or_else(|| TOKEN_SERVER.to_owned());
        let uri: Uri = url.parse().map_err(|_| denied("has a token_uri that is no address"))?;
        let near = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if uri.scheme_str() != Some("https") && !near {
            return Err(denied("has a token_uri without https: its secrets would be read on the way"));
        }
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form = format!(
            "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
            encoded(&id),
            encoded(&secret),
            encoded(&token)
        );
        let at = Address { url, authorities: None };
        Ok(User { project: file.quota_project_id, at, form, token: Mutex::new(None) })
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self, now: Time) -> Result<String, Failure> {
        if let Some((token, until)) = &*self.token.lock().expect("nobody panics while holding it")
            && now < *until
        {
            return Ok(token.clone());
        }
        let granted = tokio::time::timeout(PATIENCE, self.exchange())
            .await
            .map_err(|_| Failure::too_slow("could not get a token", PATIENCE))??;
        let life = Duration::from_secs(granted.expires_in);
        let until = now.plus(life.saturating_sub(EARLY).max(life / 2));
        let token = granted.access_token;
        *self.token.lock().expect("nobody panics while holding it") = Some((token.clone(), until));
        Ok(token)
    }

    /// Forgets the token.
    pub(super) fn renew(&self) {
        *self.token.lock().expect("nobody panics while holding it") = None;
    }

    async fn exchange(&self) -> Result<Granted, Failure> {
        let passing = |why: String| Failure::new(Kind::Passing, format!("could not get a token: {why}"));
        let request = Request::post(&self.at.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::new(Full::new(Bytes::from(self.form.clone()))))
            .expect("an address that was read, and plain headers");
        // An exchange is once an hour: no connection waits for the next.
        let server = self.at.channel(Arc::default())?;
        let answer = server.oneshot(request).await.map_err(|error| passing(deepest(&error).to_string()))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| passing(error.to_string()))?.to_bytes();
        match status {
            StatusCode::OK => {
                serde_json::from_slice(&body).map_err(|_| passing("the answer holds none".to_owned()))
            }
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Err(refused(status, &body))
            }
            status => Err(passing(format!("the token server answered {status}"))),
        }
    }
}

/// Asking again does not help.
fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let Refused { error, error_description } = serde_json::from_slice(body).unwrap_or_default();
    let why: String = format!("{error} {error_description}").chars().take(MOST_SHOWN).collect();
    let message = format!(
        "the token server does not accept these credentials: {} ({status}); log in again with `gcloud auth \
         application-default login`, or use a service account's key",
        why.trim()
    );
    Failure::new(Kind::Denied, message)
}
