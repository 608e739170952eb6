//! A report as one HTML page for operators: plots and tables, nothing loaded from anywhere, no script.

use std::fmt::Write as _;

use super::figures::{Decisions, Evaluation};
use super::measures::{Point, risk_coverage};
use super::plot::{Axis, Plot, escaped, stacked};
use super::{Outline, Record, Report};

/// Questions listed one by one.
const MOST_LISTED: usize = 200;

/// Wrong shares above this are off the plot: nobody runs a service there.
const WORST_SHOWN: f64 = 0.2;

const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub fn page(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>Understanding: {name}</title><style>{STYLE}</style></head><body><main>\
         <h1>How well questions are understood</h1><p class=\"lead\">{name}: {entries} entries, {questions} ways of asking. \
         How it was measured: {protocol}{seeds}.</p>",
        name = escaped(&report.subject.name),
        entries = report.subject.entries,
        questions = report.subject.questions,
        protocol = escaped(&report.protocol),
        seeds = match report.seeds.len() {
            0 | 1 => String::new(),
            many => format!("; mean of {many} random splits"),
        },
    );
    cards(&mut html, &report.figures);
    html.push_str("<div class=\"plots\">");
    section(&mut html, "Right and wrong answers", COVERAGE_TEXT, &coverage_plot(report));
    section(&mut html, "Can the confidence be trusted?", RELIABILITY_TEXT, &reliability_plot(report));
    section(&mut html, "Known from unknown questions", ROC_TEXT, &roc_plot(report));
    section(&mut html, "What the assistant does", DECISION_TEXT, &decision_bars(report));
    html.push_str("</div>");
    figures_table(&mut html, report);
    confusion_table(&mut html, report);
    question_table(&mut html, "Answered wrongly", report, Record::answered_wrongly);
    question_table(&mut html, "Right entry not among the first three", report, |record| {
        record.inside() && record.rank.is_none_or(|rank| rank > 3) && !record.answered_wrongly()
    });
    html.push_str("</main></body></html>\n");
    html
}

const COVERAGE_TEXT: &str = "How many questions can be answered at once, and how many of those answers are then wrong, as \
    the threshold is lowered. Lower and further right is better. The dashed lines are at 1, 2 and 5 % wrong.";
const RELIABILITY_TEXT: &str = "Of the questions about which the assistant was so sure, so many were understood rightly. On \
    the dashed line its confidence means what it says; above it, it is too modest; below it, too bold.";
const ROC_TEXT: &str = "How many known questions are recognised as known while so many unknown ones are taken for known. \
    Nearer to the upper left corner is better.";
const DECISION_TEXT: &str = "At the first turn, with the thresholds in use, in percent. A question that nothing answers \
    should be declined.";

fn section(html: &mut String, title: &str, text: &str, figure: &str) {
    let _ = write!(html, "<section><h2>{title}</h2><p>{text}</p>{figure}</section>");
}

fn shown(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.1}\u{a0}%", share * 100.0) }
}

fn cards(html: &mut String, figures: &Evaluation) {
    let coverage = figures.coverage.iter().find(|c| (c.wrong - 0.02).abs() < 1e-6);
    let cards = [
        ("right entry first", shown(figures.top1)),
        ("among the first five", shown(figures.top5)),
        ("answered right at 2 % wrong", shown(coverage.map_or(f64::NAN, |c| c.right))),
        ("answered right as it runs", shown(figures.answered_right)),
        ("wrong among its answers", shown(figures.wrong_of_answered)),
        ("outside questions answered", shown(figures.outside_answered)),
        ("calibration error", shown(figures.ece)),
        ("slowest of a hundred", format!("{:.1} ms", figures.p99_ms)),
    ];
    html.push_str("<dl class=\"cards\">");
    for (name, value) in cards {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>");
}

/// Records by language, both together where there is only one.
fn by_language(report: &Report) -> Vec<(String, Vec<&Record>)> {
    let all = |code: &str| report.queries.iter().filter(|r| r.language.code() == code).collect();
    report.by_language.keys().map(|code| (language_name(code).to_owned(), all(code))).collect()
}

fn language_name(code: &str) -> &str {
    match code {
        "bo" => "Tibetan",
        "zh" => "Chinese",
        other => other,
    }
}

fn coverage_plot(report: &Report) -> String {
    let y = Axis { name: "wrong among the answers", from: 0.0, to: WORST_SHOWN };
    let mut plot = Plot::new("wrong answers by share answered", Axis::share("known questions answered"), y);
    for wrong in [0.01, 0.02, 0.05] {
        plot.guide((0.0, wrong), (1.0, wrong));
    }
    for (series, (name, records)) in by_language(report).into_iter().enumerate() {
        let inside: Vec<&Record> = records.into_iter().filter(|record| record.inside()).collect();
        let predictions: Vec<(f32, bool)> = inside
            .iter()
            .filter(|record| !record.candidates.is_empty())
            .map(|record| (record.confidence(), record.first_is_right()))
            .collect();
        let place = |point: &Point| {
            let wrong = (point.answered - point.right) as f64 / point.answered as f64;
            (point.answered as f64 / inside.len() as f64, wrong)
        };
        let points: Vec<(f64, f64)> = risk_coverage(&predictions).iter().map(place).collect();
        plot.line(series, &name, &points);
    }
    plot.finish()
}

fn reliability_plot(report: &Report) -> String {
    let (x, y) = (Axis::share("confidence"), Axis::share("understood rightly"));
    let mut plot = Plot::new("share understood rightly by confidence", x, y);
    plot.guide((0.0, 0.0), (1.0, 1.0));
    for (series, (code, figures)) in report.by_language.iter().enumerate() {
        let points: Vec<(f64, f64)> = figures.reliability.iter().map(|b| (b.confidence, b.right)).collect();
        let name = format!("{} (error {})", language_name(code), shown(figures.ece));
        plot.line(series, &name, &points);
        for bin in &figures.reliability {
            let tip = format!(
                "{} questions, confidence {:.0} %, right {:.0} %",
                bin.questions,
                bin.confidence * 100.0,
                bin.right * 100.0
            );
            plot.dot(
                series,
                bin.confidence,
                bin.right,
                bin.questions as f64 / figures.inside.max(1) as f64,
                &tip,
            );
        }
    }
    plot.finish()
}

fn roc_plot(report: &Report) -> String {
    let (x, y) =
        (Axis::share("unknown questions taken for known"), Axis::share("known questions taken for known"));
    let mut plot = Plot::new("ROC curves", x, y);
    plot.guide((0.0, 0.0), (1.0, 1.0));
    let inside: Vec<f32> = report.queries.iter().filter(|r| r.inside()).map(Record::confidence).collect();
    for (series, (kind, figures)) in report.figures.outside_kinds.iter().enumerate() {
        let own = |record: &&Record| !record.inside() && record.kind == *kind;
        let outside: Vec<f32> = report.queries.iter().filter(own).map(Record::confidence).collect();
        plot.line(series, &format!("{kind} (area {:.3})", figures.auc), &roc(&inside, &outside));
    }
    plot.finish()
}

/// Points of an ROC curve, from (0, 0) to (1, 1).
fn roc(inside: &[f32], outside: &[f32]) -> Vec<(f64, f64)> {
    let mut all: Vec<(f32, bool)> =
        inside.iter().map(|s| (*s, true)).chain(outside.iter().map(|s| (*s, false))).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut points = vec![(0.0, 0.0)];
    let (mut known, mut unknown) = (0_usize, 0_usize);
    for (at, (score, is_inside)) in all.iter().enumerate() {
        if *is_inside {
            known += 1;
        } else {
            unknown += 1;
        }
        if all.get(at + 1).is_none_or(|next| next.0 < *score) {
            points.push((
                unknown as f64 / outside.len().max(1) as f64,
                known as f64 / inside.len().max(1) as f64,
            ));
        }
    }
    points
}

fn decision_bars(report: &Report) -> String {
    let parts = ["answered rightly", "answered wrongly", "asked back", "small talk and the like", "declined"];
    let mut rows = Vec::new();
    for (code, figures) in &report.by_language {
        if figures.inside > 0 {
            let d = figures.decisions;
            let wrong = d.answered - figures.answered_right;
            rows.push((
                format!("known, {}", language_name(code)),
                vec![figures.answered_right, wrong, d.clarified, d.acts, d.declined],
            ));
        }
        for (kind, outside) in &figures.outside_kinds {
            let Decisions { answered, clarified, acts, declined } = outside.decisions;
            rows.push((
                format!("{kind}, {}", language_name(code)),
                vec![0.0, answered, clarified, acts, declined],
            ));
        }
    }
    stacked("decisions by kind of question", &parts, &rows)
}

fn figures_table(html: &mut String, report: &Report) {
    html.push_str(
        "<section class=\"wide\"><h2>Figures</h2><div class=\"scroll\"><table><thead><tr><th></th><th>asked</th><th>top-1</th>\
         <th>top-3</th><th>top-5</th><th>MRR</th><th>right at 1 % wrong</th><th>at 2 %</th><th>at 5 %</th>\
         <th>answered right</th><th>helped</th><th>calibration error</th></tr></thead><tbody>",
    );
    figures_row(html, "all known questions", &report.figures);
    for (code, figures) in &report.by_language {
        figures_row(html, language_name(code), figures);
    }
    for bucket in &report.by_overlap {
        let name = if bucket.from >= 1.0 {
            "same words as a known way of asking".to_owned()
        } else {
            format!("{:.0}–{:.0} % of words in common", bucket.from * 100.0, bucket.to * 100.0)
        };
        figures_row(html, &name, &bucket.figures);
    }
    let figures = &report.figures;
    let _ = write!(
        html,
        "</tbody></table></div><p>A question takes {:.2} ms in the middle, {:.2} ms at 95 %, {:.2} ms at 99 %.</p></section>",
        figures.p50_ms, figures.p95_ms, figures.p99_ms
    );
}

fn figures_row(html: &mut String, name: &str, figures: &Evaluation) {
    if figures.inside == 0 {
        return;
    }
    let mut shares = vec![figures.top1, figures.top3, figures.top5, figures.mrr];
    shares.extend(figures.coverage.iter().map(|c| c.right));
    shares.extend([figures.answered_right, figures.helped, figures.ece]);
    let _ = write!(html, "<tr><th>{}</th><td>{}</td>", escaped(name), figures.inside);
    for share in shares {
        let _ = write!(html, "<td>{}</td>", shown(share));
    }
    html.push_str("</tr>");
}

fn confusion_table(html: &mut String, report: &Report) {
    html.push_str(
        "<section class=\"wide\"><h2>Entries taken for each other</h2><p>Merge them, or give them ways of asking that tell \
         them apart.</p>",
    );
    if report.confusions.is_empty() {
        html.push_str("<p>None.</p></section>");
        return;
    }
    html.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>times</th><th>of</th><th>one</th><th>the other</th>\
         <th>for example</th></tr></thead><tbody>",
    );
    for pair in &report.confusions {
        let entry = |at: usize| {
            format!("{}<br><code>{}</code>", escaped(&pair.questions[at]), escaped(&pair.entries[at]))
        };
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            pair.times,
            pair.of,
            entry(0),
            entry(1),
            escaped(&pair.examples.join(" · "))
        );
    }
    html.push_str("</tbody></table></div></section>");
}

fn question_table(html: &mut String, title: &str, report: &Report, belongs: impl Fn(&Record) -> bool) {
    let mut records: Vec<&Record> = report.queries.iter().filter(|record| belongs(record)).collect();
    records.sort_by(|a, b| b.confidence().total_cmp(&a.confidence()));
    let _ = write!(
        html,
        "<section class=\"wide\"><details><summary><h2>{title} ({})</h2></summary><div class=\"scroll\"><table><thead><tr>\
         <th>question</th><th>right</th><th>thought of</th><th>sure</th><th>done</th></tr></thead><tbody>",
        records.len()
    );
    for record in records.iter().take(MOST_LISTED) {
        let right =
            if record.inside() { record.expected.join(", ") } else { format!("none ({})", record.kind) };
        let done = match record.decision {
            Outline::Answered => "answered",
            Outline::Clarified => "asked back",
            Outline::Act => "small talk and the like",
            Outline::Declined => "declined",
        };
        let best = record.candidates.first().map_or("–", |best| best.entry.as_str());
        let _ = write!(
            html,
            "<tr><td>{}</td><td><code>{}</code></td><td><code>{}</code></td><td>{:.0} %</td><td>{done}</td></tr>",
            escaped(&record.query),
            escaped(&right),
            escaped(best),
            record.confidence() * 100.0
        );
    }
    html.push_str("</tbody></table></div></details></section>");
}
