//! Connections to a database past the store.

use sea_orm::{ConnectOptions, Database, DatabaseConnection};

/// Connects. Without the pool's upkeep: in a bad moment it counts its idle connections below zero, takes that for very many, and looks for them
/// for ever.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_lifetime(None).idle_timeout(None).sqlx_logging(false);
    Database::connect(options).await.expect("the database is there")
}
