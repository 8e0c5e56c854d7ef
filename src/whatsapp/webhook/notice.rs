//! What Meta says by itself about templates, numbers and accounts (pages …/webhooks/reference/{message_template_status_update,
//! message_template_quality_update, message_template_components_update, template_category_update, phone_number_quality_update,
//! phone_number_name_update, account_update, account_review_update, account_alerts, business_capability_update, security, flows},
//! 2026-11-22). What is not known here stays [`News::Other`](crate::domain::news::News::Other) under the name of its field.

use jiff::Timestamp;

use super::content::kept;
use super::moment;
use super::wire::Value;
use crate::domain::news::{Notice, NoticeNews};

/// Where a change comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin<'a> {
    /// Meta's id of the account.
    pub(super) account: Option<&'a str>,
    /// When Meta said it.
    pub(super) time: Option<&'a str>,
}

/// The notice in a change of that field, if we know it.
pub(super) fn read(field: &'static str, origin: Origin<'_>, value: &Value<'_>) -> Option<NoticeNews> {
    let event = value.event.as_deref();
    let decision = value.decision.as_deref();
    let told = |event, alerts| Some(Notice::Told { about: field, event, alerts });
    let notice = match field {
        "message_template_status_update" => template(value),
        "message_template_quality_update" => {
            let score = known(value.new_quality_score.as_deref(), &["GREEN", "YELLOW", "RED", "UNKNOWN"])?;
            told(score, score == "RED")
        }
        "message_template_components_update" => told("", false),
        // Announced with the category that Meta thinks correct, and done with the new one; prices and limits follow from it.
        "template_category_update" | "template_correct_category_detection" => {
            let category = value.correct_category.as_deref().or(value.new_category.as_deref());
            told(known(category, &["MARKETING", "UTILITY", "AUTHENTICATION"])?, true)
        }
        "account_update" => account(value),
        "account_review_update" => {
            let decision = known(decision, &["APPROVED", "REJECTED", "PENDING", "DEFERRED"])?;
            told(decision, decision == "REJECTED")
        }
        "account_alerts" => {
            let info = value.alert_info.as_ref()?;
            let severity = known(info.alert_severity.as_deref(), &["CRITICAL", "WARNING", "INFORMATIONAL"]);
            told(known(info.alert_type.as_deref(), &ALERTS).or(severity)?, severity == Some("CRITICAL"))
        }
        "phone_number_quality_update" => quality(event?),
        "phone_number_name_update" => {
            let decision = known(decision, &["APPROVED", "DEFERRED", "PENDING", "REJECTED"])?;
            told(decision, decision == "REJECTED")
        }
        "business_capability_update" => told("", false),
        // Whoever did not ask for it should look: a PIN guards the number.
        "security" => told(known(event, &["PIN_CHANGED", "PIN_RESET_REQUEST", "PIN_REQUEST_SUCCESS"])?, true),
        "business_username_updates" => told(known(value.status.as_deref(), &USERNAMES).unwrap_or_default(), false),
        "flows" => told(known(event, &FLOWS)?, value.alert_state.as_deref() == Some("ACTIVATED")),
        _ => None,
    }?;
    Some(NoticeNews {
        account: origin.account.map(str::to_owned),
        at: origin.time.map(|time| moment(Some(time))),
        notice,
    })
}

/// Page …/webhooks/reference/account_alerts, 2026-11-22.
const ALERTS: [&str; 6] = [
    "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
    "INCREASED_CAPABILITIES_ELIGIBILITY_FAILED",
    "INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO",
    "OBA_APPROVED",
    "OBA_REJECTED",
    "PROFILE_PICTURE_LOST",
];
/// Page …/business-scoped-user-ids, 2026-06-29.
const USERNAMES: [&str; 4] = ["approved", "deleted", "reserved", "rejected"];
/// Page …/flows/reference/flowswebhooks, not checked since 2026-11-22.
const FLOWS: [&str; 6] = [
    "FLOW_STATUS_CHANGE",
    "FLOW_VERSION_EXPIRY_WARNING",
    "CLIENT_ERROR_RATE",
    "ENDPOINT_ERROR_RATE",
    "ENDPOINT_LATENCY",
    "ENDPOINT_AVAILABILITY",
];
/// Account updates from which nothing follows here (page …/webhooks/reference/account_update, 2026-11-22).
const ACCOUNT_CHANGES: [&str; 13] = [
    "ACCOUNT_RECONNECTED",
    "AD_ACCOUNT_LINKED",
    "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
    "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
    "MM_LITE_TERMS_SIGNED",
    "PARTNER_ADDED",
    "PARTNER_APP_INSTALLED",
    "PARTNER_APP_UNINSTALLED",
    "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
    "PARTNER_REMOVED",
    "VERIFIED_ACCOUNT",
    "VOLUME_BASED_PRICING_TIER_UPDATE",
    "PHONE_NUMBER_ADDED",
];

fn known(event: Option<&str>, words: &[&'static str]) -> Option<&'static str> {
    words.iter().copied().find(|word| Some(*word) == event)
}

fn template(value: &Value<'_>) -> Option<Notice> {
    let about = "message_template_status_update";
    let event = value.event.as_deref();
    let name = kept(value.message_template_name.as_ref());
    // Some bodies have `en-US` where all others, and the templates themselves, have `en_US`.
    let language = kept(value.message_template_language.as_ref()).map(|code| code.replace('-', "_"));
    // `UNPAUSE` stands in the title where the event does not say it.
    let unpaused = value.other_info.as_ref().and_then(|info| info.title.as_deref()) == Some("UNPAUSE");
    let good = if unpaused { Some("UNPAUSE") } else { known(event, &["APPROVED", "REINSTATED", "UNARCHIVED"]) };
    let bad = known(event, &["PAUSED", "DISABLED", "REJECTED", "DELETED", "ARCHIVED", "LOCKED"]);
    match (good, bad) {
        (Some(event), _) => Some(Notice::Template { name: name?, language: language?, may_send: true, event }),
        (None, Some(event)) => Some(Notice::Template { name: name?, language: language?, may_send: false, event }),
        (None, None) => {
            let event = known(event, &["PENDING", "IN_APPEAL", "PENDING_DELETION", "FLAGGED", "LIMIT_EXCEEDED"])?;
            Some(Notice::Told {
                about,
                event,
                alerts: matches!(event, "FLAGGED" | "LIMIT_EXCEEDED" | "PENDING_DELETION"),
            })
        }
    }
}

fn account(value: &Value<'_>) -> Option<Notice> {
    let told = |event, alerts| Some(Notice::Told { about: "account_update", event, alerts });
    match value.event.as_deref()? {
        "ACCOUNT_RESTRICTION" => {
            let (event, all) = ("ACCOUNT_RESTRICTION", &value.restriction_info);
            // Others forbid to add numbers or to answer calls; what we send begins conversations.
            let of_sending = all.iter().filter(|one| {
                one.restriction_type
                    .as_deref()
                    .is_some_and(|kind| kind.contains("MESSAGING") && !kind.contains("CUSTOMER_INITIATED"))
            });
            let ends: Vec<Option<Timestamp>> = of_sending
                .map(|one| {
                    one.expiration.as_deref().map(|text| moment(Some(text))).filter(|at| *at > Timestamp::UNIX_EPOCH)
                })
                .collect();
            if ends.is_empty() && !all.is_empty() {
                return told(event, true);
            }
            // The longest of them; one without an end is longer than all.
            let until = if ends.iter().all(Option::is_some) { ends.into_iter().flatten().max() } else { None };
            Some(Notice::Account { may_send: false, event, until })
        }
        "DISABLED_UPDATE" => match value.ban_info.as_ref().and_then(|info| info.waba_ban_state.as_deref()) {
            Some("DISABLE") => Some(Notice::Account { may_send: false, event: "DISABLED_UPDATE DISABLE", until: None }),
            Some("REINSTATE") => {
                Some(Notice::Account { may_send: true, event: "DISABLED_UPDATE REINSTATE", until: None })
            }
            Some("SCHEDULE_FOR_DISABLE") => told("DISABLED_UPDATE SCHEDULE_FOR_DISABLE", true),
            _ => None,
        },
        "ACCOUNT_DELETED" => Some(Notice::Account { may_send: false, event: "ACCOUNT_DELETED", until: None }),
        "ACCOUNT_VIOLATION" => told("ACCOUNT_VIOLATION", true),
        "ACCOUNT_OFFBOARDED" => told("ACCOUNT_OFFBOARDED", true),
        event => told(known(Some(event), &ACCOUNT_CHANGES)?, false),
    }
}

fn quality(event: &str) -> Option<Notice> {
    match event {
        // Until October 2025.
        "FLAGGED" => Some(Notice::Quality { may_send: false, event: "FLAGGED" }),
        "UNFLAGGED" => Some(Notice::Quality { may_send: true, event: "UNFLAGGED" }),
        event => {
            let event = known(Some(event), &["DOWNGRADE", "UPGRADE", "ONBOARDING", "THROUGHPUT_UPGRADE"])?;
            Some(Notice::Told { about: "phone_number_quality_update", event, alerts: event == "DOWNGRADE" })
        }
    }
}
