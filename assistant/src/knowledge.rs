//! The published knowledge base together with what understands questions about it. Immutable; publishing a new one swaps
//! the whole (see [`crate::workers::minds::Minds`]).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use conversation::Provenance;
use intents::{
    Calibration, Decision, PerLanguage, Rules, Scored, Settings, Understander, Understanding, Utterance,
    policy,
};
use kb::{Collection, Publication};
use language::Language;
use serde::{Deserialize, Serialize};

pub use intents::policy::Memory;

use crate::{config::Configuration, encoder};

/// Below this probability a hint while somebody still speaks would mislead more than help.
const HINT_CONFIDENCE: f32 = 0.5;

/// From this confidence on, what was said before a pause may be a whole question …
const COMPLETE_CONFIDENCE: f32 = 0.6;

/// … and is, where it also explains all of the sound this well, in nats per phone.
const COMPLETE_FIT: f32 = -2.5;

/// Why there is no knowledge to answer from.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    /// The files cannot be read.
    #[error("the knowledge base in {path} cannot be read: {source}")]
    Load {
        /// Where.
        path: PathBuf,
        /// Why.
        source: kb::LoadError,
    },
    /// The files have errors.
    #[error("the knowledge base in {path} cannot be published: {source}")]
    Publish {
        /// Where.
        path: PathBuf,
        /// Why.
        source: kb::PublishError,
    },
    /// Understanding could not be set up.
    #[error("the knowledge base in {path} cannot be understood: {reason}")]
    Understand {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A publication and its understander.
#[derive(Debug)]
pub struct Brain {
    publication: Arc<Publication>,
    understander: Understander,
    rules: Arc<Rules>,
    changes_on: Option<kb::Date>,
}

/// The calibration of the last publication, kept so that a restart need not fit it again: that is most of the time a start takes.
#[derive(Debug)]
struct StoredCalibration {
    path: PathBuf,
    /// What it depends on; another key is another calibration.
    key: String,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
struct KeyedCalibration {
    key: String,
    calibration: Calibration,
}

impl StoredCalibration {
    fn of(publication: &Publication, tolerable_wrong: f32, configuration: &Configuration) -> Self {
        // Another build may weigh other things: a program is told by its file's size and time.
        let program = std::env::current_exe().and_then(std::fs::metadata).ok();
        let written = program.as_ref().and_then(|file| file.modified().ok());
        let program = (program.map(|file| file.len()), written);
        let key = format!("{} {tolerable_wrong} {program:?}", publication.fingerprint());
        Self { path: configuration.data("calibration.json"), key }
    }

    /// `None` where there is none, or one of something else.
    fn read(&self) -> Option<Calibration> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        let stored: KeyedCalibration = serde_json::from_str(&text).ok()?;
        (stored.key == self.key).then_some(stored.calibration)
    }

    /// Keeps it. Where that fails, the next start takes longer: no reason not to serve. Nothing is kept where there is no data folder yet,
    /// as for a command that only looks.
    fn write(&self, calibration: &Calibration) {
        if !self.path.parent().is_some_and(Path::exists) {
            return;
        }
        let keyed = KeyedCalibration { key: self.key.clone(), calibration: calibration.clone() };
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let written = serde_json::to_vec(&keyed)
            .map_err(std::io::Error::other)
            .and_then(|text| std::fs::write(&beside, text))
            .and_then(|()| std::fs::rename(&beside, &self.path));
        if let Err(error) = written {
            tracing::warn!(%error, path = %self.path.display(), "the calibration could not be kept");
        }
    }
}

/// What was made of an utterance.
#[derive(Clone, Debug)]
pub struct Thought {
    /// What was understood.
    pub understanding: Understanding,
    /// What to do about it.
    pub decision: Decision,
    /// Whether that says that the citizen was not understood.
    pub failed: bool,
    /// With what it was decided.
    pub provenance: Provenance,
    /// What was wrong with the sound, where the citizen spoke.
    pub complaint: Option<speech::Complaint>,
    brain: Arc<Brain>,
}

impl Thought {
    /// The knowledge that it was decided on.
    pub fn knowledge(&self) -> &Publication {
        &self.brain.publication
    }
}

/// The folder that the server answers from: what was imported, or else what the configuration names.
pub fn folder(configuration: &Configuration) -> PathBuf {
    let imported = configuration.data("knowledge");
    let has_files = std::fs::read_dir(&imported).is_ok_and(|mut files| files.next().is_some());
    if has_files { imported } else { configuration.knowledge.path.clone() }
}

impl Brain {
    /// Reads, checks, publishes what holds today, and calibrates. Takes seconds of computing: not for async threads.
    ///
    /// # Errors
    /// [`KnowledgeError`].
    pub fn open(path: &Path, configuration: &Configuration) -> Result<Self, KnowledgeError> {
        Self::open_on(path, configuration, kb::Date::today())
    }

    /// [`Self::open`] for a given day: entries that do not hold on it are left out.
    ///
    /// # Errors
    /// [`KnowledgeError`].
    pub fn open_on(
        path: &Path,
        configuration: &Configuration,
        day: kb::Date,
    ) -> Result<Self, KnowledgeError> {
        let collection = Collection::load(path)
            .map_err(|source| KnowledgeError::Load { path: path.to_owned(), source })?;
        let changes_on = kb::next_change(collection.entries.iter().map(|sourced| &sourced.entry), day);
        let (in_force, left_out) = collection.in_force(day);
        for entry in &left_out {
            tracing::warn!(%entry, %day, "an entry does not hold on this day and is not served");
        }
        let publication = Publication::new(&in_force)
            .map_err(|source| KnowledgeError::Publish { path: path.to_owned(), source })?;
        Ok(Self { changes_on, ..Self::of(publication, path, configuration)? })
    }

    /// The first day on which other entries hold than on the day that it was opened for.
    pub fn changes_on(&self) -> Option<kb::Date> {
        self.changes_on
    }

    fn of(
        mut publication: Publication,
        path: &Path,
        configuration: &Configuration,
    ) -> Result<Self, KnowledgeError> {
        if let Err(error) = encoder::add_to(&mut publication, configuration) {
            tracing::error!(%error, "questions are understood without the sentence encoder");
        }
        let publication = Arc::new(publication);
        let settings = &configuration.understanding;
        let stored = StoredCalibration::of(&publication, settings.tolerable_wrong, configuration);
        let calibration = stored.read();
        let fresh = calibration.is_none();
        let wanted = Settings {
            wrong_share: settings.tolerable_wrong,
            confirm_voice: PerLanguage { bo: settings.confirm_tibetan_voice, zh: false },
            calibration,
            ..Settings::default()
        };
        // What sound is matched against and what misheard words are mended by, before anybody speaks.
        publication.spoken_forms();
        publication.mended("");
        let understander = Understander::new(Arc::clone(&publication), wanted).map_err(|error| {
            KnowledgeError::Understand { path: path.to_owned(), reason: error.to_string() }
        })?;
        if fresh {
            stored.write(understander.calibration());
        }
        let rules = Rules {
            failures_before_person: settings.escalate_after,
            ..understander.rules().as_ref().clone()
        };
        Ok(Self { publication, understander, rules: Arc::new(rules), changes_on: None })
    }

    /// The publication.
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// Understands an utterance and decides what to do about it. Milliseconds of computing: not for async threads.
    ///
    /// `engine` is the recogniser that heard it, `None` for typed text.
    pub fn think(
        self: &Arc<Self>,
        utterance: &Utterance,
        memory: &Memory,
        engine: Option<String>,
    ) -> Thought {
        let mut understanding = self.understander.understand(utterance, memory).unwrap_or_else(|error| {
            tracing::error!(%error, "an utterance could not be looked up");
            Understanding::of(intents::Act::Question, utterance.language, utterance.dictated)
        });
        understanding.spoken |= engine.is_some();
        let mut thought = self.decide(understanding, memory, utterance.language);
        thought.provenance.models.extend(engine);
        thought
    }

    /// Decides about something that needed no understanding, such as a choice on the screen, in a conversation in
    /// `language`. Cheap.
    pub fn decide(
        self: &Arc<Self>,
        understanding: Understanding,
        memory: &Memory,
        language: Language,
    ) -> Thought {
        let rules = Arc::clone(&self.rules);
        let thresholds = *rules.thresholds(&understanding);
        let provenance = Provenance {
            answer_threshold: thresholds.answer,
            clarify_threshold: thresholds.offer,
            knowledge_base: self.publication.revision().to_string(),
            models: self.publication.encoder().map(str::to_owned).into_iter().collect(),
        };
        let context = policy::Context { rules, language, memory: memory.clone() };
        let decision = policy::decide(&context, &understanding);
        let failed = policy::is_failure(&context, &decision);
        Thought { understanding, decision, failed, provenance, complaint: None, brain: Arc::clone(self) }
    }

    /// Entries that may be meant, best first, at most five; empty for an act. Milliseconds: not for async threads.
    pub fn candidates(&self, utterance: &Utterance) -> Vec<Scored> {
        self.understander.understand(utterance, &Memory::default()).map(|u| u.candidates).unwrap_or_default()
    }

    /// The question that is nearest to what is heard so far, where one is near.
    pub fn nearest_question(&self, utterance: &Utterance) -> Option<String> {
        let best = self.candidates(utterance).into_iter().next()?;
        (best.confidence >= HINT_CONFIDENCE).then_some(best.question)
    }

    /// Whether what was heard, as if it were all, is a whole question or a whole act: then a short pause ends the turn. What is only the beginning of
    /// a question supports that question badly as a whole.
    pub fn is_complete(&self, utterance: &Utterance) -> bool {
        self.understander.understand(utterance, &Memory::default()).is_ok_and(|understanding| {
            match understanding.act {
                intents::Act::Question => {
                    let sure = understanding
                        .candidates
                        .first()
                        .is_some_and(|best| best.confidence >= COMPLETE_CONFIDENCE);
                    sure && understanding.fit.is_none_or(|fit| fit >= COMPLETE_FIT)
                }
                // "Hello" and "thank you" are how longer speeches begin.
                intents::Act::Greeting | intents::Act::Thanks => false,
                _ => true,
            }
        })
    }

    /// Questions to suggest in one language: the first of each topic in turn, so that a short list shows the breadth.
    pub fn suggestions(&self, language: Language, count: usize) -> Vec<String> {
        let mut topics: Vec<(&str, Vec<&str>)> = Vec::new();
        for entry in self.publication.entries() {
            let Some(text) = entry.text(language) else { continue };
            match topics.iter_mut().find(|(topic, _)| *topic == entry.topic) {
                Some((_, questions)) => questions.push(&text.question),
                None => topics.push((&entry.topic, vec![&text.question])),
            }
        }
        let longest = topics.iter().map(|(_, questions)| questions.len()).max().unwrap_or(0);
        let by_turns = (0..longest).flat_map(|turn| topics.iter().filter_map(move |(_, q)| q.get(turn)));
        by_turns.take(count).map(|question| (*question).to_owned()).collect()
    }

    /// What the knowledge base says about itself, to be shown with it; empty where it says nothing.
    pub fn notice(&self, language: Language) -> &str {
        self.publication.notice().get(language)
    }

    /// Whether any of the content is a sample.
    pub fn is_sample(&self) -> bool {
        self.publication.entries().iter().any(|entry| entry.sample)
    }
}
