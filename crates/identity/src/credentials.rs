//! What a request brings to prove who sends it.

use std::fmt;

use crate::admitted::Remembered;

/// The longest token that is looked at. Firebase's have about a kilobyte, with custom claims two.
pub(crate) const TOKEN_BYTES: usize = 16 << 10;

/// The credentials of one request, as they came.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The value of the `authorization` header. None: there is no such header.
    pub authorization: Option<&'a str>,
    /// What is called: the details of a refusal name it, as production's do.
    pub method: Option<Called<'a>>,
    /// What is remembered of the connection that they came on.
    pub connection: Option<&'a Remembered>,
}

/// A method by its service, like `google.firestore.v1.Firestore`, and its name there, like `RunQuery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called<'a> {
    pub service: &'a str,
    pub name: &'a str,
}

impl<'a> Credentials<'a> {
    /// Those of an `authorization` header alone.
    pub fn of(authorization: Option<&'a str>) -> Self {
        Credentials { authorization, ..Credentials::default() }
    }

    /// The bearer's token. None where there is none: production takes another scheme, a scheme in lower case and
    /// an empty token for no credentials at all (FIRESTORE.md 6.1).
    pub(crate) fn token(&self) -> Option<&'a str> {
        let token = self.authorization?.strip_prefix("Bearer ")?.trim_matches(' ');
        (!token.is_empty()).then_some(token)
    }
}

impl fmt::Debug for Credentials<'_> {
    /// Says what is there, never the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorization = self.authorization.map(|_| "(hidden)");
        f.debug_struct("Credentials")
            .field("authorization", &authorization)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
