//! The ways to the providers, with a tap on them, and the way back: what they tell.

use std::sync::Arc;

use async_trait::async_trait;
use barid::domain::channel::Channel;
use barid::domain::failure::FailureClass;
use barid::domain::ids::{CallbackReference, SenderName};
use barid::domain::message::{Content, Envelope, Recipient};
use barid::domain::news::{
    Extras, InboundNews, MediaNews, News, Notice, NoticeNews, ProviderStatus, RevokeNews, StatusNews,
};
use barid::ports::{Address, Answer, Clock as _, Fallback, Letter, NewsReader, WebhookReader, WhatsApp};
use jiff::{SignedDuration, Timestamp};

use super::files::sum;
use super::people::who_is_at;
use super::provider::{Provider, refusal};
use super::tap::Tap;
use super::time::Time;

/// Our number at Meta.
pub(crate) const SENDER_ID: &str = "900000000000001";

/// The way to Meta.
pub(crate) struct TappedMeta {
    pub(crate) real: Arc<Provider>,
    pub(crate) tap: Arc<Tap>,
    pub(crate) time: Arc<Time>,
    /// Questions are answered from then on, so long after the beginning.
    pub(crate) answers_after: SignedDuration,
}

#[async_trait]
impl WhatsApp for TappedMeta {
    async fn send(&self, envelope: &Envelope, _: &Content) -> Answer {
        let Recipient::Phone(phone) = &envelope.to else { panic!("everybody has a number here") };
        let to = Address::Phone(phone.clone());
        tapped_call(&self.real, &self.tap, Channel::Whatsapp, &to, &envelope.reference).await
    }
    async fn ask(&self, _: &SenderName) -> Result<(), String> {
        let answers = self.time.now().duration_since(Time::start()) >= self.answers_after;
        let question = async { if answers { Ok(()) } else { Err("the token is refused".to_owned()) } };
        self.tap.effect("ask", str::to_owned, question).await
    }
}

/// The way to another provider.
pub(crate) struct TappedChannel {
    pub(crate) channel: Channel,
    pub(crate) real: Arc<Provider>,
    pub(crate) tap: Arc<Tap>,
}

#[async_trait]
impl Fallback for TappedChannel {
    fn channel(&self) -> Channel {
        self.channel
    }
    fn price_micros(&self, _: &Letter) -> i64 {
        1_000
    }
    async fn send(&self, letter: &Letter) -> Answer {
        tapped_call(&self.real, &self.tap, self.channel, &letter.to, &letter.reference).await
    }
}

async fn tapped_call(
    provider: &Provider,
    tap: &Tap,
    channel: Channel,
    to: &Address,
    reference: &CallbackReference,
) -> Answer {
    let over = if channel == Channel::Whatsapp { String::new() } else { format!(" by {}", channel.name()) };
    let what = format!("call of {}#{}{over}", reference.message.number(), reference.attempt);
    let call = async { Ok(provider.call(who_is_at(to), channel, reference.clone(), tap.count())) };
    // Whether it was lost before or after, the process sees the same.
    let lost = |why: &'static str| Answer::Unanswered { because: why.to_owned() };
    let answer = tap.effect(&what, lost, call).await.unwrap_or_else(|lost| lost);
    tap.note(match &answer {
        Answer::Accepted(_) => "  accepted",
        Answer::Refused(_) => "  refused",
        Answer::NotSent { .. } => "  not sent",
        Answer::Unanswered { .. } => "  unanswered",
    });
    answer
}

/// Reads what the [`Provider`] tells.
pub(crate) struct Reader;

impl Reader {
    fn news(body: &[u8]) -> Result<Vec<News>, String> {
        let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        Ok(body.lines().map(news).collect())
    }
}

impl WebhookReader for Reader {
    fn signature_is_valid(&self, _: Option<&str>, _: &[u8]) -> bool {
        true
    }
    fn read(&self, body: &[u8]) -> Result<Vec<News>, String> {
        Self::news(body)
    }
}

impl NewsReader for Reader {
    fn read(&self, body: &[u8], _: Timestamp) -> Result<Vec<News>, String> {
        Self::news(body)
    }
}

fn news(line: &str) -> News {
    let at = |millis: &str| Timestamp::from_millisecond(millis.parse().unwrap()).unwrap();
    match line.splitn(6, ' ').collect::<Vec<_>>().as_slice() {
        ["status", channel, id, reference, status, millis] => News::Status(StatusNews {
            sender: (*channel == Channel::Whatsapp.name()).then(|| SENDER_ID.parse().unwrap()),
            whatsapp_id: id.parse().unwrap(),
            reference: Some(reference.parse().unwrap()),
            status: match (*status, FailureClass::named(status)) {
                (_, Some(class)) => ProviderStatus::Failed(refusal(class)),
                ("sent", _) => ProviderStatus::Sent,
                ("delivered", _) => ProviderStatus::Delivered,
                _ => ProviderStatus::Read,
            },
            provider_at: at(millis),
            pricing: None,
        }),
        ["said", id, phone, millis, words @ ..] => News::Inbound(Box::new(InboundNews {
            channel: Channel::Whatsapp,
            sender: Some(SENDER_ID.parse().unwrap()),
            whatsapp_id: id.parse().unwrap(),
            phone: Some((*phone).to_owned()),
            bsuid: None,
            profile_name: None,
            provider_at: at(millis),
            kind: "text",
            text: Some(words.join(" ")),
            payload: None,
            in_reply_to: None,
            extras: Extras::default(),
        })),
        ["file", whatsapp_id, phone, millis, id] => {
            let News::Inbound(mut sent) = news(&format!("said {whatsapp_id} {phone} {millis} see")) else {
                unreachable!("it was said")
            };
            sent.kind = "image";
            sent.extras.media = Some(MediaNews {
                id: Some((*id).to_owned()),
                mime_type: Some("image/jpeg".to_owned()),
                sha256: Some(sum(id).to_string()),
                ..MediaNews::default()
            });
            News::Inbound(sent)
        }
        ["revoked", original, millis] => News::Revoke(RevokeNews {
            sender: Some(SENDER_ID.parse().unwrap()),
            original: original.parse().unwrap(),
            provider_at: at(millis),
        }),
        ["notice", what, millis] => {
            let template = |may_send, event| Notice::Template {
                name: "survey_invitation".to_owned(),
                language: "ar".to_owned(),
                may_send,
                event,
            };
            let notice = match *what {
                "template-paused" => template(false, "PAUSED"),
                "template-approved" => template(true, "APPROVED"),
                "number-flagged" => Notice::Quality { may_send: false, event: "FLAGGED" },
                other => panic!("Meta gives no notice like `{other}`"),
            };
            News::Notice(NoticeNews { account: None, at: Some(at(millis)), notice })
        }
        _ => panic!("no provider tells anything like `{line}`"),
    }
}
