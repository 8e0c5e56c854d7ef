//! Double opt-in: whoever is said to have agreed is asked by one message. That they were is noted with the message, so two processes ask once,
//! and whoever dies in between asks again.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::campaign::{CampaignValue, CampaignValues};
use crate::domain::consent::{Purpose, Purposes};
use crate::domain::double_opt_in::{in_words, worth_asking};
use crate::domain::ids::{ContactId, SenderName, TemplateName};
use crate::domain::template::{Category, MessageTemplate};
use crate::jobs::JobError;
use crate::ports::{Services, SingleMessage, Unasked, Wanted};

/// The template that asks, and what it says they are asked for.
const TEMPLATE: &str = "consent-request";
const PURPOSES: &str = "purposes";
/// People in one step.
const STEP: u64 = 200;

/// What was told aloud already.
#[derive(Debug, Default)]
pub struct Told {
    no_template: AtomicBool,
    cannot_render: AtomicBool,
}

/// Asks everybody who is to be asked, and forgets requests that are over; answers how many were asked.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn run(services: &Services, told: &Told) -> Result<u64, JobError> {
    let doing = "asking people for their consent";
    services.store.end_requests_over(services.clock.now()).await.map_err(JobError::from_store(doing))?;
    let name: TemplateName = TEMPLATE.parse().expect("a name that we wrote");
    let (mut asked, mut after) = (0, None::<ContactId>);
    loop {
        let people = services.store.unasked(after, STEP).await.map_err(JobError::from_store(doing))?;
        let Some(last) = people.last() else { return Ok(asked) };
        after = Some(last.contact.id);
        let Some(template) = services.catalogue.template(&name) else {
            if !told.no_template.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "people wait to be asked whether they agree: there is no template `{TEMPLATE}` in order"
                );
            }
            return Ok(asked);
        };
        told.no_template.store(false, Ordering::Relaxed);
        for person in &people {
            asked += u64::from(one(services, told, &template, person).await?);
        }
    }
}

/// Asks one person; answers whether it did.
async fn one(services: &Services, told: &Told, template: &MessageTemplate, person: &Unasked) -> Result<bool, JobError> {
    let doing = "asking a person for their consent";
    let now = services.clock.now();
    let contact = &person.contact;
    let purposes = worth_asking(contact.consent, person.purposes);
    let settled = purposes.iter().fold(person.purposes, Purposes::without);
    if !settled.is_empty() {
        services.store.end_requests(contact.id, settled).await.map_err(JobError::from_store(doing))?;
    }
    if purposes.is_empty() {
        return Ok(false);
    }
    let language = contact.language;
    let words = CampaignValue::from(in_words(purposes, language).as_str());
    let values = CampaignValues::from([(PURPOSES.to_owned(), words)]);
    let content = match services.catalogue.rendered_alone(template, &values, contact, language) {
        Ok(rendered) => rendered.content,
        Err(error) => {
            if !told.cannot_render.swap(true, Ordering::Relaxed) {
                tracing::warn!(contact.id = %contact.id, error = %error, "the question for consent cannot be made");
            }
            return Ok(false);
        }
    };
    let message = SingleMessage {
        contact: contact.id,
        sender: sender(services, person),
        purpose: Purpose::ConsentRequest,
        marketing: template.category() == Category::Marketing,
        language,
        price_micros: services.catalogue.single_price_micros(&content),
        content,
        expires_at: person.until,
        once: None,
        link: None,
    };
    let message = services.store.ask(purposes, message, now).await.map_err(JobError::from_store(doing))?;
    let Some(id) = message else { return Ok(false) };
    if let Err(error) = services.queue.send(Wanted::Replies, &[(id, 0)], None).await {
        tracing::debug!(message.id = %id, error = %error, "a question is not queued; the sweep will find it");
    }
    Ok(true)
}

/// The number to which the person wrote, if it is still ours.
fn sender(services: &Services, person: &Unasked) -> SenderName {
    let is_ours = |sender: &&SenderName| services.rules.senders.values().any(|ours| ours == *sender);
    person.sender.as_ref().filter(is_ours).unwrap_or(&services.rules.default_sender).clone()
}
