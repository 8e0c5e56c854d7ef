//! What is told about a person who wrote nothing.

use jiff::Timestamp;

use crate::domain::ids::{SenderId, WhatsAppId};

/// Something is told about a person. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonNews {
    /// Which of our WhatsApp numbers was told.
    pub sender: Option<SenderId>,
    /// The provider's id of what was told, where it has one: the same is told again now and then, for days.
    pub whatsapp_id: Option<WhatsAppId>,
    /// The number under which we know the person, in E.164, unless it is withheld.
    pub phone: Option<String>,
    /// The business-scoped user id under which we know the person.
    pub bsuid: Option<String>,
    /// When it happened, by the provider's clock.
    pub provider_at: Timestamp,
    /// What happened.
    pub change: PersonChange,
}

impl std::fmt::Debug for PersonNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonNews").field("change", &self.change).finish_non_exhaustive()
    }
}

/// What is told about a person.
#[derive(Clone, PartialEq, Eq)]
pub enum PersonChange {
    /// The person has another phone number.
    Number {
        /// The new one, in E.164.
        phone: String,
    },
    /// The person has another business-scoped user id.
    UserId {
        /// The new one.
        bsuid: String,
    },
    /// The person wants no marketing any more, or wants it again: said with the provider's own control.
    Marketing {
        /// Whether it may be sent.
        may_send: bool,
        /// The provider's words about it.
        detail: String,
    },
}

impl PersonChange {
    /// The word in the store and in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Number { .. } => "number",
            Self::UserId { .. } => "user-id",
            Self::Marketing { may_send: true, .. } => "marketing-resumed",
            Self::Marketing { may_send: false, .. } => "marketing-stopped",
        }
    }
}

impl std::fmt::Debug for PersonChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
