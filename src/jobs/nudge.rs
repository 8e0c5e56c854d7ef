//! Free words that found the service window closed wait for the person to write. One approved template asks them to.

use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::CampaignValues;
use crate::domain::ids::TemplateName;
use crate::domain::template::Category;
use crate::jobs::send_single;
use crate::ports::{LoadedMessage, Once, Services, SingleMessage};

/// The template that asks.
const TEMPLATE: &str = "window-nudge";
/// A person is asked once in so long, however much waits for them.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Asks the person to write, unless they were asked not long ago. What goes wrong here is told and costs only the question: the words wait on.
pub(super) async fn run(services: &Services, parked: &LoadedMessage) {
    let name: TemplateName = TEMPLATE.parse().expect("a name that we wrote");
    let Some(template) = services.catalogue.template(&name) else {
        tracing::warn!(
            message.id = %parked.id,
            "free words wait for the person to write, and nobody asks them to: there is no template `{TEMPLATE}` in order"
        );
        return;
    };
    let (contact, language) = (&parked.contact, parked.language);
    let rendered = services.catalogue.rendered_alone(&template, &CampaignValues::new(), contact, language);
    let content = match rendered {
        Ok(rendered) => rendered.content,
        Err(error) => {
            tracing::warn!(message.id = %parked.id, error = %error, "the question that opens the service window cannot be made");
            return;
        }
    };
    let now = services.clock.now();
    let again_at = now.saturating_add(AGAIN_AFTER).unwrap_or(Timestamp::MAX);
    let question = SingleMessage {
        contact: contact.id,
        sender: parked.sender.clone(),
        purpose: parked.purpose,
        marketing: template.category() == Category::Marketing,
        language,
        price_micros: services.catalogue.single_price_micros(&content),
        content,
        expires_at: parked.expires_at.min(again_at),
        once: Some(Once {
            name: format!("nudge:{}:{}", parked.sender, contact.id),
            request: String::new(),
            until: again_at,
        }),
        link: None,
    };
    if let Err(error) = send_single::create(services, question, now).await {
        tracing::warn!(message.id = %parked.id, error = %error, "the question that opens the service window is not sent; the sweep tries again");
    }
}
