//! Coalesced reading: whoever loads while a SELECT is under way shares the next one.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::dialect::Dialect;
use super::sql::{Db, Fault, Sql};
use crate::ports::{StoreError, Stored};

/// Rows in one SELECT.
const ROWS_MAX: usize = 500;
/// From the beginning of one SELECT to that of the next, while several load at once: see the writer's.
const APART: Duration = Duration::from_millis(2);
/// Loads that wait before callers are held up.
const WAITING_MAX: usize = 8_192;

type Wanted<V> = (i64, oneshot::Sender<Stored<Option<V>>>);

/// Loads values by id for many callers at once.
pub(super) struct Loader<V> {
    wanted: mpsc::Sender<Wanted<V>>,
}

/// How a loader reads: the values of these ids, as far as they are there.
pub(super) type Fetch<V> = for<'a> fn(
    &'a Db<'a, DatabaseConnection>,
    Vec<i64>,
) -> Pin<Box<dyn Future<Output = Sql<HashMap<i64, V>>> + Send + 'a>>;

impl<V: Clone + Send + 'static> Loader<V> {
    /// Starts a loader; it ends with the last copy of this value.
    pub(super) fn start(pool: DatabaseConnection, dialect: Dialect, fetch: Fetch<V>) -> Self {
        let (wanted, incoming) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(pool, dialect, fetch, incoming));
        Self { wanted }
    }

    /// The value with that id.
    pub(super) async fn load(&self, id: i64) -> Stored<Option<V>> {
        let ended = || StoreError::Unavailable("the store was closed".into());
        let (answer, answered) = oneshot::channel();
        self.wanted.send((id, answer)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

async fn run<V: Clone>(
    pool: DatabaseConnection,
    dialect: Dialect,
    fetch: Fetch<V>,
    mut incoming: mpsc::Receiver<Wanted<V>>,
) {
    let db = Db::new(&pool, dialect);
    let mut batch = Vec::new();
    let (mut last, mut shared) = (Instant::now(), false);
    while let Some(first) = incoming.recv().await {
        batch.push(first);
        // Jobs that were woken together load together.
        tokio::task::yield_now().await;
        if shared {
            tokio::time::sleep_until(last + APART).await;
        }
        while batch.len() < ROWS_MAX
            && let Ok(next) = incoming.try_recv()
        {
            batch.push(next);
        }
        (last, shared) = (Instant::now(), batch.len() > 1);
        let mut ids: Vec<i64> = batch.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        match fetch(&db, ids).await {
            Ok(mut found) => {
                let mut left: HashMap<i64, usize> = HashMap::new();
                for (id, _) in &batch {
                    *left.entry(*id).or_default() += 1;
                }
                for (id, answer) in batch.drain(..) {
                    let others = left.get_mut(&id).expect("every id was counted");
                    *others -= 1;
                    let value = if *others == 0 { found.remove(&id) } else { found.get(&id).cloned() };
                    let _ = answer.send(Ok(value));
                }
            }
            // One row that cannot be read must not hide the others.
            Err(Fault::Impossible(_)) if batch.len() > 1 => {
                for (id, answer) in batch.drain(..) {
                    let found = fetch(&db, vec![id]).await.map(|mut found| found.remove(&id));
                    let _ = answer.send(found.map_err(|fault| fault.into_error(dialect)));
                }
            }
            Err(fault) => {
                for (_, answer) in batch.drain(..) {
                    let error = match &fault {
                        Fault::Database(error) => Fault::Database(error.clone()),
                        Fault::Impossible(place) => Fault::Impossible(place.clone()),
                        Fault::Command(error) => Fault::Command(error.clone()),
                    };
                    let _ = answer.send(Err(error.into_error(dialect)));
                }
            }
        }
    }
}
