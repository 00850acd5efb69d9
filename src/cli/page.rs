//! What pages and drawings have in common: they need no network, nor a mouse.

use plotters::style::RGBColor;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A drawing as SVG, or why there is none.
pub type Drawn = Result<String, Box<dyn std::error::Error>>;

/// Colours that can be told apart, also by most who see few of them, and in
/// print: Okabe and Ito's, with two more.
pub const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(90, 90, 90),
    RGBColor(120, 60, 20),
];

/// Text for HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A whole page around its body.
pub fn document(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// A table whose columns sort when their heads are clicked.
pub fn sortable(caption: &str, header: &[String], rows: &[Vec<String>]) -> String {
    let mut out = String::from("<div class=\"scroll\"><table>\n");
    if !caption.is_empty() {
        out.push_str(&format!("<caption>{}</caption>\n", escaped(caption)));
    }
    out.push_str("<thead><tr>");
    for cell in header {
        out.push_str(&format!(
            "<th scope=\"col\"><button type=\"button\">{}</button></th>",
            escaped(cell)
        ));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        row.iter()
            .for_each(|cell| out.push_str(&format!("<td>{}</td>", escaped(cell))));
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// Fits the width that it is given, and says to a screen reader what it is.
pub fn scalable(svg: &str, what: &str) -> String {
    let what = escaped(what);
    svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{what}\" "),
        1,
    )
}
