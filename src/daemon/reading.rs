//! Who reads feedback, as the configuration says.

use std::sync::Arc;

use crate::config::Config;
use crate::config::nlp::NlpMode;
use crate::daemon::StartError;
use crate::domain::causes::in_one_line;
use crate::nlp::{self, HttpSettings, ModelFile, NlpError, Settings};
use crate::ports::{Analyzer, Clock};

/// What a reader in this process needs to know.
pub fn settings(config: &Config) -> Settings {
    let nlp = &config.nlp;
    Settings {
        model: if nlp.is_model_set {
            ModelFile::Required(nlp.model.clone())
        } else {
            ModelFile::IfThere(nlp.model.clone())
        },
        categories: nlp.categories.clone(),
        labelled: nlp.labelled.clone(),
        category_above: nlp.category_above,
        n_threads: nlp.threads,
    }
}

/// The reader. The one in this process stands behind a service of the operator's.
pub(super) fn analyzer(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Analyzer>, StartError> {
    let wrong = |error: NlpError| StartError::Setting(in_one_line(&error));
    let nlp = &config.nlp;
    if nlp.mode == NlpMode::Off {
        return Ok(nlp::off());
    }
    let local = nlp::local(&settings(config)).map_err(wrong)?;
    match (&nlp.url, nlp.mode) {
        (Some(url), NlpMode::Http) => {
            let settings = HttpSettings {
                url: url.as_str().to_owned(),
                token: config.secrets.nlp_api_token.clone(),
                answer_within: nlp.timeout,
                categories: nlp.categories.names().map(str::to_owned).collect(),
            };
            nlp::http(settings, local, Arc::clone(clock)).map_err(wrong)
        }
        _ => Ok(local),
    }
}
