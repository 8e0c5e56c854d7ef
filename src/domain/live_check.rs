//! Whether what stands at Meta is as we need it: what Meta says of token, numbers, templates and webhook, judged step by step.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::ids::SenderName;
use crate::domain::limit::Tier;
use crate::domain::template_approval::Wording;

/// What is ours at Meta, as configured.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    /// The app.
    pub app_id: Option<String>,
    /// Where we listen for callbacks, as the world sees it.
    pub callback_url: Option<String>,
    /// Our numbers.
    pub numbers: Vec<OurNumber>,
}

/// One of our numbers, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurNumber {
    /// What we call it.
    pub name: SenderName,
    /// Its account, by Meta's id.
    pub account: Option<String>,
    /// Messages each second at most.
    pub mps: u32,
    /// Whose tier it shares.
    pub portfolio: String,
    /// That tier, where the configuration says one.
    pub tier: Option<Tier>,
}

impl Ours {
    /// The accounts of the numbers, each once.
    pub fn accounts(&self) -> BTreeSet<&str> {
        self.numbers.iter().filter_map(|number| number.account.as_deref()).collect()
    }
}

/// What Meta says of an access token (`/debug_token`; developers.facebook.com/docs/graph-api/reference/debug_token, checked 2026-11-22).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// Whether it may be used.
    pub is_valid: bool,
    /// Why not, in Meta's words.
    pub because: Option<String>,
    /// The app that it was made for.
    pub app_id: Option<String>,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was made, where Meta says it.
    pub issued_at: Option<Timestamp>,
    /// What it may be used for.
    pub scopes: Vec<String>,
}

/// What Meta says of one of our numbers (`/{phone-number-id}`; …/business-phone-numbers/phone-numbers, checked 2026-11-22).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberFacts {
    /// As people see it.
    pub display_number: String,
    /// As people see it, too.
    pub verified_name: String,
    /// `CONNECTED`, or why it cannot send.
    pub status: String,
    /// `GREEN`, `YELLOW`, `RED`, `NA`, `UNKNOWN`.
    pub quality: String,
    /// `STANDARD` (80 messages/s) or `HIGH`.
    pub throughput: String,
    /// Where its callbacks go: the number's own address, else its account's, else the app's.
    pub callback_url: Option<String>,
    /// `APPROVED`, or how far the name that people see is from it.
    pub name_status: String,
    /// The tier of its portfolio in Meta's word, such as `TIER_2K`.
    pub messaging_limit: String,
}

/// What Meta says of one of our accounts (`/{waba-id}`; …/support/health-status, checked 2026-11-22).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// `APPROVED`, `PENDING`, `REJECTED`.
    pub review: String,
    /// `verified`, or how far the business is from it.
    pub business_verification: String,
    /// Whether it may send: `AVAILABLE`, `LIMITED`, `BLOCKED`.
    pub can_send: String,
    /// Why not, in Meta's words.
    pub because: Vec<String>,
}

/// A template as Meta holds it, in one language (`/{account}/message_templates`; …/templates/template-management, checked 2026-11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFacts {
    /// Meta's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Such as `ar` or `en_US`.
    pub language: String,
    /// `APPROVED`, or where it stands.
    pub status: String,
    /// `MARKETING`, `UTILITY`, `AUTHENTICATION`.
    pub category: String,
    /// `GREEN`, `YELLOW`, `RED`, or `UNKNOWN` until enough people got it.
    pub quality: String,
    /// Why it was rejected, in Meta's word; empty where it was not.
    pub rejected_reason: String,
    /// `NAMED` or `POSITIONAL`; empty where Meta does not say it.
    pub format: String,
    /// What people read of it.
    pub wording: Wording,
}

/// A template that we have, in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTemplate {
    /// Its name at Meta.
    pub name: String,
    /// Meta's code of the language.
    pub language: String,
    /// As our file says, in Meta's words.
    pub category: &'static str,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something should be looked at.
    Warning,
    /// It does not work.
    Failed,
}

impl Verdict {
    /// The word in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What: `token`, `number default`, `templates of 800…`, `webhook of 800…`.
    pub what: String,
    /// How it went.
    pub verdict: Verdict,
    /// In a sentence.
    pub detail: String,
    /// What to do, where something is to be done.
    pub remedy: Option<&'static str>,
}

impl Step {
    fn new(what: &str, verdict: Verdict, detail: String, remedy: Option<&'static str>) -> Self {
        Self { what: what.to_owned(), verdict, detail, remedy }
    }

    fn ok(what: &str, detail: String) -> Self {
        Self::new(what, Verdict::Ok, detail, None)
    }

    /// Meta could not be asked, or refused to say.
    pub fn unanswered(what: &str, because: &str) -> Self {
        let detail = format!("Meta does not say: {because}");
        Self::new(
            what,
            Verdict::Failed,
            detail,
            Some("look whether `[whatsapp]` and `WHATSAPP_API_TOKEN` are right, and whether this machine reaches Meta"),
        )
    }
}

/// From when on the end of a token is near.
pub const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Without it nothing is sent.
pub const MESSAGING: &str = "whatsapp_business_messaging";
/// Without it templates and subscriptions cannot be read.
pub const MANAGEMENT: &str = "whatsapp_business_management";
/// What a number of level `STANDARD` may send in a second.
const STANDARD_MPS: u32 = 80;
/// Templates that a sentence names.
const NAMED_MAX: usize = 5;

/// What to do about a token that is no good.
pub const NEW_TOKEN: &str = "make a token of a system user with both `whatsapp_business_…` permissions, and put it into the file of `WHATSAPP_API_TOKEN_NEXT_FILE` (no restart), or set it as `WHATSAPP_API_TOKEN` and restart";

/// Judges the token. `app_id`: as configured.
pub fn judge_token(facts: &TokenFacts, app_id: Option<&str>, now: Timestamp) -> Step {
    let what = "token";
    if !facts.is_valid {
        let because = facts.because.as_deref().unwrap_or("no reason is given");
        return Step::new(what, Verdict::Failed, format!("Meta refuses it: {because}"), Some(NEW_TOKEN));
    }
    for scope in [MESSAGING, MANAGEMENT] {
        if !facts.scopes.iter().any(|held| held == scope) {
            let verdict = if scope == MESSAGING { Verdict::Failed } else { Verdict::Warning };
            return Step::new(what, verdict, format!("it lacks the permission `{scope}`"), Some(NEW_TOKEN));
        }
    }
    if let Some(expires_at) = facts.expires_at
        && expires_at < now.saturating_add(EXPIRES_SOON).unwrap_or(Timestamp::MAX)
    {
        return Step::new(what, Verdict::Warning, format!("it ends at {expires_at}"), Some(NEW_TOKEN));
    }
    if let (Some(wanted), Some(found)) = (app_id, &facts.app_id)
        && wanted != found
    {
        let detail = format!("it is of the app {found}, and `[whatsapp] app_id` is {wanted}");
        return Step::new(
            what,
            Verdict::Warning,
            detail,
            Some("set the `app_id` and the app secret of the app that the token is of"),
        );
    }
    Step::ok(
        what,
        facts.expires_at.map_or_else(|| "valid, without an end".to_owned(), |at| format!("valid until {at}")),
    )
}

/// Judges one of our numbers. `mps`: how fast it is configured; `callback_url`: where we listen, as configured.
pub fn judge_number(sender: &str, facts: &NumberFacts, mps: u32, callback_url: Option<&str>) -> Step {
    let what = format!("number {sender}");
    let shown = format!("{} ({})", facts.display_number, facts.verified_name);
    let step = |verdict, detail: String, remedy| Step::new(&what, verdict, format!("{shown}: {detail}"), Some(remedy));
    if facts.status != "CONNECTED" {
        return step(
            Verdict::Failed,
            format!("its status is {}", facts.status),
            "see the number in the WhatsApp Manager: only `CONNECTED` numbers send",
        );
    }
    if matches!(facts.quality.as_str(), "RED" | "YELLOW") {
        return step(
            Verdict::Warning,
            format!("its quality is {}", facts.quality),
            "people block or report what it sends: send less, and to those who expect it",
        );
    }
    if facts.throughput == "STANDARD" && mps > STANDARD_MPS {
        return step(
            Verdict::Warning,
            format!("Meta lets it send {STANDARD_MPS} messages/s, and it is configured for {mps}"),
            "set `mps = 80`, or ask Meta for the higher throughput",
        );
    }
    if let (Some(wanted), Some(found)) = (callback_url, &facts.callback_url)
        && wanted != found
    {
        return step(
            Verdict::Warning,
            format!("its callbacks go to {found}, and we listen at {wanted}"),
            "set the callback URL at Meta, or `[server] public_url`",
        );
    }
    Step::ok(&what, format!("{shown}: connected, quality {}", facts.quality))
}

/// Judges how an account stands.
pub fn judge_account(account: &str, facts: &AccountFacts) -> Step {
    let what = format!("account {account}");
    let because = if facts.because.is_empty() { String::new() } else { format!(": {}", facts.because.join("; ")) };
    let step = |verdict, detail, remedy| Step::new(&what, verdict, detail, Some(remedy));
    if facts.review == "REJECTED" {
        let remedy = "see Account Quality in Meta's Business Suite, and ask for a review there";
        return step(Verdict::Failed, format!("Meta rejected it{because}"), remedy);
    }
    match facts.can_send.as_str() {
        "BLOCKED" => step(
            Verdict::Failed,
            format!("it may not send{because}"),
            "do what Meta says; payment and restrictions are in Meta's Business Suite",
        ),
        "LIMITED" => step(
            Verdict::Warning,
            format!("it may send within limits only{because}"),
            "do what Meta says; the verification of the business is in Meta's Business Suite",
        ),
        _ => Step::ok(&what, format!("it may send; verification of the business: {}", facts.business_verification)),
    }
}

/// Judges the templates of an account.
pub fn judge_templates(account: &str, wanted: &[WantedTemplate], found: &[TemplateFacts]) -> Step {
    let what = format!("templates of {account}");
    let named = |troubles: Vec<String>| {
        let more = troubles.len().saturating_sub(NAMED_MAX);
        let shown = troubles.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
        if more == 0 { shown } else { format!("{shown} and {more} more") }
    };
    let of =
        |wanted: &WantedTemplate| found.iter().find(|one| one.name == wanted.name && one.language == wanted.language);
    let label = |wanted: &WantedTemplate| format!("`{}` ({})", wanted.name, wanted.language);
    let unready: Vec<String> = wanted
        .iter()
        .filter_map(|wanted| match of(wanted) {
            None => Some(format!("{} is not there", label(wanted))),
            Some(one) if one.status != "APPROVED" => Some(format!("{} is {}", label(wanted), one.status)),
            Some(_) => None,
        })
        .collect();
    if !unready.is_empty() {
        let remedy = "hand them in with `barid template push NAME` and wait for the approval: Meta refuses what is sent with them until then";
        return Step::new(&what, Verdict::Failed, named(unready), Some(remedy));
    }
    let moved: Vec<String> = wanted
        .iter()
        .filter_map(|wanted| {
            let one = of(wanted).filter(|one| one.category != wanted.category)?;
            Some(format!("{} is {} at Meta and {} here", label(wanted), one.category, wanted.category))
        })
        .collect();
    if !moved.is_empty() {
        let remedy = "the category decides prices, and who may be written to: set `category` in the template's file as it is at Meta";
        return Step::new(&what, Verdict::Warning, named(moved), Some(remedy));
    }
    Step::ok(&what, format!("all {} are approved", wanted.len()))
}

/// Judges which apps hear of an account. `app_id`: as configured.
pub fn judge_subscription(account: &str, apps: &[String], app_id: Option<&str>) -> Step {
    let what = format!("webhook of {account}");
    let remedy =
        "subscribe the app: `POST /{account}/subscribed_apps` with its token, or in the app's webhook settings";
    if apps.is_empty() {
        return Step::new(
            &what,
            Verdict::Failed,
            "no app is subscribed, so Meta sends no callbacks".to_owned(),
            Some(remedy),
        );
    }
    match app_id {
        Some(app_id) if !apps.iter().any(|app| app == app_id) => {
            let detail = format!("the app {app_id} is not subscribed; {} is", apps.join(", "));
            Step::new(&what, Verdict::Failed, detail, Some(remedy))
        }
        Some(app_id) => Step::ok(&what, format!("the app {app_id} is subscribed")),
        None => Step::ok(&what, format!("subscribed: {}", apps.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_token_that_cannot_send_fails_and_one_that_ends_soon_warns() {
        let good = TokenFacts {
            is_valid: true,
            app_id: Some("7".to_owned()),
            scopes: vec![MESSAGING.to_owned(), MANAGEMENT.to_owned()],
            ..TokenFacts::default()
        };
        let ends = |text: &str| TokenFacts { expires_at: Some(text.parse().unwrap()), ..good.clone() };
        let without = |n: usize| {
            let mut scopes = good.scopes.clone();
            scopes.remove(n);
            TokenFacts { scopes, ..good.clone() }
        };
        for (facts, app_id, verdict) in [
            (good.clone(), Some("7"), Verdict::Ok),
            (good.clone(), None, Verdict::Ok),
            (good.clone(), Some("8"), Verdict::Warning),
            (TokenFacts { is_valid: false, ..good.clone() }, Some("7"), Verdict::Failed),
            (without(0), Some("7"), Verdict::Failed),
            (without(1), Some("7"), Verdict::Warning),
            (ends("2026-12-11T11:59:59Z"), Some("7"), Verdict::Warning),
            (ends("2026-12-11T12:00:00Z"), Some("7"), Verdict::Ok),
        ] {
            let step = judge_token(&facts, app_id, now());
            assert_eq!(step.verdict, verdict, "{step:?}");
            assert_eq!(step.remedy.is_some(), verdict != Verdict::Ok, "{step:?}");
        }
    }

    #[test]
    fn a_number_must_be_connected_and_the_rest_is_worth_a_look() {
        let good = NumberFacts {
            status: "CONNECTED".to_owned(),
            quality: "GREEN".to_owned(),
            throughput: "STANDARD".to_owned(),
            callback_url: Some("https://a.example/hook".to_owned()),
            ..NumberFacts::default()
        };
        let with = |change: fn(&mut NumberFacts)| {
            let mut facts = good.clone();
            change(&mut facts);
            facts
        };
        for (facts, mps, url, verdict) in [
            (good.clone(), 80, Some("https://a.example/hook"), Verdict::Ok),
            (good.clone(), 80, None, Verdict::Ok),
            (good.clone(), 81, None, Verdict::Warning),
            (with(|facts| facts.throughput = "HIGH".to_owned()), 1_000, None, Verdict::Ok),
            (good.clone(), 80, Some("https://b.example/hook"), Verdict::Warning),
            (with(|facts| facts.status = "FLAGGED".to_owned()), 80, None, Verdict::Failed),
            (with(|facts| facts.quality = "RED".to_owned()), 80, None, Verdict::Warning),
            (with(|facts| facts.quality = "UNKNOWN".to_owned()), 80, None, Verdict::Ok),
        ] {
            let step = judge_number("default", &facts, mps, url);
            assert_eq!(step.verdict, verdict, "{step:?}");
        }
    }

    #[test]
    fn templates_must_be_approved_in_each_language() {
        let wanted = |name: &str, language: &str| WantedTemplate {
            name: name.to_owned(),
            language: language.to_owned(),
            category: "UTILITY",
        };
        let at_meta = |name: &str, language: &str, status: &str, category: &str| TemplateFacts {
            name: name.to_owned(),
            language: language.to_owned(),
            status: status.to_owned(),
            category: category.to_owned(),
            ..TemplateFacts::default()
        };
        let both = [wanted("a", "ar"), wanted("a", "en")];
        let arabic = at_meta("a", "ar", "APPROVED", "UTILITY");
        for (english, verdict, says) in [
            (vec![at_meta("a", "en", "APPROVED", "UTILITY")], Verdict::Ok, "all 2"),
            (vec![at_meta("a", "en", "PAUSED", "UTILITY")], Verdict::Failed, "`a` (en) is PAUSED"),
            (vec![at_meta("a", "en", "APPROVED", "MARKETING")], Verdict::Warning, "MARKETING at Meta"),
            (vec![], Verdict::Failed, "`a` (en) is not there"),
        ] {
            let found = [vec![arabic.clone()], english].concat();
            let step = judge_templates("8", &both, &found);
            assert!(step.verdict == verdict && step.detail.contains(says), "{step:?}");
        }
        let many: Vec<_> = (0..8).map(|n| wanted(&format!("t{n}"), "ar")).collect();
        assert!(judge_templates("8", &many, &[]).detail.ends_with("and 3 more"));
    }

    #[test]
    fn an_account_that_no_app_hears_of_fails() {
        let apps = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        for (subscribed, app_id, verdict) in [
            (apps(&[]), None, Verdict::Failed),
            (apps(&["7"]), Some("7"), Verdict::Ok),
            (apps(&["7"]), None, Verdict::Ok),
            (apps(&["7"]), Some("8"), Verdict::Failed),
        ] {
            assert_eq!(judge_subscription("8", &subscribed, app_id).verdict, verdict);
        }
    }
}
