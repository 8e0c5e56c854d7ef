//! The scenarios: small ones, each about one thing, since each is walked over effect by effect.

mod channels;
mod files;
mod limits;
mod notices;
mod plain;
mod refusals;
mod reminders;
mod replays;
mod stages;

pub(crate) use self::channels::{BY_OUTCOME, BY_TIME};
pub(crate) use self::files::FILES;
pub(crate) use self::limits::{BUDGET, TIER};
pub(crate) use self::notices::NOTICES;
pub(crate) use self::plain::PLAIN;
pub(crate) use self::refusals::{ACCOUNT, CREDENTIALS, TEMPLATE};
pub(crate) use self::reminders::REMINDERS;
pub(crate) use self::replays::REPLAYS;
pub(crate) use self::stages::{HALTED, STAGES};
use super::walk::Scene;

/// All of them.
pub(crate) const ALL: [Scene; 14] = [
    PLAIN,
    BY_OUTCOME,
    BY_TIME,
    CREDENTIALS,
    TEMPLATE,
    ACCOUNT,
    NOTICES,
    STAGES,
    HALTED,
    REMINDERS,
    REPLAYS,
    TIER,
    BUDGET,
    FILES,
];
