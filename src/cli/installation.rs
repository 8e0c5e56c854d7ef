//! What a command works on: configuration, store, campaign files, and the daemon if one runs.

use std::path::Path;
use std::sync::Arc;

use crate::cli::daemon_api::DaemonApi;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::screen;
use crate::config::campaigns::{CampaignContext, CampaignFiles};
use crate::config::templates::Templates;
use crate::config::{Config, Environment, FileErrors};
use crate::daemon::clock::SystemClock;
use crate::domain::campaign::Campaign;
use crate::domain::country::CountryCode;
use crate::domain::ids::CampaignName;
use crate::domain::problem::did_you_mean;
use crate::domain::template::MessageTemplate;
use crate::ports::Clock;
use crate::store::{SqlStore, StoreOpenError, StoreSettings};

/// The configuration, and what follows from it.
pub(super) struct Installation {
    pub(super) config: Config,
    /// The country of numbers that do not tell theirs.
    pub(super) default_country: Option<CountryCode>,
}

/// Campaigns and templates as their files define them now.
pub(super) struct Files {
    pub(super) campaigns: Vec<Campaign>,
    pub(super) templates: Templates,
    pub(super) errors: Vec<FileErrors>,
}

impl Installation {
    /// Reads the configuration; everything wrong with it is one failure.
    pub(super) fn load(config: Option<&Path>) -> Ended<Self> {
        let config = Config::load(config, &Environment::of_process()).or_exit(Exit::Config)?;
        let default_country = config.contacts.default_country;
        Ok(Self { config, default_country })
    }

    /// The time.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Opens the store. Its folder is made if the store is a file of our own.
    pub(super) async fn store(&self) -> Ended<SqlStore> {
        if self.config.store.url.is_none() {
            let folder = &self.config.state_dir;
            std::fs::create_dir_all(folder)
                .map_err(|error| {
                    let what = format!(
                        "cannot make the folder `{}`; set `state_dir` to one that we may write",
                        folder.display()
                    );
                    anyhow::Error::new(error).context(what)
                })
                .or_exit(Exit::Io)?;
        }
        let settings = StoreSettings {
            readers: 4,
            hooks: self.config.subscriptions(),
            double_opt_in: self.config.consent.double_opt_in,
            tariff: Arc::clone(&self.config.pricing.tariff),
            ..StoreSettings::default()
        };
        SqlStore::open(self.config.store_url().expose(), &settings).await.map_err(cannot_open)
    }

    /// The daemon, if one runs that we may talk to.
    pub(super) async fn daemon(&self) -> Ended<Option<DaemonApi>> {
        match &self.config.secrets.barid_api_token {
            Some(token) => DaemonApi::find(self.config.server.listen, token).await,
            None => Ok(None),
        }
    }

    /// What a local reader of feedback needs to know. `model` is taken in place of the configured file; it must be there then.
    pub(super) fn nlp(&self, model: Option<&Path>, without_model: bool) -> crate::nlp::Settings {
        let settings = crate::daemon::reading::settings(&self.config);
        let model = match (model, without_model) {
            (_, true) => crate::nlp::ModelFile::None,
            (Some(path), _) => crate::nlp::ModelFile::Required(path.to_owned()),
            (None, false) => settings.model.clone(),
        };
        crate::nlp::Settings { model, ..settings }
    }

    /// Reads all campaigns and templates.
    pub(super) fn files(&self) -> Files {
        let (templates, mut errors) = Templates::load(&self.config.templates_dir, &self.config.brand);
        let context = CampaignContext::new(&self.config, &templates);
        let (campaigns, wrong) = CampaignFiles::load(&self.config.campaigns_dir(), &context);
        errors.extend(wrong);
        Files { campaigns, templates, errors }
    }

    /// The campaign of that name with its template. When its file is wrong, all that is wrong with it is told.
    pub(super) fn campaign(&self, name: &CampaignName) -> Ended<(Campaign, Arc<MessageTemplate>)> {
        let mut files = self.files();
        let found = files.campaigns.iter().position(|campaign| campaign.name == *name);
        if let Some(found) = found {
            let campaign = files.campaigns.swap_remove(found);
            let template = files.templates.get(&campaign.template).cloned();
            let template = template
                .ok_or_else(|| Failure::because(Exit::Software, "a campaign was loaded without its template"))?;
            return Ok((campaign, template));
        }
        let wrong = files.errors.iter().find(|error| error.file.file_stem().is_some_and(|stem| stem == name.as_str()));
        if let Some(wrong) = wrong {
            screen::remark(&wrong.to_string());
            return Err(Failure::because(
                Exit::Config,
                format!("the file of the campaign `{name}` is wrong; correct what is told above"),
            ));
        }
        let nearest = did_you_mean(name.as_str(), files.campaigns.iter().map(|campaign| campaign.name.as_str()));
        Err(Failure::because(
            Exit::NoInput,
            format!("there is no campaign `{name}` in `{}`{nearest}", self.config.campaigns_dir().display()),
        ))
    }
}

/// With the exit code that fits.
pub(super) fn cannot_open(error: StoreOpenError) -> Failure {
    let exit = match &error {
        StoreOpenError::WrongUrl | StoreOpenError::InMemory => Exit::Config,
        StoreOpenError::Locked(_) => Exit::Temporary,
        StoreOpenError::Unreachable { .. } | StoreOpenError::Refused { .. } => Exit::Unavailable,
        StoreOpenError::File { .. } | StoreOpenError::Migration { .. } | StoreOpenError::Randomness(_) => Exit::Io,
    };
    // Its sentence is whole, and its source may name the address with a password in it.
    Failure::because(exit, error.to_string())
}
