//! Whom a door trusts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::address;

/// How far a caller's clock may be off; also how long production takes a token after its end (FIRESTORE.md 6.1).
pub const CLOCK_SKEW: Duration = Duration::from_secs(30);
/// Where the register of keys is, below a data directory. A directory of its own, since the secret lies beside it.
pub const REGISTER: &str = "keys/register.json";

/// Firebase Authentication's issuer, up to the project's id.
const FIREBASE: &str = "https://securetoken.google.com/";
/// Where Firebase Authentication publishes its keys, the same for all projects.
const FIREBASE_KEYS: &str =
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

/// Whom a door that verifies trusts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who issues tokens of end users. Empty: nobody.
    pub issuers: Vec<Issuer>,
    /// The register of the keys that `irori keys` made. It need not be there yet.
    pub key_register: PathBuf,
    /// Addresses under which clients know this server, like `https://db.example.com:8443`: tokens that accounts
    /// sign for themselves may name them as audience, besides Google's and the one in the key's file.
    pub audiences: Vec<String>,
    /// How far a caller's clock may be off.
    pub clock_skew: Duration,
}

impl Options {
    /// Nobody but the accounts of a register.
    pub fn new(key_register: impl Into<PathBuf>) -> Self {
        Options {
            issuers: Vec::new(),
            key_register: key_register.into(),
            audiences: Vec::new(),
            clock_skew: CLOCK_SKEW,
        }
    }

    /// The register's usual place in a data directory.
    pub fn register_in(data: &Path) -> PathBuf {
        data.join(REGISTER)
    }
}

/// An issuer of end users' tokens: Firebase Authentication, or any by OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// The `aud` that its tokens must have.
    pub audience: String,
    /// Where its public keys are.
    pub keys: KeySource,
    /// The only project that its users may use. None: all.
    pub project: Option<Arc<str>>,
    /// Its users may be taken for another issuer's who have the same id: rules tell them apart, or nobody need.
    pub shares_users: bool,
}

/// Where an issuer's public keys (a JWKS) are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    File(PathBuf),
    /// Https; http only on this machine.
    Url(String),
    /// Where the issuer's `/.well-known/openid-configuration` says.
    Discovery,
}

impl Issuer {
    /// Firebase Authentication of a project.
    pub fn firebase(project: &str) -> Self {
        Issuer {
            issuer: format!("{FIREBASE}{project}"),
            audience: project.to_owned(),
            keys: KeySource::Url(FIREBASE_KEYS.to_owned()),
            project: Some(project.into()),
            shares_users: false,
        }
    }

    /// True when one id may mean two people: rules see `request.auth.uid`, and nobody keeps two issuers from giving the
    /// same one.
    fn may_be_confused_with(&self, other: &Self) -> bool {
        let one_project = match (&self.project, &other.project) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        };
        self.issuer != other.issuer && one_project && !(self.shares_users && other.shares_users)
    }
}

/// Refuses issuers whose users nobody could tell apart. An error is in words.
pub(crate) fn check(issuers: &[Issuer]) -> Result<(), String> {
    let pairs = issuers.iter().enumerate().flat_map(|(at, one)| {
        let later = &issuers[at + 1..];
        later.iter().map(move |other| (one, other))
    });
    for (one, other) in pairs {
        if one.may_be_confused_with(other) {
            return Err(format!(
                "{} and {} may give the same uid to different people, and security rules would take one for the other. \
                 Give each a `project=` of its own; or, where the uids are the same people's or the rules look at \
                 request.auth.token.iss, say `users=shared` for both",
                one.issuer, other.issuer
            ));
        }
    }
    Ok(())
}

impl FromStr for KeySource {
    type Err = String;

    /// Reads an address or a file's name.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.contains("://") {
            true => {
                address::check(text)?;
                Ok(KeySource::Url(text.to_owned()))
            }
            false if text.is_empty() => Err("name a file or an address with the issuer's keys".to_owned()),
            false => Ok(KeySource::File(text.into())),
        }
    }
}

impl FromStr for Issuer {
    type Err = String;

    /// Reads `ISSUER[=AUDIENCE][,project=PROJECT][,keys=FILE_OR_URL][,users=shared]`. Firebase's issuers name their audience
    /// and project themselves.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let first = parts.next().unwrap_or_default();
        let (issuer, audience) = first.split_once('=').unwrap_or((first, ""));
        let audience = Some(audience).filter(|audience| !audience.is_empty());
        address::check(issuer)?;
        let mut read = match (issuer.strip_prefix(FIREBASE), audience) {
            (Some(project), None) if !project.is_empty() => Issuer::firebase(project),
            (Some(project), Some(audience)) if audience != project => {
                return Err(format!(
                    "Firebase's tokens of {project} have that project as audience; leave `={audience}` out"
                ));
            }
            (_, Some(audience)) => Issuer {
                issuer: issuer.to_owned(),
                audience: audience.to_owned(),
                keys: KeySource::Discovery,
                project: None,
                shares_users: false,
            },
            (_, None) => {
                return Err(format!(
                    "{issuer} issues tokens to many; say for whom they must be: {issuer}=AUDIENCE"
                ));
            }
        };
        for part in parts {
            match part.split_once('=') {
                Some(("project", project)) if !project.is_empty() => read.project = Some(project.into()),
                Some(("keys", keys)) => read.keys = keys.parse()?,
                Some(("users", "shared")) => read.shares_users = true,
                _ => {
                    return Err(format!(
                        "`{part}` is none of project=PROJECT, keys=FILE_OR_URL and users=shared"
                    ));
                }
            }
        }
        Ok(read)
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::File(path) => write!(f, "{}", path.display()),
            KeySource::Url(url) => f.write_str(url),
            KeySource::Discovery => f.write_str("the issuer's openid-configuration"),
        }
    }
}
