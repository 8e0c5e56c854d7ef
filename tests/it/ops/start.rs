//! Starts that cannot be: one line with the remedy, the right exit code, nothing left running.

use std::net::TcpListener;

use crate::harness::{Barid, Setup};

/// The exit code and what was said on standard error.
async fn refused(barid: &Barid, environment: &[(&str, &str)], without: &[&str]) -> (i32, String) {
    let mut command = barid.command();
    command.args(["serve", "--config"]).arg(barid.config()).envs(environment.iter().copied());
    command.env("BARID__LOG__LEVEL", "error");
    for name in without {
        command.env_remove(name);
    }
    let output = super::ends(command).await;
    assert_eq!(output.stdout, b"", "errors go to standard error");
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().expect("it ended by itself"), said.trim_end().to_owned())
}

/// What is wrong with a refusal; nothing when it is one line with these words and that code.
fn wrong(expected: i32, words: &[&str], (code, said): &(i32, String), left: &[String]) -> Option<String> {
    let is_fine = *code == expected
        && said.lines().count() == 1
        && said.starts_with("barid: ")
        && words.iter().all(|word| said.contains(word))
        && !said.contains("open-sesame")
        && left.is_empty();
    (!is_fine).then(|| format!("expected {expected} with {words:?}, got {code}:\n{said}\nleft running: {left:?}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_in_one_line_and_nothing_stays_behind() {
    let mut barid = Barid::prepare(Setup::default()).await;
    // A killed barid leaves its redis-server behind: one that is adopted ends with a start that fails, like one that was started.
    barid.start().await;
    barid.kill();
    let folder = barid.dir.path();
    let left = super::processes_in(&folder.join("state"));
    assert_eq!(left.len(), 1, "{left:?}");
    let unreachable = [("BARID__STORE__URL", "postgres://barid@127.0.0.1:1/barid")];
    let (code, said) = refused(&barid, &unreachable, &[]).await;
    assert_eq!((code, super::processes_in(folder)), (69, vec![]), "{said}");
    let (listen, ops) = (barid.listen.clone(), barid.ops.clone());
    let file = folder.join("a-file");
    std::fs::write(&file, "").unwrap();
    let in_place_of_a_folder = file.display().to_string();
    let below_a_file = file.join("state").display().to_string();
    let mut all = String::new();
    let mut check = async |environment: &[(&str, &str)], code, words: &[&str]| {
        let refusal = refused(&barid, environment, &[]).await;
        all.extend(wrong(code, words, &refusal, &super::processes_in(folder)));
    };
    {
        let _taken = TcpListener::bind(&listen).unwrap();
        check(&[], 69, &["[server] listen", &listen, "; "]).await;
    }
    {
        let _taken = TcpListener::bind(&ops).unwrap();
        check(&[], 69, &["[server] ops_listen", &ops, "; "]).await;
    }
    // Port 1 is nobody's.
    let redis = "redis://:open-sesame@127.0.0.1:1";
    check(&[("BARID__REDIS__URL", redis)], 69, &["Redis", "[redis] url", "; start it"]).await;
    let store = "postgres://barid:open-sesame@127.0.0.1:1/barid";
    check(&[("BARID__STORE__URL", store)], 69, &["database server", "[store] url", "; check"]).await;
    let program = "no-such-redis-server";
    check(&[("BARID__REDIS__SERVER", program)], 69, &[program, "; install", "[redis] url"]).await;
    for state_dir in [&in_place_of_a_folder, &below_a_file] {
        check(&[("BARID__STATE_DIR", state_dir)], 74, &[state_dir, "`state_dir`", "; "]).await;
    }
    assert!(all.is_empty(), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_the_configuration_is_told_with_its_place() {
    let barid = Barid::prepare(Setup::default()).await;
    let (code, said) = refused(&barid, &[], &["WHATSAPP_API_TOKEN", "WHATSAPP_APP_SECRET"]).await;
    assert_eq!(code, 78, "{said}");
    for name in ["WHATSAPP_API_TOKEN is not set", "WHATSAPP_APP_SECRET is not set", "WHATSAPP_APP_SECRET_FILE"] {
        assert!(said.contains(name), "{said}");
    }

    let good = std::fs::read_to_string(barid.config()).unwrap();
    std::fs::write(barid.config(), format!("{good}\n[redis\n")).unwrap();
    let (code, said) = refused(&barid, &[], &[]).await;
    let line = good.lines().count() + 2;
    assert!(code == 78 && said.contains(&format!("barid.toml:{line}")), "{code} {said}");

    std::fs::write(barid.config(), format!("{good}\n[redis]\nnamespaze = \"x\"\n")).unwrap();
    let (code, said) = refused(&barid, &[], &[]).await;
    assert!(code == 78 && said.contains("namespaze") && said.contains("`namespace`"), "{code} {said}");

    std::fs::write(barid.config(), format!("{good}\n[log]\nlevel = \"info,hyper=debug\"\n")).unwrap();
    let mut command = barid.command();
    command.args(["serve", "--config"]).arg(barid.config());
    let output = super::ends(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(78) && said.contains("`hyper`"), "{said}");
    assert_eq!(super::processes_in(barid.dir.path()), Vec::<String>::new());
    assert!(!barid.dir.path().join("state").exists(), "nothing was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_barid_on_the_same_state_is_refused_and_the_first_is_not_disturbed() {
    let mut barid = Barid::prepare(Setup::default()).await;
    barid.start().await;
    let redis = std::fs::read_to_string(barid.redis_pid_file()).unwrap();
    let before = super::processes_in(barid.dir.path());
    let other = [("BARID__SERVER__LISTEN", "127.0.0.1:0"), ("BARID__SERVER__OPS_LISTEN", "127.0.0.2:0")];
    let refusal = refused(&barid, &other, &[]).await;
    let fault = wrong(69, &["another barid", "state_dir", "; stop it"], &refusal, &[]);
    assert_eq!(fault, None);
    assert_eq!(super::processes_in(barid.dir.path()), before);
    assert_eq!(std::fs::read_to_string(barid.redis_pid_file()).unwrap(), redis);
    assert!(barid.get("/api/v1/campaigns").await["items"].is_array());
    assert!(barid.stop().await);
}
