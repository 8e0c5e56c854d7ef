//! The channels that take over, as the configuration sets them up: each watched, so that a provider that does not answer is passed over
//! where another channel is behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::StartError;
use super::catalogue::Shelf;
use super::metered::Metered;
use crate::config::Config;
use crate::domain::channel::Channel;
use crate::domain::failure::FailureClass;
use crate::domain::health::{Health, Outcome};
use crate::domain::news::Source;
use crate::domain::signed_reference::ReferenceSigner;
use crate::fallback::email::bounce::BounceReader;
use crate::fallback::email::{self, Email, SmtpServer};
use crate::fallback::sms::Sms;
use crate::fallback::twilio::{self, Origin};
use crate::fallback::twilio_callbacks::{InboundReader, SignatureCheck, StatusReader};
use crate::fallback::twilio_whatsapp::TwilioWhatsApp;
use crate::ports::{Answer, CallbackCheck, Clock, Fallback, Letter, NewsReader, SickChannels};
use crate::telemetry::Metrics;

/// Where Twilio posts statuses, under the public address.
const TWILIO_STATUS: &str = "/api/twilio/status";
/// Where the link under an e-mail leads, under the public address.
const UNSUBSCRIBE: &str = "/api/email/unsubscribe/";

/// What every channel is built with.
pub(super) struct Workshop<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) metrics: &'a Arc<Metrics>,
    pub(super) sick: &'a Arc<SickChannels>,
    pub(super) shelf: &'a Arc<Shelf>,
    pub(super) signer: &'a ReferenceSigner,
}

impl Workshop<'_> {
    /// The channels for which nothing is missing.
    pub(super) fn fallbacks(&self) -> Result<BTreeMap<Channel, Arc<dyn Fallback>>, StartError> {
        let mut channels: BTreeMap<Channel, Arc<dyn Fallback>> = BTreeMap::new();
        let (config, pricing) = (self.config, &self.config.pricing);
        let works = |channel| config.missing_for(channel).is_empty();
        let setting = |error: &dyn std::error::Error| StartError::Setting(error.to_string());
        let twilio = if works(Channel::Sms) || works(Channel::TwilioWhatsapp) {
            self.twilio().map_err(|error| setting(&error))?
        } else {
            None
        };
        if let Some(client) = &twilio
            && works(Channel::TwilioWhatsapp)
            && let Some(number) = &config.twilio.whatsapp_from
        {
            let from = Origin::Sender(number.e164().to_owned());
            let shelf = Arc::clone(self.shelf);
            let sids = Arc::new(move |call: &_| shelf.content_sid(call));
            let channel = TwilioWhatsApp::new(Arc::clone(client), from, sids, pricing.twilio_whatsapp.micros);
            channels.insert(Channel::TwilioWhatsapp, self.watched(channel));
        }
        if let Some(client) = &twilio
            && works(Channel::Sms)
        {
            let service = config.twilio.messaging_service_sid.clone().map(Origin::Service);
            if let Some(from) = service.or_else(|| config.twilio.sms_from.clone().map(Origin::Sender)) {
                channels.insert(Channel::Sms, self.watched(Sms::new(Arc::clone(client), from, pricing.sms.micros)));
            }
        }
        if let Some(channel) = self.email()? {
            channels.insert(Channel::Email, self.watched(channel));
        }
        Ok(channels)
    }

    /// E-mail, where it is configured.
    pub(super) fn email(&self) -> Result<Option<Email>, StartError> {
        email(self.config, self.clock, self.signer)
    }

    fn twilio(&self) -> Result<Option<Arc<twilio::Client>>, twilio::TwilioError> {
        let config = self.config;
        let (Some(account_sid), Some(auth_token)) =
            (&config.secrets.twilio_account_sid, &config.secrets.twilio_auth_token)
        else {
            return Ok(None);
        };
        let settings = twilio::Settings {
            api_url: config.twilio.api_url.as_str().to_owned(),
            account_sid: account_sid.clone(),
            auth_token: auth_token.clone(),
            status_callback: config.server.public_url.as_ref().map(|url| format!("{}{TWILIO_STATUS}", url.as_str())),
            connect_within: config.delivery.connect_timeout,
            answer_within: config.delivery.answer_timeout,
        };
        twilio::Client::new(&settings, Arc::clone(self.clock)).map(|client| Some(Arc::new(client)))
    }

    fn watched<P: Fallback + 'static>(&self, port: P) -> Arc<dyn Fallback> {
        Arc::new(Watched {
            port: Metered { port, metrics: Arc::clone(self.metrics) },
            health: Mutex::default(),
            sick: Arc::clone(self.sick),
            clock: Arc::clone(self.clock),
            metrics: Arc::clone(self.metrics),
        })
    }
}

/// E-mail, where it is configured. Makes no connection.
pub(super) fn email(
    config: &Config,
    clock: &Arc<dyn Clock>,
    signer: &ReferenceSigner,
) -> Result<Option<Email>, StartError> {
    let setting = |error: &dyn std::error::Error| StartError::Setting(error.to_string());
    let (Some(url), Some(from)) = (&config.secrets.smtp_url, &config.email.from) else { return Ok(None) };
    if !config.missing_for(Channel::Email).is_empty() {
        return Ok(None);
    }
    let public_url = config.server.public_url.as_ref();
    let settings = email::Settings {
        server: SmtpServer::of(secrecy::ExposeSecret::expose_secret(url)).map_err(|error| setting(&error))?,
        from: from.clone(),
        reply_to: config.email.reply_to.clone(),
        bounces: config.email.bounces.clone(),
        unsubscribe: config.email.unsubscribe.clone(),
        unsubscribe_url: public_url.map(|url| format!("{}{UNSUBSCRIBE}", url.as_str())),
        authorities: config.email.authorities.clone().unwrap_or_default(),
        message_micros: config.pricing.email.micros,
        connect_within: config.delivery.connect_timeout,
        answer_within: config.delivery.answer_timeout,
    };
    let channel = Email::new(&settings, signer.clone(), Arc::clone(clock));
    channel.map(Some).map_err(|error| setting(&error))
}

/// The readers of all sources but Meta; they read what was kept, whether or not the channel is still configured.
pub(super) fn readers(signer: &ReferenceSigner) -> BTreeMap<Source, Arc<dyn NewsReader>> {
    BTreeMap::from([
        (Source::TwilioStatus, Arc::new(StatusReader) as Arc<dyn NewsReader>),
        (Source::TwilioInbound, Arc::new(InboundReader)),
        (Source::EmailBounce, Arc::new(BounceReader::new(signer.clone()))),
    ])
}

/// Who checks Twilio's signatures; nobody without the token, or without the address that is signed.
pub(super) fn twilio_check(config: &Config) -> Option<Arc<dyn CallbackCheck>> {
    let (url, token) = (config.server.public_url.as_ref()?, config.secrets.twilio_auth_token.as_ref()?);
    Some(Arc::new(SignatureCheck::new(url.as_str(), token)))
}

/// Notes what becomes of calls, and says when a provider is to be left alone.
struct Watched<P> {
    port: P,
    health: Mutex<Health>,
    sick: Arc<SickChannels>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

#[async_trait]
impl<P: Fallback> Fallback for Watched<P> {
    fn channel(&self) -> Channel {
        self.port.channel()
    }

    fn price_micros(&self, letter: &Letter) -> i64 {
        self.port.price_micros(letter)
    }

    async fn send(&self, letter: &Letter) -> Answer {
        let answer = self.port.send(letter).await;
        let outcome = match &answer {
            Answer::NotSent { .. } | Answer::Unanswered { .. } => Outcome::Failed,
            Answer::Refused(refusal) if refusal.class == FailureClass::Transient => Outcome::Failed,
            Answer::Accepted(_) | Answer::Refused(_) => Outcome::Answered,
        };
        let now = self.clock.now();
        let (before, after) = {
            let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
            let before = health.sick_until();
            health.note(outcome, now);
            (before, health.sick_until())
        };
        if before != after {
            let channel = self.channel();
            self.sick.set(channel, after);
            self.metrics.channel_sick.with_label_values(&[channel.name()]).set(i64::from(after.is_some()));
            match after {
                Some(until) => tracing::warn!(
                    channel = channel.name(),
                    until = %until,
                    "the provider of a channel does not answer; where another is behind it, that one takes over"
                ),
                None => tracing::info!(channel = channel.name(), "the provider of a channel answers again"),
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::ids::{CallbackReference, MessageId};
    use crate::domain::language::Language;
    use crate::ports::Address;

    struct Silent;

    #[async_trait]
    impl Fallback for Silent {
        fn channel(&self) -> Channel {
            Channel::Sms
        }
        fn price_micros(&self, _: &Letter) -> i64 {
            7
        }
        async fn send(&self, letter: &Letter) -> Answer {
            match letter.text.as_str() {
                "answer" => Answer::Accepted("SM1".parse().unwrap()),
                _ => Answer::Unanswered { because: "a test".to_owned() },
            }
        }
    }

    struct Hand(Mutex<Timestamp>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn a_provider_that_does_not_answer_is_left_alone_and_comes_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let clock = Arc::new(Hand(Mutex::new(at(0))));
        let sick = Arc::new(SickChannels::default());
        let metrics = Arc::new(Metrics::new());
        let watched = Watched {
            port: Silent,
            health: Mutex::default(),
            sick: Arc::clone(&sick),
            clock: Arc::clone(&clock) as _,
            metrics: Arc::clone(&metrics),
        };
        let letter = |text: &str| Letter {
            to: Address::Email("a@example.com".to_owned()),
            reference: CallbackReference { store: "k7q2".to_owned(), message: MessageId::new(1), attempt: 1 },
            language: Language::En,
            subject: None,
            text: text.to_owned(),
            template: None,
            expires_at: at(1_000),
        };
        for _ in 0..5 {
            watched.send(&letter("silence")).await;
        }
        assert!(sick.at(at(1)).contains(Channel::Sms) && !sick.at(at(1)).contains(Channel::Email));
        assert_eq!(metrics.channel_sick.with_label_values(&["sms"]).get(), 1);
        assert!(!sick.at(at(121)).contains(Channel::Sms), "half open");
        *clock.0.lock().unwrap() = at(121);
        watched.send(&letter("answer")).await;
        assert!(!sick.at(at(121)).contains(Channel::Sms));
        assert_eq!(metrics.channel_sick.with_label_values(&["sms"]).get(), 0);
    }
}
