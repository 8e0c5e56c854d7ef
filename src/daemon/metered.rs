//! The ports to Meta and to the pace, counted: calls by outcome and duration, waits.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::{RunId, SenderName};
use crate::domain::limit::Limit;
use crate::domain::message::{Content, Envelope};
use crate::ports::{Answer, Ask, Limits, LimitsUnavailable, Permit, SenderLimits, SlowDown, Verdict, WhatsApp};
use crate::telemetry::Metrics;

/// Counts what passes through a port.
pub(super) struct Metered<P> {
    pub(super) port: P,
    pub(super) metrics: Arc<Metrics>,
}

#[async_trait]
impl<P: WhatsApp> WhatsApp for Metered<P> {
    async fn send(&self, envelope: &Envelope, content: &Content) -> Answer {
        let begin = Instant::now();
        let answer = self.port.send(envelope, content).await;
        let outcome = match &answer {
            Answer::Accepted(_) => "accepted",
            Answer::Refused(_) => "refused",
            Answer::NotSent { .. } => "not-sent",
            Answer::Unanswered { .. } => "unanswered",
        };
        self.metrics.send_duration.with_label_values(&[outcome]).observe(begin.elapsed().as_secs_f64());
        self.metrics.count_message(outcome);
        if let Answer::Refused(refusal) = &answer {
            self.metrics.failures.with_label_values(&[refusal.class.name()]).inc();
        }
        answer
    }

    async fn ask(&self, sender: &SenderName) -> Result<(), String> {
        self.port.ask(sender).await
    }
}

#[async_trait]
impl<P: Limits> Limits for Metered<P> {
    async fn permit(&self, ask: &Ask) -> Verdict {
        let begin = Instant::now();
        let verdict = self.port.permit(ask).await;
        let limit = match &verdict {
            Verdict::Granted(_) => "granted",
            Verdict::Refused { limit, .. } => limit.name(),
        };
        self.metrics.limit_wait.with_label_values(&[limit]).observe(begin.elapsed().as_secs_f64());
        verdict
    }

    async fn leave(&self, ask: &Ask, permit: &Permit) {
        self.port.leave(ask, permit).await;
    }

    async fn give_back(&self, ask: &Ask, permit: Permit) {
        self.port.give_back(ask, permit).await;
    }

    async fn slow_down(&self, what: &SlowDown) {
        self.port.slow_down(what).await;
    }

    fn full(&self, sender: &SenderName, run: RunId, now: Timestamp) -> Option<(Limit, Timestamp)> {
        self.port.full(sender, run, now)
    }

    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable> {
        self.port.standing().await
    }
}
