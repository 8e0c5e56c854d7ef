//! Whether an automatic answer may be given: two programs that answer each other, or one that says the same again and again, must come
//! to rest by themselves.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::fingerprint;

/// The numbers that operators set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopGuard {
    /// The answer that was given last is not given again within this span.
    pub same_within: SignedDuration,
    /// So many automatic answers to one contact at most
    pub answers_max: u32,
    /// within this span.
    pub within: SignedDuration,
    /// Messages with shorter pauses than this between them are one burst, which gets one confirmation.
    pub burst: SignedDuration,
}

/// An automatic answer that is to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What kind.
    pub kind: Automatic,
    /// What it says, as [`what_it_says`] has it.
    pub says: u64,
}

/// What kind of automatic answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Automatic {
    /// That something was received.
    Confirmation,
    /// An answer to what was asked: out of the list of answers, or out of a flow.
    Answer,
}

/// An automatic answer that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What kind, and what it said.
    pub what: Wanted,
    /// When.
    pub at: Timestamp,
}

/// Whether it may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayAnswer {
    /// Yes.
    Yes,
    /// No, because
    No(Because),
}

/// Why an automatic answer is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// It was given last, a short while ago.
    SameAnswer,
    /// The contact had too many.
    TooMany,
    /// The burst has its confirmation.
    SameBurst,
}

impl Because {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::SameAnswer, Self::TooMany, Self::SameBurst];

    /// The word in the record and as a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SameAnswer => "same-answer",
            Self::TooMany => "too-many-answers",
            Self::SameBurst => "same-burst",
        }
    }
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SameAnswer => "the same answer was given last, a short while ago",
            Self::TooMany => "this contact had as many automatic answers as one may have in that time",
            Self::SameBurst => "a message shortly before got the confirmation",
        })
    }
}

/// The mark of what an answer says. Reference ids and the like differ from one answer to the next, so give it the text without them.
pub fn what_it_says(text: &str) -> u64 {
    fingerprint(text)
}

/// Whether the answer may be given at `now`. `given` are the automatic answers to this contact and `received` the times of their
/// messages, both as far back as the longest span of the guard, in any order, the one to answer included or not.
pub fn may_answer(
    guard: &LoopGuard,
    wanted: Wanted,
    given: &[Given],
    received: &[Timestamp],
    now: Timestamp,
) -> MayAnswer {
    let age = |at: Timestamp| at.duration_until(now);
    let newest = given.iter().max_by_key(|given| given.at);
    if wanted.kind == Automatic::Confirmation {
        let since = burst_began(guard, received, now);
        // The first confirmation may have been given in the very moment of the first message.
        if given.iter().any(|given| given.what.kind == Automatic::Confirmation && given.at >= since) {
            return MayAnswer::No(Because::SameBurst);
        }
    }
    if newest.is_some_and(|newest| newest.what.says == wanted.says && age(newest.at) < guard.same_within) {
        return MayAnswer::No(Because::SameAnswer);
    }
    let recent = given.iter().filter(|given| age(given.at) < guard.within).count();
    if recent >= usize::try_from(guard.answers_max).unwrap_or(usize::MAX) {
        return MayAnswer::No(Because::TooMany);
    }
    MayAnswer::Yes
}

/// When the burst began that `now` belongs to: the first of the messages that follow each other in shorter pauses.
fn burst_began(guard: &LoopGuard, received: &[Timestamp], now: Timestamp) -> Timestamp {
    let mut earlier: Vec<Timestamp> = received.iter().copied().filter(|at| *at <= now).collect();
    earlier.sort_unstable();
    let mut began = now;
    for at in earlier.into_iter().rev() {
        if at.duration_until(began) >= guard.burst {
            break;
        }
        began = at;
    }
    began
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: LoopGuard = LoopGuard {
        same_within: SignedDuration::from_mins(10),
        answers_max: 5,
        within: SignedDuration::from_hours(1),
        burst: SignedDuration::from_mins(2),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn wanted(kind: Automatic, text: &str) -> Wanted {
        Wanted { kind, says: what_it_says(text) }
    }

    /// Plays messages that come at these seconds, each of which would be answered with `text(n)`; the answers that are given.
    fn played(kind: Automatic, seconds: &[i64], text: impl Fn(usize) -> String) -> Vec<Result<i64, Because>> {
        let (mut given, mut received) = (Vec::new(), Vec::new());
        let mut what = Vec::new();
        for (n, second) in seconds.iter().enumerate() {
            let wanted = wanted(kind, &text(n));
            received.push(at(*second));
            match may_answer(&GUARD, wanted, &given, &received, at(*second)) {
                MayAnswer::Yes => {
                    given.push(Given { what: wanted, at: at(*second) });
                    what.push(Ok(*second));
                }
                MayAnswer::No(because) => what.push(Err(because)),
            }
        }
        what
    }

    #[test]
    fn a_burst_gets_one_confirmation_and_the_next_burst_another() {
        let burst = Err(Because::SameBurst);
        let confirmed = played(Automatic::Confirmation, &[0, 5, 100, 210, 329, 449, 1_200], |n| format!("VOC-{n}"));
        assert_eq!(confirmed, [Ok(0), burst, burst, burst, burst, Ok(449), Ok(1_200)]);
    }

    #[test]
    fn the_same_answer_is_not_given_twice_in_a_row() {
        let same = Err(Because::SameAnswer);
        assert_eq!(played(Automatic::Answer, &[0, 60, 599, 600], |_| "hours".into()), [Ok(0), same, same, Ok(600)]);
        let in_turns = played(Automatic::Answer, &[0, 60, 120], |n| (n % 2).to_string());
        assert_eq!(in_turns, [Ok(0), Ok(60), Ok(120)]);
    }

    #[test]
    fn two_programs_come_to_rest() {
        let seconds: Vec<i64> = (0..3_700).step_by(10).collect();
        let answers = played(Automatic::Answer, &seconds, |n| n.to_string());
        let given: Vec<i64> = answers.iter().filter_map(|answer| answer.ok()).collect();
        assert_eq!(given, [0, 10, 20, 30, 40, 3_600, 3_610, 3_620, 3_630, 3_640]);
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Because::TooMany))));
    }

    #[test]
    fn order_does_not_matter_and_the_future_does_no_harm() {
        let given = [Given { what: wanted(Automatic::Confirmation, "a"), at: at(0) }];
        let wanted = wanted(Automatic::Confirmation, "b");
        for received in [[at(100), at(0), at(50)], [at(0), at(50), at(100)]] {
            assert_eq!(may_answer(&GUARD, wanted, &given, &received, at(110)), MayAnswer::No(Because::SameBurst));
        }
        assert_eq!(may_answer(&GUARD, wanted, &given, &[at(10_000)], at(500)), MayAnswer::Yes);
    }
}
