//! The report as a page of its own: no scripts, nothing from elsewhere, charts as SVG inside; in Arabic from right to left.

use std::fmt::Write as _;

use super::advice::{Advice, AdviceKind};
use super::json::percent;
use super::{CostReport, Sum};
use crate::domain::language::Language;
use crate::domain::pricing::Difference;

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

/// Words of the page.
struct Words {
    title: &'static str,
    total: &'static str,
    charged: &'static str,
    free: &'static str,
    before: &'static str,
    by_day: &'static str,
    by_campaign: &'static str,
    by_channel: &'static str,
    by_country: &'static str,
    by_category: &'static str,
    by_language: &'static str,
    none: &'static str,
    messages: &'static str,
    cost: &'static str,
    estimated: &'static str,
    booked: &'static str,
    meta: &'static str,
    channels: &'static str,
    one: &'static str,
    delivered: &'static str,
    read: &'static str,
    answered: &'static str,
    median: &'static str,
    sides: &'static str,
    explained: &'static str,
    untold: &'static str,
    no_meta: &'static str,
    advice: &'static str,
    no_advice: &'static str,
    made_at: &'static str,
}

const ENGLISH: Words = Words {
    title: "Costs of messages",
    total: "Total cost",
    charged: "charged",
    free: "free",
    before: "In the days before",
    by_day: "By day",
    by_campaign: "By campaign",
    by_channel: "By channel",
    by_country: "By country",
    by_category: "By category",
    by_language: "By language",
    none: "none",
    messages: "Messages",
    cost: "Cost",
    estimated: "Estimated",
    booked: "Booked",
    meta: "Meta's analytics",
    channels: "The channels beside each other",
    one: "One message",
    delivered: "Delivered",
    read: "Read",
    answered: "Answered",
    median: "Half answered within",
    sides: "Estimate, callbacks and Meta's analytics",
    explained: "What explains the difference between estimate and booking",
    untold: "no callback told the price; booked by estimate",
    no_meta: "Meta's analytics are missing",
    advice: "What would have been cheaper",
    no_advice: "Nothing that these days show.",
    made_at: "Made at",
};

const ARABIC: Words = Words {
    title: "تكاليف الرسائل",
    total: "التكلفة الإجمالية",
    charged: "محسوبة",
    free: "مجانية",
    before: "في الأيام السابقة",
    by_day: "حسب اليوم",
    by_campaign: "حسب الحملة",
    by_channel: "حسب القناة",
    by_country: "حسب البلد",
    by_category: "حسب الفئة",
    by_language: "حسب اللغة",
    none: "لا شيء",
    messages: "الرسائل",
    cost: "التكلفة",
    estimated: "التقدير",
    booked: "المسجَّل",
    meta: "تحليلات Meta",
    channels: "مقارنة القنوات",
    one: "الرسالة الواحدة",
    delivered: "وصلت",
    read: "قُرئت",
    answered: "أُجيب عنها",
    median: "نصف الإجابات خلال",
    sides: "التقدير والإشعارات وتحليلات Meta",
    explained: "ما يفسّر الفرق بين التقدير والمسجَّل",
    untold: "لم يُبلَّغ عن سعرها؛ سُجّلت حسب التقدير",
    no_meta: "تحليلات Meta غير متوفرة",
    advice: "ما كان سيكون أرخص",
    no_advice: "لا شيء يظهر من هذه الأيام.",
    made_at: "أُعدّ في",
};

/// The page in a language.
pub fn to_html(report: &CostReport, language: Language) -> String {
    let (words, direction) = match language {
        Language::Ar => (&ARABIC, "rtl"),
        Language::En => (&ENGLISH, "ltr"),
    };
    let mut page = Page { out: String::with_capacity(32 * 1024), report, words, language };
    page.put(&format!(
        "<!doctype html>\n<html lang=\"{}\" dir=\"{direction}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{} {}</title><style>{STYLE}</style></head><body>\n",
        language.code(),
        words.title,
        report.days
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
            "<h1>{} <bdi>{}</bdi></h1>\n<p class=\"big\">{}</p>\n<p>{}: {} {}, {} {}</p>\n<p class=\"muted\">{} (<bdi>{}</bdi>): {}</p>\n",
            words.title,
            report.days,
            self.amount(report.total.micros),
            words.messages,
            report.total.paid,
            words.charged,
            report.total.free,
            words.free,
            words.before,
            report.days_before,
            self.amount(report.before.micros),
        );
        self.put(&head);
        for money in &report.other_currencies {
            self.put(&format!("<p>{}: <bdi>{money}</bdi></p>\n", words.total));
        }
    }

    /// A bar for each day, the first where reading begins.
    fn day_chart(&mut self) {
        let days = &self.report.by_day;
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
                let line =
                    format!("<li>{}: {} ({})</li>\n", self.difference(one.because), self.amount(one.micros), one.n);
                self.put(&line);
            }
            if sides.untold.0 > 0 {
                let line = format!("<li>{}: {} ({})</li>\n", words.untold, self.amount(sides.untold.1), sides.untold.0);
                self.put(&line);
            }
            self.put("</ul>\n");
        }
    }

    const fn difference(&self, difference: Difference) -> &'static str {
        match (self.language, difference) {
            (Language::En, Difference::None) => "no difference",
            (Language::En, Difference::Category) => "charged as another category",
            (Language::En, Difference::Free) => "free, although a price was estimated",
            (Language::En, Difference::Charged) => "charged, although it was taken for free",
            (Language::En, Difference::Amount) => "the provider told another amount",
            (Language::Ar, Difference::None) => "لا فرق",
            (Language::Ar, Difference::Category) => "حُسبت بفئة أخرى",
            (Language::Ar, Difference::Free) => "مجانية مع أنّ سعرًا قُدّر لها",
            (Language::Ar, Difference::Charged) => "محسوبة مع أنّها عُدّت مجانية",
            (Language::Ar, Difference::Amount) => "أبلغ المزوّد عن مبلغ آخر",
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
        for Advice { kind, n, saves_micros } in &self.report.advice {
            let saves = self.amount(*saves_micros);
            let line = match (self.language, kind) {
                (Language::En, AdviceKind::Category { charged_as }) => format!(
                    "{n} messages were charged as <bdi>{}</bdi>, dearer than planned: word their template so that Meta keeps its category. \
                     It would have saved {saves}.",
                    charged_as.name()
                ),
                (Language::Ar, AdviceKind::Category { charged_as }) => format!(
                    "حُسبت {n} رسالة بفئة <bdi>{}</bdi> وهي أغلى من المخطَّط: عدّل صياغة القالب لتُبقي Meta فئته. كان ذلك سيوفّر {saves}.",
                    charged_as.name()
                ),
                (Language::En, AdviceKind::Channel { used, cheaper }) => format!(
                    "{n} messages took over by <bdi>{}</bdi>; <bdi>{}</bdi> was cheaper for each. Put it first in <bdi>[delivery] fallback</bdi>: \
                     it would have saved up to {saves}.",
                    used.name(),
                    cheaper.name()
                ),
                (Language::Ar, AdviceKind::Channel { used, cheaper }) => format!(
                    "أُرسلت {n} رسالة بديلة عبر <bdi>{}</bdi> وكانت <bdi>{}</bdi> أرخص لكل رسالة. ضعها أولًا في \
                     <bdi>[delivery] fallback</bdi>: كان ذلك سيوفّر حتى {saves}.",
                    used.name(),
                    cheaper.name()
                ),
                (Language::En, AdviceKind::CompleteCard) => format!(
                    "{n} messages went where the rate card has no price; they are reckoned at the flat price. Complete the card."
                ),
                (Language::Ar, AdviceKind::CompleteCard) => {
                    format!("{n} رسالة لا سعر لها في بطاقة الأسعار، فحُسبت بالسعر الثابت. أكمل البطاقة.")
                }
            };
            self.put(&format!("<li>{line}</li>\n"));
        }
        self.put("</ul>\n");
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
