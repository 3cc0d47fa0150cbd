//! The certificate, the key and the authorities of clients: read at the start, and again when they change.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway::{Identity, Plain, Refusal, Tls};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::arguments::TlsArguments;
use crate::failure::Failure;
use crate::stamp::{Stamp, follow};

/// Bytes of one file; a chain has a few thousand, and all public authorities together not a million.
const FILE_BYTES: u64 = 4 << 20;
/// The permission bits of everybody but the owner and the group.
const OTHERS: u32 = 0o007;

/// The files that make up an identity.
#[derive(Clone)]
pub(crate) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Files {
    /// Those that the command line names; None when it asks for no TLS.
    pub(crate) fn named(arguments: &TlsArguments) -> Option<Self> {
        Some(Files {
            certificate: arguments.tls_certificate.clone()?,
            key: arguments.tls_key.clone()?,
            client_ca: arguments.tls_client_ca.clone(),
        })
    }

    /// Reads them. Fails with the file that is wrong, and what to do.
    fn read(&self) -> Result<Identity, Failure> {
        Ok(Identity {
            chain: certificates(&self.certificate)?,
            key: key(&self.key)?,
            client_authorities: self.client_ca.as_deref().map(certificates).transpose()?,
        })
    }

    /// A refusal in words: which file, what is wrong, what to do.
    fn explain(&self, refusal: Refusal) -> Failure {
        let certificate = self.certificate.display();
        let key = self.key.display();
        Failure::new(match refusal {
            Refusal::Certificate(why) => format!("the certificate {certificate} cannot be used: {why}"),
            Refusal::Expired { ago } => {
                format!("the certificate {certificate} expired {} ago; put a new one there", span(ago))
            }
            Refusal::NotYet { wait } => format!(
                "the certificate {certificate} holds only in {}; look at this machine's clock, or wait",
                span(wait)
            ),
            Refusal::Key(why) => format!("the private key {key} cannot be used: {why}"),
            Refusal::KeyOfAnother => format!(
                "the private key {key} does not belong to the certificate {certificate}; the file of \
                 certificates must begin with the server's own"
            ),
            Refusal::ClientAuthority(why) => {
                let file = self.client_ca.as_deref().unwrap_or(Path::new("of the clients")).display();
                format!("the client authority {file} cannot be used: {why}")
            }
        })
    }

    fn stamps(&self) -> [Option<Stamp>; 3] {
        let files = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        files.map(|path| path.map(|path| Stamp::of(path)))
    }
}

/// An identity, and the files that it came from.
pub(crate) struct Certificates {
    pub(crate) tls: Arc<Tls>,
    files: Files,
    stamps: [Option<Stamp>; 3],
}

impl Certificates {
    /// Fails when a file cannot be read, or what it holds cannot serve.
    pub(crate) fn load(files: Files, plain: Plain) -> Result<Self, Failure> {
        // Before reading: a change while we read is then seen as one.
        let stamps = files.stamps();
        let tls = Tls::new(files.read()?, plain).map_err(|refusal| files.explain(refusal))?;
        Ok(Certificates { tls, files, stamps })
    }

    /// Looks at the files for ever, and takes what is new; at SIGHUP at once. What cannot be used is
    /// logged, and the last that could be goes on. Fails when SIGHUP cannot be heard.
    pub(crate) fn follow(self) -> Result<impl Future<Output = ()>, Failure> {
        follow(self, Self::look)
    }

    /// Reads the files again if one has changed, or if `asked` to.
    fn look(&mut self, asked: bool) {
        let stamps = self.files.stamps();
        if !asked && stamps == self.stamps {
            return;
        }
        self.stamps = stamps;
        let renewed = self
            .files
            .read()
            .and_then(|identity| self.tls.renew(identity).map_err(|refusal| self.files.explain(refusal)));
        let certificate = self.files.certificate.display();
        match renewed {
            Ok(()) => tracing::info!(%certificate, "new connections get the renewed certificate"),
            Err(failure) => tracing::warn!("the last good certificate stays in use: {failure}"),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let (bytes, _) = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let wrong =
        |why: String| Failure::new(format!("could not read certificates from {}: {why}", path.display()));
    match found {
        Ok(found) if found.is_empty() => Err(wrong(
            "there is none; it takes PEM, which begins with -----BEGIN CERTIFICATE-----".to_owned(),
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let (bytes, about) = read(path)?;
    if about.permissions().mode() & OTHERS != 0 {
        let file = path.display();
        tracing::warn!("everybody on this machine can use the private key {file}: chmod o= {file}");
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let why = match error {
            PemError::NoItemsFound if is_encrypted(&bytes) => {
                "it needs a passphrase; write it without one: openssl pkey -in FILE -out FILE".to_owned()
            }
            PemError::NoItemsFound => {
                "there is none; it takes PEM, which begins with -----BEGIN PRIVATE KEY-----".to_owned()
            }
            other => other.to_string(),
        };
        Failure::new(format!("could not read a private key from {}: {why}", path.display()))
    })
}

fn is_encrypted(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("BEGIN ENCRYPTED PRIVATE KEY")
}

fn read(path: &Path) -> Result<(Vec<u8>, Metadata), Failure> {
    let name = path.display();
    let mut bytes = Vec::new();
    let about = File::open(path)
        .and_then(|file| {
            let about = file.metadata()?;
            file.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
            Ok(about)
        })
        .map_err(Failure::doing(format!("read {name}")))?;
    if bytes.len() as u64 > FILE_BYTES {
        let most = FILE_BYTES >> 20;
        return Err(Failure::new(format!("could not read {name}: it has more than {most} MiB")));
    }
    Ok((bytes, about))
}

/// A span of time as people say it.
fn span(time: Duration) -> String {
    let hours = time.as_secs() / 3_600;
    match hours {
        0 => "less than an hour".to_owned(),
        1..48 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}
