//! Verifying: is the cache what the server has?

use crate::cache::Cache;
use crate::client::Client;
use crate::comparison::{self, Plan};
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::keeper::Keeper;
use crate::settings::{Differences, Event, Observer};
use crate::stop::Stop;

/// What to verify, and what to do about differences.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verification {
    /// Make the cache equal. It must have been opened for writing.
    pub repair: bool,
    /// Only compare numbers, and keys where they differ: reads a thousandth, and does not see stale documents.
    pub only_numbers: bool,
}

/// Compares a cache with the server as of the time that the cache shows, if the server still knows it; otherwise with
/// the present, where what was written later counts as ahead and not as missing.
///
/// # Errors
///
/// Nobody can be asked, or the file cannot be read.
pub async fn verify(
    client: &Client,
    cache: Cache,
    verification: Verification,
    observer: &Observer,
    stop: &Stop,
) -> Result<Differences, Failure> {
    let cursor = cache.cursor()?;
    let Some(as_of) = cursor.as_of() else {
        return Err(Failure::new(
            Kind::Cache,
            "the first copy is not whole yet: run `irori sync --once` first",
        ));
    };
    let eligible = match cursor {
        Cursor::Polling(polled) => Some((polled.field, polled.since)),
        Cursor::Fresh | Cursor::Copying { .. } | Cursor::Following { .. } => None,
    };
    let keeper = Keeper::new(cache, None, client.meters(), observer.clone());
    let plan = Plan {
        at: Some(as_of),
        known_until: Some(as_of),
        all_keys: !verification.only_numbers,
        repair: verification.repair,
        pace: None,
        eligible,
    };
    match comparison::compare(client, &keeper, &plan, observer, stop).await {
        Ok((differences, _)) => Ok(differences),
        Err(failure) if failure.kind == Kind::TooOld => {
            let why =
                format!("the server does not know the cache's time {as_of} any more: this is the present");
            observer.tell(&Event::Warning(&why));
            let plan = Plan { at: None, ..plan };
            comparison::compare(client, &keeper, &plan, observer, stop)
                .await
                .map(|(differences, _)| differences)
        }
        Err(failure) => Err(failure),
    }
}
