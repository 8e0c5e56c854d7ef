//! What a look at the templates asks for: what somebody should be told, and which campaigns may not go on, or may again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Submission;
use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use crate::domain::live_check::TemplateFacts;

/// The only state in which the provider sends a template.
const APPROVED: &str = "APPROVED";
/// The category below which none is cheaper.
const UTILITY: &str = "UTILITY";

/// Whether the provider sends a template that is in this state.
pub fn is_approved(status: &str) -> bool {
    status == APPROVED
}

/// A template as it stood at the provider when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTemplate {
    /// In which account.
    pub account: String,
    /// What was found.
    pub facts: TemplateFacts,
    /// Since when it is known to be in this state.
    pub status_since: Timestamp,
    /// When it was looked at last.
    pub seen_at: Timestamp,
}

/// Somebody agreed to the price of another category than our file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The provider's name of the template.
    pub name: String,
    /// The provider's language code.
    pub language: String,
    /// The category that was agreed to, in the provider's word.
    pub category: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A template that a campaign uses, in one language: what our file says and what stands at the provider, if anything.
#[derive(Debug, Clone)]
pub struct CampaignTemplate {
    /// Our file.
    pub ours: Submission,
    /// What was found in the account from which it is sent.
    pub found: Option<TemplateFacts>,
}

impl CampaignTemplate {
    /// The category at the provider, where it is another one than our file counts on.
    fn moved_to(&self) -> Option<&str> {
        let found = self.found.as_ref()?;
        Some(found.category.as_str()).filter(|category| !category.eq_ignore_ascii_case(self.ours.category.name()))
    }

    /// The same, where that may cost more and nobody agreed to it.
    pub fn disagreed(&self, agreements: &[Agreement]) -> Option<&str> {
        let agreed = |category: &str| {
            let it = |one: &Agreement| one.name == self.ours.name && one.language == self.ours.language;
            agreements.iter().any(|one| it(one) && one.category == category)
        };
        self.moved_to().filter(|category| *category != UTILITY && !agreed(category))
    }
}

/// What becomes of a campaign for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// It is held, for what these words say.
    Held(String),
    /// What held it for this reason is over.
    Released,
    /// Too little is known to change anything.
    AsItIs,
}

/// What becomes of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldStep {
    /// For the state of its template.
    pub state: Hold,
    /// For the category of its template.
    pub category: Hold,
}

/// Decides what becomes of a campaign that uses this template in these languages. A language that the provider does not list holds nothing and
/// releases nothing: what is sent in it is refused, and that is heard of.
pub fn hold_steps(languages: &[CampaignTemplate], agreements: &[Agreement]) -> HoldStep {
    let all_found = !languages.is_empty() && languages.iter().all(|one| one.found.is_some());
    let hold = |reasons: Vec<String>| {
        if !reasons.is_empty() {
            Hold::Held(reasons.join(", "))
        } else if all_found {
            Hold::Released
        } else {
            Hold::AsItIs
        }
    };
    let unready = languages.iter().filter_map(|one| {
        let found = one.found.as_ref().filter(|found| !is_approved(&found.status))?;
        Some(format!("{} in {}", found.status, one.ours.language))
    });
    let dearer = languages.iter().filter_map(|one| {
        let category = one.disagreed(agreements)?.to_ascii_lowercase();
        Some(format!("{category} instead of {} in {}", one.ours.category.name(), one.ours.language))
    });
    HoldStep { state: hold(unready.collect()), category: hold(dearer.collect()) }
}

/// What somebody should be told about these templates; `NAME` in the words is that of the provider, one alert of a kind for each.
pub fn alerts_of(templates: &[CampaignTemplate], agreements: &[Agreement]) -> Vec<NewAlert> {
    let mut told: BTreeMap<(AlertKind, &str), (Severity, Vec<String>)> = BTreeMap::new();
    for template in templates {
        let Some(found) = &template.found else { continue };
        let (name, language) = (template.ours.name.as_str(), &template.ours.language);
        let mut tell = |kind, severity: Severity, text: String| {
            let (worst, texts) = told.entry((kind, name)).or_insert((severity, Vec::new()));
            *worst = severity.max(*worst);
            if !texts.contains(&text) {
                texts.push(text);
            }
        };
        if !is_approved(&found.status) {
            let (severity, remedy) = after(&found.status);
            let because = match found.rejected_reason.as_str() {
                "" => String::new(),
                reason => format!(" ({reason})"),
            };
            tell(
                AlertKind::TemplateState,
                severity,
                format!("it is {}{because} in {language}; {remedy}", found.status),
            );
        }
        match found.quality.as_str() {
            "RED" => tell(
                AlertKind::TemplateQuality,
                Severity::Critical,
                format!(
                    "its quality is low in {language}, and Meta pauses such templates; change its text or send it to fewer people"
                ),
            ),
            "YELLOW" => tell(
                AlertKind::TemplateQuality,
                Severity::Warning,
                format!(
                    "its quality went down in {language}; look at what people answer to it, and whom it is sent to"
                ),
            ),
            _ => {}
        }
        if let Some(category) = template.moved_to() {
            let (severity, remedy) = if template.disagreed(agreements).is_some() {
                let remedy = "its campaigns wait; `barid template agree NAME` agrees to the price";
                (Severity::Critical, remedy)
            } else {
                (Severity::Warning, "set `category` so in its template.toml")
            };
            let (category, ours) = (category.to_ascii_lowercase(), template.ours.category.name());
            let text = format!("Meta takes it for {category} in {language}, and our file says {ours}; {remedy}");
            tell(AlertKind::TemplateCategory, severity, text);
        }
        if found.wording != template.ours.wording() {
            let text = format!(
                "the text at Meta in {language} is not that of our file; `barid template show NAME` shows how they differ, \
                 and `barid template push NAME` hands ours in"
            );
            tell(AlertKind::TemplateText, Severity::Warning, text);
        }
    }
    let alert = |((kind, name), (severity, texts)): ((AlertKind, &str), (Severity, Vec<String>))| NewAlert {
        kind,
        scope: AlertScope::Template(name.to_owned()),
        severity,
        text: format!("the template `{name}`: {}", texts.join("; ")),
    };
    told.into_iter().map(alert).collect()
}

/// How bad a state is, and what to do.
fn after(status: &str) -> (Severity, &'static str) {
    match status {
        "PENDING" | "IN_APPEAL" => (Severity::Warning, "wait for the review, at most 24 hours"),
        "REJECTED" => (Severity::Critical, "change what Meta objects to and push it again"),
        "PAUSED" => (
            Severity::Critical,
            "Meta ends the pause by itself after hours; a third one disables the template, so change its text",
        ),
        "ARCHIVED" => (Severity::Warning, "unarchive it in the WhatsApp Manager if it is still used"),
        _ => (Severity::Critical, "give it another `name` in its template.toml and push that"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::{ApprovalText, Category, ParameterFormat};
    use crate::domain::template_approval::Wording;

    fn template(language: &str, status: &str, category: &str) -> CampaignTemplate {
        let body = "Thank you for your visit.";
        CampaignTemplate {
            ours: Submission {
                name: "thanks".to_owned(),
                language: language.to_owned(),
                category: Category::Utility,
                format: ParameterFormat::Named,
                header: None,
                body: ApprovalText { text: body.to_owned(), samples: vec![] },
                footer: None,
                buttons: vec![],
            },
            found: Some(TemplateFacts {
                status: status.to_owned(),
                category: category.to_owned(),
                wording: Wording::new(None, body, None, []),
                ..TemplateFacts::default()
            }),
        }
    }

    fn agreed(language: &str) -> Agreement {
        Agreement {
            name: "thanks".to_owned(),
            language: language.to_owned(),
            category: "MARKETING".to_owned(),
            by: "amal".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_campaign_is_held_for_what_meta_will_refuse_or_charge_more_for() {
        let held = |words: &str| Hold::Held(words.to_owned());
        let unlisted = CampaignTemplate { found: None, ..template("en", "", "") };
        let (good, dear) = (template("ar", "APPROVED", "UTILITY"), template("en", "APPROVED", "MARKETING"));
        let paused = template("en", "PAUSED", "UTILITY");
        for (languages, agreements, state, category) in [
            (vec![good.clone(), template("en", "APPROVED", "UTILITY")], vec![], Hold::Released, Hold::Released),
            (vec![good.clone(), paused.clone()], vec![], held("PAUSED in en"), Hold::Released),
            (vec![good.clone(), unlisted.clone()], vec![], Hold::AsItIs, Hold::AsItIs),
            (vec![paused, unlisted], vec![], held("PAUSED in en"), Hold::AsItIs),
            (vec![], vec![], Hold::AsItIs, Hold::AsItIs),
            (vec![good.clone(), dear.clone()], vec![], Hold::Released, held("marketing instead of utility in en")),
            (
                vec![good.clone(), dear.clone()],
                vec![agreed("ar")],
                Hold::Released,
                held("marketing instead of utility in en"),
            ),
            (vec![good, dear], vec![agreed("en")], Hold::Released, Hold::Released),
        ] {
            assert_eq!(hold_steps(&languages, &agreements), HoldStep { state, category }, "{languages:?}");
        }
        // What gets cheaper needs nobody's leave.
        let mut cheaper = template("ar", "APPROVED", "UTILITY");
        cheaper.ours.category = Category::Marketing;
        assert_eq!(hold_steps(&[cheaper], &[]).category, Hold::Released);
    }

    #[test]
    fn each_trouble_is_one_alert_of_the_template_with_all_its_languages() {
        assert_eq!(alerts_of(&[template("ar", "APPROVED", "UTILITY")], &[]), []);
        let mut low = template("en", "REJECTED", "MARKETING");
        let found = low.found.as_mut().unwrap();
        found.quality = "RED".to_owned();
        found.rejected_reason = "PROMOTIONAL".to_owned();
        found.wording = Wording::new(None, "Thanks.", None, []);
        let alerts = alerts_of(&[template("ar", "PENDING", "UTILITY"), low.clone()], &[]);
        let shown: Vec<_> = alerts.iter().map(|alert| (alert.kind, alert.severity)).collect();
        assert_eq!(
            shown,
            [
                (AlertKind::TemplateState, Severity::Critical),
                (AlertKind::TemplateQuality, Severity::Critical),
                (AlertKind::TemplateCategory, Severity::Critical),
                (AlertKind::TemplateText, Severity::Warning),
            ]
        );
        assert!(alerts.iter().all(|alert| alert.scope == AlertScope::Template("thanks".to_owned())));
        let state = &alerts[0].text;
        assert!(state.contains("PENDING in ar") && state.contains("REJECTED (PROMOTIONAL) in en"), "{state}");
        assert!(alerts[2].text.contains("barid template agree"), "{}", alerts[2].text);
        let agreed = alerts_of(&[low], &[agreed("en")]);
        assert_eq!(agreed[2].severity, Severity::Warning, "who agreed is not asked again");
    }
}
