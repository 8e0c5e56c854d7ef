//! What the record says between two jobs, and during which effects it said so: when a stop was in force, a message had arrived, a run was
//! paused, a part of the sending was suspended, and how far a rollout was open.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, Statement};

/// Something the record says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    /// Nothing is sent to this number.
    Stopped(String),
    /// The message of that number is on the phone.
    Arrived(i64),
    /// The run of that number is paused.
    Paused(i64),
    /// The suspension of that number is in force.
    Suspended(i64),
    /// Of this run these lots are open.
    Open(i64, i64),
}

/// When it said so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// After so many effects it was there,
    pub(crate) since: usize,
    /// at that time,
    pub(crate) at: Timestamp,
    /// after so many it was still there,
    pub(crate) until: usize,
    /// and after so many it was gone; `None`: it stayed.
    pub(crate) gone: Option<usize>,
}

impl Span {
    /// Whether it certainly was in force at that effect.
    pub(crate) fn covers(&self, effect: usize) -> bool {
        self.since < effect && (effect <= self.until || self.gone.is_none())
    }
}

/// Looks at the record itself, past the store, after every job.
pub(crate) struct Watch {
    connection: DatabaseConnection,
    open: BTreeMap<Said, Span>,
    over: Vec<(Said, Span)>,
}

const SAID: &str = "SELECT 'stopped ' || phone FROM contacts WHERE stopped = 1 \
     UNION ALL SELECT 'arrived ' || id FROM messages WHERE state IN ('delivered', 'read') \
     UNION ALL SELECT 'paused ' || id FROM runs WHERE state = 'paused' \
     UNION ALL SELECT 'open ' || id || ' ' || lots FROM runs WHERE lots IS NOT NULL \
     UNION ALL SELECT 'suspended ' || id FROM suspensions WHERE released_at IS NULL AND (until IS NULL OR until > ";

impl Watch {
    /// Of the database behind that URL, which is there.
    pub(crate) async fn on(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).max_lifetime(None).idle_timeout(None).sqlx_logging(false);
        let connection = sea_orm::Database::connect(options).await.expect("the database is there");
        Self { connection, open: BTreeMap::new(), over: Vec::new() }
    }

    /// Looks, after so many effects.
    pub(crate) async fn look(&mut self, effects: usize, now: Timestamp) {
        let sql = format!("{SAID}{})", now.as_millisecond());
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let rows = self.connection.query_all_raw(statement).await.expect("the statement is right");
        let said: BTreeSet<Said> =
            rows.iter().map(|row| said(&row.try_get_by_index::<String>(0).expect("a text"))).collect();
        let (here, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.open).into_iter().partition(|(what, _)| said.contains(what));
        self.over.extend(gone.into_iter().map(|(what, span)| (what, Span { gone: Some(effects), ..span })));
        self.open = here;
        for what in said {
            let new = Span { since: effects, at: now, until: effects, gone: None };
            self.open.entry(what).or_insert(new).until = effects;
        }
    }

    /// Everything that was ever said.
    pub(crate) fn told(&self) -> Vec<(Said, Span)> {
        let open = self.open.iter().map(|(what, span)| (what.clone(), *span));
        self.over.iter().cloned().chain(open).collect()
    }

    pub(crate) async fn close(self) {
        self.connection.close().await.expect("nothing is under way");
    }
}

fn said(line: &str) -> Said {
    let number = |text: &str| text.parse::<i64>().expect("a number");
    match line.split(' ').collect::<Vec<_>>().as_slice() {
        ["stopped", phone] => Said::Stopped((*phone).to_owned()),
        ["arrived", message] => Said::Arrived(number(message)),
        ["paused", run] => Said::Paused(number(run)),
        ["suspended", suspension] => Said::Suspended(number(suspension)),
        ["open", run, lots] => Said::Open(number(run), number(lots)),
        _ => panic!("the statement answers nothing like `{line}`"),
    }
}
