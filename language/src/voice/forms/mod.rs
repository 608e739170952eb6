//! From what is written to what is said: figures, signs, addresses and Latin words become words.

mod addresses;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

use super::fall_back::FallBackKind;
use super::figures::{self, Amount, Figure};
use super::line::{Form, Line};
use super::shadow::Shadow;
use super::{in_chinese, in_tibetan, signs};
use crate::Language;
use crate::numbers::{chinese, tibetan};
use crate::script::Script;

/// Turns a text into the line that is spoken; `language` is that of figures and signs without a word near them.
pub(super) fn spoken_line(text: &str, language: Language) -> Line {
    let shadow = Shadow::of(text);
    let mut reader =
        Reader { original: text, shadow: &shadow, language, line: Line::default(), at: 0, searched: 0 };
    while reader.at < shadow.text.len() {
        let before = reader.at;
        let read = reader.markup()
            || reader.address()
            || reader.figure()
            || reader.script()
            || reader.latin()
            || reader.sign();
        if !read || reader.at == before {
            reader.other();
        }
    }
    reader.line
}

struct Reader<'a> {
    original: &'a str,
    shadow: &'a Shadow,
    language: Language,
    line: Line,
    /// How far it has read, in the shadow.
    at: usize,
    /// Up to where there is surely no address.
    searched: usize,
}

/// Compiles one of this file's patterns.
fn pattern(text: &str) -> Regex {
    // Constant patterns: one that does not compile would fail every test of this file.
    #[allow(clippy::expect_used)]
    Regex::new(text).expect("a pattern of forms.rs compiles")
}

/// A Latin word of so many letters at most is spelled, or twice as many capitals: nobody follows more.
const LONGEST_SPELLED: usize = 6;
/// How many characters around a number its language is looked for.
const NEIGHBOURHOOD: usize = 40;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.shadow.text[self.at..]
    }

    fn before(&self) -> &'a str {
        &self.shadow.text[..self.at]
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn previous(&self) -> Option<char> {
        self.before().chars().next_back()
    }

    /// Moves on by `length` bytes of the shadow; the bytes of the text that they stand for.
    fn take(&mut self, length: usize) -> Range<usize> {
        let range = self.at..self.at + length;
        self.at = range.end;
        self.shadow.original(&range)
    }

    fn skip(&mut self, length: usize, kind: FallBackKind) {
        let range = self.take(length);
        self.line.fall_back(kind, range);
    }

    fn say(&mut self, length: usize, rule: &'static str, said: &str, language: Language) {
        let range = self.take(length);
        self.line.say(Form { range, rule, said: said.to_owned(), language, by_digit: false, head: 0 });
    }

    /// The language around a stretch of the shadow: of the nearest word that directly follows or precedes it, otherwise of
    /// one a little before or behind.
    fn language_around(&self, range: &Range<usize>) -> Option<Language> {
        let (before, after) = (&self.shadow.text[..range.start], &self.shadow.text[range.end..]);
        let touching = |c: &char| c.is_whitespace() || *c == '་' || language_of(*c).is_some();
        let solid = |c: &char| !c.is_whitespace() && *c != '་';
        let near = || before.chars().rev().take(NEIGHBOURHOOD);
        let touches =
            |mut found: Box<dyn Iterator<Item = char> + '_>| found.find(solid).and_then(language_of);
        touches(Box::new(after.chars().take(NEIGHBOURHOOD).take_while(touching)))
            .or_else(|| touches(Box::new(near().take_while(touching))))
            .or_else(|| near().take_while(|c| *c != '\n').find_map(language_of))
            .or_else(|| after.chars().take(NEIGHBOURHOOD).find_map(language_of))
    }

    fn figure(&mut self) -> bool {
        let rest = self.rest();
        let currency = signs::CURRENCIES.iter().find(|(sign, ..)| {
            let letters = sign.starts_with(|c: char| c.is_ascii_alphabetic());
            let inside = letters && self.previous().is_some_and(|c| c.is_ascii_alphabetic());
            !inside
                && rest
                    .strip_prefix(sign)
                    .is_some_and(|r| r.trim_start_matches([' ', '-']).starts_with(is_digit))
        });
        let sign = currency.map_or(0, |(sign, ..)| sign.len());
        let start = sign + usize::from(sign > 0 && rest[sign..].starts_with(' '));
        let number = &rest[start..];
        if !(number.starts_with(is_digit) || self.may_begin(number)) {
            return false;
        }
        let Some((figure, length)) = figures::figure(number) else { return false };
        self.say_figure(&figure, start + length, currency.map(|(_, zh, bo)| (*zh, *bo)));
        true
    }

    /// Whether a sign or bracket before a digit belongs to the number.
    fn may_begin(&self, number: &str) -> bool {
        let mut characters = number.chars();
        let sign = characters.next();
        match (sign, characters.next()) {
            (Some('+'), Some('8')) => number.starts_with("+86"),
            (Some('(' | '（'), Some('0')) => {
                matches!(figures::figure(number), Some((Figure::Telephone(..), _)))
            }
            (Some('-'), Some(c)) if c.is_ascii_digit() => {
                !self.previous().is_some_and(|p| p.is_ascii_alphanumeric() || p == '-' || p == ')')
                    && !self.dash_means_to()
            }
            _ => false,
        }
    }

    fn say_figure(&mut self, figure: &Figure, length: usize, currency: Option<(&str, &str)>) {
        static MAGNITUDE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^ ?(万亿|亿|万|千|百)?元?"));
        let mut end = self.at + length;
        let own = self.original[self.shadow.original_at(end - 1)..]
            .starts_with(|c| ('\u{0f20}'..='\u{0f29}').contains(&c));
        let plain = matches!(figure, Figure::Amount(_) | Figure::Range(..));
        let sign = signs::unit_sign(&self.shadow.text[end..]).filter(|_| plain && currency.is_none());
        let language = self
            .language_around(&(self.at..end + sign.map_or(0, |(_, length)| length)))
            .or(own.then_some(Language::Bo))
            .unwrap_or(self.language);
        let (said, by_digit, by_default, head) = match language {
            Language::Zh => {
                let mut magnitude = String::new();
                let [prefix, mut unit] = sign.map_or(["", ""], |(s, _)| s.chinese);
                end += sign.map_or(0, |(_, length)| length);
                if let Some((name, _)) = currency {
                    if let Some(found) = MAGNITUDE.captures(&self.shadow.text[end..]) {
                        magnitude = found.get(1).map_or("", |m| m.as_str()).to_owned() + name;
                        end += found.get(0).map_or(0, |m| m.end());
                    }
                    unit = &magnitude;
                }
                let beside = in_chinese::Beside {
                    before: self.before(),
                    after: &self.shadow.text[end..],
                    prefix,
                    unit,
                };
                let words = in_chinese::say(figure, beside);
                (words.said, words.by_digit, words.by_default, 0)
            }
            Language::Bo => {
                let of_sign = sign.and_then(|(s, length)| Some((s.tibetan?, length)));
                let [prefix, unit] = of_sign.map_or(["", ""], |(words, _)| words);
                end += of_sign.map_or(0, |(_, length)| length);
                let prefix = currency.map_or(prefix, |(_, bo)| bo);
                let degrees =
                    prefix.starts_with("དྲོད") || self.before().trim_end_matches('་').ends_with("དྲོད་ཚད");
                let counted = in_tibetan::ends_in_unit(self.before());
                let beside = in_tibetan::Beside { prefix, unit, counted, degrees };
                let (said, by_digit) = in_tibetan::say(figure, beside);
                match first_ordinal(figure, &self.shadow.text[end..]) {
                    Some(more) => {
                        end += more;
                        ("དང་པོ".to_owned(), false, false, 0)
                    }
                    None => (said, by_digit, false, prefix.len()),
                }
            }
        };
        let range = self.take(end - self.at);
        if by_default {
            self.line.fall_back(FallBackKind::NumberByDefault, range.clone());
        }
        // Two numbers with nothing but space between them would be heard as one.
        if self.line.ends_in_form_and_space() {
            self.line.text.push('，');
        }
        self.line.say(Form { range, rule: figure.rule(), said, language, by_digit, head });
    }

    /// Chinese and Tibetan are said as they are written.
    fn script(&mut self) -> bool {
        let Some(script @ (Script::Han | Script::Tibetan)) = self.next().map(Script::of) else {
            return false;
        };
        let rest = self.rest();
        let mut end = rest.find(|c| Script::of(c) != script).unwrap_or(rest.len());
        // A stretch whose bytes follow each other in the text, so that every character of it can be found there.
        let first = self.shadow.original_at(self.at);
        let ends = rest[..end].char_indices().map(|(i, c)| i + c.len_utf8());
        if let Some(gap) = ends.into_iter().find(|i| self.shadow.original_at(self.at + i) != first + i) {
            end = gap;
        }
        let written = &rest[..end];
        let range = self.take(end);
        self.line.copy(written, range);
        true
    }

    fn latin(&mut self) -> bool {
        let rest = self.rest();
        let length = rest.find(|c| Script::of(c) != Script::Latin).unwrap_or(rest.len());
        if length == 0 {
            return false;
        }
        let word = &rest[..length];
        let language = self.language_around(&(self.at..self.at + length)).unwrap_or(self.language);
        let joined = self.previous().is_some_and(|c| c.is_ascii_digit());
        if let Some(said) = signs::abbreviation(word, language).filter(|_| !joined) {
            let point = usize::from(word.eq_ignore_ascii_case("no") && rest[length..].starts_with('.'));
            self.say(length + point, "abbreviation", said, language);
            return true;
        }
        if let Some(value) = signs::roman(word) {
            self.say(length, "Roman numeral", &words(value, language), language);
            return true;
        }
        let letters: String = word.nfd().filter(char::is_ascii_alphabetic).collect();
        let capitals = letters.chars().all(|c| c.is_ascii_uppercase());
        if letters.is_empty() || letters.len() > LONGEST_SPELLED * if capitals { 2 } else { 1 } {
            self.skip(length, FallBackKind::LatinSkipped);
            return true;
        }
        let range = self.take(length);
        self.line.fall_back(FallBackKind::LatinSpelled, range.clone());
        // Letters have the same names in both languages, and the Chinese voice says them.
        self.line.say(Form {
            range,
            rule: "letters",
            said: letters,
            language: Language::Zh,
            by_digit: true,
            head: 0,
        });
        true
    }

    fn sign(&mut self) -> bool {
        let Some(c) = self.next() else { return false };
        let length = c.len_utf8();
        let language = || self.language_around(&(self.at..self.at + length)).unwrap_or(self.language);
        if let Some(value) = signs::numeral(c) {
            let language = language();
            // Before an item of a list one pauses; Ⅱ级 is one word.
            let pause = if ('Ⅰ'..='ⅿ').contains(&c) { "" } else { "，" };
            self.line.text.push_str(pause);
            self.say(length, "numeral", &format!("{}{pause}", words(value, language)), language);
            return true;
        }
        if c == '§' && language() == Language::Zh {
            let digits = self.rest()[length..].chars().take_while(char::is_ascii_digit).count();
            if let Ok(value) = self.rest()[length..length + digits].parse() {
                self.say(
                    length + digits,
                    "section",
                    &format!("第{}节", words(value, Language::Zh)),
                    Language::Zh,
                );
                return true;
            }
        }
        let after = self.rest()[length..].trim_start();
        let counts = self.before().trim_end().ends_with(is_digit);
        let compares = !matches!(c, '+' | '*' | '=' | '×') && after.starts_with(is_digit);
        let said = match c {
            '-' | '~' if self.dash_means_to() => {
                Some(if language() == Language::Zh { "到" } else { "ནས" })
            }
            '/' if self.previous().is_some_and(|p| "元角分个次人户亩米斤克度升吨件张".contains(p)) => {
                after.starts_with(|c| Script::of(c) == Script::Han).then_some("每")
            }
            '#' if after.starts_with('键') => Some("井号"),
            '*' if after.starts_with('键') => Some("星号"),
            '#' if counts && after.starts_with(|c| Script::of(c) == Script::Han) => Some("号"),
            '+' if counts => signs::operator(c, language()),
            _ if (counts && after.starts_with(is_digit)) || compares => signs::operator(c, language()),
            _ => None,
        };
        let said = said.or_else(|| signs::name(c, language()));
        let Some(said) = said else { return false };
        let language =
            if said.starts_with(|c| Script::of(c) == Script::Han) { Language::Zh } else { Language::Bo };
        self.say(length, "sign", said, language);
        true
    }

    /// Whether the dash here stands between two dates, times, floors or weekdays: 5月1日-7日, 周一-周五.
    fn dash_means_to(&self) -> bool {
        const UNITS: &str = "日号月年时点分楼层元岁级天个人米度周%℃秒里斤吨亩条";
        let mut behind = self.before().trim_end().chars().rev();
        let (unit, number) = (behind.next(), behind.next());
        let after = self.rest().trim_start_matches(['-', '~', ' ']);
        let measured = unit.is_some_and(|u| UNITS.contains(u))
            && number.is_some_and(|n| n.is_ascii_digit() || "一二三四五六七八九十".contains(n));
        let weekday = number.is_some_and(|n| "周期拜".contains(n))
            && unit.is_some_and(|u| "一二三四五六日天".contains(u));
        let begins = |marks: &[&str]| marks.iter().any(|m| after.starts_with(m));
        (measured && (after.starts_with(is_digit) || begins(&["次日", "次年", "当日"])))
            || (weekday && begins(&["周", "星期", "礼拜"]))
    }

    /// Pauses, silent marks, and what has no spoken form.
    fn other(&mut self) {
        let Some(c) = self.next() else { return };
        let length = c.len_utf8();
        let dashes = self.rest().starts_with("--")
            || (c == '-' && self.previous().is_some_and(|p| language_of(p).is_some()));
        if signs::is_pause(c) || dashes {
            let range = self.take(length);
            self.line.copy(
                if c == '-' {
                    "，"
                } else {
                    self.shadow.text.get(self.at - length..self.at).unwrap_or("，")
                },
                range,
            );
        } else if signs::is_silent(c) || matches!(c, '-' | '~' | '/') {
            let range = self.take(length);
            self.line.copy(" ", range);
        } else if c.is_alphanumeric() {
            self.skip(length, FallBackKind::UnknownCharacter);
        } else {
            self.skip(length, FallBackKind::SignSkipped);
        }
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn language_of(c: char) -> Option<Language> {
    match Script::of(c) {
        Script::Han => Some(Language::Zh),
        Script::Tibetan if c != '་' => Some(Language::Bo),
        _ => None,
    }
}

fn words(value: u64, language: Language) -> String {
    match language {
        Language::Zh => chinese::words(value),
        Language::Bo => tibetan::words(value),
    }
}

/// "First" is དང་པོ: how many bytes of པ or པོ after the figure 1 belong to it.
fn first_ordinal(figure: &Figure, after: &str) -> Option<usize> {
    let one = Figure::Amount(Amount { integer: "1".to_owned(), ..Amount::default() });
    let rest = after.strip_prefix('པ').filter(|_| *figure == one)?;
    let rest = rest.strip_prefix('ོ').unwrap_or(rest);
    let ends = !rest.starts_with(|c| language_of(c).is_some()) || rest.starts_with('འ');
    ends.then(|| after.len() - rest.len())
}
