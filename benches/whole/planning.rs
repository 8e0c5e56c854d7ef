//! Files with contacts, and audiences that wait.

use std::fmt::Write as _;
use std::time::Instant;

use barid::simulator::{Settings, Statuses};

use crate::harness::{Barid, Contact, Setup, people};
use crate::measure::{Cpu, Report, megabytes, redis_pid};

fn contacts_file(people: &[Contact]) -> String {
    people.iter().fold(String::from("phone,name,language,consent\n"), |mut text, person| {
        writeln!(text, "{},{},{},{}", person.phone, person.name, person.language, person.consent)
            .expect("a string grows");
        text
    })
}

/// Rows each second that a loop reads out of the same file and throws away.
fn read_only(file: &str) -> f64 {
    let begin = Instant::now();
    let rows = csv::Reader::from_reader(file.as_bytes()).records().filter(Result::is_ok).count();
    rows as f64 / begin.elapsed().as_secs_f64()
}

pub(crate) async fn import(n: usize) {
    let barid = Barid::prepare(Setup::default()).await;
    let file = barid.dir.path().join("people.csv");
    let text = contacts_file(&people(n));
    std::fs::write(&file, &text).expect("the folder is there");
    let begin = Instant::now();
    let output = barid.run(&["contacts", "import", file.to_str().expect("the path is text")]);
    let seconds = begin.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Report::new("import")
        .with("rows", n)
        .with("seconds", seconds)
        .with("rows_per_second", n as f64 / seconds)
        .with("bare_reading_per_second", read_only(&text))
        .print();
}

/// A large audience, planned twice while hardly anything is sent: at first all of them are new to the record, then all are known.
pub(crate) async fn waiting(n: usize) {
    let simulator = Settings { statuses: Statuses::off(), ..Setup::default().simulator };
    let barid = {
        let people = people(n);
        let mut barid = Barid::prepare(Setup { mps: 1, simulator, ..Setup::default() }).await;
        for campaign in ["first", "again"] {
            barid.write_campaign(campaign, &people, "");
        }
        barid.start().await;
        barid
    };
    for campaign in ["first", "again"] {
        let before = Cpu::now(&barid, None);
        let begin = Instant::now();
        barid.start_campaign(campaign).await;
        barid.wait_for(campaign, "the audience to be planned", |_, run| run["total"].as_u64() == Some(n as u64)).await;
        let seconds = begin.elapsed().as_secs_f64();
        let whom = if campaign == "first" { "planning, everybody new" } else { "planning, everybody known" };
        let report = Report::new(whom).with("recipients", n).with("planned_per_second", n as f64 / seconds);
        Cpu::now(&barid, None)
            .report(before, n, report)
            .with("barid_peak_mb", megabytes(barid.pid(), "VmHWM"))
            .with("redis_peak_mb", megabytes(redis_pid(&barid), "VmHWM"))
            .print();
    }
}
