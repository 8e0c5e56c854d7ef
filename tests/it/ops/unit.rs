//! The unit for systemd: in order for systemd, and with names that the configuration knows.

use std::path::{Path, PathBuf};
use std::process::Command;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_finds_nothing_to_say_about_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = std::fs::read_to_string(shipped("systemd/barid.service")).unwrap();
    // systemd looks whether the program is there; here it lies elsewhere.
    let unit = unit.replace("/usr/bin/barid", env!("CARGO_BIN_EXE_barid"));
    let file = folder.path().join("barid.service");
    std::fs::write(&file, unit).unwrap();
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(&file);
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("SKIPPED: `systemd-analyze` is not installed, so nobody has verified systemd/barid.service");
        return;
    }
    let output = super::ends(command).await;
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{} {said}", output.status);
}

/// Runs `barid check --json` with this environment and nothing else.
async fn check(environment: &[(String, String)]) -> (i32, serde_json::Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barid"));
    command.env_clear().envs(environment.iter().cloned()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["check", "--json"]);
    let output = super::ends(command).await;
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_in_the_unit_and_its_environment_is_one_that_barid_knows() {
    let unit = std::fs::read_to_string(shipped("systemd/barid.service")).unwrap();
    let directive = |name: &str| -> Vec<String> {
        unit.lines().filter_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned).collect()
    };
    let credentials = tempfile::tempdir().unwrap();
    let known = barid::config::Secrets::names();
    let named: Vec<String> =
        directive("LoadCredential").iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert!(named.len() >= 4, "{named:?}");
    for name in &named {
        assert!(known.contains(&name.to_uppercase().as_str()), "{name} is none of {known:?}");
        let file = credentials.path().join(name);
        std::fs::write(&file, "a-secret-of-twenty-four-characters\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    }
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let mut environment: Vec<_> = directive("Environment").iter().map(|line| pair(line)).collect();
    assert!(!environment.is_empty());
    environment.push(("CREDENTIALS_DIRECTORY".to_owned(), credentials.path().display().to_string()));
    environment.push(pair("WHATSAPP_PHONE_NUMBER_ID=900000000000001"));
    let (code, said) = check(&environment).await;
    assert_eq!((code, &said["needed_to_serve"]), (0, &serde_json::json!([])), "{said}");

    // The file that EnvironmentFile= loads: every name of the example is a setting or a secret.
    let example = std::fs::read_to_string(shipped("config/barid.env.example")).unwrap();
    let names = example.lines().filter_map(|line| line.trim_start_matches("# ").split_once('=')).map(|(name, _)| name);
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    for name in names.filter(is_name).filter(|name| *name != "NAME") {
        let is_identifier = ["WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_BUSINESS_ACCOUNT_ID"].contains(&name);
        // Each endpoint of ours has one of its own name.
        let of_hook =
            name.starts_with("BARID_HOOK_") && (name.ends_with("_SECRET") || name.ends_with("_SECRET_PREVIOUS"));
        assert!(known.contains(&name) || is_identifier || of_hook || name.starts_with("BARID__"), "{name}");
    }
    for setting in example.lines().filter_map(|line| line.strip_prefix("# BARID__")) {
        let (code, said) = check(&[pair(&format!("BARID__{setting}"))]).await;
        assert_eq!(code, 0, "{setting}: {said}");
    }
    // The check does look.
    let (code, said) = check(&[pair("BARID__SERVER__LISTENN=127.0.0.1:1")]).await;
    assert_eq!(code, 78, "{said}");
}
