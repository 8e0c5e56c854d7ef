//! How long Meta asks us to wait, as the headers of a refusal say.
//!
//! `x-business-use-case-usage` is described at developers.facebook.com/docs/graph-api/overview/rate-limiting (*headers*): JSON keyed by
//! business id, with `estimated_time_to_regain_access` in minutes. `Retry-After` (RFC 9110 §10.2.3) is not documented for this API
//! and honoured should it come. Both checked on 2026-11-22.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::Value;

use crate::domain::failure::{FailureClass, Retry};

/// Meta's budgets are of an hour; whoever says more than this is not understood, and asking again costs one call.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(6);
const USAGE: HeaderName = HeaderName::from_static("x-business-use-case-usage");

/// The longest wait that the headers ask for, for a refusal that is tried again by itself. `None` when none asks.
pub(super) fn asked_for(headers: &HeaderMap, class: FailureClass) -> Option<SignedDuration> {
    let by_usage = match class {
        FailureClass::AccountThrottled => usage_wait(headers, |_| true),
        // These know their own waits, of seconds. The budget of management calls, which stands in the same header, is not theirs.
        FailureClass::NumberThrottled | FailureClass::PairThrottled => usage_wait(headers, |kind| kind == "whatsapp"),
        _ => None,
    };
    let may_wait = matches!(class.retry(), Retry::WhenFree | Retry::AfterWait);
    let by_time = headers.get(RETRY_AFTER).filter(|_| may_wait).and_then(|value| retry_after(value, headers.get(DATE)));
    by_usage.max(by_time)
}

/// `Retry-After`: seconds, or a date. A date is compared with the clock that wrote it, the answer's own `Date`, so that neither our
/// clock nor the way matters.
fn retry_after(value: &HeaderValue, date: Option<&HeaderValue>) -> Option<SignedDuration> {
    let text = value.to_str().ok()?.trim();
    let wait = match text.parse::<i64>() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => moment(text)?.duration_since(moment(date?.to_str().ok()?.trim())?),
    };
    bounded(wait)
}

fn moment(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The longest estimate among the entries of these kinds, read as leniently as JSON allows.
fn usage_wait(headers: &HeaderMap, counts: impl Fn(&str) -> bool) -> Option<SignedDuration> {
    let usage: Value = serde_json::from_slice(headers.get(USAGE)?.as_bytes()).ok()?;
    let entries = usage.as_object()?.values().flat_map(|of_business| match of_business {
        Value::Array(entries) => entries.as_slice(),
        entry => std::slice::from_ref(entry),
    });
    entries
        .filter(|entry| counts(entry.get("type").and_then(Value::as_str).unwrap_or_default()))
        .filter_map(|entry| minutes(entry.get("estimated_time_to_regain_access")?))
        .max()
}

fn minutes(value: &Value) -> Option<SignedDuration> {
    let minutes = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // Before it becomes whole seconds, so that no number is too large.
    let seconds = (minutes * 60.0).clamp(0.0, WAIT_MAX.as_secs_f64());
    bounded(SignedDuration::try_from_secs_f64(seconds).ok()?)
}

fn bounded(wait: SignedDuration) -> Option<SignedDuration> {
    Some(wait.min(WAIT_MAX)).filter(SignedDuration::is_positive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureClass::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    fn seconds(pairs: &[(&'static str, &str)], class: FailureClass) -> Option<i64> {
        asked_for(&headers(pairs), class).map(|wait| wait.as_secs())
    }

    fn usage(management: &str, messages: &str) -> String {
        format!(
            r#"{{"800000000000001":[
                {{"type":"whatsapp_business_management","call_count":100,"total_cputime":2,"total_time":3,"estimated_time_to_regain_access":{management}}},
                {{"type":"whatsapp","call_count":1,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":{messages}}}]}}"#
        )
        .replace('\n', " ")
    }

    #[test]
    fn the_time_to_regain_access_is_in_minutes_and_of_the_budget_that_was_used_up() {
        for (management, messages, class, expected) in [
            ("12", "0", AccountThrottled, Some(720)),
            ("0", "3", AccountThrottled, Some(180)),
            ("12", "3", AccountThrottled, Some(720)),
            ("0", "0", AccountThrottled, None),
            ("12", "0", NumberThrottled, None),
            ("12", "3", NumberThrottled, Some(180)),
            ("12", "3", PairThrottled, Some(180)),
            ("12", "3", Transient, None),
            ("12", "3", Undeliverable, None),
            // Leniently.
            (r#""7""#, "null", AccountThrottled, Some(420)),
            ("0.5", "-4", AccountThrottled, Some(30)),
            ("1e300", "0", AccountThrottled, Some(6 * 3600)),
            ("100000", "0", AccountThrottled, Some(6 * 3600)),
            (r#""soon""#, "[]", AccountThrottled, None),
        ] {
            let usage = usage(management, messages);
            assert_eq!(seconds(&[("x-business-use-case-usage", &usage)], class), expected, "{class:?} {usage}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_asks_for_nothing() {
        for text in ["", "{", "[]", "7", "null", r#"{"1":7}"#, r#"{"1":[7]}"#, r#"{"1":[{}]}"#, r#"{"1":{"type":1}}"#] {
            assert_eq!(seconds(&[("x-business-use-case-usage", text)], AccountThrottled), None, "{text}");
        }
        let alone = r#"{"1":{"type":"whatsapp","estimated_time_to_regain_access":2}}"#;
        assert_eq!(seconds(&[("x-business-use-case-usage", alone)], AccountThrottled), Some(120), "without the list");
        let broken = HeaderMap::from_iter([(USAGE, HeaderValue::from_bytes(b"{\"\xff\":1}").unwrap())]);
        assert_eq!(asked_for(&broken, AccountThrottled), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_beside_the_answers_own() {
        let date = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
        for (text, expected) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", None),
            ("-5", None),
            ("999999999", Some(6 * 3600)),
            ("99999999999999999999", None),
            ("Sun, 22 Nov 2026 10:01:30 GMT", Some(90)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", None),
            ("Fri, 31 Dec 2100 23:59:59 GMT", Some(6 * 3600)),
            ("tomorrow", None),
        ] {
            assert_eq!(seconds(&[("retry-after", text), date], AccountThrottled), expected, "{text}");
        }
        assert_eq!(seconds(&[("retry-after", "Sun, 22 Nov 2026 10:01:30 GMT")], Transient), None, "beside no date");
    }

    #[test]
    fn only_what_is_tried_again_by_itself_waits_and_for_the_longest() {
        let asked = [("retry-after", "120")];
        for class in [Transient, NumberThrottled, PairThrottled, AccountThrottled, Maintenance] {
            assert_eq!(seconds(&asked, class), Some(120), "{class:?}");
        }
        for class in [Undeliverable, ContentRefused, Credentials, MarketingLimited, Unrecognised] {
            assert_eq!(seconds(&asked, class), None, "{class:?}");
        }
        let usage = usage("5", "0");
        let both = [("retry-after", "120"), ("x-business-use-case-usage", usage.as_str())];
        assert_eq!(seconds(&both, AccountThrottled), Some(300));
    }
}
