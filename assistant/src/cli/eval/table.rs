//! A report's figures for the terminal.

use intents::evaluate::{Evaluation, Report};

/// The figures for people.
pub(super) fn table(report: &Report) -> String {
    let figures = &report.figures;
    let mut lines = vec![
        format!(
            "{}: {} entries, {} ways of asking; {}{}",
            report.subject.name,
            report.subject.entries,
            report.subject.questions,
            report.protocol,
            if report.seeds.len() > 1 {
                format!("; mean of {} seeds", report.seeds.len())
            } else {
                String::new()
            },
        ),
        format!(
            "{:<34} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}",
            "", "asked", "top-1", "top-3", "top-5", "MRR", "ECE"
        ),
        row("all questions inside", figures),
    ];
    for (language, figures) in &report.by_language {
        lines.push(row(&format!("  {language}"), figures));
    }
    for bucket in &report.by_overlap {
        let name = format!("  word overlap {:.1} to {:.1}", bucket.from, bucket.to);
        lines.push(row(&name, &bucket.figures));
    }
    for coverage in &figures.coverage {
        lines.push(format!(
            "answered right with at most {:.0} % wrong: {:.3} (with outside questions: {:.3})",
            coverage.wrong * 100.0,
            coverage.right,
            coverage.right_with_outside
        ));
    }
    let d = &figures.decisions;
    lines.push(format!(
        "decided inside: answered {:.3} (right {:.3}; wrong among answers {:.3}), clarified {:.3}, act {:.3}, declined {:.3}",
        d.answered, figures.answered_right, figures.wrong_of_answered_inside, d.clarified, d.acts, d.declined
    ));
    for (kind, outside) in &figures.outside_kinds {
        lines.push(format!(
            "outside, {kind} ({}): AUC {:.3} (any entry: {:.3}); answered {:.3}, clarified {:.3}",
            outside.questions,
            outside.auc,
            outside.auc_any,
            outside.decisions.answered,
            outside.decisions.clarified
        ));
    }
    if let Some(gap) = report.language_gap {
        lines.push(format!("top-1 in Chinese above Tibetan: {:+.1} points", gap * 100.0));
    }
    lines.push(format!(
        "time: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        figures.p50_ms, figures.p95_ms, figures.p99_ms
    ));
    for pair in report.confusions.iter().filter(|pair| pair.times > 1).take(5) {
        lines.push(format!(
            "taken for each other {} times of {}: {} ({}) and {} ({})",
            pair.times, pair.of, pair.questions[0], pair.entries[0], pair.questions[1], pair.entries[1]
        ));
    }
    lines.join("\n") + "\n"
}

fn row(name: &str, figures: &Evaluation) -> String {
    format!(
        "{name:<34} {:>6} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
        figures.inside, figures.top1, figures.top3, figures.top5, figures.mrr, figures.ece
    )
}
