//! What templates may insert: the contact, the campaign's constants, the brand.

use handlebars::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::domain::campaign::{CampaignValue, CampaignValues, Scalar};
use crate::domain::contact::Contact;
use crate::domain::language::Language;

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    /// The name of the organisation.
    pub name: CampaignValue,
    /// How letters are signed.
    pub signature: CampaignValue,
}

/// The values for one message, in its language. `Debug` shows none of them.
#[derive(Clone)]
pub struct Values {
    language: Language,
    context: Context,
}

impl Values {
    /// What is the same for all messages in that language. Made once; [`Values::with_contact`] makes those of one message of it.
    pub fn new(language: Language, values: &CampaignValues, brand: &Brand) -> Self {
        let mut map: Map<String, Json> =
            values.iter().map(|(name, value)| (name.clone(), json(value.in_language(language)))).collect();
        let who = [("name", &brand.name), ("signature", &brand.signature)]
            .map(|(name, value)| (name.to_owned(), json(value.in_language(language))));
        map.insert("brand".to_owned(), Json::Object(who.into_iter().collect()));
        Self { language, context: Context::from(Json::Object(map)) }
    }

    /// These values and what is known of the contact.
    #[must_use]
    pub fn with_contact(&self, contact: &Contact) -> Self {
        let attributes = contact.attributes.iter().filter(|(_, value)| !value.is_empty());
        let mut known: Map<String, Json> =
            attributes.map(|(name, value)| (name.clone(), Json::String(value.clone()))).collect();
        if let Some(name) = contact.name.as_ref().filter(|name| !name.trim().is_empty()) {
            known.insert("name".to_owned(), Json::String(name.clone()));
        }
        self.with_known_of_contact(known)
    }

    /// These values and what is known of a contact that need not exist.
    #[must_use]
    pub(super) fn with_known_of_contact(&self, known: Map<String, Json>) -> Self {
        let mut values = self.clone();
        values.put("contact", Json::Object(known));
        values
    }

    /// These values with one added or replaced: the tracked form of a link, a reference id.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.put(name, Json::String(value.to_owned()));
        self
    }

    /// These values with a group of them added or replaced: `{{GROUP.NAME}}`.
    #[must_use]
    pub fn with_group(mut self, group: &str, values: impl IntoIterator<Item = (String, String)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name, Json::String(value))).collect();
        self.put(group, Json::Object(values));
        self
    }

    /// The language of the message.
    pub fn language(&self) -> Language {
        self.language
    }

    fn put(&mut self, name: &str, value: Json) {
        if let Json::Object(map) = self.context.data_mut() {
            map.insert(name.to_owned(), value);
        }
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("language", &self.language).finish_non_exhaustive()
    }
}

pub(super) fn json(value: &Scalar) -> Json {
    match value {
        Scalar::Integer(number) => Json::from(*number),
        Scalar::Text(text) => Json::String(text.clone()),
    }
}
