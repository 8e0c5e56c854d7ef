//! What must hold at the end of every scenario, whatever broke: nobody is lost, nobody is told twice on a channel, and nobody is called
//! when it was forbidden.

use std::collections::{BTreeMap, BTreeSet};

use barid::domain::channel::Channel;
use barid::domain::delivery::Delivery;
use barid::domain::failure::FailureClass;
use barid::domain::media::MediaState;
use barid::domain::rollout::lot;
use barid::domain::suspension::{Probe, ReleasedBy, Scope, Suspension};

use super::ending::{Ending, Told};
use super::files::content;
use super::people::phone;
use super::provider::{Became, Call, rank};
use super::watch::Said;
use super::world::LET_THROUGH_WAITS;

pub(crate) fn assert_in_order(ending: &Ending) {
    everybody_stands_in_the_record_once(ending);
    for told in &ending.messages {
        ending.demand(!told.delivery.state().is_open(), &format!("message {} is still open", told.id));
        told_once_on_each_channel(ending, told);
        stands_where_the_providers_say(ending, told);
        other_channels_only_take_over(ending, told);
    }
    for call in &ending.calls {
        nobody_is_called_when_it_is_forbidden(ending, call);
    }
    stops_are_heard(ending);
    suspensions_stop(ending);
    files_are_whole_or_gone(ending);
}

/// What the record says is kept is there, whole; nothing else is.
fn files_are_whole_or_gone(ending: &Ending) {
    for file in &ending.files {
        let expected = (file.state == Some(MediaState::Kept)).then(|| content(&file.id));
        ending.demand(file.bytes == expected, &format!("file {} is {:?}", file.id, file.state));
        ending.demand(file.state != Some(MediaState::Wanted), &format!("file {} waits still", file.id));
    }
    ending.demand(ending.n_stray == 0, "no file lies about");
}

fn everybody_stands_in_the_record_once(ending: &Ending) {
    let mut seen = BTreeSet::new();
    for told in &ending.messages {
        ending.demand(seen.insert((told.run, told.who)), &format!("{} stands in run {} twice", told.who, told.run));
    }
    let own = ending.run().id.number();
    let people = ending.messages.iter().filter(|told| told.run == own).count();
    ending.demand(people == ending.script.people, "everybody stands in the record");
    ending.demand(ending.runs.iter().all(|run| run.state.has_ended()), "every run has ended");
}

fn told_once_on_each_channel(ending: &Ending, told: &Told) {
    let mut by_channel: BTreeMap<Channel, usize> = BTreeMap::new();
    for call in ending.calls_of(told.id) {
        ending.demand(call.who == told.who, "a message is about one person");
        ending.demand(call.reference.store == ending.tag, "the reference is ours");
        *by_channel.entry(call.channel).or_default() += usize::from(call.has_told());
    }
    for (channel, times) in by_channel {
        ending.demand(times <= 1, &format!("{} was told {times} times by {}", told.who, channel.name()));
    }
}

/// What the record says in the end is the truth.
fn stands_where_the_providers_say(ending: &Ending, told: &Told) {
    let calls = ending.calls_of(told.id);
    let furthest = calls.iter().filter_map(|call| call.reached()).max_by_key(|status| rank(status));
    let (state, newest) = (told.delivery.state(), calls.last());
    let newest_taken = newest.filter(|call| matches!(call.became, Became::Taken(_)) && call.failed_at().is_none());
    let fits = match (&told.delivery, furthest, newest_taken) {
        (_, Some(status), _) if rank(status) >= rank("delivered") => state.name() == status,
        // Where nothing more was heard of anybody, the rule is to take it as sent, and to say so.
        (Delivery::Submitted { assumed: true, .. }, ..) => !ending.is_unbroken() || !ending.script.is_kind,
        (Delivery::Submitted { .. }, _, Some(call)) => call.reached().is_none(),
        (Delivery::Sent { .. }, _, Some(call)) => call.reached().is_some(),
        // It waited for its turn on another channel when the stop came, or was too old for it.
        (Delivery::Suppressed(_), _, Some(_)) => ending.stoppers.contains(&told.who),
        (Delivery::Expired, _, Some(_)) => !ending.script.campaign.delivery.fallback.is_empty(),
        (Delivery::Failed(_) | Delivery::Suppressed(_) | Delivery::Expired, _, None) => true,
        _ => false,
    };
    ending.demand(fits, &format!("message {} is {} and the providers say {furthest:?}", told.id, state.name()));
}

/// Another channel is called only when the one before it refused, failed, or had its time.
fn other_channels_only_take_over(ending: &Ending, told: &Told) {
    let calls = ending.calls_of(told.id);
    for pair in calls.windows(2).filter(|pair| pair[0].channel != pair[1].channel) {
        let [before, next] = pair else { continue };
        let gave_up = match &before.became {
            Became::Refused(class) => class.falls_back(),
            Became::Taken(_) => {
                let failed = before.failed_at().is_some_and(|(at, class)| at <= next.at && class.falls_back());
                failed || not_delivered_in_time(ending, before, next)
            }
            Became::Lost => false,
        };
        ending.demand(gave_up, &format!("message {} went on to {} without reason", told.id, next.channel.name()));
    }
    let first = calls.iter().map(|call| call.channel).next();
    ending.demand(first.is_none_or(|first| first == Channel::Whatsapp), "every message begins on WhatsApp");
}

fn not_delivered_in_time(ending: &Ending, before: &Call, next: &Call) -> bool {
    let wait = ending.script.campaign.delivery.not_delivered_after;
    wait.is_some_and(|wait| before.at + wait <= next.at)
}

fn nobody_is_called_when_it_is_forbidden(ending: &Ending, call: &Call) {
    let run = ending.message(call.message()).run;
    for (said, _) in ending.spans(|_| true).filter(|(_, span)| span.covers(call.effect)) {
        let (is_forbidden, why) = match said {
            Said::Stopped(number) => (*number == phone(call.who), "the stop was in force"),
            Said::Arrived(message) => (*message == call.message(), "the message had arrived"),
            Said::Paused(paused) => (*paused == run, "its run was paused"),
            Said::Open(staged, lots) => (*staged == run && lot(call.message()) >= *lots, "its stage was not open"),
            // Some are let through: see below.
            Said::Suspended(_) => continue,
        };
        let what = format!("{} was called for message {} at {}, and {why}", call.who, call.message(), call.effect);
        ending.demand(!is_forbidden, &what);
    }
}

fn stops_are_heard(ending: &Ending) {
    let stopped: BTreeSet<&String> = ending
        .spans(|said| matches!(said, Said::Stopped(_)))
        .filter_map(|(said, _)| if let Said::Stopped(number) = said { Some(number) } else { None })
        .collect();
    let stoppers: BTreeSet<String> = ending.stoppers.iter().map(|who| phone(*who)).collect();
    ending.demand(stoppers.iter().all(|number| stopped.contains(number)), "every stop is heard");
    // What a carrier knows of a stop comes with a refusal: whoever's message ended by it is stopped.
    let elsewhere = &ending.script.stopped_elsewhere;
    let mut refused = elsewhere.iter().filter(|who| ending.standing(**who) == "failed").map(|who| phone(*who));
    ending.demand(refused.all(|number| stopped.contains(&number)), "a stop that a carrier knows of is heard");
    let known: BTreeSet<String> = elsewhere.iter().map(|who| phone(*who)).collect();
    let mut others = stopped.into_iter().filter(|number| !stoppers.contains(*number));
    ending.demand(others.all(|number| known.contains(number)), "nobody else is stopped");
}

/// While a suspension is in force, nothing is called but what it lets through: one, and the next not before its time.
fn suspensions_stop(ending: &Ending) {
    for (said, span) in ending.spans(|said| matches!(said, Said::Suspended(_))) {
        let Said::Suspended(id) = said else { continue };
        let Some(kept) = ending.suspensions.iter().find(|kept| kept.suspension.id == *id) else {
            panic!("no suspension {id}\n{}", ending.story);
        };
        let by_a_message = kept.released.as_ref().is_some_and(|(_, by)| *by == ReleasedBy::LetThrough);
        // The call that ended it was made while it was in force.
        let until = if by_a_message { span.gone } else { Some(span.until) };
        let called = ending.calls.iter().filter(|call| {
            let is_in_force = call.effect > span.since && until.is_none_or(|until| call.effect <= until);
            is_in_force && stops(&kept.suspension, call)
        });
        let called: Vec<&Call> = called.collect();
        let what = |why: &str| format!("suspension {id} let {} through: {why}", called.len());
        if kept.suspension.probe != Probe::LetOneThrough {
            ending.demand(called.is_empty(), &what("it lets nobody through"));
        }
        let mut before = span.at;
        for call in &called {
            let waited = call.at.duration_since(before);
            ending.demand(waited >= LET_THROUGH_WAITS[0], &what("too soon"));
            before = call.at;
        }
    }
}

fn stops(suspension: &Suspension, call: &Call) -> bool {
    match &suspension.scope {
        Scope::Sender(_) => call.channel == Channel::Whatsapp,
        Scope::Channel(channel) => call.channel == *channel,
        Scope::Campaign(_) => true,
        Scope::Country(_) => call.channel.is_whatsapp(),
    }
}

/// Of all calls that were refused this way, how many were made before it was known.
pub(crate) fn refused(ending: &Ending, class: FailureClass) -> usize {
    let is_refused = |call: &&Call| match &call.became {
        Became::Refused(refused) => *refused == class,
        Became::Taken(_) => call.failed_at().is_some_and(|(_, failed)| failed == class),
        Became::Lost => false,
    };
    ending.calls.iter().filter(is_refused).count()
}
