//! Search forms of Tibetan syllables: never shown.

use std::borrow::Cow;

use super::normal::normalize;
use super::parts::{full, is_base, prefix_allows, stacks};

/// Strips affixed particles (འི འོ འམ འང འིས and chains of them) from a syllable in normal form, and restores the final
/// འ that they hide: དགའི is དགའ, པའི is པ, གའི is ག. ར and ས are stripped only after འུ, where they cannot be suffixes; the
/// diminutive འུ itself stays. A final འ after a vowel sign or a single letter is dropped (བཞིའ is བཞི).
///
/// Source: the rules of lucene-bo's affix handling (Apache-2.0), without those for Old Tibetan.
pub fn strip_affixes(syllable: &str) -> String {
    stripped(syllable).into_owned()
}

/// See [`strip_affixes`].
pub(crate) fn stripped(syllable: &str) -> Cow<'_, str> {
    // Every affix that is stripped hangs on this letter.
    if !syllable.contains('འ') {
        return Cow::Borrowed(syllable);
    }
    let stacks = stacks(syllable);
    let cut = (1..stacks.len()).find(|&i| {
        let s = &stacks[i];
        let next = stacks.get(i + 1).map(|s| s.base);
        s.base == 'འ'
            && s.subjoined.is_empty()
            && (matches!(s.vowel, Some('ི' | 'ོ')) || (s.vowel.is_none() && matches!(next, Some('ང' | 'མ'))))
    });
    if let Some(cut) = cut {
        let kept = before_letter(syllable, cut);
        let bare = |i: usize| stacks[i].vowel.is_none() && stacks[i].subjoined.is_empty();
        if cut == 2 && bare(0) && bare(1) && prefix_allows(stacks[0].base, stacks[1].base) {
            return Cow::Owned(format!("{kept}འ"));
        }
        return Cow::Borrowed(kept);
    }
    let last = stacks.len().saturating_sub(1);
    let diminutive = |i: usize| stacks[i].base == 'འ' && stacks[i].vowel == Some('ུ');
    match stacks.get(last).map(|s| (s.base, s.vowel, s.subjoined.is_empty())) {
        Some(('ར' | 'ས', None, true)) if last > 1 && diminutive(last - 1) => {
            Cow::Borrowed(before_letter(syllable, last))
        }
        Some(('འ', None, true))
            if last == 1
                || (last > 1
                    && stacks[..last].iter().any(|s| s.vowel.is_some() || !s.subjoined.is_empty())) =>
        {
            Cow::Borrowed(before_letter(syllable, last))
        }
        _ => Cow::Borrowed(syllable),
    }
}

/// What comes before the `n`th base letter.
fn before_letter(syllable: &str, n: usize) -> &str {
    let end =
        syllable.char_indices().filter(|(_, c)| is_base(*c)).nth(n).map_or(syllable.len(), |(at, _)| at);
    &syllable[..end]
}

/// The search keys of a syllable: spelling variants folded, affixes stripped, loan words split as they are also written.
/// Mostly one.
///
/// Source: TIBETAN.md of the project's founders, after lucene-bo's character filter and its `PaBaFilter`.
pub fn search_keys(syllable: &str) -> Vec<String> {
    let normal = if is_plain(syllable) { Cow::Borrowed(syllable) } else { Cow::Owned(folded(syllable)) };
    match &*stripped(&normal) {
        "" => Vec::new(),
        "བ" => vec!["པ".to_owned()],
        "བོ" => vec!["པོ".to_owned()],
        stripped => split_loans(stripped),
    }
}

/// A syllable with letters that are spelled in two ways folded to one.
fn folded(syllable: &str) -> String {
    normalize(syllable).chars().filter_map(fold).collect()
}

/// Whether folding changes nothing, seen at a glance: letters with at most one sign each, none of which is spelled in two ways.
fn is_plain(syllable: &str) -> bool {
    let mut sign = true;
    syllable.chars().all(|c| match c {
        'ཀ'..='ག' | 'ང'..='ཇ' | 'ཉ' | 'ཏ'..='ད' | 'ན'..='བ' | 'མ'..='ཛ' | 'ཝ'..='ཤ' | 'ས'..='ཨ' =>
        {
            sign = false;
            true
        }
        '\u{0f90}'..='\u{0f92}'
        | '\u{0f94}'..='\u{0f97}'
        | '\u{0f99}'
        | '\u{0f9f}'..='\u{0fa1}'
        | '\u{0fa3}'..='\u{0fa6}'
        | '\u{0fa8}'..='\u{0fab}'
        | '\u{0fad}'..='\u{0fb4}'
        | '\u{0fb6}'..='\u{0fb8}' => !sign,
        'ི' | 'ུ' | 'ེ' | 'ོ' => !std::mem::replace(&mut sign, true),
        _ => false,
    })
}

fn fold(c: char) -> Option<char> {
    match c {
        'ཊ' => Some('ཏ'),
        'ཋ' => Some('ཐ'),
        'ཌ' => Some('ད'),
        'ཎ' => Some('ན'),
        'ཥ' => Some('ཤ'),
        '\u{0f9a}' => Some('\u{0f9f}'),
        '\u{0f9b}' => Some('\u{0fa0}'),
        '\u{0f9c}' => Some('\u{0fa1}'),
        '\u{0f9e}' => Some('\u{0fa3}'),
        '\u{0fb5}' => Some('\u{0fb4}'),
        '\u{0fba}' => Some('\u{0fad}'),
        '\u{0fbb}' => Some('\u{0fb1}'),
        '\u{0fbc}' => Some('\u{0fb2}'),
        'ྀ' => Some('ི'),
        'ྂ' | 'ྃ' => Some('ཾ'),
        'ཱ' | 'ཿ' | '\u{0f84}' | '\u{0f86}' | '\u{0f87}' | '\u{0f18}' | '\u{0f19}' | '\u{0f3e}'
        | '\u{0f3f}' => None,
        other => Some(other),
    }
}

/// Splits at stacks that only loan words have: པདྨ is པད and མ, ཀརྨ ཀར and མ, སེངྒེ སེང and གེ.
fn split_loans(syllable: &str) -> Vec<String> {
    let mut out = Vec::with_capacity(1);
    let mut part = String::with_capacity(syllable.len());
    let mut letters = 0;
    let mut first = '\0';
    let mut before = None;
    for c in syllable.chars() {
        let above = before.replace(c).filter(|p| is_base(*p));
        let own = letters <= 1 || (letters == 2 && first == 'བ' && matches!(above, Some('ར' | 'ལ' | 'ས')));
        if let (Some(letter), Some(_)) = (full(c), above)
            && !own
            && !matches!(letter, 'ཡ' | 'ར' | 'ལ' | 'ཝ' | 'ཧ')
        {
            out.push(std::mem::replace(&mut part, letter.to_string()));
            (letters, first) = (1, letter);
            continue;
        }
        if is_base(c) {
            letters += 1;
            if letters == 1 {
                first = c;
            }
        }
        part.push(c);
    }
    out.push(part);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_for_plain_at_a_glance_is_plain() {
        let block: Vec<char> = ('\u{0f00}'..='\u{0fff}').collect();
        for a in &block {
            for b in &block {
                for c in ['\u{0f71}', '\u{0f74}', '\u{0f72}', '\u{0fb2}', 'ས'] {
                    let text: String = ['ཀ', *a, *b, c].iter().collect();
                    if is_plain(&text) {
                        assert_eq!(folded(&text), text, "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn spelling_variants_share_a_key() {
        for (written, keys) in [
            ("པདྨའི", vec!["པད", "མ"]),
            ("ཀརྨ", vec!["ཀར", "མ"]),
            ("སེངྒེ", vec!["སེང", "གེ"]),
            ("བོ", vec!["པོ"]),
            ("བརྒྱད", vec!["བརྒྱད"]),
            ("བསྟན", vec!["བསྟན"]),
            ("ཊཱ", vec!["ཏ"]),
        ] {
            assert_eq!(search_keys(written), keys, "{written}");
        }
    }
}
