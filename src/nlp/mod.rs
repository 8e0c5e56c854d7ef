//! Understands what customers write: language, sentiment, category. Implements [`Analyzer`]; knows nothing of where texts come from
//! or where results go.
//!
//! | mode | sentiment and categories by |
//! |---|---|
//! | `local` | rules, then n-grams and, where there is one, the model file; they learn from the same sentences |
//! | `http` | a service of the operator's, and the above where it does not answer |
//! | `off` | nobody; the language is still told |

mod e5;
mod encoder;
mod evaluation;
mod http;
mod language_only;
mod lessons;
mod ngrams;
mod pool;
mod reader;
mod regression;
mod rules;
mod vector;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::evaluation::{Confusion, Group, Line, Measurement, SHIPPED, Subject, measure, read_evaluation};
pub use self::http::HttpSettings;
use crate::domain::causes::in_one_line;
use crate::domain::feedback_category::FeedbackCategories;
use crate::domain::labelled_text::LabelledText;
use crate::domain::share::Share;
use crate::ports::{Analyzer, Clock};

/// Whether to read with a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelFile {
    /// With n-grams.
    None,
    /// With this file if it is there, else with n-grams.
    IfThere(PathBuf),
    /// With this file.
    Required(PathBuf),
}

/// What a local reader needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The model file.
    pub model: ModelFile,
    /// What feedback can be about.
    pub categories: FeedbackCategories,
    /// Sentences that the operator labelled.
    pub labelled: Vec<LabelledText>,
    /// A category is named where its probability is above.
    pub category_above: Share,
    /// Threads that read.
    pub n_threads: usize,
}

/// Why there is no reader.
#[derive(Debug, thiserror::Error)]
pub enum NlpError {
    /// The model file cannot be used.
    #[error(
        "the model file `{}` {because}; bring it again with `make model`, or take it away to read feedback with n-grams",
        path.display()
    )]
    Model {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        because: String,
    },
    /// No client for the service could be made.
    #[error("cannot set up the connection to the service that reads feedback; check this machine's CA certificates")]
    Client(#[source] reqwest::Error),
    /// The system gives no threads.
    #[error("cannot start the threads that read feedback")]
    Threads(#[source] std::io::Error),
}

/// A reader in this process. Loads the model file, if there is one, and starts the threads; it learns before it reads the first text,
/// on those threads (with the model file, that takes some seconds).
///
/// # Errors
/// When the model file cannot be used, or the system gives no threads.
pub fn local(settings: &Settings) -> Result<Arc<dyn Analyzer>, NlpError> {
    let above = above(settings);
    let lessons = lessons::Lessons::of(&settings.categories, &settings.labelled);
    let model = load(&settings.model)?;
    let signature = reader::signature(&lessons, model.as_deref());
    let learn = move || reader::Reader::learn(&lessons, above, model.clone());
    Ok(Arc::new(pool::Pool::start(settings.n_threads, signature, learn).map_err(NlpError::Threads)?))
}

/// The model, if there is to be one.
fn load(file: &ModelFile) -> Result<Option<Arc<e5::E5>>, NlpError> {
    let path = match file {
        ModelFile::None => return Ok(None),
        ModelFile::IfThere(path) if !path.exists() => return Ok(None),
        ModelFile::IfThere(path) | ModelFile::Required(path) => path,
    };
    let because = |error: e5::ModelError| NlpError::Model { path: path.clone(), because: in_one_line(&error) };
    e5::E5::load(path).map(|model| Some(Arc::new(model))).map_err(because)
}

/// From which probability on a category is named.
fn above(settings: &Settings) -> f32 {
    f32::from(settings.category_above.basis_points()) / f32::from(Share::ALL.basis_points())
}

/// A service of the operator's, with `local` behind it. Connects to nothing yet.
///
/// # Errors
/// When no client can be made.
pub fn http(
    settings: HttpSettings,
    local: Arc<dyn Analyzer>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Analyzer>, NlpError> {
    Ok(Arc::new(http::Http::new(settings, local, clock)?))
}

/// A reader that tells the language only.
pub fn off() -> Arc<dyn Analyzer> {
    Arc::new(language_only::LanguageOnly)
}
