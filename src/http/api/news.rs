//! `/api/v1/news`: the callbacks that are kept, and applying them again.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::ids::JournalId;
use crate::http::body;
use crate::http::error::Problem;
use crate::ports::{JournalFilter, JournalRow};

/// A replay names its rows by a few words, or one by one.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Rows that one replay names one by one.
const ROWS_MAX: usize = 5_000;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "news")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let replay = warp::path!("api" / "v1" / "news" / "replay")
        .and(warp::post())
        .and(with(state))
        .and(warp::body::stream())
        .then(|state: Arc<ApiState>, stream| async move {
            match body::collect(stream, None, BODY_BYTES_MAX).await {
                Ok(body) => reply(replay(&state, &body).await),
                Err(_) => Problem::too_large(BODY_BYTES_MAX).into_response(),
            }
        });
    list.or(replay).unify().boxed()
}

/// A callback body that is kept, without what it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewsItem {
    /// Which row of the journal.
    pub id: JournalId,
    /// Who brought it.
    pub source: String,
    /// When.
    pub received_at: Timestamp,
    /// Why it could not be read, if so.
    pub set_aside: Option<String>,
    /// How large it is.
    pub bytes: u64,
    /// In a dry run: what applying it would take up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

impl From<JournalRow> for NewsItem {
    fn from(row: JournalRow) -> Self {
        let JournalRow { id, source, received_at, set_aside, bytes } = row;
        Self { id, source: source.name().to_owned(), received_at, set_aside, bytes, says: None }
    }
}

async fn list(state: &ApiState, query: HashMap<String, String>) -> Result<List<NewsItem>, Problem> {
    let query = Query::new(query, &["set_aside", "since", "until"])?;
    let filter = JournalFilter {
        rows: Vec::new(),
        since: query.parsed("since")?,
        until: query.parsed("until")?,
        set_aside: query.parsed::<bool>("set_aside")?.unwrap_or(false),
    };
    let after = query.cursor()?.map(JournalId::new);
    let page = state.store.kept_rows(&filter, after, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(NewsItem::from).collect(), next: next(page.next) })
}

/// What a replay is asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewsReplayRequest {
    /// These rows.
    pub rows: Vec<JournalId>,
    /// Received at or after this moment.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
    /// Only those that were set aside.
    pub set_aside: bool,
    /// Needed where nothing else says which.
    pub all: bool,
    /// Only said, not done.
    pub dry_run: bool,
}

/// What a replay did, or would do.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewsReplayed {
    /// How many rows.
    pub rows: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// In a dry run: the first of them, and what each says.
    #[serde(default)]
    pub items: Vec<NewsItem>,
}

async fn replay(state: &ApiState, body: &[u8]) -> Result<NewsReplayed, Problem> {
    let wanted: NewsReplayRequest = serde_json::from_slice(body).map_err(|error| {
        let shape = "`{\"rows\": […], \"since\": …, \"until\": …, \"set_aside\": true, \"dry_run\": true}`";
        Problem::bad_request(format!("{error}; send some of {shape}"))
    })?;
    let NewsReplayRequest { rows, since, until, set_aside, all, dry_run } = wanted;
    if rows.len() > ROWS_MAX {
        return Err(Problem::bad_request(format!("`rows` may hold {ROWS_MAX} ids at most")));
    }
    let filter = JournalFilter { rows, since, until, set_aside };
    if filter == JournalFilter::default() && !all {
        let detail =
            "say which: `rows`, `since`, `until` or `set_aside`; or `\"all\": true` for everything that is kept";
        return Err(Problem::bad_request(detail));
    }
    if dry_run {
        let (rows, items) = state.operations.look_at_news(&filter).await?;
        return Ok(NewsReplayed { rows, dry_run, items });
    }
    let rows = state.operations.replay_news(&filter).await?;
    Ok(NewsReplayed { rows, dry_run, items: Vec::new() })
}
