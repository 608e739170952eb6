//! Synthesized sentences on disk, so that a sentence is synthesized once and not once per citizen.
//!
//! Only what the assistant itself says is kept here: agents' words may hold personal data and never touch this folder.
//! All methods do blocking file input and output and are called on mouth threads only.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use speech::SpeechRequest;

/// Marks a complete file of samples; the version changes when the layout does.
const MAGIC: &[u8; 8] = b"DRLNPCM1";
/// Marks a complete file of Opus packets.
const OPUS_MAGIC: &[u8; 8] = b"DRLNOPU1";

/// A cache key: everything that changes the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a sentence spoken by the voice called `voice`.
    pub fn new(voice: &str, request: &SpeechRequest) -> Self {
        let mut hash = Sha256::new();
        let rate = format!("{:.3}", request.rate);
        for part in [voice, language::voice::EDITION, request.language.code(), &rate, &request.text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The key of the same sentence as Opus packets of so many bits per second.
    #[must_use]
    pub fn in_opus(self, bits_per_second: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(OPUS_MAGIC);
        hash.update(bits_per_second.to_le_bytes());
        Self(hash.finalize().into())
    }

    fn path(self, folder: &Path) -> PathBuf {
        let name = hex::encode(self.0);
        folder.join(&name[..2]).join(format!("{name}.pcm"))
    }
}

/// Sentences as 16-bit samples at 16 kHz, and as Opus packets where somebody wanted those (encoding takes longer than reading),
/// limited in size; the ones used longest ago go first (after a restart: the ones
/// written longest ago).
#[derive(Debug)]
pub struct SoundCache {
    folder: PathBuf,
    limit: u64,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Key → (when used last, bytes).
    files: HashMap<[u8; 32], (u64, u64)>,
    /// When used last → key; the inverse of `files`.
    order: BTreeMap<u64, [u8; 32]>,
    bytes: u64,
    now: u64,
}

impl Index {
    fn touch(&mut self, key: Key, bytes: u64) {
        self.forget(key);
        self.now += 1;
        self.files.insert(key.0, (self.now, bytes));
        self.order.insert(self.now, key.0);
        self.bytes += bytes;
    }

    fn forget(&mut self, key: Key) {
        if let Some((used, bytes)) = self.files.remove(&key.0) {
            self.order.remove(&used);
            self.bytes -= bytes;
        }
    }
}

impl SoundCache {
    /// Opens the folder and indexes what is in it. `limit` is in bytes; 0 keeps nothing.
    ///
    /// # Errors
    /// Where the folder cannot be made or read.
    pub fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut found: Vec<(SystemTime, [u8; 32], u64)> = Vec::new();
        for shelf in fs::read_dir(folder)?.filter_map(Result::ok).filter(|e| e.path().is_dir()) {
            for file in fs::read_dir(shelf.path())?.filter_map(Result::ok) {
                let path = file.path();
                let key = path.file_stem().and_then(|s| s.to_str()).and_then(|s| hex::decode(s).ok());
                match (key.and_then(|k| k.try_into().ok()), file.metadata()) {
                    (Some(key), Ok(data)) => {
                        found.push((data.modified().unwrap_or(SystemTime::UNIX_EPOCH), key, data.len()));
                    }
                    // A file that was being written when the process died.
                    _ => drop(fs::remove_file(path)),
                }
            }
        }
        found.sort_unstable();
        let mut index = Index::default();
        for (_, key, bytes) in found {
            index.touch(Key(key), bytes);
        }
        Ok(Self { folder: folder.to_owned(), limit, index: Mutex::new(index) })
    }

    /// The samples, where they are kept. A damaged file counts as absent and goes.
    pub fn get(&self, key: Key) -> Option<Vec<i16>> {
        self.read(key, decode)
    }

    /// The Opus packets of a [`Key::in_opus`], likewise.
    pub fn packets(&self, key: Key) -> Option<Vec<Bytes>> {
        self.read(key, decode_packets)
    }

    fn read<T>(&self, key: Key, decode: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        // Also where the index does not know it: the command line speaks into this folder while the server runs.
        let data = fs::read(key.path(&self.folder)).ok();
        let sound = data.as_deref().and_then(decode);
        let mut index = self.index.lock();
        match (&sound, data) {
            (Some(_), Some(data)) => index.touch(key, data.len() as u64),
            (None, Some(_)) => {
                index.forget(key);
                drop(fs::remove_file(key.path(&self.folder)));
            }
            _ => index.forget(key),
        }
        sound
    }

    /// Keeps the samples and makes room for them.
    ///
    /// # Errors
    /// Where the disk does not take them; nothing is kept then.
    pub fn put(&self, key: Key, samples: &[i16]) -> io::Result<()> {
        self.write(key, encode(samples))
    }

    /// Keeps Opus packets under a [`Key::in_opus`], likewise.
    ///
    /// # Errors
    /// Where the disk does not take them; nothing is kept then.
    pub fn put_packets<'a>(&self, key: Key, packets: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let mut data = OPUS_MAGIC.to_vec();
        for packet in packets {
            // An Opus packet has 1,275 bytes at most (RFC 6716, section 3.4).
            data.extend(u16::try_from(packet.len()).unwrap_or(u16::MAX).to_le_bytes());
            data.extend(packet);
        }
        // An end, so that half a file is not taken for a whole one.
        data.extend(0_u16.to_le_bytes());
        self.write(key, data)
    }

    fn write(&self, key: Key, data: Vec<u8>) -> io::Result<()> {
        let size = data.len() as u64;
        if size > self.limit {
            return Ok(());
        }
        let path = key.path(&self.folder);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        // Two threads may write the same sentence at once; each writes its own file, and the last rename wins.
        let unfinished = path.with_extension(format!("{:?}.part", std::thread::current().id()));
        fs::write(&unfinished, data)?;
        fs::rename(&unfinished, &path)?;
        let evicted = {
            let mut index = self.index.lock();
            index.touch(key, size);
            let mut evicted = Vec::new();
            while index.bytes > self.limit
                && let Some((_, oldest)) = index.order.first_key_value()
            {
                let oldest = Key(*oldest);
                index.forget(oldest);
                evicted.push(oldest);
            }
            evicted
        };
        for old in evicted {
            drop(fs::remove_file(old.path(&self.folder)));
        }
        Ok(())
    }
}

fn encode(samples: &[i16]) -> Vec<u8> {
    let mut data = Vec::with_capacity(16 + samples.len() * 2);
    data.extend_from_slice(MAGIC);
    data.extend_from_slice(&(samples.len() as u64).to_le_bytes());
    data.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    data
}

fn decode(data: &[u8]) -> Option<Vec<i16>> {
    let rest = data.strip_prefix(MAGIC)?;
    let (count, samples) = rest.split_first_chunk::<8>()?;
    (u64::from_le_bytes(*count) * 2 == samples.len() as u64)
        .then(|| samples.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
}

fn decode_packets(data: &[u8]) -> Option<Vec<Bytes>> {
    let mut rest = Bytes::copy_from_slice(data.strip_prefix(OPUS_MAGIC)?);
    let mut packets = Vec::new();
    loop {
        let length = usize::from(u16::from_le_bytes(*rest.first_chunk::<2>()?));
        drop(rest.split_to(2));
        if length == 0 {
            return rest.is_empty().then_some(packets);
        }
        if rest.len() < length {
            return None;
        }
        packets.push(rest.split_to(length));
    }
}

#[cfg(test)]
mod tests {
    use language::Language;

    use super::*;

    fn key(text: &str) -> Key {
        Key::new("voice-1", &SpeechRequest { text: text.to_owned(), language: Language::Bo, rate: 1.0 })
    }

    #[test]
    fn a_sentence_is_found_again_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let samples: Vec<i16> = (0..1_000).collect();
        SoundCache::open(folder.path(), 1 << 20).unwrap().put(key("སྐད་ཡིག 社保卡"), &samples).unwrap();
        let cache = SoundCache::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(cache.get(key("སྐད་ཡིག 社保卡")), Some(samples));
        assert_eq!(cache.get(key("སྐད་ཡིག")), None);
    }

    #[test]
    fn packets_are_kept_beside_the_samples_and_half_a_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SoundCache::open(folder.path(), 1 << 20).unwrap();
        let opus = key("您好").in_opus(20_000);
        assert_eq!(cache.packets(opus), None);
        let packets: [&[u8]; 3] = [&[1, 2, 3], &[4], &[5; 300]];
        cache.put(key("您好"), &[1; 10]).unwrap();
        cache.put_packets(opus, packets.into_iter()).unwrap();
        assert_eq!(cache.packets(opus).unwrap(), packets);
        assert_eq!(cache.get(key("您好")), Some(vec![1; 10]));
        assert_eq!(cache.packets(key("您好").in_opus(16_000)), None);
        assert_eq!(cache.packets(key("您好")), None, "samples are no packets, and are gone now");
        let path = opus.path(folder.path());
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            assert_eq!(decode_packets(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn what_another_process_keeps_is_found_too() {
        let folder = tempfile::tempdir().unwrap();
        let server = SoundCache::open(folder.path(), 1 << 20).unwrap();
        SoundCache::open(folder.path(), 1 << 20).unwrap().put(key("您好"), &[7; 100]).unwrap();
        assert_eq!(server.get(key("您好")), Some(vec![7; 100]));
    }

    #[test]
    fn another_speed_or_voice_is_another_sound() {
        let slow = SpeechRequest { text: "您好".to_owned(), language: Language::Zh, rate: 0.75 };
        let normal = SpeechRequest { rate: 1.0, ..slow.clone() };
        assert_ne!(Key::new("a", &slow), Key::new("a", &normal));
        assert_ne!(Key::new("a", &slow), Key::new("b", &slow));
    }

    #[test]
    fn the_sentence_used_longest_ago_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SoundCache::open(folder.path(), 3 * 216).unwrap();
        for name in ["a", "b", "c"] {
            cache.put(key(name), &[0; 100]).unwrap();
        }
        assert!(cache.get(key("a")).is_some());
        cache.put(key("d"), &[0; 100]).unwrap();
        assert!(cache.get(key("b")).is_none());
        assert!(cache.get(key("a")).is_some());
    }

    #[test]
    fn a_torn_file_is_not_played() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SoundCache::open(folder.path(), 1 << 20).unwrap();
        cache.put(key("a"), &[7; 100]).unwrap();
        let path = key("a").path(folder.path());
        let data = fs::read(&path).unwrap();
        fs::write(&path, &data[..100]).unwrap();
        assert_eq!(cache.get(key("a")), None);
        assert!(!path.exists());
    }
}
