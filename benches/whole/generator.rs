//! Many connections that post prepared requests: as fast as they are answered, or each at its moment.
//!
//! One thread and no HTTP library: what the generator costs is taken from whom it measures, so it only writes bytes and finds the end of
//! each answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Heads of requests, bodies and signatures, ready to be written; one after the other in one piece of memory.
pub(crate) struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    key: Hmac<Sha256>,
}

impl Requests {
    /// None yet; they will be signed with this secret.
    pub(crate) fn signed_with(secret: &str) -> Self {
        let key = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        Self { bytes: Vec::new(), ends: Vec::new(), key }
    }

    /// Adds a callback as Meta posts it.
    pub(crate) fn push(&mut self, body: &str) {
        let mut mac = self.key.clone();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let head = format!(
            "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: barid.example.com\r\nuser-agent: facebookexternalua\r\naccept: */*\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nx-hub-signature-256: sha256={signature}\r\n\r\n",
            body.len()
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(body.as_bytes());
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, at: usize) -> &[u8] {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[begin..self.ends[at]]
    }
}

/// How the requests are posted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Connections, kept open from the first request to the last.
    pub(crate) connections: usize,
    /// So many in each second; `None`: each connection posts as soon as it is answered.
    pub(crate) per_second: Option<f64>,
}

/// What came of it.
pub(crate) struct Posted {
    /// From the first byte of the first request to the last of the last answer.
    pub(crate) seconds: f64,
    /// Requests that were answered with something else than 200, or not at all.
    pub(crate) refused: usize,
    /// Milliseconds until the answer, sorted: from the moment when the request was due, whether it could be written then or not.
    waits: Vec<f32>,
}

impl Posted {
    /// The wait that this share of the requests did not exceed, in milliseconds.
    pub(crate) fn wait_ms(&self, share: f64) -> f64 {
        let at = ((self.waits.len() as f64 * share) as usize).min(self.waits.len().saturating_sub(1));
        self.waits.get(at).copied().map_or(f64::NAN, f64::from)
    }
}

/// Posts all of them from a thread of its own.
pub(crate) async fn post(to: SocketAddr, requests: &Arc<Requests>, load: Load) -> Posted {
    let requests = Arc::clone(requests);
    let generator = move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
        runtime.block_on(all(to, requests, load))
    };
    tokio::task::spawn_blocking(generator).await.expect("the generator does not panic")
}

async fn all(to: SocketAddr, requests: Arc<Requests>, load: Load) -> Posted {
    let mut streams = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        let stream = TcpStream::connect(to).await.expect("somebody listens");
        stream.set_nodelay(true).expect("it is a TCP connection");
        streams.push(stream);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let connections: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::spawn(one(stream, Arc::clone(&requests), Arc::clone(&next), begin, load.per_second)))
        .collect();
    let (mut waits, mut refused) = (Vec::with_capacity(requests.len()), 0);
    for connection in connections {
        let (of_one, refused_of_one) = connection.await.expect("a connection does not panic");
        waits.extend(of_one);
        refused += refused_of_one;
    }
    let seconds = begin.elapsed().as_secs_f64();
    waits.sort_by(f32::total_cmp);
    Posted { seconds, refused: refused + (requests.len() - refused - waits.len()), waits }
}

/// One connection takes one request after the other; answers how long each took and how many were refused.
async fn one(
    mut stream: TcpStream,
    requests: Arc<Requests>,
    next: Arc<AtomicUsize>,
    begin: Instant,
    per_second: Option<f64>,
) -> (Vec<f32>, usize) {
    let (mut waits, mut refused) = (Vec::new(), 0);
    let mut answer = [0; 2048];
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= requests.len() {
            return (waits, refused);
        }
        let due = match per_second {
            Some(rate) => {
                let due = begin + Duration::from_secs_f64(at as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                due
            }
            None => Instant::now(),
        };
        if stream.write_all(requests.get(at)).await.is_err() {
            return (waits, refused);
        }
        match status(&mut stream, &mut answer).await {
            Some(200) => waits.push(due.elapsed().as_secs_f32() * 1000.0),
            Some(_) => refused += 1,
            None => return (waits, refused),
        }
    }
}

/// Reads one answer to its end; `None` when there is none.
async fn status(stream: &mut TcpStream, buffer: &mut [u8; 2048]) -> Option<u16> {
    let mut filled = 0;
    loop {
        filled += match stream.read(&mut buffer[filled..]).await {
            Ok(n) if n > 0 => n,
            _ => return None,
        };
        let answer = &buffer[..filled];
        let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head]).ok()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        if filled >= head + 4 + length.unwrap_or(0) {
            return text.get(9..12)?.parse().ok();
        }
    }
}
