//! Alerts: what somebody should look at, from when on until it is over. A job raises and clears them; what is raised already is not told again.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::ids::{AlertId, CampaignName, JobName, SenderName};
use crate::domain::live_check::{Step, Verdict};
use crate::domain::suspension::{self, Cause, Suspension};

macro_rules! alert_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)*) => {
        /// What an alert is about. A closed set: what is in no line here is no alert.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum AlertKind {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl AlertKind {
            /// Every kind.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The word in the store, the API, metrics and mails.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

alert_kinds! {
    /// A part of the sending was stopped by itself.
    SendingSuspended = "sending-suspended";
    /// Meta refuses the access token.
    TokenRefused = "token-refused";
    /// The access token ends soon.
    TokenExpires = "token-expires";
    /// Another access token was given that cannot be used.
    TokenRotation = "token-rotation";
    /// The access token is older than tokens should get.
    TokenAge = "token-age";
    /// The access token lacks a permission.
    TokenPermission = "token-permission";
    /// The access token is of another app than the configured one.
    TokenApp = "token-app";
    /// One of our numbers is not as it should be at Meta.
    NumberState = "number-state";
    /// Meta lets a portfolio write to fewer people than the configuration says, or the configuration puts numbers together that are not.
    MessagingLimit = "messaging-limit";
    /// An account may not send, or not as it should.
    AccountStanding = "account-standing";
    /// Our app does not hear of an account.
    WebhookSubscription = "webhook-subscription";
    /// Nothing is told of what we send.
    CallbacksSilent = "callbacks-silent";
    /// Callbacks wait for too long to be applied.
    CallbacksLag = "callbacks-lag";
    /// A template is not approved.
    TemplateState = "template-state";
    /// People do not like what a template sends.
    TemplateQuality = "template-quality";
    /// A template costs as another category than our file says.
    TemplateCategory = "template-category";
    /// The approved text of a template is not that of our file.
    TemplateText = "template-text";
    /// A template was not sent for so long that the provider is about to archive it.
    TemplateUnused = "template-unused";
    /// A standing job could not do its work.
    JobFailed = "job-failed";
}

impl AlertKind {
    /// The kind of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, and should be looked at.
    Warning,
    /// Something does not work.
    Critical,
}

impl Severity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warning, Self::Critical];

    /// The word in the store, the API, metrics and mails.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// What of ours an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertScope {
    /// All of it.
    Installation,
    /// A WhatsApp Business account, by Meta's id.
    Account(String),
    /// One of our numbers.
    Sender(SenderName),
    /// One campaign.
    Campaign(CampaignName),
    /// An approved template, by Meta's name.
    Template(String),
    /// One channel.
    Channel(Channel),
    /// People whose numbers are of one country.
    Country(CountryCode),
    /// A standing job, by its entry of the schedule.
    Job(JobName),
}

impl AlertScope {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Account(_) => "account",
            Self::Sender(_) => "sender",
            Self::Campaign(_) => "campaign",
            Self::Template(_) => "template",
            Self::Channel(_) => "channel",
            Self::Country(_) => "country",
            Self::Job(_) => "job",
        }
    }

    /// Which one of its kind; empty for the installation.
    pub fn value(&self) -> String {
        match self {
            Self::Installation => String::new(),
            Self::Account(text) | Self::Template(text) => text.clone(),
            Self::Sender(name) => name.to_string(),
            Self::Campaign(name) => name.to_string(),
            Self::Channel(channel) => channel.name().to_owned(),
            Self::Country(country) => country.to_string(),
            Self::Job(name) => name.to_string(),
        }
    }

    /// From kind and value; `None` when there is no such kind or the value cannot be one.
    pub fn of(kind: &str, value: &str) -> Option<Self> {
        match kind {
            "installation" => value.is_empty().then_some(Self::Installation),
            "account" => Some(Self::Account(value.to_owned())),
            "template" => Some(Self::Template(value.to_owned())),
            "job" => value.parse().ok().map(Self::Job),
            _ => suspension::Scope::of(kind, value).map(Self::from),
        }
    }
}

impl From<suspension::Scope> for AlertScope {
    fn from(scope: suspension::Scope) -> Self {
        match scope {
            suspension::Scope::Sender(name) => Self::Sender(name),
            suspension::Scope::Campaign(name) => Self::Campaign(name),
            suspension::Scope::Channel(channel) => Self::Channel(channel),
            suspension::Scope::Country(country) => Self::Country(country),
        }
    }
}

/// As an operator writes it: `sender default`, `installation`.
impl fmt::Display for AlertScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(format!("{} {}", self.kind(), self.value()).trim_end())
    }
}

/// An alert to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// What it is about.
    pub kind: AlertKind,
    /// Of what.
    pub scope: AlertScope,
    /// How urgent it is.
    pub severity: Severity,
    /// In a sentence, with what to do about it; names nobody.
    pub text: String,
}

impl NewAlert {
    /// The alert that a look at Meta is, if it is one.
    pub fn of_step(kind: AlertKind, scope: AlertScope, step: &Step) -> Option<Self> {
        let severity = match step.verdict {
            Verdict::Ok => return None,
            Verdict::Warning => Severity::Warning,
            Verdict::Failed => Severity::Critical,
        };
        let remedy = step.remedy.map_or(String::new(), |remedy| format!("; {remedy}"));
        Some(Self { kind, scope, severity, text: format!("{}: {}{remedy}", step.what, step.detail) })
    }
}

/// An alert as the record has it. Of one kind and scope one is open at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// Of what.
    pub scope: AlertScope,
    /// How urgent it is.
    pub severity: Severity,
    /// The newest sentence about it.
    pub text: String,
    /// When it was raised.
    pub since: Timestamp,
    /// When its sentence last changed.
    pub changed_at: Timestamp,
    /// When it was over; `None` while it is open.
    pub cleared_at: Option<Timestamp>,
}

impl Alert {
    /// Whether raising this would change nothing in it.
    pub fn says(&self, new: &NewAlert) -> bool {
        self.kind == new.kind && self.scope == new.scope && self.severity == new.severity && self.text == new.text
    }
}

/// What is to be done so that exactly these alerts of a kind are open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToSettle {
    /// To be raised, or to be told anew.
    pub raise: Vec<NewAlert>,
    /// Over.
    pub clear: Vec<AlertScope>,
}

/// Compares the alerts of a kind that there should be with those that are open.
pub fn to_settle(kind: AlertKind, wanted: Vec<NewAlert>, open: &[Alert]) -> ToSettle {
    let open: Vec<&Alert> = open.iter().filter(|alert| alert.kind == kind).collect();
    let is_over = |alert: &&&Alert| wanted.iter().all(|wanted| wanted.scope != alert.scope);
    let clear = open.iter().filter(is_over).map(|alert| alert.scope.clone()).collect();
    let raise = wanted.into_iter().filter(|new| !open.iter().any(|alert| alert.says(new))).collect();
    ToSettle { raise, clear }
}

/// The alerts that these suspensions in force are: what stopped by itself, once for each scope. What a person stopped, they know.
pub fn of_suspensions(in_force: &[Suspension]) -> Vec<NewAlert> {
    let mut alerts: Vec<NewAlert> = Vec::new();
    for suspension in in_force.iter().filter(|suspension| !matches!(suspension.cause, Cause::Operator(_))) {
        let scope = AlertScope::from(suspension.scope.clone());
        let why = suspension.cause.to_string();
        match alerts.iter_mut().find(|alert| alert.scope == scope) {
            Some(alert) => alert.text.push_str(&format!("; {why}")),
            None => alerts.push(NewAlert {
                kind: AlertKind::SendingSuspended,
                text: format!("nothing is sent for {scope}: {why}"),
                scope,
                severity: Severity::Critical,
            }),
        }
    }
    alerts
}

/// A mail about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertMail {
    /// That it was raised.
    Raised,
    /// That what was told as a warning is critical now.
    Risen,
    /// That it is over.
    Cleared,
}

/// What has been mailed about an alert, and about others of its kind and scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mailed {
    /// When it was told that it was raised.
    pub raised_at: Option<Timestamp>,
    /// When it was told that it is over.
    pub cleared_at: Option<Timestamp>,
    /// When it was last told that one of this kind and scope was raised, this one or an earlier one.
    pub same_at: Option<Timestamp>,
    /// As how urgent it was told, at the worst.
    pub severity: Option<Severity>,
}

/// What is to be mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailStep {
    /// This, now.
    Now(AlertMail),
    /// Nothing before then.
    NotBefore(Timestamp),
    /// Nothing, unless the alert changes.
    Nothing,
}

/// After which nobody needs to be told any more that something is over.
const OLD_NEWS: SignedDuration = SignedDuration::from_hours(24);

/// What is to be mailed about an alert. It is told once that it was raised, while it is open, once more if it becomes critical after that, and once
/// that it is over, if it was told before. What becomes critical again and again is told once. Between two mails of the former kind about the same thing lie `apart`: what comes and goes tells of the newest that stays.
pub fn mail_step(alert: &Alert, mailed: &Mailed, apart: SignedDuration, now: Timestamp) -> MailStep {
    match (alert.cleared_at, mailed.raised_at) {
        (None, None) => {
            let free = mailed.same_at.and_then(|at| at.checked_add(apart).ok());
            free.filter(|at| *at > now).map_or(MailStep::Now(AlertMail::Raised), MailStep::NotBefore)
        }
        (None, Some(_)) if mailed.severity.is_some_and(|told| told < alert.severity) => MailStep::Now(AlertMail::Risen),
        (Some(cleared_at), Some(_)) if mailed.cleared_at.is_none() && now.duration_since(cleared_at) < OLD_NEWS => {
            MailStep::Now(AlertMail::Cleared)
        }
        _ => MailStep::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureClass;
    use crate::domain::suspension::{Rules, automatic};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job(name: &str) -> AlertScope {
        AlertScope::Job(name.parse().unwrap())
    }

    fn new(scope: AlertScope, text: &str) -> NewAlert {
        NewAlert { kind: AlertKind::JobFailed, scope, severity: Severity::Warning, text: text.to_owned() }
    }

    fn open(new: &NewAlert) -> Alert {
        Alert {
            id: AlertId::new(1),
            kind: new.kind,
            scope: new.scope.clone(),
            severity: new.severity,
            text: new.text.clone(),
            since: at(0),
            changed_at: at(0),
            cleared_at: None,
        }
    }

    #[test]
    fn kinds_severities_and_scopes_come_back_from_their_words() {
        for kind in AlertKind::ALL {
            assert_eq!(AlertKind::named(kind.name()), Some(kind));
        }
        for severity in Severity::ALL {
            assert_eq!(Severity::named(severity.name()), Some(severity));
        }
        for scope in [
            AlertScope::Installation,
            AlertScope::Account("800".to_owned()),
            AlertScope::Sender("default".parse().unwrap()),
            AlertScope::Campaign("welcome".parse().unwrap()),
            AlertScope::Template("survey_invitation".to_owned()),
            AlertScope::Channel(Channel::Sms),
            AlertScope::Country("SA".parse().unwrap()),
            job("tidy"),
        ] {
            assert_eq!(AlertScope::of(scope.kind(), &scope.value()), Some(scope.clone()));
        }
        assert_eq!(AlertScope::of("planet", "mars"), None);
        assert_eq!(AlertScope::Installation.to_string(), "installation");
    }

    #[test]
    fn only_what_changed_is_raised_and_what_is_gone_is_cleared() {
        let (a, b, c) = (new(job("a"), "one"), new(job("b"), "two"), new(job("c"), "three"));
        let other = Alert { kind: AlertKind::TokenAge, ..open(&c) };
        let open = [open(&a), open(&b), other];
        let wanted = vec![a, new(job("b"), "two, and more"), c.clone()];
        assert_eq!(
            to_settle(AlertKind::JobFailed, wanted, &open),
            ToSettle { raise: vec![new(job("b"), "two, and more"), c], clear: vec![] }
        );
        let gone = to_settle(AlertKind::JobFailed, vec![], &open);
        assert_eq!(gone, ToSettle { raise: vec![], clear: vec![job("a"), job("b")] }, "another kind is not its matter");
    }

    #[test]
    fn what_stopped_by_itself_alerts_once_for_each_scope_and_what_a_person_stopped_does_not() {
        let suspended = |scope: &suspension::Scope, cause| {
            let suspension::NewSuspension { scope, cause, by, until, probe, probe_at, .. } =
                automatic(scope.clone(), cause, &Rules::default(), at(0));
            Suspension { id: 1, scope, cause, by, since: at(0), until, probe, probe_at, probes: 0, probe_message: None }
        };
        let sender = suspension::Scope::Sender("default".parse().unwrap());
        let country = suspension::Scope::Country("EG".parse().unwrap());
        let alerts = of_suspensions(&[
            suspended(&sender, Cause::Refusal { class: FailureClass::Credentials, code: Some(190) }),
            suspended(&sender, Cause::Refusal { class: FailureClass::AccountRestricted, code: Some(368) }),
            suspended(&country, Cause::Operator("rates changed".to_owned())),
        ]);
        assert_eq!(alerts.len(), 1);
        assert_eq!((&alerts[0].scope, alerts[0].severity), (&AlertScope::from(sender), Severity::Critical));
        assert!(alerts[0].text.contains("190") && alerts[0].text.contains("368"), "{}", alerts[0].text);
    }

    #[test]
    fn each_alert_is_mailed_once_when_raised_and_once_when_over() {
        let hour = SignedDuration::from_hours(1);
        let alert = open(&new(job("a"), "one"));
        let over = |second| Alert { cleared_at: Some(at(second)), ..alert.clone() };
        let mailed = |raised: Option<i64>, cleared: Option<i64>, same: Option<i64>| Mailed {
            raised_at: raised.map(at),
            cleared_at: cleared.map(at),
            same_at: same.map(at),
            severity: raised.map(|_| Severity::Warning),
        };
        let worse = Alert { severity: Severity::Critical, ..alert.clone() };
        let told_worse = Mailed { severity: Some(Severity::Critical), ..mailed(Some(0), None, Some(0)) };
        use AlertMail::{Cleared, Raised, Risen};
        use MailStep::{NotBefore, Nothing, Now};
        for (alert, mailed, wanted) in [
            (alert.clone(), mailed(None, None, None), Now(Raised)),
            (alert.clone(), mailed(Some(0), None, Some(0)), Nothing),
            (over(90), mailed(Some(0), None, Some(0)), Now(Cleared)),
            (over(90), mailed(Some(0), Some(90), Some(0)), Nothing),
            // It came and went before anybody was told.
            (over(90), mailed(None, None, None), Nothing),
            // The one before was told a moment ago.
            (alert.clone(), mailed(None, None, Some(10)), NotBefore(at(3_610))),
            (alert.clone(), mailed(None, None, Some(-3_500)), Now(Raised)),
            // It became worse, at once; and worse again, or better.
            (worse.clone(), mailed(Some(99), None, Some(99)), Now(Risen)),
            (worse.clone(), told_worse, Nothing),
            (alert.clone(), told_worse, Nothing),
            (Alert { cleared_at: Some(at(90)), ..worse.clone() }, mailed(Some(0), None, Some(0)), Now(Cleared)),
            // It was worse before anybody was told.
            (worse, mailed(None, None, None), Now(Raised)),
            // The mail server was away for a day.
            (over(100 - 86_400), mailed(Some(0), None, Some(0)), Nothing),
            (over(101 - 86_400), mailed(Some(0), None, Some(0)), Now(Cleared)),
        ] {
            assert_eq!(mail_step(&alert, &mailed, hour, at(100)), wanted, "{alert:?} {mailed:?}");
        }
    }

    #[test]
    fn what_comes_and_goes_every_minute_makes_two_mails_an_hour() {
        let hour = SignedDuration::from_hours(1);
        let (mut same_at, mut mails) = (None, 0);
        // A day, in which it is open in every other minute, looked at in each second.
        for minute in (0..24 * 60).step_by(2) {
            let mut mailed = Mailed { same_at, ..Mailed::default() };
            for second in minute * 60..(minute + 2) * 60 {
                let cleared_at = (second >= (minute + 1) * 60).then(|| at((minute + 1) * 60));
                let alert = Alert { since: at(minute * 60), cleared_at, ..open(&new(job("a"), "one")) };
                match mail_step(&alert, &mailed, hour, at(second)) {
                    MailStep::Now(AlertMail::Raised) => {
                        mailed.raised_at = Some(at(second));
                        (mailed.same_at, same_at) = (mailed.raised_at, mailed.raised_at);
                        mails += 1;
                    }
                    MailStep::Now(AlertMail::Risen) => panic!("it is as urgent as ever"),
                    MailStep::Now(AlertMail::Cleared) => {
                        mailed.cleared_at = Some(at(second));
                        mails += 1;
                    }
                    MailStep::NotBefore(_) | MailStep::Nothing => {}
                }
            }
        }
        assert!((40..=48).contains(&mails), "{mails}");
    }
}
