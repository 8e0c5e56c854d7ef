//! The ports to Meta and to the pace, counted: calls by outcome and duration, waits.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use crate::domain::ids::{RunId, SenderName};
use crate::domain::message::{Content, Envelope};
use crate::ports::{Answer, Limits, WhatsApp};
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
}

#[async_trait]
impl<P: Limits> Limits for Metered<P> {
    async fn permit(&self, sender: &SenderName, run: Option<(RunId, u32)>) {
        let begin = Instant::now();
        self.port.permit(sender, run).await;
        let limit = if run.is_some() { "run" } else { "sender" };
        self.metrics.limit_wait.with_label_values(&[limit]).observe(begin.elapsed().as_secs_f64());
    }
}
