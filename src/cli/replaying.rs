//! Sending once more what failed: through the daemon while one runs; else in the store, where the next one finds it.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::screen;
use crate::domain::document::duration_from_text;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{CampaignName, MessageId};
use crate::domain::problem::did_you_mean;
use crate::ports::{DeadLetterFilter, DeadLetters as _, ReplayTerms};
use crate::store::SqlStore;

/// Which of the messages that failed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Which {
    /// Failed for this class of reason, such as `undeliverable`
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(super) class: Option<FailureClass>,
    /// Failed with this code of the provider, such as 131026
    #[arg(long, value_name = "CODE", allow_hyphen_values = true)]
    pub(super) code: Option<i64>,
    /// Failed at or after this moment, such as 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<Timestamp>,
}

impl Which {
    /// Whether it names some and not all.
    pub(super) fn names_some(&self) -> bool {
        self.class.is_some() || self.code.is_some() || self.since.is_some()
    }

    /// As the store is asked.
    pub(super) fn filter(&self, campaign: Option<&CampaignName>, messages: &[MessageId]) -> DeadLetterFilter {
        DeadLetterFilter {
            campaign: campaign.cloned(),
            run: None,
            class: self.class,
            code: self.code,
            since: self.since,
            messages: messages.to_vec(),
        }
    }
}

/// How they are sent.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct How {
    /// Too old after so long from now; without it, as long as the campaign says
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) expires_after: Option<SignedDuration>,
    /// Only say how many messages it would be
    #[arg(long)]
    pub(super) dry_run: bool,
}

fn class(name: &str) -> Result<FailureClass, String> {
    let known = FailureClass::ALL.map(FailureClass::name);
    FailureClass::named(name).ok_or_else(|| format!("there is no class `{name}`{}", did_you_mean(name, known)))
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    SignedDuration::try_from(duration_from_text(text)?).map_err(|_| "is too long".to_owned())
}

/// What the daemon answers.
#[derive(Deserialize)]
struct Answer {
    messages: u64,
}

/// What the API wants to know; `path` is where it is asked.
pub(super) struct Asked<'a> {
    pub(super) path: String,
    /// For the body, where the path does not name it.
    pub(super) campaign: Option<&'a CampaignName>,
    pub(super) which: &'a Which,
    pub(super) messages: &'a [MessageId],
    pub(super) how: &'a How,
}

/// Replays; `filter` says the same as `asked`, for the store.
pub(super) async fn replay(
    asked: &Asked<'_>,
    installation: &Installation,
    filter: impl AsyncFnOnce(&SqlStore) -> Ended<DeadLetterFilter>,
) -> Ended {
    let dry = asked.how.dry_run;
    if let Some(daemon) = installation.daemon().await? {
        let expires_after = asked.how.expires_after.map(|span| format!("{}ms", span.as_millis()));
        let mut body = json!({
            "class": asked.which.class.map(FailureClass::name),
            "code": asked.which.code,
            "since": asked.which.since,
            "messages": asked.messages,
            "all": true,
            "expires_after": expires_after,
            "dry_run": dry,
        });
        if let Some(campaign) = asked.campaign {
            body["campaign"] = json!(campaign);
        }
        let Answer { messages } = daemon.post(&asked.path, body.to_string()).await?;
        return tell(messages, dry, "");
    }
    let store = installation.store().await?;
    let done = in_store(&store, asked.how, installation, filter).await;
    store.close().await;
    tell(done?, dry, " (no daemon was asked: they are sent when `barid serve` runs)")
}

async fn in_store(
    store: &SqlStore,
    how: &How,
    installation: &Installation,
    filter: impl AsyncFnOnce(&SqlStore) -> Ended<DeadLetterFilter>,
) -> Ended<u64> {
    let filter = filter(store).await?;
    if how.dry_run {
        return store.replayable(&filter).await.or_exit(Exit::Unavailable);
    }
    let otherwise = installation.config.delivery.expires_after;
    let terms = ReplayTerms {
        expires_after: how.expires_after,
        expires_after_otherwise: SignedDuration::try_from(otherwise).unwrap_or(SignedDuration::MAX),
        by: "command",
    };
    let (mut after, mut replayed) = (None, 0);
    loop {
        let step = store.replay(&filter, &terms, after, installation.clock().now()).await.or_exit(Exit::Unavailable)?;
        replayed += step.messages.len() as u64;
        match step.next {
            Some(next) => after = Some(next),
            None => return Ok(replayed),
        }
    }
}

fn tell(messages: u64, dry: bool, remark: &str) -> Ended {
    if dry {
        screen::say(&format!("would be sent once more: {messages}"))
    } else {
        screen::say(&format!("sent once more: {messages}{remark}"))
    }
}
