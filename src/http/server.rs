//! Listening and serving. warp's own server has no time-out for request heads, no cap on connections and no end to its drain, so
//! the loop that accepts is ours; what a request means is warp's.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::Service;
use warp::http::Request;

use super::Routes;
use super::address::Peer;

/// How long to wait when the machine has no room for another connection (out of file descriptors, usually).
const NO_ROOM_PAUSE: Duration = Duration::from_millis(200);

/// How a listener treats its callers.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Open connections at most; further ones wait in the listener's backlog.
    pub connections_max: usize,
    /// How long the head of a request may take, and how long a connection may idle.
    pub head_within: Duration,
    /// How long requests in flight may take to end once the server is told to stop.
    pub drain_within: Duration,
}

impl ServerSettings {
    /// For the address that the world may reach: 4,096 connections, 10 s, 10 s.
    pub const PUBLIC: Self =
        Self { connections_max: 4_096, head_within: Duration::from_secs(10), drain_within: Duration::from_secs(10) };

    /// For the address that only operators reach: 128 connections, 10 s, 1 s.
    pub const OPS: Self =
        Self { connections_max: 128, head_within: Duration::from_secs(10), drain_within: Duration::from_secs(1) };
}

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else does.
    #[error("`{key} = \"{address}\"` is in use by another process; stop it or choose another port")]
    InUse {
        /// The key of the configuration.
        key: &'static str,
        /// What it says.
        address: SocketAddr,
    },
    /// It is not allowed, or the address is not one of this machine's.
    #[error("cannot listen on `{key} = \"{address}\"`; choose an address of this machine and a port above 1023")]
    Refused {
        /// The key of the configuration.
        key: &'static str,
        /// What it says.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Listens; `key` is the configuration's name for the address, for the error.
///
/// # Errors
/// When the port is taken or the address is not ours to use.
pub async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { key, address },
        _ => ListenError::Refused { key, address, source },
    })
}

/// Serves until `shutdown` is done, then ends requests in flight, at the latest after `drain_within`.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(settings.connections_max));
    let mut connections = JoinSet::new();
    loop {
        // Room first, so that nothing is accepted that nobody looks at.
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
            (place, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (place, accepted) = accepted => match accepted {
                Ok((stream, peer)) => {
                    let (routes, watcher) = (routes.clone(), graceful.watcher());
                    connections.spawn(async move {
                        answer(stream, peer, routes, settings.head_within, watcher).await;
                        drop(place);
                    });
                }
                Err(error) => refused_by_machine(&error).await,
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(settings.drain_within, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests did not end in time and were cut off");
    }
    connections.shutdown().await;
}

async fn refused_by_machine(error: &io::Error) {
    let of_one_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !of_one_connection {
        tracing::warn!(error = %error, "no connection can be accepted; raise the limit of open files");
        tokio::time::sleep(NO_ROOM_PAUSE).await;
    }
}

async fn answer(stream: TcpStream, peer: SocketAddr, routes: Routes, head_within: Duration, watcher: Watcher) {
    // An answer is one small packet; it shall not wait for more.
    let _ = stream.set_nodelay(true);
    let service = warp::service(routes);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let mut service = service.clone();
        let answer = service.call(request);
        async move { answer.await as Result<_, Infallible> }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_within);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(error = %error, "a connection ended badly");
    }
}
