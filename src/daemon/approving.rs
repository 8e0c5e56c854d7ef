//! Templates and Meta's approval, as operators see and steer them; with a daemon or without.

use std::sync::Arc;

use crate::domain::language::Language;
use crate::domain::problem::did_you_mean;
use crate::domain::template::MessageTemplate;
use crate::domain::template_approval::{
    Agreement, CampaignTemplate, KeptTemplate, Reviewed, Submission, TemplateUse, diff,
};
use crate::http::{OperationError, PushedItem, ReviewedItem, SyncedItem, TemplateItem, TemplateStanding};
use crate::jobs::push_template::{self, Pushed};
use crate::jobs::{JobError, sync_templates};
use crate::ports::{StoreError, Upkeep};

/// All templates, by name, with what is known of them.
///
/// # Errors
/// When the store could not be asked.
pub async fn all(upkeep: &Upkeep) -> Result<Vec<TemplateItem>, OperationError> {
    let known = Known::read(upkeep).await?;
    upkeep.catalogue.templates().iter().map(|template| item(template, &known)).collect()
}

/// What is known of all templates.
struct Known {
    accounts: Vec<String>,
    kept: Vec<KeptTemplate>,
    agreements: Vec<Agreement>,
    uses: Vec<TemplateUse>,
}

impl Known {
    async fn read(upkeep: &Upkeep) -> Result<Self, OperationError> {
        Ok(Self {
            accounts: push_template::accounts(&upkeep.ours).unwrap_or_default(),
            kept: upkeep.store.kept_templates().await.map_err(unavailable)?,
            agreements: upkeep.store.category_agreements().await.map_err(unavailable)?,
            uses: upkeep.store.template_uses().await.map_err(unavailable)?,
        })
    }
}

fn item(template: &MessageTemplate, known: &Known) -> Result<TemplateItem, OperationError> {
    let accounts = &known.accounts;
    let of: Vec<Option<&str>> =
        if accounts.is_empty() { vec![None] } else { accounts.iter().map(|account| Some(account.as_str())).collect() };
    let mut languages = Vec::new();
    for account in of {
        for language in Language::ALL {
            let ours = Submission::of(template, language).map_err(|error| OperationError::Invalid {
                code: "bad-template",
                detail: format!("the template `{}` cannot be rendered: {error}", template.name()),
            })?;
            languages.push(standing(ours, account, known));
        }
    }
    Ok(TemplateItem {
        name: template.name().to_string(),
        approved_name: template.approved_name().to_owned(),
        category: template.category().name().to_owned(),
        languages,
    })
}

fn standing(ours: Submission, account: Option<&str>, known: &Known) -> TemplateStanding {
    let Known { kept, agreements, uses, .. } = known;
    let used = uses.iter().find(|used| used.name == ours.name && used.language == ours.language);
    let kept = kept.iter().find(|kept| {
        account == Some(kept.account.as_str()) && kept.facts.name == ours.name && kept.facts.language == ours.language
    });
    let pair = CampaignTemplate { ours, found: kept.map(|kept| kept.facts.clone()) };
    let (ours, found) = (&pair.ours, pair.found.as_ref());
    let agreed = found.and_then(|found| {
        let is_it =
            |one: &&Agreement| one.name == ours.name && one.language == ours.language && one.category == found.category;
        agreements.iter().find(is_it)
    });
    let lines = found.map(|found| diff(&found.wording, &ours.wording())).unwrap_or_default();
    TemplateStanding {
        account: account.map(str::to_owned),
        language: ours.language.clone(),
        status: found.map(|found| found.status.clone()),
        status_since: kept.map(|kept| kept.status_since),
        category: found.map(|found| found.category.clone()),
        quality: found.map(|found| found.quality.clone()).filter(|quality| !quality.is_empty()),
        rejected_reason: found.map(|found| found.rejected_reason.clone()).filter(|reason| !reason.is_empty()),
        agreed_by: agreed.map(|agreed| agreed.by.clone()),
        agreed_at: agreed.map(|agreed| agreed.at),
        needs_agreement: pair.disagreed(agreements).is_some(),
        diff: lines.iter().map(|line| format!("{} {}", line.sign(), line.text())).collect(),
        seen_at: kept.map(|kept| kept.seen_at),
        used_at: used.map(|used| used.at),
    }
}

/// Hands a template in and reads all of them again. `name`: of its folder, or Meta's.
///
/// # Errors
/// When there is no such template, or Meta could not be asked which there are.
pub async fn push(upkeep: &Upkeep, name: &str) -> Result<Vec<PushedItem>, OperationError> {
    let template = named(upkeep, name)?;
    let pushed = push_template::run(&*upkeep.management, &upkeep.ours, &template).await;
    let pushed = pushed.map_err(|detail| OperationError::Invalid { code: "meta-not-asked", detail })?;
    if let Err(error) = sync_templates::run(upkeep).await {
        // What was handed in is handed in; the next look sees it.
        tracing::warn!(error = %error, "a template was pushed, and where it stands could not be read");
    }
    Ok(pushed.into_iter().map(shown).collect())
}

fn shown(pushed: Pushed) -> PushedItem {
    let Pushed { account, language, step, became } = pushed;
    let ok = became.is_ok();
    let (Ok(detail) | Err(detail)) = became;
    PushedItem { account, language, step: step.name().to_owned(), ok, detail }
}

/// Reads where all of them stand, now.
///
/// # Errors
/// When Meta or the store could not be asked.
pub async fn sync(upkeep: &Upkeep) -> Result<SyncedItem, OperationError> {
    let outcome = sync_templates::run(upkeep).await.map_err(failed)?;
    Ok(SyncedItem { result: outcome.result.name().to_owned(), summary: outcome.summary })
}

/// Which templates somebody should look at, as they were last read.
///
/// # Errors
/// When the store could not be asked.
pub async fn review(upkeep: &Upkeep) -> Result<Vec<ReviewedItem>, OperationError> {
    let reviewed = sync_templates::reviewed(upkeep).await.map_err(failed)?;
    let item = |Reviewed { account, name, language, finding }: Reviewed| ReviewedItem {
        account,
        name,
        language,
        finding: finding.name().to_owned(),
        detail: finding.to_string(),
        remedy: finding.remedy().to_owned(),
    };
    Ok(reviewed.into_iter().map(item).collect())
}

/// Agrees to the price of the category that Meta takes a template for, and lets its campaigns go on.
///
/// # Errors
/// When there is no such template, nothing to agree to, or the store could not be asked.
pub async fn agree(upkeep: &Upkeep, name: &str, by: &str) -> Result<TemplateItem, OperationError> {
    let template = named(upkeep, name)?;
    let now = upkeep.clock.now();
    let mut n = 0;
    for standing in one(upkeep, &template).await?.languages {
        let Some(category) = standing.category.filter(|_| standing.needs_agreement) else { continue };
        let (name, language) = (template.approved_name().to_owned(), standing.language);
        tracing::info!(template = name, language, category, by, "the price of another category was agreed to");
        let agreement = Agreement { name, language, category, by: by.to_owned(), at: now };
        upkeep.store.agree_category(agreement).await.map_err(unavailable)?;
        n += 1;
    }
    if n == 0 {
        return Err(OperationError::Conflict(format!(
            "there is nothing to agree to: as far as is known, Meta takes `{}` for no dearer category than our file says; `barid template sync` \
             reads it again",
            template.name()
        )));
    }
    sync_templates::settle_by_record(upkeep).await.map_err(failed)?;
    one(upkeep, &template).await
}

async fn one(upkeep: &Upkeep, template: &MessageTemplate) -> Result<TemplateItem, OperationError> {
    item(template, &Known::read(upkeep).await?)
}

fn named(upkeep: &Upkeep, name: &str) -> Result<Arc<MessageTemplate>, OperationError> {
    let templates = upkeep.catalogue.templates();
    let found = templates.iter().find(|one| one.name().as_str() == name || one.approved_name() == name);
    found.cloned().ok_or_else(|| {
        let nearest = did_you_mean(name, templates.iter().map(|one| one.name().as_str()));
        OperationError::NotFound(format!("there is no template `{name}`, or its folder is wrong{nearest}"))
    })
}

fn unavailable(error: StoreError) -> OperationError {
    OperationError::Unavailable(Box::new(error))
}

fn failed(error: JobError) -> OperationError {
    let (JobError::Retry { doing, source } | JobError::Abort { doing, source }) = error;
    if source.is::<StoreError>() {
        return OperationError::Unavailable(source);
    }
    OperationError::Invalid { code: "meta-not-asked", detail: format!("{doing}: {source}") }
}
