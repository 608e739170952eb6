//! Tibetan news titles by their first six syllables, as they are and with homophones in them.

use std::collections::HashMap;

use anyhow::Result;
use intents::Settings;
use intents::evaluate::{Report, Row, Subject, publish_plain};
use language::Language;

use super::noise;
use crate::bench::Report as Figures;
use crate::material;

/// Syllables of a title that are asked.
const SYLLABLES: usize = 6;

/// Share of syllables replaced.
const NOISE: f64 = 0.3;

fn titles() -> Result<Option<Vec<String>>> {
    let Some(folder) = material::data("tibetan/tncc_title") else { return Ok(None) };
    let text = std::fs::read_to_string(folder.join("validation.txt"))?;
    // The set has a space for every tsheg.
    let title = |line: &str| Some(line.split_once('\t')?.1.split_whitespace().collect::<Vec<_>>().join("་"));
    Ok(Some(text.lines().filter_map(title).collect()))
}

fn row(line: usize, text: String) -> Row {
    let entries = vec![format!("t{line}")];
    Row { line, text, language: Language::Bo, entries, kind: String::new() }
}

/// Recall at 3 of 926 titles by their first six syllables.
///
/// # Errors
/// Where the set cannot be read or published; absent data are no error.
pub fn titles_by_their_beginning(report: &mut Figures) -> Result<()> {
    let Some(titles) = titles()? else { return Ok(()) };
    let entries: Vec<Row> = titles.iter().enumerate().map(|(n, title)| row(n, title.clone())).collect();
    let base = publish_plain(&entries, &[])?;
    println!("{} titles, {} of them published", titles.len(), base.publication.entries().len());
    let first = |title: &String| title.split('་').take(SYLLABLES).collect::<Vec<_>>().join("་");
    let clean: Vec<String> = titles.iter().map(first).collect();
    ask(report, &base, "as they are", &clean, false)?;
    for (kind, what, must) in [
        ("homophones", "exact homophones", false),
        ("toneless", "homophones but for tone and aspiration", true),
    ] {
        let Some(spoilt) = noise::by_classes("titles", &clean, NOISE, kind)? else { continue };
        let what = format!("{:.0} % replaced by {what}", spoilt.share() * 100.0);
        ask(report, &base, &what, &spoilt.texts, must)?;
    }
    Ok(())
}

fn ask(
    report: &mut Figures,
    base: &intents::evaluate::PlainBase,
    what: &str,
    queries: &[String],
    must: bool,
) -> Result<()> {
    let rows: Vec<Row> = queries.iter().enumerate().map(|(n, query)| row(n, query.clone())).collect();
    let records = base.ask(Settings::default(), &rows)?;
    let result = Report::new(Subject::of(&base.publication), what.to_owned(), records, &HashMap::new());
    let name = format!("Tibetan titles, first six syllables, {what}");
    let figures = &result.figures;
    report.tell(&format!("{name}: recall at 1"), figures.top1, "share");
    let name = format!("{name}: recall at 3");
    if must {
        report.at_least(&name, figures.top3, 0.95, "share");
    } else {
        report.tell(&name, figures.top3, "share");
    }
    Ok(())
}
