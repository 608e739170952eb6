//! Text as people read its sound: IPA with tone letters, and Hanyu Pinyin.

use crate::mandarin::{self, PinyinSyllable};
use crate::script::{self, Script};
use crate::utterance::{self, Spoken};
use crate::{Language, Phone};

/// A text in the International Phonetic Alphabet with tone letters, Tibetan as in Lhasa and Chinese as in Putonghua, each
/// script in its own language. Syllables are separated by full stops, phrases by spaces; numbers are spoken in the
/// language of the words beside them (`language` where there are none).
pub fn ipa(text: &str, language: Language) -> String {
    let mut out = String::new();
    for slot in utterance::read(text, language) {
        for (i, spoken) in slot.choices.first().into_iter().flatten().enumerate() {
            if !out.is_empty() {
                out.push(if i == 0 && slot.pause_before { ' ' } else { '.' });
            }
            match spoken {
                Spoken::Lhasa(syllable) => out.push_str(&syllable.ipa()),
                Spoken::Mandarin(syllable) => out.push_str(&mandarin_ipa(syllable)),
            }
        }
    }
    out
}

/// Source of the tone letters: Chao, *A Grammar of Spoken Chinese*; the segments are those of `data/phones.tsv`.
fn mandarin_ipa(syllable: &PinyinSyllable) -> String {
    let segments =
        syllable.phones().filter_map(|p: Phone| p.info().ipa.split('~').next()).collect::<String>();
    let tone = match syllable.tone {
        1 => "˥",
        2 => "˧˥",
        3 => "˨˩˦",
        4 => "˥˩",
        _ => "",
    };
    segments + tone
}

/// The Chinese of a text in Hanyu Pinyin with tone marks, syllable by syllable, polyphones by phrase (银行 is *yín háng*),
/// tones as in a dictionary. Everything else is left out.
pub fn pinyin(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for run in script::runs(text).into_iter().filter(|r| r.script == Script::Han) {
        let readings = mandarin::read(&text[run.range]);
        out.extend(readings.iter().filter_map(|r| r.choices.first()).flatten().map(PinyinSyllable::marked));
    }
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_written_for_people() {
        assert_eq!(ipa("བོད་སྐད།", Language::Bo), "pʰøː˩˧˨.kɛː˥˨");
        assert_eq!(ipa("ལྷ་ས། བཀྲ་ཤིས", Language::Bo), "ɬa˥.sa˥ ʈ͡ʂa˥.ɕiː˥˨");
        assert_eq!(ipa("ཁབ", Language::Bo), "kʰəp̚˥˨");
        assert_eq!(ipa("ང身份", Language::Bo), "ŋa˩˨.ʂən˥.fən˥˩");
        assert_eq!(pinyin("ང银行办理绿卡了"), "yín háng bàn lǐ lǜ kǎ le");
        assert_eq!(pinyin("銀行貸款，休学"), "yín háng dài kuǎn xiū xué");
    }
}
