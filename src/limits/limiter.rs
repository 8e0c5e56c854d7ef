//! The port: which desks a message asks, and its way out.
//!
//! Over WhatsApp everything is asked at the desk of its number's portfolio, at once. Over another channel the budget and the rate of its
//! run are asked there, and then a slot of the channel at a desk that all portfolios share, because the account at the other provider is
//! one. The rate is asked there again: so the slots of a run are as far apart as it wants, however long they stood in the channel's line.
//!
//! What the whole installation may spend is counted with everything else where there is one portfolio. Several cannot be asked in one step, so
//! then it has a desk of its own, which is asked second; what was granted first goes back when that refuses.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::desk::{Desk, DeskSettings, Told, Waiting, Wish, given_back, line_of};
use super::script::{RunLimits, SPAN_PARTS, Shared};
use super::shift::Shift;
use super::sight::Sight;
use super::{Redis, Settings};
use crate::domain::channel::Channel;
use crate::domain::ids::{RunId, SenderName};
use crate::domain::limit::{Limit, TIER_SPAN, Urgency};
use crate::ports::{Ask, Clock, LimitFactsOf, Limits, LimitsUnavailable, Permit, SenderLimits, SlowDown, Verdict};

/// How long [`Limits::standing`] waits for Redis.
const STANDING_WITHIN: Duration = Duration::from_secs(2);
/// Where the paces of other channels are kept. No portfolio of the configuration can have this name.
const CHANNELS: &str = ":channels";
/// Where it is kept what the whole installation spends, if there are several portfolios.
const INSTALLATION: &str = ":installation";

/// One portfolio, as this process sees it.
struct Portfolio {
    settings: DeskSettings,
    shared: Shared,
    sight: Arc<Sight>,
    desk: mpsc::UnboundedSender<Told>,
    shifts: Vec<Mutex<Shift>>,
}

/// Limits that hold across all processes with the same Redis and record.
pub struct Limiter {
    portfolios: Vec<Portfolio>,
    /// The channels that have a pace, as numbers of a portfolio that they share.
    channels: Option<(Portfolio, Vec<Channel>)>,
    /// Where it is counted what all portfolios spend together, if they are several and it is capped.
    installation: Option<Portfolio>,
    /// Portfolio and number of each sender.
    places: HashMap<SenderName, (usize, usize)>,
    clock: Arc<dyn Clock>,
}

impl Limiter {
    /// Opens a desk for each portfolio and one for the other channels; they end when the limiter is dropped. Must be called within a
    /// runtime.
    pub fn start(redis: &Redis, facts: &Arc<dyn LimitFactsOf>, clock: &Arc<dyn Clock>, settings: Settings) -> Self {
        let shares_workers = settings.senders.len() > 1;
        let mut by_portfolio: BTreeMap<String, Vec<super::Sender>> = BTreeMap::new();
        for sender in settings.senders {
            by_portfolio.entry(sender.portfolio.clone()).or_default().push(sender);
        }
        let caps = settings.caps.clone().filter(|caps| !caps.is_empty()).map(Arc::new);
        let is_one = by_portfolio.len() == 1;
        let open = |name: &str, senders: Vec<(SenderName, u32)>, tier, shares_workers, caps| {
            let shared = Shared::new(redis.clone(), &settings.namespace, name);
            let name: Arc<str> = name.into();
            let sight = Arc::new(Sight::new(senders.iter().map(|(_, mps)| *mps)));
            let (desk, told) = mpsc::unbounded_channel();
            let n = senders.len();
            let desk_settings = DeskSettings {
                portfolio: name,
                senders,
                tier,
                caps,
                rebuild_every: settings.rebuild_every,
                shares_workers,
            };
            let back = desk.downgrade();
            let (facts, clock) = (Arc::clone(facts), Arc::clone(clock));
            let settings = desk_settings.clone();
            tokio::spawn(Desk::new(desk_settings, shared.clone(), facts, clock, Arc::clone(&sight), told, back).run());
            let shifts = (0..n).map(|_| Mutex::default()).collect();
            Portfolio { settings, shared, sight, desk, shifts }
        };
        let mut places = HashMap::new();
        let mut portfolios = Vec::new();
        for (name, members) in by_portfolio {
            for (number, sender) in members.iter().enumerate() {
                places.insert(sender.name.clone(), (portfolios.len(), number));
            }
            let tier = members.iter().filter_map(|sender| sender.tier).max();
            let senders = members.into_iter().map(|sender| (sender.name, sender.mps.max(1))).collect();
            portfolios.push(open(&name, senders, tier, shares_workers, caps.clone().filter(|_| is_one)));
        }
        let installation = caps.filter(|_| !is_one).map(|caps| open(INSTALLATION, Vec::new(), None, true, Some(caps)));
        let (channels, lines): (Vec<_>, Vec<_>) =
            settings.channels.iter().map(|(channel, mps)| (*channel, (line_of(*channel), (*mps).max(1)))).unzip();
        // All of them share the workers of one lane.
        let channels = (!channels.is_empty()).then(|| (open(CHANNELS, lines, None, true, None), channels));
        Self { portfolios, channels, installation, places, clock: Arc::clone(clock) }
    }

    /// The portfolio of a sender and its number. A sender that the configuration no longer has is bound by its runs only; their counts
    /// are kept with the first portfolio, the same in every process.
    fn place(&self, sender: &SenderName) -> Option<(&Portfolio, Option<usize>)> {
        match self.places.get(sender) {
            Some((portfolio, number)) => Some((&self.portfolios[*portfolio], Some(*number))),
            None => Some((self.portfolios.first()?, None)),
        }
    }

    /// What it needs; `None`: nothing binds it.
    fn wish(&self, ask: &Ask) -> Option<(&Portfolio, Wish)> {
        let (portfolio, number) = self.place(&ask.sender)?;
        let number = number.filter(|_| ask.channel == Channel::Whatsapp);
        let run = ask.run.map(|run| RunLimits { run, rate: ask.rate, budget_micros: ask.budget_micros });
        let run = run.filter(|run| run.rate.is_some() || run.budget_micros.is_some() || number.is_some());
        let spends = portfolio.settings.caps.is_some() && ask.price_micros > 0;
        if number.is_none() && run.is_none() && !spends {
            return None;
        }
        let wish = Wish {
            message: ask.message,
            contact: ask.contact,
            number,
            urgency: ask.urgency,
            takes_pair: number.is_some(),
            counts_for_tier: ask.counts_for_tier && number.is_some() && portfolio.settings.tier.is_some(),
            run,
            price_micros: ask.price_micros.max(0),
        };
        Some((portfolio, wish))
    }

    /// What it spends of what all portfolios may spend together.
    fn spending(&self, ask: &Ask) -> Option<(&Portfolio, Wish)> {
        let installation = self.installation.as_ref().filter(|_| ask.price_micros > 0)?;
        let run = ask.run.map(|run| RunLimits { run, rate: None, budget_micros: None });
        let wish = Wish {
            message: ask.message,
            contact: ask.contact,
            number: None,
            urgency: ask.urgency,
            takes_pair: false,
            counts_for_tier: false,
            run,
            price_micros: ask.price_micros,
        };
        Some((installation, wish))
    }

    /// A share of what all portfolios may spend together, for a message that has everything of its own portfolio.
    async fn paid_for(&self, ask: &Ask, permit: Permit) -> Verdict {
        let Some((installation, wish)) = self.spending(ask) else { return Verdict::Granted(permit) };
        let taken = Taken { limiter: self, ask, permit: Some(permit) };
        match asked(installation, wish).await {
            Verdict::Granted(share) => {
                let mut permit = taken.keep();
                permit.fences.extend(share.fences);
                permit.spends_on = share.spends_on;
                Verdict::Granted(permit)
            }
            refused @ Verdict::Refused { .. } => refused,
        }
    }

    /// Whose slots it takes: those of its number, or of its channel where that has a pace.
    fn pace(&self, ask: &Ask) -> Option<(&Portfolio, usize)> {
        if ask.channel == Channel::Whatsapp {
            let (portfolio, number) = self.place(&ask.sender)?;
            return Some((portfolio, number?));
        }
        let (portfolio, channels) = self.channels.as_ref()?;
        Some((portfolio, channels.iter().position(|channel| *channel == ask.channel)?))
    }

    /// A slot in place of one that was lost, and nothing else.
    async fn slot_again(&self, ask: &Ask) -> Option<Instant> {
        let (portfolio, number) = self.pace(ask)?;
        match asked(portfolio, Wish { urgency: Urgency::Reply, ..slot_of(ask, number) }).await {
            Verdict::Granted(permit) => permit.leave_at,
            // The account was put to rest after the mark: the call tells whether it is so.
            Verdict::Refused { .. } => None,
        }
    }

    /// A slot of its channel for a message that has everything else.
    async fn paced(&self, ask: &Ask, permit: Permit) -> Verdict {
        if ask.channel == Channel::Whatsapp {
            return Verdict::Granted(permit);
        }
        let Some((channels, number)) = self.pace(ask) else { return Verdict::Granted(permit) };
        let run = ask.run.filter(|_| ask.rate.is_some());
        let run = run.map(|run| RunLimits { run, rate: ask.rate, budget_micros: None });
        // It may stand in line for seconds, and its job may end meanwhile.
        let taken = Taken { limiter: self, ask, permit: Some(permit) };
        match asked(channels, Wish { run, ..slot_of(ask, number) }).await {
            Verdict::Granted(slot) => Verdict::Granted(Permit { leave_at: slot.leave_at, ..taken.keep() }),
            Verdict::Refused { limit: Limit::Number, until } => Verdict::Refused { limit: Limit::Channel, until },
            refused @ Verdict::Refused { .. } => refused,
        }
    }

    fn send_back(&self, ask: &Ask, permit: &Permit) {
        for (portfolio, wish) in self.wish(ask).into_iter().chain(self.spending(ask)) {
            if let Some(item) = given_back(&wish, permit, &portfolio.settings) {
                // A desk that has ended counts no more.
                let _ = portfolio.desk.send(Told::GiveBack(item));
            }
        }
    }
}

/// What a message was granted that still waits for its channel; it goes back unless it is kept.
struct Taken<'a> {
    limiter: &'a Limiter,
    ask: &'a Ask,
    permit: Option<Permit>,
}

impl Taken<'_> {
    fn keep(mut self) -> Permit {
        self.permit.take().unwrap_or(Permit::FREE)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.limiter.send_back(self.ask, &permit);
        }
    }
}

/// A slot, and nothing else.
fn slot_of(ask: &Ask, number: usize) -> Wish {
    Wish {
        message: ask.message,
        contact: ask.contact,
        number: Some(number),
        urgency: ask.urgency,
        takes_pair: false,
        counts_for_tier: false,
        run: None,
        price_micros: 0,
    }
}

async fn asked(portfolio: &Portfolio, wish: Wish) -> Verdict {
    loop {
        let (answer, answered) = oneshot::channel();
        if portfolio.desk.send(Told::Ask(Waiting { wish: wish.clone(), answer })).is_err() {
            break;
        }
        // An answer that was dropped was lost with its round.
        if let Ok(answer) = answered.await
            && let Some(verdict) = answer.take()
        {
            return verdict;
        }
    }
    // The desk has ended, so the process does: nothing leaves without limits.
    std::future::pending().await
}

#[async_trait]
impl Limits for Limiter {
    async fn permit(&self, ask: &Ask) -> Verdict {
        let own = match self.wish(ask) {
            Some((portfolio, wish)) => asked(portfolio, wish).await,
            None => Verdict::Granted(Permit::FREE),
        };
        let paid_for = match own {
            Verdict::Granted(permit) => self.paid_for(ask, permit).await,
            refused @ Verdict::Refused { .. } => refused,
        };
        match paid_for {
            Verdict::Granted(permit) => self.paced(ask, permit).await,
            refused @ Verdict::Refused { .. } => refused,
        }
    }

    async fn leave(&self, ask: &Ask, permit: &Permit) {
        let Some(slot) = permit.leave_at else { return };
        let place = self.pace(ask).and_then(|(portfolio, number)| portfolio.shifts.get(number));
        let leave_at = match place {
            // Few, and not to be kept waiting by what stalled before them.
            Some(_) if ask.urgency != Urgency::Bulk => Some(slot),
            Some(shift) => shift.lock().unwrap_or_else(PoisonError::into_inner).leave_at(slot, Instant::now()),
            None => Some(slot),
        };
        let leave_at = match leave_at {
            Some(leave_at) => Some(leave_at),
            None => self.slot_again(ask).await,
        };
        if let Some(leave_at) = leave_at {
            tokio::time::sleep_until(leave_at).await;
        }
    }

    async fn give_back(&self, ask: &Ask, permit: Permit) {
        self.send_back(ask, &permit);
    }

    async fn slow_down(&self, what: &SlowDown) {
        let portfolio = match what {
            SlowDown::Number(sender) | SlowDown::Pair(sender, _) | SlowDown::Account(sender, _) => {
                self.place(sender).and_then(|(portfolio, number)| number.map(|_| portfolio))
            }
            SlowDown::Channel(channel) => {
                let paced = self.channels.as_ref().filter(|(_, channels)| channels.contains(channel));
                paced.map(|(portfolio, _)| portfolio)
            }
        };
        if let Some(portfolio) = portfolio {
            // A desk that has ended counts no more.
            let _ = portfolio.desk.send(Told::Slow(what.clone()));
        }
    }

    fn full(&self, sender: &SenderName, run: RunId, now: Timestamp) -> Option<(Limit, Timestamp)> {
        let (portfolio, number) = self.place(sender)?;
        let shared = || self.installation.as_ref()?.sight.full(None, run, now);
        portfolio.sight.full(number, run, now).or_else(shared)
    }

    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable> {
        let now = self.clock.now();
        let mut all = Vec::with_capacity(self.places.len());
        for portfolio in &self.portfolios {
            let names: Vec<SenderName> = portfolio.settings.senders.iter().map(|(name, _)| name.clone()).collect();
            let standing = tokio::time::timeout(STANDING_WITHIN, portfolio.shared.standing(&names)).await;
            let standing = match standing {
                Ok(Ok(standing)) => standing,
                Ok(Err(error)) => return Err(LimitsUnavailable(Box::new(error))),
                Err(late) => return Err(LimitsUnavailable(Box::new(late))),
            };
            let part = TIER_SPAN / i32::try_from(SPAN_PARTS).unwrap_or(1);
            let returns = standing.returns.iter().zip(1..).filter(|(n, _)| **n > 0).map(|(n, nth)| {
                let at = now.saturating_add(part * nth).unwrap_or(Timestamp::MAX);
                (at, u64::try_from(*n).unwrap_or(0))
            });
            let returns: Vec<(Timestamp, u64)> = returns.collect();
            for ((sender, mps), factor) in portfolio.settings.senders.iter().zip(&standing.factors) {
                #[expect(clippy::cast_precision_loss, reason = "there are sixteen of them")]
                let mps_now = f64::from(*mps) * *factor as f64 / 16.0;
                all.push(SenderLimits {
                    sender: sender.clone(),
                    mps: *mps,
                    mps_now,
                    portfolio: portfolio.settings.portfolio.to_string(),
                    tier: portfolio.settings.tier,
                    tier_used: u64::try_from(standing.people).unwrap_or(0),
                    tier_returns: returns.clone(),
                });
            }
        }
        Ok(all)
    }
}
