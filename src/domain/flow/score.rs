//! What the answers on a scale come to. Counts are kept beside each figure: ten answers are not a thousand.

use serde::Serialize;

use super::{FlowResult, Scale};

/// The Net Promoter Score: promoters (9 and 10) less detractors (0 to 6), of all who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nps {
    /// 9 and 10.
    pub promoters: u64,
    /// 7 and 8.
    pub passives: u64,
    /// 0 to 6.
    pub detractors: u64,
    /// From −1000 to 1000: tenths of a point, so that −12.5 is −125.
    pub tenths: i32,
}

/// Customer satisfaction: the share of those who chose 4 or 5 out of 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Csat {
    /// 4 and 5.
    pub satisfied: u64,
    /// Who answered.
    pub answered: u64,
    /// The share of the satisfied in tenths of a percent, from 0 to 1000.
    pub per_mille: u32,
    /// The mean in hundredths, from 100 to 500.
    pub mean_hundredths: u32,
}

/// Customer effort: how far people agree that it was easy, out of 7. The mean, and the share of those who agree (5 to 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ces {
    /// 5 to 7.
    pub agreed: u64,
    /// Who answered.
    pub answered: u64,
    /// The share of those who agree in tenths of a percent, from 0 to 1000.
    pub per_mille: u32,
    /// The mean in hundredths, from 100 to 700.
    pub mean_hundredths: u32,
}

impl Nps {
    /// Of answers from 0 to 10; others are left out. `None` when there is none.
    pub fn of(scores: impl IntoIterator<Item = u8>) -> Option<Self> {
        Self::of_counts(scores.into_iter().map(|score| (score, 1)))
    }

    /// The same of answers that were counted: each with how often it was chosen.
    pub fn of_counts(counts: impl IntoIterator<Item = (u8, u64)>) -> Option<Self> {
        let (mut promoters, mut passives, mut detractors) = (0_u64, 0_u64, 0_u64);
        for (score, n) in counts {
            match score {
                0..=6 => detractors += n,
                7 | 8 => passives += n,
                9 | 10 => promoters += n,
                _ => {}
            }
        }
        let answered = promoters + passives + detractors;
        let tenths = rounded(i128::from(promoters) - i128::from(detractors), 1_000, answered)?;
        Some(Self { promoters, passives, detractors, tenths: i32::try_from(tenths).ok()? })
    }

    /// Of all answers on this scale in these results.
    pub fn of_results<'a>(results: impl IntoIterator<Item = &'a FlowResult>) -> Option<Self> {
        Self::of(results.into_iter().flat_map(|result| result.scores(Scale::Nps)))
    }
}

impl Csat {
    /// Of answers from 1 to 5; others are left out. `None` when there is none.
    pub fn of(scores: impl IntoIterator<Item = u8>) -> Option<Self> {
        Self::of_counts(scores.into_iter().map(|score| (score, 1)))
    }

    /// The same of answers that were counted: each with how often it was chosen.
    pub fn of_counts(counts: impl IntoIterator<Item = (u8, u64)>) -> Option<Self> {
        let counted = Counted::of(counts, Scale::Csat, 4)?;
        let Counted { high: satisfied, answered, per_mille, mean_hundredths } = counted;
        Some(Self { satisfied, answered, per_mille, mean_hundredths })
    }

    /// Of all answers on this scale in these results.
    pub fn of_results<'a>(results: impl IntoIterator<Item = &'a FlowResult>) -> Option<Self> {
        Self::of(results.into_iter().flat_map(|result| result.scores(Scale::Csat)))
    }
}

impl Ces {
    /// Of answers from 1 to 7; others are left out. `None` when there is none.
    pub fn of(scores: impl IntoIterator<Item = u8>) -> Option<Self> {
        Self::of_counts(scores.into_iter().map(|score| (score, 1)))
    }

    /// The same of answers that were counted: each with how often it was chosen.
    pub fn of_counts(counts: impl IntoIterator<Item = (u8, u64)>) -> Option<Self> {
        let counted = Counted::of(counts, Scale::Ces, 5)?;
        let Counted { high: agreed, answered, per_mille, mean_hundredths } = counted;
        Some(Self { agreed, answered, per_mille, mean_hundredths })
    }

    /// Of all answers on this scale in these results.
    pub fn of_results<'a>(results: impl IntoIterator<Item = &'a FlowResult>) -> Option<Self> {
        Self::of(results.into_iter().flat_map(|result| result.scores(Scale::Ces)))
    }
}

struct Counted {
    high: u64,
    answered: u64,
    per_mille: u32,
    mean_hundredths: u32,
}

impl Counted {
    fn of(counts: impl IntoIterator<Item = (u8, u64)>, scale: Scale, high_from: u8) -> Option<Self> {
        let (mut high, mut answered, mut sum) = (0_u64, 0_u64, 0_u64);
        for (score, n) in counts.into_iter().filter(|(score, _)| (scale.least()..=scale.most()).contains(score)) {
            answered += n;
            sum += u64::from(score) * n;
            high += if score >= high_from { n } else { 0 };
        }
        Some(Self {
            high,
            answered,
            per_mille: u32::try_from(rounded(high.into(), 1_000, answered)?).ok()?,
            mean_hundredths: u32::try_from(rounded(sum.into(), 100, answered)?).ok()?,
        })
    }
}

/// `part × times ÷ whole`, rounded to the nearest, halves away from zero.
pub(super) fn rounded(part: i128, times: i128, whole: u64) -> Option<i128> {
    let whole = i128::from(whole);
    if whole == 0 {
        return None;
    }
    let doubled = part * times * 2;
    Some((doubled + whole * doubled.signum()) / (whole * 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promoters_less_detractors() {
        let nps = Nps::of([10, 9, 9, 8, 7, 6, 0, 11]).unwrap();
        assert_eq!((nps.promoters, nps.passives, nps.detractors), (3, 2, 2));
        assert_eq!(nps.tenths, 143, "1 of 7 is 14.3");
        assert_eq!(Nps::of([0, 0, 9]).unwrap().tenths, -333);
        assert_eq!((Nps::of([10]).unwrap().tenths, Nps::of([6]).unwrap().tenths), (1_000, -1_000));
        assert_eq!(Nps::of([]), None);
        assert_eq!(Nps::of([200]), None);
    }

    #[test]
    fn satisfaction_and_effort() {
        assert_eq!(
            Csat::of([5, 4, 3, 1, 0, 6]),
            Some(Csat { satisfied: 2, answered: 4, per_mille: 500, mean_hundredths: 325 })
        );
        assert_eq!(Ces::of([7, 5, 4]), Some(Ces { agreed: 2, answered: 3, per_mille: 667, mean_hundredths: 533 }));
        assert_eq!((Csat::of([]), Ces::of([0])), (None, None));
    }
}
