//! The published knowledge base together with what understands questions about it. Immutable; publishing a new one swaps
//! the whole (see [`crate::workers::minds::Minds`]).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use conversation::Provenance;
use intents::{
    Calibration, Completeness, Decision, PerLanguage, Rules, Scored, Settings, UnderstandError, Understander,
    Understanding, Utterance, policy,
};
use kb::{Collection, Publication};
use language::Language;

pub use intents::policy::Memory;

use crate::{calibration::StoredCalibration, config::Configuration, encoder, expectation::Standing};

/// Below this probability a hint while somebody still speaks would mislead more than help.
const HINT_CONFIDENCE: f32 = 0.5;

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
    standing: PerLanguage<Standing>,
    changes_on: Option<kb::Date>,
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
        let stored = StoredCalibration::of(&publication, configuration);
        let calibration = stored.calibration();
        let fresh = calibration.is_none();
        let mut wanted = Settings {
            wrong_share: settings.tolerable_wrong,
            confirm_voice: PerLanguage {
                bo: stored.confirms(Language::Bo, settings.confirm_tibetan_voice),
                zh: false,
            },
            calibration,
            ..Settings::default()
        };
        // What sound is matched against and what misheard words are mended by, before anybody speaks.
        publication.spoken_forms();
        publication.mended("");
        let failed = |error: UnderstandError| KnowledgeError::Understand {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let mut understander = Understander::new(Arc::clone(&publication), wanted.clone()).map_err(failed)?;
        if fresh {
            stored.keep(understander.calibration());
        }
        let merged = stored.with_voice(understander.calibration());
        if merged != *understander.calibration() {
            wanted.calibration = Some(merged);
            understander = Understander::new(Arc::clone(&publication), wanted).map_err(failed)?;
        }
        // The same for what is dictated in the knowledge base's words.
        understander.unit_model();
        let rules = Rules {
            failures_before_person: settings.escalate_after,
            ..understander.rules().as_ref().clone()
        };
        let hearing = &configuration.hearing;
        let standing = PerLanguage {
            bo: Standing::of(&publication, Language::Bo, &hearing.bo),
            zh: Standing::of(&publication, Language::Zh, &hearing.zh),
        };
        Ok(Self { publication, understander, rules: Arc::new(rules), standing, changes_on: None })
    }

    /// The publication.
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// The publication, for who needs it for longer.
    pub fn shared_publication(&self) -> Arc<Publication> {
        Arc::clone(&self.publication)
    }

    /// What understands questions about it.
    pub fn understander(&self) -> &Understander {
        &self.understander
    }

    /// The calibration in use, what recordings say included.
    pub fn calibration(&self) -> &Calibration {
        self.understander.calibration()
    }

    /// The rules by which it is decided.
    pub fn rules(&self) -> &Rules {
        &self.rules
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

    /// Whether what was heard is all that will be said: after a whole question or act a short pause ends the turn.
    pub fn completeness(&self, utterance: &Utterance) -> Completeness {
        self.understander.completeness(utterance, &Memory::default()).unwrap_or(Completeness::Unclear)
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

    /// What somebody who speaks one language may be expected to say.
    pub const fn standing(&self, language: Language) -> &Standing {
        match language {
            Language::Bo => &self.standing.bo,
            Language::Zh => &self.standing.zh,
        }
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
