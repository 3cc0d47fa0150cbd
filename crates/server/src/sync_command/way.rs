//! Where the server is, and who asks: what the command line and the environment say together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sync::{Address, Credentials, Failure, Kind};

use super::arguments::ServerArguments;

const EMULATOR: &str = "FIRESTORE_EMULATOR_HOST";
const KEY_FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// See the module.
pub(super) struct Way {
    pub(super) address: Address,
    pub(super) credentials: Arc<Credentials>,
}

impl Way {
    pub(super) fn find(arguments: &ServerArguments) -> Result<Way, Failure> {
        let key_file = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let (url, kept) = match arguments.from.as_str() {
            "emulator" => (emulator()?, None),
            "production" => (Address::PRODUCTION.to_owned(), key_file(KEY_FILE)),
            url if url.starts_with("https://") => (url.to_owned(), key_file(KEY_FILE)),
            url => (url.to_owned(), None),
        };
        let credentials = match arguments.credentials.as_deref().or(kept.as_deref()) {
            Some(path) => key(path, &url)?,
            None if arguments.from == "production" => {
                return Err(Failure::new(
                    Kind::Denied,
                    format!("production needs credentials: give a key file with --credentials or {KEY_FILE}"),
                ));
            }
            None if url.starts_with("https://") => Credentials::Nobody,
            None => Credentials::Owner,
        };
        let address = Address { url, authorities: arguments.ca.clone() };
        Ok(Way { address, credentials: Arc::new(credentials) })
    }
}

fn emulator() -> Result<String, Failure> {
    match std::env::var(EMULATOR) {
        Ok(host) if !host.is_empty() => Ok(format!("http://{host}")),
        _ => Err(Failure::new(
            Kind::Local,
            format!(
                "{EMULATOR} is not set: set it to the emulator's host:port, or name a server with --from"
            ),
        )),
    }
}

/// A signed token is as good as a password for an hour, so it does not travel in the open.
fn key(path: &Path, url: &str) -> Result<Credentials, Failure> {
    let near = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    if url.starts_with("http://") && !near.iter().any(|near| url.starts_with(near)) {
        let message = format!("{url} is not encrypted, and credentials would be read on the way: use https");
        return Err(Failure::new(Kind::Denied, message));
    }
    Credentials::from_file(path)
}
