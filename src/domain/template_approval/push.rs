//! Whether a template is created, edited or left alone: the provider does not let everything be edited.
//!
//! Source: `/documentation/business-messaging/whatsapp/templates/template-management`, checked 2026-11: only approved, rejected and paused
//! templates can be edited; an approved one keeps its category, and is edited once in 24 hours and ten times in 30 days.

use super::Submission;
use crate::domain::live_check::TemplateFacts;
use crate::domain::template::ApprovalHeader;

/// What is to be done with one language of a template in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushStep {
    /// It is not there.
    Create,
    /// It is there and says something else.
    Edit {
        /// The provider's id of it.
        id: String,
        /// Whether the category changes, too.
        with_category: bool,
    },
    /// It is there and says the same.
    Unchanged,
    /// It is there and can not be made what our file says; a sentence with what to do.
    Impossible(String),
}

impl PushStep {
    /// The word in the API and on the command line.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Edit { .. } => "edit",
            Self::Unchanged => "unchanged",
            Self::Impossible(_) => "impossible",
        }
    }
}

/// States in which the provider lets a template be edited.
const EDITABLE: [&str; 3] = ["APPROVED", "REJECTED", "PAUSED"];

/// Decides. `found`: what stands at the provider under that name and language, if anything.
pub fn push_step(ours: &Submission, found: Option<&TemplateFacts>) -> PushStep {
    let Some(found) = found else { return PushStep::Create };
    let is_category_same = found.category.eq_ignore_ascii_case(ours.category.name());
    let is_format_same = found.format.is_empty()
        || found.format.eq_ignore_ascii_case(ours.format.name())
        || (ours.body.samples.is_empty()
            && ours.header.as_ref().and_then(ApprovalHeader::line).is_none_or(|line| line.samples.is_empty()));
    if found.wording == ours.wording() && is_category_same && is_format_same {
        return PushStep::Unchanged;
    }
    let (status, category) = (&found.status, found.category.to_ascii_lowercase());
    let impossible = PushStep::Impossible;
    if !EDITABLE.contains(&status.as_str()) {
        let remedy = if status == "PENDING" || status == "IN_APPEAL" {
            "wait for the review to end, at most 24 hours, and push again"
        } else {
            "give it another `name` in its template.toml and push that"
        };
        return impossible(format!("it is {status}, and Meta edits only approved, rejected and paused ones; {remedy}"));
    }
    if !is_format_same {
        return impossible(format!(
            "its parameters are {} at Meta, which cannot be edited; set `parameter_format` so, or give it another `name`",
            found.format.to_ascii_lowercase()
        ));
    }
    if status == "APPROVED" && !is_category_same {
        return impossible(format!(
            "it is approved as {category}, and Meta does not let the category of an approved template be edited; \
             set `category = \"{category}\"` in its template.toml, or give it another `name`"
        ));
    }
    PushStep::Edit { id: found.id.clone(), with_category: !is_category_same }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::{ApprovalText, Category, ParameterFormat};
    use crate::domain::template_approval::Wording;

    fn ours() -> Submission {
        Submission {
            name: "parcel_update".to_owned(),
            language: "en".to_owned(),
            category: Category::Utility,
            format: ParameterFormat::Named,
            header: None,
            body: ApprovalText {
                text: "Parcel {{parcel}} leaves today.".to_owned(),
                samples: vec![crate::domain::message::TemplateParameter {
                    name: Some("parcel".to_owned()),
                    text: "P-1".to_owned(),
                }],
            },
            footer: None,
            buttons: vec![],
        }
    }

    fn found(status: &str, category: &str, format: &str, body: &str) -> TemplateFacts {
        TemplateFacts {
            id: "13".to_owned(),
            status: status.to_owned(),
            category: category.to_owned(),
            format: format.to_owned(),
            wording: Wording::new(None, body, None, []),
            ..TemplateFacts::default()
        }
    }

    #[test]
    fn what_is_there_is_edited_only_where_it_differs_and_meta_lets_it() {
        let (same, other) = ("Parcel {{parcel}} leaves today.", "Parcel {{parcel}} leaves.");
        assert_eq!(push_step(&ours(), None), PushStep::Create);
        let edit = |with_category| PushStep::Edit { id: "13".to_owned(), with_category };
        for (facts, wanted) in [
            (found("APPROVED", "UTILITY", "NAMED", same), PushStep::Unchanged),
            (found("PENDING", "UTILITY", "NAMED", same), PushStep::Unchanged),
            (found("APPROVED", "UTILITY", "NAMED", other), edit(false)),
            (found("PAUSED", "UTILITY", "NAMED", other), edit(false)),
            (found("REJECTED", "MARKETING", "NAMED", same), edit(true)),
        ] {
            assert_eq!(push_step(&ours(), Some(&facts)), wanted, "{facts:?}");
        }
        for (facts, says) in [
            (found("PENDING", "UTILITY", "NAMED", other), "wait for the review"),
            (found("DISABLED", "UTILITY", "NAMED", other), "another `name`"),
            (found("APPROVED", "MARKETING", "NAMED", other), "category = \"marketing\""),
            (found("APPROVED", "UTILITY", "POSITIONAL", other), "are positional at Meta"),
        ] {
            let step = push_step(&ours(), Some(&facts));
            assert!(matches!(&step, PushStep::Impossible(because) if because.contains(says)), "{step:?}");
        }
    }
}
