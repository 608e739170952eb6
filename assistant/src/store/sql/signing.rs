//! The key that signs the portal's extract of the knowledge base: one for a database, so that what one server signed is
//! good for the pages of all of them. It lies sealed in the table `vault`.

use async_trait::async_trait;
use conversation::StoreError;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use sqlx::AnyConnection;
use zeroize::Zeroizing;

use super::append::corrupt;
use super::writer::{OrUnavailable as _, Unit, Write};
use super::{SqlStore, keys};
use crate::vault::VaultError;

/// Where it lies, and what its sealing is bound to.
const NAME: &str = "extract_key";

/// Takes the key out, or makes it: where there is none, and where it does not open any more, because the master key that
/// sealed it is gone. Pages that knew the former one learn of the new one when they next open.
struct TakeOrMake;

#[async_trait]
impl Write for TakeOrMake {
    type Output = Zeroizing<Vec<u8>>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Self::Output, StoreError> {
        let found = kept(unit.connection).await?;
        if let Some(sealed) = &found {
            match unit.vault.open_of_house(NAME, sealed) {
                Ok(key) => return Ok(key),
                Err(VaultError::NoMasterKey(master)) => {
                    tracing::warn!(%master, "the key of the portal's extract was sealed with a key that is gone; it is made anew");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let random = |_| StoreError::from(VaultError::NoRandomness("ring".to_owned()));
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let made = Zeroizing::new(made.map_err(random)?.as_ref().to_vec());
        let master = keys::current_master(unit.connection).await?;
        keep(unit.connection, found.as_deref(), &unit.vault.seal_of_house(NAME, &master, &made)?).await?;
        // Of two servers that make one at the same moment, the second takes the first one's.
        let sealed = kept(unit.connection).await?.ok_or_else(|| corrupt("the extract's key is not there"))?;
        Ok(unit.vault.open_of_house(NAME, &sealed)?)
    }
}

/// Seals it with the current master key.
pub(super) struct ResealSigning;

#[async_trait]
impl Write for ResealSigning {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let Some(sealed) = kept(unit.connection).await? else { return Ok(()) };
        let key = match unit.vault.open_of_house(NAME, &sealed) {
            Ok(key) => key,
            // Made anew by the next server that starts.
            Err(VaultError::NoMasterKey(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let master = keys::current_master(unit.connection).await?;
        keep(unit.connection, Some(&sealed), &unit.vault.seal_of_house(NAME, &master, &key)?).await
    }
}

async fn kept(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT value FROM vault WHERE name = $1")
        .bind(NAME)
        .fetch_optional(connection)
        .await
        .or_unavailable()
}

/// Keeps it in the place of what was found; does nothing where another server was faster.
async fn keep(connection: &mut AnyConnection, found: Option<&str>, sealed: &str) -> Result<(), StoreError> {
    let statement = match found {
        Some(_) => "UPDATE vault SET value = $1 WHERE name = $2 AND value = $3",
        None => "INSERT INTO vault (value, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
    };
    let query = sqlx::query(statement).bind(sealed).bind(NAME);
    let query = if let Some(found) = found { query.bind(found) } else { query };
    query.execute(connection).await.or_unavailable()?;
    Ok(())
}

impl SqlStore {
    /// The private key (PKCS #8, P-256) that signs the portal's extract; made where there is none.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it was changed, [`StoreError::Unavailable`].
    pub async fn signing_key(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.writer.run(TakeOrMake).await
    }
}
