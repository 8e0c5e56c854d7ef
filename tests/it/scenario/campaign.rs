//! The campaign of a scenario: one, to some people in a file of two rows to the page. The last one has given no consent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use barid::domain::answering::Rules;
use barid::domain::audience::{Audience, AudienceSource, Sample};
use barid::domain::campaign::{Campaign, CampaignValues, Delivery, OnUnknown, Start};
use barid::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes};
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::ids::TemplateName;
use barid::domain::language::Language;
use barid::domain::message::{Content, Rendered, TemplateContent};
use barid::domain::phone_number::PhoneNumber;
use barid::domain::pricing::Tariff;
use barid::domain::standing_job::ScheduledJob;
use barid::domain::template::MessageTemplate;
use barid::ports::{AudienceFileError, AudienceFiles, AudiencePage, CannotRender, Catalogue};
use jiff::{SignedDuration, civil};

use super::people::{email, phone};
use super::time::Time;

pub(crate) const CAMPAIGN: &str = "survey";
/// What one message costs, in micro-units.
pub(crate) const PRICE: i64 = 2_500;
/// Meta's name for what it says.
const APPROVED_TEMPLATE: &str = "survey_invitation";
/// Rows of a page: few, so that planning has several steps.
const ROWS: u64 = 2;

/// The plain one: over WhatsApp only, to everybody at once, and once.
pub(crate) fn plain() -> Campaign {
    Campaign {
        name: CAMPAIGN.parse().unwrap(),
        template: "survey-invitation".parse().unwrap(),
        purpose: Purpose::Survey,
        start: Some(Start::At(civil::date(2026, 11, 22).at(12, 0, 0, 0))),
        timezone: "UTC".parse().unwrap(),
        expires_after: SignedDuration::from_hours(1),
        sender: "default".parse().unwrap(),
        audience: Audience {
            source: AudienceSource::File("survey.csv".to_owned()),
            tags_any: Vec::new(),
            tags_none: Vec::new(),
            where_: BTreeMap::new(),
            not_contacted_for: None,
            sample: Sample::ALL,
        },
        values: CampaignValues::new(),
        delivery: Delivery {
            rate: None,
            quiet_hours: None,
            fallback: Vec::new(),
            not_delivered_after: None,
            on_unknown: OnUnknown::Evidence,
            unknown_after: SignedDuration::from_secs(30),
        },
        rollout: None,
        reminder: None,
        budget: None,
    }
}

/// The folder with that one campaign, and its audience file.
pub(crate) struct OneCampaign {
    pub(crate) campaign: Arc<Campaign>,
    pub(crate) people: usize,
}

impl Catalogue for OneCampaign {
    fn campaigns_with(&self, approved_name: &str, _: &str) -> Vec<Arc<Campaign>> {
        if approved_name == APPROVED_TEMPLATE { self.campaigns() } else { Vec::new() }
    }
    fn campaigns(&self) -> Vec<Arc<Campaign>> {
        vec![Arc::clone(&self.campaign)]
    }
    fn rendered(&self, _: &Campaign, _: &Contact, language: Language) -> Result<Rendered, CannotRender> {
        let content = Content::Template(TemplateContent {
            name: APPROVED_TEMPLATE.to_owned(),
            language_code: language.code().to_owned(),
            header: None,
            body: Vec::new(),
            buttons: Vec::new(),
        });
        let is_for_others = !self.campaign.delivery.fallback.is_empty();
        let words = |text: &str| is_for_others.then(|| text.to_owned());
        Ok(Rendered { content, text: words("How was it?"), subject: words("A question") })
    }
    fn template(&self, _: &TemplateName) -> Option<Arc<MessageTemplate>> {
        None
    }
    fn templates(&self) -> Vec<Arc<MessageTemplate>> {
        Vec::new()
    }
    fn rendered_alone(
        &self,
        _: &MessageTemplate,
        _: &CampaignValues,
        _: &Contact,
        _: Language,
    ) -> Result<Rendered, CannotRender> {
        unreachable!("there is no template")
    }
    fn answering(&self) -> Option<Arc<Rules>> {
        None
    }
    fn tariff(&self) -> Arc<Tariff> {
        Arc::default()
    }
    fn single_price_micros(&self, _: &Content) -> i64 {
        PRICE
    }

    fn standing_jobs(&self) -> Vec<Arc<ScheduledJob>> {
        Vec::new()
    }
    fn is_marketing(&self, _: &Campaign) -> bool {
        false
    }
    fn price_micros(&self, _: &Campaign) -> i64 {
        PRICE
    }
    fn timezone_of(&self, _: Option<&str>) -> String {
        "Asia/Riyadh".to_owned()
    }
}

#[async_trait]
impl AudienceFiles for OneCampaign {
    async fn page(&self, _: &Path, skip_rows: u64, _: usize) -> Result<AudiencePage, AudienceFileError> {
        let people = self.people as u64;
        let rows = skip_rows..people.min(skip_rows + ROWS);
        let next = (rows.end < people).then_some(rows.end);
        let row = |n: u64| {
            let granted = if n + 1 == people && people > 1 { Purposes::NONE } else { Purposes::all() };
            let person = usize::try_from(n).unwrap();
            let update = ContactUpdate {
                phone: PhoneNumber::from_e164(&phone(person)).unwrap(),
                name: None,
                language: Some(if n.is_multiple_of(2) { Language::Ar } else { Language::En }),
                timezone: None,
                timezone_of_number: "Asia/Riyadh".to_owned(),
                email: Some(email(person)),
                tags: None,
                attributes: BTreeMap::new(),
                consent: Some(ConsentChange {
                    kind: ConsentChangeKind::Set(granted),
                    at: Time::start(),
                    source: "import".to_owned(),
                    evidence: "survey.csv".to_owned(),
                }),
            };
            (n + 2, update)
        };
        Ok(AudiencePage { updates: rows.map(row).collect(), errors: Vec::new(), next })
    }
}
