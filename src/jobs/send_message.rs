//! One attempt at one message.
//!
//! The order is the promise. The mark *started* is durable before the call, so a crash in between shows as a call whose answer
//! nobody saw, never as a message that was not called. The answer is written before the job ends; if it cannot be written, the
//! mark stays and the message is settled by its callbacks.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::Campaign;
use crate::domain::channel::Channel;
use crate::domain::consent::Subject;
use crate::domain::country::CountryCode;
use crate::domain::delivery::{Delivery, Effect, Fact, HeldReason, SuppressedReason};
use crate::domain::failure::FailureClass;
use crate::domain::ids::{CallbackReference, MessageId, RunId};
use crate::domain::limit::Urgency;
use crate::domain::message::{Content, Envelope, Recipient, Rendered, TemplateContent};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::pricing::{PriceCategory, Sale};
use crate::domain::quiet_hours::quiet_for;
use crate::domain::start::{StartAnswer, StartQuestion, may_start};
use crate::domain::suspension::LetThrough;
use crate::jobs::run_campaign::Definitions;
use crate::jobs::{JobError, nudge, opt_out, probe, react, wake};
use crate::ports::{Address, Answer, Ask, Fallback, Letter, LoadedMessage, Services, Start, Stored, Verdict};

/// How long the answer of a call is kept in hand when the store does not take it. Longer than any restart of a database.
const RECORD_PATIENCE: Duration = Duration::from_secs(600);
/// Between two tries of writing it.
const RECORD_PAUSE: Duration = Duration::from_millis(250);
/// How long a message waits for a channel that the configuration has no more.
const MISSING_CHANNEL: SignedDuration = SignedDuration::from_mins(10);

/// What will be called.
enum Call {
    WhatsApp(Envelope, Content),
    Other(Arc<dyn Fallback>, Letter),
}

/// What one run of this job did, for those who count. Nothing of it when no call was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    /// How long after its moment the message was called.
    pub late_by: Option<SignedDuration>,
    /// The class of the refusal after which it is tried again on the same channel.
    pub again_after: Option<FailureClass>,
}

/// Sends the message if it may be sent now. Finding nothing to do is success.
///
/// `attempts_before` is the number of attempts that whoever queued it knew of: a job from before a crash does not start an
/// attempt that another job has already made.
///
/// # Errors
/// When the store could not be asked.
pub async fn run(
    services: &Services,
    definitions: &Definitions,
    id: MessageId,
    attempts_before: u16,
) -> Result<Made, JobError> {
    let Some(message) = services.store.load(id).await.map_err(JobError::from_store("loading a message"))? else {
        tracing::debug!(message.id = %id, "the message is gone; nothing to send");
        return Ok(Made::default());
    };
    if message.standing.attempt != attempts_before {
        return Ok(Made::default());
    }
    let run = match message.run {
        Some(run) => Some((run, definitions.of(services, run).await?)),
        None => None,
    };
    let campaign = run.as_ref().map(|(_, campaign)| &**campaign);
    let subject = subject(services, &message, campaign);
    let (rendered, call) = match decide(services, &message, campaign, subject) {
        StartAnswer::Go => match prepare(services, &message, campaign).await? {
            Some(prepared) => prepared,
            None => return Ok(Made::default()),
        },
        StartAnswer::NotNow { because } => {
            tracing::trace!(message.id = %id, because, "nothing to send");
            return Ok(Made::default());
        }
        StartAnswer::Hold { reason, until } => {
            hold(services, &message, reason, until).await?;
            return Ok(Made::default());
        }
        // The transaction asks again, and writes it.
        _ => {
            let start = start(services, &message, subject, None, Vec::new(), 0, None);
            services.store.start(start).await.map_err(JobError::from_store("ending a message"))?;
            return Ok(Made::default());
        }
    };

    let price_micros = match &call {
        Call::WhatsApp(_, content) => estimate(services, &message, content, subject),
        Call::Other(channel, letter) => channel.price_micros(letter),
    };
    let ask = ask(&message, run.as_ref(), &call, price_micros);
    let permit = match services.limits.permit(&ask).await {
        Verdict::Granted(permit) => permit,
        Verdict::Refused { limit, until } => {
            hold(services, &message, HeldReason::Limit(limit), until).await?;
            return Ok(Made::default());
        }
    };

    // Asked again inside the transaction, which also writes suppression, holding and expiry.
    let kept = message.frozen.is_some();
    // Words are kept where they will be needed again: for another channel, and from the second attempt on.
    let freeze =
        !kept && (attempts_before > 0 || campaign.is_some_and(|campaign| !campaign.delivery.fallback.is_empty()));
    let freeze = freeze.then_some(rendered);
    let start = start(services, &message, subject, freeze, permit.fences.clone(), price_micros, Some(&ask));
    let (lease_until, called_at) = (start.lease_until, start.now);
    let answer = services.store.start(start).await.map_err(JobError::from_store("marking an attempt as started"));
    let alone = match answer {
        Ok(StartAnswer::Go) => false,
        Ok(StartAnswer::GoAlone { .. }) => true,
        Ok(StartAnswer::Hold { reason: HeldReason::Window, .. }) => {
            services.limits.give_back(&ask, permit).await;
            nudge::run(services, &message).await;
            return Ok(Made::default());
        }
        Ok(StartAnswer::Hold { until, .. }) => {
            services.limits.give_back(&ask, permit).await;
            wake::at(services, id, attempts_before, message.standing.channel, until).await;
            return Ok(Made::default());
        }
        Ok(StartAnswer::NotNow { because }) => {
            tracing::trace!(message.id = %id, because, "nothing to send");
            services.limits.give_back(&ask, permit).await;
            // A permit that came too late is asked for again; for everything else somebody else queues it.
            wake::at(services, id, attempts_before, message.standing.channel, services.clock.now()).await;
            return Ok(Made::default());
        }
        Ok(StartAnswer::Suppress(_) | StartAnswer::Expire) => {
            services.limits.give_back(&ask, permit).await;
            return Ok(Made::default());
        }
        Err(error) => {
            services.limits.give_back(&ask, permit).await;
            return Err(error);
        }
    };

    services.limits.leave(&ask, &permit).await;
    let attempt = attempts_before + 1;
    let late_by = services.clock.now().duration_since(due_at(&message)).max(SignedDuration::ZERO);
    let answer = if services.clock.now() >= after(lease_until, -services.rules.call) {
        // The mark took so long to write that the call could outlive it, and a second one could start beside it.
        Answer::NotSent { because: "the mark took so long to write that the call could have outlived it".to_owned() }
    } else {
        match &call {
            Call::WhatsApp(envelope, content) => services.whatsapp.send(envelope, content).await,
            Call::Other(channel, letter) => channel.send(letter).await,
        }
    };
    let channel = message.standing.channel;
    tell(id, attempt, channel, &answer);
    let refusal = match &answer {
        Answer::Refused(refusal) => Some(refusal.clone()),
        _ => None,
    };
    let became = match &answer {
        Answer::Accepted(_) => LetThrough::Taken,
        Answer::Refused(refusal) => LetThrough::Refused(refusal.class),
        Answer::NotSent { .. } | Answer::Unanswered { .. } => LetThrough::Unclear,
    };
    let unknown_after = campaign.map_or(services.rules.unknown_after, |campaign| campaign.delivery.unknown_after);
    let fact = match answer {
        Answer::Accepted(id) => Fact::Accepted(id),
        Answer::Refused(refusal) => Fact::Refused(refusal),
        Answer::NotSent { because } => Fact::NotSent { because },
        Answer::Unanswered { because } => {
            Fact::Unanswered { decide_at: after(services.clock.now(), unknown_after), because }
        }
    };
    if let Some(refusal) = &refusal
        && let Some(kind) = opt_out::told(channel, refusal)
    {
        let now = services.clock.now();
        patiently(id, || opt_out::note(services, channel.name(), message.contact.id, refusal, kind, now)).await?;
    }
    let effect = patiently(id, || services.store.learn(id, attempt, fact.clone(), services.clock.now())).await?;
    if let (LetThrough::Taken, Call::WhatsApp(_, Content::Template(template))) = (became, &call) {
        note_use(services, template).await;
    }
    if let Some(refusal) = &refusal {
        react::to_answer(services, &message, campaign, refusal, called_at).await;
    }
    if alone {
        probe::let_through(services, id, became).await;
    }
    let mut made = Made { late_by: Some(late_by), again_after: None };
    if let Effect::Changed(next) = effect
        && let Delivery::Held { until, .. } = next.delivery
    {
        wake::count(services, channel, &next);
        made.again_after = refusal.filter(|_| next.channel == channel).map(|refusal| refusal.class);
        wake::at(services, id, attempt, next.channel, until).await;
    }
    Ok(made)
}

/// Notes that the template is in use, so that it is not reported as unused.
async fn note_use(services: &Services, template: &TemplateContent) {
    let (name, language) = (&template.name, &template.language_code);
    let noted = services.store.note_template_use(name, language, services.clock.now()).await;
    if let Err(error) = noted {
        // The next message of it says the same.
        tracing::debug!(template = name, language, error = %error, "the use of a template was not noted");
    }
}

/// The moment for which the message waited.
fn due_at(message: &LoadedMessage) -> Timestamp {
    match message.standing.delivery {
        Delivery::Held { until, .. } => until,
        _ => message.planned_at,
    }
}

/// What the message asks of consent. The category of a template may have been corrected since the message was planned.
fn subject(services: &Services, message: &LoadedMessage, campaign: Option<&Campaign>) -> Subject {
    let is_now = campaign.is_some_and(|campaign| services.catalogue.is_marketing(campaign));
    Subject { marketing: message.marketing || is_now, ..message.subject() }
}

/// What the look at the loaded message says. The transaction that marks the attempt asks again, with suspensions and recent contacts.
fn decide(services: &Services, message: &LoadedMessage, campaign: Option<&Campaign>, subject: Subject) -> StartAnswer {
    let now = services.clock.now();
    let channel = message.standing.channel;
    let contact = &message.contact;
    let has_address = match channel {
        Channel::Whatsapp => contact.phone.is_some() || contact.bsuid.is_some(),
        Channel::TwilioWhatsapp | Channel::Sms => contact.phone.is_some(),
        Channel::Email => contact.email.is_some(),
    };
    let quiet_until = campaign
        .and_then(|campaign| campaign.delivery.quiet_hours.as_ref())
        .and_then(|rule| quiet_for(rule, &contact.timezone, now));
    let question = StartQuestion {
        standing: &message.standing,
        consent: contact.consent,
        subject,
        has_address,
        run: message.run_state,
        expires_at: message.expires_at,
        suspended_until: None,
        quiet_until,
        contacted_recently: false,
        window: None,
    };
    may_start(&question, now)
}

/// The words and the call; `None` when the message was ended or put off because it cannot be made.
async fn prepare(
    services: &Services,
    message: &LoadedMessage,
    campaign: Option<&Campaign>,
) -> Result<Option<(Rendered, Call)>, JobError> {
    let rendered = match (&message.frozen, campaign) {
        (Some(frozen), _) => Ok(frozen.clone()),
        (None, Some(campaign)) => {
            let made = services.catalogue.rendered(campaign, &message.contact, message.language);
            made.map_err(|error| error.to_string())
        }
        (None, None) => Err("the message has neither a run nor a text".to_owned()),
    };
    let attempt = message.standing.attempt + 1;
    let reference = CallbackReference { store: services.store.tag().to_owned(), message: message.id, attempt };
    let made = rendered.and_then(|rendered| {
        let call = match message.standing.channel {
            Channel::Whatsapp => {
                let to = recipient(message).ok_or("the person has no address on WhatsApp")?;
                let envelope = Envelope { to, sender: message.sender.clone(), reference, in_reply_to: None };
                Call::WhatsApp(envelope, rendered.content.clone())
            }
            channel => {
                let letter = letter(message, &rendered, reference)?;
                let Some(fallback) = services.fallbacks.get(&channel) else { return Ok((rendered, None)) };
                Call::Other(Arc::clone(fallback), letter)
            }
        };
        Ok((rendered, Some(call)))
    });
    match made {
        Ok((rendered, Some(call))) => Ok(Some((rendered, call))),
        Ok((_, None)) => {
            let channel = message.standing.channel.name();
            tracing::error!(message.id = %message.id, channel, "the channel is no longer configured; its messages wait for it");
            let until = after(services.clock.now(), MISSING_CHANNEL);
            hold(services, message, HeldReason::Suspended, until).await?;
            Ok(None)
        }
        Err(because) => {
            services
                .store
                .suppress(message.id, SuppressedReason::CannotRender, &because, services.clock.now())
                .await
                .map_err(JobError::from_store("recording that a message cannot be made"))?;
            Ok(None)
        }
    }
}

/// What the message will cost at most over WhatsApp: of what depends on volume, the first step. What it did cost is known when it arrives.
fn estimate(services: &Services, message: &LoadedMessage, content: &Content, subject: Subject) -> i64 {
    let tariff = services.catalogue.tariff();
    let contact = &message.contact;
    let is_template = matches!(content, Content::Template(_));
    let sale = Sale {
        category: PriceCategory::of(is_template, subject.marketing),
        country: CountryCode::of_person(contact.phone.as_ref().map(PhoneNumber::e164), contact.bsuid.as_deref()),
        on: tariff.day(services.clock.now()),
        in_window: !is_template,
        in_entry_point: false,
        charged_before: 0,
        sent_before: u64::MAX,
        flat_micros: message.price_micros,
    };
    tariff.charge(&sale).micros()
}

fn letter(message: &LoadedMessage, rendered: &Rendered, reference: CallbackReference) -> Result<Letter, String> {
    let contact = &message.contact;
    let to = match message.standing.channel {
        Channel::Email => contact.email.clone().map(Address::Email),
        _ => contact.phone.clone().map(Address::Phone),
    };
    let template = match &rendered.content {
        Content::Template(template) => Some(template.clone()),
        _ => None,
    };
    Ok(Letter {
        to: to.ok_or("the person has no address on this channel")?,
        reference,
        language: message.language,
        subject: rendered.subject.clone(),
        text: rendered.text.clone().ok_or("the message has no plain text for other channels")?,
        template,
        expires_at: message.expires_at,
    })
}

fn ask(message: &LoadedMessage, run: Option<&(RunId, Arc<Campaign>)>, call: &Call, price_micros: i64) -> Ask {
    let campaign = run.map(|(_, campaign)| campaign);
    Ask {
        message: message.id,
        contact: message.contact.id,
        sender: message.sender.clone(),
        channel: message.standing.channel,
        urgency: if run.is_some() { Urgency::Bulk } else { Urgency::Single },
        counts_for_tier: matches!(call, Call::WhatsApp(_, Content::Template(_))),
        run: message.run,
        rate: campaign.and_then(|campaign| campaign.delivery.rate),
        budget_micros: campaign.and_then(|campaign| campaign.budget.as_ref()).map(|budget| budget.micros),
        price_micros,
    }
}

fn start(
    services: &Services,
    message: &LoadedMessage,
    subject: Subject,
    freeze: Option<Rendered>,
    permits: Vec<(String, i64)>,
    price_micros: i64,
    ask: Option<&Ask>,
) -> Start {
    let now = services.clock.now();
    Start {
        id: message.id,
        attempts_before: message.standing.attempt,
        channel: message.standing.channel,
        lease_until: after(now, services.rules.lease),
        permits,
        counts_for_tier: ask.is_some_and(|ask| ask.counts_for_tier),
        marketing: subject.marketing,
        price_micros,
        freeze,
        now,
    }
}

async fn hold(
    services: &Services,
    message: &LoadedMessage,
    reason: HeldReason,
    until: Timestamp,
) -> Result<(), JobError> {
    let (id, attempts) = (message.id, message.standing.attempt);
    let until = until.min(message.expires_at);
    let held = services.store.hold(id, attempts, reason, until, services.clock.now()).await;
    if held.map_err(JobError::from_store("holding a message"))? {
        wake::at(services, id, attempts, message.standing.channel, until).await;
    }
    Ok(())
}

fn tell(id: MessageId, attempt: u16, channel: Channel, answer: &Answer) {
    let channel = channel.name();
    match answer {
        Answer::Accepted(_) => {}
        Answer::Refused(refusal) => {
            tracing::info!(message.id = %id, attempt.number = attempt, channel, failure.class = refusal.class.name(), failure.code = refusal.code, "the provider refused the message");
        }
        Answer::NotSent { because } => {
            tracing::info!(message.id = %id, attempt.number = attempt, channel, because, "the provider could not be reached; the message is tried again");
        }
        Answer::Unanswered { because } => {
            tracing::warn!(message.id = %id, attempt.number = attempt, channel, because, "the answer was never seen; callbacks will settle it");
        }
    }
}

/// Writes what the call brought, patiently: the answer exists nowhere else.
async fn patiently<T, F: Future<Output = Stored<T>>>(
    id: MessageId,
    mut write: impl FnMut() -> F,
) -> Result<T, JobError> {
    let mut waited = Duration::ZERO;
    loop {
        match write().await {
            Ok(done) => return Ok(done),
            Err(error) if error.is_unavailable() && waited < RECORD_PATIENCE => {
                if waited.is_zero() {
                    tracing::warn!(message.id = %id, error = %error, "the answer of a call cannot be written yet; it is kept and tried again");
                }
                tokio::time::sleep(RECORD_PAUSE).await;
                waited += RECORD_PAUSE;
            }
            // Not a retry of the job: the mark stands, so nothing would be called; its lease makes it unknown and callbacks settle it.
            Err(error) => {
                return Err(JobError::Abort { doing: "recording the answer of a call", source: Box::new(error) });
            }
        }
    }
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn recipient(message: &LoadedMessage) -> Option<Recipient> {
    let by_number = message.contact.phone.clone().map(Recipient::Phone);
    by_number.or_else(|| message.contact.bsuid.clone().map(Recipient::Bsuid))
}
