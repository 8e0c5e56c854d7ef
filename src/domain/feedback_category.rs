//! What feedback can be about, as the operator's file defines it: names, and sentences as examples.

use std::fmt;

/// One subject of feedback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackCategory {
    /// Small letters, digits and `-`; labels and lists know it by this.
    pub name: CategoryName,
    /// How Arabic readers see it.
    pub title_ar: String,
    /// How English readers see it.
    pub title_en: String,
    /// Sentences that are about it.
    pub examples: Vec<String>,
}

/// All subjects, and whether barid's own sentences teach those that carry the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackCategories {
    /// Each name once, in the order of their names.
    pub all: Vec<FeedbackCategory>,
    /// Whether barid's own sentences are learnt from, too.
    pub built_in: bool,
}

impl FeedbackCategories {
    /// The most that there can be: beyond it nobody tells them apart, and labels of metrics and columns grow with them.
    pub const N_MAX: usize = 50;
    /// The most examples for one.
    pub const N_EXAMPLES_MAX: usize = 500;

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|category| category.name.as_str())
    }
}

/// The name of a category: 1 to 40 small letters, digits and `-`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CategoryName(String);

impl CategoryName {
    /// Takes it if it is one.
    pub fn new(text: &str) -> Option<Self> {
        let is_one = (1..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        is_one.then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CategoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert!(["a", "delivery", "after-sales-2"].into_iter().all(|name| CategoryName::new(name).is_some()));
        let long = "a".repeat(41);
        assert!(
            ["", "-", "2nd", "Delivery", "with blank", "توصيل", &long]
                .into_iter()
                .all(|name| CategoryName::new(name).is_none())
        );
    }
}
