//! A TOML text that an operator wrote, with the place of each value, so that everything wrong in it can be told at once.
//!
//! Deserialising into structs would stop at the first mistake. Here a [`Node`] is the parsed text, and a [`Table`] reads typed
//! values from it, notes each problem in a shared list and knows at the end which keys nobody asked for.

mod table;
mod value;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::domain::problem::{Place, Problem};

pub use table::{Read, Table};
pub(crate) use value::one_of;
pub use value::{duration_from_text, text_of_duration};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where; for the value of a key, the line of the key.
    pub place: Place,
    /// What.
    pub value: NodeValue,
    /// The text before it was taken for TOML, for what came from the environment: `12` may be meant as text.
    pub raw: Option<String>,
    /// Whether this is what applies when nobody says anything.
    pub is_default: bool,
}

/// What was written.
#[derive(Debug, Clone)]
pub enum NodeValue {
    /// `"…"`
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point, as written.
    Decimal(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A date, a time or both, as written.
    Datetime(String),
    /// `[…]`
    List(Vec<Node>),
    /// `{…}` or a table.
    Table(BTreeMap<String, Node>),
}

impl NodeValue {
    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Decimal(_) => "a decimal number",
            Self::Boolean(_) => "true or false",
            Self::Datetime(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// An empty document.
    pub fn empty(place: Place) -> Self {
        Self { place, value: NodeValue::Table(BTreeMap::new()), raw: None, is_default: false }
    }

    /// Reads a TOML text.
    ///
    /// # Errors
    /// Every mistake of notation, with its line.
    pub fn parse(path: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let lines = Lines { path, text };
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let problem = |error: &toml::de::Error| {
                let line = lines.line_of(error.span().map_or(0, |span| span.start));
                Place::line(path, line).problem(format!("this is not TOML: {}", error.message().replace('\n', ", ")))
            };
            return Err(errors.iter().map(problem).collect());
        }
        let mut problems = Vec::new();
        let value = lines.table(table.into_inner(), &mut problems);
        if problems.is_empty() {
            Ok(Self { place: Place::file(path), value, raw: None, is_default: false })
        } else {
            Err(problems)
        }
    }

    /// Takes what an environment variable says: TOML where it is TOML (`12`, `["a"]`), else plain text.
    pub fn from_variable(name: &str, text: &str) -> Self {
        let place = Place::Variable(name.to_owned());
        let parsed = Self::parse(name, &format!("v = {text}")).ok().and_then(|node| match node.value {
            NodeValue::Table(mut table) if table.len() == 1 => table.remove("v"),
            _ => None,
        });
        let value = parsed.map_or_else(|| NodeValue::Text(text.to_owned()), |node| node.value);
        Self { place, value, raw: Some(text.to_owned()), is_default: false }.placed()
    }

    /// Gives everything inside the place of the whole.
    fn placed(mut self) -> Self {
        let place = self.place.clone();
        let inside = |node: &mut Self| {
            node.place.clone_from(&place);
            *node = node.clone().placed();
        };
        match &mut self.value {
            NodeValue::List(nodes) => nodes.iter_mut().for_each(inside),
            NodeValue::Table(table) => table.values_mut().for_each(inside),
            _ => {}
        }
        self
    }

    /// Marks everything inside as a default.
    #[must_use]
    pub fn as_default(mut self) -> Self {
        self.is_default = true;
        if let NodeValue::Table(table) = &mut self.value {
            for node in table.values_mut() {
                *node = node.clone().as_default();
            }
        }
        self
    }

    /// What stands under a key of a table.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            NodeValue::Table(table) => table.get(key),
            NodeValue::List(items) => items.iter().find_map(|item| item.get(key)),
            _ => None,
        }
    }

    /// Lays `over` on top: tables are merged key by key, everything else (lists too) is replaced whole. So are texts by language:
    /// half of an organisation's name with the other half of the default would be nobody's name.
    pub fn merge(&mut self, over: Self) {
        let is_text = |table: &BTreeMap<String, Self>| table.keys().any(|key| key == "ar" || key == "en");
        match (&mut self.value, over.value) {
            (NodeValue::Table(under), NodeValue::Table(table)) if !is_text(under) => {
                self.place = over.place;
                self.is_default = over.is_default;
                for (key, node) in table {
                    match under.get_mut(&key) {
                        Some(below) => below.merge(node),
                        None => {
                            under.insert(key, node);
                        }
                    }
                }
            }
            (_, value) => *self = Self { value, ..over },
        }
    }

    /// Puts a node at a path of keys, making tables on the way.
    pub fn insert(&mut self, path: &[String], node: Self) {
        let nested = path.iter().rev().fold(node, |inner, key| Self {
            place: inner.place.clone(),
            value: NodeValue::Table([(key.clone(), inner)].into()),
            raw: None,
            is_default: false,
        });
        self.merge(nested);
    }
}

/// Turns offsets into lines of one file.
struct Lines<'a> {
    path: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn line_of(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn place(&self, offset: usize) -> Place {
        Place::line(self.path, self.line_of(offset))
    }

    fn table(&self, table: DeTable<'_>, problems: &mut Vec<Problem>) -> NodeValue {
        NodeValue::Table(
            table
                .into_iter()
                .map(|(key, value)| {
                    let place = self.place(key.span().start);
                    (key.into_inner().into_owned(), self.node(place, value.into_inner(), problems))
                })
                .collect(),
        )
    }

    fn node(&self, place: Place, value: DeValue<'_>, problems: &mut Vec<Problem>) -> Node {
        let value = match value {
            DeValue::String(text) => NodeValue::Text(text.into_owned()),
            DeValue::Integer(number) => {
                NodeValue::Integer(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
                    problems.push(place.problem(format!("`{number}` is too large a number")));
                    0
                }))
            }
            DeValue::Float(number) => NodeValue::Decimal(number.as_str().to_owned()),
            DeValue::Boolean(boolean) => NodeValue::Boolean(boolean),
            DeValue::Datetime(datetime) => NodeValue::Datetime(datetime.to_string()),
            DeValue::Array(items) => NodeValue::List(
                items
                    .into_iter()
                    .map(|item| self.node(self.place(item.span().start), item.into_inner(), problems))
                    .collect(),
            ),
            DeValue::Table(table) => self.table(table, problems),
        };
        Node { place, value, raw: None, is_default: false }
    }
}

#[cfg(test)]
mod tests;
