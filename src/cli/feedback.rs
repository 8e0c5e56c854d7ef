//! `barid feedback`: what people sent back.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::csv_out::{CsvOut, inert};
use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, accuracy, screen};
use crate::domain::feedback::Feedback as Row;
use crate::ports::Journal as _;

/// Rows that are asked of the store at once.
const PAGE: u64 = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Feedback {
    List(List),
    Export(Export),
    Accuracy(accuracy::Accuracy),
}

/// List the newest feedback
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

/// Write all feedback as CSV, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// Where to; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Shown {
    reference: String,
    received_at: String,
    contact: String,
    phone: Option<String>,
    kind: String,
    text: Option<String>,
    language: Option<String>,
    sentiment: Option<String>,
    category: Option<String>,
    campaign: Option<String>,
    message_id: Option<String>,
    whatsapp_id: String,
}

impl From<Row> for Shown {
    fn from(row: Row) -> Self {
        Self {
            reference: row.reference,
            received_at: row.received_at.to_string(),
            contact: row.contact.to_string(),
            phone: row.phone,
            kind: row.kind,
            text: row.text,
            language: row.reading.as_ref().map(|reading| reading.language.clone()),
            sentiment: row.reading.as_ref().and_then(|reading| Some(reading.sentiment.as_ref()?.0.clone())),
            category: row.reading.as_ref().and_then(|reading| Some(reading.category.as_ref()?.0.clone())),
            campaign: row.campaign,
            message_id: row.message.map(|message| message.to_string()),
            whatsapp_id: row.whatsapp_id.to_string(),
        }
    }
}

pub(super) async fn run(command: &Feedback, installation: &Installation) -> Ended {
    match command {
        Feedback::List(arguments) => list(arguments, installation).await,
        Feedback::Export(arguments) => export(arguments, installation).await,
        Feedback::Accuracy(arguments) => accuracy::run(arguments, installation).await,
    }
}

async fn list(arguments: &List, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let mut rows: Vec<Shown> = Vec::new();
    let mut before = None;
    while (rows.len() as u64) < arguments.limit {
        let page =
            store.feedback(before, PAGE.min(arguments.limit - rows.len() as u64)).await.or_exit(Exit::Unavailable)?;
        rows.extend(page.items.into_iter().map(Shown::from));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    if arguments.json.json {
        return screen::json(&rows);
    }
    let header = ["reference", "received", "number", "kind", "text", "campaign"];
    let cells = |row: Shown| {
        let [phone, text, campaign] = [row.phone, row.text, row.campaign].map(Option::unwrap_or_default);
        [row.reference, row.received_at, phone, row.kind, text, campaign]
    };
    screen::table(header, rows.into_iter().map(cells))
}

async fn export(arguments: &Export, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let mut out = CsvOut::create(arguments.out.as_deref())?;
    out.row(["reference", "received_at", "contact", "phone", "kind", "text", "campaign", "message_id", "whatsapp_id"])?;
    let mut before = None;
    loop {
        let page = store.feedback(before, PAGE).await.or_exit(Exit::Unavailable)?;
        for row in page.items {
            let row = Shown::from(row);
            let cell = |text: Option<String>| inert(&text.unwrap_or_default());
            out.row([
                inert(&row.reference),
                row.received_at,
                row.contact,
                row.phone.unwrap_or_default(),
                inert(&row.kind),
                cell(row.text),
                cell(row.campaign),
                cell(row.message_id),
                inert(&row.whatsapp_id),
            ])?;
        }
        before = page.next;
        if before.is_none() {
            return out.finish();
        }
    }
}
