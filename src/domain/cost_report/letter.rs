//! The report as a mail: the sums in short, as plain text and as a page, in one language after the other; the whole pages come along as files.
//!
//! Mail programs drop style sheets and drawings, so the page of a mail has neither: tables with their styles inside. Text has no markup for
//! direction: lines in Arabic begin with a mark of theirs, and what is Latin in them is set apart.

use std::fmt::Write as _;

use super::words::{Words, advice};
use super::{CostReport, Sum};
use crate::domain::language::Language;
use crate::domain::report::{ISOLATE, RIGHT_TO_LEFT, ReportLetter, escaped, percent};

/// Names in each list; the files have all.
const NAMES_MAX: usize = 8;

const BODY: &str = "margin:0;padding:24px;background:#f4f4f4;color:#1b1f24;font-family:'Segoe UI',Tahoma,Arial,sans-serif;\
                    font-size:15px;line-height:1.5";
const CARD: &str = "max-width:40em;margin:0 auto 24px;padding:24px;background:#ffffff";
const CELL: &str = "padding:4px 8px;border-bottom:1px solid #d8dee4";

/// The report as a mail in these languages, in this order.
pub fn to_letter(report: &CostReport, languages: &[Language]) -> ReportLetter {
    let first = languages.first().copied().unwrap_or(Language::En);
    let (mut text, mut page) = (String::new(), String::new());
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"{first}\"><head><meta charset=\"utf-8\"><title>{} {}</title></head>\n<body style=\"{BODY}\">\n",
        Words::of(first).title,
        Words::of(first).days(report.days)
    );
    for language in languages {
        let part = Part { report, language: *language, words: Words::of(*language) };
        if !text.is_empty() {
            text.push_str("\n----\n\n");
        }
        part.write_text(&mut text);
        part.write_page(&mut page);
    }
    page.push_str("</body></html>\n");
    let subject = Part { report, language: first, words: Words::of(first) }.subject();
    let files = languages.iter().map(|language| report.page_file(*language)).collect();
    ReportLetter { subject, text, page, files }
}

/// The mail in one of its languages.
struct Part<'a> {
    report: &'a CostReport,
    language: Language,
    words: &'static Words,
}

impl Part<'_> {
    fn subject(&self) -> String {
        let total = self.report.money(self.report.total.micros).to_string();
        format!("{} {}: {}", self.words.title, self.apart(&self.words.days(self.report.days)), self.apart(&total))
    }

    /// The lists of the mail, each with its title.
    fn lists(&self) -> [(&'static str, &[(String, Sum)]); 4] {
        let (report, words) = (self.report, self.words);
        [
            (words.by_channel, &report.by_channel),
            (words.by_country, &report.by_country),
            (words.by_category, &report.by_category),
            (words.by_campaign, &report.by_campaign),
        ]
    }

    fn name<'n>(&self, name: &'n str) -> &'n str {
        if name.is_empty() { self.words.none } else { name }
    }

    /// How the cost has changed against the days before; `None` where these cost nothing.
    fn change(&self) -> Option<String> {
        let (now, before) = (i128::from(self.report.total.micros), i128::from(self.report.before.micros));
        let share = (before > 0).then(|| (now - before) * 10_000 / before)?;
        let sign = if share < 0 { '-' } else { '+' };
        Some(format!("{sign}{} %", percent(i64::try_from(share.abs()).unwrap_or(i64::MAX))))
    }

    /// Latin words, numbers and names within a text.
    fn apart(&self, text: &str) -> String {
        match self.language {
            Language::Ar => format!("{}{text}{}", ISOLATE[0], ISOLATE[1]),
            Language::En => text.to_owned(),
        }
    }

    fn write_text(&self, out: &mut String) {
        let (report, words) = (self.report, self.words);
        let mut line = |text: String| {
            if self.language == Language::Ar && !text.is_empty() {
                out.push(RIGHT_TO_LEFT);
            }
            out.push_str(&text);
            out.push('\n');
        };
        let money = |micros| self.apart(&report.money(micros).to_string());
        line(format!("{} {}", words.title, self.apart(&words.days(report.days))));
        line(String::new());
        line(format!("{}: {}", words.total, money(report.total.micros)));
        let Sum { paid, free, .. } = report.total;
        line(format!("{}: {paid} {}{}{free} {}", words.messages, words.charged, words.comma, words.free));
        let before = self.apart(&words.days(report.days_before));
        line(format!("{} ({before}): {}", words.before, money(report.before.micros)));
        if let Some(change) = self.change() {
            line(format!("{}: {}", words.change, self.apart(&change)));
        }
        for other in &report.other_currencies {
            line(format!("{}: {}", words.total, self.apart(&other.to_string())));
        }
        for (title, sums) in self.lists() {
            if sums.is_empty() {
                continue;
            }
            line(String::new());
            line(title.to_owned());
            for (name, sum) in sums.iter().take(NAMES_MAX) {
                line(format!("- {}: {} ({})", self.apart(self.name(name)), money(sum.micros), sum.n()));
            }
            if sums.len() > NAMES_MAX {
                line(format!("- {}", words.more));
            }
        }
        if let Some(because) = &report.sides.meta_missing {
            line(String::new());
            line(format!("{}: {}", words.no_meta, self.apart(because)));
        }
        line(String::new());
        line(words.advice.to_owned());
        for one in &report.advice {
            line(format!("- {}", advice(self.language, one, &money(one.saves_micros), |text| self.apart(text))));
        }
        if report.advice.is_empty() {
            line(words.no_advice.to_owned());
        }
        line(String::new());
        line(words.attached.to_owned());
    }

    fn write_page(&self, out: &mut String) {
        let (report, words) = (self.report, self.words);
        let (direction, code) = (words.direction, self.language.code());
        let end = if self.language == Language::Ar { "left" } else { "right" };
        let money = |micros| format!("<bdi>{}</bdi>", report.money(micros));
        let Sum { paid, free, micros, .. } = report.total;
        // `direction` once more as a style: some programs drop the attribute.
        let _ = write!(
            out,
            "<div lang=\"{code}\" dir=\"{direction}\" style=\"direction:{direction};{CARD}\">\n<h1 style=\"font-size:20px\">{} <bdi>{}</bdi></h1>\n\
             <p style=\"margin:0\">{}</p><p style=\"font-size:26px;margin:0\">{}</p>\n<p>{}: {paid} {}{}{free} {}</p>\n<p>{} (<bdi>{}</bdi>): {}",
            words.title,
            words.days(report.days),
            words.total,
            money(micros),
            words.messages,
            words.charged,
            words.comma,
            words.free,
            words.before,
            words.days(report.days_before),
            money(report.before.micros)
        );
        if let Some(change) = self.change() {
            let _ = write!(out, "<br>{}: <bdi>{change}</bdi>", words.change);
        }
        for other in &report.other_currencies {
            let _ = write!(out, "<br>{}: <bdi>{other}</bdi>", words.total);
        }
        out.push_str("</p>\n");
        for (title, sums) in self.lists() {
            if sums.is_empty() {
                continue;
            }
            let _ = write!(
                out,
                "<h2 style=\"font-size:16px\">{title}</h2>\n<table width=\"100%\" style=\"border-collapse:collapse\">\n"
            );
            for (name, sum) in sums.iter().take(NAMES_MAX) {
                let _ = writeln!(
                    out,
                    "<tr><td style=\"{CELL}\"><bdi>{}</bdi></td><td style=\"{CELL};text-align:{end}\">{}</td>\
                     <td style=\"{CELL};text-align:{end}\">{}</td></tr>",
                    escaped(self.name(name)),
                    sum.n(),
                    money(sum.micros)
                );
            }
            out.push_str("</table>\n");
            if sums.len() > NAMES_MAX {
                let _ = writeln!(out, "<p>{}</p>", words.more);
            }
        }
        if let Some(because) = &report.sides.meta_missing {
            let _ = writeln!(out, "<p>{}: <bdi>{}</bdi></p>", words.no_meta, escaped(because));
        }
        let _ = writeln!(out, "<h2 style=\"font-size:16px\">{}</h2>", words.advice);
        for one in &report.advice {
            let sentence = advice(self.language, one, &money(one.saves_micros), |text| format!("<bdi>{text}</bdi>"));
            let _ = writeln!(out, "<p>{sentence}</p>");
        }
        if report.advice.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", words.no_advice);
        }
        let _ = writeln!(out, "<p style=\"color:#57606a\">{}</p>\n</div>", words.attached);
    }
}
