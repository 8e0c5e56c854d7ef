//! ad hoc
use barid::domain::consent::*;
use barid::domain::contact::*;
use barid::domain::delivery::*;
use barid::domain::ids::*;
use barid::domain::language::Language;
use barid::domain::news::*;
use barid::domain::phone_number::PhoneNumber;
use barid::domain::start::StartAnswer;
use barid::ports::*;
use barid::store::*;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn now() -> Timestamp {
    let d = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millisecond(d.as_millis() as i64).unwrap()
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s[s.rfind(')').unwrap() + 2..].split(' ').collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn cpu_pg() -> f64 {
    // all postgres processes, incl. children waited by postmaster
    let Ok(pid) = std::env::var("PGPID") else { return 0.0 };
    let mut sum = 0.0;
    for e in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(s) = std::fs::read_to_string(e.path().join("stat")) else { continue };
        let Some(i) = s.rfind(')') else { continue };
        let f: Vec<&str> = s[i + 2..].split(' ').collect();
        let own = e.file_name().to_string_lossy() == pid.as_str();
        if own || f[1] == pid {
            sum += (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0;
        }
        if own {
            sum += (f[13].parse::<f64>().unwrap() + f[14].parse::<f64>().unwrap()) / 100.0;
        }
    }
    sum
}
fn update(i: usize) -> ContactUpdate {
    ContactUpdate {
        phone: PhoneNumber::from_e164(&format!("+9665{i:08}")).unwrap(),
        name: Some(format!("Person {i}")),
        language: Some(if i % 5 < 3 { Language::Ar } else { Language::En }),
        timezone: None,
        timezone_of_number: "Asia/Riyadh".into(),
        email: None,
        tags: Some(vec!["buyer".into()]),
        attributes: [("city".to_owned(), "Riyadh".to_owned())].into(),
        consent: Some(ConsentChange {
            kind: ConsentChangeKind::Set(Purposes::all()),
            at: now(),
            source: "import".into(),
            evidence: "file.csv:1".into(),
        }),
    }
}
struct Phase {
    name: &'static str,
    n: usize,
    at: Instant,
    cpu: f64,
    pg: f64,
}
fn begin(name: &'static str, n: usize) -> Phase {
    Phase { name, n, at: Instant::now(), cpu: cpu(), pg: cpu_pg() }
}
impl Phase {
    fn end(self) {
        let s = self.at.elapsed().as_secs_f64();
        let c = cpu() - self.cpu;
        let p = cpu_pg() - self.pg;
        println!(
            "{:24} {:7} in {:6.2}s = {:7.0}/s  cpu {:.3} s/1000 (+pg {:.3})",
            self.name,
            self.n,
            s,
            self.n as f64 / s,
            c / self.n as f64 * 1000.0,
            p / self.n as f64 * 1000.0
        );
    }
}

async fn parallel<F, Fut>(n: usize, callers: usize, f: F)
where
    F: Fn(usize) -> Fut + Send + Sync + 'static + Clone,
    Fut: std::future::Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = vec![];
    for _ in 0..callers {
        let next = next.clone();
        let f = f.clone();
        tasks.push(tokio::spawn(async move {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= n {
                    break;
                }
                f(i).await;
            }
        }));
    }
    for t in tasks {
        t.await.unwrap();
    }
}

fn main() {
    let threads: usize = std::env::var("THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(2);
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap().block_on(run());
}
async fn run() {
    let url = std::env::args().nth(1).unwrap();
    let n: usize = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let callers: usize = std::env::args().nth(3).and_then(|n| n.parse().ok()).unwrap_or(500);
    let store = Arc::new(SqlStore::open(&url, &StoreSettings::default()).await.unwrap());
    let p = begin("import", n);
    let mut contacts = vec![];
    for chunk in (0..n).collect::<Vec<_>>().chunks(500) {
        contacts.extend(
            store.upsert(chunk.iter().map(|i| update(*i)).collect(), now()).await.unwrap().into_iter().map(|c| c.0.id),
        );
    }
    p.end();
    let OpenedRun::New(run) =
        store.open(&format!("c{}", now().as_millisecond()).parse().unwrap(), now(), "{}", now()).await.unwrap()
    else {
        panic!()
    };
    let terms = RunTerms {
        sender: "default".parse().unwrap(),
        purpose: Purpose::Survey,
        expires_at: now() + jiff::SignedDuration::from_hours(10),
        price_micros: 30000,
    };
    let p = begin("plan", n);
    for chunk in contacts.chunks(500) {
        store
            .plan(
                run.id,
                &terms,
                chunk
                    .iter()
                    .map(|c| PlannedMessage { contact: *c, language: Language::Ar, suppressed: None })
                    .collect(),
                "x",
                false,
                now(),
            )
            .await
            .unwrap();
    }
    store.plan(run.id, &terms, vec![], "end", true, now()).await.unwrap();
    p.end();
    let p = begin("feed", n);
    let mut ids = vec![];
    loop {
        let f = store.feed(run.id, 1000).await.unwrap();
        if f.is_empty() {
            break;
        }
        ids.extend(f);
    }
    p.end();
    assert_eq!(ids.len(), n);
    let ids = Arc::new(ids);
    let with_import = std::env::var("IMPORT").is_ok();
    let importer = with_import.then(|| {
        let store = store.clone();
        tokio::spawn(async move {
            let t = Instant::now();
            let mut done = 0;
            for chunk in (1_000_000..1_100_000).collect::<Vec<_>>().chunks(500) {
                store.upsert(chunk.iter().map(|i| update(*i)).collect(), now()).await.unwrap();
                done += 500;
            }
            println!("import beside: {done} in {:?}", t.elapsed());
        })
    });
    let p = begin("load start answer", n);
    let (s, i) = (store.clone(), ids.clone());
    parallel(n, callers, move |k| {
        let (s, id) = (s.clone(), i[k].0);
        async move {
            let m = s.load(id).await.unwrap().unwrap();
            assert_eq!(m.standing.attempt, 0);
            assert_eq!(
                s.start(id, 0, now() + jiff::SignedDuration::from_mins(1), now()).await.unwrap(),
                StartAnswer::Go
            );
            let wamid: WhatsAppId =
                format!("wamid.HBgMOTY2NT{:016x}AAERgSR{:016x}==", k, k.wrapping_mul(0x9E3779B97F4A7C15))
                    .parse()
                    .unwrap();
            assert!(matches!(s.learn(id, 1, Fact::Accepted(wamid), now()).await.unwrap(), Effect::Changed(_)));
        }
    })
    .await;
    p.end();
    let p = begin("3 callbacks each", n);
    let tag = store.tag().to_owned();
    let (s, i) = (store.clone(), ids.clone());
    parallel(n, callers, move |k| {
        let (s, id, tag) = (s.clone(), i[k].0, tag.clone());
        async move {
            for (status, pricing) in
                [(ProviderStatus::Sent, true), (ProviderStatus::Delivered, true), (ProviderStatus::Read, false)]
            {
                let row = s.append(vec![b'x'; 700].into(), now()).await.unwrap();
                let (_body, _) = s.unapplied(row).await.unwrap().unwrap();
                let wamid: WhatsAppId =
                    format!("wamid.HBgMOTY2NT{:016x}AAERgSR{:016x}==", k, k.wrapping_mul(0x9E3779B97F4A7C15))
                        .parse()
                        .unwrap();
                let news = StatusNews {
                    sender: "123".parse().unwrap(),
                    whatsapp_id: wamid,
                    reference: Some(CallbackReference { store: tag.clone(), message: id, attempt: 1 }),
                    status,
                    provider_at: now(),
                    pricing: pricing.then(|| PricingNews { billable: true, category: "utility".into() }),
                };
                let a = s.apply(row, vec![news], vec![], now()).await.unwrap();
                assert_eq!(a.changed, 1);
            }
        }
    })
    .await;
    p.end();
    println!("{:?} cost {}", store.counts(run.id).await.unwrap(), store.cost_micros(run.id).await.unwrap());
    println!("finished: {}", store.finish_if_done(run.id, now()).await.unwrap());
    if let Some(i) = importer {
        i.await.unwrap();
    }
    store.close().await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
