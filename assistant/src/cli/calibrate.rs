//! `assistant calibrate`: how sure is sure enough for this engine, these speakers and this knowledge base.

use std::{path::PathBuf, sync::Arc};

use anyhow::anyhow;
use clap::Args;
use intents::{
    Act, CALIBRATION_FORMAT, FEWEST_RECORDINGS, PerLanguage, Recording, Settings, Understander, Utterance,
    calibrate_voice,
};
use kb::{EntryId, Publication};
use language::{Evidence, Language, numbers};
use serde::Serialize;
use speech::codec::file::decode_path;

use super::{Failure, Outcome, counted, language, manifest, transcribe::undecoded};
use crate::{
    calibration::{FEWEST_REAL_RECORDINGS, StoredCalibration, VoiceFit, VoiceFits},
    config::Configuration,
    knowledge::{self, Brain, Memory},
    workers::engines::{EngineSet, Loader},
};

/// What stands in place of an entry where the knowledge base has no answer.
const NO_ENTRY: [&str; 2] = ["none", "-"];

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(super) struct Options {
    /// Recordings, tab-separated: `path`, `entry` (an entry's id, one of its questions word for word, or `none` where nothing
    /// answers it), optionally `language`, and the words that were read out, where they were read out. Relative paths begin
    /// where the table lies.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The language that is spoken, where the table does not say.
    #[arg(long, value_parser = language, value_name = "bo|zh", default_value = "bo")]
    language: Language,
    /// A machine spoke the recordings: they are measured and calibrated on, but lift nothing.
    #[arg(long)]
    synthetic: bool,
    /// From now on answer questions spoken in Tibetan without asking "did you mean …?" first. Needs 200 recordings of real
    /// speakers of Tibetan.
    #[arg(long, conflicts_with = "synthetic")]
    lift_confirmation: bool,
    /// Measure only, change nothing.
    #[arg(long, conflicts_with = "lift_confirmation")]
    dry_run: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// One recording as it was heard.
struct Spoken {
    /// `None` where the engine weighs no sounds: then its words are understood like typed ones, and nothing is to be fitted.
    evidence: Option<Arc<dyn Evidence>>,
    text: String,
    language: Language,
    entry: Option<EntryId>,
    read: Option<String>,
}

impl Spoken {
    fn recording(&self) -> Option<Recording> {
        Some(Recording {
            evidence: Arc::clone(self.evidence.as_ref()?),
            text: self.text.clone(),
            language: self.language,
            entry: self.entry.clone(),
            read: self.read.clone(),
        })
    }
}

/// What was heard of the manifest.
struct Heard {
    recordings: Vec<Spoken>,
    engines: PerLanguage<String>,
    failed: usize,
}

/// How a language's recordings are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Figures {
    /// Recordings.
    asked: usize,
    /// Answered (the confirming question aside).
    answered: usize,
    /// The wrong ones among them.
    wrong: usize,
    /// The best candidate is the right one, whether it is answered or not.
    right_first: usize,
    /// Area under the ROC curve of the confidence as a sign that the best candidate is right; `None` where all or none are.
    auc: Option<f64>,
}

/// One language's outcome.
#[derive(Debug, Serialize)]
struct LanguageReport {
    language: Language,
    engine: String,
    before: Figures,
    /// On the same recordings that it was fitted on: rosier than life.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Figures>,
    /// What cross-validation promises at the new threshold, as shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Expected>,
    /// Recordings that are missing for a calibration.
    missing: usize,
    /// Recordings whose sound the engine weighed; the others were understood by their words alone.
    by_sound: usize,
    confirmation_lifted: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Expected {
    answered: f32,
    wrong_of_answered: f32,
    threshold: f32,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    format: &'static str,
    synthetic: bool,
    stored: Option<PathBuf>,
    failed: usize,
    languages: Vec<LanguageReport>,
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    let rows = manifest::read(&options.manifest)?;
    let brain = Arc::new(Brain::open(&knowledge::folder(configuration), configuration)?);
    let (mut engines, missing) = Loader::new(&configuration.hearing).load();
    for missing in &missing {
        eprintln!("warning: {}", missing.reason);
    }
    let heard = hear(&rows, options, &brain, &mut engines);
    if options.lift_confirmation {
        refuse_to_lift(heard.recordings.iter().filter(|spoken| spoken.language == Language::Bo).count())?;
    }
    let settings =
        Settings { wrong_share: configuration.understanding.tolerable_wrong, ..Settings::default() };
    let weighed: Vec<Recording> = heard.recordings.iter().filter_map(Spoken::recording).collect();
    let fitted = calibrate_voice(brain.understander(), &weighed, &settings)?;
    let publication = Arc::clone(brain.understander().publication());
    let after = Understander::new(
        Arc::clone(&publication),
        Settings { calibration: Some(fitted.clone()), ..settings },
    )?;
    let stored = StoredCalibration::of(&publication, configuration);
    let mut fits = VoiceFits::default();
    let mut reports = Vec::new();
    for language in Language::ALL {
        let recordings: Vec<&Spoken> =
            heard.recordings.iter().filter(|recording| recording.language == language).collect();
        if recordings.is_empty() {
            continue;
        }
        let by_sound = recordings.iter().filter(|recording| recording.evidence.is_some()).count();
        let missing = FEWEST_RECORDINGS.saturating_sub(by_sound);
        let enough = missing == 0;
        let lifted = options.lift_confirmation && language == Language::Bo;
        let fit = fitted.voice.get(language);
        if enough || lifted {
            *fits.get_mut(language) = Some(VoiceFit {
                fit: fit.clone(),
                format: CALIBRATION_FORMAT.to_owned(),
                engine: heard.engines.get(language).clone(),
                engines: stored.engines(language).to_owned(),
                recordings: recordings.len(),
                real: !options.synthetic,
                confirmation_lifted: lifted,
                knowledge: publication.revision().to_string(),
                day: kb::Date::today().to_string(),
            });
        }
        reports.push(LanguageReport {
            language,
            engine: heard.engines.get(language).clone(),
            before: figures(brain.understander(), &recordings)?,
            after: if enough { Some(figures(&after, &recordings)?) } else { None },
            expected: enough.then_some(Expected {
                answered: fit.expected_answered,
                wrong_of_answered: fit.expected_wrong,
                threshold: fit.thresholds.answer,
            }),
            missing,
            by_sound,
            confirmation_lifted: lifted,
        });
    }
    let changed = !options.dry_run && (fits.bo.is_some() || fits.zh.is_some());
    if changed {
        stored.keep_voice(fits).map_err(|error| anyhow!("{}: {error}", stored.path().display()))?;
    }
    let report = Report {
        format: "drilen-calibrate/1",
        synthetic: options.synthetic,
        stored: changed.then(|| stored.path().to_owned()),
        failed: heard.failed,
        languages: reports,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", table(&report, options.dry_run));
    }
    if heard.failed > 0 {
        eprintln!("error: {} could not be used", counted(heard.failed, "recording", "recordings"));
        return Err(Failure::Said);
    }
    if !changed && report.languages.iter().all(|language| language.missing > 0) {
        eprintln!("error: nothing was calibrated: there are too few recordings in every language");
        return Err(Failure::Said);
    }
    Ok(())
}

/// Answering Tibetan speech without a confirming question is a promise that only people's recordings can back.
fn refuse_to_lift(recordings: usize) -> Outcome {
    if recordings >= FEWEST_REAL_RECORDINGS {
        return Ok(());
    }
    Err(Failure::Failed(anyhow!(
        "the confirming question before answers to spoken Tibetan stays: it takes {FEWEST_REAL_RECORDINGS} recordings of real speakers \
         that can be used, and there are {recordings}; {} missing. Nothing was changed",
        match FEWEST_REAL_RECORDINGS - recordings {
            1 => "1 is".to_owned(),
            more => format!("{more} are"),
        }
    )))
}

/// Transcribes what can be; says of the others why not.
fn hear(rows: &[manifest::Row], options: &Options, brain: &Brain, engines: &mut EngineSet) -> Heard {
    let mut heard = Heard {
        recordings: Vec::with_capacity(rows.len()),
        engines: PerLanguage { bo: String::new(), zh: String::new() },
        failed: 0,
    };
    for row in rows {
        match recording(row, options, brain, engines, &mut heard.engines) {
            Ok(recording) => heard.recordings.push(recording),
            Err(reason) => {
                eprintln!("error: line {}, {}: {reason}", row.line, row.path.display());
                heard.failed += 1;
            }
        }
    }
    heard
}

fn recording(
    row: &manifest::Row,
    options: &Options,
    brain: &Brain,
    engines: &mut EngineSet,
    names: &mut PerLanguage<String>,
) -> Result<Spoken, String> {
    let spoken = row.cell(1).map_or(Ok(options.language), language)?;
    let meant = row.cell(0).ok_or("the line does not say which entry is asked for")?;
    let (entry, read) = asked_for(meant, brain.publication())?;
    let read = row.cell(2).map(str::to_owned).or(read);
    let engine = engines.get(spoken).ok_or_else(|| format!("no engine hears {spoken}"))?;
    let audio = decode_path(&row.path, engine.capabilities().max_seconds).map_err(|e| undecoded(&e))?;
    // As the server hears it.
    let request = brain.standing(spoken).request(Vec::new());
    let transcript = engine.transcribe(&audio, &request).map_err(|error| error.to_string())?;
    engine.name().clone_into(names.get_mut(spoken));
    if transcript.evidence.is_none() && transcript.text().is_empty() {
        return Err("nothing was heard in it".to_owned());
    }
    let text = if engine.capabilities().dictation { transcript.written() } else { String::new() };
    Ok(Spoken { evidence: transcript.evidence, text, language: spoken, entry, read })
}

/// The entry that a cell names, and the question where it is one.
fn asked_for(cell: &str, publication: &Publication) -> Result<(Option<EntryId>, Option<String>), String> {
    if NO_ENTRY.contains(&cell.to_lowercase().as_str()) {
        return Ok((None, None));
    }
    let id = EntryId(cell.to_owned());
    if publication.entry(&id).is_some() {
        return Ok((Some(id), None));
    }
    let variant =
        publication.asked_exactly(cell).or_else(|| publication.asked_exactly(&numbers::written(cell)));
    let variant = variant.ok_or_else(|| {
        format!("{cell:?} is neither an entry of the knowledge base nor one of its questions; write `none` where nothing answers it")
    })?;
    let entry = publication.entries()[variant.entry as usize].id.clone();
    Ok((Some(entry), Some(variant.text.clone())))
}

fn figures(understander: &Understander, recordings: &[&Spoken]) -> Result<Figures, Failure> {
    let mut figures = Figures { asked: recordings.len(), ..Figures::default() };
    let rules = understander.rules();
    // The best candidate's confidence, and whether it is right.
    let mut scored = Vec::with_capacity(recordings.len());
    for recording in recordings {
        let evidence = recording.evidence.clone();
        let utterance = Utterance::heard(recording.text.clone(), recording.language, evidence);
        let understanding = understander.understand(&utterance, &Memory::default())?;
        let threshold = rules.thresholds(&understanding).answer;
        if understanding.act != Act::Question {
            continue;
        }
        let Some(best) = understanding.candidates.first() else { continue };
        let right = recording.entry.as_ref() == Some(&best.entry);
        scored.push((best.confidence, right));
        figures.right_first += usize::from(right);
        if best.confidence >= threshold {
            figures.answered += 1;
            figures.wrong += usize::from(!right);
        }
    }
    figures.auc = auc(&scored);
    Ok(figures)
}

/// Area under the ROC curve: how often a right one is surer than a wrong one, ties counting half (Mann and Whitney 1947).
/// `None` where there are only right or only wrong ones.
fn auc(scored: &[(f32, bool)]) -> Option<f64> {
    let of = |wanted: bool| scored.iter().filter(move |(_, right)| *right == wanted).map(|(score, _)| *score);
    let (rights, wrongs) = (of(true).count(), of(false).count());
    if rights == 0 || wrongs == 0 {
        return None;
    }
    let won: f64 = of(true)
        .map(|right| {
            of(false)
                .map(|wrong| {
                    if right > wrong {
                        1.0
                    } else if right < wrong {
                        0.0
                    } else {
                        0.5
                    }
                })
                .sum::<f64>()
        })
        .sum();
    Some(won / (rights * wrongs) as f64)
}

fn table(report: &Report, dry_run: bool) -> String {
    let mut lines = Vec::new();
    for language in &report.languages {
        lines.push(format!(
            "{} ({}): {}{}",
            language.language,
            language.engine,
            counted(language.before.asked, "recording", "recordings"),
            if report.synthetic { ", spoken by a machine" } else { "" }
        ));
        lines.push(format!(
            "  {:<28} {:>9} {:>16} {:>12} {:>6}",
            "", "answered", "wrong of these", "right first", "AUC"
        ));
        let share = |part: usize, of: usize| match of {
            0 => "–".to_owned(),
            of => format!("{:.1} %", part as f64 / of as f64 * 100.0),
        };
        let mut row = |name: &str, f: &Figures| {
            lines.push(format!(
                "  {name:<28} {:>9} {:>16} {:>12} {:>6}",
                share(f.answered, f.asked),
                share(f.wrong, f.answered),
                share(f.right_first, f.asked),
                f.auc.map_or("–".to_owned(), |auc| format!("{auc:.3}"))
            ));
        };
        row("before", &language.before);
        if let Some(after) = &language.after {
            row("after (the same recordings)", after);
        }
        if let Some(expected) = &language.expected {
            lines.push(format!(
                "  by cross-validation, also without the words that were read out: {:.1} % answered, {:.1} % of these wrong, from a confidence of {:.3} on",
                expected.answered * 100.0,
                expected.wrong_of_answered * 100.0,
                expected.threshold
            ));
        }
        if language.by_sound == 0 {
            lines.push(
                "  this engine weighs no sounds: its words are understood like typed ones, and there is nothing to calibrate"
                    .to_owned(),
            );
        } else if language.missing > 0 {
            lines.push(format!(
                "  not calibrated: it takes {FEWEST_RECORDINGS} recordings, {} are missing; the constants stay",
                language.missing
            ));
        }
        if language.language == Language::Bo {
            lines.push(if language.confirmation_lifted {
                "  spoken questions are answered without a confirming question from the next start on"
                    .to_owned()
            } else {
                "  the confirming question before a spoken answer stays (--lift-confirmation lifts it)"
                    .to_owned()
            });
        }
    }
    lines.push(match &report.stored {
        Some(path) => {
            format!("stored in {}; the server reads it at its next start, or at SIGHUP", path.display())
        }
        None if dry_run => "nothing was changed, as was asked for".to_owned(),
        None => "nothing was changed".to_owned(),
    });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_share_of_pairs_in_the_right_order() {
        assert_eq!(auc(&[(0.9, true), (0.8, true), (0.1, false)]), Some(1.0));
        assert_eq!(auc(&[(0.9, false), (0.8, true)]), Some(0.0));
        assert_eq!(auc(&[(0.5, false), (0.5, true)]), Some(0.5));
        assert_eq!(auc(&[(0.9, true), (0.6, false), (0.5, true), (0.4, false)]), Some(0.75));
        assert_eq!(auc(&[(0.9, true)]), None);
        assert_eq!(auc(&[]), None);
    }

    #[test]
    fn the_confirming_question_is_not_lifted_under_200_real_recordings() {
        assert!(refuse_to_lift(200).is_ok());
        for (recordings, missing) in [(199, "1 is missing"), (0, "200 are missing")] {
            let Err(Failure::Failed(error)) = refuse_to_lift(recordings) else { panic!("{recordings}") };
            assert!(error.to_string().contains(missing), "{error}");
        }
    }
}
