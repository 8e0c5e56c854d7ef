//! What jobs need from the world: small traits, one file for each, and [`Services`], the one value that holds them.

mod access_token;
mod alerts;
mod analyzer;
mod audience_files;
mod callback_watch;
mod catalogue;
mod channels;
mod consent_requests;
mod contacts;
mod conversations;
mod costs;
mod dead_letters;
mod erasures;
mod flow_results;
mod hooks;
mod job_runs;
mod journal;
mod kept_news;
mod limits;
mod mail;
mod management;
mod media;
mod message_times;
mod messages;
mod queue;
mod readings;
mod reminders;
mod reports;
mod retention;
mod runs;
mod stages;
mod store;
mod suspensions;
mod tally;
mod templates;
mod tokens;
mod upkeep;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use self::access_token::*;
pub use self::alerts::*;
pub use self::analyzer::*;
pub use self::audience_files::*;
pub use self::callback_watch::*;
pub use self::catalogue::*;
pub use self::channels::*;
pub use self::consent_requests::*;
pub use self::contacts::*;
pub use self::conversations::*;
pub use self::costs::*;
pub use self::dead_letters::*;
pub use self::erasures::*;
pub use self::flow_results::*;
pub use self::hooks::*;
pub use self::job_runs::*;
pub use self::journal::*;
pub use self::kept_news::*;
pub use self::limits::*;
pub use self::mail::*;
pub use self::management::*;
pub use self::media::*;
pub use self::message_times::*;
pub use self::messages::*;
pub use self::queue::*;
pub use self::readings::*;
pub use self::reminders::*;
pub use self::reports::*;
pub use self::retention::*;
pub use self::runs::*;
pub use self::stages::*;
pub use self::store::*;
pub use self::suspensions::*;
pub use self::tally::*;
pub use self::templates::*;
pub use self::tokens::*;
pub use self::upkeep::*;
pub use self::webhook::*;
use crate::domain::campaign::OnUnknown;
use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, SenderName};
use crate::domain::language::Language;
use crate::domain::link::AllowedHosts;
use crate::domain::news::Source;
use crate::domain::opt_in_words::OptInWords;
use crate::domain::suspension;

/// The time. The only way to learn it.
pub trait Clock: Send + Sync {
    /// Now, in whole milliseconds: what the store can keep.
    fn now(&self) -> Timestamp;
}

/// The one value that holds what jobs may touch.
#[derive(Clone)]
pub struct Services {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The record.
    pub store: Arc<dyn Store>,
    /// Meta.
    pub whatsapp: Arc<dyn WhatsApp>,
    /// Meta, asked about what is ours there.
    pub management: Arc<dyn Management>,
    /// The channels that take over, those that are configured.
    pub fallbacks: BTreeMap<Channel, Arc<dyn Fallback>>,
    /// Callbacks of Meta.
    pub webhook: Arc<dyn WebhookReader>,
    /// Callbacks of other providers.
    pub readers: BTreeMap<Source, Arc<dyn NewsReader>>,
    /// What is counted.
    pub tally: Arc<dyn Tally>,
    /// Endpoints of our webhooks.
    pub hooks: Arc<dyn Hooks>,
    /// Wake-ups.
    pub queue: Arc<dyn Queue>,
    /// What may not be exceeded.
    pub limits: Arc<dyn Limits>,
    /// Campaigns and templates.
    pub catalogue: Arc<dyn Catalogue>,
    /// Audience files.
    pub audiences: Arc<dyn AudienceFiles>,
    /// Who reads feedback.
    pub analyzer: Arc<dyn Analyzer>,
    /// Files that people send.
    pub media: MediaPorts,
    /// Words that nobody guesses.
    pub tokens: Arc<dyn Tokens>,
    /// The rules of sending.
    pub rules: SendingRules,
}

/// The rules of sending that hold for all campaigns.
#[derive(Debug, Clone)]
pub struct SendingRules {
    /// How long a mark *started* is believed before its owner counts as dead. Longer than any call takes.
    pub lease: SignedDuration,
    /// How long one call may take from the mark to the answer, time-outs included.
    pub call: SignedDuration,
    /// Waits before each further try when the provider could not be reached; the last one repeats.
    pub waits: Vec<SignedDuration>,
    /// What decides over calls whose answer never came, for messages without a campaign.
    pub on_unknown: OnUnknown,
    /// When it decides, for messages without a campaign.
    pub unknown_after: SignedDuration,
    /// Our own numbers by Meta's id: what a callback says about others is kept and counted, and nothing else.
    pub senders: BTreeMap<SenderId, SenderName>,
    /// How many messages of all runs are fed ahead of the calls at most.
    pub feed_ahead: u64,
    /// Messages each second of each of our numbers, as configured.
    pub pace: BTreeMap<SenderName, u32>,
    /// The language of people of whom none is known.
    pub default_language: Language,
    /// How long suspensions wait for what.
    pub suspensions: suspension::Rules,
    /// The number that sends where none is named.
    pub default_sender: SenderName,
    /// What a person sends answers the newest message of a campaign that is not older than this, where they quote none.
    pub attribute_within: SignedDuration,
    /// Where links in messages may lead.
    pub allowed_hosts: AllowedHosts,
    /// Words by which people agree to something.
    pub opt_in_words: OptInWords,
    /// How the world reaches us, without a slash at its end; `None` where the configuration does not say it.
    pub public_url: Option<String>,
    /// The WhatsApp Business account of each of our numbers, where the configuration says it.
    pub accounts: BTreeMap<SenderName, Option<String>>,
}
