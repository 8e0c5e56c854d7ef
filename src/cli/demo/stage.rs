//! The files and settings of the demo: a folder of its own with everything that an operator would write.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use crate::cli::approved_templates::approved_templates;
use crate::cli::demo::people;
use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::config::templates::Templates;
use crate::config::{Config, Environment};
use crate::domain::ids::CampaignName;
use crate::simulator::{Customers, LedgerRow, MailSettings, Settings, Simulator, Span, Statuses, TwilioSettings};

/// The number of the demo is one that Meta has upgraded; we stay a little below.
const THROUGHPUT: u32 = 1_000;
const MPS: u32 = 900;

/// A template's file: where it lies below the folder, and what it says.
macro_rules! shipped {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../templates/", $path)))
    };
}

/// What ships, so that the demo needs no other file than the program.
const TEMPLATES: &[(&str, &str)] = &[
    shipped!("messages/survey-invitation/ar.hbs"),
    shipped!("messages/survey-invitation/en.hbs"),
    shipped!("messages/survey-invitation/template.toml"),
    shipped!("messages/survey-invitation/sample.toml"),
    shipped!("messages/feedback-confirmation/ar.hbs"),
    shipped!("messages/feedback-confirmation/en.hbs"),
    shipped!("messages/feedback-confirmation/template.toml"),
    shipped!("messages/feedback-confirmation/sample.toml"),
    shipped!("partials/opt-out/ar.hbs"),
    shipped!("partials/opt-out/en.hbs"),
];

const CAMPAIGN: &str = r#"# The sample survey campaign. It waits for a person to start it, because it has neither `start` nor `schedule`.
template = "survey-invitation"
purpose = "survey"
timezone = "Asia/Riyadh"
expires_after = "10m"                   # in earnest: 36h

[audience]
file = "people.csv"

[values]
survey_title = { ar = "استبيان رضا العملاء", en = "Customer Satisfaction Survey" }
survey_link = "https://survey.example.com/s"

# Who is not on WhatsApp gets a text message.
[delivery]
fallback = ["sms"]
"#;

/// The folder and addresses of one demo. The folder goes away with it unless it is kept.
pub(super) struct Stage {
    folder: PathBuf,
    kept: AtomicBool,
    listen: SocketAddr,
    ops_listen: SocketAddr,
    token: String,
    seed: u64,
}

impl Stage {
    /// Writes the files.
    pub(super) fn build(contacts: u32, seed: u64) -> Ended<Self> {
        let folder = std::env::temp_dir().join(format!("barid-demo-{}", std::process::id()));
        let stage = Self {
            listen: free_address(8080)?,
            ops_listen: free_address(9090)?,
            token: format!("demo-token-of-process-{}", std::process::id()),
            kept: AtomicBool::new(false),
            folder,
            seed,
        };
        for (path, text) in TEMPLATES {
            stage.write(&format!("templates/{path}"), text)?;
        }
        stage.write("jobs/campaigns/demo.toml", CAMPAIGN)?;
        stage.write("jobs/campaigns/people.csv", &people::csv(&people::people(contacts, seed)))?;
        Ok(stage)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn campaign(&self) -> CampaignName {
        "demo".parse().expect("the name of the demo's campaign is a slug")
    }

    /// A simulator that knows our templates as approved, with people who read and answer within seconds.
    pub(super) fn simulator(&self) -> Ended<Settings> {
        let brand = Config::load(None, &Environment::default()).or_exit(Exit::Software)?.brand;
        let (templates, errors) = Templates::load(&self.folder.join("templates"), &brand);
        if let Some(error) = errors.into_iter().next() {
            return Err(error).or_exit(Exit::Software);
        }
        let mut settings = Settings {
            seed: self.seed,
            webhook_url: Some(format!("http://{}/api/whatsapp/webhook", self.listen)),
            templates: approved_templates(&templates).or_exit(Exit::Software)?,
            statuses: Statuses {
                sent_after: Span::millis(20, 300),
                delivered_after: Span::millis(50, 800),
                read_after: Span::millis(100, 2_000),
                ..Statuses::default()
            },
            customers: Customers {
                not_on_whatsapp_share: 0.01,
                reply_share: 0.1,
                stop_share: 0.01,
                reply_after: Span::millis(100, 2_000),
                ..Customers::default()
            },
            twilio: TwilioSettings {
                inbound_url: Some(format!("http://{}/api/twilio/inbound", self.listen)),
                ..TwilioSettings::default()
            },
            mail: MailSettings {
                listen: Some(SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0))),
                ..MailSettings::default()
            },
            ..Settings::default()
        };
        settings.numbers[0].throughput = THROUGHPUT;
        Ok(settings)
    }

    /// The configuration, written as a file too, so that other commands can be tried on the running demo.
    pub(super) fn config(&self, simulator: &Simulator) -> Ended<Config> {
        let (graph_url, mail) = (simulator.url(), simulator.mail_addr());
        let simulator = simulator.settings();
        let number = &simulator.numbers[0];
        let text = format!(
            r#"state_dir = "{state}"
[server]
listen = "{listen}"
public_url = "http://{listen}"
ops_listen = "{ops}"
[whatsapp]
graph_url = "{graph_url}"
phone_number_id = "{phone}"
business_account_id = "{account}"
mps = {MPS}
[retry]
waits = ["1s", "2s"]
[templates]
dir = "{templates}"
[jobs]
dir = "{jobs}"
[twilio]
api_url = "{graph_url}"
sms_from = "+15550100002"
[email]
from = "Voice of Customer <voice@example.com>"
"#,
            state = self.folder.join("state").display(),
            listen = self.listen,
            ops = self.ops_listen,
            phone = number.phone_number_id,
            account = number.business_account_id,
            templates = self.folder.join("templates").display(),
            jobs = self.folder.join("jobs").display(),
        );
        let file = self.write("barid.toml", &text)?;
        let smtp_url = mail.map_or_else(String::new, |mail| format!("smtp://{mail}"));
        let environment: Environment = [
            ("WHATSAPP_API_TOKEN", simulator.token.as_str()),
            ("WHATSAPP_APP_SECRET", simulator.app_secret.as_str()),
            ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", simulator.verify_token.as_str()),
            ("BARID_API_TOKEN", self.token.as_str()),
            ("TWILIO_ACCOUNT_SID", simulator.twilio.account_sid.as_str()),
            ("TWILIO_AUTH_TOKEN", simulator.twilio.auth_token.as_str()),
            ("SMTP_URL", smtp_url.as_str()),
        ]
        .into_iter()
        .collect();
        Config::load(Some(&file), &environment).or_exit(Exit::Software)
    }

    /// Where to look while it runs.
    pub(super) fn addresses(&self) -> String {
        format!(
            "status   curl -H 'Authorization: Bearer {token}' http://{listen}/api/whatsapp/status\n\
             campaign curl -H 'Authorization: Bearer {token}' http://{listen}/api/v1/campaigns/demo\n\
             metrics  curl http://{ops}/metrics\n\
             health   curl http://{ops}/health/ready",
            token = self.token,
            listen = self.listen,
            ops = self.ops_listen,
        )
    }

    /// Leaves the folder where it is.
    pub(super) fn keep(&self) -> &Path {
        self.kept.store(true, Ordering::Relaxed);
        &self.folder
    }

    fn write(&self, path: &str, text: &str) -> Ended<PathBuf> {
        let path = self.folder.join(path);
        let what = || format!("cannot write `{}`; check the temporary directory (TMPDIR)", path.display());
        let parent = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(what)
            .or_exit(Exit::Io)?;
        Ok(path)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Relaxed) {
            // A temporary folder that cannot be removed is the system's to clean.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The usual port if it is free, else any.
fn free_address(usual: u16) -> Ended<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", usual)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    listener.and_then(|listener| listener.local_addr()).context("loopback has no free port").or_exit(Exit::Unavailable)
}

/// What the simulator took over WhatsApp.
pub(super) struct Took {
    /// Invitations: templates.
    pub(super) invitations: u64,
    /// Answers to what people wrote: free words.
    pub(super) answers: u64,
    /// How many people were invited more than once.
    pub(super) doubled: u64,
}

impl Took {
    pub(super) fn of(ledger: &[LedgerRow]) -> Self {
        let mut took = Self { invitations: 0, answers: 0, doubled: 0 };
        let mut seen = HashSet::new();
        for row in ledger {
            if row.template.is_some() {
                took.invitations += 1;
                took.doubled += u64::from(!seen.insert(row.to.as_str()));
            } else {
                took.answers += 1;
            }
        }
        took
    }
}
