//! One code of a provider with what is known about it, out of the tables of the adapters.

use serde::{Serialize, Serializer};

use crate::domain::failure::FailureClass;
use crate::domain::provider_code::Entry;
use crate::fallback::email::replies::{self, Reply};
use crate::fallback::twilio_codes;
use crate::whatsapp::error_codes::{self, Subcode};

/// Whose code it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Provider {
    Meta,
    Twilio,
    Smtp,
}

/// What is known about one code, or about one line of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Explanation {
    pub(super) provider: Provider,
    /// As a person writes it: `131049`, `190/463`, `200-299`, `550 5.1.1`.
    pub(super) code: String,
    /// Whether a table has it.
    pub(super) known: bool,
    pub(super) title: &'static str,
    #[serde(serialize_with = "name")]
    pub(super) class: FailureClass,
    pub(super) meaning: &'static str,
    pub(super) met_in: Vec<&'static str>,
}

fn name<S: Serializer>(class: &FailureClass, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(class.name())
}

impl Provider {
    /// The words by which a person names one.
    pub(super) const NAMES: [&'static str; 4] = ["meta", "whatsapp", "twilio", "smtp"];

    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "meta" | "whatsapp" => Some(Self::Meta),
            "twilio" => Some(Self::Twilio),
            "smtp" => Some(Self::Smtp),
            _ => None,
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Meta => "Meta",
            Self::Twilio => "Twilio",
            Self::Smtp => "SMTP",
        }
    }

    /// Whose code it is when nobody is named: the first who knows it, else Meta.
    pub(super) fn that_knows(code: &str) -> Self {
        let number = code.parse::<i64>().ok();
        let is_reply =
            number.is_some_and(|number| u16::try_from(number).is_ok_and(|n| replies::reply(n, None).is_some()));
        match number {
            Some(number) if error_codes::entry(number).is_some() => Self::Meta,
            Some(number) if twilio_codes::entry(number).is_some() => Self::Twilio,
            Some(_) if is_reply => Self::Smtp,
            None if code.split('.').count() == 3 => Self::Smtp,
            _ => Self::Meta,
        }
    }

    /// What is known about the code that these words name.
    pub(super) fn explain(self, words: &[&str]) -> Result<Explanation, String> {
        let too_many = |word: &str| format!("`{word}` is one word too many after the code; leave it out");
        match (self, words) {
            (_, []) => Err(format!("which code of {}? write it behind", self.title())),
            (Self::Meta, [code]) => match code.split_once('/') {
                Some((code, subcode)) => meta(code, Some(subcode)),
                None => meta(code, None),
            },
            (Self::Meta, [code, subcode]) if !code.contains('/') => meta(code, Some(subcode)),
            (Self::Twilio, [code]) => {
                let number =
                    code.parse().map_err(|_| format!("`{code}` is not a code of Twilio's; they are numbers"))?;
                let known = twilio_codes::entry(number);
                Ok(known.map_or_else(|| unknown(self, code), |entry| of_entry(self, entry, (*code).to_owned())))
            }
            (Self::Smtp, [code]) if code.contains('.') => smtp(None, Some(code)),
            (Self::Smtp, [code]) => smtp(Some(code), None),
            (Self::Smtp, [code, enhanced]) => smtp(Some(code), Some(enhanced)),
            (Self::Meta | Self::Twilio, [_, more, ..]) | (Self::Smtp, [_, _, more, ..]) => Err(too_many(more)),
        }
    }
}

fn meta(code: &str, subcode: Option<&str>) -> Result<Explanation, String> {
    let number: i64 = code.parse().map_err(|_| format!("`{code}` is not a code of Meta's; they are numbers"))?;
    let sub = subcode
        .map(|sub| {
            sub.parse::<i64>().map_err(|_| format!("`{sub}` is not a subcode; they are numbers, as in `190/463`"))
        })
        .transpose()?;
    let written = sub.map_or_else(|| number.to_string(), |sub| format!("{number}/{sub}"));
    if let Some(known) = sub.and_then(|sub| error_codes::subcode(number, sub)) {
        return Ok(of_subcode(known));
    }
    let entry = sub.and_then(|sub| error_codes::creation(number, sub)).or_else(|| error_codes::entry(number));
    Ok(match entry {
        Some(entry) => of_entry(Provider::Meta, entry, written),
        None => unknown(Provider::Meta, &written),
    })
}

fn smtp(code: Option<&str>, enhanced: Option<&str>) -> Result<Explanation, String> {
    let no_reply = |text: &str| format!("`{text}` is not a reply of a mail server; write it as `550` or `550 5.1.1`");
    let number = match code {
        Some(code) => code.parse().ok().filter(|n| (100..600).contains(n)).ok_or_else(|| no_reply(code))?,
        None => 0,
    };
    let is_enhanced =
        |text: &str| text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok());
    if let Some(wrong) = enhanced.filter(|text| !is_enhanced(text)) {
        let told = format!("`{wrong}` is not an enhanced code; they are written as in `5.1.1`");
        return Err(if code.is_some() { told } else { no_reply(wrong) });
    }
    let written = [code, enhanced].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(match replies::reply(number, enhanced) {
        Some(reply) => of_reply(reply, written),
        None => unknown(Provider::Smtp, &written),
    })
}

fn of_entry(provider: Provider, entry: &'static Entry, code: String) -> Explanation {
    Explanation {
        provider,
        code,
        known: true,
        title: entry.title,
        class: entry.class,
        meaning: entry.meaning,
        met_in: entry.paths.iter().map(|path| path.words()).collect(),
    }
}

fn of_subcode(known: &'static Subcode) -> Explanation {
    Explanation {
        provider: Provider::Meta,
        code: format!("{}/{}", known.code, known.subcode),
        known: true,
        title: known.title,
        class: known.class,
        meaning: known.meaning,
        met_in: error_codes::entry(known.code)
            .map(|entry| entry.paths.iter().map(|path| path.words()).collect())
            .unwrap_or_default(),
    }
}

fn of_reply(reply: &'static Reply, code: String) -> Explanation {
    Explanation {
        provider: Provider::Smtp,
        code,
        known: true,
        title: reply.title,
        class: reply.class,
        meaning: reply.meaning,
        met_in: Vec::new(),
    }
}

fn unknown(provider: Provider, code: &str) -> Explanation {
    Explanation {
        provider,
        code: code.to_owned(),
        known: false,
        title: "not in the table of this version",
        class: FailureClass::Unrecognised,
        meaning: "barid does not know this code: it is counted, logged once as an error, and the message goes on to the next channel \
                  or fails; an answer that says itself that it is transient, or a server error (5xx), is tried again instead",
        met_in: Vec::new(),
    }
}

/// Every line of every table, in their order.
pub(super) fn all() -> Vec<Explanation> {
    let entries =
        |provider, table: &'static [Entry]| table.iter().map(move |entry| of_entry(provider, entry, entry.codes()));
    let replies = replies::CODES.iter().chain(replies::ENHANCED);
    entries(Provider::Meta, error_codes::TABLE)
        .chain(error_codes::SUBCODES.iter().map(of_subcode))
        .chain(entries(Provider::Twilio, twilio_codes::TABLE))
        .chain(replies.map(|reply| of_reply(reply, reply.code.to_owned())))
        .collect()
}
