//! `/api/v1/flows`: what came of the conversations that flows describe, one by one and in figures.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::flow::{FlowCounts, ResultState, ScaleScore, VersionScores, scores};
use crate::domain::ids::{ContactId, FlowName};
use crate::domain::problem::did_you_mean;
use crate::http::error::Problem;
use crate::ports::{KeptResult, ResultFilter};

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let results = warp::path!("api" / "v1" / "flows" / String / "results")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|flow: String, state: Arc<ApiState>, query| async move { reply(results(&state, &flow, query).await) });
    let figures = warp::path!("api" / "v1" / "flows" / String / "scores")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|flow: String, state: Arc<ApiState>, query| async move { reply(figures(&state, &flow, query).await) });
    results.or(figures).unify().boxed()
}

/// What came of one conversation, as the API and the command line show it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRow {
    /// With whom it was held.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<String>,
    /// Which flow.
    pub flow: FlowName,
    /// The version with which it began.
    pub version: u32,
    /// The language in which it was held at the end.
    pub language: String,
    /// How it ended: `completed`, `partial`, `abandoned` or `escalated`.
    pub state: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What was understood, one member for each question that was answered: words, the name of a choice, a number, a day, a step of a scale.
    pub answers: BTreeMap<String, Value>,
}

impl From<KeptResult> for ResultRow {
    fn from(kept: KeptResult) -> Self {
        let result = kept.result;
        let answers = result.answers.into_iter().map(|answer| (answer.step.to_string(), answer.value.as_json()));
        Self {
            contact: kept.contact,
            phone: kept.phone,
            flow: result.flow,
            version: result.version,
            language: result.language.code().to_owned(),
            state: result.state.map(|state| state.name().to_owned()),
            began_at: result.began_at,
            ended_at: result.ended_at,
            answers: answers.collect(),
        }
    }
}

/// What a flow comes to, as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoresItem {
    /// Which flow.
    pub flow: FlowName,
    /// Of conversations that ended at or after this moment; `null`: of all.
    pub since: Option<Timestamp>,
    /// And before this one.
    pub until: Option<Timestamp>,
    /// Each version by itself, newest first: their answers must not be added up.
    pub versions: Vec<VersionItem>,
}

/// What one version of a flow comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionItem {
    /// Which.
    pub version: u32,
    /// Conversations that ended.
    pub ended: u64,
    /// Those that came to their end.
    pub completed: u64,
    /// Those that ended before, with some answers.
    pub partial: u64,
    /// Those that ended before, without any.
    pub abandoned: u64,
    /// Those that a person took over.
    pub escalated: u64,
    /// `completed ÷ ended`, from 0 to 1; `null` where none ended.
    pub completion_rate: Option<f64>,
    /// Each question on a scale.
    pub questions: Vec<QuestionItem>,
}

/// The figure of one question, as its scale has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionItem {
    /// The name of the step.
    pub question: String,
    /// Counts and figure.
    #[serde(flatten)]
    pub figure: Figure,
}

/// Counts and figure on a scale. Shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "scale", rename_all = "lowercase")]
pub enum Figure {
    /// `(promoters − detractors) ÷ answered × 100`, from −100 to 100.
    Nps {
        /// Who answered.
        answered: u64,
        /// 9 and 10.
        promoters: u64,
        /// 7 and 8.
        passives: u64,
        /// 0 to 6.
        detractors: u64,
        /// The score.
        nps: f64,
    },
    /// How satisfied people are, from 1 to 5.
    Csat {
        /// Who answered.
        answered: u64,
        /// 4 and 5.
        satisfied: u64,
        /// `satisfied ÷ answered`.
        satisfied_share: f64,
        /// The mean.
        mean: f64,
    },
    /// How far people agree that it was easy, from 1 to 7.
    Ces {
        /// Who answered.
        answered: u64,
        /// 5 to 7.
        agreed: u64,
        /// `agreed ÷ answered`.
        agreed_share: f64,
        /// The mean.
        mean: f64,
    },
}

impl From<ScaleScore> for Figure {
    fn from(score: ScaleScore) -> Self {
        match score {
            ScaleScore::Nps(nps) => Self::Nps {
                answered: nps.promoters + nps.passives + nps.detractors,
                promoters: nps.promoters,
                passives: nps.passives,
                detractors: nps.detractors,
                nps: f64::from(nps.tenths) / 10.0,
            },
            ScaleScore::Csat(csat) => Self::Csat {
                answered: csat.answered,
                satisfied: csat.satisfied,
                satisfied_share: f64::from(csat.per_mille) / 1_000.0,
                mean: f64::from(csat.mean_hundredths) / 100.0,
            },
            ScaleScore::Ces(ces) => Self::Ces {
                answered: ces.answered,
                agreed: ces.agreed,
                agreed_share: f64::from(ces.per_mille) / 1_000.0,
                mean: f64::from(ces.mean_hundredths) / 100.0,
            },
        }
    }
}

impl From<VersionScores> for VersionItem {
    fn from(of: VersionScores) -> Self {
        Self {
            version: of.version,
            ended: of.n_ended(),
            completed: of.n(ResultState::Completed),
            partial: of.n(ResultState::Partial),
            abandoned: of.n(ResultState::Abandoned),
            escalated: of.n(ResultState::Escalated),
            completion_rate: of.completion_per_mille.map(|share| f64::from(share) / 1_000.0),
            questions: of
                .questions
                .into_iter()
                .map(|question| QuestionItem { question: question.step.to_string(), figure: question.score.into() })
                .collect(),
        }
    }
}

impl ScoresItem {
    /// What these counts come to.
    pub fn new(filter: ResultFilter, counts: &FlowCounts) -> Self {
        let versions = scores(counts).into_iter().map(Into::into).collect();
        Self { flow: filter.flow, since: filter.since, until: filter.until, versions }
    }
}

async fn results(
    state: &ApiState,
    flow: &str,
    parameters: HashMap<String, String>,
) -> Result<List<ResultRow>, Problem> {
    let query = Query::new(parameters, &["since", "until", "state"])?;
    let filter = filter(flow, &query)?;
    let page = state.store.flow_results(&filter, query.cursor()?, query.limit()?).await?;
    if page.items.is_empty() {
        known(state, &filter).await?;
    }
    Ok(List { items: page.items.into_iter().map(Into::into).collect(), next: next(page.next) })
}

async fn figures(state: &ApiState, flow: &str, parameters: HashMap<String, String>) -> Result<ScoresItem, Problem> {
    let query = Query::new(parameters, &["since", "until"])?;
    let filter = filter(flow, &query)?;
    let counts = state.store.flow_counts(&filter).await?;
    if counts.ended.is_empty() {
        known(state, &filter).await?;
    }
    Ok(ScoresItem::new(filter, &counts))
}

fn filter(flow: &str, query: &Query) -> Result<ResultFilter, Problem> {
    Ok(ResultFilter {
        flow: flow.parse().map_err(|error| Problem::not_found(format!("{error}")))?,
        since: query.parsed("since")?,
        until: query.parsed("until")?,
        state: query.named("state", ResultState::named)?,
    })
}

/// A misspelt name must not look like a flow that nobody answered. One whose file is gone still has its results.
async fn known(state: &ApiState, filter: &ResultFilter) -> Result<(), Problem> {
    let flows = state.operations.flows();
    if flows.contains(&filter.flow) {
        return Ok(());
    }
    let ever = ResultFilter { flow: filter.flow.clone(), since: None, until: None, state: None };
    if !state.store.flow_results(&ever, None, 1).await?.items.is_empty() {
        return Ok(());
    }
    let nearest = did_you_mean(filter.flow.as_str(), flows.iter().map(FlowName::as_str));
    Err(Problem::not_found(format!("there is no flow `{}`, and nothing came of one{nearest}", filter.flow)))
}
