//! Dates that people type: figures in either digits, months by name, today and tomorrow, Hijri years.

use icu::calendar::cal::{Hijri, Iso};
use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::domain::normalised_text::words as normalise;

/// Longer messages are no date.
const BYTES_MAX: usize = 120;

/// Names of months as [`normalise`] leaves them: English, the Arabic names of the Gulf and Egypt, of the Levant, of the Maghreb.
const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "يناير", "كانون الثاني", "جانفي"],
    &["february", "feb", "فبراير", "شباط", "فيفري"],
    &["march", "mar", "مارس", "اذار"],
    &["april", "apr", "ابريل", "نيسان", "افريل"],
    &["may", "مايو", "ايار", "ماي"],
    &["june", "jun", "يونيو", "يونيه", "حزيران", "جوان"],
    &["july", "jul", "يوليو", "يوليه", "تموز", "جويليه"],
    &["august", "aug", "اغسطس", "اب", "اوت"],
    &["september", "sep", "sept", "سبتمبر", "ايلول"],
    &["october", "oct", "اكتوبر", "تشرين الاول"],
    &["november", "nov", "نوفمبر", "تشرين الثاني"],
    &["december", "dec", "ديسمبر", "كانون الاول"],
];
/// Days as seen from today.
const NEAR: [(i32, &[&str]); 5] = [
    (0, &["today", "اليوم"]),
    (1, &["tomorrow", "غدا", "بكره", "بكرا", "باكر"]),
    (2, &["day after tomorrow", "the day after tomorrow", "بعد غد", "بعد بكره", "بعد بكرا"]),
    (-1, &["yesterday", "امس", "البارحه", "امبارح", "مبارح"]),
    (-2, &["day before yesterday", "the day before yesterday", "اول امس", "قبل امس"]),
];
/// Words that say nothing about which day it is, beside a date that does.
const FILLERS: [&str; 26] = [
    "the",
    "of",
    "on",
    "in",
    "يوم",
    "في",
    "شهر",
    "سنه",
    "عام",
    "م",
    "ه",
    "من",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "الاحد",
    "الاثنين",
    "الثلاثاء",
    "الاربعاء",
    "الخميس",
    "الجمعه",
    "السبت",
];
/// Years that can only be of the Hijri calendar.
const HIJRI_YEARS: std::ops::RangeInclusive<i32> = 1300..=1500;

/// The date in what somebody wrote. Figures have the day first, as the region writes them, unless they can only be meant otherwise.
/// Without a year the nearest one to `today` is meant of those that `fits` takes.
pub(super) fn date_in_text(text: &str, today: Date, fits: impl Fn(Date) -> bool) -> Option<Date> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let mut normal = normalise(text);
    if let Some((days, _)) = NEAR.iter().find(|(_, words)| words.contains(&normal.as_str())) {
        return today.checked_add((*days).days()).ok();
    }
    // Names of two words become one first.
    for (month, names) in (1..).zip(MONTHS) {
        for name in names.iter().filter(|name| name.contains(' ')) {
            normal = normal.replace(name, &format!("month{month}"));
        }
    }
    let parts: Option<Vec<Part>> = normal.split(' ').filter(|word| !FILLERS.contains(word)).map(Part::read).collect();
    let (day, month, year) = match *parts?.as_slice() {
        [Part::Figure(day), Part::Month(month), Part::Figure(year)]
        | [Part::Month(month), Part::Figure(day), Part::Figure(year)] => {
            // "2026 December 1" is read as well.
            if day > 31 { (year, month, Some(day)) } else { (day, month, Some(year)) }
        }
        [Part::Figure(day), Part::Month(month)] | [Part::Month(month), Part::Figure(day)] => (day, month, None),
        [Part::Figure(year @ 1000..), Part::Figure(month), Part::Figure(day)] => (day, month, Some(year)),
        [Part::Figure(a), Part::Figure(b), Part::Figure(year)] => day_and_month(a, b, Some(year)),
        [Part::Figure(a), Part::Figure(b)] => day_and_month(a, b, None),
        _ => return None,
    };
    match year {
        Some(year) if HIJRI_YEARS.contains(&year) => from_hijri(year, month, day),
        Some(year) => made(if year < 100 { year + 2000 } else { year }, month, day),
        None => {
            let this = i32::from(today.year());
            let mut near: Vec<Date> =
                [this, this + 1, this - 1].into_iter().filter_map(|year| made(year, month, day)).collect();
            near.sort_by_key(|date| (*date - today).get_days().abs());
            near.iter().copied().find(|date| fits(*date)).or_else(|| near.first().copied())
        }
    }
}

fn day_and_month(a: i32, b: i32, year: Option<i32>) -> (i32, i32, Option<i32>) {
    if b > 12 && a <= 12 { (b, a, year) } else { (a, b, year) }
}

fn made(year: i32, month: i32, day: i32) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    // Nobody who answers a flow means another age; a slip of the finger should be asked about.
    let year = i16::try_from(year).ok().filter(|year| (1900..=2200).contains(year))?;
    Date::new(year, month, day).ok()
}

/// By Umm al-Qura, the civil calendar of Saudi Arabia.
fn from_hijri(year: i32, month: i32, day: i32) -> Option<Date> {
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let calendar = Hijri::new_umm_al_qura();
    let hijri = icu::calendar::Date::try_new_hijri_with_calendar(year, month, day, calendar).ok()?;
    let iso = hijri.to_calendar(Iso);
    made(iso.year().extended_year(), iso.month().ordinal.into(), iso.day_of_month().0.into())
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Figure(i32),
    Month(i32),
}

impl Part {
    fn read(word: &str) -> Option<Self> {
        let month = (1..).zip(MONTHS).find(|(_, names)| names.contains(&word)).map(|(month, _)| month);
        let month = month.or_else(|| word.strip_prefix("month")?.parse().ok());
        if let Some(month) = month {
            return Some(Self::Month(month));
        }
        let figure = ["st", "nd", "rd", "th", "م", "ه"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        // `0001` is no year that anybody means.
        let is_plain = figure.len() <= 2 || (figure.len() <= 4 && !figure.starts_with('0'));
        is_plain.then(|| figure.parse().ok().map(Self::Figure)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 11, 27);

    fn read(text: &str) -> Option<String> {
        date_in_text(text, TODAY, |_| true).map(|date| date.to_string())
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2026-12-01", "2026-12-01"),
            ("1/12/2026", "2026-12-01"),
            ("١/١٢/٢٠٢٦", "2026-12-01"),
            ("۱/۱۲/۲۰۲۶", "2026-12-01"),
            ("01.12.26", "2026-12-01"),
            ("12/25/2026", "2026-12-25"),
            ("1 December 2026", "2026-12-01"),
            ("December 1st, 2026", "2026-12-01"),
            ("Tuesday, the 1st of Dec 2026", "2026-12-01"),
            ("1 ديسمبر 2026", "2026-12-01"),
            ("يوم الثلاثاء ١ ديسمبر ٢٠٢٦م", "2026-12-01"),
            ("١ كانون الأول ٢٠٢٦", "2026-12-01"),
            ("5 كانون الثاني", "2027-01-05"),
            ("30/10", "2026-10-30"),
            ("5 Jan", "2027-01-05"),
            ("today", "2026-11-27"),
            ("غدًا", "2026-11-28"),
            ("بكرة", "2026-11-28"),
            ("بعد غد", "2026-11-29"),
            ("أمس", "2026-11-26"),
            ("12/6/1448", "2026-11-22"),
            ("١٢/٦/١٤٤٨ هـ", "2026-11-22"),
            ("29 Feb 2028", "2028-02-29"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "soon",
            "2026",
            "31/2/2026",
            "1/13/2026/5",
            "32 December 2026",
            "29 Feb 2027",
            "1/1/0001",
            "1/12/9999",
            "12",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn without_a_year_the_nearest_that_fits_is_meant() {
        let later = |text| date_in_text(text, TODAY, |date| date > TODAY).unwrap().to_string();
        assert_eq!(later("30/10"), "2027-10-30");
        assert_eq!(later("1/12"), "2026-12-01");
    }
}
