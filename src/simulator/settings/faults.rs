//! What can go wrong, how often, and for which phone numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Millis;

/// Faults by share of all send calls; the shares are tried in the order of the fields and must not exceed 1 in all. Changed at run time with
/// `Simulator::set_faults` or `POST /_simulator/faults`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// HTTP 500 with Meta's error 131000; the message is not accepted.
    pub http_500: f64,
    /// HTTP 503 with an HTML page, as from a proxy; the message is not accepted.
    pub http_503_html: f64,
    /// HTTP 503 with an HTML page although the message *is* accepted and goes out.
    pub http_503_html_after_accept: f64,
    /// The connection is reset; the message is not accepted.
    pub reset_before_accept: f64,
    /// The connection is reset although the message *is* accepted and goes out.
    pub reset_after_accept: f64,
    /// No answer for `stall_for`, then the connection is closed; the message *is* accepted and goes out.
    pub stall: f64,
    /// No answer for `stall_for`, then the connection is closed; the message is not accepted.
    pub stall_before_accept: f64,
    /// HTTP 200 with a JSON text that breaks off; the message *is* accepted and goes out.
    pub malformed_body: f64,
    /// Errors of Meta by their code; the message is not accepted.
    pub errors: Vec<ErrorShare>,
    /// How long a stalled call hangs.
    pub stall_for: Millis,
    /// Whether the access token works.
    pub token: TokenState,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            http_500: 0.0,
            http_503_html: 0.0,
            http_503_html_after_accept: 0.0,
            reset_before_accept: 0.0,
            reset_after_accept: 0.0,
            stall: 0.0,
            stall_before_accept: 0.0,
            malformed_body: 0.0,
            errors: Vec::new(),
            stall_for: Millis::from_secs(120),
            token: TokenState::Valid,
        }
    }
}

impl Faults {
    /// Each fault with its share, in the order in which they are tried.
    pub(in crate::simulator) fn shares(&self) -> impl Iterator<Item = (Fault, f64)> + '_ {
        [
            (Fault::Http500, self.http_500),
            (Fault::Http503Html, self.http_503_html),
            (Fault::Http503HtmlAfterAccept, self.http_503_html_after_accept),
            (Fault::ResetBeforeAccept, self.reset_before_accept),
            (Fault::ResetAfterAccept, self.reset_after_accept),
            (Fault::Stall, self.stall),
            (Fault::StallBeforeAccept, self.stall_before_accept),
            (Fault::MalformedBody, self.malformed_body),
        ]
        .into_iter()
        .chain(self.errors.iter().map(|error| (Fault::Error(error.code), error.share)))
    }

    /// What is wrong with the shares, if anything.
    pub(in crate::simulator) fn problem(&self) -> Option<String> {
        let sum: f64 = self.shares().map(|(_, share)| share).sum();
        if self.shares().any(|(_, share)| !(0.0..=1.0).contains(&share)) {
            Some("each share in `faults` must lie between 0 and 1".to_owned())
        } else if sum > 1.000_001 {
            Some(format!("the shares in `faults` add up to {sum:.3}; together they may not exceed 1"))
        } else {
            None
        }
    }
}

/// One of Meta's errors and how often it is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorShare {
    /// Meta's code, for example 131000.
    pub code: u32,
    /// From 0 to 1.
    pub share: f64,
}

/// Whether the access token works; in every state but `valid` all calls fail alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// It works.
    #[default]
    Valid,
    /// 401 with code 190, subcode 463.
    Expired,
    /// 401 with code 190, subcode 467.
    Revoked,
    /// 403 with code 200: the system user was not given the business account.
    NoAccess,
}

/// One way in which a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// See [`Faults::http_500`].
    #[serde(rename = "http-500")]
    Http500,
    /// See [`Faults::http_503_html`].
    #[serde(rename = "http-503-html")]
    Http503Html,
    /// See [`Faults::http_503_html_after_accept`].
    #[serde(rename = "http-503-html-after-accept")]
    Http503HtmlAfterAccept,
    /// See [`Faults::reset_before_accept`].
    ResetBeforeAccept,
    /// See [`Faults::reset_after_accept`].
    ResetAfterAccept,
    /// See [`Faults::stall`].
    Stall,
    /// See [`Faults::stall_before_accept`].
    StallBeforeAccept,
    /// See [`Faults::malformed_body`].
    MalformedBody,
    /// Meta's error with this code.
    Error(u32),
}

impl Fault {
    /// Whether the message is accepted in spite of the fault.
    pub(in crate::simulator) fn accepts(self) -> bool {
        matches!(self, Self::Http503HtmlAfterAccept | Self::ResetAfterAccept | Self::Stall | Self::MalformedBody)
    }

    /// As it is called in counts.
    pub(in crate::simulator) fn name(self) -> &'static str {
        match self {
            Self::Http500 => "http_500",
            Self::Http503Html => "http_503_html",
            Self::Http503HtmlAfterAccept => "http_503_html_after_accept",
            Self::ResetBeforeAccept => "reset_before_accept",
            Self::ResetAfterAccept => "reset_after_accept",
            Self::Stall => "stall",
            Self::StallBeforeAccept => "stall_before_accept",
            Self::MalformedBody => "malformed_body",
            Self::Error(_) => "error",
        }
    }
}

/// What happens to messages for numbers with a chosen ending, whatever the shares say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every call goes wrong in this way.
    Fault(Fault),
    /// The first call for the number goes wrong in this way, later ones go well.
    FaultOnce(Fault),
    /// Accepted, then the status `failed` with this code.
    Failed(u32),
    /// Accepted, then no status ever: Meta drops a message silently when its time to live runs out.
    Silent,
    /// Accepted and `sent`, never delivered: the phone is off.
    SentOnly,
    /// Delivered, never read.
    DeliveredOnly,
    /// Delivered so long after `sent`, never read: the phone is switched on again.
    DeliveredLate(Millis),
    /// Delivered and read, whatever the shares say.
    Read,
}

/// The endings that mean something unless `builtin_suffixes` is off. The last digits mirror Meta's code where there is one.
///
/// | ending | what happens |
/// |---|---|
/// | 9000 | HTTP 500, error 131000 |
/// | 9001 | accepted, connection reset |
/// | 9002 | not accepted, connection reset |
/// | 9003 | accepted, no answer |
/// | 9004 | not accepted, no answer |
/// | 9005 | HTTP 503 with HTML, not accepted |
/// | 9006 | HTTP 503 with HTML, accepted |
/// | 9007 | accepted, answer breaks off |
/// | 9010, 9011, 9012, 9013, 9014 | like 9000, 9001, 9002, 9130, 9056, but only the first call |
/// | 9020 | accepted, no status ever |
/// | 9021 | sent, never delivered |
/// | 9022 | delivered, never read |
/// | 9023 | always read |
/// | 9026, 9047, 9049, 9050, 9053, 9472 | accepted, then failed 131026, 131047, 131049, 131050, 131053, 130472 |
/// | 9042, 9048, 9056, 9057, 9130, 9031, 9368 | refused with 131042, 131048, 131056, 131057, 130429, 131031, 368 |
/// | 9190, 9100, 9015 | refused with 190, 100, 132015 |
pub fn builtin_suffixes() -> BTreeMap<String, Outcome> {
    use Outcome as O;
    [
        ("9000", O::Fault(Fault::Http500)),
        ("9001", O::Fault(Fault::ResetAfterAccept)),
        ("9002", O::Fault(Fault::ResetBeforeAccept)),
        ("9003", O::Fault(Fault::Stall)),
        ("9004", O::Fault(Fault::StallBeforeAccept)),
        ("9005", O::Fault(Fault::Http503Html)),
        ("9006", O::Fault(Fault::Http503HtmlAfterAccept)),
        ("9007", O::Fault(Fault::MalformedBody)),
        ("9010", O::FaultOnce(Fault::Http500)),
        ("9011", O::FaultOnce(Fault::ResetAfterAccept)),
        ("9012", O::FaultOnce(Fault::ResetBeforeAccept)),
        ("9013", O::FaultOnce(Fault::Error(130_429))),
        ("9014", O::FaultOnce(Fault::Error(131_056))),
        ("9020", O::Silent),
        ("9021", O::SentOnly),
        ("9022", O::DeliveredOnly),
        ("9023", O::Read),
        ("9026", O::Failed(131_026)),
        ("9047", O::Failed(131_047)),
        ("9049", O::Failed(131_049)),
        ("9050", O::Failed(131_050)),
        ("9053", O::Failed(131_053)),
        ("9472", O::Failed(130_472)),
        ("9031", O::Fault(Fault::Error(131_031))),
        ("9042", O::Fault(Fault::Error(131_042))),
        ("9048", O::Fault(Fault::Error(131_048))),
        ("9056", O::Fault(Fault::Error(131_056))),
        ("9057", O::Fault(Fault::Error(131_057))),
        ("9130", O::Fault(Fault::Error(130_429))),
        ("9368", O::Fault(Fault::Error(368))),
        ("9190", O::Fault(Fault::Error(190))),
        ("9100", O::Fault(Fault::Error(100))),
        ("9015", O::Fault(Fault::Error(132_015))),
    ]
    .into_iter()
    .map(|(suffix, outcome)| (suffix.to_owned(), outcome))
    .collect()
}
