//! What all further messages would meet suspends them, and a probe ends it: a harmless question, or one message that is let through.

use barid::domain::channel::Channel::Whatsapp;
use barid::domain::failure::FailureClass::{self, AccountRestricted, Credentials, TemplateUnavailable};
use barid::domain::suspension::ReleasedBy;

use crate::scenario::ending::Ending;
use crate::scenario::fates::{ARRIVES, Does, Fate};
use crate::scenario::order::refused;
use crate::scenario::script::Script;
use crate::scenario::time::seconds;
use crate::scenario::walk::Scene;

/// The token is refused, in the answer: the number is suspended, and Meta is asked until it answers.
pub(crate) const CREDENTIALS: Scene = Scene {
    name: "a refused token",
    script: credentials,
    arrange: |_| {},
    holds: |ending| {
        // The first is refused; a second only where the first told nobody because something broke.
        let most = if ending.is_unbroken() { 1 } else { 2 };
        ending.demand(refused(ending, Credentials) <= most, "nobody tries again with a refused token");
        ends_well(ending, Credentials, &ReleasedBy::Asked);
    },
};

/// The template is refused, in the answer: the campaign is suspended, and lets one message through now and then.
pub(crate) const TEMPLATE: Scene = Scene {
    name: "a refused template",
    script: template,
    arrange: |_| {},
    holds: |ending| {
        // The first, and the first that was let through.
        let most = if ending.is_unbroken() { 2 } else { 3 };
        ending.demand(refused(ending, TemplateUnavailable) <= most, "one message shows that it is still refused");
        ends_well(ending, TemplateUnavailable, &ReleasedBy::LetThrough);
    },
};

/// The account is unpaid, which is told after messages were taken: the number is suspended, and only what left shows that it is over.
pub(crate) const ACCOUNT: Scene = Scene {
    name: "a restricted account",
    script: account,
    arrange: |_| {},
    holds: |ending| {
        ends_well(ending, AccountRestricted, &ReleasedBy::LetThrough);
    },
};

fn credentials() -> Script {
    let until = seconds(8.0);
    Script {
        fates: vec![Fate::of_all(Does::Refuses(Credentials)).before(until), Fate::of_all(ARRIVES)],
        answers_after: until,
        ..Script::kind(3)
    }
}

fn template() -> Script {
    Script {
        fates: vec![Fate::of_all(Does::Refuses(TemplateUnavailable)).before(seconds(15.0)), Fate::of_all(ARRIVES)],
        ..Script::kind(3)
    }
}

fn account() -> Script {
    let restricted = Does::Takes(&[("account-restricted", 1.0)]);
    Script { fates: vec![Fate::of_all(restricted).before(seconds(15.0)), Fate::of_all(ARRIVES)], ..Script::kind(3) }
}

fn ends_well(ending: &Ending, class: FailureClass, by: &ReleasedBy) {
    let of_it: Vec<_> = ending.suspensions.iter().filter(|kept| kept.suspension.cause.class() == Some(class)).collect();
    ending.demand(of_it.len() == ending.suspensions.len(), "nothing else is suspended");
    ending.demand_unbroken(of_it.len() == 1, "one suspension for one trouble");
    ending.demand(
        of_it.iter().all(|kept| kept.released.as_ref().is_some_and(|(_, released_by)| released_by == by)),
        "it ended by itself, as it should",
    );
    for who in 0..ending.script.people - 1 {
        let assumed = ending.standing(who) == "submitted";
        ending.demand(ending.times_told(who, Whatsapp) == 1 || (assumed && !ending.is_unbroken()), "everybody is told");
    }
}
