//! The museum of mistakes: each file under `tests/fixtures/{config,campaigns,flows}` is named after what is wrong with it, and the `.txt`
//! beside it is what the operator reads. `BARID_UPDATE_FIXTURES=1` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use barid::config::campaigns::{CampaignContext, CampaignFiles};
use barid::config::flows::{FlowContext, FlowFiles};
use barid::config::templates::Templates;
use barid::config::{Config, Environment, check};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new("tests/fixtures").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Compares what was said about a file with what stands beside it.
fn assert_said(file: &Path, said: &str, different: &mut String) {
    let expected = file.with_extension("txt");
    #[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the tests, not a setting of the program")]
    let update = std::env::var("BARID_UPDATE_FIXTURES").is_ok();
    if update {
        std::fs::write(&expected, said).unwrap();
    }
    let before = std::fs::read_to_string(&expected).unwrap_or_default();
    if before != said {
        writeln!(different, "{}\n--- expected\n{before}--- said\n{said}", file.display()).unwrap();
    }
}

#[test]
fn every_mistake_in_the_configuration_is_told_with_place_and_remedy() {
    let mut different = String::new();
    for file in fixtures("config") {
        let errors = Config::load(Some(&file), &Environment::default()).map(|_| ()).unwrap_err();
        let said = format!("{errors}\n");
        assert!(!said.contains("not-to-be-shown"), "{}", file.display());
        assert_said(&file, &said, &mut different);
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn every_mistake_in_a_campaign_is_told_with_place_and_remedy_and_stops_no_other() {
    let environment = [("WHATSAPP_PHONE_NUMBER_ID", "900000000000001")].into_iter().collect();
    let config = Config::load(None, &environment).unwrap();
    let (templates, errors) = Templates::load(Path::new("templates"), &config.brand);
    assert_eq!(errors, []);
    let context = CampaignContext::new(&config, &templates);
    let mut different = String::new();
    let folder = Path::new("tests/fixtures/campaigns");
    let (campaigns, errors) = CampaignFiles::load(folder, &context);
    assert_eq!(campaigns, [], "each file has a mistake");
    assert_eq!(errors.iter().map(|error| error.file.clone()).collect::<Vec<_>>(), fixtures("campaigns"));
    for error in errors {
        assert_said(&error.file, &format!("{error}\n"), &mut different);
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn every_mistake_in_a_flow_is_told_with_place_and_remedy_and_stops_no_other() {
    let config = Config::load(None, &Environment::default()).unwrap();
    let mut different = String::new();
    let (flows, errors) = FlowFiles::load(Path::new("tests/fixtures/flows"), &FlowContext::new(&config));
    assert!(flows.is_empty(), "each file has a mistake: {flows:?}");
    assert_eq!(errors.iter().map(|error| error.file.clone()).collect::<Vec<_>>(), fixtures("flows"));
    for error in errors {
        assert_said(&error.file, &format!("{error}\n"), &mut different);
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn of_two_flows_that_the_same_begins_the_first_by_name_stays() {
    let config = Config::load(None, &Environment::default()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let flow = |begins: &str| {
        format!(
            "[starts_on]\n{begins}\n[[steps]]\nid = \"hi\"\nkind = \"say\"\ntext = {{ ar = \"أهلًا\", en = \"Hi\" }}\n"
        )
    };
    let words = |ar: &str, en: &str| flow(&format!("words = {{ ar = [\"{ar}\"], en = [\"{en}\"] }}"));
    std::fs::write(dir.path().join("a.toml"), words("قيّمنا", "rate")).unwrap();
    std::fs::write(dir.path().join("b.toml"), words("قيمنا", "other")).unwrap();
    std::fs::write(dir.path().join("c.toml"), flow("payloads = [\"go\"]")).unwrap();
    std::fs::write(dir.path().join("d.toml"), flow("payloads = [\"go\", \"went\"]")).unwrap();
    std::fs::write(dir.path().join("draft.toml.example"), "nonsense").unwrap();
    let (flows, errors) = FlowFiles::load(dir.path(), &FlowContext::new(&config));
    assert_eq!(flows.iter().map(|flow| flow.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(told[0].contains("b.toml: `[starts_on] words` has `قيمنا`, which begins the flow of"), "{told:?}");
    assert!(told[1].contains("d.toml: `[starts_on] payloads` has `go`, which begins the flow of"), "{told:?}");
    let (none, errors) = FlowFiles::load(Path::new("/nowhere/flows"), &FlowContext::new(&config));
    assert!(none.is_empty() && errors.is_empty(), "nobody needs flows");
}

#[test]
fn what_is_shipped_is_in_order() {
    for config in ["config/barid.toml", "config/development.toml"] {
        let report = check(Some(Path::new(config)), &Environment::default());
        assert!(report.is_fine(), "{report}");
        assert_eq!((report.n_templates, report.n_flows), (4, 3), "{report}");
    }
    let environment = [("WHATSAPP_PHONE_NUMBER_ID", "900000000000001")].into_iter().collect();
    let config = Config::load(None, &environment).unwrap();
    let (templates, _) = Templates::load(Path::new("templates"), &config.brand);
    let context = CampaignContext::new(&config, &templates);
    for entry in std::fs::read_dir("jobs/campaigns").unwrap() {
        let example = entry.unwrap().path();
        // Beside the campaigns lies the contacts file that one of them may name.
        if !example.to_string_lossy().ends_with(".toml.example") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("example.toml");
        std::fs::copy(&example, &live).unwrap();
        if let Err(problems) = CampaignFiles::load_one(&live, &context) {
            panic!("{}: {problems:?}", example.display());
        }
    }
}

#[test]
fn a_bad_campaign_does_not_stop_a_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let campaigns = dir.path().join("jobs/campaigns");
    std::fs::create_dir_all(&campaigns).unwrap();
    std::fs::copy("jobs/campaigns/survey-invitation.toml.example", campaigns.join("good.toml")).unwrap();
    std::fs::copy("jobs/campaigns/survey-invitation.toml.example", campaigns.join("draft.toml.example")).unwrap();
    std::fs::write(campaigns.join("bad.toml"), "template = 1\n").unwrap();
    std::fs::write(campaigns.join(".good.toml.swp.toml"), "an editor's draft").unwrap();
    let file = dir.path().join("barid.toml");
    let templates = std::fs::canonicalize("templates").unwrap();
    std::fs::write(&file, format!("[templates]\ndir = \"{}\"\n", templates.display())).unwrap();
    let report = check(Some(&file), &Environment::default());
    assert_eq!((report.n_campaigns, report.is_fine()), (1, false));
    assert!(report.problems.iter().all(|problem| problem.to_string().contains("bad.toml")), "{report}");
    assert!(report.to_string().contains("needed to serve: WHATSAPP_API_TOKEN"), "{report}");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let report = check(Some(Path::new("/nowhere/barid.toml")), &Environment::default());
    assert_eq!(report.to_string(), "error: /nowhere/barid.toml: there is no such file\n1 problem");
}
