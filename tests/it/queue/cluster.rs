//! A Redis Cluster of three nodes: every script of a lane and of the control queue is accepted.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use barid::queue::control::{ControlJob, ControlQueue, ControlWorker};
use barid::queue::job::JobError;
use barid::queue::lane::{Lane, Lanes, NewJob};
use barid::queue::workers::Workers;
use futures_util::FutureExt;

use super::harness::{Runs, handler, job, jobs, noting, settings, until, until_empty, worker};

pub(crate) struct TestCluster {
    nodes: Vec<(u16, Child)>,
    _dir: tempfile::TempDir,
}

impl TestCluster {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The bus port is given too: by default it is the port + 10,000, which may not exist.
        let listeners: Vec<_> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(listeners);
        let nodes = ports.chunks(2).map(|pair| (pair[0], node(pair[0], pair[1], dir.path()))).collect();
        let cluster = Self { nodes, _dir: dir };
        for (port, _) in &cluster.nodes {
            until("the node answers", async || cli(*port, &["PING"]).trim() == "PONG").await;
        }
        for (n, (port, _)) in cluster.nodes.iter().enumerate() {
            let (from, to) =
                ((n * 5461).to_string(), if n == 2 { "16383".to_owned() } else { (n * 5461 + 5460).to_string() });
            assert_eq!(cli(*port, &["CLUSTER", "ADDSLOTSRANGE", &from, &to]).trim(), "OK");
            let (first, bus) = (ports[0].to_string(), ports[1].to_string());
            assert_eq!(cli(*port, &["CLUSTER", "MEET", "127.0.0.1", &first, &bus]).trim(), "OK");
        }
        for (port, _) in &cluster.nodes {
            until("the cluster is whole", async || {
                let info = cli(*port, &["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
            .await;
        }
        cluster
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        for (_, node) in &mut self.nodes {
            node.kill().unwrap();
            node.wait().unwrap();
        }
    }
}

fn node(port: u16, bus: u16, dir: &std::path::Path) -> Child {
    let dir = dir.join(port.to_string());
    std::fs::create_dir(&dir).unwrap();
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--cluster-port", &bus.to_string()])
        .args(["--cluster-enabled", "yes", "--save", "", "--appendonly", "no", "--dir"])
        .arg(&dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn cli(port: u16, args: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lane_and_the_control_queue_work_in_a_cluster() {
    let cluster = TestCluster::start().await;
    let lanes = Lanes::connect(&cluster.url(), settings()).await.unwrap();
    lanes.ping().await.unwrap();
    let (runs, controls) = (Runs::default(), Runs::default());
    let noted = runs.clone();
    let fails_once = handler(move |_, info| {
        let noted = noted.clone();
        async move {
            noted.note(&format!("{}#{}", info.id, info.attempt));
            match (info.id.as_str(), info.attempt) {
                ("broken", _) => Err(JobError::abort("made up")),
                (_, 1) => Err(JobError::retry_after(Duration::from_millis(100), "made up")),
                _ => Ok(()),
            }
        }
    });
    for lane in Lane::ALL {
        assert_eq!(lanes.push(lane, &jobs(200)).await.unwrap(), 200);
        assert_eq!(lanes.push(lane, &[NewJob { priority: 0, ..job("broken") }]).await.unwrap(), 1);
        assert_eq!(lanes.alive(lane, &["broken".to_owned(), "never".to_owned()]).await.unwrap(), [true, false]);
    }
    let control = ControlQueue::new(&lanes);
    let tidy = ControlJob { name: "tidy".to_owned(), payload: serde_json::Value::Null };
    control.push(&tidy, Some("tidy:1"), Duration::ZERO).await.unwrap();
    let noted = controls.clone();
    let control_worker = ControlWorker {
        concurrency: 2,
        timeout: Duration::from_secs(10),
        handler: std::sync::Arc::new(move |job, _| {
            noted.note(&job.name);
            async { Ok(()) }.boxed()
        }),
    };
    let all = Lane::ALL.map(|lane| worker(lane, 20, fails_once.clone())).to_vec();
    let workers = Workers::start(lanes.clone(), all, Some((control.clone(), control_worker)));
    for lane in Lane::ALL {
        until_empty(&lanes, lane).await;
        assert_eq!(lanes.dead_list(lane, 0, 10).await.unwrap().len(), 1);
        assert_eq!(lanes.dead_purge(lane, Duration::ZERO).await.unwrap(), 1);
    }
    assert_eq!(runs.len(), Lane::ALL.len() * 401);
    until("the control job ran", async || controls.ids() == ["tidy"]).await;
    until("and is forgotten", async || control.forget_done().await.unwrap() == 1).await;
    workers.stop(Duration::from_secs(5)).await;

    // Leases that nobody renews any more run out here too.
    let dead_end =
        Workers::start(lanes.clone(), vec![worker(Lane::News, 5, handler(|_, _| std::future::pending()))], None);
    lanes.push(Lane::News, &jobs(5)).await.unwrap();
    until("it holds them", async || lanes.depth(Lane::News).await.unwrap().leased == 5).await;
    drop(dead_end);
    let again = Runs::default();
    let other = Lanes::connect(&cluster.url(), settings()).await.unwrap();
    let workers = Workers::start(other, vec![worker(Lane::News, 5, noting(&again, Duration::ZERO))], None);
    until_empty(&lanes, Lane::News).await;
    assert_eq!(again.len(), 5);
    workers.stop(Duration::from_secs(5)).await;
}
