//! Outgoing webhooks: which events there are, who wants which, what an event looks like on the way.
//!
//! | module | owns |
//! |---|---|
//! | `data` | the shape of each event's `data` |
//! | `delivery` | when an event is told again, when no more, and when an endpoint is left alone |
//! | `signature` | secrets and signatures of the Standard Webhooks scheme |

pub mod data;
pub mod delivery;
pub mod signature;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::domain::delivery::State;
use crate::domain::ids::{ContactId, HookEventId, HookName};

/// The version of the envelope and of all `data`. It rises only when something that a receiver may read changes or goes away; fields that
/// are added do not raise it.
pub const VERSION: i64 = 1;

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)*) => {
        /// Something that a webhook can tell. A closed set: what is in no line here is never told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum HookEvent {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl HookEvent {
            /// Every event.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The word in `type`, in the configuration and in the store.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

// A new event is one line here, its shape in `data`, and a call of the store's `outbox::add` where it happens.
events! {
    /// A contact sent something: [`data::FeedbackReceived`].
    FeedbackReceived = "feedback.received";
    /// What somebody sent was read for language, sentiment and category, a while after it was received: [`data::FeedbackRead`].
    FeedbackRead = "feedback.read";
    /// People were called to a conversation, or took it: [`data::EscalationOpened`].
    EscalationOpened = "escalation.opened";
    /// People handed a conversation back, or were silent for too long: [`data::EscalationClosed`].
    EscalationClosed = "escalation.closed";
    /// A conversation that a flow describes came to its end: [`data::FlowCompleted`].
    FlowCompleted = "flow.completed";
    /// What a contact allows changed, other than by an import: [`data::ConsentChanged`].
    ConsentChanged = "consent.changed";
    /// A message failed on every channel: [`data::MessageChanged`].
    MessageFailed = "message.failed";
    /// A message arrived: [`data::MessageChanged`].
    MessageDelivered = "message.delivered";
    /// A message was read: [`data::MessageChanged`].
    MessageRead = "message.read";
    /// Somebody should look at something: [`data::AlertChanged`].
    AlertRaised = "alert.raised";
    /// What somebody should have looked at is over: [`data::AlertChanged`].
    AlertCleared = "alert.cleared";
    /// An operator tries an endpoint: [`data::HookTest`]. Cannot be asked for; goes to that endpoint only.
    HookTest = "hook.test";
}

impl HookEvent {
    /// The event of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Those that an endpoint can ask for.
    pub fn wantable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|event| *event != Self::HookTest)
    }

    /// The event that a message which comes to stand here makes.
    pub const fn of_state(state: State) -> Option<Self> {
        match state {
            State::Failed => Some(Self::MessageFailed),
            State::Delivered => Some(Self::MessageDelivered),
            State::Read => Some(Self::MessageRead),
            _ => None,
        }
    }
}

/// A set of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HookEvents(u32);

impl HookEvents {
    /// Every event that can be asked for.
    pub fn all() -> Self {
        HookEvent::wantable().collect()
    }

    /// Whether the event is in the set.
    pub const fn contains(self, event: HookEvent) -> bool {
        self.0 & (1 << event as u32) != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members in order.
    pub fn iter(self) -> impl Iterator<Item = HookEvent> {
        HookEvent::ALL.into_iter().filter(move |event| self.contains(*event))
    }
}

impl FromIterator<HookEvent> for HookEvents {
    fn from_iter<I: IntoIterator<Item = HookEvent>>(events: I) -> Self {
        Self(events.into_iter().fold(0, |set, event| set | (1 << event as u32)))
    }
}

/// Which endpoint wants which events.
#[derive(Debug, Clone, Default)]
pub struct Subscriptions {
    hooks: Vec<(HookName, HookEvents)>,
    any: HookEvents,
}

impl Subscriptions {
    /// Of these endpoints.
    pub fn new(hooks: Vec<(HookName, HookEvents)>) -> Self {
        let any = HookEvents(hooks.iter().fold(0, |any, (_, events)| any | events.0));
        Self { hooks, any }
    }

    /// Whether anybody wants to hear of it: one look at one bit, for those who are asked thousands of times a second.
    pub const fn wants(&self, event: HookEvent) -> bool {
        self.any.contains(event)
    }

    /// Who wants to hear of it.
    pub fn of(&self, event: HookEvent) -> impl Iterator<Item = &HookName> {
        self.hooks.iter().filter(move |(_, events)| events.contains(event)).map(|(hook, _)| hook)
    }
}

/// Something that has happened and is to be told. `Debug` does not show what.
#[derive(Clone, PartialEq, Eq)]
pub struct NewHookEvent {
    /// What happened.
    pub event: HookEvent,
    /// About whom, so that it can be found when they want to be forgotten.
    pub contact: Option<ContactId>,
    /// When, by our clock.
    pub at: Timestamp,
    /// The envelope's `data`, as JSON.
    pub data: String,
}

impl NewHookEvent {
    /// With one of the shapes of [`data`].
    pub fn new(event: HookEvent, contact: Option<ContactId>, at: Timestamp, data: &impl Serialize) -> Self {
        let data = serde_json::to_string(data).expect("texts, numbers and times are always JSON");
        Self { event, contact, at, data }
    }
}

impl fmt::Debug for NewHookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewHookEvent").field("event", &self.event).field("at", &self.at).finish_non_exhaustive()
    }
}

/// The id of an event as receivers see it: the same at every attempt and replay, and never that of another installation (or of a record
/// that was thrown away), since receivers drop what they have seen. Has no full stop: it is signed between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookId {
    /// The tag of the store that holds the event.
    pub store: String,
    /// Which event.
    pub event: HookEventId,
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event.to_string();
        write!(f, "evt_{}_{}", self.store, event.strip_prefix("evt_").unwrap_or(&event))
    }
}

/// A text that is not the id of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of an event; it looks like `evt_k7q2_0000001b`, as in the header `webhook-id`")]
pub struct NotAWebhookId(String);

impl FromStr for WebhookId {
    type Err = NotAWebhookId;

    fn from_str(text: &str) -> Result<Self, NotAWebhookId> {
        let parts = text.strip_prefix("evt_").and_then(|rest| rest.split_once('_'));
        let (store, event) = parts.ok_or_else(|| NotAWebhookId(text.to_owned()))?;
        let event = format!("evt_{event}").parse().map_err(|_| NotAWebhookId(text.to_owned()))?;
        Ok(Self { store: store.to_owned(), event })
    }
}

/// What is signed and sent: compact JSON, the same bytes at every attempt. `data` is JSON.
pub fn envelope(id: &WebhookId, event: &str, version: i64, at: Timestamp, data: &str) -> String {
    // Names, ids and times have nothing that JSON would escape.
    format!(r#"{{"type":"{event}","version":{version},"id":"{id}","timestamp":"{at}","data":{data}}}"#)
}

/// Tells one address from another without showing it: addresses of endpoints may carry a token.
pub fn fingerprint(url: &str) -> String {
    hex::encode(&Sha256::digest(url.as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_are_full_stop_delimited_words_and_only_tests_cannot_be_asked_for() {
        for event in HookEvent::ALL {
            let name = event.name();
            assert!(
                name.split('.').count() == 2
                    && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_'),
                "{name}"
            );
            assert_eq!(HookEvent::named(name), Some(event));
            assert_eq!(HookEvents::all().contains(event), event != HookEvent::HookTest, "{name}");
        }
        assert!(HookEvent::ALL.len() <= 32, "the set is 32 bits");
    }

    #[test]
    fn nobody_wants_what_nobody_asked_for() {
        let none = Subscriptions::default();
        assert!(HookEvent::ALL.into_iter().all(|event| !none.wants(event)));
        let (crm, voc): (HookName, HookName) = ("crm".parse().unwrap(), "voc".parse().unwrap());
        let some = Subscriptions::new(vec![
            (crm.clone(), [HookEvent::MessageFailed].into_iter().collect()),
            (voc.clone(), HookEvents::all()),
        ]);
        assert!(some.wants(HookEvent::MessageFailed) && some.wants(HookEvent::MessageRead));
        assert!(!some.wants(HookEvent::HookTest));
        assert_eq!(some.of(HookEvent::MessageFailed).collect::<Vec<_>>(), [&crm, &voc]);
        assert_eq!(some.of(HookEvent::FeedbackReceived).collect::<Vec<_>>(), [&voc]);
    }

    #[test]
    fn ids_of_events_come_back_and_name_their_store() {
        let id = WebhookId { store: "k7q2".to_owned(), event: HookEventId::new(43) };
        assert_eq!(id.to_string(), "evt_k7q2_0000001b");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "evt_", "evt_k7q2", "evt_k7q2_", "evt_k7q2_!", "msg_k7q2_0000001b"] {
            assert!(bad.parse::<WebhookId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_envelope_is_json_with_its_data_as_it_was() {
        let id = WebhookId { store: "k7q2".to_owned(), event: HookEventId::new(1) };
        let at = Timestamp::from_millisecond(1_795_348_800_123).unwrap();
        let body = envelope(&id, HookEvent::MessageFailed.name(), VERSION, at, r#"{"text":"قال \"لا\""}"#);
        assert_eq!(
            body,
            "{\"type\":\"message.failed\",\"version\":1,\"id\":\"evt_k7q2_00000001\",\
             \"timestamp\":\"2026-11-22T12:00:00.123Z\",\"data\":{\"text\":\"قال \\\"لا\\\"\"}}"
        );
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["data"]["text"], "قال \"لا\"");
    }
}
