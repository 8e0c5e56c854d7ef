//! `/api/v1/reports/costs`: what messages cost on some days, as JSON, CSV or a page.

use std::collections::HashMap;
use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use warp::reply::{Reply, Response};

use super::query::Query;
use super::{ApiState, reply, with};
use crate::domain::cost_report::{Period, ShownReport, WantedDays, to_csv, to_html};
use crate::domain::language::Language;
use crate::http::error::Problem;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "v1" / "reports" / "costs")
        .and(warp::get())
        .and(warp::query::<HashMap<String, String>>())
        .and(with(state))
        .then(|parameters, state: Arc<ApiState>| async move {
            costs(&state, parameters).await.unwrap_or_else(Reply::into_response)
        })
        .boxed()
}

async fn costs(state: &ApiState, parameters: HashMap<String, String>) -> Result<Response, Problem> {
    let query = Query::new(parameters, &["period", "from", "to", "format", "language"])?;
    let wanted = WantedDays::new(query.named("period", Period::named)?, query.parsed("from")?, query.parsed("to")?);
    let wanted = wanted.map_err(Problem::bad_request)?;
    let of_code = |code: &str| Language::ALL.into_iter().find(|language| language.code() == code);
    let language = query.named("language", of_code)?.unwrap_or(Language::En);
    let format = query.text("format").unwrap_or("json");
    if !["json", "csv", "html"].contains(&format) {
        return Err(Problem::bad_request("parameter `format`: give `json`, `csv` or `html`"));
    }
    let report = state.operations.report_costs(wanted).await?;
    Ok(match format {
        "csv" => typed(to_csv(&report), "text/csv; charset=utf-8"),
        "html" => {
            let mut page = typed(to_html(&report, language), "text/html; charset=utf-8");
            // It needs its own styles and nothing else, and nobody else may put it into a page.
            let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            page
        }
        _ => reply(Ok(ShownReport::new(&report, true))),
    })
}

fn typed(body: String, content_type: &'static str) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
