//! `[whatsapp]` and `[[senders]]`: Meta's API and our numbers.

use super::address::WebUrl;
use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::ids::{SenderId, SenderName};
use crate::domain::limit::Tier;
use crate::domain::problem::Place;

/// The name of the sender that `[whatsapp]` makes.
pub const DEFAULT_SENDER: &str = "default";

/// The same as a name.
pub fn default_sender() -> SenderName {
    DEFAULT_SENDER.parse().expect("it is a name")
}

/// Meta's API.
#[derive(Debug, Clone)]
pub struct WhatsApp {
    /// Where the Graph API is.
    pub graph_url: WebUrl,
    /// Such as `v26.0`.
    pub api_version: String,
    /// The app whose secret signs callbacks.
    pub app_id: Option<String>,
    /// Of the sender `default`.
    pub phone_number_id: Option<SenderId>,
    /// The WhatsApp Business account.
    pub business_account_id: Option<String>,
    /// Messages each second at most from one number.
    pub mps: u32,
    /// Meta's messaging limit.
    pub tier: Option<Tier>,
    /// The business portfolio, whose numbers share one messaging limit.
    pub portfolio: Option<String>,
}

impl Read for Tier {
    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Text(text) if text == "unlimited" => Ok(Self::Unlimited),
            NodeValue::Integer(_) => u32::read(node).map(Self::People),
            _ => Err("must be a whole number or \"unlimited\"".to_owned()),
        }
    }
}

/// One of our numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// What we call it.
    pub name: SenderName,
    /// What Meta calls it.
    pub id: SenderId,
    /// The account it belongs to.
    pub business_account_id: Option<String>,
    /// Messages each second at most.
    pub mps: u32,
    /// The business portfolio that it belongs to: as named, else its account.
    pub portfolio: String,
    /// Meta's messaging limit, the same for all numbers of a portfolio.
    pub tier: Option<Tier>,
}

/// The portfolio of numbers for which neither a portfolio nor an account is named.
const DEFAULT_PORTFOLIO: &str = "default";

/// Meta's highest throughput of one number, in messages/s.
/// Source: `/documentation/business-messaging/whatsapp/throughput`, checked 2026-11.
pub const MPS_MAX: u32 = 1000;

impl WhatsApp {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let (graph_url, api_version) = (table.required("graph_url"), table.required::<String>("api_version"));
        if let Some(version) = &api_version
            && !version.strip_prefix('v').and_then(|v| v.split_once('.')).is_some_and(|(a, b)| digits(a) && digits(b))
        {
            table.problem("api_version", format!("`api_version` is `{version}`, but must be like `v26.0`"));
        }
        let (app_id, phone_number_id) = (meta_id(table, "app_id"), table.optional("phone_number_id"));
        let business_account_id = meta_id(table, "business_account_id");
        let (mps, tier, portfolio) = (table.required("mps"), table.optional("tier"), portfolio(table));
        Some(Self {
            graph_url: graph_url?,
            api_version: api_version?,
            app_id,
            phone_number_id,
            business_account_id,
            mps: mps?,
            tier,
            portfolio,
        })
    }

    fn portfolio_of(&self, account: Option<&str>) -> String {
        self.portfolio.as_deref().or(account).unwrap_or(DEFAULT_PORTFOLIO).to_owned()
    }

    /// The sender `default`, if `[whatsapp]` names a number.
    fn sender(&self) -> Option<Sender> {
        Some(Sender {
            name: default_sender(),
            id: self.phone_number_id.clone()?,
            portfolio: self.portfolio_of(self.business_account_id.as_deref()),
            business_account_id: self.business_account_id.clone(),
            mps: self.mps,
            tier: self.tier,
        })
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn meta_id(table: &Table<'_>, key: &'static str) -> Option<String> {
    let id: String = table.optional(key)?;
    if !digits(&id) {
        table.problem(key, format!("`{key}` must be digits only, as shown in Meta's dashboard"));
        return None;
    }
    Some(id)
}

/// A name for people and for keys in Redis.
fn portfolio(table: &Table<'_>) -> Option<String> {
    let name: String = table.optional("portfolio")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        table.problem(
            "portfolio",
            "`portfolio` must be 1 to 64 letters, digits, `-`, `_` or `.`, such as its id in Meta's dashboard"
                .to_owned(),
        );
        return None;
    }
    Some(name)
}

/// Reads `[[senders]]` and puts the sender of `[whatsapp]` before them. Names and numbers must be different.
pub(super) fn senders(table: &Table<'_>, whatsapp: Option<&WhatsApp>) -> Vec<Sender> {
    let read = |sender: &Table<'_>| {
        let (name, id) = (sender.required("name"), sender.required("phone_number_id"));
        let account = meta_id(sender, "business_account_id");
        let mps = sender.or("mps", whatsapp.map_or(1, |whatsapp| whatsapp.mps));
        let tier = sender.optional("tier");
        let account = account.or_else(|| whatsapp?.business_account_id.clone());
        let of_account = || match whatsapp {
            Some(whatsapp) => whatsapp.portfolio_of(account.as_deref()),
            None => account.clone().unwrap_or_else(|| DEFAULT_PORTFOLIO.to_owned()),
        };
        let read = Sender {
            name: name?,
            id: id?,
            portfolio: portfolio(sender).unwrap_or_else(of_account),
            business_account_id: account,
            mps: mps?,
            tier,
        };
        Some((sender.place().clone(), read))
    };
    let listed: Vec<(Place, Sender)> = table.tables("senders", read).into_iter().flatten().collect();
    let mut senders: Vec<Sender> = whatsapp.and_then(WhatsApp::sender).into_iter().collect();
    for (place, sender) in listed {
        if senders.iter().any(|known| known.name == sender.name) {
            table.note(place.problem(format!(
                "there are two senders called `{}`; `[whatsapp] phone_number_id` makes the one called `{DEFAULT_SENDER}`",
                sender.name
            )));
        } else if senders.iter().any(|known| known.id == sender.id) {
            table.note(place.problem(format!("the sender `{}` has the phone number id of another one", sender.name)));
        } else {
            let other = senders.iter().find(|known| {
                known.portfolio == sender.portfolio && known.tier.zip(sender.tier).is_some_and(|(one, two)| one != two)
            });
            if let Some((other, (one, two))) = other.and_then(|other| Some((other, other.tier.zip(sender.tier)?))) {
                table.note(place.problem(format!(
                    "the senders `{}` and `{}` belong to the portfolio `{}`, which has one tier, but have {} and {}; give both the same, \
                     or each the `portfolio` that it belongs to",
                    other.name, sender.name, sender.portfolio, one, two
                )));
            }
            senders.push(sender);
        }
    }
    // What one number of a portfolio says holds for all of it.
    let tiers: Vec<Option<Tier>> = senders
        .iter()
        .map(|sender| senders.iter().find_map(|other| other.tier.filter(|_| other.portfolio == sender.portfolio)))
        .collect();
    for (sender, tier) in senders.iter_mut().zip(tiers) {
        sender.tier = tier.or_else(|| whatsapp?.tier);
    }
    senders
}
