//! Hands a template in for approval, in each language and account: creates what is not there, edits what differs and leaves the rest alone.
//! Doing it twice hands in once.

use crate::domain::language::Language;
use crate::domain::live_check::{Ours, TemplateFacts};
use crate::domain::template::MessageTemplate;
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
    let mut accounts: Vec<String> = ours.numbers.iter().filter_map(|(_, account, _)| account.clone()).collect();
    accounts.sort_unstable();
    accounts.dedup();
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
    for account in accounts(ours)? {
        let listed = meta.templates(&account).await;
        let listed = listed.map_err(|because| format!("Meta does not say which templates there are: {because}"))?;
        for language in Language::ALL {
            let submission = Submission::of(template, language).map_err(|error| error.to_string())?;
            pushed.push(one(meta, &account, &submission, &listed).await);
        }
    }
    Ok(pushed)
}

async fn one(meta: &dyn Management, account: &str, submission: &Submission, listed: &[TemplateFacts]) -> Pushed {
    let is_it = |one: &&TemplateFacts| one.name == submission.name && one.language == submission.language;
    let found = listed.iter().find(is_it);
    let step = push_step(submission, found);
    let became = match &step {
        PushStep::Create => meta.create_template(account, submission).await.map(|handed_in| {
            let category = handed_in.category.to_ascii_lowercase();
            if category.is_empty() || category == submission.category.name() {
                format!("handed in, and {} now", handed_in.status)
            } else {
                format!("handed in, and {} now; Meta takes it for {category}", handed_in.status)
            }
        }),
        PushStep::Edit { id, with_category } => {
            let edited = meta.edit_template(id, submission, *with_category).await;
            edited.map(|()| "edited; Meta looks at it again".to_owned())
        }
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
