//! Typed reading of a table that notes everything wrong in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::{Node, NodeValue};
use crate::domain::problem::{Place, Problem, did_you_mean};

/// What can be read from a [`Node`].
pub trait Read: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence that begins with the key.
    fn read(node: &Node) -> Result<Self, String>;
}

/// A table being read. Each key that is asked for is known; `Table::finish` reports the others.
pub struct Table<'a> {
    name: String,
    place: Place,
    entries: Option<&'a BTreeMap<String, Node>>,
    known: RefCell<Vec<&'static str>>,
    allows_everything: Cell<bool>,
    sink: &'a Sink,
}

/// Where problems go, and the keys that were asked for by their full names.
#[derive(Debug, Default)]
struct Sink {
    problems: RefCell<Vec<Problem>>,
    asked: RefCell<Vec<String>>,
}

impl<'a> Table<'a> {
    /// Reads a whole document: what `read` makes of it, everything wrong in it, and the full names of all keys it asked for.
    pub fn read_document<R>(node: &Node, read: impl FnOnce(&Table<'_>) -> R) -> (R, Vec<Problem>, Vec<String>) {
        let sink = Sink::default();
        let entries = match &node.value {
            NodeValue::Table(entries) => Some(entries),
            _ => None,
        };
        let table = Table::new(String::new(), node.place.clone(), entries, &sink);
        let result = read(&table);
        table.finish();
        (result, sink.problems.into_inner(), sink.asked.into_inner())
    }

    fn new(name: String, place: Place, entries: Option<&'a BTreeMap<String, Node>>, sink: &'a Sink) -> Self {
        Self { name, place, entries, known: RefCell::default(), allows_everything: Cell::default(), sink }
    }

    /// The value of a key, if it is there and right.
    pub fn optional<T: Read>(&self, key: &'static str) -> Option<T> {
        let node = self.node(key)?;
        match T::read(node) {
            Ok(value) => Some(value),
            Err(message) => {
                self.note(node.place.problem(format!("`{key}` {message}")));
                None
            }
        }
    }

    /// The value of a key that must be there. `None` has been noted as a problem.
    pub fn required<T: Read>(&self, key: &'static str) -> Option<T> {
        if self.node(key).is_none() {
            self.problem_here(format!("`{key}` is missing{}", self.of_what()));
        }
        self.optional(key)
    }

    /// The value of a key, or what applies without it. `None` has been noted as a problem.
    pub fn or<T: Read>(&self, key: &'static str, default: T) -> Option<T> {
        if self.node(key).is_none() { Some(default) } else { self.optional(key) }
    }

    /// The node of a key.
    pub fn node(&self, key: &'static str) -> Option<&'a Node> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
            self.sink.asked.borrow_mut().push(self.full_name(key));
        }
        self.entries?.get(key)
    }

    /// Reads a table below this one; one that is not there is read as empty.
    pub fn table<R>(&self, key: &'static str, read: impl FnOnce(&Table<'_>) -> R) -> R {
        let node = self.node(key);
        let entries = match node.map(|node| &node.value) {
            Some(NodeValue::Table(entries)) => Some(entries),
            Some(other) => {
                self.problem(key, format!("`{key}` must be a table `[{}]`, not {}", self.full_name(key), other.kind()));
                None
            }
            None => None,
        };
        let place = node.map_or_else(|| self.place.clone(), |node| node.place.clone());
        let before = self.n_problems();
        let table = Table::new(self.full_name(key), place, entries, self.sink);
        let result = read(&table);
        table.finish();
        if node.is_some() && entries.is_none() {
            // Every key is missing in what is no table at all; saying so once is enough.
            self.sink.problems.borrow_mut().truncate(before);
        }
        result
    }

    /// Reads a table below this one if it is there.
    pub fn optional_table<R>(&self, key: &'static str, read: impl FnOnce(&Table<'_>) -> R) -> Option<R> {
        self.node(key)?;
        Some(self.table(key, read))
    }

    /// Reads a list of tables below this one.
    pub fn tables<R>(&self, key: &'static str, read: impl Fn(&Table<'_>) -> R) -> Vec<R> {
        let items = match self.node(key).map(|node| &node.value) {
            Some(NodeValue::List(items)) => items.as_slice(),
            Some(_) => {
                self.problem(key, format!("`{key}` must be a list of tables `[[{}]]`", self.full_name(key)));
                &[]
            }
            None => &[],
        };
        let each = |item: &Node| match &item.value {
            NodeValue::Table(entries) => {
                let table = Table::new(self.full_name(key), item.place.clone(), Some(entries), self.sink);
                let result = read(&table);
                table.finish();
                Some(result)
            }
            other => {
                self.note(item.place.problem(format!(
                    "`{key}` must be a list of tables `[[{}]]`, not of {}",
                    self.full_name(key),
                    other.kind()
                )));
                None
            }
        };
        items.iter().filter_map(each).collect()
    }

    /// The entries of a table whose keys are free.
    pub fn entries(&self, key: &'static str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let entries = match self.node(key).map(|node| &node.value) {
            Some(NodeValue::Table(entries)) => Some(entries),
            Some(other) => {
                self.problem(key, format!("`{key}` must be a table `[{}]`, not {}", self.full_name(key), other.kind()));
                None
            }
            None => None,
        };
        entries.into_iter().flatten().map(|(name, node)| (name.as_str(), node))
    }

    /// Where the table stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether somebody set the key, rather than its default.
    pub fn is_set(&self, key: &'static str) -> bool {
        self.node(key).is_some_and(|node| !node.is_default)
    }

    /// Notes a problem at the key (or at the table, where the key is not there).
    pub fn problem(&self, key: &'static str, message: impl Into<String>) {
        let place = self.node(key).map_or(&self.place, |node| &node.place);
        self.note(place.problem(message));
    }

    /// Notes a problem of the table as a whole.
    pub fn problem_here(&self, message: impl Into<String>) {
        self.note(self.place.problem(message));
    }

    /// Notes a problem.
    pub fn note(&self, problem: Problem) {
        self.sink.problems.borrow_mut().push(problem);
    }

    /// Takes every key as known: for a table whose kind is not known, so that nothing can be said of its keys.
    pub fn allow_everything(&self) {
        self.allows_everything.set(true);
    }

    /// How many problems there are so far, in the whole document.
    pub fn n_problems(&self) -> usize {
        self.sink.problems.borrow().len()
    }

    /// Reports the keys that nobody asked for.
    fn finish(self) {
        if self.allows_everything.get() {
            return;
        }
        let known = self.known.borrow();
        for (key, node) in self.entries.into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                let nearest = did_you_mean(key, known.iter().copied());
                self.note(node.place.problem(format!("unknown key `{key}`{}{nearest}", self.of_what())));
            }
        }
    }

    fn of_what(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!(" in `[{}]`", self.name) }
    }

    fn full_name(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}
