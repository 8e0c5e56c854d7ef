//! What the conversations of one flow come to: how they ended, and the figure of each question on a scale. Versions of a flow are kept
//! apart, because their answers must not be added up. Everything is counts and whole numbers until it is shown.

use std::collections::BTreeMap;

use super::score::rounded;
use super::{Ces, Csat, Nps, ResultState, Scale};
use crate::domain::ids::FlowStepId;

/// What was counted in the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// How many conversations of that version ended so.
    pub ended: Vec<(u32, ResultState, u64)>,
    /// How often that step of the scale was chosen in that question of that version.
    pub chosen: Vec<(u32, FlowStepId, Scale, u8, u64)>,
}

/// What the conversations of one version of a flow come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionScores {
    /// Which version.
    pub version: u32,
    /// How many conversations ended, in the order of [`ResultState::ALL`].
    pub ended: [u64; ResultState::ALL.len()],
    /// *Completed ÷ ended*, in tenths of a percent: conversations under way do not count. `None` where none ended.
    pub completion_per_mille: Option<u32>,
    /// Each question on a scale, by its name.
    pub questions: Vec<QuestionScore>,
}

/// The figure of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionScore {
    /// Which question.
    pub step: FlowStepId,
    /// What the answers come to.
    pub score: ScaleScore,
}

/// What the answers on a scale come to; the formulas stand with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleScore {
    /// *Promoters (9, 10) − detractors (0 to 6)*, of all who answered.
    Nps(Nps),
    /// *4 and 5 ÷ all who answered*, and the mean.
    Csat(Csat),
    /// The mean, and *5 to 7 ÷ all who answered*.
    Ces(Ces),
}

impl VersionScores {
    /// How many conversations ended so.
    pub fn n(&self, state: ResultState) -> u64 {
        ResultState::ALL.into_iter().zip(self.ended).find(|(known, _)| *known == state).map_or(0, |(_, n)| n)
    }

    /// How many conversations ended.
    pub fn n_ended(&self) -> u64 {
        self.ended.iter().sum()
    }
}

/// What the counts come to, newest version first.
pub fn scores(counts: &FlowCounts) -> Vec<VersionScores> {
    let versions = counts.ended.iter().map(|(version, ..)| *version);
    let versions = versions.chain(counts.chosen.iter().map(|(version, ..)| *version));
    let versions: std::collections::BTreeSet<u32> = versions.collect();
    versions.into_iter().rev().map(|version| of_version(counts, version)).collect()
}

/// A scale, and how often each step of it was chosen.
type Chosen = (Scale, Vec<(u8, u64)>);

fn of_version(counts: &FlowCounts, version: u32) -> VersionScores {
    let ended = ResultState::ALL.map(|state| {
        let of_it = counts.ended.iter().filter(|(of, ended, _)| (*of, *ended) == (version, state));
        of_it.map(|(.., n)| *n).sum()
    });
    let mut chosen: BTreeMap<(&FlowStepId, &'static str), Chosen> = BTreeMap::new();
    for (_, step, scale, value, n) in counts.chosen.iter().filter(|(of, ..)| *of == version) {
        chosen.entry((step, scale.name())).or_insert_with(|| (*scale, Vec::new())).1.push((*value, *n));
    }
    let questions = chosen.into_iter().filter_map(|((step, _), (scale, chosen))| {
        let score = match scale {
            Scale::Nps => Nps::of_counts(chosen).map(ScaleScore::Nps),
            Scale::Csat => Csat::of_counts(chosen).map(ScaleScore::Csat),
            Scale::Ces => Ces::of_counts(chosen).map(ScaleScore::Ces),
        };
        Some(QuestionScore { step: step.clone(), score: score? })
    });
    let mut scores = VersionScores { version, ended, completion_per_mille: None, questions: questions.collect() };
    let completed = i128::from(scores.n(ResultState::Completed));
    scores.completion_per_mille =
        rounded(completed, 1_000, scores.n_ended()).and_then(|share| u32::try_from(share).ok());
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str) -> FlowStepId {
        name.parse().unwrap()
    }

    #[test]
    fn questions_and_versions_are_kept_apart() {
        let counts = FlowCounts {
            ended: vec![
                (1, ResultState::Completed, 2),
                (2, ResultState::Completed, 3),
                (2, ResultState::Partial, 2),
                (2, ResultState::Abandoned, 1),
                (2, ResultState::Escalated, 1),
            ],
            chosen: vec![
                (1, step("score"), Scale::Nps, 0, 2),
                (2, step("score"), Scale::Nps, 10, 3),
                (2, step("score"), Scale::Nps, 7, 1),
                (2, step("score"), Scale::Nps, 3, 1),
                (2, step("staff"), Scale::Csat, 5, 1),
                (2, step("speed"), Scale::Csat, 1, 1),
                (2, step("effort"), Scale::Ces, 6, 2),
            ],
        };
        let [new, old] = &scores(&counts)[..] else { panic!("two versions") };
        assert_eq!((new.version, new.n_ended(), new.n(ResultState::Partial)), (2, 7, 2));
        assert_eq!(new.completion_per_mille, Some(429), "3 of 7");
        let names: Vec<&str> = new.questions.iter().map(|question| question.step.as_str()).collect();
        assert_eq!(names, ["effort", "score", "speed", "staff"]);
        let ScaleScore::Nps(nps) = new.questions[1].score else { panic!("{:?}", new.questions[1]) };
        assert_eq!((nps.promoters, nps.passives, nps.detractors, nps.tenths), (3, 1, 1, 400));
        let ScaleScore::Csat(speed) = new.questions[2].score else { panic!("{:?}", new.questions[2]) };
        assert_eq!((speed.answered, speed.per_mille, speed.mean_hundredths), (1, 0, 100));
        let ScaleScore::Nps(before) = old.questions[0].score else { panic!("{:?}", old.questions[0]) };
        assert_eq!((old.version, old.completion_per_mille, before.tenths), (1, Some(1_000), -1_000));
    }

    #[test]
    fn of_nothing_nothing_is_said() {
        assert_eq!(scores(&FlowCounts::default()), []);
        let only_chosen = FlowCounts { ended: vec![], chosen: vec![(1, step("score"), Scale::Csat, 9, 4)] };
        let [none] = &scores(&only_chosen)[..] else { panic!("one version") };
        assert_eq!((none.completion_per_mille, none.questions.len()), (None, 0), "9 is no step of that scale");
    }
}
