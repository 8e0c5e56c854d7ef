//! The connection to Redis: one server or a cluster, by URL, healing by itself.

use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, ServerErrorKind, Value};

use super::QueueError;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may take. The client's default of 500 ms turns every hiccup of a busy server into errors.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that is there may go on loading its data when we start.
const LOADING_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest pause between two attempts to connect again.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);
/// The scripts need `LPOP` with a count and `ZRANGE … BYSCORE`.
const OLDEST: (u32, u32) = (6, 2);

/// A shared connection; a clone is the same connection.
#[derive(Clone)]
pub(crate) enum Link {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects and waits for the server to answer.
    ///
    /// `redis://host:port/db`, `redis+unix:///path` (or `unix:`), and for a cluster `redis+cluster://host:port,host:port` or
    /// several URLs separated by commas.
    pub(crate) async fn connect(url: &str) -> Result<Self, QueueError> {
        let shown = without_password(url);
        let unreachable = |source: RedisError| {
            QueueError::new(
                format!(
                    "cannot use Redis at `{shown}`; start it, correct `[redis] url`, or remove that key so that barid runs a redis-server of its own"
                ),
                source,
            )
        };
        if url.contains("rediss://") || url.contains("valkeys://") {
            return Err(QueueError::refused(format!(
                "cannot use Redis at `{shown}`: TLS is not built in; use `redis://` through a tunnel such as stunnel"
            )));
        }
        let mut link = match cluster_nodes(url) {
            None => {
                let client = redis::Client::open(url).map_err(unreachable)?;
                let config = ConnectionManagerConfig::new()
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(RESPONSE_TIMEOUT))
                    .set_number_of_retries(2)
                    .set_max_delay(RECONNECT_PAUSE_MAX);
                wait_until_loaded(|| ConnectionManager::new_with_config(client.clone(), config.clone()))
                    .await
                    .map(Self::Single)
                    .map_err(unreachable)?
            }
            Some(nodes) => {
                let client = ClusterClient::builder(nodes)
                    .connection_timeout(CONNECT_TIMEOUT)
                    .response_timeout(RESPONSE_TIMEOUT)
                    .retries(5)
                    .max_retry_wait(RECONNECT_PAUSE_MAX.as_millis().try_into().unwrap_or(u64::MAX))
                    .build()
                    .map_err(unreachable)?;
                wait_until_loaded(|| client.get_async_connection()).await.map(Self::Cluster).map_err(unreachable)?
            }
        };
        let ping = redis::cmd("PING");
        loop {
            match ping.query_async::<()>(&mut link).await {
                Ok(()) => break,
                Err(error) if is_loading(&error) => tokio::time::sleep(RECONNECT_PAUSE_MAX).await,
                Err(error) => return Err(unreachable(error)),
            }
        }
        // A user without the right to ask is no reason to refuse; in a cluster each node would answer.
        if let Self::Single(connection) = &mut link
            && let Ok(info) = redis::cmd("INFO").query_async::<String>(connection).await
        {
            check_server(&info, &shown)?;
        }
        Ok(link)
    }
}

/// Refuses a server that is too old for the scripts, and warns of one that may throw jobs away.
fn check_server(info: &str, shown: &str) -> Result<(), QueueError> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if let Some(version) = field("redis_version") {
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version_pair = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if version_pair < OLDEST {
            return Err(QueueError::refused(format!(
                "Redis at `{shown}` is version {version}, which is too old; install {}.{} or later",
                OLDEST.0, OLDEST.1
            )));
        }
    }
    if let Some(policy) = field("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        tracing::warn!(
            policy,
            "Redis at `{shown}` may evict jobs when its memory is full; set `maxmemory-policy noeviction`"
        );
    }
    Ok(())
}

/// Tries again while the server is there but still reads its data from disk.
async fn wait_until_loaded<T, F>(mut connect: impl FnMut() -> F) -> Result<T, RedisError>
where
    F: Future<Output = Result<T, RedisError>>,
{
    let deadline = tokio::time::Instant::now() + LOADING_TIMEOUT;
    loop {
        match connect().await {
            Err(error) if is_loading(&error) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(RECONNECT_PAUSE_MAX).await;
            }
            result => return result,
        }
    }
}

fn is_loading(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading)
}

/// The URLs of a cluster's nodes, or `None` for one server.
fn cluster_nodes(url: &str) -> Option<Vec<String>> {
    let scheme = "redis+cluster://";
    if !url.contains(scheme) && !url.contains(',') {
        return None;
    }
    // One user and password before the first host hold for all of them.
    let rest = url.strip_prefix(scheme);
    let credentials = rest.and_then(|rest| rest.rsplit_once('@')).map(|(credentials, _)| credentials);
    let hosts = rest.map_or(url, |rest| rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts));
    Some(
        hosts
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty())
            .map(|host| match (host.contains("://"), credentials) {
                (true, _) => host.replace(scheme, "redis://"),
                (false, Some(credentials)) => format!("redis://{credentials}@{host}"),
                (false, None) => format!("redis://{host}"),
            })
            .collect(),
    )
}

/// The URL as it may be shown: whatever stands before an `@` is a secret.
pub(crate) fn without_password(url: &str) -> String {
    url.split(',')
        .map(|part| {
            let Some((before, host)) = part.rsplit_once('@') else { return part.to_owned() };
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            if scheme.is_empty() { format!("…@{host}") } else { format!("{scheme}://…@{host}") }
        })
        .collect::<Vec<_>>()
        .join(",")
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_by_its_scheme_or_by_a_comma() {
        assert_eq!(cluster_nodes("redis://one:6379/2"), None);
        assert_eq!(cluster_nodes("redis+unix:///run/redis.sock"), None);
        let nodes = vec!["redis://a:1".to_owned(), "redis://b:2".to_owned()];
        assert_eq!(cluster_nodes("redis+cluster://a:1,b:2"), Some(nodes.clone()));
        assert_eq!(cluster_nodes("redis://a:1, redis://b:2"), Some(nodes));
        assert_eq!(cluster_nodes("redis+cluster://a:1"), Some(vec!["redis://a:1".to_owned()]));
        assert_eq!(
            cluster_nodes("redis+cluster://user:p@ss@a:1,b:2"),
            Some(vec!["redis://user:p@ss@a:1".to_owned(), "redis://user:p@ss@b:2".to_owned()])
        );
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        assert_eq!(without_password("redis://user:secret@host:1/0"), "redis://…@host:1/0");
        assert_eq!(without_password("redis+cluster://:secret@a:1,b:2"), "redis+cluster://…@a:1,b:2");
        assert_eq!(without_password("redis://:s@a:1,redis://:t@b:2"), "redis://…@a:1,redis://…@b:2");
        assert_eq!(without_password("redis://host"), "redis://host");
    }

    #[test]
    fn a_server_that_is_too_old_is_refused() {
        assert!(check_server("# Server\r\nredis_version:7.0.15\r\n", "redis://host").is_ok());
        assert!(check_server("redis_version:6.2.0\r\nmaxmemory_policy:noeviction\r\n", "redis://host").is_ok());
        let error = check_server("redis_version:6.0.16\r\n", "redis://host").unwrap_err();
        let expected = "Redis at `redis://host` is version 6.0.16, which is too old; install 6.2 or later";
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_unavailable());
    }
}
