//! The whole service from outside: the real binary as a process of its own, the simulator in this one, files in a folder that goes
//! away. Nothing here knows how barid works inside.

pub(crate) mod account;

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use barid::simulator::{Settings, Simulator, Span, Statuses};
use serde_json::Value;

/// Real processes are waited for; on a busy machine generously.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
pub(crate) const TOKEN: &str = "test-api-token";

/// What a test wants of the service; the rest is as shipped.
pub(crate) struct Setup {
    pub(crate) mps: u32,
    pub(crate) unknown_after: &'static str,
    /// Waits before further tries.
    pub(crate) waits: &'static [&'static str],
    /// Lines added to the configuration.
    pub(crate) more: String,
    /// Lines added to each campaign's `[delivery]`.
    pub(crate) delivery: String,
    pub(crate) simulator: Settings,
    pub(crate) store_url: Option<String>,
    /// barid answers what people send.
    pub(crate) answers: bool,
    /// Twilio and a mail server are there, and the service knows them.
    pub(crate) channels: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let mut simulator = Settings { accept_unknown_templates: true, builtin_suffixes: false, ..Settings::default() };
        simulator.numbers[0].throughput = 0;
        simulator.latency = barid::simulator::Latency::NONE;
        simulator.customers = barid::simulator::Customers::silent();
        Self {
            mps: 100_000,
            unknown_after: "15m",
            waits: &["1s"],
            more: String::new(),
            delivery: String::new(),
            simulator,
            store_url: None,
            answers: false,
            channels: false,
        }
    }
}

/// A service that can be started, killed and started again on the same state.
pub(crate) struct Barid {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) simulator: Simulator,
    child: Option<Child>,
    pub(crate) listen: String,
    pub(crate) ops: String,
    pub(crate) http: reqwest::Client,
    /// Added to the environment of every command.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// An address for the service to listen at. Below the ports that the system gives to whoever connects, and far from those that another test
/// process tries: between our look and the service's, nobody else takes it.
fn free_address() -> String {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    (0..1_000)
        .map(|_| {
            let place = std::process::id().wrapping_mul(64).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
            SocketAddr::from(([127, 0, 0, 1], 10_000 + u16::try_from(place % 22_000).expect("it is below 22,000")))
        })
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("loopback has a free port")
        .to_string()
}

impl Barid {
    /// Writes the files and starts the simulator; the service itself is started with [`Barid::start`].
    pub(crate) async fn prepare(setup: Setup) -> Self {
        let (listen, ops) = (free_address(), free_address());
        let mut simulator = setup.simulator;
        simulator.webhook_url = Some(format!("http://{listen}/api/whatsapp/webhook"));
        if setup.channels {
            simulator.mail.listen = Some(([127, 0, 0, 1], 0).into());
            simulator.twilio.inbound_url = Some(format!("http://{listen}/api/twilio/inbound"));
        }
        println!("simulator seed {}", simulator.seed);
        let simulator = Simulator::start(simulator).await.expect("the simulator starts");
        let dir = tempfile::Builder::new().prefix("barid").tempdir().expect("a temporary folder can be made");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(dir.path().join("jobs/campaigns")).unwrap();
        let number = &simulator.settings().numbers[0];
        let store = setup.store_url.map_or_else(String::new, |url| format!("[store]\nurl = \"{url}\"\n"));
        let (mut public_url, mut channels, mut environment) = (String::new(), String::new(), Vec::new());
        if let Some(mail) = simulator.mail_addr() {
            public_url = format!("public_url = \"http://{listen}\"");
            channels = format!(
                r#"[twilio]
api_url = "{}"
whatsapp_from = "+15550100001"
sms_from = "+15550100002"
[email]
from = "Voice of Customer <voice@example.com>"
bounces = "bounces@example.com"
"#,
                simulator.url()
            );
            let twilio = &simulator.settings().twilio;
            environment = vec![
                ("TWILIO_ACCOUNT_SID", twilio.account_sid.clone()),
                ("TWILIO_AUTH_TOKEN", twilio.auth_token.clone()),
                ("SMTP_URL", format!("smtp://{mail}")),
            ];
        }
        let config = format!(
            r#"state_dir = "{state}"
[server]
listen = "{listen}"
ops_listen = "{ops}"
{public_url}
{store}
[whatsapp]
graph_url = "{graph}"
phone_number_id = "{phone}"
business_account_id = "{account}"
mps = {mps}
[templates]
dir = "{templates}"
[jobs]
dir = "{jobs}"
[retry]
waits = {waits:?}
[answers]
automatic = {answers}
{channels}{more}"#,
            state = dir.path().join("state").display(),
            graph = simulator.url(),
            phone = number.phone_number_id,
            account = number.business_account_id,
            mps = setup.mps,
            waits = setup.waits,
            answers = setup.answers,
            templates = root.join("templates").display(),
            jobs = dir.path().join("jobs").display(),
            more = setup.more,
        );
        std::fs::write(dir.path().join("barid.toml"), config).unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { dir, simulator, child: None, listen, ops, http, environment }
    }

    /// A folder with a campaign of that audience, and the service started.
    pub(crate) async fn start_with(setup: Setup, contacts: &[Contact]) -> Self {
        let (delivery, unknown_after) = (setup.delivery.clone(), setup.unknown_after);
        let mut barid = Self::prepare(setup).await;
        barid.write_campaign("survey", contacts, &format!("unknown_after = \"{unknown_after}\"\n{delivery}"));
        barid.start().await;
        barid
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("barid.toml")
    }

    /// A campaign file with its audience beside it.
    pub(crate) fn write_campaign(&self, name: &str, contacts: &[Contact], delivery: &str) {
        let folder = self.dir.path().join("jobs/campaigns");
        let mut csv = String::from("phone,name,language,consent\n");
        for contact in contacts {
            writeln!(csv, "{},{},{},{}", contact.phone, contact.name, contact.language, contact.consent).unwrap();
        }
        std::fs::write(folder.join(format!("{name}.csv")), csv).unwrap();
        let toml = format!(
            r#"template = "survey-invitation"
purpose = "survey"
timezone = "Asia/Riyadh"
expires_after = "36h"
[audience]
file = "{name}.csv"
[values]
survey_title = {{ ar = "استبيان رضا العملاء", en = "Customer Satisfaction Survey" }}
survey_link = "https://survey.example.com/s"
[delivery]
{delivery}
"#
        );
        std::fs::write(folder.join(format!("{name}.toml")), toml).unwrap();
    }

    /// A command of the binary with the secrets of this test in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barid"));
        let settings = self.simulator.settings();
        command
            .env_remove("BARID_CONFIG")
            .env("WHATSAPP_API_TOKEN", &settings.token)
            .env("WHATSAPP_APP_SECRET", &settings.app_secret)
            .env("WHATSAPP_WEBHOOK_VERIFY_TOKEN", &settings.verify_token)
            .env("BARID_API_TOKEN", TOKEN)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts the service and waits until it says that it is ready.
    pub(crate) async fn start(&mut self) {
        self.spawn();
        self.ready().await;
    }

    /// Starts the process, and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
        let child = self
            .command()
            .args(["serve", "--config"])
            .arg(self.config())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the binary was built");
        self.child = Some(child);
    }

    /// Waits until it says that it is ready.
    async fn ready(&mut self) {
        let ready = format!("http://{}/health/ready", self.ops);
        let begin = Instant::now();
        loop {
            if let Ok(answer) = self.http.get(&ready).send().await
                && answer.status().is_success()
            {
                return;
            }
            if let Ok(Some(status)) = self.child.as_mut().expect("just started").try_wait() {
                panic!("barid ended with {status} before it was ready\n{}", self.log());
            }
            assert!(begin.elapsed() < PATIENCE, "barid is not ready\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where the service keeps the process id of its own redis-server.
    pub(crate) fn redis_pid_file(&self) -> PathBuf {
        self.dir.path().join("state/redis/redis.pid")
    }

    /// Asks its Redis something, past it.
    pub(crate) fn redis_cli(&self, arguments: &[&str]) -> std::process::Output {
        let socket = self.dir.path().join("state/redis/redis.sock");
        Command::new("redis-cli")
            .arg("-s")
            .arg(socket)
            .args(arguments)
            .output()
            .expect("redis-cli comes with redis-server")
    }

    /// `kill -9` of the redis-server of its own; answers which process that was. One that is on its way back is waited for, and
    /// `killed`, the one of the time before, does not count.
    pub(crate) async fn kill_redis(&self, killed: &str) -> String {
        let begin = Instant::now();
        loop {
            let pid = std::fs::read_to_string(self.redis_pid_file()).unwrap_or_default();
            let mut kill = Command::new("kill");
            kill.args(["-9", pid.trim()]).stderr(Stdio::null());
            if !pid.trim().is_empty() && pid != killed && kill.status().expect("kill is everywhere").success() {
                return pid;
            }
            assert!(begin.elapsed() < PATIENCE, "Redis does not come back\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.dir.path().join("barid.log")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// `kill -9`: no warning, no last words.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }

    /// Asks it to end and waits; answers whether it ended well.
    pub(crate) async fn stop(&mut self) -> bool {
        let pid = self.pid().to_string();
        let mut child = self.child.take().expect("it runs");
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill is everywhere");
        tokio::task::spawn_blocking(move || child.wait().expect("it is ours").success()).await.unwrap()
    }

    /// Runs another command of the same binary on the same configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command().args(arguments).arg("--config").arg(self.config()).output().expect("the binary was built")
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer =
            self.http.get(format!("http://{}{path}", self.listen)).bearer_auth(TOKEN).send().await.expect("it answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    pub(crate) async fn post(&self, path: &str) -> (u16, Value) {
        let answer = self
            .http
            .post(format!("http://{}{path}", self.listen))
            .bearer_auth(TOKEN)
            .send()
            .await
            .expect("it answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn start_campaign(&self, name: &str) {
        let (status, body) = self.post(&format!("/api/v1/campaigns/{name}/start")).await;
        assert!((200..300).contains(&status), "{status} {body}\n{}", self.log());
    }

    /// The counts of the newest run.
    pub(crate) async fn counts(&self, name: &str) -> Value {
        self.get(&format!("/api/v1/campaigns/{name}")).await["run"].clone()
    }

    /// Waits until the counts of a campaign are as `until` wants them.
    pub(crate) async fn wait_for(&self, name: &str, what: &str, until: impl Fn(&str, &Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let campaign = self.get(&format!("/api/v1/campaigns/{name}")).await;
            if until(campaign["state"].as_str().unwrap_or_default(), &campaign["run"]) {
                return campaign;
            }
            assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{campaign}\n{}", tail(&self.log()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the messages of a campaign are as `until` wants them.
    pub(crate) async fn wait_for_messages(&self, name: &str, what: &str, until: impl Fn(&[Value]) -> bool) {
        let begin = Instant::now();
        while !until(&self.messages(name).await) {
            assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{}", tail(&self.log()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the run is finished and every callback of the simulator has been taken and applied.
    pub(crate) async fn settle(&self, name: &str) -> Value {
        self.wait_for(name, "the run to finish", |state, _| state == "finished").await;
        tokio::time::timeout(PATIENCE, self.simulator.quiet()).await.expect("the simulator becomes quiet");
        let begin = Instant::now();
        loop {
            let metrics = self.metrics().await;
            let waiting = metrics.lines().find_map(|line| line.strip_prefix("barid_news_waiting "));
            if waiting.map(str::trim) == Some("0") {
                return self.get(&format!("/api/v1/campaigns/{name}")).await;
            }
            assert!(begin.elapsed() < PATIENCE, "callbacks stay unapplied: {waiting:?}\n{}", tail(&self.log()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn metrics(&self) -> String {
        self.http
            .get(format!("http://{}/metrics", self.ops))
            .send()
            .await
            .expect("it answers")
            .text()
            .await
            .expect("text")
    }

    /// Every message of a campaign, page by page.
    pub(crate) async fn messages(&self, name: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/api/v1/messages?campaign={name}&limit=1000{cursor}")).await;
            all.extend(page["items"].as_array().expect("a list").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}

impl Drop for Barid {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        // A redis-server of a killed barid lives on to be adopted; nobody will.
        if let Ok(pid) = std::fs::read_to_string(self.redis_pid_file()) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).stderr(Stdio::null()).status();
        }
    }
}

pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// A made-up person of a test.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) phone: String,
    pub(crate) name: String,
    pub(crate) language: &'static str,
    pub(crate) consent: &'static str,
}

/// `n` people with numbers of their own: two of three write Arabic.
pub(crate) fn people(n: usize) -> Vec<Contact> {
    (0..n)
        .map(|i| Contact {
            phone: format!("+9665{:08}", 10_000_000 + i),
            name: format!("Zephyrine{i}"),
            language: if i % 3 == 0 { "en" } else { "ar" },
            consent: "survey",
        })
        .collect()
}

impl Barid {
    /// Somebody writes to us.
    pub(crate) async fn simulator_says(&self, from: &str, text: &str) {
        self.inbound(serde_json::json!({ "from": from, "text": text })).await;
    }

    /// Somebody answers one of our messages.
    pub(crate) async fn simulator_answers(&self, from: &str, text: &str, message: &str) {
        self.inbound(serde_json::json!({ "from": from, "text": text, "context": message })).await;
    }

    /// Somebody presses the button of a template that carries this and shows that.
    pub(crate) async fn simulator_presses(&self, from: &str, payload: &str, text: &str) {
        self.inbound(serde_json::json!({ "from": from, "button": { "payload": payload, "text": text } })).await;
    }

    /// A person does what the simulator is told (`POST /_simulator/inbound`).
    pub(crate) async fn inbound(&self, body: Value) {
        let answer = self
            .http
            .post(format!("{}/_simulator/inbound", self.simulator.url()))
            .json(&body)
            .send()
            .await
            .expect("it answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }
}

/// Statuses that come twice, out of order and in batches.
pub(crate) fn disorder() -> Statuses {
    Statuses {
        sent_after: Span::millis(0, 300),
        delivered_after: Span::millis(0, 600),
        read_after: Span::millis(0, 900),
        read_share: 0.6,
        undelivered_share: 0.05,
        skip_delivered_share: 0.1,
        duplicate_share: 0.1,
        reorder_share: 0.2,
        before_answer_share: 0.05,
        ..Statuses::default()
    }
}
