//! What the whole service does on this machine, each part next to a bare loop of the same calls in the same run.
//!
//! One JSON object on each line of standard output. `make bench`, or `make bench BENCH="--only send,callbacks --messages 40000"`:
//!
//! | part | what it measures |
//! |---|---|
//! | `send` | a planned campaign without callbacks: loaded, decided, rendered, called, recorded |
//! | `campaign` | the same from its start on, to people whom the record does not know yet: planning included |
//! | `callbacks` | `send` with three callbacks of each message taken in and applied |
//! | `latency` | the same against a Graph API that takes 50 ms for an answer |
//! | `postgres` | `send` and `callbacks` with PostgreSQL as the record |
//! | `import` | a file with contacts |
//! | `planning` | memory and time for a large audience (`--waiting 1000000`) |
//! | `storm` | 100,000 retries due in the same second, through the lane, with fresh work beside them |
//! | `decisions` | decisions of the limits, beside bare calls of Redis |
//! | `arrivals` | calls of a number where they arrive: its busiest and emptiest second, from one process and from two |
//! | `beside` | single messages beside a campaign of 500,000 |
//! | `webhook` | callbacks of one status each, journalled before the 200, as many as are taken (`--callbacks 180000`, `--connections 512`), beside a bare warp route that checks the same signature; then the same with PostgreSQL |
//! | `steady` | 4,000 callbacks/s, each at its moment (`--steady 20`, in seconds): three statuses and an answer of each message |
//! | `bodies` | 1,000 changes in one POST |
//! | `tidy` | old rows (`--old 5000000`) that go while 500 messages/s are sent: rows a second, and what sending keeps of its rate |
//! | `soak` | 1,000 messages/s with all callbacks (`--soak 60`, in seconds): memory, queues and lag at its begin and end |
//!
//! Nothing is asserted: machines differ, and the ratios to the bare loops are what to compare; where something must hold, it is said
//! beside the number. CPU is user and system time of the process named, taken from the kernel; the simulator and the loops run in this
//! process, barid, its Redis and PostgreSQL in their own.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and its lines are its result")]

mod bare;
mod beside;
mod campaigns;
#[path = "../../tests/it/direct.rs"]
mod direct;
mod generator;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/harness/mod.rs"]
mod harness;
mod limits;
mod measure;
mod planning;
#[path = "../../tests/it/postgres.rs"]
mod postgres;
mod soak;
mod storm;
mod tidy;
mod webhook;

use std::time::Duration;

use barid::simulator::{Latency, Millis};
use campaigns::{Campaign, all_three};
use measure::{Report, argument};

const PARTS: [&str; 16] = [
    "send",
    "campaign",
    "callbacks",
    "latency",
    "postgres",
    "import",
    "planning",
    "storm",
    "decisions",
    "arrivals",
    "beside",
    "webhook",
    "steady",
    "bodies",
    "tidy",
    "soak",
];

/// The parts that were asked for; all without `--only`.
fn wanted() -> Vec<&'static str> {
    let mut arguments = std::env::args();
    let only = arguments.find(|argument| argument == "--only").and_then(|_| arguments.next());
    let Some(only) = only else { return PARTS.to_vec() };
    let known = |name: &str| {
        *PARTS.iter().find(|part| **part == name).unwrap_or_else(|| panic!("`{name}` is not one of {PARTS:?}"))
    };
    only.split(',').map(known).collect()
}

async fn measure(part: &'static str, messages: usize) {
    match part {
        "send" => Campaign::new("send", messages).measure().await,
        "campaign" => Campaign { with_planning: true, ..Campaign::new("campaign", messages) }.measure().await,
        "callbacks" => {
            Campaign { statuses: all_three(), ..Campaign::new("send with three callbacks", messages) }.measure().await
        }
        "latency" => {
            let millis = Millis::new(50);
            let latency = Latency { min: millis, median: millis, max: millis };
            let name = "send with three callbacks, answers after 50 ms";
            Campaign { statuses: all_three(), latency, ..Campaign::new(name, messages) }.measure().await;
        }
        "postgres" => {
            let on_postgres = |name| Campaign { on_postgres: true, ..Campaign::new(name, messages / 2) };
            on_postgres("send, PostgreSQL").measure().await;
            Campaign { statuses: all_three(), ..on_postgres("send with three callbacks, PostgreSQL") }.measure().await;
        }
        "import" => planning::import(argument("--rows", 100_000)).await,
        "planning" => planning::waiting(argument("--waiting", 1_000_000)).await,
        "storm" => storm::measure(argument("--retries", 100_000)).await,
        "decisions" => limits::decisions(argument("--decisions", 200_000)).await,
        "arrivals" => limits::arrivals(argument("--seconds", 12) as u32).await,
        "beside" => beside::measure(argument("--large", 500_000), argument("--singles", 60)).await,
        "webhook" => {
            let callbacks = argument("--callbacks", 180_000);
            webhook::as_fast_as_it_goes(callbacks, false).await;
            webhook::as_fast_as_it_goes(callbacks / 3, true).await;
        }
        "steady" => webhook::steady(Duration::from_secs(argument("--steady", 20) as u64)).await,
        "bodies" => webhook::large_bodies(argument("--callbacks", 180_000)).await,
        "tidy" => tidy::measure(argument("--old", 5_000_000), argument("--recipients", 300_000)).await,
        "soak" => soak::measure(argument("--rate", 1_000), Duration::from_secs(argument("--soak", 60) as u64)).await,
        _ => unreachable!("the names were checked"),
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let messages = argument("--messages", 20_000);
    runtime.block_on(async {
        for part in wanted() {
            measure(part, messages).await;
        }
        Report::new("end").print();
    });
}
