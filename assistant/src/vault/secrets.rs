//! Secrets of accounts, such as the one that a second factor's codes are made from: sealed with the master key itself,
//! since there are few of them and they are erased with their account.
//!
//! Sealed bytes are `1 | id of the master key (16) | what cipher::seal made`, bound to the account.

use conversation::AgentId;
use zeroize::Zeroizing;

use super::keyring::{KeyId, MasterKey};
use super::{Vault, VaultError};

/// What sealed secrets begin with.
const FORMAT: u8 = 1;
/// Characters of a master key's id.
const ID_BYTES: usize = 16;

fn place(account: AgentId, master: &KeyId) -> String {
    format!("drilen/account/1\0{account}\0{master}")
}

fn tampered(account: AgentId) -> VaultError {
    VaultError::Tampered { what: format!("a secret of the account {account}") }
}

/// The master key that sealed a secret, and what it made of it.
fn parts(sealed: &[u8]) -> Option<(KeyId, &[u8])> {
    let (format, rest) = sealed.split_first()?;
    let (id, sealed) = rest.split_at_checked(ID_BYTES)?;
    let id = std::str::from_utf8(id).ok().filter(|_| *format == FORMAT)?;
    Some((KeyId::from(id.to_owned()), sealed))
}

impl Vault {
    /// Seals a secret of an account with this master key.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`], [`VaultError::NoRandomness`].
    pub fn seal_secret(
        &self,
        account: AgentId,
        master: &KeyId,
        secret: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key: MasterKey = self.master(master)?;
        let sealed = key.seal(&place(account, master), secret)?;
        Ok([&[FORMAT], master.as_str().as_bytes(), &sealed].concat())
    }

    /// The secret that [`Self::seal_secret`] sealed for the same account.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`], [`VaultError::Tampered`].
    pub fn open_secret(&self, account: AgentId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (master, sealed) = parts(sealed).ok_or_else(|| tampered(account))?;
        let opened = self.master(&master)?.open(&place(account, &master), sealed);
        opened.map_err(|_| tampered(account))
    }

    /// The same secret under this master key; `None` where it is already.
    ///
    /// # Errors
    /// As [`Self::open_secret`].
    pub fn reseal_secret(
        &self,
        account: AgentId,
        sealed: &[u8],
        master: &KeyId,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        if parts(sealed).is_some_and(|(current, _)| current == *master) {
            return Ok(None);
        }
        let secret = self.open_secret(account, sealed)?;
        self.seal_secret(account, master, &secret).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::{EnvironmentSource, Keyring};
    use super::*;

    fn vault(keys: &[&MasterKey]) -> Vault {
        let ring = Keyring::new(keys[0].clone(), keys[1..].iter().map(|key| (*key).clone()).collect());
        Vault::open(Box::new(EnvironmentSource::new(ring.to_text().to_string()))).unwrap()
    }

    #[test]
    fn a_secret_opens_for_its_account_and_with_its_key_only_and_moves_to_another_key() {
        let (old, new) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        let (account, other) = (AgentId::from_random([3; 16]), AgentId::from_random([4; 16]));
        let both = vault(&[&new, &old]);
        let sealed = both.seal_secret(account, &old.id(), b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(both.open_secret(account, &sealed).unwrap().as_slice(), b"secret");
        assert!(matches!(both.open_secret(other, &sealed), Err(VaultError::Tampered { .. })));
        let without = vault(&[&new]);
        assert!(matches!(without.open_secret(account, &sealed), Err(VaultError::NoMasterKey(_))));

        assert_eq!(both.reseal_secret(account, &sealed, &old.id()).unwrap(), None, "it is already");
        let moved = both.reseal_secret(account, &sealed, &new.id()).unwrap().unwrap();
        assert_eq!(without.open_secret(account, &moved).unwrap().as_slice(), b"secret");
        for at in 0..moved.len() {
            let mut changed = moved.clone();
            changed[at] ^= 1;
            assert!(both.open_secret(account, &changed).is_err(), "byte {at}");
        }
        for short in 0..moved.len() {
            assert!(both.open_secret(account, &moved[..short]).is_err(), "{short} bytes");
        }
    }
}
