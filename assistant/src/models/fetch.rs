//! A file from the first of its mirrors that gives it, resumable.
//!
//! What has come is in `FILE.part`, and where it came from in `FILE.part.json`. The next attempt asks for the rest (`Range`), bound
//! to the same content by `If-Range` where the server names it (RFC 9110, sections 13.1.5 and 14). A server that ignores that, or
//! whose file has changed, sends everything, and the beginning is thrown away. From another mirror the rest is taken only where
//! the hash of the whole is known beforehand, since only that can tell whether both halves belong together.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{digest_file, free_bytes};

/// How a file is fetched.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// For a connection.
    pub connect: Duration,
    /// For the answer's beginning, and for every further piece of it: a large file may take hours, but not silently.
    pub stall: Duration,
    /// How often each mirror is asked, where it breaks off or is overloaded.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles.
    pub pause: Duration,
    /// Bytes that must be free beside the file itself, per byte of it: an archive needs room to be unpacked.
    pub room: u64,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            stall: Duration::from_mins(1),
            attempts: 4,
            pause: Duration::from_secs(2),
            room: 0,
        }
    }
}

/// What somebody who watches is told.
pub trait Progress {
    /// A transfer begins: so many bytes there are, so many are here already.
    fn begin(&self, total: Option<u64>, here: u64);
    /// More has come.
    fn advance(&self, bytes: u64);
    /// Something went otherwise than wished.
    fn note(&self, message: &str);
}

/// Nobody watches.
impl Progress for () {
    fn begin(&self, _total: Option<u64>, _here: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn note(&self, _message: &str) {}
}

/// A file that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it lies.
    pub path: PathBuf,
    /// The mirror that gave it.
    pub url: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// Why a mirror gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It answers so.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// It cannot be reached, or broke off.
    #[error("{0}")]
    Broken(String),
    /// Nothing came for too long.
    #[error("nothing came for {0} s")]
    Stalled(u64),
    /// Another file came. It was removed.
    #[error("its file has the SHA-256 {found}, not {expected}; the file was removed")]
    Hash {
        /// What was wanted.
        expected: String,
        /// What came.
        found: String,
    },
}

impl Refusal {
    /// Whether asking the same mirror again may help.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS
                            | StatusCode::REQUEST_TIMEOUT
                            | StatusCode::RANGE_NOT_SATISFIABLE
                    )
            }
            Self::Broken(_) | Self::Stalled(_) => true,
            Self::Hash { .. } => false,
        }
    }
}

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No mirror gave it.
    #[error("the file could not be fetched:{}", told(.0))]
    Refused(Vec<(String, Refusal)>),
    /// It does not fit.
    #[error("{needed} MB are needed, but only {free} MB are free in {folder}")]
    NoRoom {
        /// Megabytes that are needed.
        needed: u64,
        /// Megabytes that there are.
        free: u64,
        /// Where.
        folder: String,
    },
    /// It cannot be written.
    #[error("{path} cannot be written: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The programme's own part failed.
    #[error("no connection can be made: {0}")]
    Client(reqwest::Error),
}

/// Every mirror with its refusal, on a line of its own.
fn told(refusals: &[(String, Refusal)]) -> String {
    refusals.iter().fold(String::new(), |told, (url, why)| told + &format!("\n  {url}: {why}"))
}

/// Where the beginning of a file came from.
#[derive(Debug, Serialize, Deserialize)]
struct Origin {
    url: String,
    /// A strong entity tag, or else the day of the last change.
    validator: Option<String>,
}

/// Either another attempt may help, or nothing will.
enum Trouble {
    Refused(Refusal),
    Fatal(FetchError),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Fetches a file into `folder` under `name`, from the first of `urls` that gives it, with the SHA-256 `expected` where that is
/// known. What an earlier call left half done is gone on with. Blocks on the disk: for commands, not for the server.
///
/// # Errors
/// [`FetchError`]. What came so far stays for the next call, unless its hash was wrong.
pub async fn fetch(
    urls: &[String],
    folder: &Path,
    name: &str,
    expected: Option<&str>,
    settings: &FetchSettings,
    progress: &dyn Progress,
) -> Result<Fetched, FetchError> {
    // A second call finds the provider there, which is all that is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .connect_timeout(settings.connect)
        .user_agent(concat!("drilen/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(FetchError::Client)?;
    fs::create_dir_all(folder).map_err(|source| FetchError::Io { path: folder.to_owned(), source })?;
    let transfer = Transfer {
        client,
        part: folder.join(format!("{name}.part")),
        origin: folder.join(format!("{name}.part.json")),
        expected,
        settings,
        progress,
    };
    let mut refusals = Vec::new();
    for url in urls {
        let mut pause = settings.pause;
        for attempt in 1..=settings.attempts.max(1) {
            match transfer.attempt(url).await {
                Ok((sha256, bytes)) => {
                    let path = folder.join(name);
                    transfer.finish(&path)?;
                    return Ok(Fetched { path, url: url.clone(), sha256, bytes });
                }
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Refused(refusal)) if refusal.may_pass() && attempt < settings.attempts => {
                    progress.note(&format!("{url}: {refusal}; once more in {} s", pause.as_secs()));
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(Trouble::Refused(refusal)) => {
                    progress.note(&format!("{url}: {refusal}"));
                    refusals.push((url.clone(), refusal));
                    break;
                }
            }
        }
    }
    Err(FetchError::Refused(refusals))
}

struct Transfer<'a> {
    client: Client,
    part: PathBuf,
    origin: PathBuf,
    expected: Option<&'a str>,
    settings: &'a FetchSettings,
    progress: &'a dyn Progress,
}

impl Transfer<'_> {
    fn unwritable(&self, source: io::Error) -> Trouble {
        Trouble::Fatal(FetchError::Io { path: self.part.clone(), source })
    }

    /// Removes what has come so far.
    fn forget(&self) {
        // Where they are not there, nothing is to be forgotten.
        drop(fs::remove_file(&self.part));
        drop(fs::remove_file(&self.origin));
    }

    fn finish(&self, path: &Path) -> Result<(), FetchError> {
        let written = fs::rename(&self.part, path);
        drop(fs::remove_file(&self.origin));
        written.map_err(|source| FetchError::Io { path: path.to_owned(), source })
    }

    /// The bytes that can be gone on with, and the condition under which.
    fn begun(&self, url: &str) -> (u64, Option<String>) {
        let length = fs::metadata(&self.part).map_or(0, |file| file.len());
        let origin: Option<Origin> =
            fs::read(&self.origin).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let same = origin.filter(|origin| origin.url == url);
        match same.and_then(|origin| origin.validator) {
            Some(validator) => (length, Some(validator)),
            None if self.expected.is_some() => (length, None),
            None => (0, None),
        }
    }

    /// One try at one mirror: the hash and the length of the whole file, which then lies in the `.part`.
    async fn attempt(&self, url: &str) -> Result<(String, u64), Trouble> {
        let (begun, validator) = self.begun(url);
        let mut request = self.client.get(url);
        if begun > 0 {
            request = request.header(RANGE, format!("bytes={begun}-"));
            if let Some(validator) = &validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let mut response = self.in_time(request.send()).await?;
        let here = match response.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(response.headers()) == Some(begun) => begun,
            StatusCode::OK => 0,
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                // What is here does not fit what is there.
                self.forget();
                return Err(Refusal::Status(StatusCode::RANGE_NOT_SATISFIABLE).into());
            }
            status => return Err(Refusal::Status(status).into()),
        };
        let total = response.content_length().map(|rest| here + rest);
        self.check_room(total, here)?;
        let mut digest = Sha256::new();
        let mut file = self.open(here, &mut digest)?;
        let origin = Origin { url: url.to_owned(), validator: validator_of(response.headers()) };
        let origin = serde_json::to_vec(&origin).map_err(|error| self.unwritable(error.into()))?;
        fs::write(&self.origin, origin).map_err(|error| self.unwritable(error))?;
        self.progress.begin(total, here);
        let mut length = here;
        while let Some(piece) = self.in_time(response.chunk()).await? {
            file.write_all(&piece).map_err(|error| self.unwritable(error))?;
            digest.update(&piece);
            length += piece.len() as u64;
            self.progress.advance(piece.len() as u64);
        }
        if total.is_some_and(|total| total != length) {
            return Err(Refusal::Broken(format!("it broke off after {length} bytes")).into());
        }
        file.sync_all().map_err(|error| self.unwritable(error))?;
        let found = hex::encode(digest.finalize());
        match self.expected {
            Some(expected) if expected != found => {
                self.forget();
                // The beginning may have been another file's: only a whole transfer can be blamed.
                Err(if here > 0 {
                    Refusal::Broken("its file does not go on what was here; that was removed".to_owned())
                } else {
                    Refusal::Hash { expected: expected.to_owned(), found }
                }
                .into())
            }
            _ => Ok((found, length)),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = reqwest::Result<T>>) -> Result<T, Refusal> {
        match tokio::time::timeout(self.settings.stall, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(Refusal::Broken(chain(&error.without_url()))),
            Err(_) => Err(Refusal::Stalled(self.settings.stall.as_secs())),
        }
    }

    /// Opens the `.part` at `here`, with what is before it in the digest.
    fn open(&self, here: u64, digest: &mut Sha256) -> Result<File, Trouble> {
        let failed = |error| self.unwritable(error);
        if here == 0 {
            return File::create(&self.part).map_err(failed);
        }
        digest_file(&self.part, digest).map_err(failed)?;
        OpenOptions::new().append(true).open(&self.part).map_err(failed)
    }

    fn check_room(&self, total: Option<u64>, here: u64) -> Result<(), Trouble> {
        let folder = self.part.parent().unwrap_or(Path::new("."));
        let (Some(total), Some(free)) = (total, free_bytes(folder)) else { return Ok(()) };
        let needed = total.saturating_sub(here).saturating_add(total.saturating_mul(self.settings.room));
        if needed <= free {
            return Ok(());
        }
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        Err(Trouble::Fatal(FetchError::NoRoom {
            needed: megabytes(needed),
            free: free / 1_000_000,
            folder: folder.display().to_string(),
        }))
    }
}

/// An error with what it came from, which says more than the error itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The first byte of a partial answer: `bytes 5-9/10`.
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

/// What `If-Range` takes: a strong entity tag, or else a date.
fn validator_of(headers: &HeaderMap) -> Option<String> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    header(ETAG).filter(|tag| tag.starts_with('"')).or_else(|| header(LAST_MODIFIED))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{
        Router,
        body::{Body, Bytes},
        extract::{Path as UrlPath, State},
        http::{HeaderMap, Response},
        routing::get,
    };
    use futures::StreamExt;

    use super::*;

    /// What the server was asked: path, `Range`, `If-Range`.
    type Asked = (String, Option<String>, Option<String>);

    #[derive(Clone, Default)]
    struct Served {
        content: Arc<Vec<u8>>,
        asked: Arc<Mutex<Vec<Asked>>>,
    }

    impl Served {
        fn asked(&self) -> Vec<Asked> {
            self.asked.lock().unwrap().clone()
        }
    }

    fn answer(status: u16, headers: &[(&str, String)], body: impl Into<Body>) -> Response<Body> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, value);
        }
        response.body(body.into()).unwrap()
    }

    /// A whole length, but only a part of the content and then a broken connection.
    fn broken_off(content: &[u8], length: usize, headers: &[(&str, String)]) -> Response<Body> {
        let first: Result<Bytes, io::Error> = Ok(Bytes::copy_from_slice(content));
        // Late enough for the beginning to be on its way.
        let broken = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Err(io::Error::other("the link broke"))
        };
        let pieces = futures::stream::iter([first]).chain(futures::stream::once(broken));
        let headers = [headers, &[("content-length", length.to_string())]].concat();
        answer(200, &headers, Body::from_stream(pieces))
    }

    async fn serve(
        State(served): State<Served>,
        UrlPath(path): UrlPath<String>,
        headers: HeaderMap,
    ) -> Response<Body> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let before = {
            let mut asked = served.asked.lock().unwrap();
            asked.push((path.clone(), header("range"), header("if-range")));
            asked.iter().filter(|(known, ..)| *known == path).count()
        };
        let content: &[u8] = &served.content;
        let tag = |tag: &str| ("etag", format!("\"{tag}\""));
        let rest = |from: usize, etag: &str| {
            let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
            answer(206, &[tag(etag), ("content-range", range)], content[from..].to_vec())
        };
        let from = header("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match (path.as_str(), from) {
            ("breaks-once", None) => broken_off(&content[..content.len() / 2], content.len(), &[tag("a")]),
            ("breaks-once", Some(from)) if header("if-range").as_deref() == Some("\"a\"") => rest(from, "a"),
            ("ignores-range", _) if before == 1 => {
                broken_off(&content[..content.len() / 2], content.len(), &[tag("a")])
            }
            // Another content since: everything, whatever was asked for.
            ("changes", None) if before == 1 => broken_off(b"old beginning", 50, &[tag("old")]),
            ("breaks-always", _) => broken_off(&content[..10], content.len(), &[]),
            ("resumes" | "breaks-once", Some(from)) => rest(from, "a"),
            ("too-far", Some(_)) => {
                answer(416, &[("content-range", format!("bytes */{}", content.len()))], "")
            }
            ("missing", _) => answer(404, &[], "no such file"),
            ("busy", _) if before < 3 => answer(503, &[], "later"),
            ("stalls", _) => answer(
                200,
                &[("content-length", "100".to_owned())],
                Body::from_stream(futures::stream::pending::<Result<Bytes, io::Error>>()),
            ),
            ("other", _) => answer(200, &[], "another file"),
            _ => answer(200, &[tag("a")], content.to_vec()),
        }
    }

    struct Set {
        served: Served,
        folder: tempfile::TempDir,
        base: String,
        settings: FetchSettings,
    }

    impl Set {
        async fn new() -> Self {
            let content = Arc::new((0..100_000_u32).flat_map(u32::to_le_bytes).collect());
            let served = Served { content, ..Served::default() };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap());
            let app = Router::new().route("/{path}", get(serve)).with_state(served.clone());
            tokio::spawn(async move { axum::serve(listener, app).await });
            let settings = FetchSettings {
                stall: Duration::from_millis(300),
                pause: Duration::from_millis(1),
                attempts: 3,
                ..FetchSettings::default()
            };
            Self { served, folder: tempfile::tempdir().unwrap(), base, settings }
        }

        fn hash(&self) -> String {
            hex::encode(Sha256::digest(self.served.content.as_slice()))
        }

        async fn fetch(&self, paths: &[&str], expected: Option<&str>) -> Result<Fetched, FetchError> {
            let urls: Vec<String> = paths.iter().map(|path| format!("{}/{path}", self.base)).collect();
            fetch(&urls, self.folder.path(), "model", expected, &self.settings, &()).await
        }

        fn left(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(self.folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }

        fn whole(&self, fetched: &Fetched) {
            assert_eq!(fs::read(&fetched.path).unwrap(), *self.served.content);
            assert_eq!((fetched.sha256.clone(), fetched.bytes), (self.hash(), 400_000));
            assert_eq!(self.left(), ["model"], "nothing is left of the transfer");
        }
    }

    #[tokio::test]
    async fn a_download_that_breaks_off_goes_on_where_it_was() {
        let set = Set::new().await;
        let fetched = set.fetch(&["breaks-once"], None).await.unwrap();
        set.whole(&fetched);
        let path = || "breaks-once".to_owned();
        assert_eq!(
            set.served.asked(),
            [(path(), None, None), (path(), Some("bytes=200000-".to_owned()), Some("\"a\"".to_owned()))]
        );
    }

    #[tokio::test]
    async fn the_next_call_goes_on_with_what_an_earlier_one_left() {
        let mut set = Set::new().await;
        set.settings.attempts = 1;
        assert!(set.fetch(&["breaks-once"], None).await.is_err());
        assert_eq!(set.left(), ["model.part", "model.part.json"]);
        set.whole(&set.fetch(&["breaks-once"], None).await.unwrap());
        assert_eq!(set.served.asked()[1].1.as_deref(), Some("bytes=200000-"));
    }

    #[tokio::test]
    async fn a_server_that_ignores_range_sends_everything_again() {
        let set = Set::new().await;
        set.whole(&set.fetch(&["ignores-range"], Some(&set.hash())).await.unwrap());
        assert_eq!(set.served.asked()[1].1.as_deref(), Some("bytes=200000-"));
    }

    #[tokio::test]
    async fn a_file_that_has_changed_since_is_fetched_anew() {
        let set = Set::new().await;
        set.whole(&set.fetch(&["changes"], None).await.unwrap());
        assert_eq!(set.served.asked()[1].2.as_deref(), Some("\"old\""));
    }

    #[tokio::test]
    async fn what_does_not_fit_the_servers_file_is_thrown_away() {
        let set = Set::new().await;
        fs::write(set.folder.path().join("model.part"), vec![1; 500_000]).unwrap();
        set.whole(&set.fetch(&["too-far"], Some(&set.hash())).await.unwrap());
    }

    #[tokio::test]
    async fn the_beginning_of_another_file_is_not_held_against_a_mirror() {
        let set = Set::new().await;
        fs::write(set.folder.path().join("model.part"), "of another file").unwrap();
        set.whole(&set.fetch(&["resumes"], Some(&set.hash())).await.unwrap());
        let ranges: Vec<Option<String>> = set.served.asked().into_iter().map(|(_, range, _)| range).collect();
        assert_eq!(ranges, [Some("bytes=15-".to_owned()), None]);
    }

    #[tokio::test]
    async fn a_wrong_hash_is_refused_and_the_file_removed() {
        let set = Set::new().await;
        let error = set.fetch(&["other"], Some(&set.hash())).await.unwrap_err();
        let FetchError::Refused(refusals) = &error else { panic!("{error}") };
        assert!(matches!(refusals[0].1, Refusal::Hash { .. }));
        assert!(error.to_string().contains(&set.hash()), "{error}");
        assert_eq!(set.left(), [] as [&str; 0]);
        assert_eq!(set.served.asked().len(), 1, "asking again would not help");
    }

    #[tokio::test]
    async fn mirrors_are_tried_in_order() {
        let set = Set::new().await;
        let fetched = set.fetch(&["missing", "other", "file", "never"], Some(&set.hash())).await.unwrap();
        set.whole(&fetched);
        assert!(fetched.url.ends_with("/file"));
        let asked: Vec<String> = set.served.asked().into_iter().map(|(path, ..)| path).collect();
        assert_eq!(asked, ["missing", "other", "file"]);
    }

    #[tokio::test]
    async fn another_mirror_goes_on_only_where_the_hash_is_known() {
        let set = Set::new().await;
        set.whole(&set.fetch(&["breaks-always", "resumes"], Some(&set.hash())).await.unwrap());
        assert!(set.served.asked().last().unwrap().1.is_some());
        let set = Set::new().await;
        set.whole(&set.fetch(&["breaks-always", "resumes"], None).await.unwrap());
        assert_eq!(set.served.asked().last().unwrap().1, None);
    }

    #[tokio::test]
    async fn a_missing_file_says_so_for_every_mirror() {
        let set = Set::new().await;
        let error = set.fetch(&["missing", "missing"], None).await.unwrap_err().to_string();
        assert_eq!(error.matches("404 Not Found").count(), 2, "{error}");
        assert_eq!(set.served.asked().len(), 2);
    }

    #[tokio::test]
    async fn an_overloaded_server_is_asked_again_and_a_silent_one_given_up() {
        let set = Set::new().await;
        set.whole(&set.fetch(&["busy"], None).await.unwrap());
        let error = set.fetch(&["stalls"], None).await.unwrap_err().to_string();
        assert!(error.contains("nothing came for"), "{error}");
        let closed = "http://127.0.0.1:1/x".to_owned();
        let error = fetch(&[closed], set.folder.path(), "x", None, &set.settings, &()).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_does_not_fit_on_the_disk_is_not_begun() {
        let mut set = Set::new().await;
        set.settings.room = 1 << 50;
        let error = set.fetch(&["file"], None).await.unwrap_err();
        assert!(matches!(error, FetchError::NoRoom { .. }), "{error}");
        assert_eq!(set.left(), [] as [&str; 0]);
    }

    #[test]
    fn weak_tags_do_not_bind_a_range() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let day = "Sat, 29 Nov 2025 10:00:00 GMT";
        let both: HeaderMap = headers(&[("etag", "W/\"a\""), ("last-modified", day)]);
        assert_eq!(validator_of(&both).as_deref(), Some(day));
        assert_eq!(validator_of(&headers(&[("etag", "\"a\"")])).as_deref(), Some("\"a\""));
        assert_eq!(starts_at(&headers(&[("content-range", "bytes 5-9/10")])), Some(5));
    }
}
