//! What would have been cheaper, in numbers that follow from the days themselves.

use super::channels::ChannelFigures;
use super::facts::CostDay;
use crate::domain::channel::Channel;
use crate::domain::pricing::{Difference, PriceCategory};

/// What could have been done in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdviceKind {
    /// Templates that were planned as another category were charged as this one.
    Category {
        /// As what they were charged.
        charged_as: PriceCategory,
    },
    /// A channel that takes over was dearer for each message than another one that was in use, too.
    Channel {
        /// The dearer one.
        used: Channel,
        /// The cheaper one.
        cheaper: Channel,
    },
    /// Countries without a rate on the card were reckoned at the flat price: the card should be completed.
    CompleteCard,
}

/// What would have been cheaper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// In which way.
    pub kind: AdviceKind,
    /// For how many messages.
    pub n: i64,
    /// What it would have saved at most, in micro-units; nothing where that cannot be known.
    pub saves_micros: i64,
}

/// The advice that the days give, the most saving first.
pub(super) fn advice(costs: &[CostDay], channels: &[ChannelFigures]) -> Vec<Advice> {
    let mut advice = Vec::new();
    for charged_as in PriceCategory::ALL {
        let recategorised = costs.iter().filter(|day| {
            day.category == charged_as && day.difference == Difference::Category && day.micros > day.estimated_micros
        });
        let (n, saves_micros) =
            recategorised.fold((0, 0), |(n, saves), day| (n + day.n, saves + day.micros - day.estimated_micros));
        if n > 0 {
            advice.push(Advice { kind: AdviceKind::Category { charged_as }, n, saves_micros });
        }
    }
    // Only channels that take over can be exchanged: what WhatsApp could not bring was for them.
    let takes_over: Vec<&ChannelFigures> = channels.iter().filter(|one| one.channel != Channel::Whatsapp).collect();
    for dear in &takes_over {
        let cheaper = takes_over
            .iter()
            .filter_map(|other| Some((other.each_micros()?, other.channel)))
            .filter(|(micros, _)| dear.each_micros().is_some_and(|dear| *micros < dear))
            .min();
        if let Some((micros, cheaper)) = cheaper {
            let n = dear.sum.n();
            let saves_micros = dear.sum.micros - micros * n;
            advice.push(Advice { kind: AdviceKind::Channel { used: dear.channel, cheaper }, n, saves_micros });
        }
    }
    advice.sort_by_key(|advice| -advice.saves_micros);
    let is_card_in_use = costs.iter().any(|day| day.source == Some(crate::domain::pricing::Source::Card));
    let at_flat: i64 = costs
        .iter()
        .filter(|day| day.channel == Channel::Whatsapp && day.source == Some(crate::domain::pricing::Source::Flat))
        .map(|day| day.n)
        .sum();
    if is_card_in_use && at_flat > 0 {
        advice.push(Advice { kind: AdviceKind::CompleteCard, n: at_flat, saves_micros: 0 });
    }
    advice
}
