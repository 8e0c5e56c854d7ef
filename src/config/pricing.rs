//! `[pricing]`: what a message is estimated to cost.

use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::money::{Currency, Money};

/// Estimated prices of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// Of an approved template.
    pub template: Money,
    /// Of free-form text, buttons and lists.
    pub text: Money,
    /// Of media.
    pub media: Money,
    /// Of a message over WhatsApp through Twilio, Meta's part included.
    pub twilio_whatsapp: Money,
    /// Of one segment of a text message.
    pub sms: Money,
    /// Of an e-mail.
    pub email: Money,
}

/// A price as a plain decimal in quotes.
struct Amount(String);

impl Read for Amount {
    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Text(text) | NodeValue::Decimal(text) => Ok(Self(text.clone())),
            NodeValue::Integer(number) => Ok(Self(number.to_string())),
            other => Err(format!("must be an amount such as `\"0.0025\"`, not {}", other.kind())),
        }
    }
}

impl Pricing {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let currency: Option<Currency> = table.required("currency");
        let price = |key| {
            let Amount(amount) = table.required(key)?;
            match Money::from_decimal(&amount, currency.unwrap_or(Currency::USD)) {
                Ok(money) if money.micros >= 0 => Some(money),
                Ok(_) => {
                    table.problem(key, format!("`{key}` must not be below zero"));
                    None
                }
                Err(error) => {
                    table.problem(key, format!("`{key}` is wrong: {error}"));
                    None
                }
            }
        };
        let (template, text, media) = (price("template"), price("text"), price("media"));
        let (twilio_whatsapp, sms, email) = (price("twilio_whatsapp"), price("sms"), price("email"));
        Some(Self {
            template: template?,
            text: text?,
            media: media?,
            twilio_whatsapp: twilio_whatsapp?,
            sms: sms?,
            email: email?,
        })
    }
}
