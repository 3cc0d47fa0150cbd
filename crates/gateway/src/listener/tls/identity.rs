//! The server's certificate and key, whose clients it trusts, and whether they can serve.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, ParsedCertificate, ServerSessionMemoryCache, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig, client};

/// Sessions that are kept so that clients who come back have a shorter handshake.
const SESSIONS: usize = 1_024;
/// What is spoken over TLS, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Who the server is, and whom it lets in.
pub struct Identity {
    /// The server's certificate, then those that lead to the authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the first of them.
    pub key: PrivateKeyDer<'static>,
    /// Where there are some, clients must show a certificate that one of these has signed.
    pub client_authorities: Option<Vec<CertificateDer<'static>>>,
}

/// Why an identity cannot serve.
#[derive(Debug)]
pub enum Refusal {
    /// The certificate cannot be read or used.
    Certificate(String),
    /// The certificate has ended.
    Expired {
        /// How long ago.
        ago: Duration,
    },
    /// The certificate does not hold yet.
    NotYet {
        /// How long until it does.
        wait: Duration,
    },
    /// The key cannot be read or used.
    Key(String),
    /// The key is not the certificate's.
    KeyOfAnother,
    /// An authority of the clients cannot be read or used.
    ClientAuthority(String),
}

impl Identity {
    /// What rustls serves with. Fails with what is wrong, the certificate's faults first.
    pub(super) fn into_config(self) -> Result<ServerConfig, Refusal> {
        let provider = Arc::new(ring::default_provider());
        check_dates(&self.chain, &provider)?;
        let certified = certified(self.chain, self.key, &provider)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has cipher suites of both versions");
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        let mut config = match self.client_authorities {
            Some(authorities) => {
                let verifier = client_verifier(authorities, provider)?;
                let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver);
                // A session that goes on is not asked for its certificate again, and that may have ended.
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
                config
            }
            None => {
                let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
                config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
                config
            }
        };
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

/// Whether the server's certificate holds now.
///
/// rustls looks at dates only where it also asks who signed. Asked with no authority at all, it tells of
/// the dates first, and all else that it then says is beside the question.
fn check_dates(chain: &[CertificateDer<'static>], provider: &CryptoProvider) -> Result<(), Refusal> {
    let unusable = |error: Error| Refusal::Certificate(error.to_string());
    let own = chain.first().ok_or_else(|| Refusal::Certificate("there is none".to_owned()))?;
    let own = ParsedCertificate::try_from(own).map_err(unusable)?;
    let algorithms = provider.signature_verification_algorithms.all;
    let (nobody, now) = (RootCertStore::empty(), UnixTime::now());
    let verdict = client::verify_server_cert_signed_by_trust_anchor(&own, &nobody, &[], now, algorithms);
    let between = |earlier: UnixTime, later: UnixTime| {
        Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
    };
    match verdict {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Err(Refusal::Expired { ago: between(not_after, now) })
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Err(Refusal::NotYet { wait: between(now, not_before) })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Refusal> {
    let key = provider.key_provider.load_private_key(key).map_err(|error| Refusal::Key(error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // Unknown: a key that does not tell its public part; the handshake will show.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(Refusal::KeyOfAnother),
        Err(error) => Err(Refusal::Certificate(error.to_string())),
    }
}

fn client_verifier(
    authorities: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Refusal> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| Refusal::ClientAuthority(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Refusal::ClientAuthority(error.to_string()))
}
