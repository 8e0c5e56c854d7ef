//! Campaign files: `jobs/campaigns/NAME.toml` is the campaign NAME; `*.toml.example` is not one.

mod fallback;
mod parts;

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use crate::config::layers::{cannot_read, files_in};
use crate::config::templates::Templates;
use crate::config::{Config, FileErrors, problem_of};
use crate::domain::audience::{Audience, AudienceSource, Sample};
use crate::domain::campaign::{Campaign, CampaignValues, Delivery, OnUnknown, Start};
use crate::domain::channel::Channel;
use crate::domain::document::{Node, Read, Table};
use crate::domain::ids::{CampaignName, SenderName, TemplateName};
use crate::domain::language::Language;
use crate::domain::link::AllowedHosts;
use crate::domain::money::Currency;
use crate::domain::problem::{Place, Problem, did_you_mean};
use crate::domain::schedule::{Schedule, Zone};
use crate::domain::share::Share;
use crate::domain::template::{MessageTemplate, read_values};
use fallback::{fallback, not_delivered_after};
use parts::{budget, quiet_hours, reminder, rollout};

/// What campaign files are checked against.
#[derive(Debug, Clone)]
pub struct CampaignContext<'a> {
    /// Our numbers.
    pub senders: Vec<SenderName>,
    /// The templates in order.
    pub templates: &'a Templates,
    /// Where links may lead.
    pub allowed_hosts: &'a AllowedHosts,
    /// What happens with unanswered calls unless a campaign says otherwise.
    pub on_unknown: OnUnknown,
    /// And when.
    pub unknown_after: SignedDuration,
    /// The channels that may take over, each with what is missing for it.
    pub channels: Vec<(Channel, Vec<String>)>,
    /// Until a message is too old unless a campaign says otherwise.
    pub expires_after: SignedDuration,
    /// In which costs are counted.
    pub currency: Currency,
}

impl<'a> CampaignContext<'a> {
    /// What the configuration says.
    pub fn new(config: &'a Config, templates: &'a Templates) -> Self {
        let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        Self {
            senders: config.senders.iter().map(|sender| sender.name.clone()).collect(),
            templates,
            allowed_hosts: &config.allowed_hosts,
            on_unknown: config.delivery.on_unknown,
            unknown_after: signed(config.delivery.unknown_after),
            channels: Channel::FALLBACKS.map(|channel| (channel, config.missing_for(channel))).to_vec(),
            expires_after: signed(config.delivery.expires_after),
            currency: config.pricing.template.currency,
        }
    }
}

/// The files of a folder.
#[derive(Debug)]
pub struct CampaignFiles;

impl CampaignFiles {
    /// Loads all campaigns of a folder; a file that is wrong never stops the others. A folder that is not there has no campaigns.
    pub fn load(folder: &Path, context: &CampaignContext<'_>) -> (Vec<Campaign>, Vec<FileErrors>) {
        let files = match files_in(folder, "toml") {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let problems = vec![problem_of(folder, cannot_read(&error))];
                return (Vec::new(), vec![FileErrors { file: folder.to_owned(), problems }]);
            }
        };
        let (mut campaigns, mut errors) = (Vec::new(), Vec::new());
        for file in files {
            match Self::load_one(&file, context) {
                Ok(campaign) => campaigns.push(campaign),
                Err(problems) => errors.push(FileErrors { file, problems }),
            }
        }
        (campaigns, errors)
    }

    /// Loads one file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load_one(file: &Path, context: &CampaignContext<'_>) -> Result<Campaign, Vec<Problem>> {
        let text = std::fs::read_to_string(file).map_err(|error| vec![problem_of(file, cannot_read(&error))])?;
        let node = Node::parse(&file.display().to_string(), &text)?;
        let (campaign, mut problems, _) = Table::read_document(&node, |table| read(table, file, context));
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        match campaign {
            Some(campaign) if problems.is_empty() => Ok(campaign),
            _ => Err(problems),
        }
    }
}

fn read(table: &Table<'_>, file: &Path, context: &CampaignContext<'_>) -> Option<Campaign> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.parse::<CampaignName>();
    if let Err(error) = &name {
        table.problem_here(format!("the file gives the campaign its name, but {error}; rename it"));
    }
    let template_name: Option<TemplateName> = table.required("template");
    let template = template_name.as_ref().and_then(|name| known_template(table, name, context));
    let purpose = table.required("purpose");
    let start = start(table);
    let timezone = if matches!(start, Some(Some(_))) && table.node("timezone").is_none() {
        table.problem_here(
            "`timezone` is missing; it says where the clock of `start` and `schedule` hangs, as in `Asia/Riyadh`",
        );
        None
    } else {
        table.or("timezone", Zone::utc())
    };
    let expires_after = table.or("expires_after", context.expires_after);
    let sender = sender(table, context);
    let audience = audience(table, file, &stem);
    let values = values(table, template, context);
    let delivery = table.table("delivery", |table| delivery(table, context));
    let rollout = part(table, "rollout", rollout);
    let reminder = part(table, "reminder", |table| {
        reminder(table, |table, name| {
            let Some(template) = known_template(table, name, context) else { return false };
            // The same values fill both texts; a value that only the reminder uses is one too many for the first.
            values.as_ref().is_none_or(|values| fits(table, template, values))
        })
    });
    let budget = part(table, "budget", |table| budget(table, context.currency));
    Some(Campaign {
        name: name.ok()?,
        template: template_name?,
        purpose: purpose?,
        start: start?,
        timezone: timezone?,
        expires_after: expires_after?,
        sender: sender?,
        audience: audience?,
        values: values?,
        delivery: delivery?,
        rollout: rollout?,
        reminder: reminder?,
        budget: budget?,
    })
}

/// A table that may be left out: `None` when it is wrong, `Some(None)` when it is not there.
fn part<T>(table: &Table<'_>, key: &'static str, read: impl FnOnce(&Table<'_>) -> Option<T>) -> Option<Option<T>> {
    table.optional_table(key, read).map_or(Some(None), |read| read.map(Some))
}

fn known_template<'a>(
    table: &Table<'_>,
    name: &TemplateName,
    context: &CampaignContext<'a>,
) -> Option<&'a MessageTemplate> {
    let template = context.templates.get(name);
    if template.is_none() {
        let nearest = did_you_mean(name.as_str(), context.templates.names());
        table.problem("template", format!("there is no template `{name}` that is in order{nearest}"));
    }
    template.map(AsRef::as_ref)
}

/// `None` when something is wrong with it; `Some(None)` when it waits for a person.
fn start(table: &Table<'_>) -> Option<Option<Start>> {
    let (at, schedule) = (table.node("start").is_some(), table.node("schedule").is_some());
    let start = table.optional("start").map(Start::At);
    let every = table.optional::<Schedule>("schedule").map(Start::Schedule);
    match (at, schedule) {
        (true, true) => {
            table.problem(
                "schedule",
                "`start` and `schedule` exclude each other; keep `start` for once, `schedule` for again and again",
            );
            None
        }
        (true, false) => start.map(Some),
        (false, true) => every.map(Some),
        (false, false) => Some(None),
    }
}

fn sender(table: &Table<'_>, context: &CampaignContext<'_>) -> Option<SenderName> {
    let default = crate::config::whatsapp::default_sender();
    let is_named = table.node("sender").is_some();
    let sender: SenderName = table.or("sender", default)?;
    // Without any number configured, serving says so once; each campaign need not.
    if !context.senders.contains(&sender) && !context.senders.is_empty() {
        let nearest = did_you_mean(sender.as_str(), context.senders.iter().map(SenderName::as_str));
        let what = if is_named { "there is no sender" } else { "`sender` is missing, and there is no sender" };
        table.problem("sender", format!("{what} `{sender}`{nearest}"));
    }
    Some(sender)
}

/// Columns of a contact that are no attributes and cannot be conditions.
const NO_CONDITIONS: [&str; 5] = ["phone", "name", "email", "tags", "consent"];

fn audience(table: &Table<'_>, file: &Path, campaign: &str) -> Option<Audience> {
    let read = |table: &Table<'_>| {
        let source = match table.node("file") {
            Some(_) => table.optional::<PathBuf>("file").and_then(|path| audience_file(table, file, &path)),
            None => Some(AudienceSource::Query),
        };
        let (tags_any, tags_none) = (table.or("tags_any", vec![]), table.or("tags_none", vec![]));
        let mut where_ = std::collections::BTreeMap::new();
        for (attribute, node) in table.entries("where") {
            if NO_CONDITIONS.contains(&attribute) {
                let message = format!(
                    "`where.{attribute}` is not possible; conditions are on attributes, `language` and `timezone` (for tags: `tags_any`)"
                );
                table.note(node.place.problem(message));
            }
            // One value may be written without brackets.
            match Vec::<String>::read(node).or_else(|wrong| String::read(node).map(|one| vec![one]).map_err(|_| wrong))
            {
                Ok(values) if values.is_empty() => {
                    table.note(
                        node.place
                            .problem(format!("`where.{attribute}` is empty and would select nobody; leave it out")),
                    );
                }
                Ok(values) => {
                    where_.insert(attribute.to_owned(), values);
                }
                Err(wrong) => table.note(node.place.problem(format!("`where.{attribute}` {wrong}"))),
            }
        }
        let not_contacted_for = table.optional::<SignedDuration>("not_contacted_for");
        let share = table.or("sample", Share::ALL);
        Some(Audience {
            source: source?,
            tags_any: tags_any?,
            tags_none: tags_none?,
            where_,
            not_contacted_for,
            sample: Sample::of(share?, campaign),
        })
    };
    table.optional_table("audience", read).unwrap_or_else(|| {
        table.problem_here("`[audience]` is missing; name a `file`, `tags_any`, `where`, or write `sample = \"100%\"` for every contact");
        None
    })
}

/// The path as it was written: whoever reads the file begins at the folder of campaign files, too, and a frozen run must not depend on
/// the directory in which somebody typed a command.
fn audience_file(table: &Table<'_>, campaign: &Path, written: &Path) -> Option<AudienceSource> {
    let path = campaign.parent().unwrap_or(Path::new("")).join(written);
    let wrong = match std::fs::metadata(&path) {
        Err(error) => Some(format!("{}; put it beside the campaign's file or correct the path", cannot_read(&error))),
        Ok(found) if !found.is_file() => Some("that is not a file".to_owned()),
        Ok(found) if found.len() == 0 => Some("the file is empty".to_owned()),
        Ok(_) => None,
    };
    match (wrong, written.to_str()) {
        (None, Some(text)) => Some(AudienceSource::File(text.to_owned())),
        (wrong, _) => {
            let wrong = wrong.unwrap_or_else(|| "the path is not Unicode".to_owned());
            table.problem("file", format!("the audience file `{}`: {wrong}", path.display()));
            None
        }
    }
}

fn values(
    table: &Table<'_>,
    template: Option<&MessageTemplate>,
    context: &CampaignContext<'_>,
) -> Option<CampaignValues> {
    let before = table.n_problems();
    let (values, places) = read_values(table, "values");
    let place_of = |name: &str| places.iter().find(|(known, _)| known == name).map(|(_, place)| place);
    for (name, value) in &values {
        let mut told = false;
        for language in Language::ALL {
            let text = value.in_language(language).to_string();
            let is_link = name.ends_with("_link") || name.ends_with("_url") || text.starts_with("http://");
            if let (true, false, Some(place), Err(error)) =
                (is_link, told, place_of(name), context.allowed_hosts.check(&text))
            {
                table.note(place.problem(format!("`{name}`: {error}")));
                told = true;
            }
        }
    }
    if let Some(template) = template {
        check_against_template(table, template, &values, &places);
        if table.n_problems() == before {
            render_once(table, template, &values);
        }
    }
    (table.n_problems() == before).then_some(values)
}

fn check_against_template(
    table: &Table<'_>,
    template: &MessageTemplate,
    values: &CampaignValues,
    places: &[(String, Place)],
) {
    let known = template.known_values();
    for (name, place) in places.iter().filter(|(name, _)| !known.contains(name.as_str())) {
        let nearest = did_you_mean(name, known.iter().copied());
        table.note(place.problem(format!("the template `{}` has no value `{name}`{nearest}", template.name())));
    }
    let is_given = |name: &&str| values.contains_key(*name) || places.iter().any(|(given, _)| given == name);
    for name in template.required_values().into_iter().filter(|name| !is_given(name)) {
        table.problem(
            "values",
            format!("the template `{}` needs the value `{name}`; add it under `[values]`", template.name()),
        );
    }
}

/// Whether the campaign's values fill the template of its reminder too, in both languages.
fn fits(table: &Table<'_>, template: &MessageTemplate, values: &CampaignValues) -> bool {
    let before = table.n_problems();
    for name in template.required_values().into_iter().filter(|name| !values.contains_key(*name)) {
        let message = format!("the template `{}` needs the value `{name}`; add it under `[values]`", template.name());
        table.problem("template", message);
    }
    for language in Language::ALL.into_iter().filter(|_| table.n_problems() == before) {
        let sample = template.sample_with(values, language);
        if let Err(error) = template.content(&sample).and_then(|_| template.text(&sample)) {
            let message = format!("the template `{}` in `{language}` with these values: {error}", template.name());
            table.problem("template", message);
        }
    }
    table.n_problems() == before
}

/// The campaign's values may make a text too long, or be of no use to a helper: better known now than with the first customer.
fn render_once(table: &Table<'_>, template: &MessageTemplate, values: &CampaignValues) {
    for language in Language::ALL {
        let sample = template.sample_with(values, language);
        if let Err(error) = template.content(&sample).and_then(|_| template.text(&sample)) {
            table.problem(
                "values",
                format!("the template `{}` in `{language}` with these values: {error}", template.name()),
            );
        }
    }
}

fn delivery(table: &Table<'_>, context: &CampaignContext<'_>) -> Option<Delivery> {
    let rate = table.optional::<u32>("rate");
    if rate.is_some_and(|rate| rate > crate::config::whatsapp::MPS_MAX) {
        table.problem("rate", format!("`rate` must be from 1 to {}", crate::config::whatsapp::MPS_MAX));
    }
    let quiet_hours = table.optional_table("quiet_hours", quiet_hours).flatten();
    let fallback = fallback(table, context);
    let not_delivered_after = not_delivered_after(table);
    let on_unknown = table.or("on_unknown", context.on_unknown);
    let unknown_after = table.or("unknown_after", context.unknown_after);
    Some(Delivery {
        rate,
        quiet_hours,
        fallback,
        not_delivered_after,
        on_unknown: on_unknown?,
        unknown_after: unknown_after?,
    })
}
