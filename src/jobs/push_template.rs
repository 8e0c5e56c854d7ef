//! Hands a template in for approval, in each language and account: creates what is not there, edits what differs and leaves the rest alone.
//! Doing it twice hands in once.

use std::collections::BTreeMap;

use crate::domain::language::Language;
use crate::domain::live_check::{Ours, TemplateFacts};
use crate::domain::template::{ApprovalHeader, MessageTemplate};
use crate::domain::template_approval::{PushStep, Submission, push_step};
use crate::ports::Management;

/// What became of one language in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The account.
    pub account: String,
    /// Meta's code of the language.
    pub language: String,
    /// What was to be done.
    pub step: PushStep,
    /// Where it stands now, or why it does not; both in a sentence.
    pub became: Result<String, String>,
}

/// Our accounts, each once.
///
/// # Errors
/// When none is configured, with what to do about it.
pub fn accounts(ours: &Ours) -> Result<Vec<String>, String> {
    let accounts: Vec<String> = ours.accounts().into_iter().map(str::to_owned).collect();
    if accounts.is_empty() {
        return Err(
            "no account is known whose templates these would be; set `[whatsapp] business_account_id`".to_owned()
        );
    }
    Ok(accounts)
}

/// Does it.
///
/// # Errors
/// When the list of an account could not be read; nothing is handed in to that account then, nor to those after it.
pub async fn run(meta: &dyn Management, ours: &Ours, template: &MessageTemplate) -> Result<Vec<Pushed>, String> {
    let mut pushed = Vec::new();
    let mut samples = Samples { meta, app: ours.app_id.clone(), handles: BTreeMap::new() };
    for account in accounts(ours)? {
        let listed = meta.templates(&account).await;
        let listed = listed.map_err(|because| format!("Meta does not say which templates there are: {because}"))?;
        for language in Language::ALL {
            let submission = Submission::of(template, language).map_err(|error| error.to_string())?;
            pushed.push(one(&mut samples, &account, &submission, &listed).await);
        }
    }
    Ok(pushed)
}

/// Samples of headers that were uploaded: one file is uploaded once, however many languages and accounts have it.
struct Samples<'a> {
    meta: &'a dyn Management,
    /// The app for which they are; found out where the configuration does not say it.
    app: Option<String>,
    /// By the path of the file.
    handles: BTreeMap<String, String>,
}

impl Samples<'_> {
    /// The handle of the sample of this template, uploaded if need be; none if it needs none.
    async fn of(&mut self, submission: &Submission) -> Result<Option<String>, String> {
        let Some(sample) = submission.header.as_ref().and_then(ApprovalHeader::sample) else { return Ok(None) };
        if let Some(handle) = self.handles.get(&sample.path) {
            return Ok(Some(handle.clone()));
        }
        let app = match &self.app {
            Some(app) => app.clone(),
            None => {
                let unknown = "a sample is uploaded for an app, and which one is not known; set `[whatsapp] app_id`";
                let app = self.meta.token().await.ok().and_then(|token| token.app_id);
                self.app.insert(app.ok_or_else(|| unknown.to_owned())?).clone()
            }
        };
        let handle = self.meta.upload_sample(&app, sample).await?;
        self.handles.insert(sample.path.clone(), handle.clone());
        Ok(Some(handle))
    }
}

async fn create(samples: &mut Samples<'_>, account: &str, submission: &Submission) -> Result<String, String> {
    let sample = samples.of(submission).await?;
    let handed_in = samples.meta.create_template(account, submission, sample.as_deref()).await?;
    let category = handed_in.category.to_ascii_lowercase();
    let moved = if category.is_empty() || category == submission.category.name() {
        String::new()
    } else {
        format!("; Meta takes it for {category}")
    };
    Ok(format!("handed in, and {} now{moved}", handed_in.status))
}

async fn edit(
    samples: &mut Samples<'_>,
    id: &str,
    submission: &Submission,
    with_category: bool,
) -> Result<String, String> {
    let sample = samples.of(submission).await?;
    samples.meta.edit_template(id, submission, sample.as_deref(), with_category).await?;
    Ok("edited; Meta looks at it again".to_owned())
}

async fn one(samples: &mut Samples<'_>, account: &str, submission: &Submission, listed: &[TemplateFacts]) -> Pushed {
    let is_it = |one: &&TemplateFacts| one.name == submission.name && one.language == submission.language;
    let found = listed.iter().find(is_it);
    let step = push_step(submission, found);
    let became = match &step {
        PushStep::Create => create(samples, account, submission).await,
        PushStep::Edit { id, with_category } => edit(samples, id, submission, *with_category).await,
        PushStep::Unchanged => {
            let status = found.map_or("there", |found| found.status.as_str());
            Ok(format!("the same as ours, and {status}"))
        }
        PushStep::Impossible(because) => Err(because.clone()),
    };
    let name = &submission.name;
    let (language, step_name) = (&submission.language, step.name());
    match &became {
        Ok(became) => tracing::info!(template = name, language, step = step_name, "a template was pushed: {became}"),
        Err(because) => {
            tracing::warn!(template = name, language, step = step_name, "a template was not pushed: {because}")
        }
    }
    Pushed { account: account.to_owned(), language: language.clone(), step, became }
}
