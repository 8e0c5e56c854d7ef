//! A letter as a text message.

use std::sync::Arc;

use async_trait::async_trait;

use super::twilio::{Client, Origin};
use crate::domain::channel::Channel;
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::sms::{segments, too_long};
use crate::ports::{Address, Answer, Fallback, Letter};

/// Text messages through Twilio.
#[derive(Debug)]
pub struct Sms {
    client: Arc<Client>,
    from: Origin,
    segment_micros: i64,
}

impl Sms {
    /// From that sender; `segment_micros` is the price of one segment in micro-units.
    pub fn new(client: Arc<Client>, from: Origin, segment_micros: i64) -> Self {
        Self { client, from, segment_micros }
    }
}

#[async_trait]
impl Fallback for Sms {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn price_micros(&self, letter: &Letter) -> i64 {
        segments(&letter.text).price_micros(self.segment_micros)
    }

    async fn send(&self, letter: &Letter) -> Answer {
        let Address::Phone(phone) = &letter.to else {
            return Answer::NotSent { because: "a text message needs a phone number".to_owned() };
        };
        if let Some(problem) = too_long(&letter.text) {
            return Answer::Refused(Refusal::new(FailureClass::ContentRefused, None, problem));
        }
        let fields = [("Body", letter.text.as_str())];
        self.client.send(phone.e164(), &self.from, &letter.reference, letter.expires_at, &fields).await
    }
}
