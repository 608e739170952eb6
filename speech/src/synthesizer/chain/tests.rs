use super::*;

/// What a voice of these tests does: a clip as long as the text has characters, of one value.
#[derive(Clone)]
struct Scripted {
    name: &'static str,
    value: f32,
    rate: u32,
    fails: Arc<AtomicBool>,
    mixes: bool,
    heard: Arc<Mutex<Vec<String>>>,
}

fn scripted(name: &'static str, value: f32) -> Scripted {
    let (fails, heard) = (Arc::default(), Arc::default());
    Scripted { name, value, rate: 16_000, fails, mixes: true, heard }
}

impl Scripted {
    fn link(&self) -> Link {
        Link::new(Box::new(self.clone()))
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    fn break_down(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }
}

impl Synthesizer for Scripted {
    fn name(&self) -> &str {
        self.name
    }
    fn mixes(&self) -> bool {
        self.mixes
    }
    fn synthesize(&mut self, request: &SpeechRequest, _: &AtomicBool) -> Result<Clip, SynthesisError> {
        self.heard.lock().unwrap().push(request.text.clone());
        if self.fails.load(Ordering::Relaxed) {
            return Err(SynthesisError::Engine { engine: self.name.into(), reason: "broken".into() });
        }
        if request.text.contains('…') {
            return Err(SynthesisError::Nothing);
        }
        Ok(Clip { samples: vec![self.value; request.text.chars().count()], sample_rate: self.rate })
    }
}

type Faults = Arc<Mutex<Vec<(String, Language, Fault)>>>;

fn chain(bo: Vec<Link>, zh: Vec<Link>) -> (VoiceChain, Faults) {
    let faults: Faults = Arc::default();
    let seen = Arc::clone(&faults);
    let watch: Watch =
        Arc::new(move |name, language, fault| seen.lock().unwrap().push((name.to_owned(), language, fault)));
    (VoiceChain::new(bo, zh, watch).unwrap(), faults)
}

fn say(chain: &mut VoiceChain, text: &str, language: Language) -> Result<Clip, SynthesisError> {
    let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
    chain.synthesize(&request, &AtomicBool::new(false))
}

#[test]
fn the_next_voice_speaks_where_one_fails_and_the_failure_is_told() {
    let (first, last) = (scripted("first", 0.1), scripted("last", 0.2));
    let (mut chain, faults) = chain(vec![last.link()], vec![first.link(), last.link()]);
    assert_eq!(chain.name(), "bo last + zh first");
    assert_eq!(chain.voices(Language::Zh).collect::<Vec<_>>(), ["first", "last"]);
    assert_eq!(say(&mut chain, "您好", Language::Zh).unwrap().samples, [0.1; 2]);
    assert!(!chain.substituted());
    first.break_down(true);
    assert_eq!(say(&mut chain, "您好", Language::Zh).unwrap().samples, [0.2; 2]);
    assert!(chain.substituted(), "another voice's sound would be kept under the first one's name");
    assert_eq!(*faults.lock().unwrap(), [("first".to_owned(), Language::Zh, Fault::Failed)]);
    last.break_down(true);
    let error = say(&mut chain, "您好", Language::Zh).unwrap_err().to_string();
    assert!(error.contains("last") && error.contains("broken"), "{error}");
    assert!(VoiceChain::new(Vec::new(), Vec::new(), Arc::new(|_, _, _| ())).is_none());
}

#[test]
fn a_voice_that_goes_on_failing_is_not_asked_and_costs_no_time() {
    let (first, last) = (scripted("first", 0.1), scripted("last", 0.2));
    first.break_down(true);
    let (mut chain, faults) = chain(Vec::new(), vec![first.link(), last.link()]);
    for _ in 0..10 {
        say(&mut chain, "您好", Language::Zh).unwrap();
    }
    assert_eq!(first.heard().len(), FAILURES as usize);
    let resting = faults.lock().unwrap().iter().filter(|(_, _, fault)| *fault == Fault::Resting).count();
    assert_eq!(resting, 10 - FAILURES as usize);
    assert!(say(&mut chain, "ང་", Language::Bo).unwrap_err().to_string().contains("no voice speaks bo"));
}

#[test]
fn a_rest_ends_grows_and_is_over_with_the_first_success() {
    let health = Health::default();
    let now = Instant::now();
    assert_eq!((health.failed(now), health.failed(now)), (None, None));
    assert_eq!(health.failed(now), Some(FIRST_REST));
    assert!(!health.is_ready(now) && health.is_ready(now + FIRST_REST));
    assert_eq!(health.failed(now), Some(2 * FIRST_REST), "one failure after a rest is enough");
    for _ in 0..40 {
        health.failed(now);
    }
    assert_eq!(health.failed(now), Some(LONGEST_REST));
    health.spoke();
    assert!(health.is_ready(now) && health.failed(now).is_none());
}

#[test]
fn an_interruption_and_an_empty_sentence_are_no_failures() {
    let (first, last) = (scripted("first", 0.1), scripted("last", 0.2));
    let (mut chain, faults) = chain(Vec::new(), vec![first.link(), last.link()]);
    for _ in 0..5 {
        assert!(matches!(say(&mut chain, "……", Language::Zh), Err(SynthesisError::Nothing)));
    }
    let request = SpeechRequest { text: "您好".into(), language: Language::Zh, rate: 1.0 };
    let outcome = chain.synthesize(&request, &AtomicBool::new(true));
    assert!(matches!(outcome, Err(SynthesisError::Cancelled)));
    let error = say(&mut chain, &"长".repeat(100_000), Language::Zh).unwrap_err();
    assert!(error.to_string().contains("2000 characters"), "{error}");
    assert!(faults.lock().unwrap().is_empty());
    assert_eq!(say(&mut chain, "您好", Language::Zh).unwrap().samples, [0.1; 2]);
}

#[test]
fn a_voice_of_one_language_leaves_the_other_to_that_languages_voices() {
    let (tibetan, chinese) = (scripted("tibetan", 0.1), scripted("chinese", 0.2));
    let tibetan = Scripted { mixes: false, rate: 8_000, ..tibetan };
    let (mut chain, faults) = chain(vec![tibetan.link(), chinese.link()], vec![chinese.link()]);
    let clip = say(&mut chain, "ངའི་身份证20བརླགས་སོང་།", Language::Bo).unwrap();
    assert_eq!(tibetan.heard(), ["ངའི་", "ཉི་ཤུ་བརླགས་སོང་།"]);
    assert_eq!(chinese.heard(), ["身份证"]);
    assert_eq!(clip.sample_rate, 8_000);
    assert!((clip.samples[0] - 0.1).abs() < 1e-6);
    // Where it fails, the next voice says the whole sentence: nobody hears half of one twice.
    tibetan.break_down(true);
    let clip = say(&mut chain, "ངའི་身份证བརླགས་སོང་།", Language::Bo).unwrap();
    assert_eq!(chinese.heard(), ["ངའི་身份证བརླགས་སོང་།"]);
    assert_eq!((clip.sample_rate, faults.lock().unwrap().len()), (16_000, 1));
    // What the other language's voices fail at is not its fault.
    tibetan.break_down(false);
    let (mut chain, faults) = chain_of(&tibetan, &chinese);
    chinese.break_down(true);
    assert!(say(&mut chain, "ངའི་身份证", Language::Bo).is_err());
    let faults = faults.lock().unwrap();
    assert!(faults.iter().all(|(name, ..)| name == "chinese") && !faults.is_empty(), "{faults:?}");
}

fn chain_of(tibetan: &Scripted, chinese: &Scripted) -> (VoiceChain, Faults) {
    chain(vec![tibetan.link()], vec![chinese.link()])
}
