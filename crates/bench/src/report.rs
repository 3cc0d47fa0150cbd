//! What a scenario found: lines of a table, bars of a chart, remarks.

use std::fmt::Write;
use std::time::Duration;

use crate::figures::Rounds;

/// The findings of one scenario.
pub struct Section {
    /// The name on the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub lines: Vec<Line>,
    pub bars: Vec<Bar>,
    /// What the bars count, for the chart's title; without bars there is no chart.
    pub unit: &'static str,
    pub remarks: Vec<String>,
}

/// One line of the table.
pub struct Line {
    pub what: String,
    pub found: String,
    pub target: Option<Target>,
}

/// What was promised, and whether it was kept.
pub struct Target {
    pub text: String,
    pub met: bool,
}

/// One bar of the chart.
pub struct Bar {
    pub label: String,
    pub value: f64,
    pub ours: bool,
}

impl Section {
    pub fn new(name: &'static str, title: &'static str) -> Self {
        Section { name, title, lines: Vec::new(), bars: Vec::new(), unit: "", remarks: Vec::new() }
    }

    /// A figure without a promise.
    pub fn line(&mut self, what: impl Into<String>, found: impl Into<String>) {
        self.lines.push(Line { what: what.into(), found: found.into(), target: None });
    }

    /// A figure, and what it was to be.
    pub fn judged(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        target: impl Into<String>,
        met: bool,
    ) {
        let target = Some(Target { text: target.into(), met });
        self.lines.push(Line { what: what.into(), found: found.into(), target });
    }

    pub fn bar(&mut self, label: impl Into<String>, value: f64, ours: bool) {
        self.bars.push(Bar { label: label.into(), value, ours });
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// The section as Markdown, without its heading.
    pub fn markdown(&self) -> String {
        let mut out = String::from("| what | found | target | |\n|---|---|---|---|\n");
        for line in &self.lines {
            let (target, mark) = match &line.target {
                Some(target) => (target.text.as_str(), if target.met { "met" } else { "**missed**" }),
                None => ("", ""),
            };
            writeln!(out, "| {} | {} | {target} | {mark} |", line.what, line.found).expect("a string grows");
        }
        for remark in &self.remarks {
            write!(out, "\n{remark}\n").expect("a string grows");
        }
        out
    }
}

/// A rate for people: `41,200/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", number(per_second))
}

/// The rate of a contender with its spread and its times.
pub fn rounds(rounds: &Rounds) -> String {
    let (low, high) = rounds.spread();
    let mut text = format!("{} ({} – {})", rate(rounds.per_second()), number(low), number(high));
    let (median, p99) = (rounds.median(), rounds.p99());
    if p99.is_zero() {
        write!(text, ", mean {}", time(median)).expect("a string grows");
    } else {
        write!(text, ", p50 {}, p99 {}", time(median), time(p99)).expect("a string grows");
    }
    if let Some(processor) = rounds.processor() {
        write!(text, "; {} of processor each", time(processor)).expect("a string grows");
    }
    text
}

/// A number with separators, to three digits or whole.
pub fn number(number: f64) -> String {
    if number.abs() < 100.0 {
        let text = format!("{number:.2}");
        return text.strip_suffix(".00").map_or(text.clone(), ToOwned::to_owned);
    }
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time for people.
pub fn time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..1_000.0 => format!("{micros:.0} µs"),
        ..1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// Bytes for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", number(bytes as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let written: Vec<_> =
            [0.5, 3.0, 99.994, 100.0, 1234.6, 1_000_000.0].into_iter().map(number).collect();
        assert_eq!(written, ["0.50", "3", "99.99", "100", "1,235", "1,000,000"]);
        let times = [12, 3_400, 2_500_000].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(times, ["12 µs", "3.4 ms", "2.50 s"]);
    }

    #[test]
    fn a_missed_target_stands_out() {
        let mut section = Section::new("s", "S");
        section.judged("half", "0.4", "≥ 0.5", false);
        assert!(section.markdown().contains("| half | 0.4 | ≥ 0.5 | **missed** |"));
    }
}
