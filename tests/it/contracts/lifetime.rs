//! Opening, closing, dying.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use barid::domain::delivery::{Fact, State};
use barid::domain::ids::{JournalId, MessageId, RunId};
use barid::domain::news::ProviderStatus;
use barid::ports::{Contacts as _, Journal as _, Messages as _, RowNews, Store as _};
use barid::store::{SqlStore, StoreOpenError, StoreSettings};

use super::{Database, at, begin, delivery, on_both_databases, people, run_to, settings, start, state, status, wamid};

/// Names the database, in a process that is to be killed.
const CHILD: &str = "BARID_TEST_STORE_CHILD";

on_both_databases! {
    async fn a_store_keeps_its_tag_and_its_rows(database: Database) {
        let store = database.open().await;
        let tag = store.tag().to_owned();
        assert_eq!(tag.len(), 4);
        let contacts = people(&store, 3).await;
        store.ping().await.unwrap();
        store.close().await;
        assert!(store.ping().await.unwrap_err().is_unavailable());
        assert!(store.append(barid::domain::news::Source::Meta, "{}".into(), at(0)).await.unwrap_err().is_unavailable());
        let again = SqlStore::open(&database.url, &StoreSettings { tag_seed: Some(99), ..StoreSettings::default() }).await.unwrap();
        assert_eq!(again.tag(), tag);
        assert_eq!(again.page(None, 10).await.unwrap().items.len(), contacts.len());
    }

    async fn migrations_run_on_a_database_with_rows_and_on_many_processes_at_once(database: Database) {
        let all = futures_util::future::join_all((0..4).map(|_| SqlStore::migrate(&database.url))).await;
        for done in all {
            done.unwrap();
        }
        let store = database.open().await;
        let contacts = people(&store, 5).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        store.close().await;
        SqlStore::migrate(&database.url).await.unwrap();
        let store = database.open().await;
        assert_eq!(state(&store, messages[0]).await, State::Calling);
        let applied = database.ask("SELECT version FROM seaql_migrations ORDER BY version").await;
        assert_eq!(applied[0], "m0001_begin");
        let distinct: std::collections::BTreeSet<_> = applied.iter().collect();
        assert_eq!(distinct.len(), applied.len(), "each once: {applied:?}");
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn what_was_acknowledged_survives_kill_9_and_nothing_is_half_written(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 400).await;
        let (run, messages) = run_to(&store, &contacts).await;
        store.close().await;
        let acknowledged = kill_in_the_middle(&database.url, run.id, &messages, 150);
        let store = database.open().await;
        for line in &acknowledged {
            let (event, id) = line.split_once(' ').unwrap();
            match event {
                "started" => assert_ne!(state(&store, id.parse().unwrap()).await, State::Planned),
                "answered" => assert!(
                    matches!(state(&store, id.parse().unwrap()).await, State::Submitted | State::Delivered),
                    "{:?}", delivery(&store, id.parse().unwrap()).await
                ),
                "appended" => {
                    let kept = database.ask(&format!(
                        "SELECT CAST(COUNT(*) AS TEXT) FROM journal WHERE id = {}", id.parse::<JournalId>().unwrap().number()
                    )).await;
                    assert_eq!(kept, ["1"]);
                }
                "applied" => assert_eq!(state(&store, id.parse().unwrap()).await, State::Delivered),
                other => panic!("{other}"),
            }
        }
        database.assert_counts_are_exact(&store, run.id).await;
        let half = database.ask(
            "SELECT CAST(m.id AS TEXT) FROM messages m WHERE m.n_events <> (SELECT COUNT(*) FROM history h WHERE h.message_id = m.id)"
        ).await;
        assert_eq!(half, Vec::<String>::new());
        // And it goes on.
        let next = messages.iter().rev().copied();
        for id in next.take(3) {
            if state(&store, id).await == State::Planned {
                start(&store, id).await;
            }
        }
    }
}

/// Lets another process work on these messages until it has said `lines` things, then kills it; answers what it said.
fn kill_in_the_middle(url: &str, run: RunId, messages: &[MessageId], lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "contracts::lifetime::works_until_killed", "--nocapture"])
        .env(CHILD, format!("{url}|{run}|{}", messages.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < lines {
        let line = said.next().expect("the child works until it is killed").unwrap();
        acknowledged.extend(line.strip_prefix("ack ").map(str::to_owned));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What is still in the pipe was acknowledged too; the last line may be cut.
    for line in said.map_while(Result::ok) {
        acknowledged.extend(line.strip_prefix("ack ").filter(|line| line.ends_with(';')).map(str::to_owned));
    }
    acknowledged.into_iter().map(|line| line.trim_end_matches(';').to_owned()).collect()
}

/// The largest file, in blocks of 512 bytes, that the process on the full disk may write.
const DISK_BLOCKS: &str = "4000";

/// A limit on the size of files stands for a full disk: the system refuses to write in the same place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_unavailable_loses_nothing_and_heals_when_there_is_room() {
    let database = Database::sqlite();
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f \"$0\"; exec \"$@\"", DISK_BLOCKS])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "contracts::lifetime::fills_the_disk", "--nocapture"])
        .env(CHILD, &database.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let full = said.find_map(|line| line.strip_prefix("full ").map(str::to_owned)).expect("the disk fills up");
    let kept: usize = full.parse().unwrap();
    assert!(kept > 10, "{kept} bodies fitted");
    let raised =
        Command::new("prlimit").args(["--pid", &child.id().to_string(), "--fsize=unlimited"]).status().unwrap();
    assert!(raised.success(), "`prlimit` (util-linux) makes room");
    child.stdin.take().unwrap().write_all(b"room\n").unwrap();
    assert!(said.any(|line| line == "healed"));
    assert!(child.wait().unwrap().success());
    assert_eq!(database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM journal").await, [(kept + 1).to_string()]);
    assert_eq!(database.ask("PRAGMA integrity_check").await, ["ok"]);
}

/// Not a test of its own: what the process on the full disk does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fills_the_disk() {
    let Some(url) = std::env::var_os(CHILD) else { return };
    let store = SqlStore::open(url.to_str().unwrap(), &settings()).await.unwrap();
    let body = bytes::Bytes::from(vec![b'x'; 20_000]);
    let mut kept = 0;
    let error = loop {
        match store.append(barid::domain::news::Source::Meta, body.clone(), at(0)).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_unavailable(), "{error:?}");
    assert_eq!(store.lag(at(0)).await.unwrap().1, kept, "reading goes on");
    writeln!(std::io::stdout(), "full {kept}").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    store.append(barid::domain::news::Source::Meta, body, at(1)).await.expect("there is room again");
    store.close().await;
    writeln!(std::io::stdout(), "healed").unwrap();
}

/// Not a test of its own: what the other process does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_until_killed() {
    let Some(task) = std::env::var_os(CHILD) else { return };
    let task = task.into_string().unwrap();
    let mut task = task.split('|');
    let (url, _run, ids) = (task.next().unwrap(), task.next().unwrap(), task.next().unwrap());
    let store = SqlStore::open(url, &settings()).await.unwrap();
    let messages: Vec<MessageId> = ids.split(',').map(|id| id.parse().unwrap()).collect();
    let work = messages.iter().map(|id| {
        let store = &store;
        async move {
            let say =
                |event: &str, id: &dyn std::fmt::Display| writeln!(std::io::stdout(), "ack {event} {id};").unwrap();
            start(store, *id).await;
            say("started", id);
            store.learn(*id, 1, Fact::Accepted(wamid(*id)), at(2)).await.unwrap();
            say("answered", id);
            let row = store.append(barid::domain::news::Source::Meta, "{}".into(), at(3)).await.unwrap();
            say("appended", &row);
            store
                .apply(
                    row,
                    RowNews { statuses: vec![status(store, *id, ProviderStatus::Delivered)], ..RowNews::default() },
                    at(4),
                )
                .await
                .unwrap();
            say("applied", id);
        }
    });
    use futures_util::StreamExt as _;
    futures_util::stream::iter(work).buffer_unordered(20).collect::<Vec<()>>().await;
    // Whoever started us kills us; if it is gone, there is nothing to wait for.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let open = async |url: &str| SqlStore::open(url, &settings()).await.expect_err("it cannot be opened").to_string();
    assert!(open("mysql://root@localhost/barid").await.contains("must begin with `sqlite:` or `postgres:`"));
    assert!(open("barid.db").await.contains("must begin with"));
    assert!(open("sqlite::memory:").await.contains("name a file"));
    assert!(open("sqlite:/nonexistent/folder/barid.db").await.contains("check that its folder exists"));
    assert!(open("postgres://barid@127.0.0.1:1/barid").await.contains("cannot reach the database server"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are notes and no database; ".repeat(100)).unwrap();
    assert!(open(&format!("sqlite:{}", file.display())).await.contains("cannot"));
    assert_eq!(std::fs::read_to_string(&file).unwrap().len(), 3_300, "and it is left as it was");
}

#[tokio::test]
async fn a_database_that_does_not_exist_on_the_server_is_told_apart_from_a_server_that_is_away() {
    let database = Database::postgres().await;
    let (host, query) = database.url.split_once('?').unwrap();
    let (server, _) = host.rsplit_once('/').unwrap();
    let error = SqlStore::open(&format!("{server}/nowhere?{query}"), &settings()).await.expect_err("no such database");
    assert!(matches!(error, StoreOpenError::Refused { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_named_as_such_and_a_busy_one_heals() {
    use sea_orm::ConnectionTrait as _;
    let database = Database::sqlite();
    let store = database.open().await;
    let other = crate::direct::connect(&database.url).await;
    other.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    let settings = settings();
    let (second, refused) = tokio::join!(
        SqlStore::open(&database.url, &settings),
        store.append(barid::domain::news::Source::Meta, "{}".into(), at(0))
    );
    assert!(matches!(second, Err(StoreOpenError::Locked(_))), "{second:?}");
    assert!(refused.unwrap_err().is_unavailable());
    other.execute_unprepared("ROLLBACK").await.unwrap();
    store.append(barid::domain::news::Source::Meta, "{}".into(), at(0)).await.expect("the writer heals");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_unavailable_and_comes_back() {
    let database = Database::postgres().await;
    let store = database.open().await;
    let contacts = people(&store, 5).await;
    let (_, messages) = run_to(&store, &contacts).await;
    // The server ends every connection of ours, as a restart does.
    database
        .ask("SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await;
    let mut lost = 0;
    while let Err(error) = store.start(begin(messages[0], 0, at(60), at(1))).await {
        assert!(error.is_unavailable(), "{error:?}");
        lost += 1;
        assert!(lost < 20, "it does not heal");
    }
    for _ in 0..20 {
        if store.load(messages[0]).await.is_ok() {
            break;
        }
    }
    assert_eq!(state(&store, messages[0]).await, State::Calling);
}
