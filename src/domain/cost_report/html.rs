//! The report as a page of its own: no scripts, nothing from elsewhere, charts as SVG inside; in Arabic from right to left.

use std::fmt::Write as _;

use super::words::{Words, advice, difference};
use super::{CostReport, Sum};
use crate::domain::language::Language;
use crate::domain::report::{escaped, percent};

/// Width and height of a chart, in its own units.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 180;
/// Bars of a chart of names.
const NAMES_MAX: usize = 10;
/// Room for a name beside its bar.
const NAME_WIDTH: i64 = 180;
const BAR_HEIGHT: i64 = 22;

const STYLE: &str = "body{font:15px/1.5 system-ui,'Segoe UI',Tahoma,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24;\
background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{padding:.3rem .6rem;border-bottom:1px solid #d8dee4;text-align:start}td.n,th.n{text-align:end;font-variant-numeric:tabular-nums}\
.big{font-size:2rem;font-weight:600}.muted{color:#57606a}svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#57606a}\
svg rect{fill:#0a7f6b}";

/// The page in a language.
pub fn to_html(report: &CostReport, language: Language) -> String {
    let words = Words::of(language);
    let direction = words.direction;
    let mut page = Page { out: String::with_capacity(32 * 1024), report, words, language };
    page.put(&format!(
        "<!doctype html>\n<html lang=\"{}\" dir=\"{direction}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{} {}</title><style>{STYLE}</style></head><body>\n",
        language.code(),
        words.title,
        words.days(report.days)
    ));
    page.head();
    page.day_chart();
    let lists = [
        (words.by_campaign, &report.by_campaign),
        (words.by_channel, &report.by_channel),
        (words.by_country, &report.by_country),
        (words.by_category, &report.by_category),
        (words.by_language, &report.by_language),
    ];
    for (title, sums) in lists {
        page.names(title, sums);
    }
    page.channels();
    page.sides();
    page.advice();
    page.put(&format!("<p class=\"muted\">{} <bdi>{}</bdi></p>\n</body></html>\n", words.made_at, report.made_at));
    page.out
}

struct Page<'a> {
    out: String,
    report: &'a CostReport,
    words: &'static Words,
    language: Language,
}

impl Page<'_> {
    fn put(&mut self, html: &str) {
        self.out.push_str(html);
    }

    fn amount(&self, micros: i64) -> String {
        format!("<bdi>{}</bdi>", self.report.money(micros))
    }

    fn head(&mut self) {
        let (report, words) = (self.report, self.words);
        let head = format!(
            "<h1>{} <bdi>{}</bdi></h1>\n<p class=\"big\">{}</p>\n<p>{}: {} {}{}{} {}</p>\n<p class=\"muted\">{} (<bdi>{}</bdi>): {}</p>\n",
            words.title,
            words.days(report.days),
            self.amount(report.total.micros),
            words.messages,
            report.total.paid,
            words.charged,
            words.comma,
            report.total.free,
            words.free,
            words.before,
            words.days(report.days_before),
            self.amount(report.before.micros),
        );
        self.put(&head);
        for money in &report.other_currencies {
            self.put(&format!("<p>{}: <bdi>{money}</bdi></p>\n", words.total));
        }
    }

    /// A bar for each day, the first where reading begins; of one day there is nothing to compare.
    fn day_chart(&mut self) {
        let days = &self.report.by_day;
        if days.len() < 2 {
            return;
        }
        let most = days.iter().map(|(_, sum)| sum.micros).max().unwrap_or(0).max(1);
        let n = i64::try_from(days.len()).unwrap_or(1).max(1);
        let step = (WIDTH / n).max(1);
        let mut bars = String::new();
        for (at, (day, sum)) in (0..).zip(days) {
            let height = (i128::from(sum.micros.max(0)) * i128::from(HEIGHT - 30) / i128::from(most)) as i64;
            let from_start = at * step;
            let x = if self.language == Language::Ar { WIDTH - from_start - step } else { from_start };
            let label = format!("{day}: {}", self.report.money(sum.micros));
            let _ = write!(
                bars,
                "<rect x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{height}\"><title>{}</title></rect>",
                HEIGHT - 20 - height,
                (step - 1).max(1),
                escaped(&label)
            );
        }
        let (first, last) = (days.first().map_or("", |day| &day.0), days.last().map_or("", |day| &day.0));
        let (left, right) = if self.language == Language::Ar { (last, first) } else { (first, last) };
        self.put(&format!(
            "<h2>{}</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" direction=\"ltr\">{bars}<text x=\"0\" y=\"{HEIGHT}\">{left}</text>\
             <text x=\"{WIDTH}\" y=\"{HEIGHT}\" text-anchor=\"end\">{right}</text></svg>\n",
            self.words.by_day,
        ));
    }

    /// A list with a bar for each name.
    fn names(&mut self, title: &str, sums: &[(String, Sum)]) {
        let most = sums.iter().map(|(_, sum)| sum.micros).max().unwrap_or(0).max(1);
        let words = self.words;
        self.put(&format!(
            "<h2>{title}</h2>\n<table><tr><th></th><th class=\"n\">{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th></tr>\n",
            words.messages, words.cost, words.estimated
        ));
        for (name, sum) in sums {
            let name = if name.is_empty() { words.none.to_owned() } else { escaped(name) };
            let row = format!(
                "<tr><td><bdi>{name}</bdi></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                sum.n(),
                self.amount(sum.micros),
                self.amount(sum.estimated_micros)
            );
            self.put(&row);
        }
        self.put("</table>\n");
        let shown = &sums[..sums.len().min(NAMES_MAX)];
        if shown.len() < 2 {
            return;
        }
        let height = i64::try_from(shown.len()).unwrap_or(0) * BAR_HEIGHT;
        let mut bars = String::new();
        for (at, (name, sum)) in (0..).zip(shown) {
            let width = (i128::from(sum.micros.max(0)) * i128::from(WIDTH - NAME_WIDTH) / i128::from(most)) as i64;
            let rtl = self.language == Language::Ar;
            let x = if rtl { WIDTH - NAME_WIDTH - width } else { NAME_WIDTH };
            let (text_x, anchor) = if rtl { (WIDTH - NAME_WIDTH + 6, "start") } else { (NAME_WIDTH - 6, "end") };
            let name = if name.is_empty() { words.none } else { name };
            let _ = write!(
                bars,
                "<text x=\"{text_x}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text><rect x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{}\"/>",
                at * BAR_HEIGHT + 15,
                escaped(name),
                at * BAR_HEIGHT + 3,
                BAR_HEIGHT - 6
            );
        }
        self.put(&format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" direction=\"ltr\">{bars}</svg>\n"));
    }

    fn channels(&mut self) {
        let words = self.words;
        let heads = [words.messages, words.cost, words.one, words.delivered, words.read, words.answered, words.median];
        let heads: String = heads.iter().map(|head| format!("<th class=\"n\">{head}</th>")).collect();
        self.put(&format!("<h2>{}</h2>\n<table><tr><th></th>{heads}</tr>\n", words.channels));
        for one in &self.report.channels {
            let share =
                |share: Option<i64>| share.map_or_else(|| "–".to_owned(), |share| format!("{}%", percent(share)));
            let cells = [
                one.called.to_string(),
                self.amount(one.sum.micros),
                one.each_micros().map_or_else(|| "–".to_owned(), |micros| self.amount(micros)),
                share(one.delivery_share()),
                share(one.read_share()),
                share(one.answer_share()),
                one.median_answer.map_or_else(|| "–".to_owned(), |median| format!("<bdi>{median:#}</bdi>")),
            ];
            let cells: String = cells.iter().map(|cell| format!("<td class=\"n\">{cell}</td>")).collect();
            self.put(&format!("<tr><td><bdi>{}</bdi></td>{cells}</tr>\n", one.channel.name()));
        }
        self.put("</table>\n");
    }

    fn sides(&mut self) {
        let (words, sides) = (self.words, &self.report.sides);
        self.put(&format!(
            "<h2>{}</h2>\n<table><tr><th></th><th class=\"n\">{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th></tr>\n",
            words.sides, words.messages, words.estimated, words.booked, words.meta
        ));
        for ((country, category), side) in &sides.rows {
            let country = country.map_or_else(|| words.none.to_owned(), |country| country.to_string());
            let meta = match (sides.has_meta, side.meta_micros) {
                (false, _) => "–".to_owned(),
                (true, Some(micros)) => format!("{} ({})", self.amount(micros), side.meta_n),
                (true, None) => format!("({})", side.meta_n),
            };
            let row = format!(
                "<tr><td><bdi>{country} {}</bdi></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{meta}</td></tr>\n",
                category.name(),
                side.n,
                self.amount(side.estimated_micros),
                self.amount(side.booked_micros),
            );
            self.put(&row);
        }
        self.put("</table>\n");
        if let Some(because) = &sides.meta_missing {
            self.put(&format!("<p class=\"muted\">{}: <bdi>{}</bdi></p>\n", words.no_meta, escaped(because)));
        }
        if !sides.explained.is_empty() || sides.untold.0 > 0 {
            self.put(&format!("<h2>{}</h2>\n<ul>\n", words.explained));
            for one in &sides.explained {
                let line = format!(
                    "<li>{}: {} ({})</li>\n",
                    difference(self.language, one.because),
                    self.amount(one.micros),
                    one.n
                );
                self.put(&line);
            }
            if sides.untold.0 > 0 {
                let line = format!("<li>{}: {} ({})</li>\n", words.untold, self.amount(sides.untold.1), sides.untold.0);
                self.put(&line);
            }
            self.put("</ul>\n");
        }
    }

    fn advice(&mut self) {
        let words = self.words;
        self.put(&format!("<h2>{}</h2>\n", words.advice));
        if self.report.advice.is_empty() {
            self.put(&format!("<p>{}</p>\n", words.no_advice));
            return;
        }
        self.put("<ul>\n");
        for one in &self.report.advice {
            let sentence =
                advice(self.language, one, &self.amount(one.saves_micros), |text| format!("<bdi>{text}</bdi>"));
            self.put(&format!("<li>{sentence}</li>\n"));
        }
        self.put("</ul>\n");
    }
}
