//! `[contacts]`, `[links]` and `[brand]`: whom we write to, where links may lead, who speaks.

use crate::domain::campaign::CampaignValue;
use crate::domain::country::CountryCode;
use crate::domain::document::{Node, Read, Table};
use crate::domain::language::Language;
use crate::domain::link::AllowedHosts;
use crate::domain::schedule::Zone;
use crate::domain::template::Brand;

/// What is assumed of people.
#[derive(Debug, Clone)]
pub struct Contacts {
    /// How national numbers are read: an ISO 3166 code in capitals.
    pub default_country: Option<CountryCode>,
    /// Of people whose language is not known.
    pub default_language: Language,
    /// Of numbers that suggest no time zone.
    pub default_timezone: Zone,
}

impl Contacts {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let (language, zone) = (table.required("default_language"), table.required("default_timezone"));
        Some(Self {
            default_country: table.optional("default_country"),
            default_language: language?,
            default_timezone: zone?,
        })
    }
}

impl Read for CountryCode {
    fn read(node: &Node) -> Result<Self, String> {
        let text = String::read(node)?;
        text.parse().map_err(|_| format!("is `{text}`, but must be a code such as `SA`"))
    }
}

impl Read for Language {
    fn read(node: &Node) -> Result<Self, String> {
        crate::domain::document::one_of(node, Self::ALL, Self::code)
    }
}

pub(super) fn allowed_hosts(table: &Table<'_>) -> Option<AllowedHosts> {
    AllowedHosts::new(table.required("allowed_hosts")?)
        .map_err(|wrong| table.problem("allowed_hosts", format!("`allowed_hosts`: {wrong}")))
        .ok()
}

pub(super) fn brand(table: &Table<'_>) -> Option<Brand> {
    let (name, signature): (Option<CampaignValue>, _) = (table.required("name"), table.required("signature"));
    Some(Brand { name: name?, signature: signature? })
}
