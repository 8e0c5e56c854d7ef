//! Spans of time in words, as a sentence says them: "within two hours", «خلال ساعتين».

use fixed_decimal::Decimal;
use jiff::SignedDuration;

use super::cldr::{self, Digits};
use crate::domain::language::Language;

/// The forms of a unit: one, two, few (3 to 10), many (11 to 99), other. Arabic ones in the case that follows «خلال».
struct Unit {
    ar: [&'static str; 5],
    en: [&'static str; 2],
}

const MINUTE: Unit = Unit {
    ar: ["دقيقة واحدة", "دقيقتين", "# دقائق", "# دقيقة", "# دقيقة"],
    en: ["one minute", "# minutes"],
};
const HOUR: Unit = Unit {
    ar: ["ساعة واحدة", "ساعتين", "# ساعات", "# ساعة", "# ساعة"], en: ["one hour", "# hours"]
};
const DAY: Unit =
    Unit { ar: ["يوم واحد", "يومين", "# أيام", "# يومًا", "# يوم"], en: ["one day", "# days"] };

/// The span in words, rounded up, in the unit that people would use: minutes below two hours, hours below two days, then days.
pub fn span_in_words(span: SignedDuration, language: Language) -> String {
    let minutes = u64::try_from(span.as_secs()).unwrap_or(0).div_ceil(60).max(1);
    let (unit, n) = match minutes {
        ..120 if minutes % 60 != 0 => (&MINUTE, minutes),
        ..2_880 => (&HOUR, minutes.div_ceil(60)),
        _ => (&DAY, minutes.div_ceil(1_440)),
    };
    let number = Decimal::from(n);
    let form = match (language, cldr::plural(&number, language)) {
        (Language::Ar, "one") => unit.ar[0],
        (Language::Ar, "two") => unit.ar[1],
        (Language::Ar, "few") => unit.ar[2],
        (Language::Ar, "many") => unit.ar[3],
        (Language::Ar, _) => unit.ar[4],
        (Language::En, "one") => unit.en[0],
        (Language::En, _) => unit.en[1],
    };
    form.replace('#', &cldr::number(&number, language, Digits::Latin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_both_languages() {
        let lines: Vec<String> =
            [0, 1, 2, 5, 45, 60, 90, 120, 121, 180, 600, 660, 1_440, 2_820, 2_880, 4_320, 15_840, 144_000]
                .map(|minutes| {
                    let span = SignedDuration::from_mins(minutes);
                    let [ar, en] = Language::ALL.map(|language| span_in_words(span, language));
                    format!("{minutes}: {ar} | {en}")
                })
                .into();
        insta::assert_snapshot!(lines.join("\n"), @"
        0: دقيقة واحدة | one minute
        1: دقيقة واحدة | one minute
        2: دقيقتين | 2 minutes
        5: 5 دقائق | 5 minutes
        45: 45 دقيقة | 45 minutes
        60: ساعة واحدة | one hour
        90: 90 دقيقة | 90 minutes
        120: ساعتين | 2 hours
        121: 3 ساعات | 3 hours
        180: 3 ساعات | 3 hours
        600: 10 ساعات | 10 hours
        660: 11 ساعة | 11 hours
        1440: 24 ساعة | 24 hours
        2820: 47 ساعة | 47 hours
        2880: يومين | 2 days
        4320: 3 أيام | 3 days
        15840: 11 يومًا | 11 days
        144000: 100 يوم | 100 days
        ");
    }
}
