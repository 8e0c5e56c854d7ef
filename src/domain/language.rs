//! The two languages that barid writes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language that we write: Arabic or English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Arabic.
    Ar,
    /// English.
    En,
}

impl Language {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Ar, Self::En];

    /// `ar` or `en`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::En => "en",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A language that barid does not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language that barid writes; use `ar` or `en`")]
pub struct UnknownLanguage(String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Takes `ar`, `en` and their regional forms (`ar-SA`, `en_US`), in any case.
    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        let lower = text.trim().to_ascii_lowercase();
        match lower.split(['-', '_']).next() {
            Some("ar" | "arabic" | "العربية" | "عربي") => Ok(Self::Ar),
            Some("en" | "english") => Ok(Self::En),
            _ => Err(UnknownLanguage(text.to_owned())),
        }
    }
}
