//! Which templates somebody should look at before the provider acts by itself: unused, rejected, near pausing, or nobody's.
//!
//! Source: `/documentation/business-messaging/whatsapp/templates/{template-management, template-pausing}`, checked 2026-11: a template that was not
//! used for 12 months is archived, and deleted 28 days later; one of low quality is paused for 3 hours, then for 6, then disabled.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::Submission;
use super::standing::{KeptTemplate, is_approved};
use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};

/// Unused for so long, a template is archived.
const ARCHIVED_AFTER: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Unused for so long, it is worth a look.
const UNUSED_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So long before it is archived, somebody is told.
const TOLD_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A template was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateUse {
    /// The provider's name of it.
    pub name: String,
    /// The provider's language code.
    pub language: String,
    /// When last, to an hour.
    pub at: Timestamp,
}

/// Why somebody should look at a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is at the provider, and no file of ours says it.
    NotOurs,
    /// The provider does not send it.
    NotApproved {
        /// The state, in the provider's word.
        status: String,
        /// Why it was rejected; empty where it was not.
        reason: String,
    },
    /// People do not like it.
    NearPausing {
        /// `YELLOW` or `RED`.
        quality: String,
    },
    /// Nobody was sent it for long.
    Unused {
        /// Since when, as far as it is known here.
        since: Timestamp,
        /// When the provider archives it.
        archived_at: Timestamp,
    },
}

impl Finding {
    /// The word in the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotOurs => "not-ours",
            Self::NotApproved { .. } => "not-approved",
            Self::NearPausing { .. } => "near-pausing",
            Self::Unused { .. } => "unused",
        }
    }

    /// What to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotOurs => "delete it in the WhatsApp Manager, or add a folder for it",
            Self::NotApproved { status, .. } => match status.as_str() {
                "PENDING" | "IN_APPEAL" => "wait for the review, at most 24 hours",
                "REJECTED" => "change what Meta objects to and push it again",
                "ARCHIVED" => {
                    "Meta deletes it 28 days after archiving it: unarchive it in the WhatsApp Manager if it is still needed"
                }
                "PAUSED" => "change its text, or whom it is sent to; a third pause disables it",
                _ => "give it another `name` in its template.toml and push that",
            },
            Self::NearPausing { .. } => "change its text, or whom it is sent to",
            Self::Unused { .. } => "remove its folder and delete it in the WhatsApp Manager, or send it",
        }
    }
}

/// In a sentence.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("it is at Meta, and no folder of ours says it"),
            Self::NotApproved { status, reason } if reason.is_empty() => write!(f, "it is {status}"),
            Self::NotApproved { status, reason } => write!(f, "it is {status} ({reason})"),
            Self::NearPausing { quality } if quality == "RED" => {
                f.write_str("its quality is low (RED): it will be paused")
            }
            Self::NearPausing { quality } => write!(f, "its quality went down ({quality})"),
            Self::Unused { since, archived_at } => {
                write!(f, "it was not sent since {since}; unused, Meta archives it about {archived_at}")
            }
        }
    }
}

/// A template with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The account.
    pub account: String,
    /// The provider's name of it.
    pub name: String,
    /// The provider's language code.
    pub language: String,
    /// What was found.
    pub finding: Finding,
}

/// Looks at all templates of our accounts, as they were last seen. A template of which no use is known counts as unused since it is in its state.
pub fn review(kept: &[KeptTemplate], ours: &[Submission], uses: &[TemplateUse], now: Timestamp) -> Vec<Reviewed> {
    let mut all = Vec::new();
    for KeptTemplate { account, facts, status_since, .. } in kept {
        let is_it = |name: &str, language: &str| name == facts.name && language == facts.language;
        let mut found = |finding| {
            let (account, name, language) = (account.clone(), facts.name.clone(), facts.language.clone());
            all.push(Reviewed { account, name, language, finding });
        };
        if !ours.iter().any(|ours| is_it(&ours.name, &ours.language)) {
            found(Finding::NotOurs);
            continue;
        }
        if !is_approved(&facts.status) {
            found(Finding::NotApproved { status: facts.status.clone(), reason: facts.rejected_reason.clone() });
        }
        if matches!(facts.quality.as_str(), "RED" | "YELLOW") {
            found(Finding::NearPausing { quality: facts.quality.clone() });
        }
        let used_at = uses.iter().find(|used| is_it(&used.name, &used.language)).map(|used| used.at);
        let since = used_at.unwrap_or(*status_since);
        if is_approved(&facts.status) && now.duration_since(since) >= UNUSED_AFTER {
            let archived_at = since.saturating_add(ARCHIVED_AFTER).unwrap_or(Timestamp::MAX);
            found(Finding::Unused { since, archived_at });
        }
    }
    all
}

/// Who should be told that a template is about to be archived; one alert for each name.
pub fn archiving_alerts(reviewed: &[Reviewed], now: Timestamp) -> Vec<NewAlert> {
    let mut alerts: Vec<NewAlert> = Vec::new();
    for Reviewed { name, finding, .. } in reviewed {
        let Finding::Unused { archived_at, .. } = finding else { continue };
        let scope = AlertScope::Template(name.clone());
        if archived_at.duration_since(now) > TOLD_BEFORE || alerts.iter().any(|alert| alert.scope == scope) {
            continue;
        }
        alerts.push(NewAlert {
            kind: AlertKind::TemplateUnused,
            scope,
            severity: Severity::Warning,
            text: format!("the template `{name}`: {finding}; {}", finding.remedy()),
        });
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::live_check::TemplateFacts;
    use crate::domain::template::{ApprovalText, Category, ParameterFormat};

    const DAY: i64 = 24 * 3_600;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_second(n * DAY).unwrap()
    }

    fn kept(name: &str, status: &str, quality: &str, since: i64) -> KeptTemplate {
        KeptTemplate {
            account: "8".to_owned(),
            facts: TemplateFacts {
                name: name.to_owned(),
                language: "ar".to_owned(),
                status: status.to_owned(),
                quality: quality.to_owned(),
                ..TemplateFacts::default()
            },
            status_since: day(since),
            seen_at: day(since),
        }
    }

    fn ours(name: &str) -> Submission {
        Submission {
            name: name.to_owned(),
            language: "ar".to_owned(),
            category: Category::Utility,
            format: ParameterFormat::Named,
            header: None,
            body: ApprovalText { text: "x".to_owned(), samples: vec![] },
            footer: None,
            buttons: vec![],
        }
    }

    fn used(name: &str, at: i64) -> TemplateUse {
        TemplateUse { name: name.to_owned(), language: "ar".to_owned(), at: day(at) }
    }

    fn names(reviewed: &[Reviewed]) -> Vec<(&str, &'static str)> {
        reviewed.iter().map(|one| (one.name.as_str(), one.finding.name())).collect()
    }

    #[test]
    fn what_is_in_order_is_not_told_and_everything_else_is_told_once_for_each_reason() {
        let kept = [
            kept("good", "APPROVED", "GREEN", 1),
            kept("disliked", "APPROVED", "RED", 1),
            kept("paused", "PAUSED", "RED", 1),
            kept("forgotten", "APPROVED", "UNKNOWN", 1),
            kept("stranger", "REJECTED", "RED", 1),
            kept("fresh", "APPROVED", "UNKNOWN", 399),
        ];
        let ours: Vec<Submission> = ["good", "disliked", "paused", "forgotten", "fresh", "not_pushed"].map(ours).into();
        let uses = [used("good", 311), used("disliked", 399), used("stranger", 399)];
        let found = review(&kept, &ours, &uses, day(400));
        assert_eq!(
            names(&found),
            [
                ("disliked", "near-pausing"),
                ("paused", "not-approved"),
                ("paused", "near-pausing"),
                ("forgotten", "unused"),
                ("stranger", "not-ours"),
            ]
        );
        assert_eq!(names(&review(&kept[..1], &ours, &uses, day(401))), [("good", "unused")], "90 days are too many");
    }

    #[test]
    fn somebody_is_told_thirty_days_before_a_template_is_archived() {
        let (kept, ours) = ([kept("rare", "APPROVED", "GREEN", 1)], [ours("rare")]);
        let told = |now| {
            let reviewed = review(&kept, &ours, &[used("rare", 10)], day(now));
            archiving_alerts(&reviewed, day(now)).len()
        };
        assert_eq!((told(344), told(345), told(500)), (0, 1, 1));
    }
}
