//! What a scenario is made of.

use barid::domain::campaign::Campaign;
use jiff::SignedDuration;

use super::campaign::plain;
use super::fates::Fate;
use super::tap::How;

/// Who is told what, what becomes of it, and what breaks.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    /// The last of them has given no consent, unless they are alone.
    pub(crate) people: usize,
    /// Which effect breaks, and how.
    pub(crate) breaks: Option<(usize, How)>,
    /// What lies in Redis is lost when the process dies.
    pub(crate) wipes: bool,
    /// Providers and limits have no mishaps of their own.
    pub(crate) is_kind: bool,
    pub(crate) campaign: Campaign,
    /// What becomes of calls, in place of what the seed says.
    pub(crate) fates: Vec<Fate>,
    /// People whom we may write to in 24 hours.
    pub(crate) tier: Option<u32>,
    /// Who said stop to a carrier, and not to us.
    pub(crate) stopped_elsewhere: Vec<usize>,
    /// People send files.
    pub(crate) sends_files: bool,
    /// Harmless questions are answered from then on, so long after the beginning.
    pub(crate) answers_after: SignedDuration,
}

impl Script {
    /// The plain campaign, in which nothing goes wrong but what breaks.
    pub(crate) fn kind(people: usize) -> Self {
        Self {
            seed: 1,
            people,
            breaks: None,
            wipes: false,
            is_kind: true,
            campaign: plain(),
            fates: Vec::new(),
            tier: None,
            stopped_elsewhere: Vec::new(),
            sends_files: false,
            answers_after: SignedDuration::ZERO,
        }
    }
}
