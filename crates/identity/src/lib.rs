//! Who calls: tokens are verified here, keys issued, roles kept.
//!
//! A [`Door`] is asked who sends some [`Credentials`] and answers a [`model::Principal`]. Suggested reading: `door`,
//! then `development` (believes everybody) and `verified` (believes signatures), from there `users` with `issuer_keys` and
//! `accounts` with `register`. A [`Registrar`] makes the keys of accounts.
//!
//! No type here shows a token, a private key or the secret in its `Debug`.

mod credentials;
mod door;
mod options;

mod development;
mod verified;

mod claims;
mod issuer_keys;
mod users;

mod access_token;
mod accounts;
mod key_file;
mod register;
mod registrar;
mod secret;

mod address;
mod admitted;
mod fetch;
mod jwt;
mod key_set;
mod moment;
mod public_key;
mod refusal;
mod times;
mod watched_file;

#[cfg(test)]
mod tests;

pub use admitted::Remembered;
pub use credentials::{Called, Credentials};
pub use door::{AccessToken, Door, Failure};
pub use key_file::KeyFile;
pub use moment::Moment;
pub use options::{CLOCK_SKEW, Issuer, KeySource, Options, REGISTER};
pub use refusal::Refusal;
pub use register::Key;
pub use registrar::{NewKey, Registrar};
