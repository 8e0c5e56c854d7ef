//! `barid contacts erase`: everything about a person, everywhere. Through the daemon while one runs, which goes on by itself where much is to be
//! looked through; else in the store.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::suspend::operator;
use crate::cli::{Json, daemon_api::DaemonApi, phone_number, screen};
use crate::domain::phone_number::PhoneNumber;
use crate::http::ErasureItem;
use crate::ports::{Contacts as _, Erasures as _};

/// Erase everything about a person: data, words, files, and their traces in kept callbacks
///
/// What waits to be sent to them is not sent. Counts and costs of campaigns stay, of nobody; and so does, as a digest that only this installation can
/// compare, that they had said stop. A campaign's file that still names them does not bring them back; an import does, so take them out of
/// your files, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  barid contacts erase +966500000101 --yes\n  \
                        barid contacts erase +966500000101 --by \"request 2026-118\" --yes --json")]
pub(in crate::cli) struct Erase {
    /// The person's number, as in `+966500000101`
    #[arg(value_name = "PHONE", allow_hyphen_values = true)]
    phone: String,
    /// Who asked for it; stands on the receipt
    #[arg(long, value_name = "TEXT")]
    by: Option<String>,
    /// Do it without asking: it cannot be undone
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    json: Json,
}

/// A contact as the daemon lists it.
#[derive(Deserialize)]
struct Listed {
    id: String,
}

pub(super) async fn run(arguments: &Erase, installation: &Installation) -> Ended {
    let phone = phone_number(&arguments.phone, installation)?;
    if !arguments.yes && !is_meant(&phone)? {
        return Err(Failure::because(Exit::Usage, "nothing was erased; add `--yes` to do it without being asked"));
    }
    let by = arguments.by.clone().unwrap_or_else(operator);
    let item = match installation.daemon().await? {
        Some(daemon) => through(&daemon, &phone, &by).await?,
        None => directly(installation, &phone, &by).await?,
    };
    if arguments.json.json {
        return screen::json(&item);
    }
    screen::pairs([
        ("receipt", item.id.to_string()),
        ("contact", format!("{} (empty)", item.contact)),
        ("asked by", item.by),
        ("messages", item.messages.to_string()),
        ("feedback", item.feedback.to_string()),
        ("callbacks", item.callbacks.to_string()),
        (
            "finished",
            item.finished_at.map_or_else(
                || format!("the daemon still looks through kept callbacks; see `/api/v1/erasures/{}`", item.id),
                |at| at.to_string(),
            ),
        ),
    ])
}

fn is_meant(phone: &PhoneNumber) -> Ended<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    screen::remark(&format!(
        "This erases everything about {} and cannot be undone. Type the number to go on:",
        phone.e164()
    ));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).or_exit(Exit::Software)?;
    Ok(line.trim() == phone.e164())
}

fn nobody() -> Failure {
    Failure::because(Exit::NoInput, "there is no contact with this number")
}

async fn through(daemon: &DaemonApi, phone: &PhoneNumber, by: &str) -> Ended<ErasureItem> {
    let digits = phone.e164().trim_start_matches('+');
    let found: crate::cli::daemon_api::Items<Listed> =
        daemon.get(&format!("/api/v1/contacts?phone=%2B{digits}")).await?;
    let contact = found.items.into_iter().next().ok_or_else(nobody)?;
    daemon.delete(&format!("/api/v1/contacts/{}", contact.id), &[("by", by)]).await
}

async fn directly(installation: &Installation, phone: &PhoneNumber, by: &str) -> Ended<ErasureItem> {
    let (store, clock) = (installation.store().await?, installation.clock());
    let work = async {
        let contact = store.by_phone(phone.e164()).await.or_exit(Exit::Unavailable)?.ok_or_else(nobody)?;
        let erasing = "cannot erase the person; what was begun goes on with the next daemon";
        let begun = store.erase(contact.id, by, clock.now()).await.context(erasing).or_exit(Exit::Unavailable)?;
        let id = begun.ok_or_else(nobody)?.id;
        while !store.erase_further(id, clock.now()).await.context(erasing).or_exit(Exit::Unavailable)? {}
        let done = store.erasure(id).await.context(erasing).or_exit(Exit::Unavailable)?;
        done.map(ErasureItem::from).ok_or_else(nobody)
    };
    let done = work.await;
    store.close().await;
    done
}
