//! `barid contacts export`: everybody as a CSV file that `contacts import` reads again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::csv_out::{CsvOut, inert};
use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::domain::consent::Consent;
use crate::domain::contact::Contact;
use crate::ports::Contacts as _;
use crate::store::SqlStore;

/// Contacts that are asked of the store at once.
const PAGE: u64 = 500;

/// Write all contacts as CSV, in the form that `contacts import` reads
///
/// `opted_out` says who sent a stop word; an import leaves that alone. Cells that a spreadsheet would take for a formula get an
/// apostrophe before them, which an import takes off again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// Where to; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(arguments: &Export, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    // First the names of all attributes, since the header row comes first; nobody's data is kept meanwhile.
    let mut attributes = BTreeSet::new();
    each_page(&store, |contacts| {
        for name in contacts.into_iter().flat_map(|contact| contact.attributes.into_keys()) {
            attributes.insert(name);
        }
        Ok(())
    })
    .await?;
    let mut out = CsvOut::create(arguments.out.as_deref())?;
    let known = ["phone", "name", "language", "timezone", "email", "tags", "consent", "opted_out"];
    out.row(known.into_iter().map(str::to_owned).chain(attributes.iter().map(|name| inert(name))))?;
    each_page(&store, |contacts| contacts.iter().try_for_each(|contact| out.row(row(contact, &attributes)))).await?;
    out.finish()
}

async fn each_page(store: &SqlStore, mut work: impl FnMut(Vec<Contact>) -> Ended) -> Ended {
    let mut after = None;
    loop {
        let page = store.page(after, PAGE).await.or_exit(Exit::Unavailable)?;
        work(page.items)?;
        match page.next {
            Some(next) => after = Some(crate::domain::ids::ContactId::new(next)),
            None => return Ok(()),
        }
    }
}

fn row(contact: &Contact, attributes: &BTreeSet<String>) -> Vec<String> {
    let text = |text: &Option<String>| inert(text.as_deref().unwrap_or_default());
    let mut row = vec![
        contact.phone.as_ref().map(|phone| phone.e164().to_owned()).unwrap_or_default(),
        text(&contact.name),
        contact.language.code().to_owned(),
        contact.timezone.clone(),
        text(&contact.email),
        inert(&contact.tags.join(";")),
        consent(contact.consent),
        if contact.consent.stopped { "yes" } else { "no" }.to_owned(),
    ];
    row.extend(attributes.iter().map(|name| inert(contact.attributes.get(name).map_or("", String::as_str))));
    row
}

/// As an import reads it. What a person held before a stop is written too, because a start word restores it.
fn consent(consent: Consent) -> String {
    let purposes: Vec<&str> = consent.granted.iter().map(crate::domain::consent::Purpose::name).collect();
    if purposes.is_empty() { "no".to_owned() } else { purposes.join(";") }
}
