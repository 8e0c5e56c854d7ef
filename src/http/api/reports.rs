//! `/api/v1/reports/costs` and `…/review`: what messages cost on some days, and a month beside the one before it; as JSON, CSV or a page.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use warp::reply::{Reply, Response};

use super::query::Query;
use super::{ApiState, reply, with};
use crate::domain::cost_report::{self, Period, ShownReport, WantedDays};
use crate::domain::language::Language;
use crate::domain::review::{self, ShownReview};
use crate::http::error::Problem;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let query = warp::query::<HashMap<String, String>>;
    let costs = warp::path!("api" / "v1" / "reports" / "costs").and(warp::get()).and(query()).and(with(state)).then(
        |parameters, state: Arc<ApiState>| async move {
            costs(&state, parameters).await.unwrap_or_else(Reply::into_response)
        },
    );
    let review = warp::path!("api" / "v1" / "reports" / "review").and(warp::get()).and(query()).and(with(state)).then(
        |parameters, state: Arc<ApiState>| async move {
            review(&state, parameters).await.unwrap_or_else(Reply::into_response)
        },
    );
    costs.or(review).unify().boxed()
}

async fn costs(state: &ApiState, parameters: HashMap<String, String>) -> Result<Response, Problem> {
    let query = Query::new(parameters, &["period", "from", "to", "format", "language"])?;
    let wanted = WantedDays::new(query.named("period", Period::named)?, query.parsed("from")?, query.parsed("to")?);
    let wanted = wanted.map_err(Problem::bad_request)?;
    let form = Form::wanted(&query)?;
    let report = state.operations.report_costs(wanted).await?;
    Ok(match form {
        Form::Json => json(&ShownReport::new(&report, true)),
        Form::Csv => csv(cost_report::to_csv(&report)),
        Form::Page(language) => page(cost_report::to_html(&report, language)),
    })
}

async fn review(state: &ApiState, parameters: HashMap<String, String>) -> Result<Response, Problem> {
    let query = Query::new(parameters, &["month", "format", "language"])?;
    let month = query.parsed("month")?;
    let form = Form::wanted(&query)?;
    let review = state.operations.report_review(month).await?;
    Ok(match form {
        Form::Json => json(&ShownReview::new(&review)),
        Form::Csv => csv(review::to_csv(&review)),
        Form::Page(language) => page(review::to_html(&review, language)),
    })
}

/// In which form a report is wanted.
enum Form {
    Json,
    Csv,
    Page(Language),
}

impl Form {
    fn wanted(query: &Query) -> Result<Self, Problem> {
        let of_code = |code: &str| Language::ALL.into_iter().find(|language| language.code() == code);
        let language = query.named("language", of_code)?.unwrap_or(Language::En);
        match query.text("format").unwrap_or("json") {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "html" => Ok(Self::Page(language)),
            _ => Err(Problem::bad_request("parameter `format`: give `json`, `csv` or `html`")),
        }
    }
}

fn json(report: &impl Serialize) -> Response {
    reply(Ok(report))
}

fn csv(text: String) -> Response {
    typed(text, "text/csv; charset=utf-8")
}

fn page(html: String) -> Response {
    let mut page = typed(html, "text/html; charset=utf-8");
    // It needs its own styles and nothing else, and nobody else may put it into a page.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    page
}

fn typed(body: String, content_type: &'static str) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
