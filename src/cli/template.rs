//! `barid template`: our templates and Meta's approval of them. Through the daemon while one runs; else from here.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::daemon_api::Items;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::suspend::{failed, operator};
use crate::cli::{Json, screen};
use crate::daemon::{approving, standing};
use crate::domain::language::Language;
use crate::domain::problem::did_you_mean;
use crate::domain::template_approval::Submission;
use crate::http::{PushedItem, ReviewedItem, SyncedItem, TemplateItem, TemplateStanding};
use crate::ports::Upkeep;
use crate::store::SqlStore;
use crate::whatsapp::templates::creation;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Template {
    List(List),
    Show(Show),
    Push(Push),
    Sync(Sync),
    Review(Review),
    Agree(Agree),
}

/// Show all templates with where they stand at Meta
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    json: Json,
}

/// Show one template: where it stands, and how the approved text differs from ours
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The name of its folder, or Meta's
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    json: Json,
}

/// Hand a template in for approval: created where it is not there, edited where it differs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  barid template push survey-invitation --dry-run\n  barid template push survey-invitation"
)]
pub(super) struct Push {
    /// The name of its folder, or Meta's
    #[arg(value_name = "NAME")]
    name: String,
    /// Hand in nothing: print the JSON of the creation in each language
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

/// Read from Meta where all templates stand, now
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    #[command(flatten)]
    json: Json,
}

/// Show which templates somebody should look at: unused, rejected, near pausing, or in no folder of ours
#[derive(Debug, clap::Args)]
pub(super) struct Review {
    #[command(flatten)]
    json: Json,
}

/// Agree to the price of the category that Meta takes a template for: its campaigns go on
#[derive(Debug, clap::Args)]
pub(super) struct Agree {
    /// The name of its folder, or Meta's
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(command: &Template, installation: &Installation) -> Ended {
    match command {
        Template::List(arguments) => list(arguments, installation).await,
        Template::Show(arguments) => show(arguments, installation).await,
        Template::Push(arguments) if arguments.dry_run => dry_run(&arguments.name, installation),
        Template::Push(arguments) => push(arguments, installation).await,
        Template::Sync(arguments) => sync(arguments, installation).await,
        Template::Review(arguments) => review(arguments, installation).await,
        Template::Agree(arguments) => agree(arguments, installation).await,
    }
}

/// What works where no daemon runs; the store is to be closed.
async fn alone(installation: &Installation) -> Ended<(Arc<SqlStore>, Upkeep)> {
    let store = Arc::new(installation.store().await?);
    let upkeep = standing::alone(&installation.config, Arc::clone(&store)).or_exit(Exit::Config)?;
    Ok((store, upkeep))
}

async fn all(installation: &Installation) -> Ended<Vec<TemplateItem>> {
    if let Some(daemon) = installation.daemon().await? {
        return Ok(daemon.get::<Items<_>>("/api/v1/templates").await?.items);
    }
    let (store, upkeep) = alone(installation).await?;
    let items = approving::all(&upkeep).await;
    store.close().await;
    items.map_err(failed)
}

fn stands(one: &TemplateStanding) -> String {
    match (&one.status, &one.rejected_reason) {
        (Some(status), Some(reason)) => format!("{status} ({reason})"),
        (Some(status), None) => status.clone(),
        (None, _) => "not there, or not read yet".to_owned(),
    }
}

fn to_look_at(one: &TemplateStanding) -> String {
    let mut marks = Vec::new();
    if one.needs_agreement {
        marks.push("needs agreement to its price");
    }
    if !one.diff.is_empty() {
        marks.push("approved text differs");
    }
    marks.join(", ")
}

async fn list(arguments: &List, installation: &Installation) -> Ended {
    let items = all(installation).await?;
    if arguments.json.json {
        return screen::json(&items);
    }
    if items.is_empty() {
        return screen::say("no templates");
    }
    screen::table(
        ["template", "at Meta", "account", "language", "status", "category", "quality", "to look at"],
        items.iter().flat_map(|item| item.languages.iter().map(move |one| (item, one))).map(|(item, one)| {
            let category = one.category.as_ref().map_or_else(|| item.category.clone(), |it| it.to_ascii_lowercase());
            [
                item.name.clone(),
                item.approved_name.clone(),
                one.account.clone().unwrap_or_default(),
                one.language.clone(),
                stands(one),
                category,
                one.quality.clone().unwrap_or_default(),
                to_look_at(one),
            ]
        }),
    )
}

async fn show(arguments: &Show, installation: &Installation) -> Ended {
    let items = all(installation).await?;
    let is_it = |item: &&TemplateItem| item.name == arguments.name || item.approved_name == arguments.name;
    let Some(item) = items.iter().find(is_it) else {
        return Err(no_template(&arguments.name, items.iter().map(|item| item.name.as_str())));
    };
    if arguments.json.json {
        return screen::json(item);
    }
    screen::say(&format!("{}: `{}` at Meta, {} in our file", item.name, item.approved_name, item.category))?;
    for one in &item.languages {
        let mut line = format!("{}: {}", one.language, stands(one));
        if let Some(account) = &one.account {
            line.push_str(&format!(", account {account}"));
        }
        if let Some(category) = &one.category {
            line.push_str(&format!(", {}", category.to_ascii_lowercase()));
        }
        if let Some(quality) = &one.quality {
            line.push_str(&format!(", quality {quality}"));
        }
        if let Some(used_at) = one.used_at {
            line.push_str(&format!(", sent last at {used_at}"));
        }
        if let Some(seen_at) = one.seen_at {
            line.push_str(&format!(", read at {seen_at}"));
        }
        screen::say(&line)?;
        if let (Some(by), Some(at)) = (&one.agreed_by, one.agreed_at) {
            screen::say(&format!("  {by} agreed to its price at {at}"))?;
        }
        if one.needs_agreement {
            let remedy = format!("`barid template agree {}`", item.name);
            screen::say(&format!(
                "  its campaigns wait: Meta takes it for another category than our file; {remedy} agrees"
            ))?;
        }
        if !one.diff.is_empty() {
            screen::say("  the approved text (-) is not ours (+):")?;
            for line in &one.diff {
                screen::say(&format!("  {line}"))?;
            }
        }
    }
    Ok(())
}

fn no_template<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Failure {
    Failure::because(Exit::NoInput, format!("there is no template `{name}`{}", did_you_mean(name, known)))
}

fn dry_run(name: &str, installation: &Installation) -> Ended {
    let files = installation.files();
    let found = files.templates.iter().find(|one| one.name().as_str() == name || one.approved_name() == name);
    let Some(template) = found else {
        let wrong = files.errors.iter().find(|error| error.file.file_name().is_some_and(|folder| folder == name));
        if let Some(wrong) = wrong {
            screen::remark(&wrong.to_string());
            return Err(Failure::because(
                Exit::Config,
                format!("the folder of the template `{name}` is wrong; correct what is told above"),
            ));
        }
        return Err(no_template(name, files.templates.names()));
    };
    let bodies = Language::ALL.map(|language| Submission::of(template, language).map(|one| creation(&one, None)));
    let bodies: Vec<Value> = bodies.into_iter().collect::<Result<_, _>>().or_exit(Exit::Config)?;
    screen::json(&bodies)
}

async fn push(arguments: &Push, installation: &Installation) -> Ended {
    let pushed: Vec<PushedItem> = match installation.daemon().await? {
        Some(daemon) => {
            let path = format!("/api/v1/templates/{}/push", arguments.name);
            daemon.post::<Items<_>>(&path, String::new()).await?.items
        }
        None => {
            let (store, upkeep) = alone(installation).await?;
            let pushed = approving::push(&upkeep, &arguments.name).await;
            store.close().await;
            pushed.map_err(failed)?
        }
    };
    let is_well = pushed.iter().all(|item| item.ok);
    if arguments.json.json {
        screen::json(&pushed)?;
    } else {
        let row = |item: PushedItem| [item.account, item.language, item.step, item.detail];
        screen::table(["account", "language", "step", "what became of it"], pushed.into_iter().map(row))?;
    }
    if is_well { Ok(()) } else { Err(Failure::told(Exit::Data)) }
}

async fn sync(arguments: &Sync, installation: &Installation) -> Ended {
    let synced: SyncedItem = match installation.daemon().await? {
        Some(daemon) => daemon.post("/api/v1/templates/sync", String::new()).await?,
        None => {
            let (store, upkeep) = alone(installation).await?;
            let synced = approving::sync(&upkeep).await;
            store.close().await;
            synced.map_err(failed)?
        }
    };
    if arguments.json.json {
        screen::json(&synced)?;
    } else {
        screen::say(&format!("{}: {}", synced.result, synced.summary))?;
    }
    if synced.result == "failed" { Err(Failure::told(Exit::Unavailable)) } else { Ok(()) }
}

async fn review(arguments: &Review, installation: &Installation) -> Ended {
    let items: Vec<ReviewedItem> = match installation.daemon().await? {
        Some(daemon) => daemon.get::<Items<_>>("/api/v1/template-review").await?.items,
        None => {
            let (store, upkeep) = alone(installation).await?;
            let items = approving::review(&upkeep).await;
            store.close().await;
            items.map_err(failed)?
        }
    };
    if arguments.json.json {
        return screen::json(&items);
    }
    if items.is_empty() {
        return screen::say("nothing to look at, as far as `barid template sync` read it last");
    }
    let row = |item: ReviewedItem| [item.name, item.account, item.language, item.detail, item.remedy];
    screen::table(["at Meta", "account", "language", "what", "what to do"], items.into_iter().map(row))
}

async fn agree(arguments: &Agree, installation: &Installation) -> Ended {
    let item: TemplateItem = match installation.daemon().await? {
        Some(daemon) => {
            let path = format!("/api/v1/templates/{}/agree", arguments.name);
            daemon.post(&path, json!({"by": operator()}).to_string()).await?
        }
        None => {
            let (store, upkeep) = alone(installation).await?;
            let item = approving::agree(&upkeep, &arguments.name, &operator()).await;
            store.close().await;
            item.map_err(failed)?
        }
    };
    if arguments.json.json {
        return screen::json(&item);
    }
    screen::say(&format!("the price of `{}` is agreed to; its campaigns go on", item.name))
}
