//! Opening and closing: connections, migrations, the store's tag.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use rand::rngs::{OsRng, StdRng};
use rand::{Rng as _, SeedableRng as _, TryRngCore as _};
use sea_orm::{Database, DatabaseConnection, DbErr, QueryResult, TransactionTrait as _};
use sea_orm_migration::MigratorTrait as _;

use super::charges::Counter;
use super::dialect::{self, Dialect, Purpose};
use super::loader::Loader;
use super::migrations::Migrator;
use super::outbox::Wanted;
use super::policies::Policies;
use super::request::Outcome;
use super::sql::{Arg, Db, Fault, Row, Sql, args};
use super::templates::NotedUses;
use super::writer::Writers;
use super::{journal, messages};
use crate::domain::double_opt_in::DoubleOptIn;
use crate::domain::erasure::PersonDigest;
use crate::domain::hook::Subscriptions;
use crate::domain::language::Language;
use crate::domain::pricing::Tariff;
use crate::domain::suspension;
use crate::ports::{Kept, LoadedMessage, SickChannels, Store, StoreError, Stored};
use crate::telemetry::metrics::Metrics;

/// Letters of a tag: nothing that looks like something else.
const TAG_LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// How long opening waits for a server that does not answer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it waits for another process that makes the file.
const BUSY_FOR: Duration = Duration::from_secs(3);
/// Between two tries.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Connections that read side by side.
    pub readers: u32,
    /// Transactions that write side by side on PostgreSQL, beside the one for bulk work; SQLite always has one.
    pub writers: usize,
    /// Where the tag of a new store comes from; `None`: from the operating system.
    pub tag_seed: Option<u64>,
    /// The language of a contact that is added without one.
    pub default_language: Language,
    /// Waits before each further try of a message, as configured.
    pub waits: Vec<SignedDuration>,
    /// Which channels are left alone at present.
    pub sick: Arc<SickChannels>,
    /// How long suspensions wait for what.
    pub suspensions: suspension::Rules,
    /// Which endpoints of our webhooks want to hear of what.
    pub hooks: Subscriptions,
    /// Which purposes people must confirm.
    pub double_opt_in: DoubleOptIn,
    /// By what messages are priced.
    pub tariff: Arc<Tariff>,
    /// Where what was charged is counted.
    pub metrics: Option<Arc<Metrics>>,
}

impl Default for StoreSettings {
    fn default() -> Self {
        let waits = [30, 120, 600, 3_600, 21_600].map(SignedDuration::from_secs).to_vec();
        Self {
            readers: 4,
            writers: 4,
            tag_seed: None,
            default_language: Language::Ar,
            waits,
            sick: Arc::default(),
            suspensions: suspension::Rules::default(),
            hooks: Subscriptions::default(),
            double_opt_in: DoubleOptIn::default(),
            tariff: Arc::default(),
            metrics: None,
        }
    }
}

/// Why a store cannot be opened, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// Not the URL of a database that we know.
    #[error(
        "`[store] url` must begin with `sqlite:` or `postgres:`; write `sqlite:/var/lib/barid/barid.db` or `postgres://user@host/barid`"
    )]
    WrongUrl,
    /// An SQLite database without a file.
    #[error("a store in memory forgets everything; name a file, as in `sqlite:/var/lib/barid/barid.db`")]
    InMemory,
    /// The file cannot be opened or made.
    #[error(
        "cannot open the store's file ({code}); check that its folder exists, that we may write there and that the disk is not full"
    )]
    File {
        /// What the database said.
        code: String,
        /// The whole error.
        #[source]
        source: DbErr,
    },
    /// Somebody else holds it.
    #[error(
        "the store is locked by another process; stop the other `barid` (or the tool that has the file open) first"
    )]
    Locked(#[source] DbErr),
    /// The server does not answer.
    #[error(
        "cannot reach the database server ({code}); check that it runs and that host, port and TLS settings in `[store] url` are right"
    )]
    Unreachable {
        /// What went wrong.
        code: String,
        /// The whole error.
        #[source]
        source: DbErr,
    },
    /// The server does not let us in, or has no such database.
    #[error("the database server refuses us ({code}); check user, password and database in `[store] url`")]
    Refused {
        /// The server's code.
        code: String,
        /// The whole error.
        #[source]
        source: DbErr,
    },
    /// The tables could not be brought up to date.
    #[error(
        "cannot bring the store's tables up to date ({code}); restore the backup that was made before the update, or free the disk"
    )]
    Migration {
        /// What went wrong.
        code: String,
        /// The whole error.
        #[source]
        source: DbErr,
    },
    /// The randomness for a new store's tag is missing.
    #[error("the operating system gave no randomness for the store's tag; try again")]
    Randomness(#[source] rand::rand_core::OsError),
}

/// The record, in SQLite or PostgreSQL.
pub struct SqlStore {
    pub(super) dialect: Dialect,
    tag: Arc<str>,
    pub(super) writers: Writers,
    pub(super) loaded: Loader<LoadedMessage>,
    pub(super) bodies: Loader<Kept>,
    link_key: Arc<str>,
    pub(super) default_language: Language,
    pub(super) wanted: Arc<Wanted>,
    pub(super) noted_uses: NotedUses,
    reads: DatabaseConnection,
    writes: DatabaseConnection,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The connections would show the URL.
        f.debug_struct("SqlStore").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the store behind a URL, brings its tables up to date and starts its writers. Must be called inside a runtime.
    ///
    /// # Errors
    /// One sentence with its remedy.
    pub async fn open(url: &str, settings: &StoreSettings) -> Result<Self, StoreOpenError> {
        let dialect = dialect_of(url)?;
        let writers = dialect.writers(settings.writers.max(1));
        let connections = writers + usize::from(dialect.has_bulk_writer());
        let connections = u32::try_from(connections).expect("there are few writers");
        let writes = connect(dialect, url, Purpose::Write, connections).await?;
        bring_up_to_date(dialect, &writes).await?;
        let tag: Arc<str> = tag(dialect, &writes, settings.tag_seed).await?.into();
        let link_key: Arc<str> = link_key(dialect, &writes).await?.into();
        let reads = connect(dialect, url, Purpose::Read, settings.readers.max(3)).await?;
        let wanted = Arc::new(Wanted::new(settings.hooks.clone()));
        Ok(Self {
            dialect,
            writers: Writers::start(
                &writes,
                dialect,
                settings.writers.max(1),
                &tag,
                &Arc::new(Policies::new(
                    settings.waits.clone(),
                    Arc::clone(&settings.sick),
                    settings.suspensions.clone(),
                    Arc::clone(&wanted),
                    PersonDigest::new(link_key.as_bytes()),
                    settings.double_opt_in,
                    Arc::clone(&settings.tariff),
                )),
                settings.metrics.clone().map(|metrics| Arc::new(Counter::new(metrics))),
            ),
            tag,
            link_key,
            loaded: Loader::start(reads.clone(), dialect, |db, ids| Box::pin(messages::fetch(db, ids))),
            bodies: Loader::start(reads.clone(), dialect, |db, ids| Box::pin(journal::fetch_unapplied(db, ids))),
            default_language: settings.default_language,
            wanted,
            noted_uses: NotedUses::default(),
            reads,
            writes,
        })
    }

    /// Brings the tables behind a URL up to date and does nothing else.
    ///
    /// # Errors
    /// One sentence with its remedy.
    pub async fn migrate(url: &str) -> Result<(), StoreOpenError> {
        let dialect = dialect_of(url)?;
        let writes = connect(dialect, url, Purpose::Write, 1).await?;
        let done = bring_up_to_date(dialect, &writes).await;
        let closed = writes.close().await.map_err(|error| opening(dialect, error));
        done.and(closed)
    }

    /// Finishes what was asked, then closes every connection. Whatever is asked afterwards is answered with "unavailable".
    pub async fn close(&self) {
        self.writers.close().await;
        for pool in [&self.reads, &self.writes] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(error = %dialect::code(&error), "a connection to the store did not close cleanly");
            }
        }
    }

    /// The key with which references are signed that come back from outside: in unsubscribe links and bounces. It lies in the record, so
    /// that links hold across restarts, changes of tokens and all processes that share the record.
    pub fn link_key(&self) -> &str {
        &self.link_key
    }

    /// Runs a query outside any transaction.
    pub(super) async fn read(&self, sql: &str, args: Vec<Arg>) -> Stored<Vec<QueryResult>> {
        Db::new(&self.reads, self.dialect).all(sql, args).await.map_err(|fault| fault.into_error(self.dialect))
    }

    /// Decodes rows.
    pub(super) fn rows<T>(
        &self,
        rows: &[QueryResult],
        table: &'static str,
        decode: impl Fn(&mut Row<'_>) -> Sql<T>,
    ) -> Stored<Vec<T>> {
        rows.iter()
            .map(|row| decode(&mut Row::of(row, table)).map_err(|fault| fault.into_error(self.dialect)))
            .collect()
    }
}

#[async_trait]
impl Store for SqlStore {
    fn tag(&self) -> &str {
        &self.tag
    }

    async fn ping(&self) -> Stored<()> {
        self.read("SELECT value FROM meta WHERE key = 'tag'", args![]).await.map(|_| ())
    }
}

/// A writer answered another question than was asked.
pub(super) fn unexpected(outcome: &Outcome) -> StoreError {
    StoreError::Inconsistent { place: format!("a writer's answer ({outcome:?})") }
}

fn dialect_of(url: &str) -> Result<Dialect, StoreOpenError> {
    let dialect = Dialect::of(url).ok_or(StoreOpenError::WrongUrl)?;
    if dialect == Dialect::Sqlite && (url.contains(":memory:") || url.contains("mode=memory")) {
        return Err(StoreOpenError::InMemory);
    }
    Ok(dialect)
}

async fn connect(
    dialect: Dialect,
    url: &str,
    purpose: Purpose,
    connections: u32,
) -> Result<DatabaseConnection, StoreOpenError> {
    let connecting = async {
        let patience = tokio::time::Instant::now() + BUSY_FOR;
        loop {
            let connected = Database::connect(dialect.connect_options(url, purpose, connections)).await;
            // While another process makes the file, SQLite does not wait, as it does later on.
            match connected {
                Err(error)
                    if dialect == Dialect::Sqlite
                        && dialect::is_busy(&error)
                        && tokio::time::Instant::now() < patience =>
                {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                connected => return connected,
            }
        }
    };
    if let (Purpose::Write, Some(file)) = (purpose, dialect.file(url)) {
        make_private(&file);
    }
    match tokio::time::timeout(OPEN_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| opening(dialect, error)),
        Err(_elapsed) => Err(opening(dialect, DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout))),
    }
}

/// Makes the file, readable for us only: people's numbers are in it. SQLite's files beside it follow its mode.
fn make_private(file: &std::path::Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    // A file that is there already, or cannot be made, is for SQLite to judge: its error says more.
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
}

fn opening(dialect: Dialect, source: DbErr) -> StoreOpenError {
    let code = dialect::code(&source);
    match dialect {
        Dialect::Sqlite if dialect::is_busy(&source) => StoreOpenError::Locked(source),
        Dialect::Sqlite => StoreOpenError::File { code, source },
        Dialect::Postgres if code.starts_with("code 28") || code.starts_with("code 3D") => {
            StoreOpenError::Refused { code, source }
        }
        Dialect::Postgres => StoreOpenError::Unreachable { code, source },
    }
}

async fn bring_up_to_date(dialect: Dialect, pool: &DatabaseConnection) -> Result<(), StoreOpenError> {
    let up = async {
        // One transaction: either all tables are as they should be, or all are as they were.
        let transaction = pool.begin_with_options(dialect.write_transaction()).await?;
        if let Some(lock) = dialect.migration_lock() {
            sea_orm::ConnectionTrait::execute_unprepared(&transaction, lock).await?;
        }
        Migrator::up(&transaction, None).await?;
        transaction.commit().await
    };
    up.await.map_err(|source: DbErr| {
        if dialect == Dialect::Sqlite && dialect::is_busy(&source) {
            return StoreOpenError::Locked(source);
        }
        StoreOpenError::Migration { code: dialect::code(&source), source }
    })
}

/// The store's tag, made when it was opened for the first time.
async fn tag(dialect: Dialect, pool: &DatabaseConnection, seed: Option<u64>) -> Result<String, StoreOpenError> {
    let seed = match seed {
        Some(seed) => seed,
        None => OsRng.try_next_u64().map_err(StoreOpenError::Randomness)?,
    };
    let mut random = StdRng::seed_from_u64(seed);
    let made: String = (0..4).map(|_| char::from(TAG_LETTERS[random.random_range(0..TAG_LETTERS.len())])).collect();
    keep(dialect, pool, "tag", &made).await
}

/// The key of links, made when it was first asked for: 256 bits.
async fn link_key(dialect: Dialect, pool: &DatabaseConnection) -> Result<String, StoreOpenError> {
    let mut made = String::new();
    for _ in 0..4 {
        made.push_str(&format!("{:016x}", OsRng.try_next_u64().map_err(StoreOpenError::Randomness)?));
    }
    keep(dialect, pool, "link-key", &made).await
}

/// What stands in `meta` under that key; `made` if nothing does yet.
async fn keep(dialect: Dialect, pool: &DatabaseConnection, key: &str, made: &str) -> Result<String, StoreOpenError> {
    let db = Db::new(pool, dialect);
    let kept = async {
        db.run("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", args![key, made]).await?;
        let row = db.first("SELECT value FROM meta WHERE key = ?", args![key]).await?;
        row.map_or_else(|| Ok(made.to_owned()), |row| Row::of(&row, "meta").text())
    };
    kept.await.map_err(|fault: Fault| match fault {
        Fault::Database(error) => opening(dialect, error),
        Fault::Impossible(place) => opening(dialect, DbErr::Custom(place)),
        Fault::Command(error) => opening(dialect, DbErr::Custom(error.to_string())),
    })
}
