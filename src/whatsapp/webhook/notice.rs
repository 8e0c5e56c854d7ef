//! What Meta says by itself about templates, numbers and accounts (pages …/webhooks/reference/{message_template_status_update,
//! phone_number_quality_update,account_update,business_capability_update}, 2026-11-22). What is not known here stays [`News::Other`](crate::domain::news::News::Other).

use jiff::Timestamp;

use super::moment;
use super::wire::{Text, Value};
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
pub(super) fn read(field: &str, origin: Origin<'_>, value: &Value<'_>) -> Option<NoticeNews> {
    let event = value.event.as_deref();
    let notice = match field {
        "message_template_status_update" => template(value),
        "account_update" => account(value),
        "phone_number_quality_update" => quality(event?),
        "business_capability_update" => {
            Some(Notice::Told { about: "business_capability_update", event: "", alerts: false })
        }
        _ => None,
    }?;
    Some(NoticeNews {
        account: origin.account.map(str::to_owned),
        at: origin.time.map(|time| moment(Some(time))),
        notice,
    })
}

fn known(event: Option<&str>, words: &[&'static str]) -> Option<&'static str> {
    words.iter().copied().find(|word| Some(*word) == event)
}

fn template(value: &Value<'_>) -> Option<Notice> {
    let about = "message_template_status_update";
    let event = value.event.as_deref();
    let (name, language) = (kept(value.message_template_name.as_ref()), kept(value.message_template_language.as_ref()));
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
        "ACCOUNT_RECONNECTED" => told("ACCOUNT_RECONNECTED", false),
        _ => None,
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

fn kept(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| super::without_nul(text)).filter(|text| !text.is_empty())
}
