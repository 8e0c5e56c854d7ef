//! How a campaign's newest run stands, in the shape of the API.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::domain::ids::CampaignName;
use crate::domain::money::Money;
use crate::domain::run::Run;
use crate::http::StateCounts;
use crate::ports::{RunCount, Runs as _};
use crate::store::SqlStore;

/// The same as `GET /api/v1/campaigns/{name}`.
#[derive(Serialize)]
pub(super) struct Standing {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) run: StateCounts,
    /// By channel; there is one so far.
    fallback: BTreeMap<&'static str, StateCounts>,
    pub(super) cost: Cost,
}

#[derive(Serialize)]
pub(super) struct Cost {
    pub(super) amount: String,
    pub(super) currency: String,
}

impl From<Money> for Cost {
    fn from(money: Money) -> Self {
        Self { amount: money.to_decimal(), currency: money.currency.code().to_owned() }
    }
}

/// What the store knows of the newest run.
pub(super) struct Newest {
    pub(super) run: Option<Run>,
    pub(super) counts: Vec<RunCount>,
    pub(super) standing: Standing,
}

pub(super) async fn newest(store: &SqlStore, name: &CampaignName, installation: &Installation) -> Ended<Newest> {
    let currency = installation.config.pricing.template.currency;
    let run = store.newest(name).await.or_exit(Exit::Unavailable)?;
    let (mut counts, mut sums, mut micros) = (Vec::new(), StateCounts::default(), 0);
    if let Some(run) = &run {
        counts = store.counts(run.id).await.or_exit(Exit::Unavailable)?;
        sums = StateCounts::of(&counts).with_queued(store.queued(run.id).await.or_exit(Exit::Unavailable)?);
        micros = store.cost_micros(run.id).await.or_exit(Exit::Unavailable)?;
    }
    let standing = Standing {
        name: name.to_string(),
        state: run.as_ref().map_or("waiting", |run| run.state.name()),
        run: sums,
        fallback: BTreeMap::new(),
        cost: Money { micros, currency }.into(),
    };
    Ok(Newest { run, counts, standing })
}
