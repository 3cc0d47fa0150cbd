//! The register of keys: for whom each was made, and its public half. The private half is only in the key's file.

use std::sync::Arc;

use model::principal::{Grant, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::moment::Moment;
use crate::public_key::PublicKey;

/// Bytes of a register.
pub(crate) const REGISTER_BYTES: usize = 16 << 20;
/// Keys of a register, withdrawn ones included.
pub(crate) const KEYS: usize = 10_000;
/// Keys of one account that are good at once. A token that names no key is tried with each; Google's limit too.
pub(crate) const KEYS_OF_AN_ACCOUNT: usize = 10;

const VERSION: u32 = 1;

/// A register as it stands in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    version: u32,
    pub(crate) keys: Vec<Key>,
}

/// A key that was made for an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its id: 40 hexadecimal digits.
    pub id: String,
    /// The account.
    pub email: String,
    pub project: Arc<str>,
    /// The only database that it is for. None: all of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Arc<str>>,
    #[serde(with = "role")]
    pub role: Role,
    pub created: Moment,
    /// When it stops being good by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// When it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Moment>,
    /// The server's address, as the key's file tells it.
    pub server: String,
    /// What its file says for `universe_domain`.
    pub universe_domain: String,
    public_key: Map<String, Json>,
}

/// What the keys of one account have in common.
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) grant: Grant,
    pub(crate) server: String,
    pub(crate) universe: String,
}

impl Register {
    /// One without keys.
    pub(crate) fn empty() -> Self {
        Register { version: VERSION, keys: Vec::new() }
    }

    /// Reads a register. An error is in words.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let register: Register = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if register.version != VERSION {
            return Err(format!("it has version {}; this program knows {VERSION}", register.version));
        }
        if register.keys.len() > KEYS {
            return Err(format!("it has more than {KEYS} keys"));
        }
        let mut ids: Vec<_> = register.keys.iter().map(|key| key.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("it has two keys with the id {}", twice[0]));
        }
        for key in &register.keys {
            key.public().ok_or_else(|| format!("the public half of key {} cannot be used", key.id))?;
        }
        Ok(register)
    }

    /// As it is written.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("texts and maps by texts are JSON");
        bytes.push(b'\n');
        bytes
    }
}

impl Key {
    /// A key that is made now.
    pub(crate) fn new(
        id: String,
        account: Account,
        public: &PublicKey,
        created: Moment,
        expires: Option<Moment>,
    ) -> Self {
        let Account { email, grant: Grant { project, database, role }, server, universe } = account;
        Key {
            id,
            email,
            project,
            database,
            role,
            created,
            expires,
            revoked: None,
            server,
            universe_domain: universe,
            public_key: public.to_jwk(),
        }
    }

    /// What its account may do.
    pub fn grant(&self) -> Grant {
        Grant { project: self.project.clone(), database: self.database.clone(), role: self.role }
    }

    /// True while it is neither withdrawn nor past its time.
    pub fn is_good(&self, now: Moment) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }

    pub(crate) fn public(&self) -> Option<PublicKey> {
        PublicKey::from_jwk(&self.public_key)
    }
}

/// Roles by their names.
mod role {
    use model::principal::Role;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Name {
        Viewer,
        User,
        Owner,
    }

    pub(super) fn serialize<S: Serializer>(role: &Role, to: S) -> Result<S::Ok, S::Error> {
        let name = match role {
            Role::Viewer => Name::Viewer,
            Role::User => Name::User,
            Role::Owner => Name::Owner,
        };
        name.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Role, D::Error> {
        Ok(match Name::deserialize(from)? {
            Name::Viewer => Role::Viewer,
            Name::User => Role::User,
            Name::Owner => Role::Owner,
        })
    }
}
