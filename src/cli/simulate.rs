//! `barid simulate`: a Graph API on this machine, set up to fit the configuration of the barid that will talk to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use crate::cli::approved_templates::approved_templates;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::screen;
use crate::simulator::{Number, Settings, Simulator, SimulatorError};

/// Where it listens unless told otherwise: what `config/development.toml` expects.
const LISTEN: &str = "127.0.0.1:8600";

/// Play Meta on this machine: validate, limit, refuse and call back as the Graph API does
#[derive(Debug, clap::Args)]
pub(super) struct Simulate {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = LISTEN)]
    listen: SocketAddr,
    /// Behaviour, faults, limits and numbers; without it, those of the configuration and no faults
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Where to listen as a mail server; without it there is none, unless the settings say so
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<SocketAddr>,
    /// Where callbacks go; without it, to the barid of the configuration
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
}

pub(super) fn run(arguments: &Simulate, config: Option<&Path>) -> Ended {
    let installation = Installation::load(config)?;
    let settings = settings(arguments, &installation)?;
    super::wait_for(async {
        let simulator = Simulator::start(settings).await.map_err(|error| {
            let exit = if matches!(error, SimulatorError::Listen { .. }) { Exit::Unavailable } else { Exit::Config };
            Failure::new(exit, error)
        })?;
        let webhook = simulator.settings().webhook_url.as_deref().unwrap_or("nobody");
        screen::say(&format!(
            "the simulator answers on {} and calls back {webhook}; stop it with Ctrl-C",
            simulator.url()
        ))?;
        if let Some(mail) = simulator.mail_addr() {
            screen::say(&format!("mail is taken at smtp://{mail}"))?;
        }
        stopped().await?;
        let counts = serde_json::to_value(simulator.counts()).or_exit(Exit::Software)?;
        simulator.shutdown().await;
        screen::json(&counts)
    })
}

/// Waits for an interrupt or for being told to end.
async fn stopped() -> Ended {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).or_exit(Exit::Software)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.or_exit(Exit::Software),
        _ = terminate.recv() => Ok(()),
    }
}

/// What the file says; what it leaves out follows from the configuration, so that both sides fit without being told.
fn settings(arguments: &Simulate, installation: &Installation) -> Ended<Settings> {
    let config = &installation.config;
    let mut settings = match &arguments.settings {
        Some(file) => {
            let reading = || format!("cannot read the simulator's settings `{}`; check the path", file.display());
            let text = std::fs::read_to_string(file).with_context(reading).or_exit(Exit::NoInput)?;
            let wrong = || format!("the file `{}` is wrong", file.display());
            Settings::from_toml(&text).with_context(wrong).or_exit(Exit::Config)?
        }
        None => {
            let mut settings = Settings::default();
            let numbers = config.senders.iter().map(|sender| Number {
                phone_number_id: sender.id.to_string(),
                business_account_id: sender
                    .business_account_id
                    .clone()
                    .unwrap_or_else(|| Number::default().business_account_id),
                ..Number::default()
            });
            let numbers: Vec<Number> = numbers.collect();
            if !numbers.is_empty() {
                settings.numbers = numbers;
            }
            settings
        }
    };
    settings.listen = arguments.listen;
    let secrets = &config.secrets;
    for (secret, setting) in [
        (&secrets.whatsapp_api_token, &mut settings.token),
        (&secrets.whatsapp_app_secret, &mut settings.app_secret),
        (&secrets.whatsapp_webhook_verify_token, &mut settings.verify_token),
        (&secrets.twilio_account_sid, &mut settings.twilio.account_sid),
        (&secrets.twilio_auth_token, &mut settings.twilio.auth_token),
    ] {
        if let Some(secret) = secret {
            secret.expose_secret().clone_into(setting);
        }
    }
    settings.mail.listen = arguments.mail.or(settings.mail.listen);
    // Twilio signs the address that it calls, so it must be the one that barid knows.
    if let (None, Some(url)) = (&settings.twilio.inbound_url, &config.server.public_url) {
        settings.twilio.inbound_url = Some(format!("{}/api/twilio/inbound", url.as_str()));
    }
    let ours = || {
        let listen = config.server.listen;
        let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
        format!("http://{host}:{}/api/whatsapp/webhook", listen.port())
    };
    settings.webhook_url = arguments.webhook.clone().or(settings.webhook_url).or_else(|| Some(ours()));
    let (templates, errors) = crate::config::templates::Templates::load(&config.templates_dir, &config.brand);
    for error in errors {
        screen::remark(&format!("left out: {error}"));
    }
    let known: Vec<(String, String)> =
        settings.templates.iter().map(|template| (template.name.clone(), template.language.clone())).collect();
    let approved = approved_templates(&templates).or_exit(Exit::Config)?;
    settings.templates.extend(
        approved.into_iter().filter(|template| !known.contains(&(template.name.clone(), template.language.clone()))),
    );
    Ok(settings)
}
