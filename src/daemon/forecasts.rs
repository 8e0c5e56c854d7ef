//! When a run will be through: what the record and the limits say, put together.

use crate::domain::campaign::Campaign;
use crate::domain::forecast::{Outlook, TierLeft, forecast};
use crate::domain::run::Run;
use crate::http::{ForecastSummary, StateCounts};
use crate::ports::{SenderLimits, Services};

/// The forecast of a run that goes on; `None`: it is paused or over, nothing waits, or the limits cannot be asked now.
pub(super) async fn of(services: &Services, run: &Run, counts: &StateCounts) -> Option<ForecastSummary> {
    let waiting = counts.planned + counts.queued + counts.held;
    if waiting == 0 || !run.state.sends() {
        return None;
    }
    let campaign: Campaign = serde_json::from_str(&run.definition).ok()?;
    let standing = services.limits.standing().await.ok()?;
    let sender = standing.iter().find(|sender| sender.sender == campaign.sender)?;
    let paid_for = match &campaign.budget {
        Some(budget) => {
            let spent = services.store.cost_micros(run.id).await.ok()?;
            // As those that arrived have cost on the average: prices differ by country, and some are free.
            let arrived = i64::try_from(counts.delivered + counts.read).unwrap_or(i64::MAX);
            let flat = services.catalogue.price_micros(&campaign);
            let price = if spent > 0 && arrived > 0 { (spent / arrived).max(1) } else { flat };
            (price > 0).then(|| u64::try_from((budget.micros - spent).max(0) / price).unwrap_or(0))
        }
        None => None,
    };
    let outlook = Outlook {
        waiting,
        number_rate: sender.mps_now,
        run_rate: campaign.delivery.rate,
        tier: left(sender),
        paid_for,
    };
    Some(forecast(&outlook, services.clock.now()).into())
}

fn left(sender: &SenderLimits) -> Option<TierLeft> {
    let tier = u64::from(sender.tier?);
    Some(TierLeft { left: tier.saturating_sub(sender.tier_used), returns: sender.tier_returns.clone() })
}
