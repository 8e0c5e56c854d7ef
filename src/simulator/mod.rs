//! A faithful Graph API on this machine: what Meta does to a business that sends, without Meta.
//!
//! It validates calls as Meta does, keeps its limits, sends signed callbacks (late, twice, out of order, in batches), plays people who
//! answer in Arabic and English, and goes wrong on request. Its ledger says what was accepted, which is how a test proves that nothing was
//! lost and nothing was sent twice. It knows Meta's names by itself and imports no other part of barid, so that the two can disagree.
//!
//! ```text
//! server ─▶ messages ─▶ ledger            callbacks/schedule ─▶ callbacks/deliver ─▶ the receiver
//!    │          └─▶ fate ──────────────────────▶ ▲
//!    ├─▶ management, media                       │
//!    └─▶ control ────────────────────────────────┘
//! ```

mod settings;

mod server;

mod messages;

mod callbacks;
mod customers;
mod pricing;

mod management;
mod media;
mod webhook;

mod mail;
mod twilio;

mod control;

mod ledger;
mod world;

mod clock;
mod dice;
mod graph_error;
mod json;
mod limits;
mod people;
mod wamid;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::clock::Clock;
pub use self::ledger::{Counts, LedgerRow, NumberCounts};
pub use self::mail::MailRow;
pub use self::settings::{
    Button, ButtonKind, Callbacks, Category, Customers, ErrorShare, Fault, Faults, Header, HeaderFormat, Latency,
    Limits, Mail as MailSettings, Millis, Number, Outcome, OutsideWindow, ParameterFormat, Portfolio, Rate, Settings,
    SettingsError, Span, Statuses, Template, TemplateStatus, TokenState, Twilio as TwilioSettings, builtin_suffixes,
};
pub use self::twilio::TwilioRow;
use self::world::World;

/// A running simulator. Dropping it stops it at once; [`Simulator::shutdown`] also waits until it has stopped.
#[derive(Debug)]
pub struct Simulator {
    world: Arc<World>,
    addr: SocketAddr,
    server: JoinHandle<()>,
    callbacks: JoinHandle<()>,
    mail: Option<(SocketAddr, JoinHandle<()>)>,
}

/// Why a simulator cannot start or be changed.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The address cannot be listened on.
    #[error("the simulator cannot listen on `{listen}`; choose another port, or 0 for a free one")]
    Listen {
        /// As in the settings.
        listen: SocketAddr,
        /// Most often: address in use.
        #[source]
        source: std::io::Error,
    },
    /// The client for callbacks cannot be built.
    #[error("the simulator cannot prepare its callbacks")]
    Callbacks(#[source] reqwest::Error),
    /// The change makes no sense.
    #[error("the simulator refuses the change: {0}")]
    Change(String),
}

impl Simulator {
    /// Starts to listen; calls are answered from now on.
    ///
    /// # Errors
    /// When the settings are wrong or the address is in use.
    pub async fn start(settings: Settings) -> Result<Self, SimulatorError> {
        settings.check()?;
        let listen = settings.listen;
        let failed = |source| SimulatorError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let client = webhook::client(settings.callbacks.timeout, settings.callbacks.connections)
            .map_err(SimulatorError::Callbacks)?;
        let world = Arc::new(World::new(settings, Clock::from_system(), format!("http://{addr}"), client.clone()));
        let mail = match world.mail.listen() {
            Some(listen) => {
                let failed = |source| SimulatorError::Listen { listen, source };
                let listener = TcpListener::bind(listen).await.map_err(failed)?;
                let addr = listener.local_addr().map_err(failed)?;
                Some((addr, tokio::spawn(mail::serve(listener, Arc::clone(&world.mail)))))
            }
            None => None,
        };
        let server = tokio::spawn(server::serve(listener, Arc::clone(&world)));
        let callbacks = tokio::spawn(callbacks::deliver::run(Arc::clone(&world), client));
        Ok(Self { world, addr, server, callbacks, mail })
    }

    /// The address of the Graph API, without version and without a slash at the end.
    pub fn url(&self) -> String {
        self.world.base_url.clone()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it was started with; faults and the receiver's address may have changed since.
    pub fn settings(&self) -> &Settings {
        &self.world.settings
    }

    /// New faults in place of all those before.
    ///
    /// # Errors
    /// When the shares make no sense; then the faults stay as they are.
    pub fn set_faults(&self, faults: Faults) -> Result<(), SimulatorError> {
        control::set_faults(&self.world, faults).map_err(SimulatorError::Change)
    }

    /// Where callbacks go from now on; none: nobody is subscribed, and events vanish.
    pub fn set_webhook_url(&self, url: Option<&str>) {
        self.world.webhook_url.store(url.map(|url| Arc::new(Arc::from(url))));
    }

    /// Asks the receiver for the challenge, as Meta does when the address is saved, and uses it from now on.
    ///
    /// # Errors
    /// With the reason why the receiver failed the verification; then the address stays as it was.
    pub async fn verify_webhook(&self, url: &str) -> Result<(), SimulatorError> {
        webhook::verify(&self.world, url, &self.world.settings.verify_token).await.map_err(SimulatorError::Change)?;
        self.set_webhook_url(Some(url));
        Ok(())
    }

    /// Adds a template, or replaces the same one.
    ///
    /// # Errors
    /// When the template makes no sense.
    pub fn put_template(&self, template: Template) -> Result<(), SimulatorError> {
        if let Some(problem) = template.problem() {
            return Err(SimulatorError::Change(format!(
                "template `{}` ({}): {problem}",
                template.name, template.language
            )));
        }
        self.world.templates.put(template);
        Ok(())
    }

    /// All accepted messages, in the order of acceptance.
    pub fn ledger(&self) -> Vec<LedgerRow> {
        self.ledger_after(0, usize::MAX)
    }

    /// At most `limit` accepted messages after the first `after`.
    pub fn ledger_after(&self, after: u64, limit: usize) -> Vec<LedgerRow> {
        self.world.ledger.page(after, limit).iter().map(|row| self.world.show(row)).collect()
    }

    /// Where the mail server listens, if there is one.
    pub fn mail_addr(&self) -> Option<SocketAddr> {
        self.mail.as_ref().map(|(addr, _)| *addr)
    }

    /// Everything that Twilio took, in order.
    pub fn twilio_ledger(&self) -> Vec<TwilioRow> {
        self.world.twilio.ledger()
    }

    /// Every mail that was taken, in order.
    pub fn mails(&self) -> Vec<MailRow> {
        self.world.mail.ledger()
    }

    /// New faults of Twilio's in place of all those before.
    ///
    /// # Errors
    /// When the shares make no sense; then the faults stay as they are.
    pub fn set_twilio_faults(&self, faults: Faults) -> Result<(), SimulatorError> {
        control::set_twilio_faults(&self.world, faults).map_err(SimulatorError::Change)
    }

    /// A person writes a text message.
    ///
    /// # Errors
    /// When the settings name nobody who is told.
    pub fn hear_sms(&self, from: &str, text: &str) -> Result<String, SimulatorError> {
        self.world.twilio.hear("sms", from, text).map_err(SimulatorError::Change)
    }

    /// When the receiver first answered 200 for something that the person with this number sent, in Unix milliseconds.
    pub fn acknowledged_ms(&self, phone: &str) -> Option<i64> {
        self.world.acknowledged_ms(phone.trim_start_matches('+').parse().ok()?)
    }

    /// How often what happened.
    pub fn counts(&self) -> Counts {
        self.world.counts()
    }

    /// Waits until so many messages have been accepted.
    pub async fn accepted(&self, n: usize) {
        self.world.ledger.reaches(n).await;
    }

    /// Waits until all that was to be told has been told (the receiver answered 200) and nothing more is coming.
    pub async fn quiet(&self) {
        self.world.schedule.quiet().await;
        self.world.twilio.quiet().await;
    }

    /// Stops listening and telling, cuts all connections, and waits until that is done.
    pub async fn shutdown(mut self) {
        self.stop();
        // They end as cancelled, which is what was asked for.
        let _ = (&mut self.server).await;
        let _ = (&mut self.callbacks).await;
        if let Some((_, mail)) = &mut self.mail {
            let _ = mail.await;
        }
    }

    fn stop(&self) {
        self.server.abort();
        self.callbacks.abort();
        self.world.twilio.stop();
        if let Some((_, mail)) = &self.mail {
            mail.abort();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}
