//! How a scenario ended: what the record says, what the providers say, and when what was in force.

use std::collections::BTreeSet;

use barid::domain::channel::Channel;
use barid::domain::delivery::Delivery;
use barid::domain::media::MediaState;
use barid::domain::run::Run;
use barid::domain::suspension::KeptSuspension;
use barid::ports::{Journal as _, ListedMessage, Messages as _, Reminders as _, Store as _, Suspensions as _};

use super::people::who_has;
use super::provider::{Became, Call};
use super::script::Script;
use super::watch::{Said, Span};
use super::world::World;

/// A message of the record.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: i64,
    pub(crate) who: usize,
    pub(crate) run: i64,
    pub(crate) delivery: Delivery,
}

impl Told {
    fn of(listed: &ListedMessage) -> Self {
        let message = &listed.message;
        Self {
            id: message.id.number(),
            who: who_has(message.contact.phone.as_ref().expect("everybody has a number").e164()),
            run: message.run.expect("everything belongs to a run").number(),
            delivery: message.standing.delivery.clone(),
        }
    }
}

/// A file that somebody sent.
#[derive(Debug)]
pub(crate) struct SentFile {
    /// Meta's id of it.
    pub(crate) id: String,
    /// How it stands in the record.
    pub(crate) state: Option<MediaState>,
    /// What is kept of it.
    pub(crate) bytes: Option<Vec<u8>>,
}

pub(crate) struct Ending {
    pub(crate) script: Script,
    /// Everything that happened, for whoever has to find out why it did.
    pub(crate) story: String,
    /// The tag of our references.
    pub(crate) tag: String,
    /// The run of the campaign, and its reminders after it.
    pub(crate) runs: Vec<Run>,
    pub(crate) messages: Vec<Told>,
    pub(crate) calls: Vec<Call>,
    pub(crate) suspensions: Vec<KeptSuspension>,
    pub(crate) said: Vec<(Said, Span)>,
    /// Who says stop.
    pub(crate) stoppers: BTreeSet<usize>,
    /// What people sent.
    pub(crate) files: Vec<SentFile>,
    /// Files that no feedback names, or that were left unfinished.
    pub(crate) n_stray: usize,
}

impl Ending {
    pub(crate) async fn of(world: &World) -> Self {
        let story = format!("{:?}\n{}", world.script, world.journal().await);
        let store = world.store();
        let newest = world.newest().await.unwrap_or_else(|| panic!("the campaign was never started\n{story}"));
        let reminders = store.reminders_of(newest.id).await.expect("the store answers");
        let runs: Vec<Run> = std::iter::once(newest).chain(reminders).collect();
        for run in &runs {
            world.database.assert_counts_are_exact(store, run.id).await;
        }
        let listed = store.list(&Default::default(), None, 1000).await.expect("the store answers");
        let mut kept = world.shelf.kept();
        let feedback = store.feedback(None, 1000).await.expect("the store answers").items;
        let sent = feedback.into_iter().filter_map(|feedback| {
            let id = feedback.whatsapp_id.as_str().strip_prefix("wamid.file.")?.to_owned();
            let state = feedback.media.map(|media| media.state);
            Some(SentFile { id, state, bytes: kept.remove(&feedback.id.number()) })
        });
        let files = sent.collect();
        Self {
            script: world.script.clone(),
            story,
            tag: store.tag().to_owned(),
            runs,
            messages: listed.items.iter().map(Told::of).collect(),
            calls: world.provider.calls(),
            suspensions: store.all_suspensions(None, 1000).await.expect("the store answers").items,
            said: world.said(),
            stoppers: world.stoppers.clone(),
            files,
            n_stray: kept.len() + world.shelf.n_unfinished(),
        }
    }

    /// Whether nothing broke.
    pub(crate) fn is_unbroken(&self) -> bool {
        self.script.breaks.is_none()
    }

    /// The run of the campaign.
    pub(crate) fn run(&self) -> &Run {
        self.runs.first().expect("there is one")
    }

    pub(crate) fn message(&self, id: i64) -> &Told {
        self.messages.iter().find(|told| told.id == id).unwrap_or_else(|| panic!("no message {id}\n{}", self.story))
    }

    /// The calls for a message, in order.
    pub(crate) fn calls_of(&self, message: i64) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.message() == message).collect()
    }

    /// The calls to a person over a channel, in order.
    pub(crate) fn calls_to(&self, who: usize, channel: Channel) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.who == who && call.channel == channel).collect()
    }

    /// How often a person was told something over a channel.
    pub(crate) fn times_told(&self, who: usize, channel: Channel) -> usize {
        self.calls_to(who, channel).iter().filter(|call| call.has_told()).count()
    }

    /// How the message of a person in the campaign's own run stands.
    pub(crate) fn standing(&self, who: usize) -> &'static str {
        let run = self.run().id.number();
        let told = self.messages.iter().find(|told| told.who == who && told.run == run);
        told.unwrap_or_else(|| panic!("nobody planned {who}\n{}", self.story)).delivery.state().name()
    }

    /// When it was said.
    pub(crate) fn spans(&self, which: impl Fn(&Said) -> bool) -> impl Iterator<Item = (&Said, &Span)> {
        self.said.iter().filter(move |(said, _)| which(said)).map(|(said, span)| (said, span))
    }

    /// Fails with the whole story.
    #[track_caller]
    pub(crate) fn demand(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n{}", self.story);
    }

    /// Fails with the whole story unless, with nothing broken, it happened like this.
    #[track_caller]
    pub(crate) fn demand_unbroken(&self, holds: bool, what: &str) {
        self.demand(holds || !self.is_unbroken(), what);
    }

    /// Calls of which the provider knows.
    pub(crate) fn reached_provider(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| !matches!(call.became, Became::Lost))
    }
}
