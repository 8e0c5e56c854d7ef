//! `barid campaign preview`: what people will read.

use serde::Serialize;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, phone_number, screen};
use crate::domain::channel::Channel;
use crate::domain::ids::CampaignName;
use crate::domain::language::Language;
use crate::domain::money::Money;
use crate::domain::sms::{segments, too_long};
use crate::domain::template::Values;
use crate::ports::Contacts as _;

/// Show what the campaign says in both languages; sends nothing
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Preview {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: CampaignName,
    /// As this contact would read it; without it, with the sample of the template
    #[arg(long, value_name = "PHONE", allow_hyphen_values = true)]
    phone: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Shown {
    language: &'static str,
    template: String,
    language_code: String,
    text: String,
    /// What it becomes as a text message, where the campaign may send one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<AsSms>,
}

#[derive(Serialize)]
struct AsSms {
    segments: u32,
    encoding: &'static str,
    price: String,
    currency: String,
    /// Why it cannot go as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    too_long: Option<String>,
}

impl AsSms {
    fn of(text: &str, for_each: Money) -> Self {
        let segments = segments(text);
        let price = Money { micros: segments.price_micros(for_each.micros), ..for_each };
        Self {
            segments: segments.count,
            encoding: segments.encoding.name(),
            price: price.to_decimal(),
            currency: price.currency.to_string(),
            too_long: too_long(text),
        }
    }

    fn told(&self) -> String {
        let Self { segments, encoding, price, currency, too_long } = self;
        let parts = if *segments == 1 { "segment" } else { "segments" };
        let problem = too_long.as_ref().map_or_else(String::new, |problem| format!(" — refused: {problem}"));
        format!("as a text message: {segments} {parts} ({encoding}), about {price} {currency}{problem}\n")
    }
}

pub(super) async fn run(arguments: &Preview, installation: &Installation) -> Ended {
    let (campaign, template) = installation.campaign(&arguments.name)?;
    let contact = match &arguments.phone {
        None => None,
        Some(phone) => {
            let phone = phone_number(phone, installation)?;
            let found = installation.store().await?.by_phone(phone.e164()).await.or_exit(Exit::Unavailable)?;
            Some(found.ok_or_else(|| Failure::because(Exit::NoInput, "there is no contact with this number"))?)
        }
    };
    let mut shown = Vec::new();
    for language in Language::ALL {
        let values = match &contact {
            Some(contact) => Values::new(language, &campaign.values, &installation.config.brand).with_contact(contact),
            None => template.sample_with(&campaign.values, language),
        };
        let text = template.text(&values).or_exit(Exit::Data)?;
        let falls_back_to_sms = campaign.delivery.fallback.contains(&Channel::Sms);
        shown.push(Shown {
            sms: falls_back_to_sms.then(|| AsSms::of(&text, installation.config.pricing.sms)),
            language: language.code(),
            template: template.approved_name().to_owned(),
            language_code: template.language_code(language).to_owned(),
            text,
        });
    }
    if arguments.json.json {
        return screen::json(&shown);
    }
    shown.into_iter().try_for_each(|one| {
        screen::say(&format!(
            "── {} (approved template `{}`, `{}`)\n{}\n{}",
            one.language,
            one.template,
            one.language_code,
            one.text,
            one.sms.as_ref().map(AsSms::told).unwrap_or_default()
        ))
    })
}
