//! The report as JSON. Amounts are decimals as text, shares are percent as text, times are seconds.

use serde::Serialize;

use super::advice::{Advice, AdviceKind};
use super::channels::ChannelFigures;
use super::sides::Side;
use super::{CostReport, Sum, rows};
use crate::domain::report::percent;

/// A report, to be shown.
#[derive(Debug, Serialize)]
pub struct ShownReport {
    from: String,
    to: String,
    made_at: String,
    currency: String,
    total: ShownSum,
    previous: ShownPrevious,
    by_day: Vec<Named>,
    by_campaign: Vec<Named>,
    by_channel: Vec<Named>,
    by_country: Vec<Named>,
    by_category: Vec<Named>,
    by_language: Vec<Named>,
    free: Vec<ShownFree>,
    channels: Vec<ShownChannel>,
    sides: ShownSides,
    advice: Vec<ShownAdvice>,
    other_currencies: Vec<ShownMoney>,
    rows: Vec<ShownRow>,
}

#[derive(Debug, Serialize)]
struct ShownMoney {
    amount: String,
    currency: String,
}

#[derive(Debug, Serialize)]
struct ShownSum {
    messages: i64,
    charged: i64,
    free: i64,
    cost: String,
    estimated: String,
}

#[derive(Debug, Serialize)]
struct ShownPrevious {
    from: String,
    to: String,
    #[serde(flatten)]
    sum: ShownSum,
}

#[derive(Debug, Serialize)]
struct Named {
    /// Empty where there is none: outside of campaigns, a country that is not known.
    name: String,
    #[serde(flatten)]
    sum: ShownSum,
}

#[derive(Debug, Serialize)]
struct ShownFree {
    because: String,
    messages: i64,
}

#[derive(Debug, Serialize)]
struct ShownChannel {
    channel: &'static str,
    #[serde(flatten)]
    sum: ShownSum,
    cost_of_one: Option<String>,
    called: i64,
    delivered: i64,
    read: i64,
    failed: i64,
    answered: u64,
    delivery_percent: Option<String>,
    read_percent: Option<String>,
    answer_percent: Option<String>,
    median_answer_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct ShownSides {
    rows: Vec<ShownSide>,
    total: ShownSide,
    /// What explains the difference between `estimated` and `booked`.
    explained: Vec<ShownExplained>,
    booked_by_estimate: ShownExplained,
    meta_missing: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownSide {
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'static str>,
    messages: i64,
    charged: i64,
    told_by_callbacks: i64,
    estimated: String,
    booked: String,
    meta_messages: Option<i64>,
    meta_charged: Option<i64>,
    meta: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownExplained {
    because: &'static str,
    messages: i64,
    amount: String,
}

#[derive(Debug, Serialize)]
struct ShownAdvice {
    kind: &'static str,
    /// The category or channel that was dearer.
    about: Option<&'static str>,
    /// The channel that was cheaper.
    cheaper: Option<&'static str>,
    messages: i64,
    saves: String,
}

#[derive(Debug, Serialize)]
struct ShownRow {
    day: String,
    campaign: String,
    channel: &'static str,
    country: String,
    category: &'static str,
    language: &'static str,
    #[serde(flatten)]
    sum: ShownSum,
}

impl ShownReport {
    /// What a terminal shows below the sums: the channels beside each other, what explains differences, and advice. One sentence each.
    pub fn lines(&self) -> Vec<String> {
        let known =
            |share: &Option<String>| share.as_ref().map_or_else(|| "not told".to_owned(), |share| format!("{share} %"));
        let mut lines: Vec<String> = self
            .channels
            .iter()
            .map(|one| {
                let each = one.cost_of_one.as_deref().unwrap_or("nothing");
                let median = one
                    .median_answer_seconds
                    .map(|s| format!(", half of the answers within {s} s"))
                    .unwrap_or_default();
                format!(
                    "{}: {} called, one cost {each} {}, delivered {}, read {}, answered {}{median}",
                    one.channel,
                    one.called,
                    self.currency,
                    known(&one.delivery_percent),
                    known(&one.read_percent),
                    known(&one.answer_percent)
                )
            })
            .collect();
        let explained = self.sides.explained.iter().map(|one| {
            let because = match one.because {
                "category" => "were charged as another category",
                "free" => "were free, although a price was estimated",
                "charged" => "were charged, although they were taken for free",
                _ => "cost another amount by the provider's word",
            };
            format!("{} messages {because}: {} {}", one.messages, one.amount, self.currency)
        });
        lines.extend(explained);
        let untold = &self.sides.booked_by_estimate;
        if untold.messages > 0 {
            let (n, amount) = (untold.messages, &untold.amount);
            lines.push(format!(
                "{n} messages were booked by estimate, {amount} {}: no callback told their price",
                self.currency
            ));
        }
        if let Some(meta) = &self.sides.total.meta {
            let n = self.sides.total.meta_messages.unwrap_or(0);
            lines.push(format!(
                "Meta's analytics: {n} messages, {meta} {}; booked: {}",
                self.currency, self.sides.total.booked
            ));
        }
        lines.extend(self.sides.meta_missing.iter().map(|because| format!("Meta's analytics are missing: {because}")));
        let advice = self.advice.iter().map(|one| match (one.kind, one.about, one.cheaper) {
            ("channel", Some(used), Some(cheaper)) => format!(
                "cheaper: {} messages over {used} would have cost {} {} less over {cheaper}",
                one.messages, one.saves, self.currency
            ),
            ("category", Some(category), _) => format!(
                "cheaper: {} messages were charged as {category}; as planned they would have cost {} {} less",
                one.messages, one.saves, self.currency
            ),
            _ => format!("{} messages went where the rate card has no price; complete it", one.messages),
        });
        lines.extend(advice);
        let others = self.other_currencies.iter();
        lines.extend(
            others.map(|money| {
                format!("left out, because it is in another currency: {} {}", money.amount, money.currency)
            }),
        );
        lines
    }
}

impl ShownReport {
    /// Of a report; `with_rows`: the single rows, too, which are many.
    pub fn new(report: &CostReport, with_rows: bool) -> Self {
        let decimal = |micros| report.money(micros).to_decimal();
        let sum = |sum: &Sum| ShownSum {
            messages: sum.n(),
            charged: sum.paid,
            free: sum.free,
            cost: decimal(sum.micros),
            estimated: decimal(sum.estimated_micros),
        };
        let named = |all: &[(String, Sum)]| -> Vec<Named> {
            all.iter().map(|(name, of)| Named { name: name.clone(), sum: sum(of) }).collect()
        };
        let channel = |one: &ChannelFigures| ShownChannel {
            channel: one.channel.name(),
            sum: sum(&one.sum),
            cost_of_one: one.each_micros().map(decimal),
            called: one.called,
            delivered: one.delivered,
            read: one.read,
            failed: one.failed,
            answered: one.answered,
            delivery_percent: one.delivery_share().map(percent),
            read_percent: one.read_share().map(percent),
            answer_percent: one.answer_share().map(percent),
            median_answer_seconds: one.median_answer.map(|median| median.as_secs()),
        };
        let sides = &report.sides;
        let side = |side: &Side| ShownSide {
            country: None,
            category: None,
            messages: side.n,
            charged: side.paid,
            told_by_callbacks: side.told,
            estimated: decimal(side.estimated_micros),
            booked: decimal(side.booked_micros),
            meta_messages: sides.has_meta.then_some(side.meta_n),
            meta_charged: sides.has_meta.then_some(side.meta_paid),
            meta: side.meta_micros.map(decimal),
        };
        let rows_of_sides = sides.rows.iter().map(|((country, category), row)| ShownSide {
            country: Some(country.map(|country| country.to_string()).unwrap_or_default()),
            category: Some(category.name()),
            ..side(row)
        });
        let row = |part: rows::Part| ShownRow {
            sum: sum(&part.sum),
            day: part.day,
            campaign: part.campaign,
            channel: part.channel,
            country: part.country,
            category: part.category,
            language: part.language,
        };
        let advice = |Advice { kind, n, saves_micros }: &Advice| {
            let (kind, about, cheaper) = match kind {
                AdviceKind::Category { charged_as } => ("category", Some(charged_as.name()), None),
                AdviceKind::Channel { used, cheaper } => ("channel", Some(used.name()), Some(cheaper.name())),
                AdviceKind::CompleteCard => ("complete-card", None, None),
            };
            ShownAdvice { kind, about, cheaper, messages: *n, saves: decimal(*saves_micros) }
        };
        Self {
            from: report.days.from.to_string(),
            to: report.days.to.to_string(),
            made_at: report.made_at.to_string(),
            currency: report.currency.to_string(),
            total: sum(&report.total),
            previous: ShownPrevious {
                from: report.days_before.from.to_string(),
                to: report.days_before.to.to_string(),
                sum: sum(&report.before),
            },
            by_day: named(&report.by_day),
            by_campaign: named(&report.by_campaign),
            by_channel: named(&report.by_channel),
            by_country: named(&report.by_country),
            by_category: named(&report.by_category),
            by_language: named(&report.by_language),
            free: report
                .free_because
                .iter()
                .map(|(because, messages)| ShownFree { because: because.clone(), messages: *messages })
                .collect(),
            channels: report.channels.iter().map(channel).collect(),
            sides: ShownSides {
                rows: rows_of_sides.collect(),
                total: side(&sides.total),
                explained: sides
                    .explained
                    .iter()
                    .map(|one| ShownExplained {
                        because: one.because.name(),
                        messages: one.n,
                        amount: decimal(one.micros),
                    })
                    .collect(),
                booked_by_estimate: ShownExplained {
                    because: "untold",
                    messages: sides.untold.0,
                    amount: decimal(sides.untold.1),
                },
                meta_missing: sides.meta_missing.clone(),
            },
            advice: report.advice.iter().map(advice).collect(),
            other_currencies: report
                .other_currencies
                .iter()
                .map(|money| ShownMoney { amount: money.to_decimal(), currency: money.currency.to_string() })
                .collect(),
            rows: if with_rows { rows::rows(report).into_iter().map(row).collect() } else { Vec::new() },
        }
    }
}
