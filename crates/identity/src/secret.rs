//! The secret with which the server signs access tokens: in a file beside the register, so that tokens outlive a
//! restart, made when it is first needed.

use std::fmt;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use host::Host;
use parking_lot::Mutex;
use ring::hmac;

use crate::watched_file;

const SECRET_BYTES: usize = 32;
/// More than the file ever has.
const FILE_BYTES: usize = 1_024;
/// The permission bits of everybody but the owner and the group.
const OTHERS: u32 = 0o007;

/// The secret, once it is known.
pub(crate) struct Secret {
    path: PathBuf,
    known: Mutex<Option<hmac::Key>>,
}

impl Secret {
    /// The one beside a register. It is read when it is needed.
    pub(crate) fn beside(register: &Path) -> Self {
        Secret { path: register.with_extension("secret"), known: Mutex::new(None) }
    }

    /// The secret; None when none was ever made. An error is in words.
    pub(crate) fn existing(&self) -> Result<Option<hmac::Key>, String> {
        let mut known = self.known.lock();
        if known.is_none() {
            *known = read(&self.path)?;
        }
        Ok(known.clone())
    }

    /// The secret, made if there is none. An error is in words.
    pub(crate) fn or_made(&self, host: &Host) -> Result<hmac::Key, String> {
        if let Some(known) = self.existing()? {
            return Ok(known);
        }
        let text = STANDARD.encode(host.secret::<SECRET_BYTES>());
        make(&self.path, &text).map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.existing()?.ok_or_else(|| format!("{} vanished", self.path.display()))
    }
}

impl fmt::Debug for Secret {
    /// Where it is, not what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("path", &self.path).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Option<hmac::Key>, String> {
    let name = path.display();
    let text = watched_file::read(path, FILE_BYTES).map_err(|why| format!("{name}: {why}"))?;
    let Some(text) = text else { return Ok(None) };
    let mode = fs::metadata(path).map_err(|error| format!("{name}: {error}"))?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(format!("{name}: everybody on this machine can read it: chmod o= {name}"));
    }
    let bytes = STANDARD.decode(text.trim_ascii()).ok().filter(|bytes| bytes.len() == SECRET_BYTES);
    let bytes = bytes.ok_or_else(|| {
        format!(
            "{name}: it is damaged; remove it, and a new one is made (clients then fetch new access tokens)"
        )
    })?;
    Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

/// Writes the file whole or not at all, and leaves one that is there already.
fn make(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let new = path.with_extension(format!("secret.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes a directory that is the owner's alone, unless it is there.
pub(crate) fn make_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
