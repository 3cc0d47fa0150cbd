//! Editing the register: one at a time, each change whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host::Host;
use http::Uri;
use model::principal::Grant;

use crate::accounts::ACCOUNT_DOMAIN;
use crate::door::Failure;
use crate::key_file::{KeyFile, Pair};
use crate::moment::Moment;
use crate::register::{Account, KEYS, KEYS_OF_AN_ACCOUNT, Key, REGISTER_BYTES, Register};
use crate::secret::make_directory;
use crate::watched_file;

/// Random bytes of a key's id.
const ID_BYTES: usize = 20;
const NAME_CHARACTERS: usize = 63;
const PROJECT_CHARACTERS: usize = 100;
/// The least of an id that names a key.
const SHORTEST_ID: usize = 6;

/// Makes, lists and withdraws keys. A server that follows the register notices.
pub struct Registrar {
    path: PathBuf,
    host: Host,
    /// Makes the pair of the next key, before which there are so many: tests have a few pairs, which are slow to make.
    make_pair: fn(&Host, usize) -> Result<Pair, String>,
}

/// For whom a key is to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The account's name in its project.
    pub name: String,
    pub grant: Grant,
    /// Where clients reach the server: `https://host:port`.
    pub server: String,
    /// What the file says for `universe_domain`; None for one that follows from the server's address.
    pub universe_domain: Option<String>,
    /// How long it is good. None: until it is withdrawn.
    pub lifetime: Option<Duration>,
}

impl Registrar {
    /// One for the register of this file, which the first key makes.
    pub fn new(path: impl Into<PathBuf>, host: Host) -> Self {
        Registrar { path: path.into(), host, make_pair: |host, _| Pair::generate(host) }
    }

    /// One whose pairs are made otherwise.
    #[cfg(test)]
    pub(crate) fn with_pairs(self, make_pair: fn(&Host, usize) -> Result<Pair, String>) -> Self {
        Registrar { make_pair, ..self }
    }

    /// All keys, the oldest first.
    pub fn list(&self) -> Result<Vec<Key>, Failure> {
        Ok(self.read().map_err(|why| self.failure(why))?.keys)
    }

    /// Makes a key for a new account, or one more with the same rights for an account that is there.
    pub fn create(&self, wanted: &NewKey) -> Result<KeyFile, Failure> {
        self.edit(|register, now| {
            let email = address(&wanted.name, &wanted.grant.project)?;
            let differs = |key: &&Key| key.email == email && key.is_good(now) && key.grant() != wanted.grant;
            if let Some(other) = register.keys.iter().find(differs) {
                return Err(format!(
                    "{email} has other rights by key {}; choose another name, or revoke that key first",
                    other.id
                ));
            }
            let server = server(&wanted.server)?;
            let universe = wanted.universe_domain.clone().unwrap_or_else(|| universe_domain(&server));
            let expires = wanted.lifetime.map(|lifetime| now.after(lifetime));
            self.issue(
                register,
                Account { email, grant: wanted.grant.clone(), server, universe },
                expires,
                now,
            )
        })
    }

    /// Withdraws a key: what is signed with it and the access tokens it brought open nothing any more.
    pub fn revoke(&self, id: &str) -> Result<Key, Failure> {
        self.edit(|register, now| {
            let key = find(register, id)?;
            key.revoked.get_or_insert(now);
            Ok(key.clone())
        })
    }

    /// Makes another key for the account of one, which stays good for `overlap` more. The new one is good for as long
    /// as the old one was made for.
    pub fn rotate(&self, id: &str, overlap: Duration) -> Result<KeyFile, Failure> {
        self.edit(|register, now| {
            let old = find(register, id)?;
            if !old.is_good(now) {
                return Err(format!("key {id} is not good any more; create one instead"));
            }
            let span = old.expires.map(|end| Duration::from_secs(end.0.abs_diff(old.created.0)));
            let until = now.after(overlap);
            old.expires = Some(old.expires.map_or(until, |end| end.min(until)));
            let account = Account {
                email: old.email.clone(),
                grant: old.grant(),
                server: old.server.clone(),
                universe: old.universe_domain.clone(),
            };
            self.issue(register, account, span.map(|span| now.after(span)), now)
        })
    }

    fn issue(
        &self,
        register: &mut Register,
        account: Account,
        expires: Option<Moment>,
        now: Moment,
    ) -> Result<KeyFile, String> {
        let good = register.keys.iter().filter(|key| key.email == account.email && key.is_good(now)).count();
        if good >= KEYS_OF_AN_ACCOUNT {
            let email = account.email;
            return Err(format!("{email} has {KEYS_OF_AN_ACCOUNT} keys; revoke one that is not used"));
        }
        if register.keys.len() >= KEYS {
            return Err(format!("there are {KEYS} keys; remove old ones from the file"));
        }
        let id: String = self.host.secret::<ID_BYTES>().iter().map(|byte| format!("{byte:02x}")).collect();
        let pair = (self.make_pair)(&self.host, register.keys.len())?;
        let key = Key::new(id, account, &pair.public, now, expires);
        register.keys.push(key.clone());
        Ok(KeyFile::new(key, &pair, &self.host))
    }

    /// Changes the register while nobody else does.
    fn edit<T>(&self, change: impl FnOnce(&mut Register, Moment) -> Result<T, String>) -> Result<T, Failure> {
        let edited = || {
            let _alone = lock(&self.path)?;
            let mut register = self.read()?;
            let outcome = change(&mut register, Moment::from_micros(self.host.now_micros()))?;
            write(&self.path, &register.write()).map_err(|error| error.to_string())?;
            Ok(outcome)
        };
        edited().map_err(|why| self.failure(why))
    }

    fn read(&self) -> Result<Register, String> {
        match watched_file::read(&self.path, REGISTER_BYTES)? {
            Some(bytes) => Register::read(&bytes),
            None => Ok(Register::empty()),
        }
    }

    fn failure(&self, why: String) -> Failure {
        Failure::Register { path: self.path.clone(), why }
    }
}

/// Waits until nobody else edits. The lock ends with the file.
fn lock(register: &Path) -> Result<File, String> {
    let directory = register.parent().unwrap_or(Path::new("."));
    let locked = || {
        make_directory(directory)?;
        let path = register.with_extension("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    };
    locked().map_err(|error: std::io::Error| error.to_string())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn find<'a>(register: &'a mut Register, id: &str) -> Result<&'a mut Key, String> {
    let mut found = register.keys.iter_mut().filter(|key| key.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(key), None) if id.len() >= SHORTEST_ID => Ok(key),
        (Some(_), Some(_)) => Err(format!("more than one key begins with {id}")),
        _ => Err(format!("there is no key {id}; see `irori keys list`")),
    }
}

/// An account's address.
fn address(name: &str, project: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARACTERS || !name.chars().all(is_plain) {
        return Err(format!(
            "`{name}` is no name for an account; use a-z, 0-9 and -, at most {NAME_CHARACTERS}"
        ));
    }
    let is_id = |c: char| is_plain(c) || c == '.' || c == ':';
    if project.is_empty() || project.len() > PROJECT_CHARACTERS || !project.chars().all(is_id) {
        return Err(format!("`{project}` is no project's id; it has a-z, 0-9 and -"));
    }
    // A project of a domain, `example.com:shop`, is turned round as Google does it.
    let project = match project.split_once(':') {
        Some((domain, project)) => format!("{project}.{domain}"),
        None => project.to_owned(),
    };
    Ok(format!("{name}@{project}{ACCOUNT_DOMAIN}"))
}

/// The server's address without anything behind the port.
fn server(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no server's address; write it like https://db.example.com:8443");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let plain = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.path() == "/"
        && uri.query().is_none()
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if !plain { Err(wrong()) } else { Ok(text.trim_end_matches('/').to_owned()) }
}

/// The server's host, without the `firestore.` that libraries put before a universe.
fn universe_domain(server: &str) -> String {
    let host = server.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let host = host.unwrap_or_default();
    host.strip_prefix("firestore.").map_or(host.clone(), str::to_owned)
}
