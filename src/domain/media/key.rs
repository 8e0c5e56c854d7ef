//! Under which name a file is kept: made of our own ids alone, so that nothing a person wrote reaches a path.

use std::fmt;

use crate::domain::ids::FeedbackId;

/// Into so many folders files are spread, so that none grows too large to list.
pub const SHARDS: u16 = 256;

/// The name of one file: the tag of the record that names it, and its feedback. One record's sweep never sees another's files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaKey {
    /// The record's tag: lower-case letters and digits.
    pub tag: String,
    /// The feedback with which the file came.
    pub feedback: FeedbackId,
}

impl MediaKey {
    /// The folder that it is in, below that of its tag: `00` to `ff`.
    pub fn shard(&self) -> String {
        shard_name(u16::try_from(self.feedback.number().rem_euclid(i64::from(SHARDS))).unwrap_or(0))
    }

    /// The feedback of a file of that name.
    pub fn feedback_of(name: &str) -> Option<FeedbackId> {
        name.parse().ok()
    }
}

/// The name of a folder.
pub fn shard_name(shard: u16) -> String {
    format!("{shard:02x}")
}

/// As a path below the folder of all files: `k7p2/1f/fbk_0000008z`.
impl fmt::Display for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tag, self.shard(), self.feedback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_feedback() {
        let key = MediaKey { tag: "k7p2".to_owned(), feedback: FeedbackId::new(31 + 256) };
        assert_eq!(key.to_string(), "k7p2/1f/fbk_0000008z");
        assert_eq!(MediaKey::feedback_of("fbk_0000008z"), Some(key.feedback));
        for foreign in ["", ".", "fbk_", "fbk_0000008z.part", "lost+found", "../fbk_0000008z"] {
            assert_eq!(MediaKey::feedback_of(foreign), None, "{foreign}");
        }
    }
}
