//! The places that an answer can depend on: the Tibet Autonomous Region, its seven prefectures, and their counties.
//!
//! Source of codes and Chinese names: GB/T 2260, "Codes for the administrative divisions of the People's Republic of
//! China", as amended up to 2023 (Mainling and Tsona became cities). The Tibetan names await a native reviewer.

use std::collections::HashMap;
use std::sync::OnceLock;

use language::Language;

const TABLE: &str = include_str!("../data/regions.tsv");

/// How large a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The whole autonomous region.
    Province,
    /// A prefecture or a city of that rank.
    Prefecture,
    /// A county, a city of that rank, or an urban district.
    County,
}

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its GB/T 2260 code: six digits.
    pub code: &'static str,
    /// How large it is.
    pub level: Level,
    /// The Chinese name, then further forms that people use. A bare name that is an everyday word or part of one
    /// (比如, 定日 in 规定日期) is left out on purpose.
    pub zh: Vec<&'static str>,
    /// The Tibetan name without a final shad, then further forms; bare everyday words (མེ་ཏོག, ཉི་མ) are left out.
    pub bo: Vec<&'static str>,
    /// The code it had before it became a city, where knowledge files may still have it.
    pub former: Option<&'static str>,
}

impl Region {
    /// The official name.
    pub fn name(&self, language: Language) -> &'static str {
        self.forms(language).first().copied().unwrap_or_default()
    }

    /// All forms of the name, the official one first.
    pub fn forms(&self, language: Language) -> &[&'static str] {
        match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        }
    }

    /// The next larger place that it lies in; `None` for the province.
    pub fn parent(&self) -> Option<&'static Region> {
        match self.level {
            Level::Province => None,
            Level::Prefecture => region(&format!("{}0000", &self.code[..2])),
            Level::County => region(&format!("{}00", &self.code[..4])),
        }
    }

    /// Itself, then every larger place that it lies in: county, prefecture, province.
    pub fn and_around(&self) -> impl Iterator<Item = &'static Region> + use<> {
        std::iter::successors(region(self.code), |region| region.parent())
    }
}

struct Table {
    regions: Vec<Region>,
    by_code: HashMap<&'static str, usize>,
}

fn table() -> &'static Table {
    static PARSED: OnceLock<Table> = OnceLock::new();
    PARSED.get_or_init(|| {
        let regions: Vec<Region> = TABLE.lines().skip(1).filter_map(row).collect();
        let codes = regions.iter().enumerate();
        let by_code =
            codes.flat_map(|(n, r)| r.former.into_iter().chain([r.code]).map(move |c| (c, n))).collect();
        Table { regions, by_code }
    })
}

/// `None` for a malformed row; a test holds the shipped table to having none.
fn row(line: &'static str) -> Option<Region> {
    let mut cells = line.split('\t');
    let code = cells.next().filter(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()))?;
    let level = match cells.next()? {
        "province" => Level::Province,
        "prefecture" => Level::Prefecture,
        "county" => Level::County,
        _ => return None,
    };
    let mut forms = || Some(cells.next()?.split('|').filter(|form| !form.is_empty()).collect::<Vec<_>>());
    let (zh, bo) = (forms()?, forms()?);
    Some(Region { code, level, zh, bo, former: cells.next().filter(|code| !code.is_empty()) })
}

/// All places, in the order of their codes: a county follows its prefecture.
pub fn regions() -> &'static [Region] {
    &table().regions
}

/// The place of that code, today's or a former one.
pub fn region(code: &str) -> Option<&'static Region> {
    let table = table();
    table.regions.get(*table.by_code.get(code)?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_of_the_table_is_read_and_every_place_has_a_name_in_both_languages() {
        assert_eq!(regions().len(), TABLE.lines().count() - 1);
        assert!(regions().iter().all(|r| !r.zh.is_empty() && !r.bo.is_empty()));
        let codes: HashSet<_> = regions().iter().map(|r| r.code).collect();
        assert_eq!(codes.len(), regions().len());
    }

    #[test]
    fn there_are_seven_prefectures_with_seventy_four_counties_and_all_lie_in_one_province() {
        let count = |level| regions().iter().filter(|r| r.level == level).count();
        assert_eq!((count(Level::Province), count(Level::Prefecture), count(Level::County)), (1, 7, 74));
        assert!(regions().iter().all(|r| r.and_around().last().is_some_and(|p| p.code == "540000")));
        assert!(regions().iter().filter(|r| r.level == Level::County).all(|r| r.and_around().count() == 3));
    }

    #[test]
    fn no_two_places_share_a_name() {
        for language in Language::ALL {
            let forms: Vec<_> = regions().iter().flat_map(|r| r.forms(language)).collect();
            assert_eq!(forms.iter().collect::<HashSet<_>>().len(), forms.len(), "{language}");
        }
    }

    #[test]
    fn a_county_that_became_a_city_is_found_by_its_old_code_as_well() {
        assert_eq!(region("540530").map(|r| r.code), Some("540581"));
        assert_eq!(region("540530").map(|r| r.name(Language::Bo)), Some("མཚོ་སྣ་གྲོང་ཁྱེར"));
        assert!(region("110000").is_none() && region("").is_none());
    }
}
