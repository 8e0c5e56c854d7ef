//! A person we may write to.

use std::collections::BTreeMap;

use crate::domain::consent::{Consent, ConsentChange};
use crate::domain::ids::ContactId;
use crate::domain::language::Language;
use crate::domain::phone_number::PhoneNumber;

/// What we know of a person. `Debug` shows no personal data, because that is what ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Our id.
    pub id: ContactId,
    /// The number, unless Meta withholds it.
    pub phone: Option<PhoneNumber>,
    /// Meta's business-scoped user id, where one was seen.
    pub bsuid: Option<String>,
    /// The name as imported or as the person's profile shows it.
    pub name: Option<String>,
    /// The language to write in.
    pub language: Language,
    /// IANA name of the time zone.
    pub timezone: String,
    /// For the e-mail channel.
    pub email: Option<String>,
    /// Labels that audiences select by.
    pub tags: Vec<String>,
    /// Free columns of the import, by name.
    pub attributes: BTreeMap<String, String>,
    /// What they allow now.
    pub consent: Consent,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).field("language", &self.language).finish_non_exhaustive()
    }
}

/// One row of an import or of an API call: what to set on the contact with that number, new or known.
///
/// `None` leaves what is there; a new contact gets the default in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactUpdate {
    /// The key.
    pub phone: PhoneNumber,
    /// New name.
    pub name: Option<String>,
    /// New language.
    pub language: Option<Language>,
    /// New time zone, IANA name, already checked. A new contact without one gets `timezone_of_number`.
    pub timezone: Option<String>,
    /// The zone that the number itself suggests.
    pub timezone_of_number: String,
    /// New e-mail address.
    pub email: Option<String>,
    /// Replaces the tags.
    pub tags: Option<Vec<String>>,
    /// Merged into the attributes: a name given here replaces its old value, others stay.
    pub attributes: BTreeMap<String, String>,
    /// The change of consent, with its evidence.
    pub consent: Option<ConsentChange>,
}

impl std::fmt::Debug for ContactUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContactUpdate").field("phone", &self.phone).finish_non_exhaustive()
    }
}
