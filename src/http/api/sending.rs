//! `POST /api/whatsapp/send-message` and `/send-survey`: one message to one person. It is asked for here and sent by its job.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::{ApiState, with};
use crate::domain::campaign::{CampaignValue, CampaignValues, Scalar};
use crate::domain::consent::Purpose;
use crate::domain::ids::{MessageId, SenderName, TemplateName};
use crate::domain::language::Language;
use crate::domain::phone_number::PhoneNumber;
use crate::http::body;
use crate::http::error::Problem;
use crate::jobs::send_single::{GivenConsent, SendRequest, Sent, What};

/// A text of Meta's greatest length in Arabic, escaped, and its surroundings.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Nobody makes up a longer key.
const KEY_CHARS_MAX: usize = 255;
/// What is kept of where a consent came from, and of what proves it.
const EVIDENCE_CHARS_MAX: usize = 1_000;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let message = warp::path!("api" / "whatsapp" / "send-message").map(|| wanted_message as Reading);
    let survey = warp::path!("api" / "whatsapp" / "send-survey").map(|| wanted_survey as Reading);
    message
        .or(survey)
        .unify()
        .and(warp::post())
        .and(with(state))
        .and(warp::header::optional::<String>("idempotency-key"))
        .and(warp::body::stream())
        .then(|read: Reading, state: Arc<ApiState>, key: Option<String>, stream| async move {
            let body = body::collect(stream, None, BODY_BYTES_MAX).await;
            let Ok(body) = body else { return Problem::too_large(BODY_BYTES_MAX).into_response() };
            match send(&state, read, key, &body).await {
                Ok(sent) => warp::reply::with_status(warp::reply::json(&Accepted::from(sent)), StatusCode::ACCEPTED)
                    .into_response(),
                Err(problem) => problem.into_response(),
            }
        })
        .boxed()
}

type Reading = fn(&[u8]) -> Result<SendRequest, Problem>;

#[derive(Serialize)]
struct Accepted {
    message_id: MessageId,
    /// Where it stands: `planned`; `held` for free words that wait for an open service window; for a key that was used before, where the
    /// first one stands now.
    state: &'static str,
    /// Whether the link in it counts who opens it.
    tracked: bool,
    /// Whether the same was asked for before, under the same key: nothing new is sent.
    repeated: bool,
}

impl From<Sent> for Accepted {
    fn from(sent: Sent) -> Self {
        Self { message_id: sent.id, state: sent.state.name(), tracked: sent.is_tracked, repeated: sent.is_known }
    }
}

async fn send(state: &ApiState, read: Reading, key: Option<String>, body: &[u8]) -> Result<Sent, Problem> {
    let mut request = read(body)?;
    request.once = key.map(|key| key_of(&key, body)).transpose()?;
    Ok(state.operations.send(request).await?)
}

/// The key, and a hash of what it stands for: of the bytes, so that the same key with another body is noticed.
pub(super) fn key_of(key: &str, body: &[u8]) -> Result<(String, String), Problem> {
    let n = key.chars().count();
    if key.trim().is_empty() || n > KEY_CHARS_MAX {
        return Err(Problem::bad_request(format!("`Idempotency-Key` must have 1 to {KEY_CHARS_MAX} characters")));
    }
    Ok((key.to_owned(), hex::encode(Sha256::digest(body))))
}

/// What both calls may bring.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageBody {
    phone_number: String,
    text: Option<String>,
    template: Option<String>,
    values: Option<serde_json::Map<String, serde_json::Value>>,
    language: Option<String>,
    purpose: Option<String>,
    consent: Option<ConsentBody>,
    sender: Option<String>,
    expires_after_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SurveyBody {
    phone_number: String,
    survey_title: String,
    survey_link: String,
    language: Option<String>,
    consent: Option<ConsentBody>,
    sender: Option<String>,
    expires_after_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentBody {
    purpose: String,
    source: String,
    evidence: String,
}

fn wanted_message(body: &[u8]) -> Result<SendRequest, Problem> {
    let body: MessageBody = parsed(body)?;
    let what = match (body.text, body.template) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("give `text` or `template`, not both")),
        (None, None) => return Err(Problem::bad_request("`text` or `template` is missing")),
        (Some(_), None) if body.values.is_some() => {
            return Err(Problem::bad_request("`values` belong to a `template`; a `text` has none"));
        }
        (Some(text), None) => What::Text(text),
        (None, Some(name)) => What::Template {
            name: name.parse::<TemplateName>().map_err(|error| field("template", &error.to_string()))?,
            values: values(body.values.unwrap_or_default())?,
        },
    };
    request(Common {
        phone: &body.phone_number,
        what,
        language: body.language.as_deref(),
        purpose: body.purpose.as_deref(),
        consent: body.consent,
        sender: body.sender.as_deref(),
        expires_after: body.expires_after_seconds,
    })
}

fn wanted_survey(body: &[u8]) -> Result<SendRequest, Problem> {
    let body: SurveyBody = parsed(body)?;
    request(Common {
        phone: &body.phone_number,
        what: What::Survey { title: body.survey_title, link: body.survey_link },
        language: body.language.as_deref(),
        purpose: None,
        consent: body.consent,
        sender: body.sender.as_deref(),
        expires_after: body.expires_after_seconds,
    })
}

struct Common<'a> {
    phone: &'a str,
    what: What,
    language: Option<&'a str>,
    purpose: Option<&'a str>,
    consent: Option<ConsentBody>,
    sender: Option<&'a str>,
    expires_after: Option<u32>,
}

fn request(common: Common<'_>) -> Result<SendRequest, Problem> {
    let language = common
        .language
        .map(|code| {
            let known = Language::ALL.into_iter().find(|language| language.code() == code);
            known.ok_or_else(|| field("language", &format!("there is no `{code}`; write `ar` or `en`")))
        })
        .transpose()?;
    let sender =
        common.sender.map(|name| name.parse::<SenderName>().map_err(|error| field("sender", &error.to_string())));
    if common.expires_after == Some(0) {
        return Err(field("expires_after_seconds", "must be at least 1"));
    }
    Ok(SendRequest {
        phone: PhoneNumber::from_e164(common.phone).map_err(|error| {
            field("phone_number", &format!("{error}; write it with its country, as in +966500000101"))
        })?,
        what: common.what,
        language,
        purpose: common.purpose.map(|name| purpose("purpose", name)).transpose()?,
        consent: common.consent.map(given).transpose()?,
        sender: sender.transpose()?,
        expires_after: common.expires_after.map(|seconds| SignedDuration::from_secs(i64::from(seconds))),
        once: None,
    })
}

fn given(consent: ConsentBody) -> Result<GivenConsent, Problem> {
    for (name, text) in [("consent.source", &consent.source), ("consent.evidence", &consent.evidence)] {
        if text.trim().is_empty() || text.chars().count() > EVIDENCE_CHARS_MAX {
            return Err(field(
                name,
                &format!("must say in 1 to {EVIDENCE_CHARS_MAX} characters how the consent came about"),
            ));
        }
    }
    Ok(GivenConsent {
        purpose: purpose("consent.purpose", &consent.purpose)?,
        source: consent.source,
        evidence: consent.evidence,
    })
}

fn purpose(name: &str, text: &str) -> Result<Purpose, Problem> {
    let known = || Purpose::ALL.map(Purpose::name).join("`, `");
    Purpose::named(text).ok_or_else(|| field(name, &format!("there is no `{text}`; known are `{}`", known())))
}

/// Texts and whole numbers, as templates take them.
fn values(given: serde_json::Map<String, serde_json::Value>) -> Result<CampaignValues, Problem> {
    given
        .into_iter()
        .map(|(name, value)| {
            let scalar = match &value {
                serde_json::Value::String(text) => Some(Scalar::Text(text.clone())),
                serde_json::Value::Number(number) => number.as_i64().map(Scalar::Integer),
                _ => None,
            };
            match scalar {
                Some(scalar) => Ok((name, CampaignValue::Same(scalar))),
                None => {
                    Err(field(&format!("values.{name}"), "must be a text or a whole number; write decimals as text"))
                }
            }
        })
        .collect()
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))
}

fn field(name: &str, wrong: &str) -> Problem {
    Problem::bad_request(format!("`{name}`: {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(result: Result<SendRequest, Problem>) -> String {
        format!("{:?}", result.expect_err("it is refused"))
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (body, says) in [
            (r#"{"phone_number":"+966500000101"}"#, "`text` or `template` is missing"),
            (r#"{"phone_number":"+966500000101","text":"x","template":"y"}"#, "not both"),
            (r#"{"phone_number":"0500000101","text":"x"}"#, "`phone_number`"),
            (r#"{"phone_number":"+966500000101","text":"x","language":"fr"}"#, "write `ar` or `en`"),
            (r#"{"phone_number":"+966500000101","text":"x","purpose":"answer"}"#, "`survey`, `marketing`, `utility`"),
            (r#"{"phone_number":"+966500000101","template":"a","values":{"x":1.5}}"#, "`values.x`"),
            (r#"{"phone_number":"+966500000101","text":"x","txt":"y"}"#, "unknown field `txt`"),
            (
                r#"{"phone_number":"+966500000101","text":"x","consent":{"purpose":"survey","source":" ","evidence":"e"}}"#,
                "consent.source",
            ),
            ("[]", "the body cannot be read"),
        ] {
            let told = detail(wanted_message(body.as_bytes()));
            assert!(told.contains(says), "{body}: {told}");
        }
    }

    #[test]
    fn a_key_stands_for_the_bytes_of_its_request() {
        let one = key_of("k", b"{}").unwrap();
        assert_eq!(one, key_of("k", b"{}").unwrap());
        assert_ne!(one, key_of("k", b"{ }").unwrap());
        assert!(key_of(" ", b"{}").is_err());
        assert!(key_of(&"k".repeat(256), b"{}").is_err());
    }
}
