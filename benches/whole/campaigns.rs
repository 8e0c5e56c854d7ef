//! A campaign from its start to its last effect, or from its planned audience on.

use std::time::Instant;

use barid::simulator::{Latency, Settings, Span, Statuses};

use crate::harness::{Barid, Setup, people};
use crate::measure::{Cpu, Report, megabytes};
use crate::{bare, postgres};

/// Calls at once of the bare loop against a simulator that answers at once; more would only wait for the processor.
const BARE_AT_ONCE: usize = 64;

pub(crate) struct Campaign {
    pub(crate) name: &'static str,
    pub(crate) messages: usize,
    pub(crate) statuses: Statuses,
    pub(crate) latency: Latency,
    pub(crate) on_postgres: bool,
    /// The clock starts with the campaign; otherwise when everybody is planned and waits.
    pub(crate) with_planning: bool,
}

/// All three callbacks of each message within a third of a second.
pub(crate) fn all_three() -> Statuses {
    Statuses {
        sent_after: Span::millis(0, 100),
        delivered_after: Span::millis(0, 200),
        read_after: Span::millis(0, 300),
        read_share: 1.0,
        undelivered_share: 0.0,
        skip_delivered_share: 0.0,
        duplicate_share: 0.0,
        reorder_share: 0.0,
        ..Statuses::default()
    }
}

fn command(barid: &Barid, arguments: &[&str]) {
    let output = barid.run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Campaign {
    pub(crate) fn new(name: &'static str, messages: usize) -> Self {
        Self {
            name,
            messages,
            statuses: Statuses::off(),
            latency: Latency::NONE,
            on_postgres: false,
            with_planning: false,
        }
    }

    fn simulator(&self) -> Settings {
        Settings { statuses: self.statuses.clone(), latency: self.latency, ..Setup::default().simulator }
    }

    pub(crate) async fn measure(&self) {
        let n = self.messages;
        // As many at once as barid has under way where answers take their time.
        let at_once = if self.latency == Latency::NONE { BARE_AT_ONCE } else { 400 };
        let bare = bare::calls(n, Settings { statuses: Statuses::off(), ..self.simulator() }, at_once).await;
        let database = if self.on_postgres { Some(postgres::fresh_database().await) } else { None };
        let setup = Setup { simulator: self.simulator(), store_url: database.clone(), ..Setup::default() };
        let barid = Barid::start_with(setup, &people(n)).await;
        let (before, begin) = if self.with_planning {
            let begin = (Cpu::now(&barid, database.as_deref()), Instant::now());
            barid.start_campaign("survey").await;
            begin
        } else {
            command(&barid, &["suspend", "sender", "default", "--reason", "its audience is planned first"]);
            barid.start_campaign("survey").await;
            barid.wait_for("survey", "the audience to be planned", |_, run| run["total"] == n).await;
            let begin = (Cpu::now(&barid, database.as_deref()), Instant::now());
            command(&barid, &["release", "--all"]);
            begin
        };
        if self.statuses.enabled {
            barid.settle("survey").await;
        } else {
            barid.wait_for("survey", "the run to finish", |state, _| state == "finished").await;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let used = Cpu::now(&barid, database.as_deref());
        let rows = barid.simulator.ledger();
        // Without the beginning and the end, in which not everything is busy.
        let (first, last) = (&rows[rows.len() / 10], &rows[rows.len() * 9 / 10]);
        let sustained = rows.len() as f64 * 0.8 / ((last.accepted_at - first.accepted_at).max(1) as f64 / 1000.0);
        let rate = n as f64 / seconds;
        let report = Report::new(self.name)
            .with("messages", n)
            .with("accepted", rows.len())
            .with("seconds", seconds)
            .with("messages_per_second", rate)
            .with("sustained_calls_per_second", sustained)
            .with("bare_loop_per_second", bare)
            .with("ratio_to_bare_loop", rate / bare);
        used.report(before, n, report).with("barid_peak_mb", megabytes(barid.pid(), "VmHWM")).print();
    }
}
