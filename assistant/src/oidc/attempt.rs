//! One way to the provider and back.

use conversation::Token;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

/// A login that was begun: a secret that the browser keeps in a cookie. Everything else follows from it, so that the server
/// keeps nothing, and a way back that was begun in another browser fits nothing here.
#[derive(Clone, Debug)]
pub struct Attempt(Token);

impl Attempt {
    /// The attempt of this secret.
    pub const fn new(secret: Token) -> Self {
        Self(secret)
    }

    /// `state`: the provider gives it back, and it must fit the cookie (RFC 6749, section 10.12).
    pub fn state(&self) -> String {
        self.0.derive("oidc state")
    }

    /// `nonce`: stands in the ID token, which thereby was made for this attempt (`OpenID` Connect Core, 15.5.2).
    pub fn nonce(&self) -> String {
        self.0.derive("oidc nonce")
    }

    /// The code verifier: shown to the provider only when the code is exchanged (RFC 7636, section 4.1; 43 characters).
    pub fn verifier(&self) -> String {
        self.0.derive("oidc verifier")
    }

    /// The code challenge by S256 (RFC 7636, section 4.2).
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(self.verifier()))
    }

    /// What names the attempt where it is remembered as over.
    pub fn id(&self) -> [u8; 32] {
        *self.0.hash().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_follows_from_the_secret_and_nothing_from_one_another() {
        let one = Attempt::new(Token::from_random([1; 32]));
        let two = Attempt::new(Token::from_random([2; 32]));
        let all = |a: &Attempt| [a.state(), a.nonce(), a.verifier(), a.challenge()];
        assert_eq!(all(&one), all(&one.clone()));
        let mut different: Vec<String> = all(&one).into_iter().chain(all(&two)).collect();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 8);
        assert!((43..=128).contains(&one.verifier().len()), "RFC 7636, section 4.1");
    }
}
