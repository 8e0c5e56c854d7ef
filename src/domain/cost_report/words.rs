//! The words of a report in both languages.

use super::advice::{Advice, AdviceKind};
use super::period::Days;
use crate::domain::language::Language;
use crate::domain::pricing::Difference;

/// Words of pages and mails.
pub(super) struct Words {
    pub(super) direction: &'static str,
    pub(super) comma: &'static str,
    pub(super) until: &'static str,
    pub(super) title: &'static str,
    pub(super) total: &'static str,
    pub(super) charged: &'static str,
    pub(super) free: &'static str,
    pub(super) before: &'static str,
    pub(super) by_day: &'static str,
    pub(super) by_campaign: &'static str,
    pub(super) by_channel: &'static str,
    pub(super) by_country: &'static str,
    pub(super) by_category: &'static str,
    pub(super) by_language: &'static str,
    pub(super) none: &'static str,
    pub(super) messages: &'static str,
    pub(super) cost: &'static str,
    pub(super) estimated: &'static str,
    pub(super) booked: &'static str,
    pub(super) meta: &'static str,
    pub(super) channels: &'static str,
    pub(super) one: &'static str,
    pub(super) delivered: &'static str,
    pub(super) read: &'static str,
    pub(super) answered: &'static str,
    pub(super) median: &'static str,
    pub(super) sides: &'static str,
    pub(super) explained: &'static str,
    pub(super) untold: &'static str,
    pub(super) no_meta: &'static str,
    pub(super) advice: &'static str,
    pub(super) no_advice: &'static str,
    pub(super) made_at: &'static str,
    pub(super) change: &'static str,
    pub(super) more: &'static str,
    pub(super) attached: &'static str,
}

const ENGLISH: Words = Words {
    direction: "ltr",
    comma: ", ",
    until: " to ",
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
    change: "Change",
    more: "and more",
    attached: "The whole report is attached: open the file in a browser.",
};

const ARABIC: Words = Words {
    direction: "rtl",
    comma: "، ",
    until: " – ",
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
    change: "التغيّر",
    more: "وغيرها",
    attached: "التقرير الكامل مرفق: افتح الملف في متصفّح.",
};

impl Words {
    /// Those of a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::Ar => &ARABIC,
            Language::En => &ENGLISH,
        }
    }

    /// The days of a report.
    pub(super) fn days(&self, days: Days) -> String {
        if days.from == days.to { days.from.to_string() } else { format!("{}{}{}", days.from, self.until, days.to) }
    }
}

/// In what an estimate and a booking differ.
pub(super) const fn difference(language: Language, difference: Difference) -> &'static str {
    match (language, difference) {
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

/// What would have been cheaper, in a sentence; `saves` is an amount as it stands in the text, `isolated` sets words of the other direction
/// apart.
pub(super) fn advice(language: Language, advice: &Advice, saves: &str, isolated: impl Fn(&str) -> String) -> String {
    let Advice { kind, n, .. } = advice;
    match (language, kind) {
        (Language::En, AdviceKind::Category { charged_as }) => format!(
            "{n} messages were charged as {}, dearer than planned: word their template so that Meta keeps its category. \
             It would have saved {saves}.",
            isolated(charged_as.name())
        ),
        (Language::Ar, AdviceKind::Category { charged_as }) => format!(
            "حُسبت {n} رسالة بفئة {} وهي أغلى من المخطَّط: عدّل صياغة القالب لتُبقي Meta فئته. كان ذلك سيوفّر {saves}.",
            isolated(charged_as.name())
        ),
        (Language::En, AdviceKind::Channel { used, cheaper }) => format!(
            "{n} messages took over by {}; {} was cheaper for each. Put it first in {}: it would have saved up to {saves}.",
            isolated(used.name()),
            isolated(cheaper.name()),
            isolated("[delivery] fallback")
        ),
        (Language::Ar, AdviceKind::Channel { used, cheaper }) => format!(
            "أُرسلت {n} رسالة بديلة عبر {} وكانت {} أرخص لكل رسالة. ضعها أولًا في {}: كان ذلك سيوفّر حتى {saves}.",
            isolated(used.name()),
            isolated(cheaper.name()),
            isolated("[delivery] fallback")
        ),
        (Language::En, AdviceKind::CompleteCard) => format!(
            "{n} messages went where the rate card has no price; they are reckoned at the flat price. Complete the card."
        ),
        (Language::Ar, AdviceKind::CompleteCard) => {
            format!("{n} رسالة لا سعر لها في بطاقة الأسعار، فحُسبت بالسعر الثابت. أكمل البطاقة.")
        }
    }
}
