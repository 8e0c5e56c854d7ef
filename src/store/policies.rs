//! The rules of runs, read once out of their frozen definitions, so that the writer can decide by them inside its transaction.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use sea_orm::DatabaseTransaction;

use super::outbox::Wanted;
use super::sql::{Db, Row, Sql, args};
use crate::domain::campaign::Campaign;
use crate::domain::double_opt_in::DoubleOptIn;
use crate::domain::erasure::PersonDigest;
use crate::domain::ids::CampaignName;
use crate::domain::pricing::Tariff;
use crate::domain::retry::Policy;
use crate::domain::suspension;
use crate::ports::SickChannels;

/// Runs remembered at once; more than anybody has active.
const RUNS_MAX: usize = 256;

/// What is known of a run.
#[derive(Debug)]
pub(super) struct RunRules {
    pub(super) campaign: Option<CampaignName>,
    pub(super) policy: Policy,
    /// How long its messages are of use; `None` where no campaign says so.
    pub(super) expires_after: Option<SignedDuration>,
}

/// The rules of all runs, shared by the writers.
#[derive(Debug)]
pub(super) struct Policies {
    waits: Vec<SignedDuration>,
    suspensions: suspension::Rules,
    singles: Arc<RunRules>,
    sick: Arc<SickChannels>,
    wanted: Arc<Wanted>,
    digest: PersonDigest,
    double_opt_in: DoubleOptIn,
    tariff: Arc<Tariff>,
    runs: Mutex<HashMap<i64, Arc<RunRules>>>,
}

impl Policies {
    pub(super) fn new(
        waits: Vec<SignedDuration>,
        sick: Arc<SickChannels>,
        suspensions: suspension::Rules,
        wanted: Arc<Wanted>,
        digest: PersonDigest,
        double_opt_in: DoubleOptIn,
        tariff: Arc<Tariff>,
    ) -> Self {
        let singles = Arc::new(RunRules { campaign: None, policy: Policy::of_singles(&waits), expires_after: None });
        Self { waits, suspensions, singles, sick, wanted, digest, double_opt_in, tariff, runs: Mutex::default() }
    }

    /// The channels that are left alone for a while.
    pub(super) fn sick(&self) -> Arc<SickChannels> {
        Arc::clone(&self.sick)
    }

    /// Who wants to hear of what.
    pub(super) const fn wanted(&self) -> &Arc<Wanted> {
        &self.wanted
    }

    /// What is kept of the numbers of people who were forgotten.
    pub(super) const fn digest(&self) -> &PersonDigest {
        &self.digest
    }

    /// By what messages are priced.
    pub(super) const fn tariff(&self) -> &Arc<Tariff> {
        &self.tariff
    }

    /// Which purposes people must confirm.
    pub(super) const fn double_opt_in(&self) -> DoubleOptIn {
        self.double_opt_in
    }

    /// How long suspensions wait for what.
    pub(super) const fn suspensions(&self) -> &suspension::Rules {
        &self.suspensions
    }

    /// The rules of messages without a run.
    pub(super) fn singles(&self) -> Arc<RunRules> {
        Arc::clone(&self.singles)
    }

    /// The rules of these runs. A definition is frozen, so what was read once holds.
    pub(super) async fn of(
        &self,
        db: &Db<'_, DatabaseTransaction>,
        runs: &BTreeSet<i64>,
    ) -> Sql<HashMap<i64, Arc<RunRules>>> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        {
            let known = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            for run in runs {
                match known.get(run) {
                    Some(rules) => drop(found.insert(*run, Arc::clone(rules))),
                    None => missing.push(*run),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        for row in db.all("SELECT id, campaign, definition FROM runs WHERE id {}", args![missing]).await? {
            let mut row = Row::of(&row, "runs");
            let id = row.int()?;
            let campaign = row.parsed(|text| text.parse::<CampaignName>().ok())?;
            // A definition that cannot be read sends nothing (its jobs say so); what callbacks still bring follows the plain rules.
            let defined = serde_json::from_str::<Campaign>(&row.text()?).ok();
            let policy = defined
                .as_ref()
                .map_or_else(|| Policy::of_singles(&self.waits), |defined| Policy::of(defined, &self.waits));
            let expires_after = defined.map(|defined| defined.expires_after);
            found.insert(id, Arc::new(RunRules { campaign: Some(campaign), policy, expires_after }));
        }
        let mut known = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + found.len() > RUNS_MAX {
            known.clear();
        }
        known.extend(found.iter().map(|(run, rules)| (*run, Arc::clone(rules))));
        Ok(found)
    }
}
