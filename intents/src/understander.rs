//! From an utterance to an [`Understanding`].

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use kb::{EntryId, Publication, Rehearsal, RetrieveError};
use language::{Evidence, FormBatch, Language, Lesson, Reading as Heard, UnitModel};

use crate::acts::{self, Acts, Grave, HeardAct, Parsed, Turn};
use crate::calibration::{Calibration, ChoiceModel, FORMAT, Fit, background, calibrate_text};
use crate::continuation::{Completeness, LEAST_BEGINNING, LEAST_LACKING};
use crate::policy::{Memory, PerLanguage, Rules, Thresholds};
use crate::text_channel::{self, TextCandidate, TextChannel};
use crate::voice_channel::{self, Prior, VoiceScores, Without, WordUtility};
use crate::weighing;
use crate::{Act, EmergencyKind, Scored, Slots, Understanding, Utterance};

/// At most so many candidates leave this crate.
const MOST_CANDIDATES: usize = 5;

/// Confidence of a question that is word for word one of an entry's own: publication refuses two entries with the same
/// question. Above every answer threshold.
const EXACT: f32 = 0.999;

/// A spoken act must beat the best question by so much, in nats per phone. Chosen, not fitted: a question and an act that
/// are equally likely are taken for the question, which at worst asks back.
const ACT_LEAD: f32 = 0.1;

/// A spoken act scores at least this, in nats per phone: in the measurements of `voice_channel`, what was really said scored
/// above it in 19 of 20 cases even in babble at 3 dB (-3.4), and the best of 738 wrong questions below it in 19 of 20.
const ACT_FLOOR: f32 = -3.7;

/// Other words that explain the sound better than a spoken act by more than this (nats per phone) are what was said: the act's own phrases are among the
/// words of dictation. Chosen, not fitted.
const ACT_GAP: f32 = 0.25;

/// An emergency must beat questions by more and score higher: false alarms frighten. What is missed here is still a
/// question, whose third repetition reaches a person.
const EMERGENCY_LEAD: f32 = 0.4;

/// See [`EMERGENCY_LEAD`]; the lower quartile of what was really said in babble at 3 dB.
const EMERGENCY_FLOOR: f32 = -2.5;

/// A subject alone ("water", "money") is at best about as likely as not to mean the entry that it resembles most: it says
/// what about, not what. Just below the least answer threshold there is (one half), so that it is asked back about. The
/// calibration cannot learn this, since no knowledge base is asked in single words.
const SUBJECT_ALONE: f32 = 0.45;

/// A text of more characters is no question but a document, which mentions much: asked back about, never answered.
const LONGEST_QUESTION: usize = 1_000;

/// A number of so many digits is a name ("12345" is a hotline's); a shorter one is a quantity and says nothing by itself.
const DIGITS_OF_A_NAME: usize = 5;

/// What sounds like a complaint or small talk is still a question where an entry is meant more likely than not.
const LIKELY: f32 = 0.5;

/// A text whose best candidate's closest question is this alike (cosine of units and pairs) nearly is that question.
const NEARLY: f32 = 0.8;

/// So many texts that a sound may stand for are looked up.
const MOST_READINGS: usize = 4;

/// Utility of an entry for which words speak no more than for one that was not found by them at all; 0 is as likely as no entry.
const UNLIKELY: f32 = -4.0;

/// Words that are guessed from sounds are believed to cry for help from this probability per phone on. Chosen so that guesses in noise stay below it
/// (quartiles of real Mandarin in a babble at 3 dB: .19 and .38; of clear synthetic speech: .72 and .92).
const CLEAR_CRY: f32 = 0.5;

/// A reading with a smaller share is not worth looking up.
const LEAST_SHARE: f32 = 0.1;

/// How an [`Understander`] is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Tolerated share of wrong answers among those given, 0 to 1.
    pub wrong_share: f32,
    /// Expected share of questions that are of the knowledge base's kind but that it does not answer, 0 to 1. What is
    /// about something else altogether need not be counted: it shares nothing with any entry.
    pub outside_share: f32,
    /// A stored calibration; `None` calibrates typed text on the publication itself and takes the documented constants
    /// for voice.
    pub calibration: Option<Calibration>,
    /// Whether a spoken question is always confirmed before it is answered, by language.
    pub confirm_voice: PerLanguage<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wrong_share: 0.02,
            outside_share: 0.1,
            calibration: None,
            confirm_voice: PerLanguage { bo: true, zh: false },
        }
    }
}

/// Understanding failed for a reason that no utterance can be blamed for.
#[derive(Debug, thiserror::Error)]
pub enum UnderstandError {
    /// The index failed.
    #[error(transparent)]
    Retrieve(#[from] RetrieveError),
    /// A stored calibration is of another format.
    #[error("the calibration has format {0:?}; this version reads {FORMAT:?}")]
    Calibration(String),
}

/// Understands utterances about one publication. `&self`, shared by worker threads; never call it on an async one.
#[derive(Debug)]
pub struct Understander {
    publication: Arc<Publication>,
    acts: Arc<Acts>,
    text: TextChannel,
    calibration: Calibration,
    rules: Arc<Rules>,
    /// Learned when it is first needed: only recognisers that write nothing need it.
    unit_model: OnceLock<UnitModel>,
    /// Looked for when it is first needed: every way of asking has to be read for it.
    distress_entry: OnceLock<Option<EntryId>>,
}

impl Understander {
    /// Prepares understanding for a publication: phrases and, unless one is given, the calibration. (What sound is matched
    /// against is [`Publication::spoken_forms`]: made at its first use, so call it too where voice is served.) Takes
    /// a few seconds for a thousand questions; call it on a worker thread.
    ///
    /// # Errors
    /// [`UnderstandError`] where the index fails or the given calibration is of another format.
    pub fn new(publication: Arc<Publication>, settings: Settings) -> Result<Self, UnderstandError> {
        let acts = Arc::new(Acts::new());
        let text = TextChannel::new(Arc::clone(&acts));
        let calibration = match settings.calibration {
            Some(calibration) if calibration.format == FORMAT => calibration,
            Some(calibration) => return Err(UnderstandError::Calibration(calibration.format)),
            None => Calibration {
                format: FORMAT.to_owned(),
                text: text_fits(&publication.rehearsal(), &text, &settings)?,
                voice: PerLanguage {
                    bo: documented_voice_fit(&settings),
                    zh: documented_voice_fit(&settings),
                },
            },
        };
        let thresholds =
            |fits: &PerLanguage<Fit>| PerLanguage { bo: fits.bo.thresholds, zh: fits.zh.thresholds };
        let rules = Rules {
            text: thresholds(&calibration.text),
            voice: thresholds(&calibration.voice),
            confirm_voice: settings.confirm_voice,
            ..Rules::default()
        };
        let rules = Arc::new(rules.for_publication(&publication));
        Ok(Self {
            publication,
            acts,
            text,
            calibration,
            rules,
            unit_model: OnceLock::new(),
            distress_entry: OnceLock::new(),
        })
    }

    /// The publication it understands.
    pub fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }

    /// The acts that it knows.
    pub(crate) fn acts(&self) -> &Acts {
        &self.acts
    }

    /// The calibration in use, to be stored or shown.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The rules for [`crate::policy::decide`] that follow from calibration, settings and publication.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    /// How people speak to this service: the knowledge base's own texts, the phrases of acts, and questions that are none of its business. Learned
    /// at the first call (some 600 ms for a few thousand questions): make it before voice is served by a recogniser that writes nothing.
    pub fn unit_model(&self) -> &UnitModel {
        self.unit_model.get_or_init(|| {
            let background = Language::ALL
                .into_iter()
                .flat_map(|language| background(language).map(move |text| Lesson::whole(text, language)));
            UnitModel::learn(
                self.publication.lessons().into_iter().chain(self.acts.lessons()).chain(background),
            )
        })
    }

    /// Whether what was said before a pause is all.
    ///
    /// # Errors
    /// As [`Self::understand`].
    pub fn completeness(
        &self,
        utterance: &Utterance,
        memory: &Memory,
    ) -> Result<Completeness, UnderstandError> {
        let understood = self.understand(utterance, memory)?;
        if understood.stands() {
            return Ok(Completeness::Whole);
        }
        let forms = self.publication.spoken_forms();
        // Looking for beginnings costs as much as matching exactly, for which a large base has no time.
        let evidence = utterance.evidence.as_deref().filter(|_| !forms.large);
        let begun = evidence.map(|evidence| evidence.begun(&forms.questions, LEAST_BEGINNING, LEAST_LACKING));
        Ok(match begun {
            Some(begun) if understood.is_rather_begun(begun) => Completeness::Begun,
            _ if understood.is_complete() => Completeness::Whole,
            _ => Completeness::Unclear,
        })
    }

    /// What an utterance means. `memory` says what is on offer: "the second one" and a spoken "yes" need it.
    ///
    /// # Errors
    /// [`UnderstandError::Retrieve`] where the index fails; never for an odd utterance.
    pub fn understand(
        &self,
        utterance: &Utterance,
        memory: &Memory,
    ) -> Result<Understanding, UnderstandError> {
        let turn = Turn { language: utterance.language, pending: memory.on_offer() };
        let spoken = utterance.dictated || utterance.evidence.is_some();
        let parsed = self.acts.parse(&utterance.text);
        let written = parsed.written().unwrap_or(utterance.language);
        // What a recogniser wrote may be other words of the same sound. Acts go by what was written: nobody shall be sent to the
        // fire brigade by a guess.
        let mended = if utterance.dictated { self.publication.mended(&utterance.text) } else { None };
        let words = mended.as_deref().unwrap_or(&utterance.text);
        let slots = Slots::read(words);
        let judged = self.acts.judge(&parsed);
        let grave = judged.map(|(grave, _)| grave);
        let reading = Reading::new(parsed, written);
        // A knowledge base may ask what is also an act ("how do I reach a person?"); its own words go first.
        let act = self.acts.read_in(&reading.parsed, grave, turn);
        // Words that only resemble calls for help ("my purse fell into the taxi") may be what an entry is for.
        let doubtful = judged.is_some_and(|(_, sure)| !sure) && self.surely_asked(&reading)?;
        let grave = grave.filter(|_| !doubtful);
        let act = match act {
            Some(_) if self.exact(&reading).is_some() => None,
            Some(Act::Emergency) if doubtful || self.nearly_asked(&reading)? => None,
            Some(Act::Complaint | Act::SmallTalk) if self.likely_asked(&reading)? => None,
            act if act != Some(Act::Emergency) && grave == Some(Grave::Distress) => {
                let candidates = self.distress(&reading)?;
                let act = if candidates.is_empty() { Act::Person } else { Act::Question };
                return Ok(Understanding { candidates, slots, ..Understanding::of(act, written, spoken) });
            }
            act => act,
        };
        if let Some(act) = act {
            // "Yes" and a bare number may also be the beginning of a question; policy knows whether one was asked for.
            let emergency = match grave {
                Some(Grave::Emergency(kind)) if act == Act::Emergency => kind,
                _ => EmergencyKind::Any,
            };
            // Guidance comes first; what the knowledge base has to say about it is not forgotten over it.
            let candidates = match act {
                Act::Emergency => self.read(&reading)?.to_vec(),
                _ => Vec::new(),
            };
            return Ok(Understanding {
                candidates,
                emergency,
                slots,
                ..Understanding::of(act, written, spoken)
            });
        }
        let weighed = |candidates| match utterance.evidence.as_deref() {
            Some(evidence) => weighing::weighed(candidates, words, &self.publication, evidence),
            None => candidates,
        };
        // Evidence that cannot cover the knowledge base says nothing until a few candidates are found in the words.
        match utterance.evidence.as_deref().filter(|evidence| evidence.covers_all()) {
            None => {
                let mended = mended.as_deref().map(|words| Reading::new(self.acts.parse(words), written));
                let candidates = weighed(self.read(mended.as_ref().unwrap_or(&reading))?.to_vec());
                let by_words = utterance.dictated;
                let question = Understanding::of(Act::Question, written, spoken);
                Ok(Understanding { candidates, by_words, slots, ..question })
            }
            Some(evidence) => {
                let heard = self.hear(utterance, words, evidence, memory, turn)?;
                Ok(Understanding { candidates: weighed(heard.candidates), slots, ..heard })
            }
        }
    }

    /// What the knowledge base has on a text, with the features of each: looked up once, however often it is asked.
    pub(crate) fn found<'a>(&self, reading: &'a Reading<'_>) -> Result<&'a [TextCandidate], UnderstandError> {
        if let Some(found) = reading.found.get() {
            return Ok(found);
        }
        let search = |query: &kb::Query| self.publication.search(query);
        let found = text_channel::candidates(reading.parsed.core(), reading.language, search)?;
        Ok(reading.found.get_or_init(|| found))
    }

    pub(crate) fn read<'a>(&self, reading: &'a Reading<'_>) -> Result<&'a [Scored], UnderstandError> {
        if let Some(scored) = reading.scored.get() {
            return Ok(scored);
        }
        let found = self.found(reading)?;
        let model = &self.calibration.text.get(reading.language).model;
        let utilities: Vec<f32> = found.iter().map(|candidate| model.utility(&candidate.features)).collect();
        let mut shares = ChoiceModel::probabilities(&utilities);
        let exact = self.exact(reading);
        if exact.is_none() {
            limit(&mut shares, self.most_confidence(&reading.parsed));
        }
        if let Some(at) = found.iter().position(|c| exact.is_some_and(|entry| *entry == c.entry)) {
            trust(&mut shares, at);
        }
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
        order.truncate(MOST_CANDIDATES);
        let scored = |at: &usize| self.scored(&found[*at].entry, found[*at].language, shares[*at]);
        let scored = order.iter().map(scored).collect();
        Ok(reading.scored.get_or_init(|| scored))
    }

    /// How sure one may be of what a text means that is no question of the knowledge base, by how much it says.
    pub(crate) fn most_confidence(&self, parsed: &Parsed<'_>) -> f32 {
        let is_number = |word: &String| word.chars().all(char::is_numeric);
        if parsed.text().chars().count() > LONGEST_QUESTION {
            return SUBJECT_ALONE;
        }
        let words = language::words(parsed.core()).into_iter();
        let (numbers, words): (Vec<String>, Vec<String>) =
            words.filter(|word| !self.acts.is_filler(word)).partition(is_number);
        // Long words come with the shorter ones in them, which say nothing more.
        let words: Vec<&String> = words
            .iter()
            .filter(|word| !words.iter().any(|other| other.len() > word.len() && other.contains(*word)))
            .collect();
        let named = numbers.iter().any(|number| number.chars().count() >= DIGITS_OF_A_NAME);
        let count = if self.names_one_thing(parsed) { words.len().min(1) } else { words.len() };
        match count {
            0 if named => SUBJECT_ALONE,
            0 => 0.0,
            1 => SUBJECT_ALONE,
            _ => 1.0,
        }
    }

    /// Whether all of a text is one form of the glossary, such as the name of a document.
    fn names_one_thing(&self, parsed: &Parsed<'_>) -> bool {
        let units = parsed.core_keys();
        let mentions = self.publication.glossary().mentions(units);
        mentions.iter().any(|mention| mention.start == 0 && mention.end == units.len())
    }

    /// Whether the text nearly is one of the knowledge base's questions, and sure to be answered.
    fn nearly_asked(&self, reading: &Reading<'_>) -> Result<bool, UnderstandError> {
        let found = self.found(reading)?;
        let near = |entry: &EntryId| found.iter().any(|c| c.entry == *entry && c.closest() >= NEARLY);
        let threshold = self.rules.text.get(reading.language).answer;
        let best = self.read(reading)?.first();
        Ok(best.is_some_and(|best| best.confidence >= threshold && near(&best.entry)))
    }

    /// Whether the text would be answered at once.
    fn surely_asked(&self, reading: &Reading<'_>) -> Result<bool, UnderstandError> {
        let threshold = self.rules.text.get(reading.language).answer;
        Ok(self.read(reading)?.first().is_some_and(|best| best.confidence >= threshold))
    }

    /// Whether the text more likely than not asks for an entry.
    fn likely_asked(&self, reading: &Reading<'_>) -> Result<bool, UnderstandError> {
        Ok(self.read(reading)?.first().is_some_and(|best| best.confidence >= LIKELY))
    }

    /// Candidates for a text that speaks of ending a life: the entry that is asked with such words and brings a person,
    /// trusted; empty where there is none. A question that is word for word another entry's stays that entry's.
    fn distress(&self, reading: &Reading<'_>) -> Result<Vec<Scored>, UnderstandError> {
        if self.exact(reading).is_some() {
            return Ok(self.read(reading)?.to_vec());
        }
        let entry = self.distress_entry.get_or_init(|| self.find_distress_entry());
        Ok(entry.iter().map(|entry| self.scored(entry, reading.language, EXACT)).collect())
    }

    /// The entry that brings a person and is asked most often with words of ending a life; of equals the first by its id, so
    /// that the choice never wavers.
    fn find_distress_entry(&self) -> Option<EntryId> {
        let entries = self.publication.entries();
        let mut asked: HashMap<&EntryId, usize> = HashMap::new();
        for variant in self.publication.variants().iter().filter(|v| self.acts.is_distress(&v.text)) {
            if let Some(entry) = entries.get(variant.entry as usize).filter(|entry| entry.escalate) {
                *asked.entry(&entry.id).or_default() += 1;
            }
        }
        let most = asked.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.0.cmp(&a.0.0)));
        most.map(|(entry, _)| entry.clone())
    }

    /// The entry that has this very question.
    pub(crate) fn exact(&self, reading: &Reading<'_>) -> Option<&EntryId> {
        let parsed = &reading.parsed;
        let variant = reading.exact.get_or_init(|| {
            let asked = |keys: &[String]| self.publication.asked_by_key(&keys.join(" "));
            let variant = asked(parsed.keys()).or_else(|| asked(parsed.core_keys()))?;
            Some(variant.entry)
        });
        self.publication.entries().get((*variant)? as usize).map(|entry| &entry.id)
    }

    fn hear(
        &self,
        utterance: &Utterance,
        words: &str,
        evidence: &dyn Evidence,
        memory: &Memory,
        turn: Turn,
    ) -> Result<Understanding, UnderstandError> {
        let dictated = self.dictated(words, evidence)?;
        let on_offer: Vec<EntryId> = memory.pending.iter().map(|scored| scored.entry.clone()).collect();
        let model = &self.calibration.voice.get(utterance.language).model;
        let prior = Prior {
            language: utterance.language,
            on_offer: &on_offer,
            clearest: dictated.clearest,
            clarity: dictated.clarity,
            words: &|entry| dictated.utilities.get(&entry).copied().unwrap_or_default(),
        };
        let sound = VoiceScores::new(&self.publication, evidence);
        let found = sound.candidates(&self.publication, &prior, Without::Nothing, model);
        // Where the recogniser wrote words they have been looked at already, and were no act.
        if utterance.text.trim().is_empty() {
            let heard = self.acts.heard(&evidence.whole(self.acts.batch()), evidence.seconds(), turn);
            let rival = found.iter().map(|candidate| candidate.whole).fold(f32::NEG_INFINITY, f32::max);
            let clear = |heard: &HeardAct| {
                let (lead, floor) =
                    if heard.grave { (EMERGENCY_LEAD, EMERGENCY_FLOOR) } else { (ACT_LEAD, ACT_FLOOR) };
                heard.score >= floor
                    && heard.score >= rival + lead
                    && heard.score >= dictated.clearest - ACT_GAP
            };
            if let Some(heard) = heard.filter(clear) {
                return Ok(Understanding::of(heard.act, heard.language, true));
            }
            if let Some(understanding) = self.heard_cry(&dictated)? {
                return Ok(understanding);
            }
        }
        let utilities: Vec<f32> = found.iter().map(|candidate| model.utility(&candidate.features)).collect();
        let mut shares = ChoiceModel::probabilities(&utilities);
        limit(&mut shares, dictated.most);
        let entry = |number: u32| &self.publication.entries()[number as usize].id;
        let scored = found
            .iter()
            .zip(shares)
            .map(|(c, share)| self.scored(entry(c.entry), c.language, share))
            .collect();
        let candidates = best(scored);
        let language = candidates.first().map_or(utterance.language, |candidate| candidate.language);
        let fit = found.iter().zip(&utilities).max_by(|a, b| a.1.total_cmp(b.1)).map(|(best, _)| best.whole);
        Ok(Understanding { candidates, fit, ..Understanding::of(Act::Question, language, true) })
    }

    /// What cannot wait, said in no known phrase. A recogniser that writes nothing guesses at words, so that only what was heard clearly and is a sure
    /// alarm counts, and no question that would be answered.
    fn heard_cry(&self, words: &Words) -> Result<Option<Understanding>, UnderstandError> {
        if words.clarity < CLEAR_CRY {
            return Ok(None);
        }
        let parsed = self.acts.parse(&words.likeliest);
        let Some((grave, true)) = self.acts.judge(&parsed) else { return Ok(None) };
        let written = parsed.written().unwrap_or(Language::Zh);
        let reading = Reading::new(parsed, written);
        if self.exact(&reading).is_some() || self.nearly_asked(&reading)? {
            return Ok(None);
        }
        Ok(Some(match grave {
            Grave::Emergency(emergency) => Understanding {
                candidates: self.read(&reading)?.to_vec(),
                emergency,
                ..Understanding::of(Act::Emergency, written, true)
            },
            Grave::Distress => {
                let candidates = self.distress(&reading)?;
                let act = if candidates.is_empty() { Act::Person } else { Act::Question };
                Understanding { candidates, ..Understanding::of(act, written, true) }
            }
        }))
    }

    /// What the words speak for, by entry number: what the recogniser wrote, or else what the knowledge base's own words make of the sound. The mean
    /// over several readings; empty without any.
    pub(crate) fn dictated(&self, written: &str, evidence: &dyn Evidence) -> Result<Words, RetrieveError> {
        let readings = if written.trim().is_empty() {
            evidence.dictate(self.unit_model(), MOST_READINGS)
        } else {
            vec![Heard { text: written.to_owned(), share: 1.0 }]
        };
        let likeliest = readings.first().map(|reading| reading.text.clone()).unwrap_or_default();
        let mut words =
            Words { likeliest, most: if readings.is_empty() { 1.0 } else { 0.0 }, ..Words::default() };
        for reading in readings.iter().filter(|reading| reading.share >= LEAST_SHARE) {
            let parsed = self.acts.parse(&reading.text);
            // A tone is heard as a syllable or two; nobody says so little for so long.
            if !acts::plausible(parsed.keys().len(), evidence.seconds()) {
                continue;
            }
            // A subject alone is asked back about, as it is where it is typed.
            let asked = self.publication.asked_exactly(&reading.text).is_some();
            let most = if asked { 1.0 } else { self.most_confidence(&parsed) };
            words.most = words.most.max(most);
            let Some(language) = parsed.written() else { continue };
            let most = logit(most);
            let model = &self.calibration.text.get(language).model;
            let found =
                self.text.candidates(&reading.text, language, |query| self.publication.search(query))?;
            let form = FormBatch::new(vec![language::spoken_form(&reading.text, language)]);
            let whole = evidence.whole(&form).first().copied().unwrap_or(f32::NEG_INFINITY);
            words.clearest = words.clearest.max(whole);
            let clear = whole.exp().min(1.0);
            words.clarity += reading.share * clear;
            for candidate in &found {
                let Some(entry) = self.publication.number(&candidate.entry) else { continue };
                let utility =
                    reading.share * (model.utility(&candidate.features).min(most) - UNLIKELY).max(0.0);
                let sum = words.utilities.entry(entry).or_default();
                sum.plain += utility;
                sum.clear += clear * utility;
            }
        }
        Ok(words)
    }

    fn scored(&self, entry: &EntryId, language: Language, confidence: f32) -> Scored {
        let text = self.publication.entry(entry).and_then(|entry| entry.text(language));
        let question = text.map(|text| text.question.clone()).unwrap_or_default();
        Scored { entry: entry.clone(), question, language, confidence }
    }
}

/// The language a text is written in; `None` where it holds letters of neither. Tibetan where a sixth of the syllables
/// are: Chinese terms stand in Tibetan sentences all the time, the reverse hardly ever happens.
pub fn written_language(text: &str) -> Option<Language> {
    acts::written_in(&language::syllables(text))
}

/// What was dictated, as it speaks for entries.
pub(crate) struct Words {
    /// How sure one may be of what they mean, by how much they say: a tone or a hum is heard as a syllable or two, if as something that anybody says.
    pub most: f32,
    /// The likeliest reading.
    pub likeliest: String,
    /// By entry number.
    pub utilities: HashMap<u32, WordUtility>,
    /// How well the best reading explains the sound, in nats per phone; `-inf` without any.
    pub clearest: f32,
    /// The mean probability per phone of the readings, 0 to 1.
    pub clarity: f32,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            most: 1.0,
            likeliest: String::new(),
            utilities: HashMap::new(),
            clearest: f32::NEG_INFINITY,
            clarity: 0.0,
        }
    }
}

/// A text while it is understood: what is found out about it is found out once.
pub(crate) struct Reading<'a> {
    pub(crate) parsed: Parsed<'a>,
    pub(crate) language: Language,
    found: OnceCell<Vec<TextCandidate>>,
    scored: OnceCell<Vec<Scored>>,
    /// Number of the entry that has this very question.
    exact: OnceCell<Option<u32>>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(parsed: Parsed<'a>, language: Language) -> Self {
        Self { parsed, language, found: OnceCell::new(), scored: OnceCell::new(), exact: OnceCell::new() }
    }
}

/// The utility against "none" that a probability stands for.
fn logit(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln()
}

/// Shrinks all shares alike until none is above `most`.
fn limit(shares: &mut [f32], most: f32) {
    let top = shares.iter().copied().fold(0.0, f32::max);
    if top > most {
        for share in shares {
            *share *= most / top;
        }
    }
}

/// Raises one share to [`EXACT`] and shrinks the others into what is left.
fn trust(shares: &mut [f32], at: usize) {
    if shares[at] >= EXACT {
        return;
    }
    let rest: f32 = shares.iter().sum::<f32>() - shares[at];
    for (i, share) in shares.iter_mut().enumerate() {
        *share = if i == at { EXACT } else { *share * (1.0 - EXACT) / rest.max(1.0 - EXACT) };
    }
}

fn best(mut scored: Vec<Scored>) -> Vec<Scored> {
    scored.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    scored.truncate(MOST_CANDIDATES);
    scored
}

fn text_fits(
    rehearsal: &Rehearsal<'_>,
    channel: &TextChannel,
    settings: &Settings,
) -> Result<PerLanguage<Fit>, UnderstandError> {
    let (start, target) = (text_channel::start(), settings.wrong_share);
    let fit = |language| -> Result<Fit, UnderstandError> {
        let fitted = calibrate_text(rehearsal, channel, &start, language, target, settings.outside_share)?;
        Ok(fitted.unwrap_or_else(|| documented(start.clone(), target)))
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| fit(Language::Bo));
        let zh = fit(Language::Zh)?;
        // A panic over there is passed on here.
        let bo = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(PerLanguage { bo, zh })
    })
}

/// Fitted thresholds for 2 % lay between .90 and .93 (see `voice_channel::start`); constants earn less trust than a fit.
fn documented_voice_fit(settings: &Settings) -> Fit {
    documented(voice_channel::start(), 2.0 * settings.wrong_share)
}

/// Documented constants with an answer threshold that leaves so much doubt.
fn documented(model: ChoiceModel, doubt: f32) -> Fit {
    Fit {
        model,
        thresholds: Thresholds { answer: 1.0 - doubt, ..Thresholds::default() },
        source: "documented constants".to_owned(),
        examples: 0,
        expected_wrong: 0.0,
        expected_answered: 0.0,
    }
}
