//! A review in one language as titles, tables and sentences: what page, mail and text have in common.

use super::rates::Rate;
use super::times::{Percentiles, Times};
use super::words::{self, Words};
use super::{Compared, Review};
use crate::domain::language::Language;
use crate::domain::limits_check::{SaidAbout, SaidByMeta};

/// What stands under one title.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) title: String,
    /// Heads of the columns; none: there is no table.
    pub(super) head: Vec<String>,
    /// Cells; the first of a row is its name.
    pub(super) rows: Vec<Vec<String>>,
    /// Sentences below the table.
    pub(super) lines: Vec<String>,
}

/// Everything in a language; `isolated` sets words of the other direction apart in a sentence.
pub(super) fn sections(review: &Review, language: Language, isolated: &dyn Fn(&str) -> String) -> Vec<Section> {
    let mut sections = vec![
        all(review, language),
        changed(review, language, isolated),
        channels(review, language),
        worst(review, language, Rate::Delivered),
        worst(review, language, Rate::Answered),
        times(review, language),
    ];
    sections.extend(said(review, language, isolated));
    sections.retain(|section| !section.rows.is_empty() || !section.lines.is_empty());
    sections
}

fn heads(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn all(review: &Review, language: Language) -> Section {
    let words = Words::of(language);
    let Compared { now, before, .. } = &review.all;
    let row = |name: &str, now: String, before: String| vec![name.to_owned(), now, before];
    let mut rows = vec![
        row(words.called, now.called.to_string(), before.called.to_string()),
        row(words.failed, now.failed.to_string(), before.failed.to_string()),
    ];
    let rates =
        Rate::ALL.map(|rate| row(words.rate(rate), words::share(now.share(rate)), words::share(before.share(rate))));
    rows.extend(rates);
    let head = heads(&["", words.now, words.before]);
    Section { title: String::new(), head, rows, lines: Vec::new() }
}

fn changed(review: &Review, language: Language, isolated: &dyn Fn(&str) -> String) -> Section {
    let words = Words::of(language);
    let mut lines: Vec<String> = review
        .changes
        .iter()
        .map(|change| {
            let direction = words::direction(language, change.direction);
            format!("{direction}: {}", words::change(language, &change.what, isolated))
        })
        .collect();
    if lines.is_empty() {
        lines.push(words.unchanged.to_owned());
    }
    Section { title: words.changed.to_owned(), lines, ..Section::default() }
}

/// What it is, with what it was behind it.
fn beside(now: String, before: String) -> String {
    if now == before { now } else { format!("{now} ({before})") }
}

fn channels(review: &Review, language: Language) -> Section {
    let words = Words::of(language);
    let row = |one: &Compared<crate::domain::channel::Channel>| {
        let mut cells =
            vec![one.whose.name().to_owned(), beside(one.now.called.to_string(), one.before.called.to_string())];
        let rates =
            Rate::ALL.map(|rate| beside(words::share(one.now.share(rate)), words::share(one.before.share(rate))));
        cells.extend(rates);
        let median = review.answered.get(&one.whose).map(|answered| words::time(answered.median.as_millis() as i64));
        cells.push(median.unwrap_or_else(|| "–".to_owned()));
        cells
    };
    Section {
        title: format!("{} ({})", words.channels, words.in_brackets),
        head: heads(&["", words.called, words.delivered, words.read, words.answered, words.median]),
        rows: review.channels.iter().map(row).collect(),
        lines: Vec::new(),
    }
}

fn worst(review: &Review, language: Language, rate: Rate) -> Section {
    let words = Words::of(language);
    let row = |one: &&Compared<String>| {
        let (now, before) = (words::share(one.now.share(rate)), words::share(one.before.share(rate)));
        vec![one.whose.clone(), one.now.called.to_string(), now, before]
    };
    Section {
        title: if rate == Rate::Answered { words.worst_answered } else { words.worst_delivered }.to_owned(),
        head: heads(&["", words.called, words.rate(rate), words.before]),
        rows: review.worst(rate).iter().map(row).collect(),
        lines: Vec::new(),
    }
}

fn times(review: &Review, language: Language) -> Section {
    let words = Words::of(language);
    let row = |name: String, now: Option<&Percentiles>, before: Option<&Percentiles>| {
        let cell = |of: fn(&Percentiles) -> i64| {
            let shown =
                |times: Option<&Percentiles>| times.map_or_else(|| "–".to_owned(), |times| words::time(of(times)));
            beside(shown(now), shown(before))
        };
        let n = now.map_or(0, |times| times.n).to_string();
        vec![name, n, cell(|times| times.p50), cell(|times| times.p95), cell(|times| times.p99)]
    };
    let Times { lateness, latency, .. } = &review.times;
    let before = &review.times_before;
    let mut rows = Vec::new();
    if lateness.is_some() || before.lateness.is_some() {
        rows.push(row(words.lateness.to_owned(), lateness.as_ref(), before.lateness.as_ref()));
    }
    let channels = latency.keys().chain(before.latency.keys().filter(|channel| !latency.contains_key(channel)));
    rows.extend(channels.map(|channel| {
        row(format!("{}: {}", words.latency, channel.name()), latency.get(channel), before.latency.get(channel))
    }));
    Section {
        title: format!("{} ({})", words.times, words.in_brackets),
        head: heads(&["", words.messages, words.half, words.of_95, words.of_99]),
        rows,
        lines: words::sample(language, &review.times),
    }
}

/// Numbers and accounts as Meta says.
fn said(review: &Review, language: Language, isolated: &dyn Fn(&str) -> String) -> Vec<Section> {
    let words = Words::of(language);
    let Some(said) = &review.said.now else {
        return vec![Section {
            title: words.numbers.to_owned(),
            lines: vec![words.never_asked.to_owned()],
            ..Section::default()
        }];
    };
    let mut asked = format!("{} {}", words.asked_at, isolated(&said.asked_at.to_string()));
    let before = review.said.before.as_ref();
    if let Some((month, _)) = before {
        asked.push_str(&format!("{}{} {}", words.semicolon, words.beside, isolated(&month.to_string())));
    }
    let head = |abouts: &[SaidAbout]| {
        let abouts = abouts.iter().map(|about| words::said_about(language, *about).to_owned());
        std::iter::once(String::new()).chain(abouts).collect()
    };
    let rows = |abouts: &[SaidAbout], names: Vec<String>, of: fn(&SaidByMeta, &str, SaidAbout) -> Option<String>| {
        let cell = |name: &str, about| {
            let now = of(said, name, about).unwrap_or_default();
            let before = before.and_then(|(_, before)| of(before, name, about)).unwrap_or_else(|| now.clone());
            let shown = |word: String| if word.is_empty() { "–".to_owned() } else { word };
            beside(shown(now), shown(before))
        };
        let row = |name: String| {
            let cells = abouts.iter().map(|about| cell(&name, *about)).collect::<Vec<_>>();
            std::iter::once(name).chain(cells).collect()
        };
        names.into_iter().map(row).collect::<Vec<Vec<String>>>()
    };
    let numbers = said.numbers.keys().map(ToString::to_string).collect();
    let because = said.accounts.iter().flat_map(|(account, facts)| {
        facts.because.iter().map(|because| format!("{} ({}): {}", words.because, isolated(account), isolated(because)))
    });
    vec![
        Section {
            title: words.numbers.to_owned(),
            head: head(&OF_NUMBERS),
            rows: rows(&OF_NUMBERS, numbers, of_number),
            lines: vec![asked],
        },
        Section {
            title: words.accounts.to_owned(),
            head: head(&OF_ACCOUNTS),
            rows: rows(&OF_ACCOUNTS, said.accounts.keys().cloned().collect(), of_account),
            lines: because.collect(),
        },
    ]
}

/// What is shown of numbers. The name that people see is in the changes, when it does.
pub(super) const OF_NUMBERS: [SaidAbout; 5] =
    [SaidAbout::Quality, SaidAbout::Tier, SaidAbout::Throughput, SaidAbout::State, SaidAbout::NameState];
/// What is shown of accounts.
pub(super) const OF_ACCOUNTS: [SaidAbout; 3] = [SaidAbout::BusinessVerification, SaidAbout::Review, SaidAbout::CanSend];

/// Meta's word about one of our numbers.
pub(super) fn of_number(said: &SaidByMeta, name: &str, about: SaidAbout) -> Option<String> {
    let (_, facts) = said.numbers.iter().find(|(sender, _)| sender.as_str() == name)?;
    match about {
        SaidAbout::Quality => Some(&facts.quality),
        SaidAbout::Tier => Some(&facts.messaging_limit),
        SaidAbout::Throughput => Some(&facts.throughput),
        SaidAbout::State => Some(&facts.status),
        SaidAbout::NameState => Some(&facts.name_status),
        SaidAbout::Name => Some(&facts.verified_name),
        SaidAbout::Review | SaidAbout::BusinessVerification | SaidAbout::CanSend => None,
    }
    .cloned()
}

/// Meta's word about one of our accounts.
pub(super) fn of_account(said: &SaidByMeta, account: &str, about: SaidAbout) -> Option<String> {
    let facts = said.accounts.get(account)?;
    match about {
        SaidAbout::BusinessVerification => Some(&facts.business_verification),
        SaidAbout::Review => Some(&facts.review),
        SaidAbout::CanSend => Some(&facts.can_send),
        _ => None,
    }
    .cloned()
}
