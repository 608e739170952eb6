//! Spoken questions, with an ear that mishears a known share of the phones.
//!
//! The real recogniser is measured in the end-to-end crate; here the way from evidence to decision is told in stories, so the
//! evidence is computed from phones by alignment: exact about who said what, and wrong as often as the story wants.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use intents::{
    Act, Context, Decision, EscalationReason, Memory, Recording, Scored, Settings, Understander,
    Understanding, Utterance, calibrate_voice, decide,
};
use kb::{Collection, EntryId, Publication};
use language::Language::{self, Bo, Zh};
use language::{Evidence, FormBatch, Phone, spoken_form};

/// What a wrong phone costs, in nats: a recogniser's second guess.
const WRONG: f32 = 4.0;

/// The phones somebody said, as heard.
#[derive(Debug)]
struct Heard {
    phones: Vec<Phone>,
    seconds: f32,
}

impl Heard {
    /// Every `misheard`th phone is replaced; 0 for none.
    fn new(text: &str, language: Language, misheard: usize) -> Self {
        let form = spoken_form(text, language);
        let said = form.pronunciations.first().expect("something to say");
        let classes = Phone::classes() as u8;
        let hear = |(at, phone): (usize, &Phone)| {
            let wrong = misheard > 0 && at % misheard == misheard / 2;
            if wrong { Phone(1 + (phone.0 + 36) % (classes - 1)) } else { *phone }
        };
        Self {
            seconds: 0.22 * said.syllables.len() as f32 + 0.3,
            phones: said.phones.iter().enumerate().map(hear).collect(),
        }
    }

    /// Least number of phones to insert, delete or replace; `anywhere` leaves out what comes before and after for free.
    fn distance(&self, form: &[Phone], anywhere: bool) -> f32 {
        let mut row: Vec<usize> = (0..=self.phones.len()).map(|at| if anywhere { 0 } else { at }).collect();
        for (i, phone) in form.iter().enumerate() {
            let mut before = row[0];
            row[0] = i + 1;
            for (j, heard) in self.phones.iter().enumerate() {
                let replaced = before + usize::from(phone != heard);
                before = row[j + 1];
                row[j + 1] = replaced.min(before + 1).min(row[j] + 1);
            }
        }
        let last = if anywhere { row.iter().min() } else { row.last() };
        last.copied().unwrap_or_default() as f32
    }

    fn scores(&self, batch: &FormBatch, anywhere: bool) -> Vec<f32> {
        let score = |phones: &Vec<Phone>| {
            let cost = -WRONG * self.distance(phones, anywhere);
            if anywhere { cost } else { cost / phones.len() as f32 }
        };
        let best = |form: &language::SpokenForm| {
            form.pronunciations.iter().map(|p| score(&p.phones)).fold(f32::NEG_INFINITY, f32::max)
        };
        batch.forms().iter().map(best).collect()
    }
}

impl Evidence for Heard {
    fn whole(&self, batch: &FormBatch) -> Vec<f32> {
        self.scores(batch, false)
    }

    fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
        self.scores(batch, true)
    }

    fn seconds(&self) -> f32 {
        self.seconds
    }
}

static SAMPLE: LazyLock<Understander> = LazyLock::new(|| {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
    let publication = Publication::new(&Collection::load(&sample).expect("the sample")).expect("publishable");
    Understander::new(Arc::new(publication), Settings::default()).expect("calibrated")
});

/// `said` is spoken in language `spoken`; the conversation is in `conversation`.
fn hear(
    said: &str,
    spoken: Language,
    misheard: usize,
    conversation: Language,
    memory: &Memory,
) -> Understanding {
    let evidence: Arc<dyn Evidence> = Arc::new(Heard::new(said, spoken, misheard));
    let utterance = Utterance::heard(String::new(), conversation, Some(evidence));
    SAMPLE.understand(&utterance, memory).expect("the index works")
}

fn first(understanding: &Understanding) -> &str {
    understanding.candidates.first().map_or("", |best| best.entry.0.as_str())
}

fn decided(understanding: &Understanding, language: Language) -> Decision {
    decide(&Context::new(SAMPLE.rules(), language), understanding)
}

#[test]
fn every_third_way_of_asking_is_found_in_both_languages_with_a_fifth_of_the_phones_wrong() {
    let variants: Vec<_> = SAMPLE.publication().variants().iter().step_by(37).collect();
    for variant in variants {
        let heard = hear(&variant.text, variant.language, 5, variant.language, &Memory::default());
        if heard.act == Act::Question {
            let own = &SAMPLE.publication().entries()[variant.entry as usize].id;
            assert_eq!(first(&heard), own.0, "{}", variant.text);
            assert_eq!(heard.candidates[0].language, variant.language, "{}", variant.text);
        } else {
            assert_eq!(heard.act, Act::Emergency, "{}", variant.text);
        }
        assert!(heard.spoken && heard.candidates.iter().map(|c| c.confidence).sum::<f32>() <= 1.0001);
    }
}

#[test]
fn a_clear_chinese_question_is_answered_and_a_clear_tibetan_one_confirmed() {
    let heard = hear("身份证到期了怎么换", Zh, 0, Zh, &Memory::default());
    assert!(
        matches!(decided(&heard, Zh), Decision::Answer { chosen, .. } if chosen.entry.0 == "idcard-renew"),
        "{heard:?}"
    );
    for said in ["ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།", "ངའི་身份证过期ཕྱིན་སོང་གང་འདྲ་བྱེད་དགོས་རེད"]
    {
        let heard = hear(said, Bo, 0, Bo, &Memory::default());
        match decided(&heard, Bo) {
            Decision::Clarify { choices } => assert_eq!(choices[0].entry.0, "idcard-renew", "{said}"),
            other => panic!("{said}: {other:?}"),
        }
    }
}

#[test]
fn whoever_speaks_tibetan_in_a_chinese_conversation_is_understood_and_still_confirmed() {
    let heard = hear("ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།", Bo, 7, Zh, &Memory::default());
    assert_eq!((heard.language, first(&heard)), (Bo, "idcard-renew"));
    assert!(matches!(decided(&heard, Zh), Decision::Clarify { .. }));
}

#[test]
fn a_question_with_words_left_out_and_words_around_it_is_among_the_first() {
    for (said, language, entry) in [
        ("请问一下身份证到期了在哪里换呢", Zh, "idcard-renew"),
        ("你好我想问户口本丢了怎么补啊", Zh, "hukou-book-lost"),
        ("དགོངས་དག་ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་སོང་བརྗེ་དགོས་རེད་པས", Bo, "idcard-renew"),
    ] {
        let heard = hear(said, language, 8, language, &Memory::default());
        let place = heard.candidates.iter().position(|c| c.entry.0 == entry);
        assert!(place.is_some_and(|place| place < 3), "{said}: {:?}", heard.candidates);
    }
}

#[test]
fn what_is_about_something_else_is_not_answered() {
    for (said, language) in [
        ("今天天气不错我们去公园散步吧", Zh),
        ("国际足球比赛昨天晚上结束了", Zh),
        ("དེ་རིང་གནམ་གཤིས་ཡག་པོ་འདུག་གླིང་ཀར་འགྲོ་རྩིས་ཡོད", Bo),
    ] {
        let heard = hear(said, language, 0, language, &Memory::default());
        let decision = decided(&heard, language);
        assert!(!matches!(decision, Decision::Answer { .. }), "{said}: {decision:?}");
    }
}

#[test]
fn acts_are_heard_without_dictation_in_both_languages() {
    for (said, language, act) in [
        ("转人工", Zh, Act::Person),
        ("不想跟机器说", Zh, Act::Person),
        ("མི་དང་སྐད་ཆ་བཤད་འདོད", Bo, Act::Person),
        ("再说一遍", Zh, Act::Repeat),
        ("ཡང་བསྐྱར་གསུང་རོགས་གནང", Bo, Act::Repeat),
        ("说慢一点", Zh, Act::Slower),
        ("ག་ལེར་གསུང་རོགས", Bo, Act::Slower),
        ("谢谢你", Zh, Act::Thanks),
        ("ཐུགས་རྗེ་ཆེ", Bo, Act::Thanks),
        ("བཀྲ་ཤིས་བདེ་ལེགས", Bo, Act::Greeting),
        ("说藏语", Zh, Act::OtherLanguage),
        ("རྒྱ་སྐད་གསུང་རོགས", Bo, Act::OtherLanguage),
        ("用藏文回答", Zh, Act::OtherLanguage),
        ("རྒྱ་སྐད་བཤད་རོགས", Bo, Act::OtherLanguage),
        ("取消人工", Zh, Act::LeaveQueue),
        ("ལས་བྱེད་པ་མི་དགོས", Bo, Act::LeaveQueue),
        ("着火了", Zh, Act::Emergency),
        ("མེ་ཤོར་སོང", Bo, Act::Emergency),
    ] {
        let heard = hear(said, language, 0, language, &Memory::default());
        assert_eq!(heard.act, act, "{said}");
    }
    let heard = hear("转人工", Zh, 0, Zh, &Memory::default());
    assert_eq!(decided(&heard, Zh), Decision::Escalate(EscalationReason::Asked));
}

#[test]
fn yes_no_and_ordinals_are_heard_when_something_is_on_offer() {
    let offer = |entry: &str| Scored {
        entry: EntryId(entry.to_owned()),
        question: "身份证བརྗེ་ས་ག་པར་རེད།".to_owned(),
        language: Bo,
        confidence: 0.4,
    };
    let memory = Memory { pending: vec![offer("idcard-renew"), offer("idcard-lost")], ..Memory::default() };
    for (said, language, act) in [
        ("是的", Zh, Act::Yes),
        ("不是", Zh, Act::No),
        ("第二个", Zh, Act::Choice(2)),
        ("ལགས་རེད", Bo, Act::Yes),
        ("མ་རེད", Bo, Act::No),
        ("གཉིས་པ", Bo, Act::Choice(2)),
        ("དང་པོ", Bo, Act::Choice(1)),
    ] {
        assert_eq!(hear(said, language, 0, language, &memory).act, act, "{said}");
    }
    let again = hear("身份证丢了怎么补办", Zh, 6, Zh, &memory);
    assert_eq!(
        (again.act, first(&again)),
        (Act::Question, "idcard-lost"),
        "the question itself is an answer too"
    );
}

#[test]
fn the_words_of_a_recogniser_that_takes_dictation_count_as_well() {
    let said = "身份证丢了怎么补办";
    let evidence: Arc<dyn Evidence> = Arc::new(Heard::new(said, Zh, 3));
    let understand = |text: &str| {
        let utterance = Utterance::heard(text.to_owned(), Zh, Some(Arc::clone(&evidence)));
        SAMPLE.understand(&utterance, &Memory::default()).expect("the index works")
    };
    let (without, with) = (understand(""), understand(said));
    assert_eq!(first(&with), "idcard-lost");
    let confidence = |u: &Understanding| {
        u.candidates.iter().find(|c| c.entry.0 == "idcard-lost").map_or(0.0, |c| c.confidence)
    };
    assert!(confidence(&with) > confidence(&without));
    assert_eq!(understand("你好，转人工").act, Act::Person);
}

#[test]
fn voice_is_calibrated_on_two_hundred_recordings_and_not_on_fewer() {
    let publication = SAMPLE.publication();
    let recordings: Vec<Recording> = publication
        .variants()
        .iter()
        .filter(|variant| variant.language == Bo)
        .take(200)
        .enumerate()
        .map(|(number, variant)| Recording {
            evidence: Arc::new(Heard::new(&variant.text, Bo, 2 + number % 4)),
            text: String::new(),
            language: Bo,
            entry: Some(publication.entries()[variant.entry as usize].id.clone()),
            read: Some(variant.text.clone()),
        })
        .collect();
    let settings = Settings::default();
    let calibration = calibrate_voice(&SAMPLE, &recordings, &settings).expect("the index works");
    let fit = calibration.voice.get(Bo);
    assert_eq!(fit.examples, 600);
    assert!(fit.expected_wrong <= settings.wrong_share && fit.expected_answered > 0.2, "{fit:?}");
    assert_eq!(calibration.voice.get(Zh), SAMPLE.calibration().voice.get(Zh));
    assert_eq!(calibration.text, SAMPLE.calibration().text);
    let few = calibrate_voice(&SAMPLE, &recordings[..199], &settings).expect("the index works");
    assert_eq!(&few, SAMPLE.calibration());
    let stored = Settings { calibration: Some(calibration.clone()), ..Settings::default() };
    let again = Understander::new(Arc::clone(publication), stored).expect("the stored calibration");
    assert_eq!(again.rules().voice.bo, calibration.voice.bo.thresholds);
}

/// An engine that takes dictation and can weigh a few texts, but not a knowledge base: it finds likeliest what was said.
#[derive(Debug)]
struct Decoder {
    said: Heard,
    /// Whether it still has the utterance.
    remembers: bool,
}

impl Evidence for Decoder {
    fn whole(&self, batch: &FormBatch) -> Vec<f32> {
        vec![f32::NEG_INFINITY; batch.len()]
    }

    fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
        self.whole(batch)
    }

    fn seconds(&self) -> f32 {
        self.said.seconds
    }

    fn covers_all(&self) -> bool {
        false
    }

    fn weigh(&self, shortlist: &FormBatch) -> Option<Vec<f32>> {
        assert!((2..=8).contains(&shortlist.len()), "{} forms are no short list", shortlist.len());
        self.remembers.then(|| self.said.whole(shortlist))
    }
}

/// `wrote` is dictated, `said` was said.
fn dictate(wrote: &str, said: &str, language: Language, remembers: bool) -> Understanding {
    let evidence = Arc::new(Decoder { said: Heard::new(said, language, 0), remembers });
    let utterance = Utterance::heard(wrote, language, Some(evidence));
    SAMPLE.understand(&utterance, &Memory::default()).expect("the index works")
}

/// Words that the sample has several entries for, none of them sure.
const AMBIGUOUS: [(&str, Language); 2] = [("身份证要办", Zh), ("ཐོབ་ཐང་ལག་འཁྱེར་", Bo)];

#[test]
fn dictation_with_a_decoders_evidence_is_understood_by_its_words() {
    for (words, language) in AMBIGUOUS {
        let utterance = Utterance::dictated(words, language);
        let by_words = SAMPLE.understand(&utterance, &Memory::default()).expect("the index works");
        let forgotten = dictate(words, words, language, false);
        assert_eq!(forgotten.candidates, by_words.candidates, "{words}");
        assert!(forgotten.by_words && by_words.candidates.len() > 1);
    }
}

#[test]
fn of_candidates_that_lie_close_together_the_sound_decides_and_makes_none_surer() {
    for (words, language) in AMBIGUOUS {
        let before = dictate(words, words, language, false).candidates;
        let best = before[0].confidence;
        let rivals: Vec<&Scored> = before.iter().filter(|rival| rival.confidence >= best / 4.0).collect();
        assert!(rivals.len() > 1, "{words} is not ambiguous: {before:?}");
        for rival in rivals {
            let number = SAMPLE.publication().number(&rival.entry);
            let own = SAMPLE.publication().variants().iter().filter(|v| Some(v.entry) == number);
            // The decoder is asked about the way of asking that is most like the words; one of these it is.
            let wins = own.filter(|v| v.language == language).any(|said| {
                let weighed = dictate(words, &said.text, language, true).candidates;
                assert!(weighed[0].confidence <= best + 1e-6 && weighed.len() == before.len());
                assert!(weighed.is_sorted_by(|a, b| a.confidence >= b.confidence));
                weighed[0].entry == rival.entry
            });
            assert!(wins, "{words}: {} never comes first", rival.entry.0);
        }
    }
}

#[test]
fn a_question_that_is_clear_is_not_weighed() {
    // The decoder would refuse a list of one.
    let clear = dictate("身份证到期了怎么换", "社保卡怎么办", Zh, true);
    assert_eq!(first(&clear), "idcard-renew");
}
