//! The references: the same calls from loops that keep nothing.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use barid::simulator::{Settings, Simulator};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use warp::Filter as _;
use warp::http::StatusCode;

/// Messages each second of a loop of `at_once` reqwest calls against a simulator of its own.
pub(crate) async fn calls(n: usize, simulator: Settings, at_once: usize) -> f64 {
    let simulator = Simulator::start(simulator).await.expect("the simulator starts");
    let number = simulator.settings().numbers[0].phone_number_id.clone();
    let url = format!("{}/v26.0/{number}/messages", simulator.url());
    let token = simulator.settings().token.clone();
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(at_once)
        .build()
        .expect("a client can be built");
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut loops = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (client, url, token, next) = (client.clone(), url.clone(), token.clone(), Arc::clone(&next));
        loops.spawn(async move {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= n {
                    return;
                }
                let body = json!({"messaging_product": "whatsapp", "to": format!("+9665{:08}", 10_000_000 + i), "type": "template",
                    "template": {"name": "survey_invitation", "language": {"code": "ar"}, "components": [{"type": "body", "parameters":
                    [{"type": "text", "text": format!("Zephyrine{i}")}, {"type": "text", "text": "استبيان رضا العملاء"}]}]}});
                let answer = client.post(&url).bearer_auth(&token).json(&body).send().await.expect("the simulator answers");
                let _ = answer.bytes().await;
            }
        });
    }
    loops.join_all().await;
    let rate = n as f64 / begin.elapsed().as_secs_f64();
    simulator.shutdown().await;
    rate
}

/// A warp route that checks Meta's signature over the body and answers 200, on a runtime of its own as a process of its own would have it;
/// it serves as long as we run.
pub(crate) async fn webhook(secret: &str) -> SocketAddr {
    let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
        runtime.block_on(async move {
            let route = warp::path!("api" / "whatsapp" / "webhook")
                .and(warp::post())
                .and(warp::header::<String>("x-hub-signature-256"))
                .and(warp::body::bytes())
                .map(move |signature: String, body: Bytes| {
                    let claimed = signature.strip_prefix("sha256=").and_then(|digits| hex::decode(digits).ok());
                    let mut mac = key.clone();
                    mac.update(&body);
                    match claimed.map(|claimed| mac.verify_slice(&claimed).is_ok()) {
                        Some(true) => StatusCode::OK,
                        _ => StatusCode::UNAUTHORIZED,
                    }
                });
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
            let _ = tell.send(listener.local_addr().expect("it is bound"));
            warp::serve(route).incoming(listener).run().await;
        });
    });
    told.await.expect("it listens")
}

/// Milliseconds that the disk takes for one durable write of 64 kB in this folder: the median and the 99th percentile of `n`.
pub(crate) fn durable_writes(n: usize, folder: &Path) -> (f64, f64) {
    let path = folder.join("bare.bin");
    let mut file = File::create(&path).expect("the folder is ours");
    let mut took: Vec<f64> = (0..n)
        .map(|_| {
            file.write_all(&[0; 64 << 10]).expect("the disk has room");
            let begin = Instant::now();
            file.sync_data().expect("the disk takes it");
            begin.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    std::fs::remove_file(path).expect("it was made a moment ago");
    took.sort_by(f64::total_cmp);
    (took[n / 2], took[n * 99 / 100])
}

/// Jobs each second that a loop pushes into a Redis list and pops again, a thousand in each call.
pub(crate) async fn list(n: usize, redis: &mut redis::aio::MultiplexedConnection) -> f64 {
    const AT_ONCE: usize = 1_000;
    let jobs: Vec<String> = (0..n).map(|job| format!("msg_{job:06}:0 {{\"v\":1,\"message\":{job}}}")).collect();
    let begin = Instant::now();
    for jobs in jobs.chunks(AT_ONCE) {
        redis::cmd("RPUSH").arg("bare").arg(jobs).exec_async(redis).await.expect("Redis answers");
    }
    let mut popped = 0;
    while popped < n {
        let jobs: Vec<String> =
            redis::cmd("LPOP").arg("bare").arg(AT_ONCE).query_async(redis).await.expect("Redis answers");
        popped += jobs.len();
    }
    n as f64 / begin.elapsed().as_secs_f64()
}
