//! Something wrong in what an operator wrote, and where.

use std::fmt;

/// Something wrong, with its place and its remedy. Shown to the operator as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong and what to do about it, in lower case, without a full stop.
    pub message: String,
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file, and the line where that is known, from 1.
    File {
        /// Its path as the operator knows it.
        path: String,
        /// The line.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
}

impl Place {
    /// A line of a file.
    pub fn line(path: &str, line: usize) -> Self {
        Self::File { path: path.to_owned(), line: Some(line) }
    }

    /// A whole file.
    pub fn file(path: impl Into<String>) -> Self {
        Self::File { path: path.into(), line: None }
    }

    /// That something is wrong here.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { place: self.clone(), message: message.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{path}:{line}"),
            Self::File { path, line: None } => f.write_str(path),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// The name that was probably meant, as the end of a sentence: `; did you mean …` or the names there are.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(given, name), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; there are {}", listed(known)),
    }
}

/// Names in back-quotes with commas between them.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_otherwise_all_of_them() {
        assert_eq!(did_you_mean("lisen", ["listen", "public_url"]), "; did you mean `listen`?");
        assert_eq!(did_you_mean("xyz", ["listen", "url"]), "; there are `listen`, `url`");
        assert_eq!(did_you_mean("xyz", []), "");
    }
}
