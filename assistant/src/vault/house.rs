//! Secrets of the server itself, such as the key that signs what the portal keeps for times without a network: sealed with
//! the master key, and bound to the name that they are kept under.
//!
//! The text is base64url of `1 | id of the master key (16) | what cipher::seal made`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::keyring::{KeyId, MasterKey};
use super::{Vault, VaultError};

/// What sealed secrets begin with.
const FORMAT: u8 = 1;
/// Characters of a master key's id.
const ID_BYTES: usize = 16;

fn place(name: &str, master: &KeyId) -> String {
    format!("drilen/house/1\0{name}\0{master}")
}

fn tampered(name: &str) -> VaultError {
    VaultError::Tampered { what: format!("the secret {name}") }
}

/// The master key that sealed a secret, and what it made of it.
fn parts(sealed: &str) -> Option<(KeyId, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (format, rest) = bytes.split_first()?;
    let (id, sealed) = rest.split_at_checked(ID_BYTES)?;
    let id = std::str::from_utf8(id).ok().filter(|_| *format == FORMAT)?;
    Some((KeyId::from(id.to_owned()), sealed.to_vec()))
}

impl Vault {
    /// Seals a secret of the server with this master key, under a name.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`], [`VaultError::NoRandomness`].
    pub fn seal_of_house(&self, name: &str, master: &KeyId, secret: &[u8]) -> Result<String, VaultError> {
        let key: MasterKey = self.master(master)?;
        let sealed = key.seal(&place(name, master), secret)?;
        Ok(URL_SAFE_NO_PAD.encode([&[FORMAT], master.as_str().as_bytes(), &sealed].concat()))
    }

    /// The secret that [`Self::seal_of_house`] sealed under the same name.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`], [`VaultError::Tampered`].
    pub fn open_of_house(&self, name: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (master, sealed) = parts(sealed).ok_or_else(|| tampered(name))?;
        let opened = self.master(&master)?.open(&place(name, &master), &sealed);
        opened.map_err(|_| tampered(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::{EnvironmentSource, Keyring};
    use super::*;

    #[test]
    fn a_secret_of_the_house_opens_under_its_name_with_its_key_and_unchanged_only() {
        let vault = |key: &MasterKey| {
            let ring = Keyring::new(key.clone(), Vec::new());
            Vault::open(Box::new(EnvironmentSource::new(ring.to_text().to_string()))).unwrap()
        };
        let (key, other) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        let ours = vault(&key);
        let sealed = ours.seal_of_house("extract_key", &key.id(), b"secret").unwrap();
        assert_eq!(ours.open_of_house("extract_key", &sealed).unwrap().as_slice(), b"secret");
        assert!(matches!(ours.open_of_house("another", &sealed), Err(VaultError::Tampered { .. })));
        let theirs = vault(&other);
        assert!(matches!(theirs.open_of_house("extract_key", &sealed), Err(VaultError::NoMasterKey(_))));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(ours.open_of_house("extract_key", &changed).is_err(), "character {at}");
            assert!(ours.open_of_house("extract_key", &sealed[..at]).is_err(), "{at} characters");
        }
    }
}
