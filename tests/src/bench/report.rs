//! Figures, as a table for people and as JSON for whoever measures next.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// One measured figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub figure: String,
    /// How much.
    pub value: f64,
    /// Of what: `share`, `ms`, `MiB`, `s`, …
    pub unit: String,
    /// What was asked for, in words; `None` where the figure is only reported.
    pub target: Option<String>,
    /// Whether the target is met; true where there is none.
    pub ok: bool,
}

/// All figures of one benchmark.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure that is only reported, and prints it.
    pub fn tell(&mut self, figure: &str, value: f64, unit: &str) {
        self.add(Figure { figure: figure.to_owned(), value, unit: unit.to_owned(), target: None, ok: true });
    }

    /// Adds a figure that must be at least `target`.
    pub fn at_least(&mut self, figure: &str, value: f64, target: f64, unit: &str) {
        self.add(Figure {
            figure: figure.to_owned(),
            value,
            unit: unit.to_owned(),
            target: Some(format!(">= {target}")),
            ok: value >= target,
        });
    }

    /// Adds a figure that must be above `target`.
    pub fn above(&mut self, figure: &str, value: f64, target: f64, unit: &str) {
        self.add(Figure {
            figure: figure.to_owned(),
            value,
            unit: unit.to_owned(),
            target: Some(format!("> {target}")),
            ok: value > target,
        });
    }

    /// Adds a figure that must be at most `target`.
    pub fn at_most(&mut self, figure: &str, value: f64, target: f64, unit: &str) {
        self.add(Figure {
            figure: figure.to_owned(),
            value,
            unit: unit.to_owned(),
            target: Some(format!("<= {target}")),
            ok: value <= target,
        });
    }

    /// The figures so far.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    fn add(&mut self, figure: Figure) {
        println!(
            "{:<88} {:>9.3} {:<12} {:<9} {}",
            figure.figure,
            figure.value,
            figure.unit,
            figure.target.as_deref().unwrap_or("reported"),
            if figure.ok { "" } else { "SHORT" }
        );
        self.figures.push(figure);
    }

    /// Writes the figures as a JSON list.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&self.figures)?)?;
        println!("\n{} figures in {}", self.figures.len(), path.display());
        Ok(())
    }
}

/// The value below which a share of the values lies (nearest rank); NaN for none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
