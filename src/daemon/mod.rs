//! Composition: builds both sides from the configuration and owns their life. The process is a value, so that tests and the demo
//! run the real thing.

mod access_token;
pub mod approving;
pub mod catalogue;
mod channels;
pub mod clock;
pub mod files;
mod forecasts;
mod gauges;
mod handlers;
pub mod hooking;
pub mod lifecycle;
mod loops;
mod many;
mod metered;
pub mod news_replays;
pub mod operations;
pub mod reading;
pub mod reports;
pub mod standing;
pub(crate) mod summary;
pub mod suspending;
pub mod tokens;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::config::whatsapp::{DEFAULT_SENDER, Sender, default_sender};
use crate::contacts_file::AudienceFileReader;
use crate::daemon::catalogue::Shelf;
use crate::daemon::clock::SystemClock;
use crate::daemon::handlers::{Concurrency, Shared};
use crate::daemon::metered::{Counted, Metered};
use crate::daemon::operations::Desk;
use crate::domain::channel::Channel;
use crate::domain::live_check::{OurNumber, Ours};
use crate::domain::signed_reference::ReferenceSigner;
use crate::domain::suspension;
use crate::hooks::EndpointError;
use crate::http;
use crate::jobs::feed_hooks;
use crate::jobs::mail_alerts::MailTo;
use crate::jobs::run_campaign::{Definitions, InHand};
use crate::limits::{self, Limiter};
use crate::ports::{
    Clock, LimitFactsOf, MediaPorts, Notices, Queue, SendingRules, Services, SickChannels, Store, WebhookReader,
};
use crate::queue::QueueError;
use crate::queue::control::ControlQueue;
use crate::queue::lane::{LaneSettings, Lanes};
use crate::queue::server::{RedisServer, RedisServerError, RedisServerSettings};
use crate::queue::wakeups::Wakeups;
use crate::queue::workers::Workers;
use crate::store::{SqlStore, StoreOpenError, StoreSettings};
use crate::telemetry::Metrics;
use crate::whatsapp::{self, ClientError, webhook::Reader};

/// How long jobs may wait in a process for a free worker; a lane fetches this many times its concurrency at most.
const PREFETCH: usize = 1_000;

/// So many times the files that are fetched at once are in Redis at most.
const FETCHED_AHEAD: u64 = 4;

/// Why the service does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Secrets or numbers are missing.
    #[error("the configuration is not enough to send with:\n  {}", .0.join("\n  "))]
    Missing(Vec<String>),
    /// The state directory.
    #[error("cannot use the state directory `{path}`; make it and let this user write there, or set `state_dir`")]
    StateDir {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The redis-server of our own.
    #[error(transparent)]
    RedisServer(#[from] RedisServerError),
    /// The Redis of the configuration.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A port.
    #[error(transparent)]
    Listen(#[from] http::ListenError),
    /// The client of the Graph API.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The endpoints of our webhooks.
    #[error(transparent)]
    Hooks(#[from] EndpointError),
    /// A setting that only shows its fault here.
    #[error("{0}")]
    Setting(String),
}

/// The running service.
pub struct Daemon {
    config: Arc<Config>,
    store: Arc<SqlStore>,
    services: Services,
    shelf: Arc<Shelf>,
    metrics: Arc<Metrics>,
    workers: Workers,
    redis: Option<RedisServer>,
    /// Listeners end first, loops with them.
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    changed: Arc<Notify>,
    /// Wakes who looks for another access token.
    token_wished: Arc<Notify>,
    _watch: Option<files::Watch>,
}

impl Daemon {
    /// Opens the store, finds or starts Redis, listens, starts workers and loops. When it returns, the service is ready.
    ///
    /// # Errors
    /// With the first thing that cannot be had. Nothing is left running then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let missing = config.missing_for_serving();
        if !missing.is_empty() {
            return Err(StartError::Missing(missing));
        }
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let state_dir = &config.state_dir;
        std::fs::create_dir_all(state_dir)
            .map_err(|source| StartError::StateDir { path: state_dir.display().to_string(), source })?;

        // Ports first: the commonest mistake is a second barid, and it should say so before it touches anything.
        let public = http::bind("[server] listen", config.server.listen).await?;
        let ops = http::bind("[server] ops_listen", config.server.ops_listen).await?;

        let redis = match &config.redis.url {
            Some(_) => None,
            None => {
                let settings =
                    RedisServerSettings { binary: config.redis.server.clone(), ..RedisServerSettings::new(state_dir) };
                Some(RedisServer::start(settings).await?)
            }
        };
        let redis_url = match (&config.redis.url, &redis) {
            (Some(url), _) => url.expose().to_owned(),
            (None, Some(server)) => server.url().to_owned(),
            (None, None) => unreachable!("without a url there is a server of our own"),
        };
        match Self::assemble(config, public, ops, &redis_url).await {
            Ok(daemon) => Ok(Self { redis, ..daemon }),
            Err(error) => {
                if let Some(redis) = redis {
                    redis.stop().await;
                }
                Err(error)
            }
        }
    }

    /// Everything but the redis-server of our own, which outlives a failure in here only until the caller has stopped it.
    async fn assemble(
        config: Config,
        public: TcpListener,
        ops: TcpListener,
        redis_url: &str,
    ) -> Result<Self, StartError> {
        let lanes = Lanes::connect(
            redis_url,
            LaneSettings {
                namespace: config.redis.namespace.clone(),
                lease: config.queue.lease,
                prefetch: PREFETCH,
                ..LaneSettings::default()
            },
        )
        .await?;
        let control = ControlQueue::new(&lanes);
        let sick = Arc::new(SickChannels::default());
        let metrics = Metrics::new().with_hooks(config.hooks.iter().map(|hook| hook.name.as_str()));
        let metrics = Arc::new(metrics.with_process().map_err(|error| StartError::Setting(error.to_string()))?);
        let connections = StoreSettings {
            readers: config.store.connections.saturating_sub(6).max(3),
            waits: rules(&config).waits,
            sick: Arc::clone(&sick),
            suspensions: rules(&config).suspensions,
            hooks: config.subscriptions(),
            double_opt_in: config.consent.double_opt_in,
            tariff: Arc::clone(&config.pricing.tariff),
            metrics: Some(Arc::clone(&metrics)),
            ..StoreSettings::default()
        };
        let store = Arc::new(SqlStore::open(config.store_url().expose(), &connections).await?);

        let (in_force, wrong) = files::read(&config);
        files::tell(&wrong);
        metrics.config_reload_success.set(i64::from(wrong.is_empty()));
        metered::declare_flows(&in_force, &metrics);
        metered::declare_jobs(&in_force, &metrics);
        let shelf = Arc::new(files::shelf(&config, in_force));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let queue: Arc<dyn Queue> = Arc::new(Wakeups::new(lanes.clone(), control.clone()));
        let webhook: Arc<dyn WebhookReader> = Arc::new(reader(&config));
        let signer = ReferenceSigner::new(store.link_key().as_bytes());
        let workshop = channels::Workshop {
            config: &config,
            clock: &clock,
            metrics: &metrics,
            sick: &sick,
            shelf: &shelf,
            signer: &signer,
        };
        let notices = workshop.email()?.map(|email| Arc::new(email) as Arc<dyn Notices>);
        let meta = Arc::new(client(&config)?);
        let media = media(&config, &meta)?;
        let services = Services {
            clock: Arc::clone(&clock),
            store: Arc::clone(&store) as Arc<dyn Store>,
            whatsapp: Arc::new(Metered { port: Arc::clone(&meta), metrics: Arc::clone(&metrics) }),
            management: Arc::clone(&meta) as _,
            media,
            fallbacks: workshop.fallbacks()?,
            webhook: Arc::clone(&webhook),
            readers: channels::readers(&signer),
            tally: Arc::new(Counted(Arc::clone(&metrics))),
            hooks: Arc::new(hooking::client(&config)?),
            queue: Arc::clone(&queue),
            limits: Arc::new(Metered {
                port: limiter(&config, &lanes, &store, &clock, &metrics),
                metrics: Arc::clone(&metrics),
            }),
            catalogue: Arc::clone(&shelf) as _,
            audiences: Arc::new(AudienceFileReader::new(
                config.campaigns_dir(),
                config.contacts.default_country,
                Arc::clone(&clock),
            )),
            analyzer: reading::analyzer(&config, &clock)?,
            tokens: Arc::new(tokens::Random::new().map_err(|error| {
                StartError::Setting(format!("the operating system gave no randomness ({error}); try again"))
            })?),
            rules: rules(&config),
        };
        let shared = Arc::new(Shared {
            services: services.clone(),
            definitions: Arc::new(Definitions::default()),
            in_hand: InHand::default(),
            metrics: Arc::clone(&metrics),
        });
        let concurrency = Concurrency {
            replies: config.queue.concurrency.replies,
            sending: config.queue.concurrency.sending,
            retries: config.queue.concurrency.retries,
            fallbacks: config.queue.concurrency.fallbacks,
            news: config.queue.concurrency.news,
            media: config.queue.concurrency.media,
            hooks: config.queue.concurrency.hooks,
        };
        let workers = Workers::start(
            lanes.clone(),
            handlers::lanes(&shared, concurrency),
            Some((control, handlers::control(&shared))),
        );

        let stop = watch::Sender::new(false);
        let changed = Arc::new(Notify::new());
        let watch = files::Watch::begin(&[&config.jobs_dir, &config.templates_dir], Arc::clone(&changed));
        let config = Arc::new(config);
        let mut tasks = vec![
            tokio::spawn(loops::feeding(services.clone(), Arc::clone(&shared.definitions), stop.subscribe())),
            tokio::spawn(loops::leading(services.clone(), Arc::clone(&shared.definitions), stop.subscribe())),
            tokio::spawn(loops::probing(services.clone(), stop.subscribe())),
            tokio::spawn(loops::reading(services.clone(), stop.subscribe())),
            tokio::spawn(loops::answering(services.clone(), stop.subscribe())),
            tokio::spawn(loops::sweeping(
                services.clone(),
                Arc::clone(&shared.definitions),
                config.queue.sweep,
                clock.now(),
                stop.subscribe(),
            )),
            tokio::spawn(loops::firing(services.clone(), clock.now(), stop.subscribe())),
            tokio::spawn(reloading(
                Arc::clone(&config),
                Arc::clone(&shelf),
                Arc::clone(&metrics),
                Arc::clone(&changed),
                stop.subscribe(),
            )),
            tokio::spawn(http::serve(
                public,
                public_routes(&config, &services, &shelf, &metrics, signer, sick)?,
                http::ServerSettings::PUBLIC,
                stopped(stop.subscribe()),
            )),
            tokio::spawn(http::serve(
                ops,
                http::ops_routes(Arc::new(http::OpsState {
                    metrics: Arc::clone(&metrics),
                    refresh: gauges::refresh(services.clone(), lanes, workers.watch_up(), Arc::clone(&metrics)),
                    checks: vec![
                        http::ReadyCheck::store(Arc::clone(&services.store)),
                        http::ReadyCheck::queue(Arc::clone(&queue)),
                    ],
                })),
                http::ServerSettings::OPS,
                stopped(stop.subscribe()),
            )),
        ];
        if !config.alerts.email_to.is_empty()
            && let Some(notices) = notices.clone()
        {
            let mail_to = MailTo {
                to: config.alerts.email_to.clone(),
                apart: config.alerts.mails_apart,
                tag: services.store.tag().to_owned(),
            };
            tasks.push(tokio::spawn(loops::mailing_alerts(services.clone(), notices, mail_to, stop.subscribe())));
        }
        // Files outlive the wish for them.
        tasks.push(tokio::spawn(loops::forgetting_media(services.clone(), stop.subscribe())));
        if services.media.rules.enabled {
            let limit = FETCHED_AHEAD * concurrency.media.max(1) as u64;
            tasks.push(tokio::spawn(loops::feeding_media(services.clone(), limit, stop.subscribe())));
        }
        tasks.push(tokio::spawn(loops::erasing(services.clone(), stop.subscribe())));
        tasks.push(tokio::spawn(loops::asking_consent(services.clone(), stop.subscribe())));
        tasks.push(tokio::spawn(loops::alerting_suspensions(services.clone(), stop.subscribe())));
        let token_wished = Arc::new(Notify::new());
        let tokens = access_token::Tokens { client: meta, secrets: config.secrets.clone() };
        tasks.push(tokio::spawn(loops::rotating_token(
            services.clone(),
            ours(&config),
            Arc::new(tokens),
            Arc::clone(&token_wished),
            stop.subscribe(),
        )));
        let upkeep = standing::beside(&services, &config, notices);
        tasks.push(tokio::spawn(loops::scheduling(upkeep.clone(), stop.subscribe())));
        // Two, so that a long report does not hold up the look at the token.
        for _ in 0..2 {
            tasks.push(tokio::spawn(loops::standing(upkeep.clone(), Arc::clone(&metrics), stop.subscribe())));
        }
        let n_hooks = services.hooks.configured().len();
        if n_hooks > 0 {
            let share = feed_hooks::share(concurrency.hooks, n_hooks);
            tasks.push(tokio::spawn(loops::feeding_hooks(services.clone(), share, stop.subscribe())));
        }
        Ok(Self {
            config,
            store,
            services,
            shelf,
            metrics,
            workers,
            redis: None,
            stop,
            tasks,
            changed,
            token_wished,
            _watch: watch,
        })
    }

    /// The ports, for whoever shares the process: the demo.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// What operators may do.
    pub fn desk(&self) -> Desk {
        desk(&self.services, &self.shelf, &self.config)
    }

    /// The settings in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Loads campaigns and templates again, and looks whether another access token is wished for.
    pub fn reload(&self) {
        self.changed.notify_one();
        self.token_wished.notify_one();
    }

    /// Resolves when the service cannot go on and should be started anew.
    pub fn failed(&self) -> impl Future<Output = crate::queue::workers::WorkersError> + Send + 'static {
        self.workers.failed()
    }

    /// Takes no more, lets calls under way end, gives the rest back, closes the store, stops our own Redis.
    pub async fn stop(self) {
        // Calls first: their answers are recorded while the store is open, and callbacks are still taken in meanwhile.
        self.workers.stop(self.config.server.drain).await;
        self.stop.send_replace(true);
        for task in self.tasks {
            // A panic was logged where it happened.
            let _ = task.await;
        }
        self.store.close().await;
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender lives as long as the daemon; its end is a stop, too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn reloading(
    config: Arc<Config>,
    shelf: Arc<Shelf>,
    metrics: Arc<Metrics>,
    changed: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = changed.notified() => {}
        }
        let config = Arc::clone(&config);
        let Ok((in_force, wrong)) = tokio::task::spawn_blocking(move || files::read(&config)).await else { continue };
        files::tell(&wrong);
        metrics.config_reload_success.set(i64::from(wrong.is_empty()));
        metered::declare_flows(&in_force, &metrics);
        metered::declare_jobs(&in_force, &metrics);
        tracing::info!(
            campaigns = in_force.campaigns.len(),
            templates = in_force.templates.len(),
            left_out = wrong.len(),
            "campaigns and templates were loaded again"
        );
        shelf.replace(in_force);
    }
}

fn public_routes(
    config: &Config,
    services: &Services,
    shelf: &Arc<Shelf>,
    metrics: &Arc<Metrics>,
    signer: ReferenceSigner,
    sick: Arc<SickChannels>,
) -> Result<http::Routes, StartError> {
    let mut webhook = http::WebhookState::new(services.clone(), Arc::clone(metrics));
    webhook.verify_token.clone_from(&config.secrets.whatsapp_webhook_verify_token);
    webhook.trusted_proxies.clone_from(&config.server.trusted_proxies);
    let mut doors = http::ChannelDoors::new(services.clone(), Arc::clone(metrics), signer);
    doors.twilio = channels::twilio_check(config);
    doors.token.clone_from(&config.secrets.barid_api_token);
    doors.trusted_proxies.clone_from(&config.server.trusted_proxies);
    let api = http::ApiState {
        clock: Arc::clone(&services.clock),
        store: Arc::clone(&services.store),
        media: Arc::clone(&services.media.store),
        limits: Arc::clone(&services.limits),
        queue: Arc::clone(&services.queue),
        operations: Arc::new(desk(services, shelf, config)),
        token: config.secrets.barid_api_token.clone(),
        integration: http::Integration {
            missing: config.missing_for_serving(),
            senders: config.senders.iter().map(|sender| (sender.name.clone(), sender.id.clone(), sender.mps)).collect(),
            channels: Channel::FALLBACKS.map(|channel| (channel, config.missing_for(channel))).to_vec(),
            sick,
        },
    };
    let links = http::LinkState { clock: Arc::clone(&services.clock), store: Arc::clone(&services.store) };
    Ok(http::public_routes(Arc::new(webhook), &Arc::new(doors), Arc::new(links), Arc::new(api)))
}

fn reader(config: &Config) -> Reader {
    let secrets = &config.secrets;
    let in_force: Vec<_> =
        secrets.whatsapp_app_secret.iter().chain(&secrets.whatsapp_app_secret_previous).cloned().collect();
    Reader::new(&in_force)
}

/// Meta, to be asked about what is ours there, by a command; `None` where there is no token to ask with.
pub fn meta(config: &Config) -> Option<Result<whatsapp::Client, StartError>> {
    config.secrets.whatsapp_api_token.as_ref().map(|_| client(config))
}

fn client(config: &Config) -> Result<whatsapp::Client, StartError> {
    whatsapp::install_tls_provider();
    Ok(whatsapp::Client::new(&client_settings(config)?)?)
}

fn media(config: &Config, client: &whatsapp::Client) -> Result<MediaPorts, StartError> {
    let source = whatsapp::MediaClient::new(client, &client_settings(config)?, config.media.hosts.clone())?;
    let store = crate::media::Folder::new(config.media.keep.clone());
    Ok(MediaPorts { rules: Arc::new(config.media.rules.clone()), source: Arc::new(source), store: Arc::new(store) })
}

fn client_settings(config: &Config) -> Result<whatsapp::Settings, StartError> {
    let token = config.secrets.whatsapp_api_token.clone();
    Ok(whatsapp::Settings {
        graph_url: config.whatsapp.graph_url.as_str().to_owned(),
        api_version: config.whatsapp.api_version.clone(),
        token: token.ok_or_else(|| StartError::Missing(config.missing_for_serving()))?,
        senders: config.senders.iter().map(|sender| (sender.name.clone(), sender.id.clone())).collect(),
        connect_within: config.delivery.connect_timeout,
        answer_within: config.delivery.answer_timeout,
        proxy: None,
    })
}

fn limiter(
    config: &Config,
    lanes: &Lanes,
    store: &Arc<SqlStore>,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> Limiter {
    for sender in &config.senders {
        metrics.number_rate.with_label_values(&[sender.name.as_str()]).set(f64::from(sender.mps));
        metrics.tier_used.with_label_values(&[sender.portfolio.as_str()]).set(0.0);
    }
    let senders = config.senders.iter().map(|sender| limits::Sender {
        name: sender.name.clone(),
        mps: sender.mps,
        portfolio: sender.portfolio.clone(),
        tier: sender.tier.and_then(|tier| tier.people()),
    });
    let settings = limits::Settings {
        namespace: config.redis.namespace.clone(),
        senders: senders.collect(),
        channels: config.paces(),
        caps: Some(config.budget.clone()),
        rebuild_every: limits::REBUILD_EVERY,
    };
    let facts: Arc<dyn LimitFactsOf> = Arc::clone(store) as _;
    Limiter::start(&limits::Redis::over(lanes.link()), &facts, clock, settings)
}

fn desk(services: &Services, shelf: &Arc<Shelf>, config: &Config) -> Desk {
    let expires_after = SignedDuration::try_from(config.delivery.expires_after).unwrap_or(SignedDuration::MAX);
    // It opens runs and does none.
    let upkeep = standing::beside(services, config, None);
    Desk::new(services.clone(), Arc::clone(shelf), config.pricing.template.currency, expires_after, upkeep)
}

/// What is ours at Meta, as configured.
fn ours(config: &Config) -> Ours {
    let number = |sender: &Sender| OurNumber {
        name: sender.name.clone(),
        account: sender.business_account_id.clone(),
        mps: sender.mps,
        portfolio: sender.portfolio.clone(),
        tier: sender.tier,
    };
    Ours {
        app_id: config.whatsapp.app_id.clone(),
        callback_url: config
            .server
            .public_url
            .as_ref()
            .map(|url| format!("{}{}", url.as_str().trim_end_matches('/'), http::META_WEBHOOK_PATH)),
        numbers: config.senders.iter().map(number).collect(),
    }
}

fn rules(config: &Config) -> SendingRules {
    let signed = |duration: Duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    SendingRules {
        lease: signed(config.delivery.lease),
        call: signed(config.delivery.connect_timeout + config.delivery.answer_timeout),
        waits: config.retry.waits.iter().copied().map(signed).collect(),
        on_unknown: config.delivery.on_unknown,
        unknown_after: signed(config.delivery.unknown_after),
        senders: config.senders.iter().map(|sender| (sender.id.clone(), sender.name.clone())).collect(),
        feed_ahead: config.queue.feed_ahead,
        pace: config.senders.iter().map(|sender| (sender.name.clone(), sender.mps)).collect(),
        default_language: config.contacts.default_language,
        suspensions: suspension::Rules {
            ask_waits: config.suspend.ask_waits.iter().copied().map(signed).collect(),
            let_through_waits: config.suspend.let_through_waits.iter().copied().map(signed).collect(),
            quality_rest: signed(config.suspend.quality_rest),
        },
        default_sender: {
            let by_name = config.senders.iter().find(|sender| sender.name.as_str() == DEFAULT_SENDER);
            by_name.or(config.senders.first()).map_or_else(default_sender, |sender| sender.name.clone())
        },
        attribute_within: signed(config.feedback.attribute_within),
        allowed_hosts: config.allowed_hosts.clone(),
        opt_in_words: config.consent.words.clone(),
        public_url: config.server.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
        accounts: config
            .senders
            .iter()
            .map(|sender| (sender.name.clone(), sender.business_account_id.clone()))
            .collect(),
    }
}
