//! Where settings come from, one layer over the other: defaults, file, `barid.d/*.toml`, environment.

use std::path::Path;

use super::environment::Environment;
use super::secrets;
use crate::domain::document::{Node, NodeValue};
use crate::domain::problem::{Place, Problem};

/// The shipped file is the defaults: documentation cannot disagree with behaviour.
pub(super) const DEFAULTS: &str = include_str!("../../config/barid.toml");

/// Beginning of the variables that are settings.
const PREFIX: &str = "BARID__";

/// Names that the platform already uses for settings that are no secrets.
const ALIASES: [(&str, [&str; 2]); 2] = [
    ("WHATSAPP_PHONE_NUMBER_ID", ["whatsapp", "phone_number_id"]),
    ("WHATSAPP_BUSINESS_ACCOUNT_ID", ["whatsapp", "business_account_id"]),
];

/// The defaults.
pub(super) fn defaults() -> Node {
    Node::parse("config/barid.toml", DEFAULTS).expect("the built-in defaults are tested").as_default()
}

/// All layers in one, and whether every file could be taken in. Secrets that stand where they do not belong are reported and taken
/// out.
pub(super) fn merged(path: Option<&Path>, environment: &Environment, problems: &mut Vec<Problem>) -> (Node, bool) {
    let mut merged = defaults();
    let mut is_whole = true;
    if let Some(path) = path {
        for file in std::iter::once(path.to_owned()).chain(drop_ins(path, problems)) {
            match read(&file, problems) {
                Some(node) => merged.merge(node),
                None => is_whole = false,
            }
        }
    }
    for (name, node) in from_environment(environment, problems) {
        merged.insert(&name, node);
    }
    (merged, is_whole)
}

fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<Node> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(Place::file(name).problem(cannot_read(&error)));
            return None;
        }
    };
    match Node::parse(&name, &text) {
        Ok(mut node) => {
            secrets::refuse_in(&mut node, problems);
            Some(node)
        }
        Err(wrong) => {
            problems.extend(wrong);
            None
        }
    }
}

/// What to tell about a file that cannot be read.
pub(super) fn cannot_read(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "may not be read; give the user that runs barid the right to".to_owned()
        }
        std::io::ErrorKind::InvalidData => "is not UTF-8 text; save it as UTF-8".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// `barid.d/*.toml` beside the file, in the order of their names.
fn drop_ins(path: &Path, problems: &mut Vec<Problem>) -> Vec<std::path::PathBuf> {
    let folder = path.with_file_name("barid.d");
    if !folder.is_dir() {
        return Vec::new();
    }
    match files_in(&folder, "toml") {
        Ok(files) => files,
        Err(error) => {
            problems.push(Place::file(folder.display().to_string()).problem(cannot_read(&error)));
            Vec::new()
        }
    }
}

/// Files of a folder with that extension, in the order of their names; hidden ones (editors' drafts) are left out.
pub(super) fn files_in(folder: &Path, extension: &str) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|found| found == extension) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn from_environment(environment: &Environment, problems: &mut Vec<Problem>) -> Vec<(Vec<String>, Node)> {
    let mut nodes = Vec::new();
    for (name, path) in ALIASES {
        let Some(value) = environment.get(name) else { continue };
        let path = path.map(str::to_owned).to_vec();
        let other = format!("{PREFIX}{}", path.join("__").to_uppercase());
        if environment.get(&other).is_some_and(|other| other != value) {
            problems.push(
                Place::Variable(name.to_owned()).problem(format!("`{other}` says something else; set one of them")),
            );
        }
        nodes.push((path, Node::from_variable(name, value)));
    }
    for (name, value) in environment.iter() {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        if path.iter().any(String::is_empty) {
            let place = Place::Variable(name.to_owned());
            problems.push(place.problem("is not the name of a setting; write `BARID__SECTION__KEY`"));
            continue;
        }
        let node = Node::from_variable(name, value);
        let mut whole = Node::empty(node.place.clone());
        whole.insert(&path, node.clone());
        let before = problems.len();
        secrets::refuse_in(&mut whole, problems);
        if problems.len() == before {
            nodes.push((path, node));
        }
    }
    nodes
}

/// Where a path that was written somewhere leads: relative ones start at the folder of the file that names them.
pub(super) fn located(node: &Node, path: std::path::PathBuf) -> std::path::PathBuf {
    match &node.place {
        Place::File { path: file, .. } if path.is_relative() && !node.is_default => {
            Path::new(file).parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
        }
        _ => path,
    }
}

/// Whether a node is a table, for those who walk a tree.
pub(super) fn table_mut(node: &mut Node) -> Option<&mut std::collections::BTreeMap<String, Node>> {
    match &mut node.value {
        NodeValue::Table(table) => Some(table),
        _ => None,
    }
}
