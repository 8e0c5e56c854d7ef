//! The folders of templates: `messages/NAME/{ar.hbs, en.hbs, template.toml, sample.toml}` and `partials/NAME/{ar,en}.hbs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layers::cannot_read;
use super::{FileErrors, problem_of};
use crate::domain::ids::TemplateName;
use crate::domain::problem::Problem;
use crate::domain::template::{Brand, ByLanguage, FileBeside, MessageTemplate, SourceFile, TemplateSource};

/// Every template that is in order.
#[derive(Debug, Clone, Default)]
pub struct Templates(BTreeMap<TemplateName, Arc<MessageTemplate>>);

type Partials = BTreeMap<String, ByLanguage<SourceFile>>;

impl Templates {
    /// Loads all templates of a folder; one that is wrong never stops the others.
    pub fn load(folder: &Path, brand: &Brand) -> (Self, Vec<FileErrors>) {
        let mut errors = Vec::new();
        let mut templates = BTreeMap::new();
        let partials = load_partials(&folder.join("partials"), &mut errors);
        let messages = folder.join("messages");
        let folders = match folders_in(&messages) {
            Ok(folders) => folders,
            Err(error) => {
                let message = format!("{}; `[templates] dir` says where the templates are", cannot_read(&error));
                errors.push(FileErrors { problems: vec![problem_of(&messages, message)], file: messages });
                return (Self(templates), errors);
            }
        };
        for folder in folders {
            match load_one(&folder, &partials, brand) {
                Ok(template) => {
                    templates.insert(template.name().clone(), Arc::new(template));
                }
                Err(problems) => errors.push(FileErrors { file: folder, problems }),
            }
        }
        (Self(templates), errors)
    }

    /// The template of that name.
    pub fn get(&self, name: &TemplateName) -> Option<&Arc<MessageTemplate>> {
        self.0.get(name)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<MessageTemplate>> {
        self.0.values()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(TemplateName::as_str)
    }
}

fn folders_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !is_hidden {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file that must be there.
fn file(path: &Path, problems: &mut Vec<Problem>) -> Option<SourceFile> {
    match std::fs::read_to_string(path) {
        // A byte order mark would become part of the message.
        Ok(text) => Some(SourceFile {
            path: path.display().to_string(),
            text: text.trim_start_matches('\u{feff}').replace("\r\n", "\n"),
        }),
        Err(error) => {
            let remedy = if error.kind() == std::io::ErrorKind::NotFound { "; add it" } else { "" };
            problems.push(problem_of(path, format!("{}{remedy}", cannot_read(&error))));
            None
        }
    }
}

fn load_partials(folder: &Path, errors: &mut Vec<FileErrors>) -> Partials {
    let mut partials = Partials::new();
    // Nobody needs partials.
    for folder in folders_in(folder).unwrap_or_default() {
        let mut problems = Vec::new();
        let (ar, en) = (file(&folder.join("ar.hbs"), &mut problems), file(&folder.join("en.hbs"), &mut problems));
        match (ar, en) {
            (Some(ar), Some(en)) => {
                partials.insert(name_of(&folder), ByLanguage { ar, en });
            }
            _ => errors.push(FileErrors { file: folder, problems }),
        }
    }
    partials
}

fn load_one(folder: &Path, partials: &Partials, brand: &Brand) -> Result<MessageTemplate, Vec<Problem>> {
    let mut problems = Vec::new();
    let name = name_of(folder).parse::<TemplateName>();
    if let Err(error) = &name {
        problems.push(problem_of(folder, format!("the folder gives the template its name, but {error}")));
    }
    let [ar, en, manifest, sample] =
        ["ar.hbs", "en.hbs", "template.toml", "sample.toml"].map(|name| file(&folder.join(name), &mut problems));
    let (Ok(name), Some(ar), Some(en), Some(manifest), Some(sample)) = (name, ar, en, manifest, sample) else {
        return Err(problems);
    };
    let partials = partials.clone();
    MessageTemplate::compile(
        &TemplateSource { name, manifest, ar, en, sample, partials, beside: beside(folder) },
        brand,
    )
}

/// Files that are not read here: how large they are says whether they can be handed in.
fn beside(folder: &Path) -> BTreeMap<String, FileBeside> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        // A link counts as what it leads to.
        let bytes = std::fs::metadata(entry.path()).ok().filter(std::fs::Metadata::is_file)?.len();
        let name = entry.file_name().into_string().ok()?;
        Some((name, FileBeside { path: entry.path().display().to_string(), bytes }))
    });
    found.collect()
}
