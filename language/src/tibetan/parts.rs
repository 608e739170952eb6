//! A written syllable's parts: prefix, superscript, root, subscripts, vowel, suffixes, affixed particles.

use serde::Serialize;

/// A letter with what is stacked below it and the signs above and below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The topmost letter.
    pub base: char,
    /// Letters below it, as full letters, top to bottom.
    pub subjoined: Vec<char>,
    /// The vowel sign, if any (ི ུ ེ ོ; ཻ and ཽ as ེ and ོ).
    pub vowel: Option<char>,
    /// A long-vowel sign (ཱ).
    pub long: bool,
    /// A nasal sign (ཾ ྂ ྃ).
    pub nasal: bool,
}

/// A written syllable taken apart. Letters are full letters, not subjoined ones.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Parts {
    /// ག ད བ མ འ before the root.
    pub prefix: Option<char>,
    /// ར ལ ས above the root.
    pub superscript: Option<char>,
    /// The root letter.
    pub root: char,
    /// ཡ ར ལ below the root.
    pub subscript: Option<char>,
    /// ཝ below the root (wasur, silent).
    pub wasur: bool,
    /// The vowel sign; none means *a*.
    pub vowel: Option<char>,
    /// A long-vowel sign below the root.
    pub long: bool,
    /// A nasal sign above the root.
    pub nasal: bool,
    /// The first suffix.
    pub suffix: Option<char>,
    /// The second suffix.
    pub second_suffix: Option<char>,
    /// Affixed particles in order, each as written: འི འོ འུ འང འམ འིས.
    pub affixes: Vec<String>,
}

/// Letters that carry a stack.
pub(crate) fn is_base(c: char) -> bool {
    matches!(c, '\u{0f40}'..='\u{0f6c}' | '\u{0f88}'..='\u{0f8c}')
}

/// The full letter of a subjoined one.
pub(super) fn full(c: char) -> Option<char> {
    match c {
        '\u{0fba}' => Some('ཝ'),
        '\u{0fbb}' => Some('ཡ'),
        '\u{0fbc}' => Some('ར'),
        '\u{0f90}'..='\u{0fb9}' => char::from_u32(c as u32 - 0x50),
        _ => None,
    }
}

/// Splits normalised letters into stacks. Signs without a base letter and unknown signs are dropped.
pub(super) fn stacks(text: &str) -> Vec<Stack> {
    let mut out: Vec<Stack> = Vec::new();
    for c in text.chars() {
        if is_base(c) {
            out.push(Stack::bare(c));
            continue;
        }
        let Some(stack) = out.last_mut() else { continue };
        if let Some(letter) = full(c) {
            stack.subjoined.push(letter);
            continue;
        }
        match c {
            'ི' | 'ྀ' => stack.vowel = Some('ི'),
            'ུ' => stack.vowel = Some('ུ'),
            'ེ' | 'ཻ' => stack.vowel = Some('ེ'),
            'ོ' | 'ཽ' => stack.vowel = Some('ོ'),
            'ཱ' => stack.long = true,
            'ཾ' | 'ྂ' | 'ྃ' => stack.nasal = true,
            _ => {}
        }
    }
    out
}

impl Stack {
    fn bare(base: char) -> Self {
        Self { base, subjoined: Vec::new(), vowel: None, long: false, nasal: false }
    }
}

const PREFIXES: &str = "གདབམའ";
const SUFFIXES: &str = "གངདནབམའརལས";

/// Roots that each prefix may stand before, without a superscript or subscript.
///
/// Source: the traditional orthography (*rtags-'jug*), as listed in Botok's onset inventory.
pub(super) fn prefix_allows(prefix: char, root: char) -> bool {
    match prefix {
        'ག' => "ཅཉཏདནཙཞཟཡཤས",
        'ད' => "ཀགངཔབམ",
        'བ' => "ཀགཅཏདཙཞཟཤས",
        'མ' => "ཁགངཆཇཉཐདནཚཛ",
        'འ' => "ཁགཆཇཐདཕབཚཛ",
        _ => "",
    }
    .contains(root)
}

/// Where the affixed particles begin: at the first འ after the first letter that bears a vowel sign or is followed by
/// ང or མ. A root འ never follows a prefix, so that this is unambiguous.
fn affixes_at(stacks: &[Stack]) -> usize {
    (1..stacks.len())
        .find(|&i| {
            let next = stacks.get(i + 1).map(|s| s.base);
            stacks[i].base == 'འ' && (stacks[i].vowel.is_some() || matches!(next, Some('ང' | 'མ')))
        })
        .unwrap_or(stacks.len())
}

fn affixes(stacks: &[Stack]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for stack in stacks {
        if stack.base == 'འ' || out.is_empty() {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut() {
            last.push(stack.base);
            last.extend(stack.vowel);
        }
    }
    out
}

/// The root's place among stacks none of which bears a vowel or a subjoined letter.
///
/// Source: TIBETAN.md of the project's founders, from Botok and the Tibetan grammars: of two letters the first (except
/// དབ), of four the second, of three the second unless the last is ས and the second one of གངབམ; with nine exceptions.
pub(super) fn bare_root(letters: &[char]) -> usize {
    match letters {
        ['ད', 'བ'] | ['ད', 'ག' | 'མ' | 'བ', 'ས'] | ['འ', 'ག' | 'བ', 'ས'] => 1,
        [_, 'ག' | 'ང' | 'བ' | 'མ', 'ས'] => 0,
        [first, second, _] if PREFIXES.contains(*first) && prefix_allows(*first, *second) => 1,
        [first, _, _, _] if PREFIXES.contains(*first) => 1,
        _ => 0,
    }
}

/// The other place of the root of three bare letters the last of which may be a first or a second suffix.
fn other_root(stacks: &[Stack]) -> Option<usize> {
    let [prefix, root, last] = stacks else { return None };
    let bare = stacks.iter().all(|s| *s == Stack::bare(s.base));
    let possible = prefix_allows(prefix.base, root.base) && "གངབམ".contains(root.base) && last.base == 'ས';
    (bare && possible).then(|| 1 - bare_root(&[prefix.base, root.base, last.base]))
}

impl Parts {
    /// Takes a normalised syllable apart. Text that is no single well-formed syllable (Sanskrit stacks, two syllables
    /// written together) becomes several; the result is empty only where there is no Tibetan letter.
    pub fn parse(syllable: &str) -> Vec<Self> {
        let stacks = split_loan_stacks(stacks(syllable));
        let mut out = Vec::new();
        let mut rest = stacks.as_slice();
        while !rest.is_empty() {
            let (parts, used) = Self::first(rest, None);
            out.push(parts);
            rest = &rest[used..];
        }
        out
    }

    /// Every way to take a normalised syllable apart, that of [`Parts::parse`] first. Two things are ambiguous in writing:
    /// the root of the nine syllables that may begin with a prefix or with the root (མངས མགས དབས དངས དགས དམས བགས འབས འགས),
    /// and a last ར or ས, which may be a suffix or an affixed particle (ངས is "I" as the one who acts, or a way of ང).
    ///
    /// Source: Botok's list of ambiguous syllables (Apache-2.0, `OpenPecha`), which the rule here reproduces.
    pub fn analyses(syllable: &str) -> Vec<Vec<Self>> {
        let mut out = vec![Self::parse(syllable)];
        let stacks = split_loan_stacks(stacks(syllable));
        if let Some(other) = other_root(&stacks) {
            let (parts, used) = Self::first(&stacks, Some(other));
            if used == stacks.len() {
                out.push(vec![parts]);
            }
        }
        for analysis in out.clone() {
            if let [only] = analysis.as_slice()
                && let (Some(particle @ ('ར' | 'ས')), None, []) =
                    (only.suffix, only.second_suffix, only.affixes.as_slice())
            {
                let affixed = Self { suffix: None, affixes: vec![particle.to_string()], ..only.clone() };
                out.push(vec![affixed]);
            }
        }
        out
    }

    /// The first syllable among stacks, and how many stacks it takes (at least one). The root is where the orthography
    /// puts it unless its place is given.
    fn first(stacks: &[Stack], root: Option<usize>) -> (Self, usize) {
        let affixes_from = affixes_at(stacks);
        let core = &stacks[..affixes_from];
        let main = core.iter().position(|s| s.vowel.is_some() || !s.subjoined.is_empty() || s.long);
        let root = match (root, main) {
            (Some(given), _) => given,
            (None, Some(at @ 0..=1)) => at,
            (None, Some(_)) => 0,
            (None, None) => {
                let mut letters: Vec<char> = core.iter().map(|s| s.base).collect();
                // Before an affix a final འ is not written: དགའི is དགའ + འི.
                if affixes_from < stacks.len() && letters.len() == 2 && prefix_allows(letters[0], letters[1])
                {
                    letters.push('འ');
                }
                bare_root(&letters)
            }
        };
        let root = if root == 1 && !PREFIXES.contains(core[0].base) { 0 } else { root };
        let mut parts = Self::of_root(&core[root]);
        parts.prefix = (root == 1).then(|| core[0].base);
        let mut used = root + 1;
        let plain = |at: usize| {
            core.get(at)
                .filter(|s| s.vowel.is_none() && s.subjoined.is_empty() && SUFFIXES.contains(s.base))
                .map(|s| s.base)
        };
        // A letter before one with a vowel begins the next syllable of two that are written together.
        let starts_next =
            |at: usize| core.get(at).is_some_and(|s| s.vowel.is_some() || !s.subjoined.is_empty());
        if let Some(suffix) = plain(used)
            && (core.len() - used <= 2
                || !starts_next(used + 1)
                || !prefix_allows(suffix, core[used + 1].base))
        {
            parts.suffix = Some(suffix);
            used += 1;
            if let Some(second @ ('ས' | 'ད')) = plain(used)
                && !starts_next(used + 1)
            {
                parts.second_suffix = Some(second);
                used += 1;
            }
        }
        if used == core.len() && affixes_from < stacks.len() {
            parts.affixes = affixes(&stacks[affixes_from..]);
            used = stacks.len();
        }
        (parts, used)
    }

    fn of_root(stack: &Stack) -> Self {
        let mut parts = Self {
            root: stack.base,
            vowel: stack.vowel,
            long: stack.long,
            nasal: stack.nasal,
            ..Self::default()
        };
        let mut below = stack.subjoined.as_slice();
        if let ('ར' | 'ལ' | 'ས', [first, ..]) = (stack.base, below)
            && !matches!(first, 'ཡ' | 'ར' | 'ལ' | 'ཝ')
        {
            parts.superscript = Some(stack.base);
            parts.root = *first;
            below = &below[1..];
        }
        for letter in below {
            match letter {
                'ཡ' | 'ར' | 'ལ' => parts.subscript = Some(*letter),
                'ཝ' => parts.wasur = true,
                // ཧ under a letter is a Sanskrit aspirate (གྷ), spoken like the plain letter; ཕ under ཧ is f.
                'ཕ' if parts.root == 'ཧ' => parts.subscript = Some('ཕ'),
                _ => {}
            }
        }
        parts
    }
}

/// Splits stacks of loan words as they are spoken: པདྨ as པད་མ, ཀརྨ as ཀར་མ, སེངྒེ as སེང་གེ. A superscribed letter is
/// Tibetan's own at the beginning of a syllable and after the prefix བ; elsewhere the upper letter closes the syllable.
fn split_loan_stacks(stacks: Vec<Stack>) -> Vec<Stack> {
    let mut out: Vec<Stack> = Vec::with_capacity(stacks.len());
    for (i, mut stack) in stacks.into_iter().enumerate() {
        // Before a head letter stands བ; before a stack of three any prefix, since no loan word has such a stack.
        let prefix = if stack.subjoined.len() > 1 { PREFIXES } else { "བ" };
        let after_prefix = i == 1
            && matches!(stack.base, 'ར' | 'ལ' | 'ས')
            && prefix.contains(out[0].base)
            && out[0] == Stack::bare(out[0].base);
        let lower = stack.subjoined.first().copied();
        match lower {
            Some(lower) if i > 0 && !after_prefix && !matches!(lower, 'ཡ' | 'ར' | 'ལ' | 'ཝ' | 'ཧ') =>
            {
                out.push(Stack::bare(stack.base));
                stack.base = lower;
                stack.subjoined.remove(0);
                out.push(stack);
            }
            _ => out.push(stack),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(syllable: &str) -> Vec<(char, Option<char>, String)> {
        Parts::analyses(syllable)
            .iter()
            .map(|all| (all[0].root, all[0].suffix, all[0].affixes.concat()))
            .collect()
    }

    #[test]
    fn ambiguous_syllables_come_with_every_analysis() {
        let plain = String::new;
        assert_eq!(
            roots("མངས"),
            [('མ', Some('ང'), plain()), ('ང', Some('ས'), plain()), ('ང', None, "ས".to_owned())]
        );
        assert_eq!(
            roots("དགས"),
            [('ག', Some('ས'), plain()), ('ད', Some('ག'), plain()), ('ག', None, "ས".to_owned())]
        );
        assert_eq!(roots("ངས"), [('ང', Some('ས'), plain()), ('ང', None, "ས".to_owned())]);
        assert_eq!(roots("ངར"), [('ང', Some('ར'), plain()), ('ང', None, "ར".to_owned())]);
        assert_eq!(roots("གངས").len(), 1);
        assert_eq!(roots("བོད").len(), 1);
    }

    #[test]
    fn exactly_nine_syllables_have_an_ambiguous_root() {
        let letters: Vec<char> =
            ('ཀ'..='ཨ').filter(|c| PREFIXES.contains(*c) || SUFFIXES.contains(*c) || *c < 'ཊ').collect();
        let mut found: Vec<String> = Vec::new();
        for a in &letters {
            for b in &letters {
                let syllable = format!("{a}{b}ས");
                let roots: std::collections::BTreeSet<char> =
                    Parts::analyses(&syllable).iter().map(|all| all[0].root).collect();
                if roots.len() > 1 {
                    found.push(syllable);
                }
            }
        }
        found.sort();
        let mut nine = ["མངས", "མགས", "དབས", "དངས", "དགས", "དམས", "བགས", "འབས", "འགས"].map(str::to_owned);
        nine.sort();
        assert_eq!(found, nine);
    }
}
