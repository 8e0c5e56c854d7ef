//! `barid news`: callbacks that are kept, and applying them again. Through the daemon while one runs; else the rows wait in the store for the next
//! one.

use jiff::Timestamp;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::daemon::news_replays;
use crate::domain::ids::JournalId;
use crate::http::{NewsItem, NewsReplayRequest, NewsReplayed};
use crate::ports::{JournalFilter, KeptNews as _};
use crate::store::SqlStore;

/// Rows that are asked of the store at once.
const PAGE: u64 = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum News {
    List(List),
    Replay(Replay),
}

/// Which rows.
#[derive(Debug, Clone, clap::Args)]
struct Range {
    /// Received at or after this moment, such as 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Received before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

/// List callbacks that could not be read and were set aside, with the reason
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    range: Range,
    /// Also those that were applied
    #[arg(long)]
    all: bool,
    /// How many, oldest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

/// Apply callbacks again: those named, of a time, or that were set aside
///
/// Safe to repeat: what the record knows already changes nothing. What followed from a callback beside the record, such as the suspension of a
/// template, does not follow a second time.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  barid news replay --set-aside\n  barid news replay --since 2026-12-01T09:00:00Z --until 2026-12-01T10:00:00Z --dry-run\n  \
                        barid news replay jrn_0000002d"
)]
pub(super) struct Replay {
    /// Which, by the ids that `news list` shows
    #[arg(value_name = "ID")]
    rows: Vec<JournalId>,
    #[command(flatten)]
    range: Range,
    /// Only those that could not be read and were set aside
    #[arg(long)]
    set_aside: bool,
    /// All that are kept
    #[arg(long, conflicts_with_all = ["rows", "since", "until", "set_aside"])]
    all: bool,
    /// Only say what each of them would do
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(command: &News, installation: &Installation) -> Ended {
    match command {
        News::List(arguments) => list(arguments, installation).await,
        News::Replay(arguments) => replay(arguments, installation).await,
    }
}

async fn list(arguments: &List, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let Range { since, until } = arguments.range;
    let filter = JournalFilter { rows: Vec::new(), since, until, set_aside: !arguments.all };
    let (mut items, mut after): (Vec<NewsItem>, _) = (Vec::new(), None);
    while (items.len() as u64) < arguments.limit {
        let limit = PAGE.min(arguments.limit - items.len() as u64);
        let page = store.kept_rows(&filter, after, limit).await.or_exit(Exit::Unavailable)?;
        items.extend(page.items.into_iter().map(NewsItem::from));
        match page.next {
            Some(next) => after = Some(JournalId::new(next)),
            None => break,
        }
    }
    if arguments.json.json { screen::json(&items) } else { table(items) }
}

fn table(items: Vec<NewsItem>) -> Ended {
    let cells = |item: NewsItem| {
        let why = item.says.or(item.set_aside).unwrap_or_default();
        [item.id.to_string(), item.received_at.to_string(), item.source, item.bytes.to_string(), why]
    };
    screen::table(["id", "received", "from", "bytes", "why or what"], items.into_iter().map(cells))
}

async fn replay(arguments: &Replay, installation: &Installation) -> Ended {
    let Replay { rows, range: Range { since, until }, set_aside, all, dry_run, json } = arguments;
    let filter = JournalFilter { rows: rows.clone(), since: *since, until: *until, set_aside: *set_aside };
    if filter == JournalFilter::default() && !all {
        let what = "say which: ids, `--since`, `--until` or `--set-aside`; `--all` for everything that is kept";
        return Err(Failure::because(Exit::Usage, what));
    }
    let (replayed, remark) = match installation.daemon().await? {
        Some(daemon) => {
            let JournalFilter { rows, since, until, set_aside } = filter;
            let request = NewsReplayRequest { rows, since, until, set_aside, all: *all, dry_run: *dry_run };
            let body = serde_json::to_string(&request).or_exit(Exit::Software)?;
            (daemon.post::<NewsReplayed>("/api/v1/news/replay", body).await?, "")
        }
        None => {
            let store = installation.store().await?;
            let done = in_store(&store, &filter, *dry_run).await;
            store.close().await;
            (done?, " (no daemon was asked: they are applied when `barid serve` runs)")
        }
    };
    if json.json {
        return screen::json(&replayed);
    }
    if !dry_run {
        return screen::say(&format!("applied again: {}{remark}", replayed.rows));
    }
    let more = replayed.rows.saturating_sub(replayed.items.len() as u64);
    table(replayed.items)?;
    if more > 0 {
        screen::remark(&format!("and {more} more"));
    }
    screen::say(&format!("would be applied again: {}", replayed.rows))
}

async fn in_store(store: &SqlStore, filter: &JournalFilter, dry_run: bool) -> Ended<NewsReplayed> {
    if dry_run {
        // Bodies are read without secrets: whose they are was checked before they were kept.
        let webhook = crate::whatsapp::Reader::new(&[]);
        let readers = news_replays::readers_without_keys();
        let looked = news_replays::look(store, &webhook, &readers, filter).await.or_exit(Exit::Unavailable)?;
        return Ok(NewsReplayed { rows: looked.0, dry_run, items: looked.1 });
    }
    let (mut after, mut rows) = (None, 0);
    loop {
        let page = store.kept_rows(filter, after, PAGE).await.or_exit(Exit::Unavailable)?;
        let ids: Vec<JournalId> = page.items.iter().map(|row| row.id).collect();
        rows += store.reopen(ids).await.or_exit(Exit::Unavailable)?.len() as u64;
        match page.next {
            Some(next) => after = Some(JournalId::new(next)),
            None => return Ok(NewsReplayed { rows, dry_run, items: Vec::new() }),
        }
    }
}
