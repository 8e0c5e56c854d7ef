//! What Meta says by itself: a paused template stops its campaigns until it is approved again, a number that people report rests for a while.

use barid::domain::channel::Channel::Whatsapp;
use barid::domain::failure::FailureClass::{QualityLimited, TemplateUnavailable};
use barid::domain::suspension::ReleasedBy;
use jiff::SignedDuration;

use crate::scenario::fates::{ARRIVES, Fate};
use crate::scenario::script::Script;
use crate::scenario::time::{Time, seconds};
use crate::scenario::walk::Scene;

pub(crate) const NOTICES: Scene = Scene {
    name: "notices",
    script: || Script { fates: vec![Fate::of_all(ARRIVES)], ..Script::kind(3) },
    arrange: |world| {
        // Before anybody was called.
        world.notice(SignedDuration::ZERO, "template-paused");
        world.notice(seconds(4.0), "template-approved");
        world.notice(seconds(1.0), "number-flagged");
    },
    holds: |ending| {
        for kept in &ending.suspensions {
            let by = kept.released.as_ref().map(|(_, by)| by);
            let fits = match kept.suspension.cause.class() {
                // Where something broke, the older notice may be heeded last; then a message that is let through shows that it is over.
                Some(TemplateUnavailable) if ending.is_unbroken() => by == Some(&ReleasedBy::Announced),
                Some(TemplateUnavailable) => matches!(by, Some(ReleasedBy::Announced | ReleasedBy::LetThrough)),
                Some(QualityLimited) => by == Some(&ReleasedBy::Time),
                _ => false,
            };
            ending.demand(fits, "each suspension ends as it should");
        }
        ending.demand_unbroken(ending.suspensions.len() == 2, "both notices are heeded");
        let early = ending.calls.iter().any(|call| call.at < Time::start() + seconds(20.0));
        ending.demand_unbroken(!early, "nobody is called while the number rests");
        for who in [0, 1] {
            ending.demand_unbroken(ending.times_told(who, Whatsapp) == 1, "everybody is told in the end");
        }
    },
};
