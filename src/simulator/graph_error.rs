//! Refusals in Meta's exact shape, with the HTTP status of each code.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes (editions of December 2025 and
//! September 2026), checked 2026-11-22.

use std::borrow::Cow;

use super::dice::{Dice, Stream};
use super::json::Json;
use super::wamid::base64;

/// An error as Meta answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GraphError {
    /// Meta's code.
    pub(super) code: u32,
    /// Meta's subcode, where it still has one.
    pub(super) subcode: Option<u32>,
    /// What Meta says about this case.
    pub(super) details: Cow<'static, str>,
    /// Instead of the code's title.
    message: Option<Cow<'static, str>>,
}

impl GraphError {
    /// The error with this code; details where the code alone says little.
    pub(super) fn new(code: u32, details: impl Into<Cow<'static, str>>) -> Self {
        Self { code, subcode: None, details: details.into(), message: None }
    }

    /// An invalid parameter (100).
    pub(super) fn invalid(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(100, details)
    }

    /// A required parameter is missing (131008).
    pub(super) fn missing(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(131_008, details)
    }

    /// A value that is not allowed (131009).
    pub(super) fn value(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(131_009, details)
    }

    /// A refused token (190) with its subcode.
    pub(super) fn token(subcode: u32, message: &'static str) -> Self {
        Self { code: 190, subcode: Some(subcode), details: "".into(), message: Some(message.into()) }
    }

    /// The same with a subcode.
    pub(super) fn with_subcode(self, subcode: u32) -> Self {
        Self { subcode: Some(subcode), ..self }
    }

    /// The answer for an id that is unknown or not ours (100 with subcode 33).
    pub(super) fn unknown_object(method: &str, id: &str) -> Self {
        let message = format!(
            "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does \
             not support this operation"
        );
        Self { code: 100, subcode: Some(33), details: "".into(), message: Some(message.into()) }
    }

    /// The HTTP status that goes with it; `throttle` is the one for the calls that came too fast.
    pub(super) fn http_status(&self, throttle: u16) -> u16 {
        match self.code {
            4 | 17 | 613 | 80_007 | 130_429 | 131_056 => throttle,
            code => facts(code).0,
        }
    }

    /// The JSON body; `trace` makes the trace id.
    pub(super) fn body(&self, trace: u64) -> Vec<u8> {
        let (_, title) = facts(self.code);
        let mut json = Json::with_capacity(384);
        json.raw("{\"error\":{\"message\":");
        match &self.message {
            Some(message) => json.string(message),
            None => json.string(&format!("(#{}) {title}", self.code)),
        };
        let kind = if self.subcode == Some(33) { "GraphMethodException" } else { "OAuthException" };
        json.raw(",\"type\":").string(kind).raw(",\"code\":").number(i64::from(self.code));
        if !self.details.is_empty() {
            json.raw(",\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":").string(&self.details).raw("}");
        }
        if let Some(subcode) = self.subcode {
            json.raw(",\"error_subcode\":").number(i64::from(subcode));
        }
        if matches!(self.code, 1 | 2 | 4 | 131_000 | 131_016 | 131_057) {
            json.raw(",\"is_transient\":true");
        }
        json.raw(",\"fbtrace_id\":").string(&trace_id(trace)).raw("}}");
        json.into_bytes()
    }
}

/// The error object of a `failed` status, written into a callback.
pub(super) fn write_status_error(json: &mut Json, code: u32) {
    let (_, title) = facts(code);
    json.raw("{\"code\":").number(i64::from(code)).raw(",\"title\":").string(title).raw(",\"message\":").string(title);
    json.raw(",\"error_data\":{\"details\":").string(status_details(code)).raw("},\"href\":");
    json.string("https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes")
        .raw("}");
}

fn trace_id(trace: u64) -> String {
    let mut dice = Dice::new(trace, Stream::Trace, 0);
    let mut bytes = [0_u8; 15];
    bytes[..8].copy_from_slice(&dice.next().to_be_bytes());
    bytes[8..].copy_from_slice(&dice.next().to_be_bytes()[..7]);
    let mut id = String::from("A");
    base64(&mut id, &bytes);
    id.replace(['+', '/'], "_")
}

/// HTTP status and title of a code.
fn facts(code: u32) -> (u16, &'static str) {
    match code {
        0 => (401, "AuthException"),
        1 => (400, "API Unknown"),
        2 => (503, "API Service"),
        3 => (500, "API Method"),
        4 => (400, "Application request limit reached"),
        10 => (403, "Application does not have permission for this action"),
        17 => (400, "User request limit reached"),
        33 => (400, "Parameter value is not valid"),
        100 => (400, "Invalid parameter"),
        102 => (401, "API session"),
        104 => (401, "An access token is required to request this resource."),
        190 => (401, "Access token has expired"),
        200..=299 => (
            403,
            "You do not have the necessary permissions to send messages on behalf of this WhatsApp Business Account",
        ),
        368 => (403, "Temporarily blocked for policies violations"),
        506 => (400, "Duplicate post"),
        613 => (400, "Calls to this api have exceeded the rate limit."),
        803 => (404, "Some of the aliases you requested do not exist"),
        2200 => (400, "Callback verification failed"),
        80_007 => (400, "Rate limit issues"),
        130_403 => (400, "Recipient is blocked by the business"),
        130_429 => (400, "Rate limit hit"),
        130_472 => (400, "User's number is part of an experiment"),
        130_497 => (403, "Business account is restricted from messaging users in this country"),
        131_000 => (500, "Something went wrong"),
        131_005 => (403, "Access denied"),
        131_008 => (400, "Required parameter is missing"),
        131_009 => (400, "Parameter value is not valid"),
        131_016 => (500, "Service unavailable"),
        131_021 => (400, "Recipient cannot be sender"),
        131_026 => (400, "Message undeliverable"),
        131_030 => (400, "Recipient phone number not in allowed list"),
        131_031 => (403, "Account has been locked"),
        131_037 => (400, "WhatsApp provided number needs display name approval before message can be sent."),
        131_042 => (400, "Business eligibility payment issue"),
        131_045 => (500, "Incorrect certificate"),
        131_047 => (400, "Re-engagement message"),
        131_048 => (400, "Spam rate limit hit"),
        131_049 => (400, "This message was not delivered to maintain healthy ecosystem engagement."),
        131_050 => (
            400,
            "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp from your business",
        ),
        131_051 => (400, "Unsupported message type"),
        131_052 => (400, "Media download error"),
        131_053 => (400, "Media upload error"),
        131_055 => (400, "Method not allowed"),
        131_056 => (400, "(Business Account, Consumer Account) pair rate limit hit"),
        131_057 => (500, "Account in maintenance mode"),
        131_059 => (400, "Invalid cursor"),
        131_062 => (400, "Business-scoped user ID (BSUID) recipients are not supported for this message"),
        131_063 => (400, "Marketing disabled on Cloud API"),
        131_064 => (400, "Messaging limit caused by template misclassification"),
        132_000 => (400, "Number of parameters does not match the expected number of params"),
        132_001 => (404, "Template name does not exist in the translation"),
        132_005 => (400, "Template hydrated text too long"),
        132_007 => (400, "Template format character policy violated"),
        132_008 => (400, "Parameter value invalid in template"),
        132_012 => (400, "Template parameter format mismatch"),
        132_015 => (400, "Template is paused"),
        132_016 => (400, "Template is disabled"),
        132_018 => (400, "Template parameter validation failed"),
        132_068 => (400, "Flow is in blocked state"),
        132_069 => (400, "Flow is in throttled state"),
        133_004 => (503, "Server temporarily unavailable"),
        133_010 => (400, "Phone number not registered"),
        134_100 => (400, "Only marketing messages supported"),
        135_000 => (400, "Generic user error"),
        137_000 => (400, "Identity key hash mismatch"),
        _ => (400, "Error asked for in the simulator's settings"),
    }
}

fn status_details(code: u32) -> &'static str {
    match code {
        130_472 => "Failed to send message because this user's phone number is part of an experiment",
        131_026 => "Message Undeliverable.",
        131_047 => {
            "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
        }
        131_049 => "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
        131_050 => "The recipient has chosen to stop receiving marketing messages from this business.",
        131_053 => "Media could not be fetched: check the link or the id, the type and the size.",
        other => facts(other).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_metas_shape() {
        let error = GraphError::new(131_056, "Too many messages sent to this recipient in a short time.");
        let body: serde_json::Value = serde_json::from_slice(&error.body(7)).unwrap();
        assert_eq!(body["error"]["message"], "(#131056) (Business Account, Consumer Account) pair rate limit hit");
        assert_eq!(body["error"]["type"], "OAuthException");
        assert_eq!(body["error"]["code"], 131_056);
        assert_eq!(body["error"]["error_data"]["messaging_product"], "whatsapp");
        assert!(body["error"]["fbtrace_id"].as_str().unwrap().len() > 10);
        assert_eq!(error.http_status(400), 400);
        assert_eq!(error.http_status(429), 429);
    }

    #[test]
    fn http_statuses_follow_metas_table() {
        let status = |code| GraphError::new(code, "").http_status(400);
        assert_eq!(
            [190, 200, 100, 132_001, 131_000, 131_016, 2, 131_031, 132_000].map(status),
            [401, 403, 400, 404, 500, 500, 503, 403, 400]
        );
    }
}
