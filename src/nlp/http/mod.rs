//! `[nlp] mode = "http"`: a service of the operator's reads; where it does not answer, or not as agreed, the local reader does.
//!
//! What is posted: `{"texts": [...], "categories": [...]}`. What comes back: `{"model": "…", "version": "…", "results": [{"sentiment":
//! {"label": "positive|neutral|negative", "score": 0…1}, "category": {"name": "…", "score": 0…1}}, …]}`, one result for each text, either
//! part of it null or left out where the service does not know. Nothing else about a customer leaves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{NlpError, rules};
use crate::domain::analysis::{Analysis, CategoryFound, Model, Score, Sentiment, SentimentLabel};
use crate::domain::detected_language::detect;
use crate::domain::question::is_question;
use crate::outgoing::{chain, install_tls_provider};
use crate::ports::{Analyzer, AnalyzerError, Clock};

/// Texts in one request.
const N_TEXTS_AT_ONCE: usize = 64;
/// How much of an answer is read: far more than so many results need.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longer names of models are no names.
const NAME_BYTES_MAX: usize = 100;
/// After so many failures in a row the service is left alone for a while: each costs its whole time-out.
const N_FAILURES_MAX: u32 = 3;
/// For so long.
const REST: SignedDuration = SignedDuration::from_secs(60);

/// What is to be known about the service.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where it is.
    pub url: String,
    /// What it asks for, if anything.
    pub token: Option<SecretString>,
    /// Until it is given up.
    pub answer_within: Duration,
    /// What feedback can be about.
    pub categories: Vec<String>,
}

/// A service of the operator's, with the local reader behind it.
pub(super) struct Http {
    client: reqwest::Client,
    settings: HttpSettings,
    local: Arc<dyn Analyzer>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// What the service last did.
#[derive(Debug, Default)]
struct Seen {
    model: Option<Model>,
    n_failures: u32,
    rests_until: Option<Timestamp>,
}

impl Http {
    /// Makes the client; connects to nothing.
    pub(super) fn new(
        settings: HttpSettings,
        local: Arc<dyn Analyzer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NlpError> {
        install_tls_provider();
        let mut builder = reqwest::Client::builder()
            // A redirect could take what customers write to somebody whom nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.answer_within)
            .connect_timeout(settings.answer_within)
            .no_proxy()
            .referer(false)
            .user_agent(concat!("barid/", env!("CARGO_PKG_VERSION")));
        if settings.url.starts_with("http://") {
            // A machine without CA certificates can run it.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(NlpError::Client)?;
        Ok(Self { client, settings, local, clock, seen: Mutex::default() })
    }

    /// What the service says about these texts; or why that is of no use, without the texts.
    async fn ask(&self, texts: &[String]) -> Result<Vec<Analysis>, String> {
        let question = Question { texts, categories: &self.settings.categories };
        let mut request = self.client.post(&self.settings.url).json(&question);
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = request.send().await.map_err(chain)?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(chain)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        // What serde says may quote the answer, and that the texts; where it is does not.
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            format!("its answer is not as agreed, at line {} column {}", error.line(), error.column())
        })?;
        self.read(texts, answer)
    }

    fn read(&self, texts: &[String], answer: Answer) -> Result<Vec<Analysis>, String> {
        if answer.results.len() != texts.len() {
            return Err(format!("it answered {} results for {} texts", answer.results.len(), texts.len()));
        }
        let is_name = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if !is_name(&answer.model) || !is_name(&answer.version) {
            return Err(format!("its `model` or `version` is empty or longer than {NAME_BYTES_MAX} bytes"));
        }
        let model = Model { name: answer.model, version: answer.version };
        let known = |category: &CategoryAnswer| self.settings.categories.contains(&category.name);
        if !answer.results.iter().filter_map(|result| result.category.as_ref()).all(known) {
            return Err("it answered a category that was not asked for".to_owned());
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).model = Some(model.clone());
        let analysis = |(text, result): (&String, ResultAnswer)| Analysis {
            language: detect(text),
            sentiment: rules::sentiment_of(text).or_else(|| {
                result.sentiment.map(|found| Sentiment { label: found.label, score: Score::new(found.score) })
            }),
            category: result.category.map(|found| CategoryFound { name: found.name, score: Score::new(found.score) }),
            is_question: is_question(text),
            model: model.clone(),
        };
        Ok(texts.iter().zip(answer.results).map(analysis).collect())
    }

    fn rests(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.rests_until.is_some_and(|until| self.clock.now() < until)
    }

    fn failed(&self, because: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.n_failures += 1;
        if seen.n_failures >= N_FAILURES_MAX {
            seen.rests_until = self.clock.now().checked_add(REST).ok();
        }
        drop(seen);
        tracing::warn!(because, "the service that reads feedback is of no use now; it is read here");
    }

    fn answered(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.n_failures = 0;
        seen.rests_until = None;
    }
}

#[async_trait]
impl Analyzer for Http {
    async fn analyse(&self, texts: &[String]) -> Result<Vec<Analysis>, AnalyzerError> {
        let mut read = Vec::with_capacity(texts.len());
        for part in texts.chunks(N_TEXTS_AT_ONCE) {
            if self.rests() {
                read.extend(self.local.analyse(part).await?);
                continue;
            }
            match self.ask(part).await {
                Ok(answers) => {
                    self.answered();
                    read.extend(answers);
                }
                Err(because) => {
                    self.failed(&because);
                    read.extend(self.local.analyse(part).await?);
                }
            }
        }
        Ok(read)
    }

    fn model(&self) -> Option<Model> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).model.clone()
    }
}

#[derive(Serialize)]
struct Question<'a> {
    texts: &'a [String],
    categories: &'a [String],
}

#[derive(Deserialize)]
struct Answer {
    model: String,
    version: String,
    results: Vec<ResultAnswer>,
}

#[derive(Deserialize)]
struct ResultAnswer {
    #[serde(default)]
    sentiment: Option<SentimentAnswer>,
    #[serde(default)]
    category: Option<CategoryAnswer>,
}

#[derive(Deserialize)]
struct SentimentAnswer {
    label: SentimentLabel,
    score: f32,
}

#[derive(Deserialize)]
struct CategoryAnswer {
    name: String,
    score: f32,
}

#[cfg(test)]
mod tests;
