//! `barid conversation`: who talks with a person, what was said, and what staff do: answer, take, hand back. Reading opens the store;
//! staff speak through the daemon while one runs, else into the store, and what they say leaves when the next one runs.

use std::io::Read as _;

use serde::Deserialize;
use serde_json::json;

use crate::cli::daemon_api::{DaemonApi, Items};
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::suspend::{failed, operator};
use crate::cli::{Json, phone_number, screen};
use crate::daemon::files;
use crate::domain::answering::staff::StaffAct;
use crate::domain::conversation::Holder;
use crate::domain::ids::{ContactId, SenderName};
use crate::domain::problem::did_you_mean;
use crate::http::{Answered, ConversationItem, ConversationShown, Handed, OperationError};
use crate::jobs::staff::{self, StaffDone, StaffError, StaffRequest};
use crate::ports::{Contacts as _, Conversations as _, TalkFilter};
use crate::store::SqlStore;

/// A text that a person types or pastes.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Conversation {
    List(List),
    Show(Show),
    Answer(Answer),
    Take(Take),
    HandBack(HandBack),
}

/// List conversations, newest first
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only those that a `person` or the `bot` answers
    #[arg(long, value_name = "WHO", value_parser = holder)]
    state: Option<Holder>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

/// Show one conversation with what was said last, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
    /// How much of what was said
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

/// Say something to a person; the conversation is yours from then on, and barid is silent in it
///
/// While the service window is closed the words wait, and one approved template asks the person to write.
#[derive(Debug, clap::Args)]
pub(super) struct Answer {
    #[command(flatten)]
    which: Which,
    /// What to say; `-` reads it from standard input
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    staff: Staff,
}

/// Take a conversation over: barid is silent in it until it is handed back
#[derive(Debug, clap::Args)]
pub(super) struct Take {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    staff: Staff,
}

/// Hand a conversation back: barid answers again
#[derive(Debug, clap::Args)]
pub(super) struct HandBack {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    staff: Staff,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// With whom: an id such as `con_0000001b`, or a phone number
    #[arg(value_name = "CONTACT")]
    contact: String,
    /// With which of our numbers, where they wrote to several
    #[arg(long, value_name = "NAME")]
    sender: Option<SenderName>,
}

#[derive(Debug, clap::Args)]
struct Staff {
    /// Who does it; without it, the user of this machine
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    json: Json,
}

impl Staff {
    fn who(&self) -> String {
        self.by.clone().unwrap_or_else(operator)
    }
}

fn holder(name: &str) -> Result<Holder, String> {
    let known = Holder::ALL.map(Holder::name);
    Holder::named(name).ok_or_else(|| format!("there is no state `{name}`{}", did_you_mean(name, known)))
}

pub(super) async fn run(command: &Conversation, installation: &Installation) -> Ended {
    match command {
        Conversation::List(arguments) => list(arguments, installation).await,
        Conversation::Show(arguments) => show(arguments, installation).await,
        Conversation::Answer(arguments) => {
            let act = StaffAct::Answer(text_of(&arguments.text)?);
            staff_does(act, &arguments.which, &arguments.staff, installation).await
        }
        Conversation::Take(arguments) => {
            staff_does(StaffAct::Take, &arguments.which, &arguments.staff, installation).await
        }
        Conversation::HandBack(arguments) => {
            staff_does(StaffAct::HandBack, &arguments.which, &arguments.staff, installation).await
        }
    }
}

async fn list(arguments: &List, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let filter = TalkFilter { holder: arguments.state, contact: None };
    let page = store.talks(filter, None, arguments.limit).await.or_exit(Exit::Unavailable)?;
    let items: Vec<ConversationItem> = page.items.into_iter().map(Into::into).collect();
    if arguments.json.json {
        return screen::json(&items);
    }
    screen::table(
        ["contact", "phone", "sender", "who answers", "why", "waits since", "window until"],
        items.into_iter().map(|item| {
            let state = standing(&item);
            let [waits, window] = [item.waits_since, item.window_until].map(|at| at.map(|at| at.to_string()));
            [
                item.contact.to_string(),
                item.phone.unwrap_or_default(),
                item.sender.to_string(),
                state,
                item.because.unwrap_or_default(),
                waits.unwrap_or_default(),
                window.unwrap_or_default(),
            ]
        }),
    )
}

async fn show(arguments: &Show, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let contact = known_contact(&arguments.which.contact, &store, installation).await?;
    let talk = staff::talk_of(&store, contact, arguments.which.sender.as_ref()).await.map_err(refused)?;
    let listed = store.listed_talk(&talk).await.or_exit(Exit::Unavailable)?;
    let listed = listed.ok_or_else(|| refused(StaffError::NoContact(contact)))?;
    let exchanges = store.exchanges(&talk, arguments.limit).await.or_exit(Exit::Unavailable)?;
    let shown =
        ConversationShown { conversation: listed.into(), exchanges: exchanges.into_iter().map(Into::into).collect() };
    if arguments.json.json {
        return screen::json(&shown);
    }
    let ConversationShown { conversation, exchanges } = shown;
    let time = |at: Option<jiff::Timestamp>| at.map_or_else(|| "–".to_owned(), |at| at.to_string());
    screen::pairs([
        ("contact", conversation.contact.to_string()),
        ("sender", conversation.sender.to_string()),
        ("who answers", standing(&conversation)),
        ("why", conversation.because.clone().unwrap_or_else(|| "–".to_owned())),
        ("reference", conversation.reference.clone().unwrap_or_else(|| "–".to_owned())),
        ("waits since", time(conversation.waits_since)),
        ("staff wrote", time(conversation.wrote_at)),
        ("window until", time(conversation.window_until)),
    ])?;
    screen::table(
        ["when", "who", "what", "says", "stands"],
        exchanges.into_iter().map(|item| {
            let who = match (item.direction.as_str(), item.by) {
                ("received", _) => "the person".to_owned(),
                (_, Some(by)) => by,
                _ => "barid".to_owned(),
            };
            let stands = item.state.or(item.reference).unwrap_or_default();
            [item.at.to_string(), who, item.kind, item.text.unwrap_or_default(), stands]
        }),
    )
}

/// Who answers, and since when.
fn standing(item: &ConversationItem) -> String {
    match (&item.taken_by, item.since) {
        (Some(by), Some(since)) => format!("{by}, people since {since}"),
        (None, Some(since)) => format!("people since {since}, taken by nobody"),
        _ => "barid".to_owned(),
    }
}

async fn staff_does(act: StaffAct, which: &Which, staff: &Staff, installation: &Installation) -> Ended {
    let verb = act.name();
    let is_answer = matches!(act, StaffAct::Answer(_));
    let said = if let Some(daemon) = installation.daemon().await? {
        let contact = contact_of_daemon(&which.contact, &daemon, installation).await?;
        let path = format!("/api/v1/conversations/{contact}/{verb}");
        let mut body = json!({"by": staff.who(), "sender": which.sender});
        if let StaffAct::Answer(text) = &act {
            body["text"] = json!(text);
        }
        if is_answer {
            let answered: Answered = daemon.post(&path, body.to_string()).await?;
            if staff.json.json {
                return screen::json(&answered);
            }
            (Some((answered.message_id.to_string(), answered.state)), true, answered.conversation)
        } else {
            let handed: Handed = daemon.post(&path, body.to_string()).await?;
            if staff.json.json {
                return screen::json(&handed);
            }
            (None, handed.changed, handed.conversation)
        }
    } else {
        let store = installation.store().await?;
        let done = in_store(act, which, staff, &store, installation).await;
        store.close().await;
        let StaffDone { talk, has_changed, answer, .. } = done?;
        let conversation = ConversationItem::from(talk);
        if answer.is_some() {
            screen::remark("no daemon was asked: it leaves when `barid serve` runs");
        }
        let answer = answer.map(|(id, state)| (id.to_string(), state.name().to_owned()));
        if staff.json.json {
            let message_id = answer.as_ref().map(|(id, _)| id);
            return screen::json(
                &json!({"changed": has_changed, "message_id": message_id, "conversation": conversation}),
            );
        }
        (answer, has_changed, conversation)
    };
    let (answer, changed, conversation) = said;
    let now = standing(&conversation);
    match answer {
        Some((id, state)) => screen::say(&format!("{id} is {state}; who answers now: {now}")),
        None if changed => screen::say(&format!("who answers now: {now}")),
        None => screen::say(&format!("it was so already; who answers: {now}")),
    }
}

async fn in_store(
    act: StaffAct,
    which: &Which,
    staff: &Staff,
    store: &SqlStore,
    installation: &Installation,
) -> Ended<StaffDone> {
    let contact = known_contact(&which.contact, store, installation).await?;
    let request = StaffRequest { contact, sender: which.sender.clone(), act, who: staff.who(), once: None };
    let shelf = files::shelf(&installation.config, files::read(&installation.config).0);
    staff::in_record(store, &shelf, &request, installation.clock().now()).await.map_err(refused)
}

/// The contact of that id or number.
async fn known_contact(text: &str, store: &SqlStore, installation: &Installation) -> Ended<ContactId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let phone = phone_number(text, installation)?;
    let found = store.by_phone(phone.e164()).await.or_exit(Exit::Unavailable)?;
    found.map(|contact| contact.id).ok_or_else(nobody)
}

async fn contact_of_daemon(text: &str, daemon: &DaemonApi, installation: &Installation) -> Ended<ContactId> {
    #[derive(Deserialize)]
    struct Found {
        id: ContactId,
    }

    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let phone = phone_number(text, installation)?;
    let path = format!("/api/v1/contacts?phone=%2B{}", phone.e164().trim_start_matches('+'));
    let found = daemon.get::<Items<Found>>(&path).await?.items;
    found.into_iter().next().map(|found| found.id).ok_or_else(nobody)
}

fn nobody() -> Failure {
    Failure::because(Exit::NoInput, "no contact has this number; `barid contacts export` lists them")
}

fn text_of(text: &str) -> Ended<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut read = String::new();
    std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut read).or_exit(Exit::Io)?;
    Ok(read.trim_end_matches('\n').to_owned())
}

fn refused(error: StaffError) -> Failure {
    failed(OperationError::from(error))
}
