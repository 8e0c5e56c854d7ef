//! Numbers, plurals, dates and money as Arabic and English write them, from CLDR.
//!
//! Digits are Latin unless asked otherwise: people copy codes and prices. English dates have the day before the month, as the
//! region writes them.

use std::cell::RefCell;
use std::collections::HashMap;

use fixed_decimal::Decimal;
use icu::calendar::Date;
use icu::datetime::fieldsets::enums::DateFieldSet;
use icu::datetime::fieldsets::{YMD, YMDE};
use icu::datetime::{DateTimeFormatter, DateTimeFormatterPreferences};
use icu::decimal::DecimalFormatter;
use icu::locale::Locale;
use icu::plurals::{PluralCategory, PluralRules};
use jiff::civil;

use crate::domain::language::Language;
use crate::domain::money::Currency;

/// Which digits numbers are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Digits {
    /// 0123456789
    #[default]
    Latin,
    /// ٠١٢٣٤٥٦٧٨٩
    Arabic,
}

/// How much a date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum DateStyle {
    /// Weekday, day, name of the month, year.
    #[default]
    Long,
    /// Figures only.
    Short,
}

/// Which calendar a date is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Calendar {
    /// Gregorian.
    #[default]
    Gregorian,
    /// Umm al-Qura, the civil calendar of Saudi Arabia.
    Hijri,
}

type DateKey = (Language, DateStyle, Calendar, Digits);

thread_local! {
    // icu's formatters are not shared between threads; making one takes longer than using it a hundred times.
    static NUMBERS: RefCell<HashMap<(Language, Digits), DecimalFormatter>> = RefCell::default();
    static PLURALS: RefCell<HashMap<Language, PluralRules>> = RefCell::default();
    static DATES: RefCell<HashMap<DateKey, DateTimeFormatter<DateFieldSet>>> = RefCell::default();
}

fn locale(language: Language, calendar: Calendar, digits: Digits) -> Locale {
    let region = match language {
        Language::Ar => "ar-SA",
        Language::En => "en-GB",
    };
    // The short key `umalqura` is silently ignored.
    let calendar = match calendar {
        Calendar::Gregorian => "gregory",
        Calendar::Hijri => "islamic-umalqura",
    };
    let digits = match digits {
        Digits::Latin => "latn",
        Digits::Arabic => "arab",
    };
    format!("{region}-u-ca-{calendar}-nu-{digits}").parse().expect("the locale is spelled right")
}

/// The number with the language's separators.
pub(super) fn number(number: &Decimal, language: Language, digits: Digits) -> String {
    NUMBERS.with_borrow_mut(|formatters| {
        formatters
            .entry((language, digits))
            .or_insert_with(|| {
                let locale = locale(language, Calendar::Gregorian, digits);
                DecimalFormatter::try_new(locale.into(), Default::default()).expect("the data is built in")
            })
            .format(number)
            .to_string()
    })
}

/// Which plural form the language uses with the number: `zero`, `one`, `two`, `few`, `many` or `other`.
pub(super) fn plural(number: &Decimal, language: Language) -> &'static str {
    PLURALS.with_borrow_mut(|rules| {
        let rules = rules.entry(language).or_insert_with(|| {
            let locale = locale(language, Calendar::Gregorian, Digits::Latin);
            PluralRules::try_new(locale.into(), Default::default()).expect("the data is built in")
        });
        match rules.category_for(number) {
            PluralCategory::Zero => "zero",
            PluralCategory::One => "one",
            PluralCategory::Two => "two",
            PluralCategory::Few => "few",
            PluralCategory::Many => "many",
            PluralCategory::Other => "other",
        }
    })
}

/// The date in words or figures.
pub(super) fn date(
    date: civil::Date,
    language: Language,
    style: DateStyle,
    calendar: Calendar,
    digits: Digits,
) -> Option<String> {
    let day = Date::try_new_iso(date.year().into(), date.month().cast_unsigned(), date.day().cast_unsigned()).ok()?;
    DATES.with_borrow_mut(|formatters| {
        let formatter = formatters.entry((language, style, calendar, digits)).or_insert_with(|| {
            let preferences = DateTimeFormatterPreferences::from(locale(language, calendar, digits));
            let fields = match style {
                DateStyle::Long => DateFieldSet::YMDE(YMDE::long()),
                DateStyle::Short => DateFieldSet::YMD(YMD::short()),
            };
            DateTimeFormatter::try_new(preferences, fields).expect("the data is built in")
        });
        Some(super::direction::cleaned(&formatter.format(&day).to_string()))
    })
}

/// The amount with the currency's usual digits and its sign.
pub(super) fn money(amount: &Decimal, currency: Currency, language: Language, digits: Digits) -> String {
    let mut amount = amount.clone();
    let decimals = -i16::from(currency.decimals());
    amount.round(decimals);
    amount.absolute.pad_end(decimals);
    let amount = number(&amount, language, digits);
    match language {
        Language::Ar => format!("{amount} {}", arabic_sign(currency).unwrap_or(currency.code())),
        Language::En => format!("{} {amount}", currency.code()),
    }
}

/// CLDR's Arabic signs of the region's currencies (CLDR 48, `ar.xml`), without its direction marks.
fn arabic_sign(currency: Currency) -> Option<&'static str> {
    Some(match currency.code() {
        "AED" => "د.إ.",
        "BHD" => "د.ب.",
        "EGP" => "ج.م.",
        "IQD" => "د.ع.",
        "JOD" => "د.أ.",
        "KWD" => "د.ك.",
        "LBP" => "ل.ل.",
        "LYD" => "د.ل.",
        "MAD" => "د.م.",
        "OMR" => "ر.ع.",
        "QAR" => "ر.ق.",
        "SAR" => "ر.س.",
        "TND" => "د.ت.",
        "YER" => "ر.ي.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_languages_and_digits() {
        let shown = |digits| Language::ALL.map(|language| number(&"-1234567.50".parse().unwrap(), language, digits));
        insta::assert_debug_snapshot!((shown(Digits::Latin), shown(Digits::Arabic)), @r#"
        (
            [
                "\u{200e}-1,234,567.50",
                "-1,234,567.50",
            ],
            [
                "\u{61c}-١٬٢٣٤٬٥٦٧٫٥٠",
                "-١,٢٣٤,٥٦٧.٥٠",
            ],
        )
        "#);
    }

    #[test]
    fn plural_forms_of_arabic() {
        let forms: Vec<String> = [0, 1, 2, 3, 10, 11, 99, 100, 102, 103, 111]
            .map(|n| format!("{n} {}", plural(&Decimal::from(n), Language::Ar)))
            .into();
        insta::assert_snapshot!(forms.join(", "), @"0 zero, 1 one, 2 two, 3 few, 10 few, 11 many, 99 many, 100 other, 102 other, 103 few, 111 many");
        assert_eq!([0, 1, 2].map(|n| plural(&Decimal::from(n), Language::En)), ["other", "one", "other"]);
    }

    #[test]
    fn dates_in_both_languages_and_calendars() {
        let mut lines = Vec::new();
        for language in Language::ALL {
            for style in [DateStyle::Long, DateStyle::Short] {
                for calendar in [Calendar::Gregorian, Calendar::Hijri] {
                    lines.push(date(civil::date(2026, 11, 22), language, style, calendar, Digits::Latin).unwrap());
                }
            }
        }
        lines.push(
            date(civil::date(2026, 11, 22), Language::Ar, DateStyle::Long, Calendar::Gregorian, Digits::Arabic)
                .unwrap(),
        );
        insta::assert_snapshot!(lines.join("\n"), @"
        الأحد، 22 نوفمبر 2026
        الأحد، 12 جمادى الآخرة 1448 هـ
        22/11/2026
        12/6/1448 هـ
        Sunday, 22 November 2026
        Sunday, 12 Jumada II 1448 AH
        22/11/2026
        12/06/1448 AH
        الأحد، ٢٢ نوفمبر ٢٠٢٦
        ");
    }

    #[test]
    fn money_in_both_languages() {
        let mut lines = Vec::new();
        for (amount, currency) in [("1250.5", "SAR"), ("0.125", "KWD"), ("1999.999", "USD"), ("500", "JPY")] {
            for language in Language::ALL {
                lines.push(money(&amount.parse().unwrap(), currency.parse().unwrap(), language, Digits::Latin));
            }
        }
        insta::assert_snapshot!(lines.join(" | "), @"1,250.50 ر.س. | SAR 1,250.50 | 0.125 د.ك. | KWD 0.125 | 2,000.00 USD | USD 2,000.00 | 500 JPY | JPY 500");
    }
}
