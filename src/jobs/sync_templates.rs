//! Reads where each template stands at Meta, keeps it, raises and clears alerts, and holds and releases campaigns: for their templates' state, what
//! webhooks missed; for a category that costs more, until somebody agrees. Takes no input and is safe to run twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::alert::AlertKind;
use crate::domain::campaign::Campaign;
use crate::domain::failure::FailureClass;
use crate::domain::language::Language;
use crate::domain::live_check::{Ours, TemplateFacts};
use crate::domain::standing_job::{JobOutcome, JobResult};
use crate::domain::suspension::{Cause, NewSuspension, ReleasedBy, Scope, Suspension, automatic};
use crate::domain::template::MessageTemplate;
use crate::domain::template_approval::{
    Agreement, CampaignTemplate, Hold, Reviewed, Submission, alerts_of, archiving_alerts, hold_steps, is_approved,
    review,
};
use crate::jobs::{JobError, alerts, probe, push_template, react};
use crate::ports::Upkeep;

const DOING: &str = "reading where templates stand";
/// Templates that one transaction keeps.
const KEPT_AT_ONCE: usize = 100;
/// The kinds of alerts that are raised here.
const KINDS: [AlertKind; 5] = [
    AlertKind::TemplateState,
    AlertKind::TemplateQuality,
    AlertKind::TemplateCategory,
    AlertKind::TemplateText,
    AlertKind::TemplateUnused,
];

/// Does it.
///
/// # Errors
/// When Meta or the store could not be asked: what is known by then is kept, and nothing else changes.
pub async fn run(upkeep: &Upkeep) -> Result<JobOutcome, JobError> {
    let Upkeep { store, management, ours, clock, .. } = upkeep;
    let accounts = match push_template::accounts(ours) {
        Ok(accounts) => accounts,
        Err(because) => return Ok(JobOutcome::new(JobResult::Failed, because)),
    };
    let asked_at = clock.now();
    let mut listed = BTreeMap::new();
    for account in accounts {
        let found = management.templates(&account).await;
        let found = found.map_err(|because| JobError::Retry { doing: DOING, source: because.into() })?;
        for some in found.chunks(KEPT_AT_ONCE) {
            store.keep_templates(&account, some.to_vec(), asked_at).await.map_err(JobError::from_store(DOING))?;
        }
        store.forget_templates(&account, asked_at).await.map_err(JobError::from_store(DOING))?;
        listed.insert(account, found);
    }
    let agreements = store.category_agreements().await.map_err(JobError::from_store(DOING))?;
    let all = of_accounts(upkeep, &listed)?;
    let mut wanted = alerts_of(&all, &agreements);
    wanted.extend(archiving_alerts(&reviewed(upkeep).await?, clock.now()));
    alerts::settle(&**store, &KINDS, &wanted, clock.now()).await?;
    settle_campaigns(upkeep, &listed, &agreements, asked_at).await?;
    Ok(outcome(&all, wanted.len()))
}

/// Which templates of our accounts somebody should look at, by what is kept of them.
///
/// # Errors
/// When the store could not be asked.
pub async fn reviewed(upkeep: &Upkeep) -> Result<Vec<Reviewed>, JobError> {
    let doing = "reviewing templates";
    let kept = upkeep.store.kept_templates().await.map_err(JobError::from_store(doing))?;
    let uses = upkeep.store.template_uses().await.map_err(JobError::from_store(doing))?;
    let mut ours = Vec::new();
    for template in upkeep.catalogue.templates() {
        for language in Language::ALL {
            let one = Submission::of(&template, language);
            ours.push(one.map_err(|error| JobError::Abort { doing, source: error.into() })?);
        }
    }
    Ok(review(&kept, &ours, &uses, upkeep.clock.now()))
}

/// Holds and releases campaigns by what is kept of their templates: after somebody agreed to a category.
///
/// # Errors
/// When the store could not be asked; doing it again does the rest.
pub async fn settle_by_record(upkeep: &Upkeep) -> Result<(), JobError> {
    let kept = upkeep.store.kept_templates().await.map_err(JobError::from_store(DOING))?;
    let agreements = upkeep.store.category_agreements().await.map_err(JobError::from_store(DOING))?;
    let mut listed: BTreeMap<String, Vec<TemplateFacts>> = BTreeMap::new();
    // Of the state, callbacks may have told something newer since; of the category nothing else decides.
    for one in kept {
        listed.entry(one.account).or_default().push(one.facts);
    }
    for (campaign, languages) in campaigns(upkeep, &listed)? {
        let step = hold_steps(&languages, &agreements);
        settle(upkeep, &campaign, step.category, Held::ForCategory, upkeep.clock.now()).await?;
    }
    let all = of_accounts(upkeep, &listed)?;
    let wanted = alerts_of(&all, &agreements).into_iter().filter(|alert| alert.kind == AlertKind::TemplateCategory);
    let wanted: Vec<_> = wanted.collect();
    alerts::settle(&*upkeep.store, &[AlertKind::TemplateCategory], &wanted, upkeep.clock.now()).await
}

async fn settle_campaigns(
    upkeep: &Upkeep,
    listed: &BTreeMap<String, Vec<TemplateFacts>>,
    agreements: &[Agreement],
    asked_at: Timestamp,
) -> Result<(), JobError> {
    for (campaign, languages) in campaigns(upkeep, listed)? {
        let step = hold_steps(&languages, agreements);
        settle(upkeep, &campaign, step.state, Held::ForState, asked_at).await?;
        settle(upkeep, &campaign, step.category, Held::ForCategory, asked_at).await?;
    }
    Ok(())
}

/// Every template in every language, as it stands in each account.
fn of_accounts(
    upkeep: &Upkeep,
    listed: &BTreeMap<String, Vec<TemplateFacts>>,
) -> Result<Vec<CampaignTemplate>, JobError> {
    let templates = upkeep.catalogue.templates();
    let mut all = Vec::new();
    for found in listed.values() {
        for template in &templates {
            all.extend(in_languages(template, found)?);
        }
    }
    Ok(all)
}

/// A campaign with its template in each language.
type Using = (Arc<Campaign>, Vec<CampaignTemplate>);

/// Each campaign with its template as it stands in the account from which it is sent.
fn campaigns(upkeep: &Upkeep, listed: &BTreeMap<String, Vec<TemplateFacts>>) -> Result<Vec<Using>, JobError> {
    let mut all = Vec::new();
    for campaign in upkeep.catalogue.campaigns() {
        let Some(template) = upkeep.catalogue.template(&campaign.template) else { continue };
        let Some(found) = account_of(&upkeep.ours, &campaign).and_then(|account| listed.get(account)) else { continue };
        all.push((campaign, in_languages(&template, found)?));
    }
    Ok(all)
}

fn account_of<'a>(ours: &'a Ours, campaign: &Campaign) -> Option<&'a str> {
    ours.numbers.iter().find(|number| number.name == campaign.sender).and_then(|number| number.account.as_deref())
}

fn in_languages(template: &MessageTemplate, found: &[TemplateFacts]) -> Result<Vec<CampaignTemplate>, JobError> {
    let one = |language| {
        let ours = Submission::of(template, language)?;
        let found = found.iter().find(|found| found.name == ours.name && found.language == ours.language).cloned();
        Ok(CampaignTemplate { ours, found })
    };
    let both = Language::ALL.into_iter().map(one).collect::<Result<Vec<_>, crate::domain::template::RenderError>>();
    both.map_err(|error| JobError::Abort { doing: DOING, source: error.into() })
}

/// For what a campaign is held.
#[derive(Clone, Copy)]
enum Held {
    ForState,
    ForCategory,
}

impl Held {
    fn cause(self, words: String) -> Cause {
        match self {
            Self::ForState => Cause::Announced { class: FailureClass::TemplateUnavailable, event: words },
            Self::ForCategory => Cause::CategoryChanged(words),
        }
    }

    fn is(self, cause: &Cause) -> bool {
        match self {
            Self::ForState => cause.class() == Some(FailureClass::TemplateUnavailable),
            Self::ForCategory => matches!(cause, Cause::CategoryChanged(_)),
        }
    }

    const fn over(self) -> &'static str {
        match self {
            Self::ForState => "its template is approved at Meta",
            Self::ForCategory => {
                "the price of its template's category is agreed to, or is the one that our file counts on"
            }
        }
    }
}

async fn settle(
    upkeep: &Upkeep,
    campaign: &Campaign,
    hold: Hold,
    held: Held,
    asked_at: Timestamp,
) -> Result<(), JobError> {
    let (store, now) = (&upkeep.store, upkeep.clock.now());
    let scope = Scope::Campaign(campaign.name.clone());
    match hold {
        Hold::Held(words) => {
            let wanted = automatic(scope, held.cause(words), &upkeep.suspensions, now);
            react::suspend(&**store, NewSuspension { shown_at: Some(asked_at), ..wanted }, now).await;
        }
        Hold::Released => {
            // What began after the question was asked is newer than its answer.
            let is_over = |one: &Suspension| one.scope == scope && held.is(&one.cause) && one.since <= asked_at;
            for one in store.suspensions(now).await.map_err(JobError::from_store(DOING))?.into_iter().filter(is_over) {
                if store.release(one.id, ReleasedBy::Announced, now).await.map_err(JobError::from_store(DOING))? {
                    probe::tell_end(&one, held.over());
                }
            }
        }
        Hold::AsItIs => {}
    }
    Ok(())
}

fn outcome(all: &[CampaignTemplate], n_alerts: usize) -> JobOutcome {
    let found = all.iter().filter_map(|one| one.found.as_ref());
    let approved = found.clone().filter(|found| is_approved(&found.status)).count();
    let names: BTreeSet<&str> = all.iter().map(|one| one.ours.name.as_str()).collect();
    let missing = all.len() - found.count();
    let summary = format!(
        "of {} templates, {approved} of {} texts are approved, {missing} are not at Meta; {}",
        names.len(),
        all.len(),
        match n_alerts {
            0 => "nothing to look at".to_owned(),
            1 => "1 alert".to_owned(),
            n => format!("{n} alerts"),
        }
    );
    JobOutcome::new(if n_alerts == 0 { JobResult::Ok } else { JobResult::Warning }, summary)
}
