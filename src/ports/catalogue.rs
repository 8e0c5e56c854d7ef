//! The campaigns and templates in force.

use std::sync::Arc;

use crate::domain::answering;
use crate::domain::campaign::{Campaign, CampaignValues};
use crate::domain::contact::Contact;
use crate::domain::ids::TemplateName;
use crate::domain::language::Language;
use crate::domain::message::{Content, Rendered};
use crate::domain::pricing::Tariff;
use crate::domain::standing_job::ScheduledJob;
use crate::domain::template::MessageTemplate;

/// The text of a message could not be made for one person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotRender(
    /// Which value is missing or too long; never the value itself.
    pub String,
);

/// The campaigns and templates in force.
pub trait Catalogue: Send + Sync {
    /// Every campaign whose file is in order.
    fn campaigns(&self) -> Vec<Arc<Campaign>>;
    /// The campaigns whose template Meta knows under that name and has in that language.
    fn campaigns_with(&self, approved_name: &str, language_code: &str) -> Vec<Arc<Campaign>>;
    /// What the campaign tells this person.
    ///
    /// # Errors
    /// When a value that the template needs is missing for this person, or makes it too long.
    fn rendered(&self, campaign: &Campaign, contact: &Contact, language: Language) -> Result<Rendered, CannotRender>;
    /// The template of that name, if its folder is in order.
    fn template(&self, name: &TemplateName) -> Option<Arc<MessageTemplate>>;
    /// Every template whose folder is in order, by name.
    fn templates(&self) -> Vec<Arc<MessageTemplate>>;
    /// What a template tells this person outside of any campaign, with these values.
    ///
    /// # Errors
    /// As for [`Self::rendered`].
    fn rendered_alone(
        &self,
        template: &MessageTemplate,
        values: &CampaignValues,
        contact: &Contact,
        language: Language,
    ) -> Result<Rendered, CannotRender>;
    /// The flat price of one message outside of any campaign, in micro-units: what it costs where no rate card says anything.
    fn single_price_micros(&self, content: &Content) -> i64;
    /// Whether the template of the campaign is of Meta's category MARKETING.
    fn is_marketing(&self, campaign: &Campaign) -> bool;
    /// The flat price of one message of the campaign, in micro-units: what it costs where no rate card says anything.
    fn price_micros(&self, campaign: &Campaign) -> i64;
    /// By what messages are priced.
    fn tariff(&self) -> Arc<Tariff>;
    /// The rules by which people are answered; `None`: barid says nothing by itself.
    fn answering(&self) -> Option<Arc<answering::Rules>>;
    /// The schedule of standing jobs.
    fn standing_jobs(&self) -> Vec<Arc<ScheduledJob>>;
    /// The time zone that a number in E.164 suggests (IANA name); the service's own without one.
    fn timezone_of(&self, phone: Option<&str>) -> String;
}
