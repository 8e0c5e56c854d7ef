//! `barid feedback`: what people sent back.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::csv_out::{CsvOut, inert};
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
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
    Media(Media),
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

/// Save the file that came with a feedback, through the running daemon
#[derive(Debug, clap::Args)]
pub(super) struct Media {
    /// The reference of the feedback, such as VOC-7K3F-9Q
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Where to; a file that is there already is not touched
    #[arg(long, short = 'o', value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Shown {
    reference: String,
    received_at: String,
    contact: String,
    phone: Option<String>,
    kind: String,
    text: Option<String>,
    media_state: Option<&'static str>,
    media_type: Option<String>,
    media_name: Option<String>,
    media_bytes: Option<u64>,
    media_hash: Option<String>,
    media_detail: Option<String>,
    language: Option<String>,
    sentiment: Option<String>,
    category: Option<String>,
    campaign: Option<String>,
    message_id: Option<String>,
    whatsapp_id: String,
}

impl From<Row> for Shown {
    fn from(row: Row) -> Self {
        let (media_state, media) = (row.media.as_ref().map(|media| media.state.name()), row.media.as_ref());
        Self {
            media_type: media.and_then(|media| media.file_type.clone()),
            media_name: media.and_then(|media| media.name.clone()),
            media_bytes: media.and_then(|media| media.bytes),
            media_hash: media.and_then(|media| media.hash.clone()),
            media_detail: media.and_then(|media| media.detail.clone()),
            media_state,
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
        Feedback::Media(arguments) => media(arguments, installation).await,
        Feedback::Accuracy(arguments) => accuracy::run(arguments, installation).await,
    }
}

async fn media(arguments: &Media, installation: &Installation) -> Ended {
    let Some(daemon) = installation.daemon().await? else {
        return Err(Failure::because(
            Exit::Unavailable,
            "no daemon runs that takes our BARID_API_TOKEN, and files are read through it; start `barid serve`",
        ));
    };
    let path = &arguments.out;
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made
        .with_context(|| {
            format!(
                "cannot make `{}`; name a file that is not there yet, in a folder that we may write",
                path.display()
            )
        })
        .or_exit(Exit::Io)?;
    // Letters, digits and `-` only: what else somebody types is no reference and must not become another address.
    let reference: String =
        arguments.reference.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect();
    let saved = daemon.save(&format!("/api/v1/feedback/{reference}/media"), &mut file).await;
    if saved.is_err() {
        // Half a file is worse than none.
        let _ = std::fs::remove_file(path);
    }
    saved
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
    out.row([
        "reference",
        "received_at",
        "contact",
        "phone",
        "kind",
        "text",
        "campaign",
        "message_id",
        "whatsapp_id",
        "media_state",
        "media_type",
        "media_name",
        "media_bytes",
        "media_hash",
        "media_detail",
    ])?;
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
                row.media_state.unwrap_or_default().to_owned(),
                cell(row.media_type),
                cell(row.media_name),
                row.media_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
                cell(row.media_hash),
                cell(row.media_detail),
            ])?;
        }
        before = page.next;
        if before.is_none() {
            return out.finish();
        }
    }
}
