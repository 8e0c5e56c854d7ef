//! When people are there to answer, and how long an answer takes: what an automatic confirmation promises.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::domain::campaign::DayOfWeek;
use crate::domain::language::Language;
use crate::domain::schedule::Zone;
use crate::domain::template::span_in_words;

/// How far ahead the next opening is looked for: longer than any row of holidays.
const DAYS_AHEAD: i64 = 400;

/// Hours on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// On which days they begin.
    pub days: Vec<DayOfWeek>,
    /// From this time of day
    pub from: Time,
    /// to this one, on the next day when it is not later.
    pub to: Time,
}

/// When people are there to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeHours {
    /// Where the clock hangs.
    pub timezone: Zone,
    /// Several a day, where there is a break.
    pub hours: Vec<Hours>,
    /// Days on which none begin.
    pub holidays: Vec<Date>,
}

/// Whether people are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Until then.
    Now {
        /// When they go.
        until: Timestamp,
    },
    /// Not before then; `None` when they never come.
    Later {
        /// When they come.
        at: Option<Timestamp>,
    },
}

impl OfficeHours {
    /// Whether people are there at `now`. Hours that meet or overlap are one.
    pub fn at(&self, now: Timestamp) -> Open {
        let today = self.timezone.rules().to_datetime(now).date();
        let mut opens: Option<Timestamp> = None;
        let mut until: Option<Timestamp> = None;
        // What began yesterday may still last.
        for day in -1..DAYS_AHEAD {
            let Ok(date) = today.checked_add(day.days()) else { break };
            for (from, to) in self.spans_on(date) {
                match until {
                    Some(end) if from <= end => until = Some(end.max(to)),
                    Some(end) => return Open::Now { until: end },
                    None if from <= now && now < to => until = Some(to),
                    None if from > now && opens.is_none() => opens = Some(from),
                    None => {}
                }
            }
            if until.is_none() && opens.is_some() {
                break;
            }
        }
        match until {
            Some(until) => Open::Now { until },
            None => Open::Later { at: opens },
        }
    }

    /// The spans that begin on a date, in their order.
    fn spans_on(&self, date: Date) -> Vec<(Timestamp, Timestamp)> {
        if self.holidays.contains(&date) {
            return Vec::new();
        }
        let day = DayOfWeek::of(date);
        let hours = self.hours.iter().filter(|hours| hours.days.contains(&day));
        let mut spans: Vec<_> = hours
            .filter_map(|hours| {
                let end = if hours.to > hours.from { date } else { date.tomorrow().ok()? };
                let from = self.timezone.instant(date.to_datetime(hours.from))?;
                let to = self.timezone.instant(end.to_datetime(hours.to))?;
                // A change of clocks can leave nothing of a short span.
                (from < to).then_some((from, to))
            })
            .collect();
        spans.sort_unstable();
        spans
    }
}

/// How long an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedWithin {
    /// While people are there.
    pub open: SignedDuration,
    /// Counted from the next opening, while they are not.
    pub after_opening: SignedDuration,
}

/// What may be promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// When people are there again, if they are not there now.
    pub opens_at: Option<Timestamp>,
    /// How long the answer takes, from now or from the opening.
    pub within: SignedDuration,
    /// When it is there at the latest.
    pub by: Timestamp,
}

/// What may be promised at `now`. Without office hours somebody is always there; where they never open again, nothing is promised.
pub fn promise(hours: Option<&OfficeHours>, expected: ExpectedWithin, now: Timestamp) -> Option<Promise> {
    let (opens_at, within) = match hours.map_or(Open::Now { until: Timestamp::MAX }, |hours| hours.at(now)) {
        Open::Now { .. } => (None, expected.open),
        Open::Later { at } => (Some(at?), expected.after_opening),
    };
    let by = opens_at.unwrap_or(now).checked_add(within).ok()?;
    Some(Promise { opens_at, within, by })
}

impl Promise {
    /// As a sentence: "We answer within two hours." While nobody is there, with the day and time of the opening on that clock.
    pub fn in_words(&self, zone: &Zone, now: Timestamp, language: Language) -> String {
        let within = span_in_words(self.within, language);
        let Some(opens_at) = self.opens_at else {
            return match language {
                Language::Ar => format!("سنردّ عليك خلال {within}."),
                Language::En => format!("We will answer within {within}."),
            };
        };
        let (opening, today) = (zone.rules().to_datetime(opens_at), zone.rules().to_datetime(now).date());
        let time = format!("{:02}:{:02}", opening.hour(), opening.minute());
        let days = (opening.date() - today).get_days();
        let day = match (language, days) {
            (Language::Ar, 0) => "اليوم".to_owned(),
            (Language::Ar, 1) => "غدًا".to_owned(),
            (Language::En, 0) => "today".to_owned(),
            (Language::En, 1) => "tomorrow".to_owned(),
            (Language::Ar, 2..=6) => format!("يوم {}", weekday(opening.date(), language)),
            (Language::En, 2..=6) => format!("on {}", weekday(opening.date(), language)),
            // Another day of that name comes before: the date says which is meant.
            (Language::Ar, _) => {
                format!("يوم {} {}/{}", weekday(opening.date(), language), opening.day(), opening.month())
            }
            (Language::En, _) => {
                format!("on {} {}/{}", weekday(opening.date(), language), opening.day(), opening.month())
            }
        };
        match language {
            Language::Ar => {
                format!("نحن الآن خارج أوقات العمل، ونعود {day} الساعة {time}. سنردّ عليك خلال {within} من ذلك.")
            }
            Language::En => {
                format!("We are closed now and open again {day} at {time}. We will answer within {within} of that.")
            }
        }
    }

    /// Whole hours from `now` until the answer is there at the latest, rounded up, at least one: for texts that name hours only.
    pub fn hours_from(&self, now: Timestamp) -> i64 {
        let seconds = now.duration_until(self.by).as_secs().max(0);
        (seconds.saturating_add(3_599) / 3_600).max(1)
    }
}

fn weekday(date: Date, language: Language) -> &'static str {
    let (ar, en) = match DayOfWeek::of(date) {
        DayOfWeek::Mon => ("الاثنين", "Monday"),
        DayOfWeek::Tue => ("الثلاثاء", "Tuesday"),
        DayOfWeek::Wed => ("الأربعاء", "Wednesday"),
        DayOfWeek::Thu => ("الخميس", "Thursday"),
        DayOfWeek::Fri => ("الجمعة", "Friday"),
        DayOfWeek::Sat => ("السبت", "Saturday"),
        DayOfWeek::Sun => ("الأحد", "Sunday"),
    };
    match language {
        Language::Ar => ar,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn week() -> Vec<DayOfWeek> {
        vec![DayOfWeek::Sun, DayOfWeek::Mon, DayOfWeek::Tue, DayOfWeek::Wed, DayOfWeek::Thu]
    }

    /// Riyadh, with a break at noon; the national day is free.
    fn riyadh() -> OfficeHours {
        OfficeHours {
            timezone: "Asia/Riyadh".parse().unwrap(),
            hours: vec![
                Hours { days: week(), from: time(13, 0, 0, 0), to: time(17, 0, 0, 0) },
                Hours { days: week(), from: time(8, 0, 0, 0), to: time(12, 0, 0, 0) },
            ],
            holidays: vec![date(2026, 9, 23)],
        }
    }

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn said(open: Open) -> String {
        match open {
            Open::Now { until } => format!("until {until}"),
            Open::Later { at } => at.map_or_else(|| "never".to_owned(), |at| format!("from {at}")),
        }
    }

    #[test]
    fn open_or_the_next_opening() {
        for (now, expected) in [
            // Sunday 22 November.
            ("2026-11-22T04:59:59Z", "from 2026-11-22T05:00:00Z"),
            ("2026-11-22T05:00:00Z", "until 2026-11-22T09:00:00Z"),
            ("2026-11-22T09:00:00Z", "from 2026-11-22T10:00:00Z"),
            ("2026-11-22T10:30:00Z", "until 2026-11-22T14:00:00Z"),
            // Thursday evening, over the weekend.
            ("2026-11-26T14:00:00Z", "from 2026-11-29T05:00:00Z"),
            // The evening before the national day, a Wednesday.
            ("2026-09-22T15:00:00Z", "from 2026-09-24T05:00:00Z"),
        ] {
            assert_eq!(said(riyadh().at(ts(now))), expected, "{now}");
        }
    }

    #[test]
    fn nights_full_days_and_changes_of_the_clock() {
        let zone = |name: &str, from, to| OfficeHours {
            timezone: name.parse().unwrap(),
            hours: vec![Hours { days: DayOfWeek::ALL.to_vec(), from, to }],
            holidays: vec![],
        };
        // From evening to morning: what began yesterday still lasts.
        let night = zone("Asia/Riyadh", time(20, 0, 0, 0), time(2, 0, 0, 0));
        assert_eq!(said(night.at(ts("2026-11-22T22:30:00Z"))), "until 2026-11-22T23:00:00Z");
        assert_eq!(said(night.at(ts("2026-11-22T23:00:00Z"))), "from 2026-11-23T17:00:00Z");
        // Round the clock: each span meets the next.
        let always = zone("Asia/Riyadh", time(0, 0, 0, 0), time(0, 0, 0, 0));
        assert!(
            matches!(always.at(ts("2026-11-22T22:30:00Z")), Open::Now { until } if until > ts("2027-11-01T00:00:00Z"))
        );
        // Cairo, 24 April 2026: midnight is left out, 00:30 comes as 01:30 (22:30Z of the day before).
        let early = zone("Africa/Cairo", time(0, 30, 0, 0), time(4, 0, 0, 0));
        assert_eq!(said(early.at(ts("2026-04-23T20:00:00Z"))), "from 2026-04-23T22:30:00Z");
        assert_eq!(said(early.at(ts("2026-04-23T23:00:00Z"))), "until 2026-04-24T01:00:00Z");
        let never = OfficeHours { hours: vec![], ..always };
        assert_eq!(said(never.at(ts("2026-11-22T22:30:00Z"))), "never");
    }

    /// Around each change of the clock in some zones, minute by minute: open is exactly what the wall says, and an opening is the first
    /// minute that is open.
    #[test]
    fn the_next_opening_is_the_first_open_minute() {
        for name in ["Asia/Riyadh", "Africa/Cairo", "America/New_York", "Europe/London", "Asia/Amman"] {
            let hours = OfficeHours {
                timezone: name.parse().unwrap(),
                hours: vec![
                    Hours { days: week(), from: time(8, 0, 0, 0), to: time(12, 30, 0, 0) },
                    Hours { days: vec![DayOfWeek::Fri], from: time(22, 0, 0, 0), to: time(1, 30, 0, 0) },
                ],
                holidays: vec![date(2026, 3, 29)],
            };
            let mut next: Option<Timestamp> = None;
            let mut minute = ts("2026-04-12T00:00:00Z");
            while minute > ts("2026-03-05T00:00:00Z") {
                match hours.at(minute) {
                    Open::Now { until } => {
                        assert!(until > minute);
                        assert!(matches!(hours.at(until), Open::Later { .. }), "{name} {minute}");
                        next = Some(minute);
                    }
                    Open::Later { at } => {
                        if let Some(next) = next {
                            assert_eq!(at, Some(next), "{name} {minute}");
                        }
                    }
                }
                minute -= SignedDuration::from_mins(10);
            }
        }
    }

    #[test]
    fn promises_in_both_languages() {
        let expected =
            ExpectedWithin { open: SignedDuration::from_hours(2), after_opening: SignedDuration::from_hours(11) };
        let hours = riyadh();
        let mut lines = Vec::new();
        for now in ["2026-11-22T06:00:00Z", "2026-11-22T04:00:00Z", "2026-11-22T15:00:00Z", "2026-11-26T15:00:00Z"] {
            let now = ts(now);
            let promise = promise(Some(&hours), expected, now).unwrap();
            lines.push(format!("{} h", promise.hours_from(now)));
            lines.extend(Language::ALL.map(|language| promise.in_words(&hours.timezone, now, language)));
        }
        insta::assert_snapshot!(lines.join("\n"), @"
        2 h
        سنردّ عليك خلال ساعتين.
        We will answer within 2 hours.
        12 h
        نحن الآن خارج أوقات العمل، ونعود اليوم الساعة 08:00. سنردّ عليك خلال 11 ساعة من ذلك.
        We are closed now and open again today at 08:00. We will answer within 11 hours of that.
        25 h
        نحن الآن خارج أوقات العمل، ونعود غدًا الساعة 08:00. سنردّ عليك خلال 11 ساعة من ذلك.
        We are closed now and open again tomorrow at 08:00. We will answer within 11 hours of that.
        73 h
        نحن الآن خارج أوقات العمل، ونعود يوم الأحد الساعة 08:00. سنردّ عليك خلال 11 ساعة من ذلك.
        We are closed now and open again on Sunday at 08:00. We will answer within 11 hours of that.
        ");
        assert_eq!(promise(None, expected, ts("2026-11-22T04:00:00Z")).unwrap().by, ts("2026-11-22T06:00:00Z"));
        let never = OfficeHours { hours: vec![], ..hours };
        assert_eq!(promise(Some(&never), expected, ts("2026-11-22T04:00:00Z")), None);
    }
}
