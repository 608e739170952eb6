//! Plots as inline SVG: no script, no font, no colour that is not the page's own.

use std::fmt::Write as _;

/// Outer size in the drawing's own units; the page scales it.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 320.0;

/// Room for tick labels and axis names.
const LEFT: f64 = 58.0;
const BOTTOM: f64 = 48.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 14.0;

/// One axis: its name and its range; ticks are shares shown in percent.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub name: &'static str,
    pub from: f64,
    pub to: f64,
}

impl Axis {
    /// From 0 to 1.
    pub fn share(name: &'static str) -> Self {
        Self { name, from: 0.0, to: 1.0 }
    }
}

/// A plot in the making.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    body: String,
    legend: Vec<(usize, String)>,
    title: &'static str,
}

/// Text that may stand in HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Forbidden in HTML even as references.
            c if c.is_control() && !c.is_whitespace() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

impl Plot {
    pub fn new(title: &'static str, x: Axis, y: Axis) -> Self {
        Self { x, y, body: String::new(), legend: Vec::new(), title }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let across = (x - self.x.from) / (self.x.to - self.x.from);
        let up = (y - self.y.from) / (self.y.to - self.y.from);
        (
            LEFT + across.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM),
        )
    }

    fn draw(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.body.write_fmt(arguments);
    }

    /// A line through points, in series colour `series` (from 0), named in the legend.
    pub fn line(&mut self, series: usize, name: &str, points: &[(f64, f64)]) {
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| {
                let (x, y) = self.at(*x, *y);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        self.draw(format_args!("<polyline class=\"line s{series}\" points=\"{}\"/>", path.join(" ")));
        self.legend.push((series, name.to_owned()));
    }

    /// A dashed line for reference, without a name.
    pub fn guide(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (self.at(from.0, from.1), self.at(to.0, to.1));
        self.draw(format_args!(
            "<line class=\"guide\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A dot whose area grows with `size` (0 to 1), with a text shown when pointed at.
    pub fn dot(&mut self, series: usize, x: f64, y: f64, size: f64, tip: &str) {
        let (x, y) = self.at(x, y);
        let radius = 3.0 + 11.0 * size.clamp(0.0, 1.0).sqrt();
        self.draw(format_args!(
            "<circle class=\"dot s{series}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{}</title></circle>",
            escaped(tip)
        ));
    }

    /// The finished drawing.
    pub fn finish(self) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(self.title)
        );
        for step in 0..=5 {
            let part = f64::from(step) / 5.0;
            let (x, y) = (
                self.x.from + part * (self.x.to - self.x.from),
                self.y.from + part * (self.y.to - self.y.from),
            );
            let (left, up) = self.at(self.x.from, y);
            let (across, down) = self.at(x, self.y.from);
            let right = WIDTH - RIGHT;
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{left}\" y1=\"{up:.1}\" x2=\"{right}\" y2=\"{up:.1}\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <text class=\"tick\" x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                left - 6.0,
                up + 4.0,
                percent(y),
                down + 16.0,
                percent(x)
            );
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        let centre = f64::midpoint(TOP, HEIGHT - BOTTOM);
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text class=\"name\" transform=\"translate(14 {centre}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 10.0,
            escaped(self.x.name),
            escaped(self.y.name)
        );
        svg.push_str(&self.body);
        svg.push_str("</svg>");
        let _ = write!(svg, "{}", legend(&self.legend));
        svg
    }
}

/// Names of series with their colours.
fn legend(series: &[(usize, String)]) -> String {
    let items: Vec<String> = series
        .iter()
        .map(|(number, name)| format!("<li><i class=\"s{number}\"></i>{}</li>", escaped(name)))
        .collect();
    if items.is_empty() { String::new() } else { format!("<ul class=\"legend\">{}</ul>", items.concat()) }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if (percent - percent.round()).abs() < 0.05 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// Rows of bars split into parts that sum to 1, with the parts' names below.
pub(super) fn stacked(title: &str, parts: &[&str], rows: &[(String, Vec<f64>)]) -> String {
    let mut html = format!("<div class=\"stack\" role=\"img\" aria-label=\"{}\">", escaped(title));
    for (name, shares) in rows {
        let _ = write!(html, "<div class=\"row\"><span>{}</span><div class=\"bar\">", escaped(name));
        for (number, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let width = share * 100.0;
            let label = if *share >= 0.08 { format!("{width:.0}") } else { String::new() };
            let _ = write!(
                html,
                "<b class=\"s{number}\" style=\"width:{width:.2}%\" title=\"{}: {width:.1} %\">{label}</b>",
                escaped(parts[number])
            );
        }
        html.push_str("</div></div>");
    }
    let names: Vec<(usize, String)> =
        parts.iter().enumerate().map(|(n, name)| (n, (*name).to_owned())).collect();
    html + &legend(&names) + "</div>"
}
