//! The review as a page, a text, a mail and CSV. The page has its styles in its tags, because programs for mail drop style sheets: so it is page
//! and mail in one. No scripts, nothing from elsewhere; in Arabic from right to left.

use std::fmt::Write as _;

use super::rates::{Rate, Rates};
use super::sections::{Section, sections};
use super::times::{Percentiles, Times};
use super::words::{self, Words};
use super::{Month, Review};
use crate::domain::language::Language;
use crate::domain::report::{ISOLATE, RIGHT_TO_LEFT, ReportLetter, escaped, percent};

const BODY: &str = "margin:0;padding:24px;background:#f4f4f4;color:#1b1f24;font-family:'Segoe UI',Tahoma,Arial,sans-serif;\
                    font-size:15px;line-height:1.5";
const CARD: &str = "max-width:56em;margin:0 auto 24px;padding:24px;background:#ffffff";
const CELL: &str = "padding:4px 8px;border-bottom:1px solid #d8dee4";
const HEAD: &str = "color:#57606a;font-weight:normal";

/// The heads of the columns of the CSV.
const COLUMNS: &str = "month,part,name,called,failed,delivered,read,answered,delivery_percent,read_percent,answer_percent,\
                       sampled,p50_seconds,p95_seconds,p99_seconds";

/// The page in a language.
pub fn to_html(review: &Review, language: Language) -> String {
    page(review, &[language], None)
}

/// The review in a language as plain text.
pub fn to_text(review: &Review, language: Language) -> String {
    let mut out = String::new();
    write_text(&mut out, review, language);
    out
}

/// The review as a mail in these languages, in this order.
pub(super) fn to_letter(review: &Review, languages: &[Language]) -> ReportLetter {
    let first = languages.first().copied().unwrap_or(Language::En);
    let parts: Vec<String> = languages
        .iter()
        .map(|language| {
            let mut part = to_text(review, *language);
            let mark = if *language == Language::Ar { RIGHT_TO_LEFT.to_string() } else { String::new() };
            let _ = write!(part, "\n{mark}{}\n", Words::of(*language).attached);
            part
        })
        .collect();
    let files = languages.iter().map(|language| review.page_file(*language)).collect();
    let attached = |language| Words::of(language).attached;
    ReportLetter {
        subject: title(review, first),
        text: parts.join("\n----\n\n"),
        page: page(review, languages, Some(&attached)),
        files,
    }
}

fn apart(language: Language, text: &str) -> String {
    match language {
        Language::Ar => format!("{}{text}{}", ISOLATE[0], ISOLATE[1]),
        Language::En => text.to_owned(),
    }
}

fn title(review: &Review, language: Language) -> String {
    format!("{} {}", Words::of(language).title, apart(language, &review.month.to_string()))
}

fn write_text(out: &mut String, review: &Review, language: Language) {
    let mut line = |text: &str| {
        if language == Language::Ar && !text.is_empty() {
            out.push(RIGHT_TO_LEFT);
        }
        out.push_str(text);
        out.push('\n');
    };
    line(&title(review, language));
    let isolated = |text: &str| apart(language, text);
    for Section { title, head, rows, lines } in sections(review, language, &isolated) {
        line("");
        if !title.is_empty() {
            line(&title);
        }
        for row in rows {
            let (name, cells) = row.split_first().map_or(("", &[][..]), |(name, cells)| (name.as_str(), cells));
            let cells = head.iter().skip(1).zip(cells).map(|(head, cell)| format!("{head} {}", isolated(cell)));
            let separator = if language == Language::Ar { "، " } else { ", " };
            line(&format!("- {}: {}", isolated(name), cells.collect::<Vec<_>>().join(separator)));
        }
        lines.iter().for_each(|text| line(text));
    }
    line("");
    line(&format!("{} {}", Words::of(language).made_at, isolated(&review.made_at.to_string())));
}

fn page(review: &Review, languages: &[Language], end: Option<&dyn Fn(Language) -> &'static str>) -> String {
    let first = languages.first().copied().unwrap_or(Language::En);
    let mut out = String::with_capacity(16 * 1024);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"{first}\" dir=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title></head>\n<body style=\"{BODY}\">\n",
        Words::of(first).direction,
        title(review, first)
    );
    for language in languages {
        let words = Words::of(*language);
        let direction = words.direction;
        // `direction` once more as a style: some programs drop the attribute.
        let _ = writeln!(
            out,
            "<div lang=\"{language}\" dir=\"{direction}\" style=\"direction:{direction};{CARD}\">\n<h1 style=\"font-size:20px\">{} <bdi>{}</bdi></h1>",
            words.title, review.month
        );
        // What is set apart is not known to be harmless; marks for it are, and are escaped by nothing.
        let isolated = |text: &str| format!("{}{text}{}", ISOLATE[0], ISOLATE[1]);
        for section in sections(review, *language, &isolated) {
            write_section(&mut out, *language, &section);
        }
        let end = end.map_or_else(String::new, |end| format!("{} ", end(*language)));
        let _ = writeln!(
            out,
            "<p style=\"color:#57606a\">{end}{} <bdi>{}</bdi></p>\n</div>",
            words.made_at, review.made_at
        );
    }
    out.push_str("</body></html>\n");
    out
}

fn write_section(out: &mut String, language: Language, section: &Section) {
    let (begin, end) = if language == Language::Ar { ("right", "left") } else { ("left", "right") };
    let Section { title, head, rows, lines } = section;
    if !title.is_empty() {
        let _ = writeln!(out, "<h2 style=\"font-size:16px\">{}</h2>", escaped(title));
    }
    if !rows.is_empty() {
        let align = |at: usize| if at == 0 { begin } else { end };
        out.push_str("<table width=\"100%\" style=\"border-collapse:collapse\">\n<tr>");
        for (at, cell) in head.iter().enumerate() {
            let _ = write!(out, "<th style=\"{CELL};{HEAD};text-align:{}\">{}</th>", align(at), escaped(cell));
        }
        out.push_str("</tr>\n");
        for row in rows {
            out.push_str("<tr>");
            for (at, cell) in row.iter().enumerate() {
                let _ = write!(out, "<td style=\"{CELL};text-align:{}\"><bdi>{}</bdi></td>", align(at), escaped(cell));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
    }
    for line in lines {
        let _ = writeln!(out, "<p>{}</p>", escaped(line));
    }
}

/// Both months as CSV with a head. No cell can hold a comma, a quote or a formula: months, names of ours and numbers.
pub fn to_csv(review: &Review) -> String {
    let mut out = format!("{COLUMNS}\n");
    let months = [(review.month, true), (review.month.previous(), false)];
    for (month, is_now) in months {
        let of = |now: &Rates, before: &Rates| if is_now { *now } else { *before };
        out.push_str(&rates_row(month, "total", "", &of(&review.all.now, &review.all.before)));
        for one in &review.channels {
            out.push_str(&rates_row(month, "channel", one.whose.name(), &of(&one.now, &one.before)));
        }
        for one in &review.campaigns {
            out.push_str(&rates_row(month, "campaign", &one.whose, &of(&one.now, &one.before)));
        }
        let Times { lateness, latency, .. } = if is_now { &review.times } else { &review.times_before };
        if let Some(lateness) = lateness {
            out.push_str(&times_row(month, "lateness", "", lateness));
        }
        for (channel, times) in latency {
            out.push_str(&times_row(month, "latency", channel.name(), times));
        }
    }
    out
}

fn rates_row(month: Month, part: &str, name: &str, rates: &Rates) -> String {
    let share = |rate| rates.share(rate).map(percent).unwrap_or_default();
    let [delivered, read, answered] = Rate::ALL.map(|rate| rates.part(rate).n);
    let [delivery, reading, answers] = Rate::ALL.map(share);
    format!(
        "{month},{part},{name},{},{},{delivered},{read},{answered},{delivery},{reading},{answers},,,,\n",
        rates.called, rates.failed
    )
}

fn times_row(month: Month, part: &str, name: &str, times: &Percentiles) -> String {
    let [p50, p95, p99] = [times.p50, times.p95, times.p99].map(words::seconds);
    format!("{month},{part},{name},,,,,,,,,{},{p50},{p95},{p99}\n", times.n)
}
