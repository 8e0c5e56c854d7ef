//! The limits: decisions each second beside bare calls of Redis, and how a number's rate looks where the calls arrive.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use barid::daemon::clock::SystemClock;
use barid::domain::channel::Channel;
use barid::domain::ids::{ContactId, MessageId, RunId, SenderName};
use barid::domain::limit::Urgency;
use barid::limits::{Limiter, Redis, Sender, Settings};
use barid::ports::{Ask, Clock, LimitFacts, LimitFactsOf, Limits as _, Stored, Verdict};
use barid::simulator::Statuses;

use crate::harness::{Barid, Setup, people};
use crate::measure::{Report, cpu_seconds};
use crate::postgres;

/// A record of which nothing is used up.
#[derive(Default)]
struct NothingUsed(AtomicI64);

#[async_trait::async_trait]
impl LimitFactsOf for NothingUsed {
    async fn limit_facts(&self, _: &str, _: &[SenderName], _: Option<u32>, _: jiff::Timestamp) -> Stored<LimitFacts> {
        Ok(LimitFacts { generation: self.0.fetch_add(1, Ordering::SeqCst) + 1, ..LimitFacts::default() })
    }

    async fn limit_generation(&self, _: &str) -> Stored<i64> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

struct OwnRedis {
    dir: tempfile::TempDir,
    child: Child,
}

impl OwnRedis {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "yes", "--unixsocket"])
            .arg(dir.path().join("redis.sock"))
            .arg("--dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let redis = Self { dir, child };
        while redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        redis
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.dir.path().join("redis.sock").display())
    }

    async fn link(&self) -> redis::aio::ConnectionManager {
        redis::aio::ConnectionManager::new(redis::Client::open(self.url()).unwrap()).await.unwrap()
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn report(what: &str, n: usize, begin: Instant, before: (f64, f64), redis: &OwnRedis) {
    let seconds = begin.elapsed().as_secs_f64();
    let (own, in_redis) = (cpu_seconds(std::process::id()) - before.0, cpu_seconds(redis.child.id()) - before.1);
    let per_1000 = |seconds: f64| seconds / n as f64 * 1000.0;
    Report::new(what)
        .with("decisions", n)
        .with("per_second", n as f64 / seconds)
        .with("cpu_seconds_per_1000", per_1000(own + in_redis))
        .with("redis_cpu_per_1000", per_1000(in_redis))
        .print();
}

/// Each decision takes from number, pair, tier, rate and budget.
async fn decide(n: usize, at_once: usize) {
    let redis = OwnRedis::start().await;
    let senders = ["one", "two"].map(|name| Sender {
        name: name.parse().unwrap(),
        mps: 1_000_000,
        portfolio: "p".to_owned(),
        tier: Some(100_000_000),
    });
    let settings = Settings {
        namespace: "bench".to_owned(),
        senders: senders.to_vec(),
        channels: vec![],
        caps: None,
        rebuild_every: Duration::from_secs(30),
    };
    let facts: Arc<dyn LimitFactsOf> = Arc::new(NothingUsed::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let limiter = Arc::new(Limiter::start(&Redis::over(redis.link().await), &facts, &clock, settings));
    let ask = |n: usize| Ask {
        message: MessageId::new(n as i64),
        contact: ContactId::new(n as i64),
        sender: ["one", "two"][n % 2].parse().unwrap(),
        channel: Channel::Whatsapp,
        urgency: Urgency::Bulk,
        counts_for_tier: true,
        run: Some(RunId::new((n % 4) as i64)),
        rate: None,
        budget_micros: Some(i64::MAX / 4),
        price_micros: 2_500,
    };
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let before = (cpu_seconds(std::process::id()), cpu_seconds(redis.child.id()));
    let begin = Instant::now();
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (limiter, next) = (Arc::clone(&limiter), Arc::clone(&next));
        jobs.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= n {
                    return;
                }
                let verdict = limiter.permit(&ask(at)).await;
                assert!(matches!(verdict, Verdict::Granted(_)), "{verdict:?}");
            }
        });
    }
    jobs.join_all().await;
    report(&format!("limiter decisions, {at_once} jobs"), n, begin, before, &redis);
}

/// The same number of calls with as many keys and arguments, and a script that does nothing; and as many PINGs.
async fn bare(n: usize) {
    const BATCH: usize = 500;
    let redis = OwnRedis::start().await;
    let mut link = redis.link().await;
    let before = (cpu_seconds(std::process::id()), cpu_seconds(redis.child.id()));
    let begin = Instant::now();
    for _ in 0..n / BATCH {
        let mut call = redis::cmd("EVAL");
        call.arg("return 1").arg(BATCH);
        for key in 0..BATCH {
            call.arg(format!("{{bench:limits:p}}:pair:one:{key}"));
        }
        for argument in 0..BATCH * 6 {
            call.arg(argument);
        }
        call.query_async::<i64>(&mut link).await.unwrap();
    }
    report("bare EVAL of 500 with as many arguments", n, begin, before, &redis);
    let before = (cpu_seconds(std::process::id()), cpu_seconds(redis.child.id()));
    let begin = Instant::now();
    let mut pings = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut link = link.clone();
        pings.spawn(async move {
            for _ in 0..n / 500 {
                redis::cmd("PING").query_async::<()>(&mut link).await.unwrap();
            }
        });
    }
    pings.join_all().await;
    report("bare PING for each, 500 at once", n, begin, before, &redis);
}

/// A second process on the same Redis and record.
struct Second(Child);

impl Second {
    fn start(barid: &Barid) -> Self {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = std::fs::read_to_string(barid.config()).unwrap();
        let state = barid.dir.path().join("state").display().to_string();
        let config = config
            .replace(&barid.listen, &free())
            .replace(&barid.ops, &free())
            .replace(&format!("state_dir = \"{state}\""), &format!("state_dir = \"{state}-2\""));
        let file = barid.dir.path().join("second.toml");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(Path::new(barid.dir.path()).join("second.log")).unwrap();
        Self(barid.command().args(["serve", "--config"]).arg(&file).stdout(log).spawn().unwrap())
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What arrives at the simulator.
async fn arrive(mps: u32, seconds: u32, with_second: bool) {
    let redis = OwnRedis::start().await;
    let store_url = if with_second { Some(postgres::fresh_database().await) } else { None };
    let mut setup = Setup { mps, store_url, ..Setup::default() };
    setup.simulator.statuses = Statuses::off();
    setup.more = format!("[redis]\nurl = \"{}\"\n", redis.url());
    let n = (mps * seconds) as usize;
    let barid = Barid::start_with(setup, &people(n)).await;
    let second = with_second.then(|| Second::start(&barid));
    if with_second {
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the run to finish", |state, _| state == "finished").await;
    drop(second);
    let arrived: Vec<i64> = barid.simulator.ledger().iter().map(|row| row.accepted_at).collect();
    // Full seconds between the first and the last message: their busiest and their emptiest.
    let (first, last) = (arrived[0], arrived[arrived.len() - 1]);
    let in_second = |from: i64| arrived.iter().filter(|at| (from..from + 1_000).contains(*at)).count();
    let counts: Vec<usize> = (first..last - 1_000).step_by(5).map(in_second).collect();
    let used = (arrived.len() - 1) as f64 / ((last - first).max(1) as f64 / 1_000.0) / f64::from(mps);
    let share = |n: Option<&usize>| n.map_or(0.0, |n| *n as f64 / f64::from(mps));
    Report::new("arrivals")
        .with("mps", mps)
        .with("processes", 1 + usize::from(with_second))
        .with("messages", n)
        .with("accepted", arrived.len())
        .with("busiest_second", share(counts.iter().max()))
        .with("must_be_at_most", 1.03)
        .with("emptiest_second", share(counts.iter().min()))
        .with("used", used)
        .with("must_be_at_least", 0.97)
        .print();
}

/// Decisions each second, of as many jobs as a process has and of ten times as many, beside bare calls of Redis.
pub(crate) async fn decisions(n: usize) {
    decide(n, 400).await;
    decide(n, 4_000).await;
    bare(n).await;
}

/// A slow number and a fast one, from one process and from two that share Redis and record.
pub(crate) async fn arrivals(seconds: u32) {
    for mps in [70, 500] {
        arrive(mps, seconds, false).await;
        arrive(mps, seconds, true).await;
    }
}
