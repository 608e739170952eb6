//! The models that are installed: [`Shelf`].

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
};

use language::Language;
use serde::{Deserialize, Serialize};

use super::{
    Archive, FetchError, FetchSettings, Listed, MOST_UNPACKED_BYTES, Progress, Remote, UnpackError, fetch,
    hash_file, unpack,
};

/// The format of an installed model's manifest.
const FORMAT: &str = "drilen-model/1";

/// The manifest's name in the model's folder.
const MANIFEST: &str = "manifest.json";

/// Hashes that were seen first, by address; kept when a model is removed.
const SEEN: &str = "seen.json";

/// How a file's content is known to be the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Its hash was known before it was fetched.
    KnownHash,
    /// It has the hash that came with the first installation from this address.
    SeenBefore,
    /// It is the first that came from this address: trusted because nothing is known.
    FirstUse,
    /// The operator's own file.
    Local,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Below the model's folder, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What was fetched for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address, or the operator's path.
    pub source: String,
    /// SHA-256 of what came from there, archives as they came.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// How that is known to be right.
    pub trust: Trust,
}

/// An installed model: the content of its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// [`FORMAT`].
    pub format: String,
    /// Its name, which is its folder's.
    pub name: String,
    /// Languages of the service that it covers, where that is known.
    pub languages: Vec<Language>,
    /// As its publisher says.
    pub licence: String,
    /// The engine of the configuration that loads it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The file that the configuration names, where it does not name the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// What was fetched.
    pub origins: Vec<Origin>,
    /// The day it was installed.
    pub installed: String,
    /// Its files.
    pub files: Vec<FileRecord>,
    /// What an archive held that is no file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Installed {
    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What is known of it; its `files` are what is fetched.
    pub model: Listed,
    /// A file or folder that is here already, instead of the addresses.
    pub local: Option<PathBuf>,
}

/// Why a model could not be installed, looked at or removed.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Fetching failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Unpacking failed.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest is damaged.
    #[error("{path} is no manifest of a model: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What came is not what came the first time.
    #[error(
        "{source_name} has the SHA-256 {found}; at the first installation it was {seen}. Somebody changed it: ask the publisher which is \
         right, and give that one with --sha256. Nothing was installed"
    )]
    Changed {
        /// The address.
        source_name: String,
        /// What it was.
        seen: String,
        /// What it is.
        found: String,
    },
    /// A local file has another hash than was given.
    #[error("{path} has the SHA-256 {found}, not {expected}; nothing was installed")]
    Hash {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        expected: String,
        /// What it is.
        found: String,
    },
    /// There is nothing to fetch.
    #[error("{name} cannot be fetched ready-made: {title}{home}")]
    NoFiles {
        /// The model.
        name: String,
        /// What its entry says.
        title: String,
        /// Where to read on.
        home: String,
    },
    /// No such model is installed.
    #[error("no model {0:?} is installed; `assistant models list` names them")]
    Unknown(String),
}

/// Whether a text can be a model's name: 1 to 80 lower-case letters, digits, `.`, `-` and `_`, not beginning with a dot, and
/// not the name of a file that lies beside the models.
pub fn is_name(text: &str) -> bool {
    (1..=80).contains(&text.len())
        && !text.starts_with('.')
        && ![SEEN, "registry.toml"].contains(&text)
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'))
}

/// The folder of installed models.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ShelfError + use<> {
    let path = path.to_owned();
    move |source| ShelfError::Io { path, source }
}

impl Shelf {
    /// The models below `folder` (`data/models`), which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A model's folder, whether it is installed or not.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is installed, by name. Folders without a manifest are not this program's, and left alone.
    ///
    /// # Errors
    /// [`ShelfError`] where the folder or a manifest cannot be read.
    pub fn list(&self) -> Result<Vec<Installed>, ShelfError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.folder)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed(&self.folder))?.file_name();
            names.extend(name.into_string().ok().filter(|name| is_name(name)));
        }
        names.sort();
        names.iter().filter_map(|name| self.get(name).transpose()).collect()
    }

    /// An installed model; `None` where it is not.
    ///
    /// # Errors
    /// [`ShelfError`] where its manifest cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Installed>, ShelfError> {
        if !is_name(name) {
            return Ok(None);
        }
        let path = self.place(name).join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(&path)(error)),
        };
        let wrong = |reason: String| ShelfError::Manifest { path: path.clone(), reason };
        let installed: Installed = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if installed.format != FORMAT {
            return Err(wrong(format!("its format is {:?}, not {FORMAT:?}", installed.format)));
        }
        Ok(Some(installed))
    }

    /// Fetches, checks, unpacks and puts a model on the shelf, in place of one of the same name. Until everything is there and
    /// right, nothing of what was there before changes.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub async fn install(
        &self,
        wanted: &Wanted,
        settings: &FetchSettings,
        progress: &dyn Progress,
    ) -> Result<Installed, ShelfError> {
        let model = &wanted.model;
        let fresh = self.folder.join(format!(".new-{}-{}", model.name, std::process::id()));
        drop(fs::remove_dir_all(&fresh));
        fs::create_dir_all(&fresh).map_err(failed(&fresh))?;
        let outcome = self.fill(&fresh, wanted, settings, progress).await;
        let outcome = outcome.and_then(|installed| {
            self.shelve(&fresh, &model.name)?;
            Ok(installed)
        });
        if outcome.is_err() {
            drop(fs::remove_dir_all(&fresh));
        }
        outcome
    }

    async fn fill(
        &self,
        fresh: &Path,
        wanted: &Wanted,
        settings: &FetchSettings,
        progress: &dyn Progress,
    ) -> Result<Installed, ShelfError> {
        let model = &wanted.model;
        let mut left_out = Vec::new();
        let mut origins = Vec::new();
        if let Some(local) = &wanted.local {
            let expected = model.files.first().and_then(|file| file.sha256.as_deref());
            origins.push(take_local(local, fresh, expected, &mut left_out)?);
        } else if model.files.is_empty() {
            return Err(ShelfError::NoFiles {
                name: model.name.clone(),
                title: model.title.clone(),
                home: model.home.as_ref().map_or(String::new(), |home| format!(" ({home})")),
            });
        }
        if wanted.local.is_none() {
            for file in &model.files {
                let (origin, rest) = self.take_remote(file, fresh, settings, progress).await?;
                origins.push(origin);
                left_out.extend(rest);
            }
        }
        let installed = Installed {
            format: FORMAT.to_owned(),
            name: model.name.clone(),
            languages: model.languages.clone(),
            licence: model.licence.clone(),
            engine: model.engine.clone(),
            main: model.main.clone(),
            origins,
            installed: kb::Date::today().to_string(),
            files: records(fresh)?,
            left_out,
        };
        let manifest = fresh.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&installed)
            .map_err(|error| ShelfError::Manifest { path: manifest.clone(), reason: error.to_string() })?;
        fs::write(&manifest, text).map_err(failed(&manifest))?;
        Ok(installed)
    }

    async fn take_remote(
        &self,
        file: &Remote,
        fresh: &Path,
        settings: &FetchSettings,
        progress: &dyn Progress,
    ) -> Result<(Origin, Vec<String>), ShelfError> {
        let first = file.urls.first().map_or("", String::as_str);
        let name = file_name(first);
        let kind = Archive::of(&name);
        // Room for the archive's content beside the archive; weights hardly shrink in one.
        let settings = FetchSettings { room: if kind.is_some() { 2 } else { 1 }, ..settings.clone() };
        let incoming = self.folder.join(".incoming");
        let fetched =
            fetch(&file.urls, &incoming, &name, file.sha256.as_deref(), &settings, progress).await?;
        let trust = match &file.sha256 {
            Some(_) => Trust::KnownHash,
            None => match self.check_seen(&fetched.url, &fetched.sha256) {
                Ok(trust) => trust,
                Err(error) => {
                    drop(fs::remove_file(&fetched.path));
                    return Err(error);
                }
            },
        };
        let mut left_out = Vec::new();
        if let Some(kind) = kind {
            progress.note(&format!("unpacking {name}"));
            let unpacked = unpack(kind, &fetched.path, fresh, MOST_UNPACKED_BYTES);
            // An archive that cannot be unpacked is no use the next time either.
            drop(fs::remove_file(&fetched.path));
            left_out = unpacked?.left_out;
        } else {
            let place = fresh.join(&name);
            fs::rename(&fetched.path, &place).map_err(failed(&place))?;
        }
        // Only now: what could not even be unpacked shall not be what later ones are held to.
        self.remember(&fetched.url, &fetched.sha256)?;
        let origin = Origin { source: fetched.url, sha256: fetched.sha256, bytes: fetched.bytes, trust };
        Ok((origin, left_out))
    }

    fn seen(&self) -> BTreeMap<String, String> {
        let text = fs::read(self.folder.join(SEEN)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn check_seen(&self, url: &str, found: &str) -> Result<Trust, ShelfError> {
        match self.seen().remove(url) {
            None => Ok(Trust::FirstUse),
            Some(seen) if seen == found => Ok(Trust::SeenBefore),
            Some(seen) => {
                Err(ShelfError::Changed { source_name: url.to_owned(), seen, found: found.to_owned() })
            }
        }
    }

    fn remember(&self, url: &str, hash: &str) -> Result<(), ShelfError> {
        let mut seen = self.seen();
        if seen.insert(url.to_owned(), hash.to_owned()).as_deref() == Some(hash) {
            return Ok(());
        }
        let path = self.folder.join(SEEN);
        let beside = self.folder.join(format!(".{SEEN}.{}", std::process::id()));
        let text = serde_json::to_vec_pretty(&seen).map_err(io::Error::other);
        text.and_then(|text| fs::write(&beside, text))
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(failed(&path))
    }

    /// Puts a finished folder in the place of the old one.
    fn shelve(&self, fresh: &Path, name: &str) -> Result<(), ShelfError> {
        let place = self.place(name);
        let old = self.folder.join(format!(".old-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&old));
        let replaced = place.exists();
        if replaced {
            fs::rename(&place, &old).map_err(failed(&place))?;
        }
        if let Err(error) = fs::rename(fresh, &place) {
            if replaced {
                drop(fs::rename(&old, &place));
            }
            return Err(failed(&place)(error));
        }
        drop(fs::remove_dir_all(&old));
        Ok(())
    }

    /// Reads every file of a model again; returns what is wrong with it, in words.
    ///
    /// # Errors
    /// [`ShelfError`] where it is not installed, or a file cannot be read.
    pub fn verify(&self, name: &str) -> Result<Vec<String>, ShelfError> {
        let installed = self.get(name)?.ok_or_else(|| ShelfError::Unknown(name.to_owned()))?;
        let folder = self.place(name);
        let mut wrong = Vec::new();
        let mut here: BTreeMap<String, FileRecord> =
            records(&folder)?.into_iter().map(|record| (record.path.clone(), record)).collect();
        for file in &installed.files {
            match here.remove(&file.path) {
                None => wrong.push(format!("{} is missing", file.path)),
                Some(found) if found.sha256 != file.sha256 => {
                    wrong.push(format!(
                        "{} has changed: it has the SHA-256 {}, not {}",
                        file.path, found.sha256, file.sha256
                    ));
                }
                Some(_) => {}
            }
        }
        wrong.extend(here.into_keys().map(|path| format!("{path} does not belong to the model")));
        Ok(wrong)
    }

    /// Removes a model. The hash of what it came from stays known.
    ///
    /// # Errors
    /// [`ShelfError`] where it is not installed, or cannot be removed.
    pub fn remove(&self, name: &str) -> Result<Installed, ShelfError> {
        let installed = self.get(name)?.ok_or_else(|| ShelfError::Unknown(name.to_owned()))?;
        // In two steps, so that a half-removed model is not taken for a whole one.
        let place = self.place(name);
        let old = self.folder.join(format!(".old-{name}-{}", std::process::id()));
        fs::rename(&place, &old).map_err(failed(&place))?;
        fs::remove_dir_all(&old).map_err(failed(&old))?;
        Ok(installed)
    }
}

/// The last part of an address as a file name.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain: String =
        last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
    let plain = plain.trim_start_matches('.');
    if plain.is_empty() || plain == MANIFEST { "model.bin".to_owned() } else { plain.to_owned() }
}

/// Takes an archive, a file or a folder of the operator's.
fn take_local(
    local: &Path,
    fresh: &Path,
    expected: Option<&str>,
    left_out: &mut Vec<String>,
) -> Result<Origin, ShelfError> {
    let origin = |sha256, bytes| Origin {
        source: local.display().to_string(),
        sha256,
        bytes,
        trust: if expected.is_some() { Trust::KnownHash } else { Trust::Local },
    };
    if local.is_dir() {
        let mut bytes = 0;
        for record in records(local)? {
            let (from, to) = (local.join(&record.path), fresh.join(&record.path));
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            bytes += fs::copy(&from, &to).map_err(failed(&from))?;
        }
        return Ok(origin(String::new(), bytes));
    }
    let found = hash_file(local).map_err(failed(local))?;
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(ShelfError::Hash { path: local.to_owned(), expected: expected.to_owned(), found });
    }
    let bytes = fs::metadata(local).map_err(failed(local))?.len();
    let name = file_name(&local.to_string_lossy());
    if let Some(kind) = Archive::of(&name) {
        left_out.extend(unpack(kind, local, fresh, MOST_UNPACKED_BYTES)?.left_out);
    } else {
        let place = fresh.join(&name);
        fs::copy(local, &place).map_err(failed(&place))?;
    }
    Ok(origin(found, bytes))
}

/// The files below a folder, by path, without the manifest.
fn records(folder: &Path) -> Result<Vec<FileRecord>, ShelfError> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).map_err(failed(&at))? {
            let entry = entry.map_err(failed(&at))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed(&path))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path != folder.join(MANIFEST) {
                let below = path.strip_prefix(folder).unwrap_or(&path).components();
                let parts: Vec<String> = below
                    .filter_map(|part| match part {
                        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                        _ => None,
                    })
                    .collect();
                let bytes = entry.metadata().map_err(failed(&path))?.len();
                let sha256 = hash_file(&path).map_err(failed(&path))?;
                out.push(FileRecord { path: parts.join("/"), bytes, sha256 });
            }
        }
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Router, extract::State, routing::get};

    use super::*;
    use crate::models::{Purpose, archive::tests::tar_bz2_of};

    type Content = Arc<Mutex<Vec<u8>>>;

    async fn server(content: Content) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let give = |State(content): State<Content>| async move { content.lock().unwrap().clone() };
        let app = Router::new().route("/m.tar.bz2", get(give)).with_state(content);
        tokio::spawn(async move { axum::serve(listener, app).await });
        base + "/m.tar.bz2"
    }

    fn wanted(urls: &[&str], sha256: Option<String>) -> Wanted {
        Wanted {
            model: Listed {
                name: "m".to_owned(),
                title: "a model".to_owned(),
                purpose: Purpose::Hearing,
                languages: vec![Language::Bo],
                licence: "MIT".to_owned(),
                megabytes: None,
                layout: "zipformer2_ctc".to_owned(),
                engine: Some("ctc".to_owned()),
                main: None,
                home: None,
                files: vec![Remote { urls: urls.iter().map(|url| (*url).to_owned()).collect(), sha256 }],
            },
            local: None,
        }
    }

    fn archive(weights: &[u8]) -> Vec<u8> {
        tar_bz2_of(&[("top/model.onnx", weights), ("top/tokens.txt", b"a 0\n")])
    }

    async fn install(shelf: &Shelf, wanted: &Wanted) -> Result<Installed, ShelfError> {
        let settings = FetchSettings { attempts: 1, ..FetchSettings::default() };
        shelf.install(wanted, &settings, &()).await
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_model_is_installed_verified_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().join("models"));
        assert_eq!(shelf.list().unwrap(), []);
        let url = server(Arc::new(Mutex::new(archive(b"weights")))).await;
        let installed = install(&shelf, &wanted(&[&url], None)).await.unwrap();
        assert_eq!(installed.origins[0].trust, Trust::FirstUse);
        assert_eq!(installed.files.len(), 2);
        assert_eq!(installed.bytes(), 11);
        assert_eq!(shelf.list().unwrap(), [installed]);
        assert_eq!(names(&shelf.place("m")), ["manifest.json", "model.onnx", "tokens.txt"]);
        assert_eq!(shelf.verify("m").unwrap(), [] as [&str; 0]);
        fs::write(shelf.place("m").join("model.onnx"), "w3ights").unwrap();
        fs::remove_file(shelf.place("m").join("tokens.txt")).unwrap();
        fs::write(shelf.place("m").join("other"), "x").unwrap();
        let wrong = shelf.verify("m").unwrap().join("\n");
        assert!(
            wrong.contains("model.onnx has changed") && wrong.contains("tokens.txt is missing"),
            "{wrong}"
        );
        assert!(wrong.contains("other does not belong"), "{wrong}");
        shelf.remove("m").unwrap();
        assert!(!shelf.place("m").exists());
        assert!(matches!(shelf.remove("m"), Err(ShelfError::Unknown(_))));
        assert!(matches!(shelf.verify("../m"), Err(ShelfError::Unknown(_))));
    }

    #[tokio::test]
    async fn a_file_that_changed_since_its_first_installation_is_refused_until_its_hash_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().to_owned());
        let content = Arc::new(Mutex::new(archive(b"weights")));
        let url = server(Arc::clone(&content)).await;
        install(&shelf, &wanted(&[&url], None)).await.unwrap();
        let again = install(&shelf, &wanted(&[&url], None)).await.unwrap();
        assert_eq!(again.origins[0].trust, Trust::SeenBefore);
        shelf.remove("m").unwrap();
        let other = archive(b"others");
        other.clone_into(&mut content.lock().unwrap());
        let refused = install(&shelf, &wanted(&[&url], None)).await.unwrap_err();
        assert!(matches!(refused, ShelfError::Changed { .. }), "{refused}");
        assert!(!shelf.place("m").exists());
        let given = folder.path().join("given");
        fs::write(&given, other).unwrap();
        let hash = hash_file(&given).unwrap();
        let known = install(&shelf, &wanted(&[&url], Some(hash))).await.unwrap();
        assert_eq!(known.origins[0].trust, Trust::KnownHash);
        assert_eq!(names(&folder.path().join(".incoming")), [] as [&str; 0]);
    }

    #[tokio::test]
    async fn a_failed_installation_leaves_the_old_model_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().to_owned());
        let content = Arc::new(Mutex::new(archive(b"weights")));
        let url = server(Arc::clone(&content)).await;
        let installed = install(&shelf, &wanted(&[&url], None)).await.unwrap();
        let evil = tar_bz2_of(&[("top/model.onnx", b"evil"), ("../../evil", b"evil")]);
        let hash = {
            let path = folder.path().join("x");
            fs::write(&path, &evil).unwrap();
            hash_file(&path).unwrap()
        };
        *content.lock().unwrap() = evil;
        let refused = install(&shelf, &wanted(&[&url], Some(hash))).await.unwrap_err();
        assert!(matches!(refused, ShelfError::Unpack(UnpackError::Escapes { .. })), "{refused}");
        assert_eq!(shelf.get("m").unwrap(), Some(installed));
        assert_eq!(shelf.verify("m").unwrap(), [] as [&str; 0]);
        assert!(!folder.path().join("evil").exists() && !folder.path().join("../evil").exists());
        assert!(names(folder.path()).iter().all(|name| !name.starts_with(".new")));
    }

    #[tokio::test]
    async fn an_operators_own_file_archive_and_folder_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().join("models"));
        let file = folder.path().join("ggml-x.bin");
        fs::write(&file, "ggml").unwrap();
        let packed = folder.path().join("x.tar.bz2");
        fs::write(&packed, archive(b"weights")).unwrap();
        let open = folder.path().join("open");
        fs::create_dir_all(open.join("sub")).unwrap();
        fs::write(open.join("sub/model.onnx"), "x").unwrap();
        for (local, expected) in [(&file, "ggml-x.bin"), (&packed, "model.onnx"), (&open, "sub/model.onnx")] {
            let mut wanted = wanted(&[], None);
            wanted.local = Some(local.clone());
            wanted.model.files.clear();
            let installed = install(&shelf, &wanted).await.unwrap();
            assert!(installed.files.iter().any(|file| file.path == expected), "{installed:?}");
            assert_eq!(installed.origins[0].trust, Trust::Local);
        }
        let mut wrong = wanted(&[], Some("0".repeat(64)));
        wrong.local = Some(file);
        assert!(matches!(install(&shelf, &wrong).await, Err(ShelfError::Hash { .. })));
    }

    #[test]
    fn names_of_files_and_models_are_plain() {
        assert_eq!(file_name("https://a.example/b/c.tar.bz2?download=true#x"), "c.tar.bz2");
        assert_eq!(file_name("https://a.example/"), "a.example");
        assert_eq!(file_name("https://a.example/../..%2f.."), "2f..");
        assert_eq!(file_name("x/manifest.json"), "model.bin");
        assert_eq!(file_name(""), "model.bin");
        for name in ["", ".hidden", "..", "seen.json", "a/b", "A", "x y", &"a".repeat(81)] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("sherpa-onnx_2024.07"));
    }
}
