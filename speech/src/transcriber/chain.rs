//! Several engines as one: the first that can answer does.

use std::sync::Arc;

use language::{Evidence, FormBatch};

use crate::{
    Capabilities, Live, TranscribeError, TranscribeRequest, Transcriber, Transcript, transcript::foreign,
};

/// A chain of engines in order of preference, and optionally one more that only lends its
/// [`Evidence`] to transcripts that have none, or none that covers a whole knowledge base.
pub struct FallbackChain {
    engines: Vec<Box<dyn Transcriber>>,
    witness: Option<Box<dyn Transcriber>>,
    name: String,
    capabilities: Capabilities,
}

impl FallbackChain {
    /// Chains engines, the best first. `None` where there is none.
    pub fn new(engines: Vec<Box<dyn Transcriber>>) -> Option<Self> {
        let first = engines.first()?;
        let mut capabilities = first.capabilities().clone();
        for other in engines.iter().skip(1).map(|engine| engine.capabilities()) {
            for &language in &other.languages {
                if !capabilities.languages.contains(&language) {
                    capabilities.languages.push(language);
                }
            }
            capabilities.evidence |= other.evidence;
            capabilities.max_seconds = capabilities.max_seconds.max(other.max_seconds);
        }
        let name = engines.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(" > ");
        Some(Self { engines, witness: None, name, capabilities })
    }

    /// Adds an engine that is asked for evidence where the engine that answered gave none: a big model's words together
    /// with the shipped model's posteriors. Where the engine that answered can weigh short lists, it still does. Its failure is logged and changes nothing. Partials do without.
    #[must_use]
    pub fn with_witness(mut self, witness: Box<dyn Transcriber>) -> Self {
        self.name = format!("{} + {}", self.name, witness.name());
        self.capabilities.evidence |= witness.capabilities().evidence;
        self.witness = Some(witness);
        self
    }

    fn lend_evidence(&mut self, audio: &[f32], request: &TranscribeRequest, transcript: &mut Transcript) {
        let Some(witness) = self.witness.as_mut() else { return };
        if transcript.evidence.as_ref().is_some_and(|own| own.covers_all()) || request.partial {
            return;
        }
        // Nobody reads its words: they are not worth a search.
        let request = TranscribeRequest { language: request.language, ..TranscribeRequest::default() };
        match witness.transcribe(audio, &request) {
            Ok(other) => {
                transcript.evidence = match (other.evidence, transcript.evidence.take()) {
                    (Some(wide), Some(narrow)) => Some(Arc::new(Both { wide, narrow })),
                    (wide, narrow) => wide.or(narrow),
                };
            }
            Err(error) => {
                tracing::warn!(engine = witness.name(), %error, "no acoustic evidence for this utterance");
            }
        }
    }
}

/// One engine's evidence on everything, another's on short lists.
#[derive(Debug)]
struct Both {
    wide: Arc<dyn Evidence>,
    narrow: Arc<dyn Evidence>,
}

impl Evidence for Both {
    fn whole(&self, batch: &FormBatch) -> Vec<f32> {
        self.wide.whole(batch)
    }

    fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
        self.wide.anywhere(batch)
    }

    fn seconds(&self) -> f32 {
        self.wide.seconds()
    }

    fn covers_all(&self) -> bool {
        self.wide.covers_all()
    }

    fn weigh(&self, shortlist: &FormBatch) -> Option<Vec<f32>> {
        self.narrow.weigh(shortlist)
    }
}

impl Transcriber for FallbackChain {
    fn name(&self) -> &str {
        &self.name
    }

    /// What at least one engine can do; dictation only where the first one can.
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        let mut failure = None;
        for engine in &mut self.engines {
            if request.language.is_some_and(|language| !engine.capabilities().languages.contains(&language)) {
                continue;
            }
            match engine.transcribe(audio, request) {
                Ok(mut transcript) => {
                    self.lend_evidence(audio, request, &mut transcript);
                    return Ok(transcript);
                }
                Err(error) => {
                    tracing::warn!(engine = engine.name(), %error, "the next engine is tried");
                    failure = Some(error);
                }
            }
        }
        Err(failure.unwrap_or_else(|| TranscribeError::Engine {
            engine: self.name.clone(),
            reason: "no engine hears this language".into(),
        }))
    }

    /// By the engine that would be asked first. Where it only hears whole utterances, so does the chain: a fall-back that could begin
    /// sooner would answer in its place.
    fn begin(&mut self, request: &TranscribeRequest) -> Option<Live> {
        let hears = |engine: &dyn Transcriber| {
            request.language.is_none_or(|language| engine.capabilities().languages.contains(&language))
        };
        let (number, engine) =
            self.engines.iter_mut().enumerate().find(|(_, engine)| hears(engine.as_ref()))?;
        engine.begin(request).map(|live| Live { engine: number, ..live })
    }

    fn hear(&mut self, more: &mut [(&mut Live, &[f32])]) -> Result<(), TranscribeError> {
        for (number, engine) in self.engines.iter_mut().enumerate() {
            let mut mine: Vec<(&mut Live, &[f32])> = more
                .iter_mut()
                .filter(|(live, _)| live.engine == number)
                .map(|(live, samples)| (&mut **live, *samples))
                .collect();
            if !mine.is_empty() {
                engine.hear(&mut mine)?;
            }
        }
        Ok(())
    }

    fn conclude(&mut self, live: &Live, over: bool) -> Result<Transcript, TranscribeError> {
        match self.engines.get_mut(live.engine) {
            Some(engine) => engine.conclude(live, over),
            None => Err(foreign(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use language::Language;

    use super::*;
    use crate::Hypothesis;

    #[derive(Debug)]
    struct Nothing;

    impl Evidence for Nothing {
        fn whole(&self, batch: &FormBatch) -> Vec<f32> {
            vec![0.0; batch.len()]
        }
        fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
            vec![0.0; batch.len()]
        }
        fn seconds(&self) -> f32 {
            0.0
        }
    }

    #[derive(Debug)]
    struct Narrow;

    impl Evidence for Narrow {
        fn whole(&self, batch: &FormBatch) -> Vec<f32> {
            vec![f32::NEG_INFINITY; batch.len()]
        }
        fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
            self.whole(batch)
        }
        fn seconds(&self) -> f32 {
            0.0
        }
        fn covers_all(&self) -> bool {
            false
        }
        fn weigh(&self, shortlist: &FormBatch) -> Option<Vec<f32>> {
            Some(vec![-1.0; shortlist.len()])
        }
    }

    /// What an engine in these tests does when asked.
    enum Does {
        Say(&'static str),
        /// Says it, and weighs short lists.
        Weigh(&'static str),
        Hear,
        Fail,
    }

    struct Scripted(Capabilities, Does);

    fn scripted(languages: &[Language], does: Does) -> Box<dyn Transcriber> {
        let (dictation, evidence) =
            (matches!(does, Does::Say(_) | Does::Weigh(_)), matches!(does, Does::Hear));
        let languages = languages.to_vec();
        Box::new(Scripted(Capabilities { languages, dictation, evidence, max_seconds: 30.0 }, does))
    }

    impl Transcriber for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }
        fn capabilities(&self) -> &Capabilities {
            &self.0
        }
        fn transcribe(
            &mut self,
            _: &[f32],
            request: &TranscribeRequest,
        ) -> Result<Transcript, TranscribeError> {
            let mut transcript = Transcript {
                language: request.language,
                hypotheses: Vec::new(),
                evidence: None,
                seconds: 1.0,
            };
            match self.1 {
                Does::Say(text) => {
                    transcript.hypotheses.push(Hypothesis { text: text.into(), ..Hypothesis::default() });
                }
                Does::Weigh(text) => {
                    transcript.hypotheses.push(Hypothesis { text: text.into(), ..Hypothesis::default() });
                    transcript.evidence = Some(Arc::new(Narrow));
                }
                Does::Hear => transcript.evidence = Some(Arc::new(Nothing)),
                Does::Fail => {
                    return Err(TranscribeError::Engine {
                        engine: "scripted".into(),
                        reason: "broken".into(),
                    });
                }
            }
            Ok(transcript)
        }
    }

    fn ask(chain: &mut FallbackChain, language: Language) -> Result<Transcript, TranscribeError> {
        chain.transcribe(&[0.0; 160], &TranscribeRequest { language: Some(language), ..Default::default() })
    }

    #[test]
    fn a_failing_engine_is_replaced_by_the_next_one() {
        let engines =
            vec![scripted(&Language::ALL, Does::Fail), scripted(&Language::ALL, Does::Say("社保 ལག་ཁྱེར"))];
        let mut chain = FallbackChain::new(engines).unwrap();
        assert_eq!(ask(&mut chain, Language::Bo).unwrap().text(), "社保 ལག་ཁྱེར");
    }

    #[test]
    fn an_engine_that_does_not_know_the_language_is_not_asked() {
        let engines =
            vec![scripted(&[Language::Zh], Does::Say("汉语")), scripted(&[Language::Bo], Does::Say("བོད་སྐད"))];
        let mut chain = FallbackChain::new(engines).unwrap();
        assert_eq!(ask(&mut chain, Language::Bo).unwrap().text(), "བོད་སྐད");
        assert_eq!(ask(&mut chain, Language::Zh).unwrap().text(), "汉语");
        assert_eq!(chain.capabilities().languages.len(), 2);
    }

    #[test]
    fn when_all_fail_the_last_error_is_told_and_an_empty_chain_cannot_be_made() {
        let mut chain = FallbackChain::new(vec![scripted(&Language::ALL, Does::Fail)]).unwrap();
        assert!(ask(&mut chain, Language::Zh).unwrap_err().to_string().contains("broken"));
        let mut chain = FallbackChain::new(vec![scripted(&[Language::Zh], Does::Fail)]).unwrap();
        assert!(ask(&mut chain, Language::Bo).unwrap_err().to_string().contains("no engine hears"));
        assert!(FallbackChain::new(Vec::new()).is_none());
    }

    #[test]
    fn the_witness_lends_evidence_to_final_transcripts_and_its_failure_harms_nothing() {
        let words = || vec![scripted(&Language::ALL, Does::Say("社保"))];
        let mut chain =
            FallbackChain::new(words()).unwrap().with_witness(scripted(&Language::ALL, Does::Hear));
        assert!(chain.capabilities().evidence);
        assert!(ask(&mut chain, Language::Zh).unwrap().evidence.is_some());
        let partial = TranscribeRequest { partial: true, ..Default::default() };
        assert!(chain.transcribe(&[0.0], &partial).unwrap().evidence.is_none());
        let mut chain =
            FallbackChain::new(words()).unwrap().with_witness(scripted(&Language::ALL, Does::Fail));
        assert_eq!(ask(&mut chain, Language::Zh).unwrap().text(), "社保");
    }
    #[test]
    fn an_engine_that_weighs_short_lists_still_does_beside_a_witness_that_covers_everything() {
        let words = || vec![scripted(&Language::ALL, Does::Weigh("社保"))];
        let forms = FormBatch::new(vec![language::spoken_form("社保", Language::Zh)]);
        let both = FallbackChain::new(words()).unwrap().with_witness(scripted(&Language::ALL, Does::Hear));
        let alone = FallbackChain::new(words()).unwrap();
        let deaf = FallbackChain::new(words()).unwrap().with_witness(scripted(&Language::ALL, Does::Fail));
        for (mut chain, covers) in [(both, true), (alone, false), (deaf, false)] {
            let evidence = ask(&mut chain, Language::Zh).unwrap().evidence.unwrap();
            assert_eq!(evidence.covers_all(), covers);
            assert_eq!(evidence.weigh(&forms), Some(vec![-1.0]));
        }
    }
}
