//! Secrets: from the environment, from files that only we can read, from systemd's credentials; never from TOML, never printed.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::environment::Environment;
use super::hooks;
use super::layers::{cannot_read, located, table_mut};
use crate::domain::document::{Node, NodeValue, Table};
use crate::domain::problem::{Place, Problem};

/// Everything secret that was given.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Meta's access token.
    pub whatsapp_api_token: Option<SecretString>,
    /// Takes its place once Meta was asked about it.
    pub whatsapp_api_token_next: Option<SecretString>,
    /// Signs Meta's callbacks.
    pub whatsapp_app_secret: Option<SecretString>,
    /// Signed them before, while it is being changed.
    pub whatsapp_app_secret_previous: Option<SecretString>,
    /// Meta repeats it when the webhook is set up.
    pub whatsapp_webhook_verify_token: Option<SecretString>,
    /// Whose account at Twilio.
    pub twilio_account_sid: Option<SecretString>,
    /// And its token.
    pub twilio_auth_token: Option<SecretString>,
    /// Mail server with user and password.
    pub smtp_url: Option<SecretString>,
    /// Token of the service that reads feedback.
    pub nlp_api_token: Option<SecretString>,
    /// API token with every scope.
    pub barid_api_token: Option<SecretString>,
    /// Password of the dashboard.
    pub barid_admin_password: Option<SecretString>,
    /// Where the access token and the next one are read again from.
    token_files: TokenFiles,
}

/// The files that the access tokens come from, where they come from files.
#[derive(Debug, Clone, Default)]
struct TokenFiles {
    token: Option<PathBuf>,
    next: Option<PathBuf>,
}

/// Name in the environment, key in `[secrets]`, and its place.
type Secret = (&'static str, &'static str, fn(&mut Secrets) -> &mut Option<SecretString>);

const SECRETS: [Secret; 11] = [
    ("WHATSAPP_API_TOKEN", "whatsapp_api_token_file", |secrets| &mut secrets.whatsapp_api_token),
    (NEXT_TOKEN, "whatsapp_api_token_next_file", |secrets| &mut secrets.whatsapp_api_token_next),
    ("WHATSAPP_APP_SECRET", "whatsapp_app_secret_file", |secrets| &mut secrets.whatsapp_app_secret),
    ("WHATSAPP_APP_SECRET_PREVIOUS", "whatsapp_app_secret_previous_file", |secrets| {
        &mut secrets.whatsapp_app_secret_previous
    }),
    ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "whatsapp_webhook_verify_token_file", |secrets| {
        &mut secrets.whatsapp_webhook_verify_token
    }),
    ("TWILIO_ACCOUNT_SID", "twilio_account_sid_file", |secrets| &mut secrets.twilio_account_sid),
    ("TWILIO_AUTH_TOKEN", "twilio_auth_token_file", |secrets| &mut secrets.twilio_auth_token),
    ("SMTP_URL", "smtp_url_file", |secrets| &mut secrets.smtp_url),
    ("NLP_API_TOKEN", "nlp_api_token_file", |secrets| &mut secrets.nlp_api_token),
    ("BARID_API_TOKEN", "barid_api_token_file", |secrets| &mut secrets.barid_api_token),
    ("BARID_ADMIN_PASSWORD", "barid_admin_password_file", |secrets| &mut secrets.barid_admin_password),
];

/// Its file may come later than we do.
const NEXT_TOKEN: &str = "WHATSAPP_API_TOKEN_NEXT";

/// Words in keys that betray a secret, and the name under which it is read.
const TELLTALES: [(&str, &str); 12] = [
    ("verify_token", "WHATSAPP_WEBHOOK_VERIFY_TOKEN"),
    ("app_secret", "WHATSAPP_APP_SECRET"),
    ("auth_token", "TWILIO_AUTH_TOKEN"),
    ("account_sid", "TWILIO_ACCOUNT_SID"),
    ("smtp_url", "SMTP_URL"),
    ("barid_api_token", "BARID_API_TOKEN"),
    ("nlp_api_token", "NLP_API_TOKEN"),
    ("api_token", "WHATSAPP_API_TOKEN"),
    ("admin_password", "BARID_ADMIN_PASSWORD"),
    ("password", "BARID_ADMIN_PASSWORD"),
    ("secret", "WHATSAPP_APP_SECRET"),
    ("token", "WHATSAPP_API_TOKEN"),
];

/// Longer than any secret; a larger file is the wrong one.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Takes secrets out of a document and reports each, without its value.
pub(super) fn refuse_in(node: &mut Node, problems: &mut Vec<Problem>) {
    refuse(node, None, problems);
}

/// `hook`: the beginning of the names of secrets of the hook that the table is about.
fn refuse(node: &mut Node, hook: Option<&str>, problems: &mut Vec<Problem>) {
    let Some(table) = table_mut(node) else { return };
    table.retain(|key, node| {
        // `[secrets]` holds paths of files; what is not one there is an unknown key.
        let is_text = !matches!(node.value, NodeValue::Table(_));
        let named = TELLTALES.iter().find(|(word, _)| key.contains(word) && !key.ends_with("_file"));
        match named {
            Some((_, name)) if is_text => {
                let name = match hook {
                    Some(hook) if key.starts_with("previous") => format!("{hook}_PREVIOUS"),
                    Some(hook) => hook.to_owned(),
                    None => (*name).to_owned(),
                };
                problems.push(node.place.problem(format!(
                    "`{key}` is a secret and does not belong here; set the environment variable {name}, or {name}_FILE to the path of \
                     a file, or a systemd credential `{}`",
                    name.to_lowercase()
                )));
                false
            }
            _ => {
                refuse(node, hook, problems);
                if let NodeValue::List(items) = &mut node.value {
                    for item in items {
                        let named = if key == "hooks" { hooks::secret_of(item) } else { None };
                        refuse(item, named.as_deref().or(hook), problems);
                    }
                }
                true
            }
        }
    });
}

impl Secrets {
    /// Names of all secrets in the environment.
    pub fn names() -> [&'static str; SECRETS.len()] {
        SECRETS.map(|(name, ..)| name)
    }

    /// Reads what there is; notes what is given twice, cannot be read, or can be read by everybody.
    pub(super) fn read(table: &Table<'_>, environment: &Environment) -> Self {
        let mut secrets = Self::default();
        for (name, key, field) in SECRETS {
            *field(&mut secrets) = one(table, environment, name, key);
        }
        let file = |name, key| sources(table, environment, name, key).into_iter().find_map(|(_, source)| source.file());
        secrets.token_files = TokenFiles {
            token: file("WHATSAPP_API_TOKEN", "whatsapp_api_token_file"),
            next: file(NEXT_TOKEN, "whatsapp_api_token_next_file"),
        };
        secrets
    }

    /// The access token that is wished for now: the next one where there is one. Files are read again; what the environment said stays.
    ///
    /// # Errors
    /// When a file cannot be read: a sentence with its remedy.
    pub fn wanted_token(&self) -> Result<Option<SecretString>, String> {
        let again = |file: &Option<PathBuf>, known: &Option<SecretString>| match file {
            Some(file) => from_file(file).map(|text| Some(SecretString::from(text))),
            None => Ok(known.clone()),
        };
        match &self.token_files.next {
            // It comes when somebody puts it there, and goes when its place is taken.
            Some(file) if !file.exists() => again(&self.token_files.token, &self.whatsapp_api_token),
            file => match again(file, &self.whatsapp_api_token_next)? {
                Some(next) => Ok(Some(next)),
                None => again(&self.token_files.token, &self.whatsapp_api_token),
            },
        }
    }
}

/// Where a secret comes from.
enum Source {
    Value(String),
    File(PathBuf),
}

impl Source {
    fn file(self) -> Option<PathBuf> {
        match self {
            Self::Value(_) => None,
            Self::File(path) => Some(path),
        }
    }

    fn read(self) -> Result<String, String> {
        match self {
            Self::Value(value) => Ok(value),
            Self::File(path) => from_file(&path),
        }
    }
}

/// The secret of that name in the environment, under `key` in the table as the path of a file, or in a credential.
pub(super) fn one(table: &Table<'_>, environment: &Environment, name: &str, key: &'static str) -> Option<SecretString> {
    let mut found = sources(table, environment, name, key);
    if name == NEXT_TOKEN {
        found.retain(|(_, source)| !matches!(source, Source::File(path) if !path.exists()));
    }
    if let [(first, _), .., (last, _)] = found.as_slice() {
        table.note(last.problem(format!("gives {name} a second time; {first} gives it too, keep one of them")));
    }
    let (place, source) = found.into_iter().next()?;
    source.read().map(SecretString::from).map_err(|message| table.note(place.problem(message))).ok()
}

/// Everything that gives the secret; one at most should.
fn sources(table: &Table<'_>, environment: &Environment, name: &str, key: &'static str) -> Vec<(Place, Source)> {
    let mut found = Vec::new();
    if let Some(value) = environment.get(name) {
        found.push((Place::Variable(name.to_owned()), Source::Value(value.to_owned())));
    }
    let file_name = format!("{name}_FILE");
    if let Some(path) = environment.get(&file_name) {
        found.push((Place::Variable(file_name), Source::File(PathBuf::from(path))));
    }
    if let (Some(path), Some(node)) = (table.optional::<PathBuf>(key), table.node(key)) {
        found.push((node.place.clone(), Source::File(located(node, path))));
    }
    let credentials = environment.get("CREDENTIALS_DIRECTORY").map(Path::new);
    if let Some(path) = credentials.and_then(|folder| credential(folder, name)) {
        found.push((Place::file(path.display().to_string()), Source::File(path)));
    }
    found
}

/// The credential of that name, in whatever case and with `-` for `_`.
fn credential(folder: &Path, name: &str) -> Option<PathBuf> {
    let same = |found: &str| found.to_uppercase().replace('-', "_") == name;
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries.into_iter().find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(same))
}

fn from_file(path: &Path) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt as _;

    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| format!("the file `{shown}`: {}", cannot_read(&error)))?;
    if metadata.permissions().mode() & 0o004 != 0 {
        return Err(format!("the file `{shown}` can be read by everybody on this machine; run `chmod 600 {shown}`"));
    }
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return Err(format!("`{shown}` is not a file with a secret in it"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("the file `{shown}`: {}", cannot_read(&error)))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("the file `{shown}` is empty")),
        secret if secret.contains('\n') => Err(format!("the file `{shown}` has more than one line")),
        secret => Ok(secret.to_owned()),
    }
}
