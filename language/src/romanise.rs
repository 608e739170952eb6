//! Text in Latin letters, for people who serve somebody whose script they do not read: Tibetan by the THL Simplified
//! Phonetic Transcription, with its spelling in Extended Wylie beside it, and Chinese in Hanyu Pinyin.
//!
//! Source of the Tibetan: Germano & Tournadre, *THL Simplified Phonetic Transcription of Standard Tibetan* (2003). It is made
//! from the spelling and is close to how Lhasa speaks; it shows neither tone nor aspiration, and where its rules and Lhasa
//! part (final *r* and *l* are written), the rules count. Words that Lhasa does not speak as they are spelled come
//! from the same table as the crate's other sounds. No native speaker has reviewed it yet.

use std::ops::Range;

use crate::mandarin;
use crate::script::{self, Script};
use crate::tibetan::{Parts, lhasa, syllables, to_ewts};

/// A word in Latin letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Romanised {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// How it sounds.
    pub sound: String,
    /// How it is spelled, in Extended Wylie; Tibetan only.
    pub spelling: Option<String>,
}

/// The Tibetan and Chinese words of a text in Latin letters, in text order; everything else is left out.
///
/// Tibetan writes no boundaries of words. What is one word by `known` (bytes of the text) or by the table of irregular
/// words is written together, so is a word-forming ending with the syllable before it; every other syllable stands alone.
pub fn romanise(text: &str, known: &[Range<usize>]) -> Vec<Romanised> {
    let mut out = Vec::new();
    for run in script::runs(text) {
        let slice = &text[run.range.clone()];
        match run.script {
            Script::Tibetan => tibetan_words(slice, run.range.start, known, &mut out),
            Script::Han => out.extend(mandarin::words(slice).into_iter().filter_map(|word| {
                let range = run.range.start + word.range.start..run.range.start + word.range.end;
                let sound: String =
                    word.readings.iter().filter_map(|read| Some(read.syllable.as_ref()?.marked())).collect();
                (!sound.is_empty()).then_some(Romanised { range, sound, spelling: None })
            })),
            Script::Latin | Script::Digit | Script::Other => {}
        }
    }
    out
}

fn tibetan_words(slice: &str, start: usize, known: &[Range<usize>], out: &mut Vec<Romanised>) {
    let all = syllables(slice);
    let letters: Vec<&str> = all.iter().map(|syllable| syllable.text.as_str()).collect();
    let mut at = 0;
    while at < all.len() {
        let begins = start + all[at].range.start;
        let inside = |word: &&Range<usize>| word.start <= begins && begins < word.end;
        let by_known = known.iter().find(inside).map_or(0, |word| {
            all[at..].iter().take_while(|syllable| start + syllable.range.start < word.end).count()
        });
        let mut end = at + by_known.max(lhasa::irregular(&letters[at..]).unwrap_or(1));
        while end < all.len()
            && is_ending(&letters[end])
            && !known.iter().any(|w| w.start == start + all[end].range.start)
        {
            end += 1;
        }
        let range = all[at].range.start..all[end - 1].range.end;
        out.push(Romanised {
            sound: word(&letters[at..end]),
            spelling: Some(to_ewts(&slice[range.clone()])),
            range: start + range.start..start + range.end,
        });
        at = end;
    }
}

/// The endings པ བ པོ བོ མོ, with or without an affixed particle. (མ is a word of its own as often: "not".)
fn is_ending(syllable: &&str) -> bool {
    match Parts::parse(syllable).as_slice() {
        [only] => lhasa::is_ending(only) && (only.root != 'མ' || only.vowel.is_some()),
        _ => false,
    }
}

/// Words that THL writes as they are spelled although Lhasa speaks them with a nasal in the middle.
const AS_SPELLED: [[&str; 2]; 3] = [["རྒྱ", "མཚོ"], ["རྒྱ", "མཚན"], ["རྒྱུ", "མཚན"]];

/// One word, given by its syllables in normal form.
fn word(syllables: &[&str]) -> String {
    let spoken = lhasa::respelling(syllables).filter(|_| !AS_SPELLED.iter().any(|word| word == syllables));
    let mut sounds: Vec<String> = Vec::new();
    for (at, written) in syllables.iter().enumerate() {
        let respelled = spoken.as_ref().and_then(|spoken| spoken.get(at)).filter(|_| is_open(written));
        let parts =
            Parts::parse(respelled.map_or(*written, |spelled| spelled.trim_end_matches(lhasa::NASAL)));
        let nasal_before = parts.first().is_some_and(|first| first.prefix == Some('འ'))
            || syllables.get(at.wrapping_sub(1)).is_some() && spoken_nasally(spoken.as_deref(), at);
        if nasal_before && at > 0 && is_open(syllables[at - 1]) {
            nasalise(&mut sounds, &parts);
        }
        for (place, part) in parts.iter().enumerate() {
            let last = at > 0 && at + 1 == syllables.len() && place + 1 == parts.len();
            let onset = if last && is_weak_ending(part) { "w" } else { onset(part) };
            sounds.push(format!("{onset}{}", rime(part)));
        }
    }
    let mut sound = sounds.concat();
    // Only at the end of a word is it written with its accent.
    if sound.ends_with('e') {
        sound.pop();
        sound.push('é');
    }
    sound
}

/// The table marks the syllable before this one as nasal.
fn spoken_nasally(spoken: Option<&[String]>, at: usize) -> bool {
    spoken.and_then(|spoken| spoken.get(at - 1)).is_some_and(|before| before.ends_with(lhasa::NASAL))
}

/// An open syllable before a prefixed འ ends in a nasal: དགེ་འདུན is *gendün*, སྐུ་འབུམ *kumbum*.
fn nasalise(sounds: &mut [String], next: &[Parts]) {
    let labial = next
        .first()
        .is_some_and(|first| matches!(first.root, 'པ' | 'ཕ' | 'བ' | 'མ') && first.subscript.is_none());
    if let Some(before) =
        sounds.last_mut().filter(|before| before.ends_with(['a', 'i', 'u', 'e', 'o', 'ö', 'ü']))
    {
        before.push(if labial { 'm' } else { 'n' });
    }
}

/// Whether nothing is written after the vowel (a final འ is silent).
fn is_open(syllable: &str) -> bool {
    matches!(Parts::parse(syllable).as_slice(), [only] if matches!(only.suffix, None | Some('འ')) && only.affixes.is_empty())
}

/// བ and བོ as the end of a word are *wa* and *wo*.
fn is_weak_ending(part: &Parts) -> bool {
    part.root == 'བ' && lhasa::is_ending(part)
}

fn onset(part: &Parts) -> &'static str {
    if part.prefix == Some('ད') && part.root == 'བ' && part.superscript.is_none() {
        return match (part.subscript, part.vowel) {
            (Some('ཡ'), _) => "y",
            (Some('ར'), _) => "r",
            (_, Some(_)) => "",
            _ => "w",
        };
    }
    match (part.root, part.subscript) {
        ('ཧ', _) if part.superscript == Some('ལ') => "lh",
        ('ཟ', Some('ལ')) => "d",
        (_, Some('ལ')) => "l",
        ('ཀ', Some('ཡ')) => "ky",
        ('ཁ', Some('ཡ')) => "khy",
        ('ག', Some('ཡ')) => "gy",
        ('པ' | 'ཕ', Some('ཡ')) => "ch",
        ('བ', Some('ཡ')) => "j",
        ('མ', Some('ཡ')) => "ny",
        ('ཧ', Some('ཡ')) => "hy",
        ('ཀ' | 'ཁ' | 'ཏ' | 'ཐ' | 'པ' | 'ཕ', Some('ར')) => "tr",
        ('ག' | 'ད' | 'བ', Some('ར')) => "dr",
        ('ཧ', Some('ར')) => "hr",
        ('ཧ', Some('ཕ')) => "f",
        (root, _) => plain_onset(root),
    }
}

fn plain_onset(root: char) -> &'static str {
    match root {
        'ཀ' | 'ཫ' => "k",
        'ཁ' => "kh",
        'ག' => "g",
        'ང' => "ng",
        'ཅ' | 'ཆ' => "ch",
        'ཇ' => "j",
        'ཉ' => "ny",
        'ཏ' | 'ཐ' | 'ཊ' | 'ཋ' => "t",
        'ད' | 'ཌ' => "d",
        'ན' | 'ཎ' => "n",
        'པ' | 'ཕ' => "p",
        'བ' => "b",
        'མ' => "m",
        'ཙ' | 'ཚ' => "ts",
        'ཛ' => "dz",
        'ཝ' => "w",
        'ཞ' => "zh",
        'ཟ' => "z",
        'ཡ' => "y",
        'ར' | 'ཪ' | 'ཬ' => "r",
        'ལ' => "l",
        'ཤ' | 'ཥ' => "sh",
        'ས' => "s",
        'ཧ' => "h",
        _ => "",
    }
}

fn rime(part: &Parts) -> String {
    let plain = match part.vowel {
        Some('ི') => "i",
        Some('ུ') => "u",
        Some('ེ') => "e",
        Some('ོ') => "o",
        _ => "a",
    };
    let (vowel, end) = match part.suffix {
        Some('ག') => (plain, "k"),
        Some('ང') => (plain, "ng"),
        Some('ད' | 'ས') => (fronted(plain), ""),
        Some('ན') => (fronted(plain), "n"),
        Some('བ') => (plain, "p"),
        Some('མ') => (plain, "m"),
        Some('ར') => (plain, "r"),
        Some('ལ') => (fronted(plain), "l"),
        _ if part.nasal => (plain, "m"),
        _ => (plain, ""),
    };
    let mut rime = format!("{vowel}{end}");
    for affix in &part.affixes {
        match affix.as_str() {
            "འི" | "འིས" if end.is_empty() => rime = fronted(plain).to_owned(),
            "འི" | "འིས" => rime.push('i'),
            "འུ" | "འོ" => {
                let own = if affix == "འུ" { 'u' } else { 'o' };
                if !rime.ends_with(own) {
                    rime.push(own);
                }
            }
            "འང" => rime.push_str("ang"),
            "འམ" => rime.push_str("am"),
            _ => {}
        }
    }
    rime
}

/// What ད ན ལ ས and the genitive make of a vowel before them.
fn fronted(vowel: &'static str) -> &'static str {
    match vowel {
        "a" => "e",
        "o" => "ö",
        "u" => "ü",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole text as one word.
    fn one(text: &str) -> String {
        let words = romanise(text, &[0..text.len()]);
        assert_eq!(words.len(), 1, "{text}: {words:?}");
        words[0].sound.clone()
    }

    /// Names in THL's own spelling. Source: Germano & Tournadre (2003), as their examples are given on Wikipedia ("THL
    /// Simplified Phonetic Transcription", and Butsuri's comparison of Tibetan transcriptions).
    #[test]
    fn names_are_written_as_thl_writes_them() {
        for (written, sound) in [
            ("གཞིས་ཀ་རྩེ", "zhikatsé"),
            ("བཀྲ་ཤིས་ལྷུན་པོ", "trashilhünpo"),
            ("འབྲས་སྤུངས", "drepung"),
            ("ཆོས་ཀྱི", "chökyi"),
            ("རྒྱལ་མཚན", "gyeltsen"),
            ("ཐུབ་བསྟན", "tupten"),
            ("རྒྱ་མཚོ", "gyatso"),
            ("བློ་བཟང", "lozang"),
        ] {
            assert_eq!(one(written), sound, "{written}");
        }
    }

    /// One word for each rule of the same paper: clusters, the letters that colour a vowel, endings, nasals between syllables.
    #[test]
    fn every_rule_has_its_word() {
        for (written, sound) in [
            ("ལྷ་ས", "lhasa"),
            ("བོད", "bö"),
            ("དབུས་གཙང", "ütsang"),
            ("དབང", "wang"),
            ("དབྱངས", "yang"),
            ("ཟླ་བ", "dawa"),
            ("དགེ་འདུན", "gendün"),
            ("མཁའ་འགྲོ", "khandro"),
            ("བཀའ་འགྱུར", "kangyur"),
            ("སྐུ་འབུམ", "kumbum"),
            ("དགའ་ལྡན", "ganden"),
            ("རྡོ་རྗེ", "dorjé"),
            ("སྤྱན་རས་གཟིགས", "chenrezik"),
            ("པདྨ", "pema"),
            ("བཅུ་གཅིག", "chukchik"),
            ("དགེ་ལུགས་པ", "gelukpa"),
            ("རྒྱལ་བའི", "gyelwé"),
            ("མྱ་ངན", "nyangen"),
            ("སྲུང", "sung"),
            ("ཁྲིམས", "trim"),
            ("ཧྲིལ", "hril"),
            ("གཡུ", "yu"),
            ("བེའུ", "beu"),
        ] {
            assert_eq!(one(written), sound, "{written}");
        }
    }

    #[test]
    fn a_sentence_keeps_its_places_and_its_spelling() {
        let text = "ཁྱེད་རང་ 身份证 ID 12 གི་དཀའ་བ།";
        let words = romanise(text, &[0.."ཁྱེད་རང".len()]);
        let found: Vec<(&str, &str, Option<&str>)> =
            words.iter().map(|w| (&text[w.range.clone()], w.sound.as_str(), w.spelling.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("ཁྱེད་རང", "khyerang", Some("khyed rang")),
                ("身份证", "shēnfènzhèng", None),
                ("གི", "gi", Some("gi")),
                ("དཀའ་བ", "kawa", Some("dka' ba")),
            ]
        );
    }

    #[test]
    fn whatever_is_written_is_survived() {
        for text in ["", "་་་", "ྐྐྐ", "ཀཀཀཀཀཀ", "ༀ་མ་ཎི་པདྨེ་ཧཱུྃ", "<b>", "\u{f71}\u{f72}", "བསྒྲུབས་པ་ལས་འོངས་པའིའང"]
        {
            for word in romanise(text, &[]) {
                assert!(text.get(word.range.clone()).is_some(), "{text}: {word:?}");
            }
        }
    }
}
