//! Published models: which there are, fetching them, and keeping them in the data folder.
//!
//! ```text
//! Registry (registry.toml, and the operator's own) ─► fetch: mirrors, resumable, SHA-256 while it streams ─► unpack: archives, no path leaves
//! the folder ─► Shelf: data/models/NAME with manifest.json (files, hashes, source, licence, day)
//! ```
//!
//! Nothing here runs in the server: the commands of `assistant models` do.

mod archive;
mod fetch;
mod registry;
mod shelf;

use std::{fs::File, io, io::Read, path::Path};

use sha2::{Digest, Sha256};

pub use archive::{Archive, MOST_FILES, MOST_UNPACKED_BYTES, UnpackError, Unpacked, unpack};
pub use fetch::{FetchError, FetchSettings, Fetched, Progress, Refusal, fetch};
pub use registry::{Listed, Purpose, Registry, RegistryError, Remote};
pub use shelf::{FileRecord, Installed, Origin, Shelf, ShelfError, Trust, Wanted, is_name};

/// A SHA-256 in hexadecimal: 64 digits, lower case.
///
/// Returns `None` where the text is no such hash.
pub fn hash_of(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// Where the file cannot be read.
pub fn hash_file(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    digest_file(path, &mut digest)?;
    Ok(hex::encode(digest.finalize()))
}

/// Reads a file into a digest; returns its length.
fn digest_file(path: &Path, digest: &mut Sha256) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(length);
        }
        digest.update(&buffer[..read]);
        length += read as u64;
    }
}

/// Bytes that may still be written where a path lies; `None` where the system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists())?;
    let status = rustix::fs::statvfs(there).ok()?;
    status.f_bavail.checked_mul(status.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hexadecimal_digits_in_either_case() {
        let known = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        assert_eq!(hash_of(known), Some(known.to_lowercase()));
        assert_eq!(hash_of("abc"), None);
        assert_eq!(hash_of(&"g".repeat(64)), None);
        // The digest of "abc", from FIPS 180-2, appendix B.1.
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), "abc").unwrap();
        assert_eq!(Some(hash_file(&folder.path().join("x")).unwrap()), hash_of(known));
    }

    #[test]
    fn free_space_is_known_also_below_a_folder_that_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(&folder.path().join("a/b")).is_some_and(|bytes| bytes > 0));
    }
}
