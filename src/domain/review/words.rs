//! The words of a review in both languages.

use jiff::SignedDuration;

use super::Review;
use super::compare::{Changed, Whose};
use super::rates::{Rate, Rates};
use super::times::Times;
use crate::domain::language::Language;
use crate::domain::limits_check::{Direction, SaidAbout};
use crate::domain::report::percent;

/// Words of pages and mails.
pub(super) struct Words {
    pub(super) direction: &'static str,
    pub(super) title: &'static str,
    pub(super) now: &'static str,
    pub(super) before: &'static str,
    pub(super) in_brackets: &'static str,
    pub(super) semicolon: &'static str,
    pub(super) called: &'static str,
    pub(super) failed: &'static str,
    pub(super) delivered: &'static str,
    pub(super) read: &'static str,
    pub(super) answered: &'static str,
    pub(super) median: &'static str,
    pub(super) changed: &'static str,
    pub(super) unchanged: &'static str,
    pub(super) channels: &'static str,
    pub(super) worst_delivered: &'static str,
    pub(super) worst_answered: &'static str,
    pub(super) times: &'static str,
    pub(super) lateness: &'static str,
    pub(super) latency: &'static str,
    pub(super) messages: &'static str,
    pub(super) half: &'static str,
    pub(super) of_95: &'static str,
    pub(super) of_99: &'static str,
    pub(super) numbers: &'static str,
    pub(super) accounts: &'static str,
    pub(super) never_asked: &'static str,
    pub(super) asked_at: &'static str,
    pub(super) beside: &'static str,
    pub(super) because: &'static str,
    pub(super) nothing: &'static str,
    pub(super) made_at: &'static str,
    pub(super) attached: &'static str,
}

const ENGLISH: Words = Words {
    direction: "ltr",
    title: "Review of the month",
    now: "in the month",
    before: "the month before",
    in_brackets: "in brackets: the month before",
    semicolon: "; ",
    called: "Called",
    failed: "Failed",
    delivered: "Delivered",
    read: "Read",
    answered: "Answered",
    median: "Half answered within",
    changed: "What changed",
    unchanged: "Nothing by more than chance.",
    channels: "By channel",
    worst_delivered: "Campaigns with the fewest deliveries",
    worst_answered: "Campaigns with the fewest answers",
    times: "How long messages took",
    lateness: "From plan to call",
    latency: "From call to delivery",
    messages: "Messages",
    half: "Half within",
    of_95: "95 % within",
    of_99: "99 % within",
    numbers: "Our numbers at Meta",
    accounts: "Our accounts at Meta",
    never_asked: "Meta was never asked; see the job `sync-limits`.",
    asked_at: "As Meta said at",
    beside: "in brackets, where it was otherwise, as the review of this month saw it:",
    because: "Because",
    nothing: "nothing",
    made_at: "Made at",
    attached: "The whole report is attached: open the file in a browser.",
};

const ARABIC: Words = Words {
    direction: "rtl",
    title: "مراجعة الشهر",
    now: "الشهر",
    before: "الشهر السابق",
    in_brackets: "بين قوسين: الشهر السابق",
    semicolon: "؛ ",
    called: "أُرسلت",
    failed: "فشلت",
    delivered: "وصلت",
    read: "قُرئت",
    answered: "أُجيب عنها",
    median: "نصف الإجابات خلال",
    changed: "ما تغيّر",
    unchanged: "لا شيء يتجاوز الصدفة.",
    channels: "حسب القناة",
    worst_delivered: "الحملات الأقل وصولًا",
    worst_answered: "الحملات الأقل إجابة",
    times: "كم استغرقت الرسائل",
    lateness: "من التخطيط إلى الإرسال",
    latency: "من الإرسال إلى الوصول",
    messages: "الرسائل",
    half: "نصفها خلال",
    of_95: "95 % خلال",
    of_99: "99 % خلال",
    numbers: "أرقامنا لدى Meta",
    accounts: "حساباتنا لدى Meta",
    never_asked: "لم تُسأل Meta بعد؛ انظر المهمة \u{2068}sync-limits\u{2069}.",
    asked_at: "كما قالت Meta في",
    beside: "وبين قوسين، حيث اختلف، ما رأته مراجعة هذا الشهر:",
    because: "السبب",
    nothing: "لا شيء",
    made_at: "أُعدّ في",
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

    pub(super) const fn rate(&self, rate: Rate) -> &'static str {
        match rate {
            Rate::Delivered => self.delivered,
            Rate::Read => self.read,
            Rate::Answered => self.answered,
        }
    }
}

/// About what Meta says something, as the head of a column.
pub(super) const fn said_about(language: Language, about: SaidAbout) -> &'static str {
    match (language, about) {
        (Language::En, SaidAbout::Tier) => "Tier",
        (Language::En, SaidAbout::Quality) => "Quality",
        (Language::En, SaidAbout::Throughput) => "Throughput",
        (Language::En, SaidAbout::State) => "State",
        (Language::En, SaidAbout::NameState) => "State of the name",
        (Language::En, SaidAbout::Name) => "Name",
        (Language::En, SaidAbout::Review) => "Review",
        (Language::En, SaidAbout::BusinessVerification) => "Business verification",
        (Language::En, SaidAbout::CanSend) => "May send",
        (Language::Ar, SaidAbout::Tier) => "المستوى",
        (Language::Ar, SaidAbout::Quality) => "الجودة",
        (Language::Ar, SaidAbout::Throughput) => "السرعة",
        (Language::Ar, SaidAbout::State) => "الحالة",
        (Language::Ar, SaidAbout::NameState) => "حالة الاسم",
        (Language::Ar, SaidAbout::Name) => "الاسم",
        (Language::Ar, SaidAbout::Review) => "المراجعة",
        (Language::Ar, SaidAbout::BusinessVerification) => "توثيق النشاط التجاري",
        (Language::Ar, SaidAbout::CanSend) => "السماح بالإرسال",
    }
}

/// Whether a change is for the better, in a word.
pub(super) const fn direction(language: Language, direction: Direction) -> &'static str {
    match (language, direction) {
        (Language::En, Direction::Better) => "Better",
        (Language::En, Direction::Worse) => "Worse",
        (Language::En, Direction::Other) => "Other",
        (Language::Ar, Direction::Better) => "أفضل",
        (Language::Ar, Direction::Worse) => "أسوأ",
        (Language::Ar, Direction::Other) => "مختلف",
    }
}

/// Basis points with their sign.
pub(super) fn share(share: Option<i64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{} %", percent(share)))
}

/// Milliseconds for people.
pub(super) fn time(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{millis} ms"),
        1_000..120_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{:#}", SignedDuration::from_secs(millis / 1_000)),
    }
}

/// A change in some words; `isolated` sets words of the other direction apart.
pub(super) fn change(language: Language, what: &Changed, isolated: impl Fn(&str) -> String) -> String {
    let of_channel = |channel: &str| match language {
        Language::En => format!("over {}", isolated(channel)),
        Language::Ar => format!("عبر {}", isolated(channel)),
    };
    let of_campaign = |campaign: &str| match language {
        Language::En => format!("in the campaign {}", isolated(campaign)),
        Language::Ar => format!("في الحملة {}", isolated(campaign)),
    };
    let (subject, before, now) = match what {
        Changed::Rate { whose, rate, before, now } => {
            let whose = match whose {
                Whose::Channel(channel) => of_channel(channel.name()),
                Whose::Campaign(campaign) => of_campaign(campaign),
            };
            let rate = match (language, rate) {
                (Language::En, Rate::Delivered) => "delivered",
                (Language::En, Rate::Read) => "read",
                (Language::En, Rate::Answered) => "answered",
                (Language::Ar, rate) => ARABIC.rate(*rate),
            };
            (format!("{rate} {whose}"), share(Some(*before)), share(Some(*now)))
        }
        Changed::Latency { channel, before, now } => {
            let channel = of_channel(channel.name());
            let subject = match language {
                Language::En => format!("the time within which half are delivered {channel}"),
                Language::Ar => format!("الوقت الذي يصل خلاله نصف الرسائل {channel}"),
            };
            (subject, time(*before), time(*now))
        }
        Changed::Lateness { before, now } => {
            let subject = match language {
                Language::En => "the time within which 95 % are called".to_owned(),
                Language::Ar => format!("الوقت الذي يُرسل خلاله {} من الرسائل", isolated("95 %")),
            };
            (subject, time(*before), time(*now))
        }
        Changed::Said(said) => match language {
            Language::En => return said.to_string(),
            Language::Ar => {
                let shown = |word: &str| if word.is_empty() { ARABIC.nothing.to_owned() } else { word.to_owned() };
                let subject = format!("{} ({})", said_about(language, said.about), isolated(&said.of));
                (subject, shown(&said.before), shown(&said.now))
            }
        },
    };
    match language {
        Language::En => format!("{subject} from {before} to {now}"),
        Language::Ar => format!("{subject} من {} إلى {}", isolated(&before), isolated(&now)),
    }
}

/// The same for logs and terminals.
pub(super) fn in_english(what: &Changed) -> String {
    change(Language::En, what, str::to_owned)
}

/// The month in a sentence.
pub(super) fn headline(review: &Review) -> String {
    let (now, before) = (&review.all.now, &review.all.before);
    let rate = |rate: Rate| {
        let of = |rates: &Rates| rates.share(rate).map(|share| format!("{} %", percent(share)));
        let is = of(now).unwrap_or_else(|| "unknown".to_owned());
        format!("{} {is} (before: {})", rate.name(), of(before).unwrap_or_else(|| "unknown".to_owned()))
    };
    let [delivered, read, answered] = Rate::ALL.map(rate);
    format!("{}: {} called (before: {}), {delivered}, {read}, {answered}", review.month, now.called, before.called)
}

/// From how many messages times are known, and which are left out; a sentence each.
pub(super) fn sample(language: Language, times: &Times) -> Vec<String> {
    let Times { of, looked_at, called, without_steps, waited, .. } = times;
    if *of == 0 {
        return Vec::new();
    }
    let mut said = Vec::new();
    said.push(match (language, times.is_sample()) {
        (Language::En, true) => format!(
            "A sample: {looked_at} messages, spread over about {of} of the month; {called} of them were called."
        ),
        (Language::En, false) => {
            format!("From all {looked_at} messages that were planned in the month; {called} of them were called.")
        }
        (Language::Ar, true) => {
            format!("عيّنة: {looked_at} رسالة موزّعة على نحو {of} رسالة في الشهر؛ أُرسلت منها {called}.")
        }
        (Language::Ar, false) => format!("من كل الرسائل التي خُطّطت في الشهر وعددها {looked_at}؛ أُرسلت منها {called}."),
    });
    if *waited > 0 {
        said.push(match language {
            Language::En => format!(
                "{waited} waited for a rule, a limit or their stage before they were called; they are no part of the time from plan to call."
            ),
            Language::Ar => {
                format!("انتظرت {waited} رسالة قاعدة أو حدًّا أو مرحلتها قبل الإرسال؛ وهي غير محسوبة في الوقت من التخطيط إلى الإرسال.")
            }
        });
    }
    if *without_steps > 0 {
        said.push(match language {
            Language::En => format!("Of {without_steps} the steps are not kept any more (`[retention] history`)."),
            Language::Ar => format!("لم تعد خطوات {without_steps} رسالة محفوظة (\u{2068}[retention] history\u{2069})."),
        });
    }
    said
}

/// Milliseconds as seconds with three digits.
pub(super) fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
