//! A small bar chart as SVG, readable on light and dark pages.

use std::fmt::Write;

use crate::report::{self, Section};

const WIDTH: usize = 720;
const LABEL_WIDTH: usize = 260;
const VALUE_WIDTH: usize = 90;
const ROW: usize = 28;
const BAR: usize = 18;
const TOP: usize = 34;

/// The chart of a section; `None` when it has no bars.
pub fn draw(section: &Section) -> Option<String> {
    let largest = section.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    let height = TOP + section.bars.len() * ROW + 6;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <style>text {{ font: 13px sans-serif; fill: #777 }} .title {{ font-weight: bold }} \
         .ours {{ fill: #d9622b }} .theirs {{ fill: #8aa0b4 }}</style>\n\
         <text class=\"title\" x=\"4\" y=\"18\">{} ({})</text>\n",
        escape(section.title),
        escape(section.unit)
    );
    for (row, bar) in section.bars.iter().enumerate() {
        let room = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) as f64;
        let length = (bar.value / largest * room).max(1.0);
        let (y, class) = (TOP + row * ROW, if bar.ours { "ours" } else { "theirs" });
        let text_y = y + BAR - 4;
        let end = LABEL_WIDTH as f64 + length + 6.0;
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"{class}\" x=\"{LABEL_WIDTH}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\n\
             <text x=\"{end:.1}\" y=\"{text_y}\">{}</text>",
            LABEL_WIDTH - 8,
            escape(&bar.label),
            report::number(bar.value)
        )
        .expect("a string grows");
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_bar_fills_the_room_and_text_is_escaped() {
        let mut section = Section::new("s", "a < b");
        section.unit = "per second";
        section.bar("x & y", 200.0, true);
        section.bar("half", 100.0, false);
        let svg = draw(&section).unwrap();
        assert!(svg.contains("a &lt; b") && svg.contains("x &amp; y"));
        assert!(svg.contains("width=\"370.0\"") && svg.contains("width=\"185.0\""));
    }

    #[test]
    fn without_bars_there_is_no_chart() {
        assert!(draw(&Section::new("s", "S")).is_none());
    }
}
