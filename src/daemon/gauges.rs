//! Gauges that are read from store and queues, again and again while the service runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::ports::Services;
use crate::queue::lane::{Lane, Lanes};
use crate::telemetry::Metrics;

/// Between two readings: below the usual interval of scraping.
const PAUSE: Duration = Duration::from_secs(1);

/// Refreshes until `stop`. What cannot be read keeps its last value; the loops that need it say why.
pub(super) async fn refreshing(
    services: Services,
    lanes: Lanes,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        refresh(&services, &lanes, &metrics).await;
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn refresh(services: &Services, lanes: &Lanes, metrics: &Metrics) {
    for lane in [Lane::Sending, Lane::Retries, Lane::News] {
        if let Ok(depth) = lanes.depth(lane).await {
            let waiting = depth.ready + depth.delayed + depth.leased;
            metrics.queue_depth.with_label_values(&[lane.name()]).set(i64::try_from(waiting).unwrap_or(i64::MAX));
            let oldest = depth.oldest.unwrap_or_default().as_secs_f64();
            metrics.queue_oldest.with_label_values(&[lane.name()]).set(oldest);
        }
    }
    if let Ok(unknown) = services.store.unknown_count().await {
        metrics.unknown_messages.set(i64::try_from(unknown).unwrap_or(i64::MAX));
    }
    if let Ok((lag, waiting)) = services.store.lag(services.clock.now()).await {
        metrics.news_lag.set(lag.as_secs_f64());
        metrics.news_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}
