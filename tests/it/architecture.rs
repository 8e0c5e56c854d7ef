//! Who may import whom. The table is the documentation; the test keeps the code to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folder (or file) of `src/`, and what of ours it may import besides itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // Pure.
    ("domain", &[]),
    ("ports", &["domain"]),
    // What happens.
    ("jobs", &["domain", "ports"]),
    // Driven adapters: they answer, and do not know that jobs exist.
    ("whatsapp", &["domain", "ports", "telemetry", "outgoing"]),
    ("fallback", &["domain", "ports", "telemetry", "outgoing"]),
    ("hooks", &["domain", "ports", "telemetry", "outgoing"]),
    // What calls over HTTP prove, whoever makes them.
    ("outgoing", &["domain"]),
    ("store", &["domain", "ports", "telemetry"]),
    ("limits", &["domain", "ports", "telemetry"]),
    ("queue", &["domain", "ports", "telemetry"]),
    ("contacts_file", &["domain", "ports", "telemetry"]),
    ("nlp", &["domain", "ports", "telemetry", "outgoing"]),
    ("media", &["domain", "ports", "telemetry"]),
    // Driving adapters.
    ("http", &["domain", "ports", "jobs", "telemetry"]),
    ("telemetry", &["domain"]),
    ("config", &["domain"]),
    // The simulator knows Meta's names on its own, so that it and `whatsapp` can disagree.
    ("simulator", &[]),
    // Composition.
    (
        "daemon",
        &[
            "domain",
            "ports",
            "jobs",
            "whatsapp",
            "fallback",
            "hooks",
            "outgoing",
            "store",
            "limits",
            "queue",
            "contacts_file",
            "nlp",
            "media",
            "http",
            "telemetry",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "ports",
            "jobs",
            "whatsapp",
            "fallback",
            "hooks",
            "outgoing",
            "store",
            "limits",
            "queue",
            "contacts_file",
            "nlp",
            "media",
            "http",
            "telemetry",
            "config",
            "daemon",
            "simulator",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Crates that are named in these folders only.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("apalis", &["queue"]),
    ("apalis_core", &["queue"]),
    ("apalis_redis", &["queue"]),
    ("redis", &["queue", "limits"]),
    ("sea_orm", &["store"]),
    ("sea_orm_migration", &["store"]),
    ("warp", &["http", "simulator"]),
    ("reqwest", &["whatsapp", "fallback", "hooks", "nlp", "outgoing", "simulator", "cli"]),
    ("lettre", &["fallback"]),
    ("mail_parser", &["fallback"]),
    ("clap", &["cli", "main"]),
    ("prometheus", &["telemetry"]),
    ("handlebars", &["domain"]),
    ("infer", &["domain"]),
];

fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> =
            fs::read_dir(folder).expect("the folder is there").map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&root).unwrap();
            let room =
                inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (room, inside.to_owned(), text)
        })
        .collect()
}

/// The code of a line, without what stands behind `//`.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    code(line).split("crate::").skip(1).filter_map(|rest| {
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        (!name.is_empty()).then_some(name)
    })
}

#[test]
fn every_folder_imports_only_what_the_table_allows() {
    let table: BTreeMap<&str, BTreeSet<&str>> =
        MAY_IMPORT.iter().map(|(room, allowed)| (*room, allowed.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (room, path, text) in sources() {
        let Some(allowed) = table.get(room.as_str()) else {
            wrong.push(format!("`{}` is in no row of the table", path.display()));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for named in rooms_named(line) {
                let ours = table.contains_key(named);
                if ours && named != room && !allowed.contains(named) {
                    wrong.push(format!("{}:{}: `{room}` may not import `{named}`", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_framework_is_named_in_its_own_folder_only() {
    let mut wrong = Vec::new();
    for (room, path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for (framework, allowed) in ONLY_IN {
                let code = code(line);
                let named = code
                    .match_indices(&format!("{framework}::"))
                    .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':'));
                if named && !allowed.contains(&room.as_str()) {
                    wrong.push(format!(
                        "{}:{}: `{framework}` is named outside {allowed:?}",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, _, text)| !text.starts_with("//!")).map(|(_, path, _)| path).collect();
    let silent: Vec<_> = silent.into_iter().filter(|path| !path.ends_with("tests.rs")).collect();
    assert!(silent.is_empty(), "these files do not begin with `//!`: {silent:?}");
}
