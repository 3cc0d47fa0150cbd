//! Who calls: tokens are verified here, keys issued, roles kept.
//!
//! A [`Door`] is asked who sends some [`Credentials`] and answers a [`model::Principal`]. Suggested reading: `door`,
//! then `development` (believes everybody) and `verified` (believes signatures).

mod address;
mod claims;
mod credentials;
mod development;
mod door;
mod fetch;
mod jwt;
mod key_set;
mod options;
mod public_key;
mod refusal;
mod verified;

pub use credentials::Credentials;
pub use door::{AccessToken, Door, Failure};
pub use options::{CLOCK_SKEW, Issuer, KeySource, Options, REGISTER};
pub use refusal::Refusal;
