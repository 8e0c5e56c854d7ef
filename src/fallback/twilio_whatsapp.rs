//! A letter as WhatsApp through Twilio: a stored content template where ours names one, else free text, which WhatsApp takes only inside
//! an open service window (Twilio refuses it with 63016 otherwise, and the next channel takes over).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::twilio::{Client, Origin};
use crate::domain::channel::Channel;
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::message::{ButtonValue, HeaderParameter, TemplateContent};
use crate::domain::sms::CHARACTERS_MAX;
use crate::ports::{Address, Answer, Fallback, Letter};

/// Which of Twilio's stored content templates says the same as an approved template of ours (`HX…`), if one does.
pub type ContentSids = Arc<dyn Fn(&TemplateContent) -> Option<String> + Send + Sync>;

/// WhatsApp through Twilio.
pub struct TwilioWhatsApp {
    client: Arc<Client>,
    from: Origin,
    content_sids: ContentSids,
    message_micros: i64,
}

impl std::fmt::Debug for TwilioWhatsApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TwilioWhatsApp")
    }
}

impl TwilioWhatsApp {
    /// From that number (E.164) or service; `message_micros` is the price of one message, Meta's part included.
    pub fn new(client: Arc<Client>, from: Origin, content_sids: ContentSids, message_micros: i64) -> Self {
        let from = match from {
            Origin::Sender(number) => Origin::Sender(format!("whatsapp:{number}")),
            service => service,
        };
        Self { client, from, content_sids, message_micros }
    }
}

#[async_trait]
impl Fallback for TwilioWhatsApp {
    fn channel(&self) -> Channel {
        Channel::TwilioWhatsapp
    }

    fn price_micros(&self, _: &Letter) -> i64 {
        self.message_micros
    }

    async fn send(&self, letter: &Letter) -> Answer {
        let Address::Phone(phone) = &letter.to else {
            return Answer::NotSent { because: "WhatsApp through Twilio needs a phone number".to_owned() };
        };
        let to = format!("whatsapp:{}", phone.e164());
        let (reference, expires_at) = (&letter.reference, letter.expires_at);
        let stored = letter.template.as_ref().and_then(|template| Some((template, (self.content_sids)(template)?)));
        if let Some((template, sid)) = stored {
            let variables = variables(template).to_string();
            let fields = [("ContentSid", sid.as_str()), ("ContentVariables", variables.as_str())];
            return self.client.send(&to, &self.from, reference, expires_at, &fields).await;
        }
        let n = letter.text.chars().count();
        if n > CHARACTERS_MAX {
            let problem = format!("the text has {n} characters, but Twilio takes {CHARACTERS_MAX}");
            return Answer::Refused(Refusal::new(FailureClass::ContentRefused, None, problem));
        }
        self.client.send(&to, &self.from, reference, expires_at, &[("Body", &letter.text)]).await
    }
}

/// The values of a stored template: numbered from 1 in the order of the text, header first, then body, then buttons. All are strings
/// (content variables, checked 2026-11-22).
fn variables(template: &TemplateContent) -> Value {
    let header = template.header.iter().filter_map(|header| match header {
        HeaderParameter::Text(parameter) => Some(parameter.text.as_str()),
        HeaderParameter::Media { .. } => None,
    });
    let body = template.body.iter().map(|parameter| parameter.text.as_str());
    let buttons = template.buttons.iter().filter_map(|button| match &button.value {
        ButtonValue::UrlSuffix(text) | ButtonValue::CopyCode(text) => Some(text.as_str()),
        // A payload is part of the stored template.
        ButtonValue::Payload(_) => None,
    });
    let values = header.chain(body).chain(buttons);
    Value::Object(Map::from_iter((1..).zip(values).map(|(n, text): (u32, _)| (n.to_string(), Value::from(text)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::{ButtonParameter, TemplateParameter};

    #[test]
    fn values_are_numbered_in_the_order_of_the_text() {
        let named = |text: &str| TemplateParameter { name: Some("x".to_owned()), text: text.to_owned() };
        let template = TemplateContent {
            name: "survey".to_owned(),
            language_code: "ar".to_owned(),
            header: Some(HeaderParameter::Text(named("عنوان"))),
            body: vec![named("نادية \"N\""), named("P-7781")],
            buttons: vec![
                ButtonParameter { index: 0, value: ButtonValue::UrlSuffix("s/1".to_owned()) },
                ButtonParameter { index: 1, value: ButtonValue::Payload("yes".to_owned()) },
            ],
        };
        let expected = serde_json::json!({"1": "عنوان", "2": "نادية \"N\"", "3": "P-7781", "4": "s/1"});
        assert_eq!(variables(&template), expected);
    }
}
