//! What follows when a file could not be fetched: it is tried again, or it is lost and says why. The feedback stays either way.

use jiff::{SignedDuration, Timestamp};

use super::MediaRules;
use crate::domain::byte_size::ByteSize;
use crate::domain::retry::jittered;

/// Meta keeps what came in a callback for so long (page …/webhooks/reference/messages, 2026-11-22; since 2025-10-09).
const PROVIDER_KEEPS_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// With a refused token each file is asked for again after this at least,
const TOKEN_WAIT_MIN: SignedDuration = SignedDuration::from_mins(1);
/// and after this at most.
const TOKEN_WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);
/// What a provider may ask for with `Retry-After`.
const ASKED_MAX: SignedDuration = SignedDuration::from_hours(24);
/// And what it gets at least.
const ASKED_MIN: SignedDuration = SignedDuration::from_secs(1);

/// Why a file could not be fetched this time. What is told holds no address and nothing of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaTrouble {
    /// Nothing came back, or it broke off.
    NoAnswer(String),
    /// The provider had a fault of its own, or is busy and says until when.
    Busy {
        /// What it answered.
        words: String,
        /// How long it asks us to wait.
        wait: Option<SignedDuration>,
    },
    /// The token is refused, or may not see the file.
    Credentials(String),
    /// The provider does not know the file under this id, or not any more.
    Unknown(String),
    /// The provider cannot hand it out, now or later.
    Unavailable(String),
    /// The address that the provider gave does not work any more; it gives another one.
    AddressExpired(u16),
    /// The address leads where files are not fetched from.
    Barred(String),
    /// It is larger than it may be.
    TooLarge(ByteSize),
    /// It is of a type that is not kept, or is not what it says.
    WrongType(String),
    /// Its sum is another one than the provider says.
    WrongHash,
}

impl MediaTrouble {
    /// As operators read it.
    pub fn words(&self) -> String {
        match self {
            Self::NoAnswer(words) => format!("there was no answer: {words}"),
            Self::Busy { words, .. } | Self::Unavailable(words) => words.clone(),
            Self::Credentials(words) => format!("the token is refused: {words}"),
            Self::Unknown(words) => format!("Meta does not have it (any more), or our token may not see it: {words}"),
            Self::AddressExpired(status) => format!("the address that Meta gave answers {status}"),
            Self::Barred(words) => format!("the address that Meta gave is not called: {words}"),
            Self::TooLarge(max) => format!("it is larger than {max}"),
            Self::WrongType(words) => words.clone(),
            Self::WrongHash => "its sum is not the one that Meta says: it did not arrive as it was sent".to_owned(),
        }
    }
}

/// How far the fetching of a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaProgress {
    /// Tries that were used up.
    pub tries: u16,
    /// When the provider had it.
    pub since: Timestamp,
}

/// Why a file is not tried any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It could never be had.
    ForGood,
    /// All tries are used up.
    Spent,
    /// The provider keeps it no longer.
    Expired,
}

/// What is next for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextMedia {
    /// It is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// Whether that uses up a try.
        takes_try: bool,
    },
    /// Nothing.
    GiveUp(Lost),
}

/// What follows for a file. `spread`: any number that differs from file to file.
///
/// | trouble | what follows |
/// |---|---|
/// | too large, of a wrong type, never to be had | lost |
/// | no answer, a fault of the provider's, a wrong sum, an address that leads elsewhere or works no more | again after the next wait; lost after the last |
/// | busy, with the time until when | again then, which takes no try |
/// | a refused token | again, the later the longer it lasts, which takes no try: it is no fault of the file's |
/// | unknown | as no answer: right after it came, it is rather our token that may not see it |
/// | whatever would be tried when the provider keeps it no longer | lost |
pub fn after_trouble(
    trouble: &MediaTrouble,
    progress: MediaProgress,
    rules: &MediaRules,
    spread: u64,
    now: Timestamp,
) -> NextMedia {
    let next_wait = rules.waits[usize::from(progress.tries).min(rules.waits.len() - 1)];
    let (wait, takes_try) = match trouble {
        MediaTrouble::TooLarge(_) | MediaTrouble::WrongType(_) | MediaTrouble::Unavailable(_) => {
            return NextMedia::GiveUp(Lost::ForGood);
        }
        MediaTrouble::Busy { wait: Some(asked), .. } => ((*asked).clamp(ASKED_MIN, ASKED_MAX), false),
        MediaTrouble::Credentials(_) => {
            (now.duration_since(progress.since).clamp(TOKEN_WAIT_MIN, TOKEN_WAIT_MAX), false)
        }
        MediaTrouble::NoAnswer(_)
        | MediaTrouble::Busy { wait: None, .. }
        | MediaTrouble::Unknown(_)
        | MediaTrouble::AddressExpired(_)
        | MediaTrouble::Barred(_)
        | MediaTrouble::WrongHash => (next_wait, true),
    };
    let at = after(now, jittered(wait, spread, progress.tries));
    if at > after(progress.since, PROVIDER_KEEPS_FOR) {
        NextMedia::GiveUp(Lost::Expired)
    } else if takes_try && progress.tries.saturating_add(1) >= rules.tries {
        NextMedia::GiveUp(Lost::Spent)
    } else {
        NextMedia::Again { at, takes_try }
    }
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> MediaRules {
        MediaRules {
            enabled: true,
            bytes_max: ByteSize::new(100),
            bytes_max_of: std::collections::BTreeMap::new(),
            types: Vec::new(),
            tries: 3,
            waits: [10, 100].map(SignedDuration::from_secs).to_vec(),
        }
    }

    fn words() -> String {
        "words".to_owned()
    }

    /// `again 10..12 try`, `lost Spent`: what follows after so many tries and so many seconds after it came.
    fn next(trouble: &MediaTrouble, tries: u16, age: i64) -> String {
        let since = Timestamp::UNIX_EPOCH;
        let now = since + SignedDuration::from_secs(age);
        match after_trouble(trouble, MediaProgress { tries, since }, &rules(), 7, now) {
            NextMedia::GiveUp(lost) => format!("lost {lost:?}"),
            NextMedia::Again { at, takes_try } => {
                // Up to a fifth is added, so that what failed together does not come together again.
                let wait = at.duration_since(now).as_secs_f64();
                let expected = [1.0, 5.0, 10.0, 60.0, 100.0, 1_000.0, 3_600.0, 86_400.0];
                let base = expected.into_iter().find(|base| (*base..=base * 1.2).contains(&wait));
                format!("again {} {}", base.expect("a known wait"), if takes_try { "try" } else { "free" })
            }
        }
    }

    #[test]
    fn what_follows_from_each_trouble() {
        use MediaTrouble as T;
        let day = 86_400;
        let busy = |seconds: Option<i64>| T::Busy { words: words(), wait: seconds.map(SignedDuration::from_secs) };
        for (trouble, tries, age, expected) in [
            (T::NoAnswer(words()), 0, 0, "again 10 try"),
            (T::NoAnswer(words()), 1, 0, "again 100 try"),
            (T::NoAnswer(words()), 2, 0, "lost Spent"),
            (busy(None), 0, 0, "again 10 try"),
            (busy(Some(5)), 2, 0, "again 5 free"),
            (busy(Some(0)), 0, 0, "again 1 free"),
            (busy(Some(10 * day)), 0, 0, "again 86400 free"),
            (T::Credentials(words()), 2, 0, "again 60 free"),
            (T::Credentials(words()), 0, 1_000, "again 1000 free"),
            (T::Credentials(words()), 0, 5 * day, "again 3600 free"),
            (T::Credentials(words()), 0, 7 * day - 1, "lost Expired"),
            (T::Unknown(words()), 0, 0, "again 10 try"),
            (T::Unknown(words()), 2, 0, "lost Spent"),
            (T::Unknown(words()), 0, 8 * day, "lost Expired"),
            (T::NoAnswer(words()), 0, 7 * day, "lost Expired"),
            (T::Unavailable(words()), 0, 0, "lost ForGood"),
            (T::AddressExpired(404), 0, 0, "again 10 try"),
            (T::Barred(words()), 0, 0, "again 10 try"),
            (T::Barred(words()), 2, 0, "lost Spent"),
            (T::TooLarge(ByteSize::new(1)), 0, 0, "lost ForGood"),
            (T::WrongType(words()), 0, 0, "lost ForGood"),
            (T::WrongHash, 0, 0, "again 10 try"),
            (T::WrongHash, 2, 0, "lost Spent"),
        ] {
            assert_eq!(next(&trouble, tries, age), expected, "{trouble:?} {tries} {age}");
        }
    }

    #[test]
    fn a_clock_that_was_put_back_takes_nothing_away() {
        assert_eq!(next(&MediaTrouble::NoAnswer(words()), 0, -3_600), "again 10 try");
        assert_eq!(next(&MediaTrouble::Credentials(words()), 0, -3_600), "again 60 free");
    }
}
