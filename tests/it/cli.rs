//! The command line as a person uses it: the built binary, its output and its exit codes.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use barid::ports::Heard;
use barid::store::{SqlStore, StoreSettings};
use insta::assert_snapshot;
use tempfile::TempDir;

use crate::contracts::{at, heard, inbound, phone};
use crate::standing_jobs::SHIPPED_JOBS;

/// A folder with a configuration, and nothing of the environment of whoever runs the tests.
struct Desk {
    folder: TempDir,
}

/// What a command did.
#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
        // Port 1 answers nobody: without a daemon commands work on the store.
        let config = format!(
            "state_dir = \"state\"\n[server]\nlisten = \"127.0.0.1:1\"\n[contacts]\ndefault_country = \"SA\"\n\
             [whatsapp]\nphone_number_id = \"900000000000001\"\n[templates]\ndir = \"{}\"\n[jobs]\ndir = \"jobs\"\n",
            shipped.join("templates").display()
        );
        let desk = Self { folder };
        desk.write("barid.toml", &config);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barid"));
        command.args(arguments).env_clear().current_dir(self.folder.path());
        command
    }

    /// Runs a command with our configuration.
    fn run(&self, arguments: &[&str]) -> Done {
        let config = self.path("barid.toml").display().to_string();
        self.done(self.command(&[arguments, &["--config", &config]].concat()))
    }

    fn done(&self, mut command: Command) -> Done {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&self.folder.path().display().to_string(), "FOLDER")
        };
        Done { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// Runs a command with our configuration, as somebody who types these lines.
    fn typed(&self, arguments: &[&str], lines: &str) -> Done {
        let config = self.path("barid.toml").display().to_string();
        let mut command = self.command(&[arguments, &["--config", &config]].concat());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        // Whoever has heard enough does not read the rest.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{done:?}");
        serde_json::from_str(&done.out).unwrap()
    }

    fn campaign(&self, name: &str, audience: &str) {
        let text = format!(
            "template = \"survey-invitation\"\npurpose = \"survey\"\n[audience]\n{audience}\n\
             [values]\nsurvey_title = {{ ar = \"استبيان\", en = \"Survey\" }}\nsurvey_link = \"https://survey.example.com/s\"\n"
        );
        self.write(&format!("jobs/campaigns/{name}.toml"), &text);
    }
}

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contacts").join(name).display().to_string()
}

/// Every sub-command, as its own help names them.
fn commands() -> Vec<Vec<&'static str>> {
    let grouped: [(&str, &[&str]); 13] = [
        ("alert", &["list"]),
        ("campaign", &["list", "show", "plan", "preview", "test", "start", "pause", "resume", "cancel"]),
        ("contacts", &["import", "export", "show", "erase"]),
        ("conversation", &["list", "show", "answer", "take", "hand-back"]),
        ("feedback", &["list", "export", "accuracy"]),
        ("flow", &["list", "check", "try", "results", "scores"]),
        ("hooks", &["list", "deliveries", "test", "replay"]),
        ("job", &["list", "run", "history"]),
        ("news", &["list", "replay"]),
        ("queue", &["list", "dead", "replay"]),
        ("report", &["costs", "review"]),
        ("template", &["list", "show", "push", "sync", "review", "agree"]),
        ("token", &["verify"]),
    ];
    let single = ["serve", "demo", "simulate", "check", "doctor", "trace", "explain", "migrate", "completions"];
    let mut all = vec![vec![]];
    all.extend(single.map(|name| vec![name]));
    for (group, names) in grouped {
        all.push(vec![group]);
        all.extend(names.iter().map(|name| vec![group, *name]));
    }
    all
}

#[test]
fn the_help_of_every_command() {
    let desk = Desk::new();
    let mut text = String::new();
    for command in commands() {
        let done = desk.done(desk.command(&[command.as_slice(), &["--help"]].concat()));
        assert_eq!(done.code, 0, "{command:?}");
        writeln!(text, "$ barid {} --help\n{}\n", command.join(" "), done.out.trim_end()).unwrap();
        assert!(done.out.contains("--config <FILE>"), "{command:?} takes --config");
    }
    assert_snapshot!(text);
}

#[test]
fn a_wrong_command_line_is_64_and_what_comes_later_is_69() {
    let desk = Desk::new();
    for wrong in [
        &["contact"][..],
        &["contacts", "import"],
        &["trace", "run_00000001"],
        &["campaign", "show", "No Name"],
        &["queue", "dead", "--lane", "sendin"],
        &[],
    ] {
        let done = desk.done(desk.command(wrong));
        assert_eq!(done.code, 64, "{wrong:?}: {done:?}");
    }
    let done = desk.done(desk.command(&["queue", "dead", "--lane", "sendin"]));
    assert!(done.err.contains("did you mean `sending`?"), "{done:?}");
}

#[test]
fn contacts_are_imported_updated_shown_and_exported() {
    let desk = Desk::new();
    let list = desk.write(
        "list.csv",
        "phone;name;language;tags;consent;City\n0500000101;أمل;ar;buyer;survey;الرياض\n+971501234567;Sara;en;;yes;\n",
    );
    let done = desk.run(&["contacts", "import", &list]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "new 2, updated 0, refused 0\n", ""));

    let again =
        desk.write("again.csv", "phone,name,language,consent\n00966500000101,Amal,,no\n+201012345678,Karim,en,\n");
    assert_eq!(desk.run(&["contacts", "import", &again]).out, "new 1, updated 1, refused 0\n");

    let amal = desk.json(&["contacts", "show", "0500000101", "--json"]);
    assert_eq!(
        (&amal["phone"], &amal["name"], &amal["language"]),
        (&"+966500000101".into(), &"Amal".into(), &"ar".into())
    );
    assert_eq!((&amal["tags"][0], &amal["attributes"]["city"]), (&"buyer".into(), &"الرياض".into()));
    assert_eq!(amal["timezone"], "Asia/Riyadh");
    assert_eq!(amal["consent"], serde_json::json!([]));
    let history = amal["consent_history"].as_array().unwrap();
    assert_eq!(history.len(), 2, "{history:?}");
    assert_eq!((&history[0]["evidence"], &history[0]["purposes"][0]), (&"list.csv line 2".into(), &"survey".into()));
    assert_eq!((&history[1]["evidence"], &history[1]["source"]), (&"again.csv line 2".into(), &"import".into()));

    assert_eq!(desk.run(&["contacts", "show", "+966500000109"]).code, 66);
    assert_eq!(desk.run(&["contacts", "show", "not a number"]).code, 64);
    assert_eq!(
        desk.run(&["contacts", "export"]).out,
        "phone,name,language,timezone,email,tags,consent,opted_out,city\n\
         +966500000101,Amal,ar,Asia/Riyadh,,buyer,no,no,الرياض\n\
         +971501234567,Sara,en,Asia/Dubai,,,survey;marketing;utility,no,\n\
         +201012345678,Karim,en,Africa/Cairo,,,no,no,\n"
    );
}

#[test]
fn an_export_is_read_again_as_it_was_and_runs_nothing_in_a_spreadsheet() {
    let (desk, other) = (Desk::new(), Desk::new());
    let list = desk.write(
        "list.csv",
        "phone,name,tags,note\n0500000101,=1+1,-a;b,@x\n0500000102,\"Omar \"\"O\"\", Jr\",,\"two\nlines\"\n",
    );
    assert_eq!(desk.run(&["contacts", "import", &list]).code, 0);
    let file = desk.path("export.csv").display().to_string();
    assert_eq!(desk.run(&["contacts", "export", "--out", &file]).code, 0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with('\u{feff}')
            && text.contains("+966500000101,'=1+1,")
            && text.contains("'-a;b")
            && text.contains("'@x"),
        "{text}"
    );
    assert_eq!(other.run(&["contacts", "import", &file]).out, "new 2, updated 0, refused 0\n");
    assert_eq!(other.run(&["contacts", "export"]).out, desk.run(&["contacts", "export"]).out);
}

#[test]
fn bad_rows_are_listed_and_good_ones_kept() {
    let desk = Desk::new();
    let mut list = String::from("phone,name,language\n0500000101,Amal,ar\n");
    for _ in 0..60 {
        list.push_str("12,Bad,ar\n");
    }
    list.push_str("0500000102,Omar,fr\n0500000103,Huda,ar\n");
    let list = desk.write("list.csv", &list);
    let errors = desk.path("errors.txt").display().to_string();
    let done = desk.run(&["contacts", "import", &list, "--errors", &errors]);
    assert_eq!((done.code, done.out.as_str()), (65, "new 2, updated 0, refused 61\n"));
    assert_eq!(done.err.lines().count(), 51, "fifty rows and where the rest is: {}", done.err);
    assert!(done.err.starts_with("line 3, column `phone`: no such phone number exists"), "{}", done.err);
    let all = fs::read_to_string(&errors).unwrap();
    assert_eq!(all.lines().count(), 61);
    assert!(all.lines().last().unwrap().starts_with("line 63, column `language`: this is not a language"), "{all}");
    assert!(!all.contains("Bad") && !all.contains("Omar"), "no value is repeated");
    assert!(desk.run(&["contacts", "import", &list]).err.ends_with("… and 11 more; `--errors FILE` lists all\n"));
}

#[test]
fn the_shipped_example_is_a_good_list() {
    let desk = Desk::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/campaigns/recent-buyers.csv.example");
    let done = desk.run(&["contacts", "import", &example.display().to_string()]);
    assert_eq!((done.code, done.out.as_str()), (0, "new 4, updated 0, refused 0\n"), "{done:?}");
}

#[test]
fn a_workbook_is_imported_like_a_csv_file() {
    let desk = Desk::new();
    let done = desk.run(&["contacts", "import", &fixture("buyers.xlsx")]);
    assert_eq!((done.code, done.out.as_str()), (65, "new 3, updated 0, refused 2\n"), "{done:?}");
    let huda = desk.json(&["contacts", "show", "+966500000103", "--json"]);
    assert_eq!((&huda["name"], &huda["consent_history"][0]["evidence"]), (&"هدى".into(), &"buyers.xlsx line 5".into()));
}

#[test]
fn a_file_that_cannot_be_used_is_one_error_and_writes_nothing() {
    let desk = Desk::new();
    for (name, content, code, expected) in [
        (
            "wrong.csv",
            "mobil,name\n1,2\n",
            65,
            "there is no column `phone` among `mobil`, `name`; rename `mobil` to `phone` if it holds the numbers",
        ),
        ("typo.csv", "phone,langauge\n0500000101,ar\n", 65, "there is a column `langauge`; did you mean `language`?"),
        ("empty.csv", "", 65, "it is empty"),
    ] {
        let done = desk.run(&["contacts", "import", &desk.write(name, content)]);
        assert_eq!((done.code, done.out.as_str(), done.err.lines().count()), (code, "", 1), "{done:?}");
        assert!(done.err.starts_with("barid: ") && done.err.contains(expected), "{done:?}");
    }
    let done = desk.run(&["contacts", "import", "missing.csv"]);
    assert_eq!(done.code, 66);
    assert_eq!(
        done.err,
        "barid: cannot read the contacts file `missing.csv`; check its path and its permissions: No such file or directory (os error 2)\n"
    );
    let list = desk.write("list.csv", "phone\n0500000101\n");
    assert_eq!(desk.run(&["contacts", "import", &list, "--errors", "no/such/folder"]).code, 74);
    assert_eq!(desk.run(&["contacts", "import", &list, "--dry-run"]).out, "good 1, refused 0 (nothing was written)\n");
    assert_eq!(desk.run(&["contacts", "export"]).out.lines().count(), 1, "nothing was written");
}

#[test]
fn a_configuration_that_cannot_be_read_is_78_with_everything_wrong() {
    let desk = Desk::new();
    let done = desk.done(desk.command(&["contacts", "export", "--config", "gone.toml"]));
    assert_eq!(done.code, 78);
    assert!(done.err.contains("gone.toml: there is no such file"), "{done:?}");
    desk.write("broken.toml", "[server]\nlisen = \"127.0.0.1:1\"\n[store]\nurl = \"mysql://x\"\n");
    let done = desk.done(desk.command(&["contacts", "export", "--config", "broken.toml"]));
    assert_eq!(done.code, 78);
    assert!(done.err.contains("broken.toml:2") && done.err.contains("did you mean `listen`?"), "{done:?}");
    assert!(done.err.contains("broken.toml:4"), "everything at once: {done:?}");
    let check = desk.done(desk.command(&["check", "--config", "broken.toml"]));
    assert_eq!(check.code, 78);
    assert!(check.out.contains("3 problems"), "templates are looked at all the same: {check:?}");
}

#[test]
fn a_store_that_cannot_be_opened_is_told_without_its_password() {
    let desk = Desk::new();
    desk.write("pg.toml", "[store]\nurl = \"postgres://barid:hunter2@127.0.0.1:1/barid\"\n");
    let done = desk.done(desk.command(&["contacts", "export", "--config", "pg.toml"]));
    assert_eq!(done.code, 69, "{done:?}");
    assert!(done.err.contains("cannot reach the database server") && !done.err.contains("hunter2"), "{done:?}");
    desk.write("state-is-a-file", "");
    desk.write("file.toml", "state_dir = \"state-is-a-file\"\n");
    assert_eq!(desk.done(desk.command(&["contacts", "export", "--config", "file.toml"])).code, 74);
}

#[test]
fn a_plan_says_whom_a_run_reaches_and_sends_nothing() {
    let desk = Desk::new();
    let list = "phone,name,language,consent,city\n0500000101,أمل,ar,survey,Riyadh\n0500000102,Omar,en,yes,Jeddah\n\
                0500000103,هدى,ar,no,Riyadh\n0500000101,أمل,ar,survey,Riyadh\n12,Bad,ar,yes,Riyadh\n+971501234567,,en,survey,Riyadh\n";
    desk.write("jobs/campaigns/buyers.csv", list);
    desk.campaign("spring", "file = \"buyers.csv\"");
    let plan = desk.json(&["campaign", "plan", "spring", "--json"]);
    assert_eq!(plan["by_language"]["ar"], 1, "{plan}");
    assert_eq!(plan["skipped"]["no-consent"], 1, "{plan}");
    assert_eq!(plan["skipped"]["stands in the file more than once"], 1, "{plan}");
    assert_eq!((&plan["refused_rows"], &plan["messages_per_second"]), (&1.into(), &70.into()), "{plan}");
    assert!(plan["row_errors"][0].as_str().unwrap().starts_with("line 6, column `phone`"), "{plan}");
    assert_eq!(desk.run(&["contacts", "export"]).out.lines().count(), 1, "planning imports nobody");

    let relative = desk.done(desk.command(&["campaign", "plan", "spring", "--config", "barid.toml"]));
    assert_eq!(relative.code, 0, "the file is found from a relative folder, too: {relative:?}");

    desk.run(&["contacts", "import", &desk.path("jobs/campaigns/buyers.csv").display().to_string()]);
    desk.campaign("riyadh", "where.city = [\"Riyadh\"]");
    let plan = desk.json(&["campaign", "plan", "riyadh", "--json"]);
    assert_eq!((&plan["not_selected"], &plan["by_language"]["ar"]), (&1.into(), &1.into()), "{plan}");
    assert_eq!(desk.run(&["campaign", "plan", "riyadh"]).code, 0);
}

#[test]
fn a_preview_shows_both_languages() {
    let desk = Desk::new();
    desk.campaign("spring", "tags_any = [\"buyer\"]");
    let done = desk.run(&["campaign", "preview", "spring"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("── ar") && done.out.contains("── en") && done.out.contains("استبيان"), "{done:?}");
    let list = desk.write("list.csv", "phone,name,language,tags,consent\n0500000101,Amal Test,ar,buyer,survey\n");
    desk.run(&["contacts", "import", &list]);
    let preview = desk.json(&["campaign", "preview", "spring", "--phone", "0500000101", "--json"]);
    assert!(preview[1]["text"].as_str().unwrap().contains("Amal Test"), "{preview}");
    assert_eq!(desk.run(&["campaign", "preview", "sprin"]).code, 66);
    assert!(desk.run(&["campaign", "preview", "sprin"]).err.contains("did you mean `spring`?"));
}

#[test]
fn without_a_daemon_a_campaign_is_steered_in_the_store() {
    let desk = Desk::new();
    desk.campaign("spring", "tags_any = [\"buyer\"]");
    assert_eq!(desk.json(&["campaign", "list", "--json"])[0]["state"], "waiting");
    assert_eq!(desk.run(&["campaign", "pause", "spring"]).code, 65, "there is no run yet");
    let started = desk.run(&["campaign", "start", "spring"]);
    assert_eq!((started.code, started.out.as_str()), (0, "spring: planning (no daemon was asked)\n"), "{started:?}");
    assert_eq!(desk.run(&["campaign", "start", "spring"]).code, 65, "it has a run that has not ended");
    assert_eq!(desk.run(&["campaign", "pause", "spring"]).out, "spring: paused (no daemon was asked)\n");
    assert_eq!(desk.run(&["campaign", "resume", "spring"]).out, "spring: planning (no daemon was asked)\n");
    assert_eq!(desk.run(&["campaign", "cancel", "spring"]).out, "spring: cancelled (no daemon was asked)\n");
    let done = desk.run(&["campaign", "pause", "spring"]);
    assert_eq!((done.code, done.err.as_str()), (65, "barid: a run that is cancelled cannot be paused\n"));
    let shown = desk.json(&["campaign", "show", "spring", "--json"]);
    assert_eq!((&shown["state"], &shown["run"]["total"]), (&"cancelled".into(), &0.into()), "{shown}");
    assert_eq!(desk.run(&["campaign", "test", "spring", "--phone", "0500000101"]).code, 69, "only a daemon sends");

    desk.write("jobs/campaigns/broken.toml", "template = \"survey-invitatio\"\npurpose = \"survey\"\n[audience]\n");
    let list = desk.run(&["campaign", "list"]);
    assert_eq!(list.code, 78, "{list:?}");
    assert!(list.out.contains("spring") && list.err.contains("did you mean `survey-invitation`?"), "{list:?}");
    assert_eq!(desk.run(&["campaign", "preview", "broken"]).code, 78);
}

/// Answers one request with this status and body, and hands back what was asked.
fn one_answer(status: &str, body: &str) -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let thread = std::thread::spawn(move || {
        // The first connection only asks whether somebody is there.
        drop(listener.accept().unwrap());
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).unwrap();
            asked.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&asked).to_lowercase();
            let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
            if rest.len() >= length || count == 0 {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (port, thread)
}

#[test]
fn while_a_daemon_runs_what_writes_goes_through_it() {
    let desk = Desk::new();
    let through = |port: u16, arguments: &[&str]| {
        let mut command = desk.command(arguments);
        command
            .env("BARID_API_TOKEN", "a-token-of-more-than-24-letters")
            .env("BARID__SERVER__LISTEN", format!("127.0.0.1:{port}"));
        desk.done(command)
    };
    let list = desk.write("list.csv", "phone,name,consent\n+966500000101,Amal,survey\n+966500000102,Omar,\n");
    let (port, asked) = one_answer(
        "200 OK",
        r#"{"items":[{"line":2,"id":"con_00000001","new":true},{"line":3,"id":"con_00000002","new":false}],"next":null}"#,
    );
    let done = through(port, &["contacts", "import", &list]);
    assert_eq!((done.code, done.out.as_str()), (0, "new 1, updated 1, refused 0\n"), "{done:?}");
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("POST /api/v1/contacts/import "), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer a-token-of-more-than-24-letters"), "{asked}");
    assert!(asked.contains(r#""phone":"+966500000101""#) && asked.contains("list.csv line 2"), "{asked}");
    assert!(!desk.path("state").exists(), "the store was not touched");

    let (port, asked) = one_answer("200 OK", r#"{"name":"spring","state":"paused"}"#);
    assert_eq!(through(port, &["campaign", "pause", "spring"]).out, "spring: paused\n");
    assert!(asked.join().unwrap().starts_with("POST /api/v1/campaigns/spring/pause "));

    for (status, body, code, expected) in [
        ("401 Unauthorized", "{}", 78, "does not take our BARID_API_TOKEN"),
        (
            "409 Conflict",
            r#"{"detail":"a run that is finished cannot be paused"}"#,
            65,
            "a run that is finished cannot be paused",
        ),
        (
            "503 Service Unavailable",
            r#"{"detail":"store or queue is not available"}"#,
            75,
            "store or queue is not available",
        ),
        ("404 Not Found", "<html>", 66, "what listens on http://127.0.0.1:"),
        ("200 OK", "<html>", 69, "is no barid of this version"),
    ] {
        let (port, asked) = one_answer(status, body);
        let done = through(port, &["campaign", "pause", "spring"]);
        assert_eq!(done.code, code, "{status}: {done:?}");
        assert!(done.err.contains(expected), "{status}: {done:?}");
        asked.join().unwrap();
    }
}

#[test]
fn a_code_is_explained_with_its_answers_and_what_to_do() {
    let desk = Desk::new();
    let done = desk.run(&["explain", "131049"]);
    assert_eq!(done.code, 0, "{done:?}");
    for said in ["Meta 131049", "marketing-limited", "another channel takes over", "25 h"] {
        assert!(done.out.contains(said), "{said}: {}", done.out);
    }
    let told = desk.json(&["explain", "twilio", "21610", "--json"]);
    assert_eq!((&told["class"], &told["answers"]["falls_back"]), (&"opted-out".into(), &false.into()), "{told}");
    let told = desk.json(&["explain", "-7", "--json"]);
    assert_eq!((&told["class"], &told["known"]), (&"unrecognised".into(), &false.into()), "{told}");
    let told = desk.json(&["explain", "credentials", "--json"]);
    assert!(told["codes"].as_array().unwrap().iter().any(|code| code["code"] == "190/463"), "{told}");
    assert_eq!(desk.json(&["explain", "--json"]).as_array().unwrap().len(), 17);
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/explain/failure_codes.md")).unwrap();
    assert_eq!(desk.run(&["explain", "--markdown"]).out, page);
    let done = desk.run(&["explain", "marketing-limitd"]);
    assert_eq!(done.code, 64);
    assert!(done.err.contains("did you mean `marketing-limited`?"), "{}", done.err);
}

#[test]
fn looking_at_queues_starts_no_redis() {
    let desk = Desk::new();
    let done = desk.run(&["queue", "list"]);
    assert_eq!(done.code, 69);
    assert!(done.err.contains("no `barid serve` runs on"), "{done:?}");
    let mut command = desk.command(&["queue", "list"]);
    command.env("BARID__REDIS__URL", "redis://:hunter2@127.0.0.1:1");
    let done = desk.done(command);
    assert_eq!(done.code, 69);
    assert!(done.err.contains("cannot reach Redis") && !done.err.contains("hunter2"), "{done:?}");
}

#[test]
fn the_accuracy_of_the_reader_is_measured_on_own_sentences_and_categories() {
    let desk = Desk::new();
    let categories = "built_in = false\n[categories.parking]\nname = { ar = \"المواقف\", en = \"Parking\" }\nexamples = [\"no parking space\"]\n\
                      [categories.food]\nname = { ar = \"الأكل\", en = \"Food\" }\nexamples = [\"the soup was cold\"]\n";
    desk.write("categories.toml", categories);
    desk.write("labelled.tsv", "negative\tfood\tthe bread was stale\n");
    let settings = fs::read_to_string(desk.path("barid.toml")).unwrap();
    let nlp = "[nlp]\ncategories = \"categories.toml\"\nlabelled = \"labelled.tsv\"\n";
    desk.write("barid.toml", &format!("{settings}{nlp}"));
    let sentences = "mine\ten\tnegative\tparking\tthere was no space for parking\nmine\ten\tnegative\tfood\tThe bread was stale!\n\
                     mine\tother\tpositive\t-\t👍\n";
    let file = desk.write("mine.tsv", sentences);
    let measured = desk.json(&["feedback", "accuracy", "--json", "--without-model", "--file", &file]);
    assert_eq!((measured["model"]["name"].as_str(), &measured["n_learnt"]), (Some("n-grams"), &serde_json::json!(1)));
    let groups = measured["groups"].as_array().unwrap();
    let of =
        |subject: &str| groups.iter().find(|group| group["subject"] == subject && group["group"] == "mine").unwrap();
    let languages = serde_json::json!({"labels": ["en", "other"], "counts": [[1, 0], [0, 1]]});
    assert_eq!(of("language")["confusion"], languages);
    assert_eq!((of("category")["n"].as_u64(), of("category")["accuracy"].as_f64()), (Some(1), Some(1.0)));
    let shown = desk.run(&["feedback", "accuracy", "--file", &file]);
    assert!(shown.out.starts_with("model n-grams/") && shown.out.contains("macro-F1"), "{shown:?}");
    assert!(shown.err.contains("1 sentences left out: the reader learns from them"), "{shown:?}");

    let wrong = desk.write("wrong.tsv", "mine\tklingon\tpositive\t-\tnuqneH\n");
    let done = desk.run(&["feedback", "accuracy", "--file", &wrong]);
    assert_eq!(done.code, 65);
    assert!(done.err.starts_with("FOLDER/wrong.tsv:1: the language is `klingon`"), "{done:?}");
    let done = desk.run(&["feedback", "accuracy", "--model", "nowhere.bin"]);
    assert_eq!(done.code, 66);
    assert!(done.err.contains("`nowhere.bin` cannot be read") && done.err.contains("make model"), "{done:?}");
    desk.write("labelled.tsv", "negative\tfod\tthe bread was stale\n");
    let done = desk.run(&["check"]);
    assert!(done.out.contains("labelled.tsv:1: there is no category `fod`; did you mean `food`?"), "{done:?}");
}

#[test]
fn other_reading_commands_answer_on_an_empty_store() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["migrate"]).out, "the store is up to date\n");
    assert_eq!(desk.json(&["feedback", "list", "--json"]), serde_json::json!([]));
    assert_eq!(desk.run(&["feedback", "export"]).out.lines().count(), 1);
    let done = desk.run(&["trace", "msg_00000001"]);
    assert_eq!((done.code, done.err.as_str()), (66, "barid: there is no message `msg_00000001` in this store\n"));
    assert!(desk.run(&["completions", "bash"]).out.contains("_barid()"));
    let report = desk.json(&["check", "--json"]);
    assert_eq!((&report["in_order"], &report["problems"]), (&true.into(), &serde_json::json!([])), "{report}");
}

#[test]
fn standing_jobs_are_listed_and_done_without_a_daemon() {
    let desk = Desk::new();
    let listed = desk.json(&["job", "list", "--json"]);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    assert_eq!(names, SHIPPED_JOBS, "without a file, the one that ships holds");
    desk.write(
        "jobs/schedule.toml",
        "timezone = \"Africa/Cairo\"\n[[jobs]]\nname = \"at-noon\"\njob = \"tidy\"\nschedule = \"0 12 * * *\"\n",
    );
    let done = desk.run(&["job", "run", "at-noon"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.out, "at-noon job_00000001: ok: nothing was old enough\n");
    let listed = desk.json(&["job", "list", "--json"]);
    assert_eq!(
        (listed[0]["last"]["result"].as_str(), listed[0]["last"]["trigger"].as_str()),
        (Some("ok"), Some("operator"))
    );
    let history = desk.json(&["job", "history", "at-noon", "--json"]);
    assert_eq!((history.as_array().unwrap().len(), &history[0]["id"]), (1, &"job_00000001".into()));
    assert!(desk.run(&["job", "list"]).out.contains("at-noon (tidy)"));
    assert_eq!(desk.run(&["alert", "list"]).out, "no alerts\n");

    // Without a token nobody can be asked, and the run waits for a daemon.
    let done = desk.run(&["job", "run", "verify-token"]);
    assert_eq!((done.code, done.err.contains("WHATSAPP_API_TOKEN is not set")), (75, true), "{done:?}");
    let done = desk.run(&["doctor", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, &found["result"], &found["alerts"]), (69, &"failed".into(), &serde_json::json!([])));
    for (name, code, says) in [("at-non", 66, "did you mean `at-noon`?"), ("Tidy", 64, "invalid value")] {
        let done = desk.run(&["job", "run", name]);
        assert_eq!((done.code, done.err.contains(says)), (code, true), "{done:?}");
    }
    assert_eq!(desk.run(&["job", "run", "tidy", "--no-wait"]).code, 69);
}

#[test]
fn a_wrong_schedule_is_told_with_its_line_and_the_rest_of_it_holds() {
    let desk = Desk::new();
    let (job, every) = ("[[jobs]]\njob = ", "\nschedule = \"0 12 * * *\"\n");
    let text = format!("timezone = \"Asia/Riyadh\"\n{job}\"tidy\"{every}{job}\"tidi\"{every}");
    desk.write("jobs/schedule.toml", &text);
    let done = desk.run(&["check"]);
    assert_eq!(done.code, 78);
    assert!(
        done.out.contains("schedule.toml:6: `job` is `tidi`, which is no standing job; did you mean `tidy`?"),
        "{done:?}"
    );
    assert_eq!(desk.json(&["job", "list", "--json"]).as_array().unwrap().len(), 1);
    desk.write("jobs/schedule.toml", "[[jobs]]\njob = ");
    let done = desk.run(&["check"]);
    assert!(done.code == 78 && done.out.contains("schedule.toml:2"), "{done:?}");
}

#[tokio::test]
async fn staff_speak_in_the_terminal_without_a_daemon() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("state")).unwrap();
    let url = format!("sqlite:{}", desk.path("state/barid.db").display());
    let store = SqlStore::open(&url, &StoreSettings::default()).await.unwrap();
    heard(&store, vec![Heard { window_until: Some(at(100)), ..inbound(2, "wamid.2", "hello") }]).await;
    store.close().await;

    let number = phone(2);
    let done = desk.run(&["conversation", "take", &number, "--by", "amal"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.starts_with("who answers now: amal, people since "), "{done:?}");
    assert!(desk.run(&["conversation", "take", &number, "--by", "amal"]).out.starts_with("it was so already"));
    let done = desk.typed(&["conversation", "answer", &number, "-", "--by", "amal", "--json"], "نعم، تفضل\n");
    let said: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert!(said["message_id"].is_string() && done.err.contains("it leaves when `barid serve` runs"), "{done:?}");
    let shown = desk.json(&["conversation", "show", &number, "--json"]);
    assert_eq!((&shown["taken_by"], &shown["exchanges"][0]["text"]), (&"amal".into(), &"نعم، تفضل".into()), "{shown}");
    assert_eq!(shown["exchanges"][1]["text"], "hello");
    let table = desk.run(&["conversation", "show", &number]).out;
    assert!(table.contains("the person") && table.contains("amal"), "{table}");
    assert_eq!(desk.json(&["conversation", "list", "--state", "bot", "--json"]), serde_json::json!([]));
    assert!(desk.run(&["conversation", "hand-back", &number]).out.contains("who answers now: barid"));

    for (arguments, code, says) in [
        (vec!["conversation", "take", "+966500000009"], 66, "no contact has this number"),
        (vec!["conversation", "take", "con_0000zzzz"], 66, "there is no contact `con_0000zzzz`"),
        (vec!["conversation", "answer", &number, " "], 65, "1 to 4096 characters"),
        (vec!["conversation", "list", "--state", "human"], 64, "there is no state `human`"),
    ] {
        let done = desk.run(&arguments);
        assert_eq!((done.code, done.err.contains(says)), (code, true), "{arguments:?}: {done:?}");
    }
}

#[test]
fn a_flow_is_listed_checked_and_tried_in_the_terminal() {
    let desk = Desk::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/flows");
    for name in ["nps", "csat"] {
        desk.write(
            &format!("jobs/flows/{name}.toml"),
            &fs::read_to_string(shipped.join(format!("{name}.toml"))).unwrap(),
        );
    }
    let listed = desk.json(&["flow", "list", "--json"]);
    assert_eq!(
        (&listed[1]["name"], &listed[1]["questions"], &listed[1]["survey"]),
        (&"nps".into(), &5.into(), &true.into())
    );
    assert_eq!(desk.run(&["flow", "check"]).out, "in order: csat, nps\n");

    let done = desk
        .typed(&["flow", "try", "csat", "--language", "en", "--set", "what=delivery"], "none\n٢\nprice\n:wait\nskip\n");
    assert_eq!(done.code, 0, "{done:?}");
    assert_snapshot!(done.out);
    assert!(done.err.contains("(nobody answered `comment`; waits; gives up at "), "{done:?}");
    let done = desk.typed(&["flow", "try", "nps", "--language", "ar", "--json"], "٩\n:nonsense\nرائع\n");
    let result: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&result["state"], &result["score"]["value"]), (&"completed".into(), &9.into()), "{done:?}");
    assert!(done.err.contains("there is no command `:nonsense`"), "{done:?}");
    let done = desk.typed(&["flow", "try", "nps", "--language", "en"], "3\n");
    assert!(done.out.contains("still waiting"), "{done:?}");

    let results = desk.run(&["flow", "results", "csat"]);
    assert_eq!(
        (results.code, results.out.lines().count()),
        (0, 1),
        "a header and nothing that came of it: {results:?}"
    );
    assert!(results.out.ends_with(",answer_score,answer_topic,answer_comment\n"), "{results:?}");
    assert_eq!(desk.json(&["flow", "results", "csat", "--format", "json"]), serde_json::json!([]));
    assert_eq!(desk.run(&["flow", "scores", "csat"]).out, "no conversation of `csat` has ended yet\n");
    for command in ["results", "scores"] {
        let done = desk.run(&["flow", command, "csta"]);
        assert_eq!((done.code, done.err.contains("did you mean `csat`?")), (66, true), "{done:?}");
    }

    desk.write("jobs/flows/bad.toml", "[[steps]]\nid = \"a\"\n");
    let done = desk.run(&["flow", "check"]);
    assert_eq!(done.code, 78);
    assert!(done.out.contains("bad.toml:1: `kind` is missing") && done.out.ends_with(" problems\n"), "{done:?}");
    assert_eq!(desk.run(&["flow", "check", "nps"]).code, 0, "the others are not affected");
    assert_eq!(desk.run(&["flow", "list"]).code, 78);
    assert_eq!(desk.run(&["flow", "try", "bad"]).code, 78);
    let done = desk.run(&["flow", "try", "npss"]);
    assert_eq!((done.code, done.err.contains("did you mean `nps`?")), (66, true), "{done:?}");
    assert_eq!(desk.run(&["flow", "try", "csat", "--set", "wat=x"]).code, 64);
    assert_eq!(desk.run(&["flow", "check", "nobody"]).code, 66);
}
