//! What operators write: settings, secrets, templates, campaigns. Files become domain types here, with everything wrong told at once.

pub mod address;
pub mod alerts;
pub mod answers;
mod budget;
pub mod campaigns;
pub mod channels;
pub mod check;
pub mod consent;
pub mod delivery;
pub mod environment;
pub mod feedback;
pub mod flows;
pub mod hooks;
mod layers;
pub mod log;
pub mod media;
pub mod nlp;
pub mod people;
pub mod pricing;
pub mod queue;
mod retention;
pub mod schedule;
pub mod secrets;
pub mod server;
pub mod stores;
pub mod suspend;
pub mod templates;
pub mod whatsapp;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::budget::SpendingCaps;
use crate::domain::document::{Node, Table};
use crate::domain::link::AllowedHosts;
use crate::domain::problem::{Place, Problem};
use crate::domain::retention::Retention;
use crate::domain::template::Brand;

pub use check::check;
pub use environment::Environment;
pub use secrets::Secrets;

/// Every setting, checked, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// What barid keeps.
    pub state_dir: PathBuf,
    /// `[server]`
    pub server: server::Server,
    /// `[redis]`
    pub redis: stores::Redis,
    /// `[store]`
    pub store: stores::Store,
    /// `[whatsapp]`
    pub whatsapp: whatsapp::WhatsApp,
    /// All our numbers: the one of `[whatsapp]` first, then `[[senders]]`.
    pub senders: Vec<whatsapp::Sender>,
    /// `[delivery]`
    pub delivery: delivery::Delivery,
    /// `[retry]`
    pub retry: delivery::Retry,
    /// `[suspend]`
    pub suspend: suspend::Suspend,
    /// `[queue]`
    pub queue: queue::Queue,
    /// Folder of templates.
    pub templates_dir: PathBuf,
    /// Folder of jobs.
    pub jobs_dir: PathBuf,
    /// `[contacts]`
    pub contacts: people::Contacts,
    /// `[links]`
    pub allowed_hosts: AllowedHosts,
    /// `[brand]`
    pub brand: Brand,
    /// `[feedback]`
    pub feedback: feedback::Feedback,
    /// `[pricing]`
    pub pricing: pricing::Pricing,
    /// `[budget]`
    pub budget: SpendingCaps,
    /// `[log]`
    pub log: log::Log,
    /// `[twilio]`
    pub twilio: channels::Twilio,
    /// `[email]`
    pub email: channels::Email,
    /// `[alerts]`
    pub alerts: alerts::Alerts,
    /// `[answers]`
    pub answers: answers::Answers,
    /// `[consent]`
    pub consent: consent::Consent,
    /// `[[hooks]]`
    pub hooks: Vec<hooks::Hook>,
    /// `[nlp]`
    pub nlp: nlp::Nlp,
    /// `[media]`
    pub media: media::Media,
    /// `[retention]`
    pub retention: Retention,
    /// What may not be shown.
    pub secrets: Secrets,
    /// What is to be said about single settings: a password where others may read it.
    notes: Vec<String>,
}

/// Everything wrong with a configuration, in the order of its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(f, "{n} {} with the configuration", if n == 1 { "problem" } else { "problems" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// What is wrong with one file (or one folder of files that belong together). The others are not affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileErrors {
    /// Which.
    pub file: PathBuf,
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for FileErrors {}

impl Config {
    /// Loads everything: defaults, the file, `barid.d/*.toml` beside it, the environment, secrets.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place and its remedy.
    pub fn load(path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigErrors> {
        match Self::load_as_far_as_possible(path, environment) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(ConfigErrors(problems)),
        }
    }

    /// What could be read although something is wrong: enough to go on looking for mistakes, never enough to run.
    fn load_as_far_as_possible(path: Option<&Path>, environment: &Environment) -> (Option<Self>, Vec<Problem>) {
        let mut problems = Vec::new();
        let (merged, is_whole) = layers::merged(path, environment, &mut problems);
        let (config, wrong, _) = read(&merged, path, environment);
        problems.extend(wrong);
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        // Without one of the files, where templates and campaigns are would be a guess.
        (config.filter(|_| is_whole), problems)
    }

    /// Where the record is: the configured address, or SQLite in `state_dir`.
    pub fn store_url(&self) -> address::ServiceUrl {
        let own = || address::ServiceUrl::new(format!("sqlite://{}", self.state_dir.join("barid.db").display()));
        self.store.url.clone().unwrap_or_else(own)
    }

    /// Folder of campaign files.
    pub fn campaigns_dir(&self) -> PathBuf {
        self.jobs_dir.join("campaigns")
    }

    /// Folder of flow files.
    pub fn flows_dir(&self) -> PathBuf {
        self.jobs_dir.join("flows")
    }

    /// The schedule of standing jobs.
    pub fn schedule_file(&self) -> PathBuf {
        self.jobs_dir.join("schedule.toml")
    }

    /// What `serve` needs and does not have, each with its remedy.
    pub fn missing_for_serving(&self) -> Vec<String> {
        let secrets = &self.secrets;
        let needed = [
            (
                secrets.whatsapp_api_token.is_some(),
                "WHATSAPP_API_TOKEN",
                "the access token of a system user, to send with",
            ),
            (
                secrets.whatsapp_app_secret.is_some(),
                "WHATSAPP_APP_SECRET",
                "the app's secret, to check Meta's signatures with",
            ),
            (
                secrets.whatsapp_webhook_verify_token.is_some(),
                "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
                "a word of your own, the same as in the app's webhook settings",
            ),
        ];
        let mut missing: Vec<String> = needed
            .into_iter()
            .filter(|(is_there, ..)| !is_there)
            .map(|(_, name, what)| format!("{name} is not set ({what}); set it, or {name}_FILE to the path of a file"))
            .collect();
        if self.senders.is_empty() {
            missing.push(
                "there is no number to send from; set WHATSAPP_PHONE_NUMBER_ID, or `phone_number_id` in `[whatsapp]`"
                    .to_owned(),
            );
        }
        missing.extend(self.missing_for_hooks());
        missing
    }

    /// Settings that are fine each and dangerous together.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.notes.clone();
        let mut warn = |is_so: bool, text: &str| {
            if is_so {
                warnings.push(text.to_owned());
            }
        };
        let (delivery, secrets) = (&self.delivery, &self.secrets);
        warn(
            delivery.lease < delivery.connect_timeout + delivery.answer_timeout,
            "`[delivery] lease` is shorter than `connect_timeout` and `answer_timeout` together: calls that still run would be taken for \
             dead and become unknown; make it longer",
        );
        warn(
            delivery.unknown_after < delivery.answer_timeout,
            "`[delivery] unknown_after` is shorter than `answer_timeout`: it would decide before the answer can come; make it longer",
        );
        warn(
            !self.server.listen.ip().is_loopback() && secrets.whatsapp_app_secret.is_none(),
            "`[server] listen` is open to other machines, but WHATSAPP_APP_SECRET is not set: callbacks cannot be checked and all are refused",
        );
        warn(
            !self.server.ops_listen.ip().is_loopback(),
            "`[server] ops_listen` is open to other machines: metrics and health belong on a private address only",
        );
        warn(
            secrets
                .barid_api_token
                .as_ref()
                .is_some_and(|token| secrecy::ExposeSecret::expose_secret(token).len() < 24),
            "BARID_API_TOKEN is shorter than 24 characters and could be guessed; make one with `openssl rand -hex 24`",
        );
        warn(
            self.whatsapp.graph_url.is_readable_on_the_way(),
            "`[whatsapp] graph_url` is plain http to another machine: the token and every message could be read on the way",
        );
        warn(
            self.server.drain < delivery.answer_timeout,
            "`[server] drain` is shorter than `[delivery] answer_timeout`: stopping may leave calls without an answer",
        );
        warnings.extend(self.warnings_of_channels());
        warnings.extend(self.warnings_of_alerts());
        warnings.extend(self.warnings_of_nlp());
        warnings
    }
}

/// Reads the merged tree. Also answers the full names of all keys that were asked for.
fn read(node: &Node, path: Option<&Path>, environment: &Environment) -> (Option<Config>, Vec<Problem>, Vec<String>) {
    Table::read_document(node, |table| {
        let state_dir = folder(table, "state_dir");
        let server = table.table("server", server::Server::read);
        let redis = table.table("redis", stores::Redis::read);
        let store = table.table("store", stores::Store::read);
        let whatsapp = table.table("whatsapp", whatsapp::WhatsApp::read);
        let senders = whatsapp::senders(table, whatsapp.as_ref());
        let delivery = table.table("delivery", delivery::Delivery::read);
        let retry = table.table("retry", delivery::Retry::read);
        let suspend = table.table("suspend", suspend::Suspend::read);
        let queue = table.table("queue", queue::Queue::read);
        let templates_dir = table.table("templates", |table| folder(table, "dir"));
        let jobs_dir = table.table("jobs", |table| folder(table, "dir"));
        let contacts = table.table("contacts", people::Contacts::read);
        let allowed_hosts = table.table("links", people::allowed_hosts);
        let brand = table.table("brand", people::brand);
        let feedback = table.table("feedback", feedback::Feedback::read);
        let log = table.table("log", log::Log::read);
        let twilio = table.table("twilio", channels::Twilio::read);
        let email = table.table("email", channels::Email::read);
        let alerts = table.table("alerts", alerts::Alerts::read);
        let zone = contacts.as_ref().map(|contacts| &contacts.default_timezone);
        let mut wrong_rates = Vec::new();
        let pricing = table
            .table("pricing", |table| pricing::Pricing::read(table, zone, || found("rates", path), &mut wrong_rates));
        wrong_rates.into_iter().for_each(|problem| table.note(problem));
        let tariff = pricing.as_ref().map(|pricing| Arc::clone(&pricing.tariff));
        let budget = table.table("budget", |table| budget::read(table, tariff.as_deref()));
        let answers = table.table("answers", |table| answers::Answers::read(table, zone));
        let consent = table.table("consent", consent::Consent::read);
        let hooks = hooks::read(table, environment);
        let nlp = table.table("nlp", |table| nlp::Nlp::read(table, state_dir.as_deref()));
        let media = table.table("media", |table| media::Media::read(table, state_dir.as_deref()));
        let retention = table.table("retention", Retention::read);
        let secrets = table.table("secrets", |table| Secrets::read(table, environment));
        let mut notes = Vec::new();
        notes.extend(password_in_file(node, "redis", redis.as_ref().and_then(|redis| redis.url.as_ref())));
        notes.extend(password_in_file(node, "store", store.as_ref().and_then(|store| store.url.as_ref())));
        let state_dir = state_dir?;
        Some(Config {
            state_dir,
            server: server?,
            redis: redis?,
            store: store?,
            whatsapp: whatsapp?,
            senders,
            delivery: delivery?,
            retry: retry?,
            suspend: suspend?,
            queue: queue?,
            templates_dir: templates_dir.unwrap_or_else(|| found("templates", path)),
            jobs_dir: jobs_dir.unwrap_or_else(|| found("jobs", path)),
            contacts: contacts?,
            allowed_hosts: allowed_hosts?,
            brand: brand?,
            feedback: feedback?,
            pricing: pricing?,
            budget: budget?,
            log: log?,
            twilio: twilio?,
            email: email?,
            alerts: alerts?,
            answers: answers?,
            consent: consent?,
            hooks,
            nlp: nlp?,
            media: media?,
            retention: retention?,
            secrets,
            notes,
        })
    })
}

/// The addresses of Redis and the record may hold a password, and some have no other way; but a file is read by many.
fn password_in_file(node: &Node, section: &str, url: Option<&address::ServiceUrl>) -> Option<String> {
    let is_in_file = matches!(node.get(section)?.get("url")?.place, Place::File { .. });
    (is_in_file && url?.has_password()).then(|| {
        format!("`[{section}] url` holds a password in a file; set BARID__{}__URL in its place", section.to_uppercase())
    })
}

fn folder(table: &Table<'_>, key: &'static str) -> Option<PathBuf> {
    Some(layers::located(table.node(key)?, table.optional(key)?))
}

/// A folder that nobody named: beside the file, beside its folder where that is `config/`, else in the working directory.
fn found(name: &str, config: Option<&Path>) -> PathBuf {
    let beside = config.and_then(Path::parent).map(|folder| folder.join(name));
    let above = config
        .and_then(Path::parent)
        .filter(|folder| folder.file_name().is_some_and(|name| name == "config"))
        .and_then(Path::parent)
        .map(|folder| folder.join(name));
    let here = PathBuf::from(name);
    [beside, above].into_iter().flatten().find(|folder| folder.is_dir()).unwrap_or(here)
}

/// A problem of a whole file or folder.
fn problem_of(path: &Path, message: impl Into<String>) -> Problem {
    Place::file(path.display().to_string()).problem(message)
}

#[cfg(test)]
mod tests;
