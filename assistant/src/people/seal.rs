//! How secrets that the server must be able to read again are kept in the store.

use std::fmt;

/// What a sealed secret begins with where it is not encrypted.
const PLAIN: u8 = 0;

/// A secret cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret of an account cannot be {0}; is the server's key the one it was sealed with?")]
pub struct SealError(pub &'static str);

/// Seals secrets of accounts before the store gets them. The first byte of what is sealed says how: 0 is not encrypted;
/// implementations with a key take other numbers, and open what begins with 0 too, so that secrets from before there was a
/// key stay good.
pub trait SealSecrets: Send + Sync + fmt::Debug {
    /// Seals a secret of the account that `context` names; what is sealed for one account must not open for another.
    ///
    /// # Errors
    /// [`SealError`] where the key cannot be used.
    fn seal(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, SealError>;

    /// The secret that was sealed.
    ///
    /// # Errors
    /// [`SealError`] where it was sealed otherwise, for another account, or was changed.
    fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// For servers without a key: secrets are as safe as the database file.
#[derive(Clone, Copy, Debug, Default)]
pub struct WithoutKey;

impl SealSecrets for WithoutKey {
    fn seal(&self, _context: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok([&[PLAIN], secret].concat())
    }

    fn open(&self, _context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match sealed {
            [PLAIN, secret @ ..] => Ok(secret.to_vec()),
            _ => Err(SealError("opened")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_only_what_was_sealed_without_one_opens() {
        let sealed = WithoutKey.seal("a", b"secret").unwrap();
        assert_eq!(WithoutKey.open("a", &sealed).unwrap(), b"secret");
        assert!(WithoutKey.open("a", &[1, 2, 3]).is_err());
        assert!(WithoutKey.open("a", &[]).is_err());
    }
}
