//! `[[hooks]]`: the endpoints that our webhooks go to.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use super::Config;
use super::environment::Environment;
use super::secrets;
use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::hook::signature::HookKey;
use crate::domain::hook::{HookEvent, HookEvents, Subscriptions};
use crate::domain::ids::HookName;
use crate::domain::network::is_public;
use crate::domain::problem::did_you_mean;

/// One endpoint. `Debug` does not show where it is: the address may carry a token.
#[derive(Clone)]
pub struct Hook {
    /// What we call it.
    pub name: HookName,
    /// Where it is.
    pub url: HookUrl,
    /// What it wants to hear of.
    pub events: HookEvents,
    /// Whether it may lie in a private network, and be reached in the open.
    pub allow_private: bool,
    /// Secrets in force: the new one, then the one before it while it is being changed. Without any it cannot be served.
    pub keys: Vec<HookKey>,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").field("name", &self.name).field("events", &self.events).finish_non_exhaustive()
    }
}

/// An address of the web that may have a query. Never printed: it may carry a token.
#[derive(Clone)]
pub struct HookUrl(String);

impl HookUrl {
    /// The whole of it, for calling.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }
}

impl Read for HookUrl {
    fn read(node: &Node) -> Result<Self, String> {
        let url = Self(String::read(node)?);
        let is_web = url.0.starts_with("https://") || url.0.starts_with("http://");
        if !is_web || url.host().is_empty() || url.0.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#')
        {
            return Err("must be an address such as `https://crm.example.com/hooks/barid`, without `#`".to_owned());
        }
        if url.authority().contains('@') {
            return Err("must not hold a user or password; what proves who calls is the signature".to_owned());
        }
        Ok(url)
    }
}

impl Read for HookName {
    fn read(node: &Node) -> Result<Self, String> {
        let text = String::read(node)?;
        text.parse().map_err(|_| {
            format!("is `{text}`, but must be a name of at most 64 lower-case letters, digits, `-` and `_`")
        })
    }
}

impl Read for HookEvents {
    fn read(node: &Node) -> Result<Self, String> {
        let names = match &node.value {
            NodeValue::Text(text) => vec![text.clone()],
            _ => Vec::<String>::read(node)?,
        };
        if names.is_empty() {
            return Err("is empty: nothing would ever be told; name events, or `\"*\"` for all".to_owned());
        }
        if names == ["*"] {
            return Ok(Self::all());
        }
        let event = |name: &String| {
            let found = HookEvent::wantable().find(|event| event.name() == name);
            found.ok_or_else(|| {
                let known = HookEvent::wantable().map(HookEvent::name).chain(["*"]);
                format!("names `{name}`, which is no event{}", did_you_mean(name, known))
            })
        };
        names.iter().map(event).collect()
    }
}

/// The environment variable that holds the secret of a hook.
fn variable(name: &str) -> String {
    format!("BARID_HOOK_{}_SECRET", name.to_uppercase().replace('-', "_"))
}

/// The same for a table of `[[hooks]]` that is not read yet.
pub(super) fn secret_of(node: &Node) -> Option<String> {
    match &node.get("name")?.value {
        NodeValue::Text(name) => Some(variable(name)),
        _ => None,
    }
}

/// Reads all of them.
pub(super) fn read(table: &Table<'_>, environment: &Environment) -> Vec<Hook> {
    let mut variables: BTreeMap<String, HookName> = BTreeMap::new();
    let hooks = table.tables("hooks", |table| {
        let hook = Hook::read(table, environment)?;
        Some((hook, table.place().clone()))
    });
    let mut kept = Vec::new();
    for (hook, place) in hooks.into_iter().flatten() {
        match variables.insert(variable(hook.name.as_str()), hook.name.clone()) {
            Some(other) if other == hook.name => {
                table.note(place.problem(format!("the name `{other}` is taken by another of `[[hooks]]`")));
            }
            Some(other) => table.note(place.problem(format!(
                "the names `{other}` and `{}` are the same in the name of an environment variable; change one",
                hook.name
            ))),
            None => {}
        }
        kept.push(hook);
    }
    kept
}

impl Hook {
    fn read(table: &Table<'_>, environment: &Environment) -> Option<Self> {
        let (name, url) = (table.required::<HookName>("name"), table.required::<HookUrl>("url"));
        let (events, allow_private) = (table.required("events"), table.or("allow_private", false));
        if let (Some(url), Some(false)) = (&url, allow_private) {
            if url.0.starts_with("http://") {
                table.problem(
                    "url",
                    "`url` must begin with `https://`; plain http is for a private network, with `allow_private = true`",
                );
            }
            if url.host().parse().is_ok_and(|address| !is_public(address)) {
                table
                    .problem("url", "`url` leads into a private network; if that is meant, say `allow_private = true`");
            }
        }
        // Read also where the name is wrong: their keys are known.
        let variable = variable(name.as_ref().map_or("", HookName::as_str));
        let key = |variable: &str, key| {
            let secret = secrets::one(table, environment, variable, key)?;
            match HookKey::parse(secret.expose_secret()) {
                Ok(parsed) => Some(parsed),
                Err(wrong) => {
                    table.problem(key, format!("the secret {variable} {wrong}"));
                    None
                }
            }
        };
        let new = key(&variable, "secret_file");
        let previous = key(&format!("{variable}_PREVIOUS"), "previous_secret_file");
        let keys = new.into_iter().chain(previous).collect();
        Some(Self { name: name?, url: url?, events: events?, allow_private: allow_private?, keys })
    }
}

impl Config {
    /// Which endpoint wants which events.
    pub fn subscriptions(&self) -> Subscriptions {
        Subscriptions::new(self.hooks.iter().map(|hook| (hook.name.clone(), hook.events)).collect())
    }

    /// What is missing to serve the hooks, each with its remedy.
    pub(super) fn missing_for_hooks(&self) -> impl Iterator<Item = String> {
        self.hooks.iter().filter(|hook| hook.keys.is_empty()).map(|hook| {
            let (name, variable) = (&hook.name, variable(hook.name.as_str()));
            format!(
                "{variable} is not set (signs what is told to the hook `{name}`): `echo whsec_$(openssl rand -base64 32)` makes one; set \
                 it, or {variable}_FILE or `secret_file` to the path of a file"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn hooks(toml: &str, variables: &[(&str, &str)]) -> (Vec<Hook>, Vec<String>) {
        let node = Node::parse("barid.toml", toml).unwrap();
        let environment: Environment = variables.iter().copied().collect();
        let (hooks, problems, _) = Table::read_document(&node, |table| read(table, &environment));
        (hooks, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_hook_has_its_secrets_from_the_environment() {
        let toml = "[[hooks]]\nname = \"my-crm\"\nurl = \"https://crm.example.com/in?key=a\"\nevents = \"*\"\n";
        let other = format!("whsec_{}", "A".repeat(32));
        let both = [("BARID_HOOK_MY_CRM_SECRET", SECRET), ("BARID_HOOK_MY_CRM_SECRET_PREVIOUS", other.as_str())];
        for (variables, n) in [(&both[..0], 0), (&both[..1], 1), (&both[..], 2)] {
            let (hooks, problems) = hooks(toml, variables);
            assert_eq!((problems, hooks[0].keys.len()), (Vec::new(), n));
            assert_eq!((hooks[0].events, hooks[0].allow_private), (HookEvents::all(), false));
            assert!(!format!("{hooks:?}").contains("key=a"));
        }
    }

    #[test]
    fn everything_wrong_is_told_with_its_line() {
        let toml = r#"
[[hooks]]
name = "My CRM"
url = "http://crm.example.com/"
events = ["feedback.recieved"]
[[hooks]]
name = "a-b"
url = "https://[::ffff:10.0.0.1]/"
events = []
allow_privat = true
[[hooks]]
name = "a_b"
url = "https://user:password@crm.example.com/"
events = ["message.failed", "hook.test"]
[[hooks]]
name = "a-b"
url = "https://crm.example.com/#x"
events = 7
[[hooks]]
name = "c"
url = "https://10.0.0.1/"
events = "*"
[[hooks]]
name = "c"
url = "https://c.example.com/"
events = "*"
[[hooks]]
name = "c-"
url = "https://c.example.com/"
events = "*"
[[hooks]]
name = "c_"
url = "http://127.0.0.1:9/"
events = "*"
allow_private = true
"#;
        let (_, problems) = hooks(toml, &[("BARID_HOOK_C_SECRET", "hush")]);
        insta::assert_snapshot!(problems.join("\n"));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_by_the_name_it_belongs_under() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("barid.toml");
        let toml = format!("[[hooks]]\nname = \"crm\"\nsecret = \"{SECRET}\"\nprevious_secret = \"{SECRET}\"\n");
        std::fs::write(&file, toml).unwrap();
        let mut problems = Vec::new();
        layers::merged(Some(&file), &Environment::default(), &mut problems);
        let told: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(told.iter().any(|told| told.contains("variable BARID_HOOK_CRM_SECRET,")), "{told:?}");
        assert!(told.iter().any(|told| told.contains("variable BARID_HOOK_CRM_SECRET_PREVIOUS,")), "{told:?}");
        assert!(told.iter().all(|told| !told.contains(SECRET)), "{told:?}");
    }
}
