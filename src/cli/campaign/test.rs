//! `barid campaign test`: one real message to one number.

use serde::Deserialize;

use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::installation::Installation;
use crate::cli::{phone_number, screen};
use crate::domain::ids::CampaignName;
use crate::domain::language::Language;

/// Send the campaign's message to one contact now, outside any run
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Test {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: CampaignName,
    /// To whom; must be a contact with consent
    #[arg(long, value_name = "PHONE", allow_hyphen_values = true)]
    phone: String,
    /// In which language; without it, in that of the contact
    #[arg(long, value_name = "ar|en")]
    language: Option<Language>,
}

/// What the daemon answers.
#[derive(Deserialize)]
struct Answer {
    message_id: String,
}

pub(super) async fn run(arguments: &Test, installation: &Installation) -> Ended {
    let phone = phone_number(&arguments.phone, installation)?;
    let daemon = installation.daemon().await?.ok_or_else(|| {
        Failure::because(
            Exit::Unavailable,
            "only a running daemon sends; start `barid serve` and set BARID_API_TOKEN for it and for this command",
        )
    })?;
    let body = serde_json::json!({ "phone": phone.e164(), "language": arguments.language }).to_string();
    let Answer { message_id } = daemon.post(&format!("/api/v1/campaigns/{}/test", arguments.name), body).await?;
    screen::say(&format!("on its way as {message_id}; see `barid trace {message_id}`"))
}
