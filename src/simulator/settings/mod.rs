//! What a simulator is told at its start: whom it plays, which limits hold, what goes wrong.

mod behaviour;
mod channels;
mod faults;
mod span;
mod template;

use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use self::behaviour::{Callbacks, Customers, Latency, Limits, OutsideWindow, Statuses};
pub use self::channels::{Mail, Twilio};
pub use self::faults::{ErrorShare, Fault, Faults, Outcome, TokenState, builtin_suffixes};
pub use self::span::{Millis, Span};
pub(super) use self::template::placeholders;
pub use self::template::{
    Button, ButtonKind, Category, Header, HeaderFormat, ParameterFormat, Template, TemplateStatus,
};

/// Everything a simulator is told. All keys have defaults; a file of them is TOML.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// From it comes all chance; print it, so that a run can be repeated.
    pub seed: u64,
    /// The access token that works.
    pub token: String,
    /// Another one that works, whatever the state of the first.
    pub next_token: Option<String>,
    /// When the token ends, in Unix seconds; 0: never. After that moment it is refused with 190/463.
    pub token_expires_at: i64,
    /// Meta's id of the app.
    pub app_id: String,
    /// Callbacks are signed with it.
    pub app_secret: String,
    /// What the verification of the callback address sends.
    pub verify_token: String,
    /// Where callbacks go; none: nothing is subscribed, and events vanish as they do at Meta.
    pub webhook_url: Option<String>,
    /// The business numbers.
    pub numbers: Vec<Number>,
    /// Portfolios with a messaging limit; one that is not listed has none.
    pub portfolios: Vec<Portfolio>,
    /// What Meta has approved (or not).
    pub templates: Vec<Template>,
    /// On: a template that is not listed is accepted with any parameters, as a utility template.
    pub accept_unknown_templates: bool,
    /// On: a template that is handed in stays `PENDING` until `/_simulator/review` says otherwise; off: it is approved by the time anybody looks.
    pub review_templates: bool,
    /// Pair, management and how they are reported.
    pub limits: Limits,
    /// What happens to free text outside the service window.
    pub outside_window: OutsideWindow,
    /// How long answers take.
    pub latency: Latency,
    /// What becomes of accepted messages.
    pub statuses: Statuses,
    /// What people do.
    pub customers: Customers,
    /// How callbacks are delivered.
    pub callbacks: Callbacks,
    /// What goes wrong, by share.
    pub faults: Faults,
    /// Whether [`builtin_suffixes`] hold; `suffixes` wins over them.
    pub builtin_suffixes: bool,
    /// What happens for numbers with these last digits (1 to 9 of them; the longest match wins).
    pub suffixes: BTreeMap<String, Outcome>,
    /// Twilio, on the same listener.
    pub twilio: Twilio,
    /// A mail server.
    pub mail: Mail,
    /// What messages cost, for the analytics of accounts; without any, costs are not told, as on a partner's credit line.
    pub rates: Vec<Rate>,
}

/// What messages of a category cost in a country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Two letters.
    pub country: String,
    /// Meta's word, as in callbacks.
    pub category: String,
    /// Millionths of the account's currency.
    pub micros: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            token: "simulator-token".to_owned(),
            next_token: None,
            token_expires_at: 0,
            app_id: "700000000000001".to_owned(),
            app_secret: "simulator-app-secret".to_owned(),
            verify_token: "simulator-verify-token".to_owned(),
            webhook_url: None,
            numbers: vec![Number::default()],
            portfolios: Vec::new(),
            templates: Vec::new(),
            accept_unknown_templates: false,
            review_templates: false,
            limits: Limits::default(),
            outside_window: OutsideWindow::default(),
            latency: Latency::default(),
            statuses: Statuses::default(),
            customers: Customers::default(),
            callbacks: Callbacks::default(),
            faults: Faults::default(),
            builtin_suffixes: true,
            suffixes: BTreeMap::new(),
            twilio: Twilio::default(),
            mail: Mail::default(),
            rates: Vec::new(),
        }
    }
}

/// One of the business's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Number {
    /// Meta's id of the number; digits.
    pub phone_number_id: String,
    /// Meta's id of the account (WABA) it belongs to; digits.
    pub business_account_id: String,
    /// The number, digits with country code.
    pub display_phone_number: String,
    /// The name that people see.
    pub verified_name: String,
    /// Messages in a second, inbound included; 0: any number. Meta: 80, after the upgrade 1,000 (throughput, checked 2026-11-22).
    pub throughput: u32,
    /// The portfolio whose messaging limit it shares.
    pub portfolio: String,
    /// `GREEN`, `YELLOW` or `RED`.
    pub quality_rating: String,
}

impl Default for Number {
    fn default() -> Self {
        Self {
            phone_number_id: "900000000000001".to_owned(),
            business_account_id: "800000000000001".to_owned(),
            display_phone_number: "15550100001".to_owned(),
            verified_name: "Depot 4".to_owned(),
            throughput: 80,
            portfolio: "600000000000001".to_owned(),
            quality_rating: "GREEN".to_owned(),
        }
    }
}

/// A business portfolio, over whose numbers the messaging limit is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portfolio {
    /// Meta's id of it.
    pub id: String,
    /// People who may be written to outside a service window in 24 hours: 250, 2000, 10000, 100000; 0: any number.
    pub limit: u32,
}

/// Why settings are of no use.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The text is not TOML, or has a wrong key or value.
    #[error("the simulator's settings cannot be read")]
    Toml(#[source] toml::de::Error),
    /// A value makes no sense.
    #[error("the simulator's settings are wrong: {}", problems.join("; "))]
    Invalid {
        /// All of them, each with its key.
        problems: Vec<String>,
    },
}

impl Settings {
    /// Reads settings from TOML and checks them.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown key or a value that makes no sense.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(SettingsError::Toml)?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks that the values make sense together.
    ///
    /// # Errors
    /// With everything that is wrong at once.
    pub fn check(&self) -> Result<(), SettingsError> {
        let mut problems = Vec::new();
        self.check_numbers(&mut problems);
        let mut names = HashSet::new();
        for template in &self.templates {
            if let Some(problem) = template.problem() {
                problems.push(format!("template `{}` ({}): {problem}", template.name, template.language));
            }
            if !names.insert((&template.name, &template.language)) {
                problems.push(format!("template `{}` ({}) is listed twice", template.name, template.language));
            }
        }
        problems.extend(self.faults.problem());
        problems.extend(self.twilio.faults.problem().map(|problem| format!("`twilio`: {problem}")));
        let (statuses, customers) = (&self.statuses, &self.customers);
        for (key, share) in [
            ("statuses.read_share", statuses.read_share),
            ("statuses.undelivered_share", statuses.undelivered_share),
            ("statuses.lost_share", statuses.lost_share),
            ("statuses.skip_delivered_share", statuses.skip_delivered_share),
            ("statuses.duplicate_share", statuses.duplicate_share),
            ("statuses.reorder_share", statuses.reorder_share),
            ("statuses.before_answer_share", statuses.before_answer_share),
            ("statuses.paced_share", statuses.paced_share),
            ("statuses.paced_dropped_share", statuses.paced_dropped_share),
            ("customers.reply_share", customers.reply_share),
            ("customers.stop_share", customers.stop_share),
            ("customers.preference_stop_share", customers.preference_stop_share),
            ("customers.press_share", customers.press_share),
            ("customers.quote_share", customers.quote_share),
            ("customers.not_on_whatsapp_share", customers.not_on_whatsapp_share),
            ("customers.hidden_phone_share", customers.hidden_phone_share),
            ("customers.marketing_limited_share", customers.marketing_limited_share),
            ("customers.experiment_share", customers.experiment_share),
            ("customers.entry_point_share", customers.entry_point_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                problems.push(format!("`{key}` is {share}; it must lie between 0 and 1"));
            }
        }
        for (key, span) in [
            ("statuses.sent_after", statuses.sent_after),
            ("statuses.delivered_after", statuses.delivered_after),
            ("statuses.read_after", statuses.read_after),
            ("statuses.paced_for", statuses.paced_for),
            ("customers.reply_after", customers.reply_after),
        ] {
            if span.min > span.max {
                problems.push(format!("`{key}` has a `min` above its `max`"));
            }
        }
        if self.latency.min > self.latency.median || self.latency.median > self.latency.max {
            problems.push("`latency` must have `min` ≤ `median` ≤ `max`".to_owned());
        }
        if !(1..=1000).contains(&statuses.batch_max) || !(1..=1000).contains(&statuses.per_change) {
            problems.push("`statuses.batch_max` and `statuses.per_change` must lie between 1 and 1000".to_owned());
        }
        if self.callbacks.connections == 0 || self.callbacks.redelivery.is_empty() {
            problems.push(
                "`callbacks.connections` must be at least 1 and `callbacks.redelivery` must have a wait".to_owned(),
            );
        }
        if ![400, 429].contains(&self.limits.http_status) || self.limits.pair_burst == 0 {
            problems.push("`limits.http_status` must be 400 or 429, and `limits.pair_burst` at least 1".to_owned());
        }
        for suffix in self.suffixes.keys().chain(self.twilio.suffixes.keys()) {
            if !is_digits(suffix) || suffix.len() > 9 {
                problems.push(format!("`suffixes`: `{suffix}` must be 1 to 9 digits"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(SettingsError::Invalid { problems }) }
    }

    fn check_numbers(&self, problems: &mut Vec<String>) {
        if self.numbers.is_empty() {
            problems.push("`numbers` needs at least one number".to_owned());
        }
        let mut ids = HashSet::new();
        for number in &self.numbers {
            for (key, value) in [
                ("phone_number_id", &number.phone_number_id),
                ("business_account_id", &number.business_account_id),
                ("display_phone_number", &number.display_phone_number),
            ] {
                if !is_digits(value) || value.len() > 19 {
                    problems.push(format!("`numbers.{key}` is `{value}`; it must be digits"));
                }
            }
            if !ids.insert(&number.phone_number_id) {
                problems.push(format!("`numbers.phone_number_id` `{}` is listed twice", number.phone_number_id));
            }
        }
        for number in &self.numbers {
            if ids.contains(&number.business_account_id) {
                problems.push(format!("`{}` is both a number and a business account", number.business_account_id));
            }
        }
        if u16::try_from(self.numbers.len()).is_err() {
            problems.push("`numbers` may hold at most 65535 numbers".to_owned());
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_order_and_so_is_an_empty_file() {
        Settings::default().check().unwrap();
        Settings::from_toml("").unwrap();
    }

    #[test]
    fn a_whole_file_is_read() {
        let settings = Settings::from_toml(
            r#"
            listen = "127.0.0.1:4010"
            seed = 7
            webhook_url = "http://127.0.0.1:8080/api/whatsapp/webhook"
            latency = { min = "0ms", median = 20, max = "1s" }
            [statuses]
            sent_after = { min = "1s", max = "2s" }
            duplicate_share = 0.5
            [faults]
            http_500 = 0.1
            errors = [{ code = 130429, share = 0.2 }]
            token = "expired"
            [suffixes]
            "0001" = { failed = 131026 }
            "0002" = { fault = "reset-after-accept" }
            "0003" = { fault = { error = 368 } }
            "0004" = "silent"
            [[numbers]]
            phone_number_id = "1"
            throughput = 0
            [[templates]]
            name = "survey"
            language = "ar"
            category = "MARKETING"
            body = "مرحبا {{1}}"
            buttons = [{ type = "URL", text = "ابدأ", url = "https://s.example/{{1}}" }]
            "#,
        )
        .unwrap();
        assert_eq!(settings.latency.median, Millis::new(20));
        assert_eq!(settings.suffixes["0003"], Outcome::Fault(Fault::Error(368)));
        assert_eq!(settings.suffixes["0004"], Outcome::Silent);
        assert!(settings.templates[0].buttons[0].needs_parameter());
    }

    #[test]
    fn wrong_settings_say_what_is_wrong() {
        let text = |toml: &str| {
            let error = Settings::from_toml(toml).unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error} {source}")
        };
        assert!(text("sed = 1").contains("unknown field `sed`"));
        assert!(text("[statuses]\nread_share = 2").contains("statuses.read_share"));
        assert!(text("latency = { min = \"1 week\" }").contains("350ms"));
        assert!(text("numbers = []").contains("`numbers` needs"));
        assert!(text("[faults]\nhttp_500 = 0.7\nstall = 0.7").contains("add up to"));
        assert!(text("[suffixes]\n\"x\" = \"silent\"").contains("1 to 9 digits"));
    }
}
