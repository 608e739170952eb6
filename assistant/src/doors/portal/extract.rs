//! `GET /v1/portal/extract/{language}`: the questions that are asked most, with their answers, for phones to keep for times
//! without a network. Signed, so that a page shows nothing that was changed on its way through caches or on the phone.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use conversation::{Clock, StoreError, Timestamp};
use data_encoding::BASE64URL_NOPAD;
use kb::{Date, Entry, Publication, Review, Situation, Stage};
use language::Language;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use schemars::JsonSchema;
use serde::Serialize;
use tower_http::compression::CompressionLayer;

use crate::config::{Configuration, Portal};
use crate::doors::openapi::{Output, Shape};
use crate::doors::routes::{Doors, Route, Table};
use crate::phrases::{Phrase, say, topic_name};
use crate::workers::minds::Minds;

/// The form of the extract; pages ask for it anew when they don't know it.
const FORMAT: u32 = 1;
/// An extract is made anew after this, so that what a phone took lately holds for long. In milliseconds.
const FRESH_MS: i64 = 3_600_000;

/// Signs extracts (ECDSA over P-256 with SHA-256, which `WebCrypto` of every browser we serve can check).
pub struct ExtractKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl ExtractKey {
    /// The key that the store keeps, in PKCS #8.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is none.
    pub fn new(pkcs8: &[u8]) -> Result<Self, StoreError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random);
        let pair = pair.map_err(|error| StoreError::Corrupt(format!("the extract's key: {error}")))?;
        Ok(Self { pair, random })
    }

    /// What pages check signatures with: the uncompressed point (SEC 1, section 2.3.3) in base64url.
    pub fn public(&self) -> String {
        BASE64URL_NOPAD.encode(self.pair.public_key().as_ref())
    }

    /// `r` and `s` after each other (IEEE P1363, as `WebCrypto` wants it) in base64url; `None` where there is no randomness.
    fn sign(&self, text: &str) -> Option<String> {
        self.pair.sign(&self.random, text.as_bytes()).ok().map(|made| BASE64URL_NOPAD.encode(made.as_ref()))
    }
}

/// What the route works with.
#[derive(Clone)]
pub struct ExtractState {
    configuration: Arc<Configuration>,
    minds: Minds,
    clock: Arc<dyn Clock>,
    key: Arc<ExtractKey>,
    /// The last one of each language: what is signed once serves everybody for an hour.
    made: Arc<Mutex<HashMap<Language, Made>>>,
}

impl ExtractState {
    /// The parts it needs.
    pub fn new(
        configuration: Arc<Configuration>,
        minds: Minds,
        clock: Arc<dyn Clock>,
        key: Arc<ExtractKey>,
    ) -> Self {
        Self { configuration, minds, clock, key, made: Arc::default() }
    }
}

#[derive(Clone)]
struct Made {
    revision: String,
    at: Timestamp,
    signed: Arc<SignedExtract>,
}

/// The route.
pub fn doors(state: ExtractState) -> Doors {
    table().with_state(state).behind(|router| router.layer(CompressionLayer::new()))
}

/// The lines of the table, without a server.
pub(in crate::doors) fn routes() -> Vec<Route> {
    table().routes()
}

fn table() -> Table<ExtractState> {
    Table::new().public(Method::GET, "/v1/portal/extract/{language}", extract)
}

/// An extract and its signature.
#[derive(Serialize, JsonSchema)]
struct SignedExtract {
    /// An `Extract` as JSON: the text that was signed, to the letter.
    extract: String,
    /// ECDSA over P-256 with SHA-256 of the text's UTF-8; `r` and `s` in base64url.
    signature: String,
}

/// What a phone keeps of the knowledge base in one language.
#[derive(Serialize)]
struct Extract<'a> {
    format: u32,
    language: Language,
    /// The revision of the knowledge base.
    revision: &'a str,
    made_at: Timestamp,
    /// It is not to be shown after this.
    valid_until: Timestamp,
    /// What the knowledge base says about itself.
    notice: &'a str,
    /// What to do in an emergency, with the numbers to call.
    emergency: &'a str,
    topics: Vec<Topic<'a>>,
    entries: Vec<Kept<'a>>,
}

#[derive(Serialize)]
struct Topic<'a> {
    id: &'a str,
    /// For people.
    name: &'a str,
}

/// An entry, as it answers who says nothing about themselves.
#[derive(Serialize)]
struct Kept<'a> {
    entry: &'a str,
    topic: &'a str,
    revision: String,
    question: &'a str,
    /// Further ways in which people ask it.
    variants: &'a [String],
    text: &'a str,
    steps: &'a [String],
    documents: &'a [String],
    links: Vec<KeptLink<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<&'a str>,
    /// It differs by place or person group: the server would ask.
    depends: bool,
    sample: bool,
    awaiting_review: bool,
    /// The other language is newer by so many days; 0 where nobody recorded since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated_days: Option<u32>,
    /// The last day on which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Date>,
}

#[derive(Serialize)]
struct KeptLink<'a> {
    label: &'a str,
    url: &'a str,
}

/// What the route answers.
enum Answered {
    Signed(Arc<SignedExtract>),
    NoSuchLanguage,
    SwitchedOff,
    CannotSign,
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        match self {
            // Phones ask again at every visit; in between nothing on the way may keep it longer than it is fresh.
            Self::Signed(signed) => ([(header::CACHE_CONTROL, "no-cache")], Json(&*signed)).into_response(),
            Self::NoSuchLanguage => (StatusCode::NOT_FOUND, "ask for `bo` or `zh`").into_response(),
            Self::SwitchedOff => (StatusCode::NOT_FOUND, "`portal.offline_entries` is 0").into_response(),
            Self::CannotSign => {
                (StatusCode::SERVICE_UNAVAILABLE, "the server cannot sign right now").into_response()
            }
        }
    }
}

impl Output for Answered {
    fn describe(shape: &mut Shape<'_>) {
        shape.gives::<SignedExtract>(StatusCode::OK);
    }
}

async fn extract(State(state): State<ExtractState>, Path(language): Path<String>) -> Answered {
    let Some(language) = Language::ALL.into_iter().find(|one| one.code() == language) else {
        return Answered::NoSuchLanguage;
    };
    if state.configuration.portal.offline_entries == 0 {
        return Answered::SwitchedOff;
    }
    let brain = state.minds.brain();
    let publication = brain.publication();
    let (revision, now) = (publication.revision().to_string(), state.clock.now());
    let fresh = |made: &&Made| {
        made.revision == revision && (0..FRESH_MS).contains(&(now.as_millis() - made.at.as_millis()))
    };
    if let Some(made) = state.made.lock().get(&language).filter(fresh) {
        return Answered::Signed(Arc::clone(&made.signed));
    }
    let Ok(extract) = text_of(publication, language, &state.configuration.portal, now) else {
        return Answered::CannotSign;
    };
    let Some(signature) = state.key.sign(&extract) else { return Answered::CannotSign };
    let signed = Arc::new(SignedExtract { extract, signature });
    let made = Made { revision, at: now, signed: Arc::clone(&signed) };
    state.made.lock().insert(language, made);
    Answered::Signed(signed)
}

/// The extract as it is signed.
fn text_of(
    publication: &Publication,
    language: Language,
    settings: &Portal,
    now: Timestamp,
) -> Result<String, serde_json::Error> {
    let revision = publication.revision().to_string();
    let today = Date::in_china(now.as_millis()).unwrap_or_else(Date::today);
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in by_turns(publication.entries()) {
        let Some(kept) = keep(entry, publication, language, today) else { continue };
        let size = serde_json::to_string(&kept)?.len();
        // A long one is left out, and a shorter one may still have room.
        if bytes + size > settings.offline_kilobytes * 1000 {
            continue;
        }
        bytes += size;
        entries.push(kept);
        if entries.len() == settings.offline_entries {
            break;
        }
    }
    let mut topics: Vec<Topic<'_>> = Vec::new();
    for kept in &entries {
        if !topics.iter().any(|topic| topic.id == kept.topic) {
            topics.push(Topic { id: kept.topic, name: topic_name(kept.topic, language) });
        }
    }
    let extract = Extract {
        format: FORMAT,
        language,
        revision: &revision,
        made_at: now,
        valid_until: now.plus(settings.offline_for),
        notice: publication.notice().get(language),
        emergency: say(Phrase::Emergency, language),
        topics,
        entries,
    };
    serde_json::to_string(&extract)
}

/// The first entry of each topic, then the second of each, and so on: operators put first what is asked most.
fn by_turns(entries: &[Entry]) -> Vec<&Entry> {
    let mut met: HashMap<&str, usize> = HashMap::new();
    let mut placed: Vec<(usize, &Entry)> = entries
        .iter()
        .map(|entry| {
            let turn = met.entry(entry.topic.as_str()).or_default();
            *turn += 1;
            (*turn, entry)
        })
        .collect();
    placed.sort_by_key(|(turn, _)| *turn);
    placed.into_iter().map(|(_, entry)| entry).collect()
}

/// The entry in its own language only: offline nobody can say that it exists in the other one.
fn keep<'a>(
    entry: &'a Entry,
    publication: &Publication,
    language: Language,
    today: Date,
) -> Option<Kept<'a>> {
    let text = entry.text(language)?;
    let found = entry.answer(language, &Situation::on(today)).filter(|found| found.language == language)?;
    let links = entry.links.iter().map(|link| {
        let label = link.label.get(language);
        KeptLink { label: if label.is_empty() { &link.url } else { label }, url: &link.url }
    });
    Some(Kept {
        entry: &entry.id.0,
        topic: &entry.topic,
        revision: publication.entry_revision(&entry.id).map(ToString::to_string).unwrap_or_default(),
        question: found.question,
        variants: &text.variants,
        text: found.written,
        steps: found.steps,
        documents: found.documents,
        links: links.collect(),
        office: found.office.map(|office| office.get(language)).filter(|name| !name.is_empty()),
        depends: !entry.answers.is_empty(),
        sample: entry.sample || text.review == Review::Sample,
        awaiting_review: text.review != Review::Sample && entry.stage(language) == Some(Stage::Draft),
        outdated_days: found.outdated.map(|outdated| outdated.days.unwrap_or(0)),
        valid_until: entry.valid_until,
    })
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn key() -> ExtractKey {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        ExtractKey::new(made.unwrap().as_ref()).unwrap()
    }

    fn sample() -> Publication {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/knowledge/sample");
        Publication::new(&kb::Collection::load(std::path::Path::new(folder)).unwrap()).unwrap()
    }

    fn settings(offline_entries: usize, offline_kilobytes: usize) -> Portal {
        Portal {
            recordings: false,
            default_language: Language::Bo,
            offline_entries,
            offline_kilobytes,
            offline_for: std::time::Duration::from_hours(24),
        }
    }

    #[test]
    fn what_is_signed_is_checked_by_the_public_key_and_a_changed_letter_is_not() {
        let key = key();
        let signature = BASE64URL_NOPAD.decode(key.sign("身份证").unwrap().as_bytes()).unwrap();
        let point = BASE64URL_NOPAD.decode(key.public().as_bytes()).unwrap();
        assert_eq!((signature.len(), point.len(), point[0]), (64, 65, 4));
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
        public.verify("身份证".as_bytes(), &signature).unwrap();
        assert!(public.verify("身分证".as_bytes(), &signature).is_err());
        assert!(ExtractKey::new(b"nothing").is_err());
    }

    #[test]
    fn the_extract_keeps_to_its_bounds_and_takes_every_topic_in_turn() {
        let (publication, now) = (sample(), Timestamp::from_millis(1_790_000_000_000));
        for language in Language::ALL {
            let made = text_of(&publication, language, &settings(60, 80), now).unwrap();
            let value: serde_json::Value = serde_json::from_str(&made).unwrap();
            let entries = value["entries"].as_array().unwrap();
            assert!(entries.len() > 10 && entries.len() <= 60 && made.len() < 100_000, "{}", made.len());
            assert_eq!(
                value["valid_until"],
                serde_json::json!(now.plus(std::time::Duration::from_hours(24)))
            );
            assert!(value["emergency"].as_str().unwrap().contains('1'));
            let topics = value["topics"].as_array().unwrap().len();
            let first: std::collections::HashSet<_> =
                entries.iter().take(topics).map(|entry| entry["topic"].as_str().unwrap()).collect();
            assert_eq!(first.len(), topics, "the first of each topic come first");

            let few = text_of(&publication, language, &settings(5, 80), now).unwrap();
            let few: serde_json::Value = serde_json::from_str(&few).unwrap();
            assert_eq!(few["entries"].as_array().unwrap().len(), 5);
            let small = text_of(&publication, language, &settings(60, 6), now).unwrap();
            assert!(small.len() < 8_000, "{}", small.len());
        }
    }
}
