//! The record goes away under the running service: nothing is acknowledged that it does not have.

use sea_orm::{ConnectionTrait as _, DatabaseConnection};

use crate::direct;
use crate::harness::{Barid, Setup};
use crate::postgres;
use crate::webhook::signature;

/// Callbacks of each part of the story.
const CALLBACKS: usize = 24;

/// Callback number `n`, about nothing of ours.
fn body(n: usize) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"0","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"900000000000001"}},"statuses":[{{"id":"wamid.{n}","status":"sent","timestamp":"1764000020"}}]}}}}]}}]}}"#
    )
}

/// Posts callbacks side by side; answers what each was answered.
async fn post(barid: &Barid, which: std::ops::Range<usize>) -> Vec<u16> {
    let secret = &barid.simulator.settings().app_secret;
    let one = |n| async move {
        let body = body(n);
        let url = format!("http://{}/api/whatsapp/webhook", barid.listen);
        let posted = barid.http.post(url).header("x-hub-signature-256", signature(secret, body.as_bytes())).body(body);
        posted.send().await.expect("the service answers").status().as_u16()
    };
    futures_util::future::join_all(which.map(one)).await
}

async fn kept(database: &str) -> Vec<String> {
    let reader = direct::connect(database).await;
    let sql = "SELECT convert_from(body, 'UTF8') AS body FROM journal ORDER BY id";
    let rows = reader.query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql)).await.unwrap();
    let kept = rows.iter().map(|row| row.try_get("", "body").unwrap()).collect();
    reader.close().await.unwrap();
    kept
}

/// Whether anybody is let in.
async fn open(admin: &DatabaseConnection, name: &str, open: bool) {
    admin.execute_unprepared(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {open}")).await.unwrap();
}

/// Throws out who is in, and waits until they are gone.
async fn throw_out(admin: &DatabaseConnection, name: &str) {
    let sql = format!("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute_unprepared(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_record_is_away_callbacks_are_refused_and_none_is_acknowledged() {
    let database = postgres::fresh_database().await;
    let (server, name) = database.split_once("localhost/").unwrap();
    let (name, host) = name.split_once('?').unwrap();
    let admin = direct::connect(&format!("{server}localhost/postgres?{host}")).await;
    let barid = Barid::start_with(Setup { store_url: Some(database.clone()), ..Setup::default() }, &[]).await;

    assert_eq!(post(&barid, 0..CALLBACKS).await, [200; CALLBACKS]);
    open(&admin, name, false).await;
    throw_out(&admin, name).await;
    assert_eq!(post(&barid, CALLBACKS..2 * CALLBACKS).await, [503; CALLBACKS]);
    let metrics = barid.metrics().await;
    let refused = format!("barid_webhook_requests_total{{result=\"store-unavailable\"}} {CALLBACKS}");
    assert!(metrics.contains(&refused), "{metrics}");

    open(&admin, name, true).await;
    assert_eq!(kept(&database).await.len(), CALLBACKS, "what was refused was not kept by half");
    // Meta brings them again, and the service has healed by itself.
    assert_eq!(post(&barid, CALLBACKS..2 * CALLBACKS).await, [200; CALLBACKS]);
    // A server that is only started anew costs nobody a callback, although each connection that we have is dead.
    throw_out(&admin, name).await;
    assert_eq!(post(&barid, 2 * CALLBACKS..3 * CALLBACKS).await, [200; CALLBACKS]);
    let mut kept = kept(&database).await;
    kept.sort();
    let mut expected: Vec<String> = (0..3 * CALLBACKS).map(body).collect();
    expected.sort();
    assert_eq!(kept, expected);
    admin.close().await.unwrap();
}
