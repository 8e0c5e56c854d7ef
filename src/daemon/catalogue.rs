//! The campaigns and templates in force: replaced whole at a reload, so that no message ever sees half of a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::domain::answering::Rules;
use crate::domain::campaign::{Campaign, CampaignValues};
use crate::domain::contact::Contact;
use crate::domain::ids::{CampaignName, TemplateName};
use crate::domain::language::Language;
use crate::domain::live_check::WantedTemplate;
use crate::domain::message::{Content, Rendered, TemplateContent};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::pricing::Tariff;
use crate::domain::standing_job::ScheduledJob;
use crate::domain::template::{Brand, Category, MessageTemplate, RenderError, Values};
use crate::domain::time_zone_of_number::time_zone_of_number;
use crate::ports::{CannotRender, Catalogue};

/// What files define at one moment.
pub struct InForce {
    /// Campaigns whose files are in order.
    pub campaigns: BTreeMap<CampaignName, Arc<Campaign>>,
    /// Templates whose folders are in order.
    pub templates: BTreeMap<TemplateName, Arc<MessageTemplate>>,
    /// Who we are.
    pub brand: Brand,
    /// By which rules people are answered; `None`: they are not, by us.
    pub answering: Option<Arc<Rules>>,
    /// When standing jobs fire; `None`: their file cannot be read.
    pub schedule: Option<Vec<Arc<ScheduledJob>>>,
}

/// Flat prices of one message over WhatsApp, in micro-units.
#[derive(Debug, Clone, Copy)]
pub struct Prices {
    /// Of a template.
    pub template: i64,
    /// Of free words, buttons and lists.
    pub text: i64,
    /// Of media.
    pub media: i64,
}

/// Hands out what is in force.
pub struct Shelf {
    in_force: ArcSwap<InForce>,
    prices: Prices,
    tariff: Arc<Tariff>,
    timezone: String,
}

impl Shelf {
    /// With the flat prices, rate cards and rules, and the zone of people whose number is withheld.
    pub fn new(in_force: InForce, prices: Prices, tariff: Arc<Tariff>, timezone: String) -> Self {
        Self { in_force: ArcSwap::from_pointee(in_force), prices, tariff, timezone }
    }

    /// Our templates as they must stand at Meta, in both languages.
    pub fn wanted_at_meta(&self) -> Vec<WantedTemplate> {
        let in_force = self.in_force.load();
        let in_language = |template: &MessageTemplate, language| WantedTemplate {
            name: template.approved_name().to_owned(),
            language: template.language_code(language).to_owned(),
            category: match template.category() {
                Category::Marketing => "MARKETING",
                Category::Utility => "UTILITY",
            },
        };
        let both = |template: &Arc<MessageTemplate>| Language::ALL.map(|language| in_language(template, language));
        in_force.templates.values().flat_map(both).collect()
    }

    /// Puts something else in force. A schedule that cannot be read leaves the one before it.
    pub fn replace(&self, mut in_force: InForce) {
        in_force.schedule = in_force.schedule.or_else(|| self.in_force.load().schedule.clone());
        self.in_force.store(Arc::new(in_force));
    }

    /// The campaign of that name.
    pub fn campaign(&self, name: &CampaignName) -> Option<Arc<Campaign>> {
        self.in_force.load().campaigns.get(name).cloned()
    }
}

impl Shelf {
    /// Twilio's stored content that says the same as a call of an approved template, as the folders say now.
    pub fn content_sid(&self, call: &TemplateContent) -> Option<String> {
        self.in_force.load().templates.values().find_map(|template| template.content_sid(call)).map(str::to_owned)
    }
}

fn told(error: RenderError) -> CannotRender {
    CannotRender(error.to_string())
}

impl Catalogue for Shelf {
    fn campaigns(&self) -> Vec<Arc<Campaign>> {
        self.in_force.load().campaigns.values().cloned().collect()
    }

    fn campaigns_with(&self, approved_name: &str, language_code: &str) -> Vec<Arc<Campaign>> {
        let in_force = self.in_force.load();
        let is_it = |template: &MessageTemplate| {
            template.approved_name() == approved_name
                && Language::ALL.iter().any(|language| template.language_code(*language) == language_code)
        };
        let uses = |campaign: &&Arc<Campaign>| in_force.templates.get(&campaign.template).is_some_and(|it| is_it(it));
        in_force.campaigns.values().filter(uses).cloned().collect()
    }

    fn rendered(&self, campaign: &Campaign, contact: &Contact, language: Language) -> Result<Rendered, CannotRender> {
        let in_force = self.in_force.load();
        let template = in_force.templates.get(&campaign.template).ok_or_else(|| {
            CannotRender(format!("the template `{}` is no longer there or no longer in order", campaign.template))
        })?;
        let values = Values::new(language, &campaign.values, &in_force.brand).with_contact(contact);
        let content = template.content(&values).map_err(told)?;
        if campaign.delivery.fallback.is_empty() {
            return Ok(Rendered::only(content));
        }
        let text = template.text(&values).map_err(told)?;
        Ok(Rendered { content, text: Some(text), subject: template.subject(&values).map_err(told)? })
    }

    fn template(&self, name: &TemplateName) -> Option<Arc<MessageTemplate>> {
        self.in_force.load().templates.get(name).cloned()
    }

    fn templates(&self) -> Vec<Arc<MessageTemplate>> {
        self.in_force.load().templates.values().cloned().collect()
    }

    fn rendered_alone(
        &self,
        template: &MessageTemplate,
        values: &CampaignValues,
        contact: &Contact,
        language: Language,
    ) -> Result<Rendered, CannotRender> {
        let values = Values::new(language, values, &self.in_force.load().brand).with_contact(contact);
        template.content(&values).map(Rendered::only).map_err(told)
    }

    fn single_price_micros(&self, content: &Content) -> i64 {
        match content {
            Content::Template(_) => self.prices.template,
            Content::Text { .. } | Content::Buttons { .. } | Content::List { .. } => self.prices.text,
            Content::Media { .. } => self.prices.media,
        }
    }

    fn answering(&self) -> Option<Arc<Rules>> {
        self.in_force.load().answering.clone()
    }

    fn standing_jobs(&self) -> Vec<Arc<ScheduledJob>> {
        self.in_force.load().schedule.clone().unwrap_or_default()
    }

    fn is_marketing(&self, campaign: &Campaign) -> bool {
        let in_force = self.in_force.load();
        in_force.templates.get(&campaign.template).is_some_and(|template| template.category() == Category::Marketing)
    }

    fn price_micros(&self, _: &Campaign) -> i64 {
        self.prices.template
    }

    fn tariff(&self) -> Arc<Tariff> {
        Arc::clone(&self.tariff)
    }

    fn timezone_of(&self, phone: Option<&str>) -> String {
        let number = phone.and_then(|phone| PhoneNumber::from_e164(phone).ok());
        number.map_or_else(|| self.timezone.clone(), |number| time_zone_of_number(&number).to_owned())
    }
}
