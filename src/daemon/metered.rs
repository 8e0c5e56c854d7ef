//! The ports to providers and to the pace, counted: calls by outcome and duration, waits.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::daemon::catalogue::InForce;
use crate::domain::analysis::Analysis;
use crate::domain::channel::Channel;
use crate::domain::flow::FlowResult;
use crate::domain::hook::delivery::Next;
use crate::domain::ids::{HookName, RunId, SenderName};
use crate::domain::limit::Limit;
use crate::domain::message::{Content, Envelope};
use crate::domain::news::OTHER_KINDS;
use crate::ports::{
    Answer, Applied, Ask, Fallback, Letter, Limits, LimitsUnavailable, MediaBecame, Permit, SenderLimits, SlowDown,
    Tally, Verdict, WhatsApp,
};
use crate::telemetry::Metrics;

/// Counts what passes through a port.
pub(super) struct Metered<P> {
    pub(super) port: P,
    pub(super) metrics: Arc<Metrics>,
}

#[async_trait]
impl<P: WhatsApp> WhatsApp for Metered<Arc<P>> {
    async fn send(&self, envelope: &Envelope, content: &Content) -> Answer {
        let begin = Instant::now();
        let answer = self.port.send(envelope, content).await;
        count(&self.metrics, Channel::Whatsapp, &answer, begin);
        answer
    }

    async fn ask(&self, sender: &SenderName) -> Result<(), String> {
        self.port.ask(sender).await
    }
}

fn count(metrics: &Metrics, channel: Channel, answer: &Answer, begin: Instant) {
    let outcome = match answer {
        Answer::Accepted(_) => "accepted",
        Answer::Refused(_) => "refused",
        Answer::NotSent { .. } => "not-sent",
        Answer::Unanswered { .. } => "unanswered",
    };
    metrics.send_duration.with_label_values(&[outcome]).observe(begin.elapsed().as_secs_f64());
    metrics.count_message(channel, outcome);
    if let Answer::Refused(refusal) = answer {
        metrics.failures.with_label_values(&[refusal.class.name()]).inc();
    }
}

#[async_trait]
impl<P: Fallback> Fallback for Metered<P> {
    fn channel(&self) -> Channel {
        self.port.channel()
    }

    fn price_micros(&self, letter: &Letter) -> i64 {
        self.port.price_micros(letter)
    }

    async fn send(&self, letter: &Letter) -> Answer {
        let begin = Instant::now();
        let answer = self.port.send(letter).await;
        count(&self.metrics, self.port.channel(), &answer, begin);
        answer
    }
}

/// Declares the flows in force.
pub(super) fn declare_flows(in_force: &InForce, metrics: &Metrics) {
    for flow in in_force.answering.iter().flat_map(|rules| &rules.flows) {
        metrics.declare_flow(flow);
    }
}

/// Declares the entries of the schedule.
pub(super) fn declare_jobs(in_force: &InForce, metrics: &Metrics) {
    for entry in in_force.schedule.iter().flatten() {
        metrics.job_last_success.with_label_values(&[entry.name.as_str()]);
    }
}

/// Counts what jobs decide.
pub(super) struct Counted(pub(super) Arc<Metrics>);

impl Tally for Counted {
    fn fell_back(&self, from: Channel, to: Channel) {
        self.0.fallbacks.with_label_values(&[from.name(), to.name()]).inc();
    }

    fn applied(&self, applied: &Applied) {
        let news = |effect, n| self.0.news.with_label_values(&[effect]).inc_by(n);
        news("changed", applied.changed);
        news("unchanged", applied.unchanged);
        news("set-aside", applied.set_aside);
        news("foreign", applied.foreign);
        news("changed", applied.corrected + applied.people);
        for kind in &applied.others {
            let kind = if OTHER_KINDS.contains(kind) { kind } else { "unrecognised" };
            self.0.news_unhandled.with_label_values(&[kind]).inc();
        }
        for refused in &applied.refused {
            let class = refused.refusal.class.name();
            self.0.failures.with_label_values(&[class]).inc();
            // On another channel it is a fallback.
            if applied.held.iter().any(|held| held.id == refused.id && held.channel == refused.channel) {
                self.0.retries.with_label_values(&[class]).inc();
            }
        }
    }

    fn read_feedback(&self, reading: Option<&Analysis>) {
        let language = reading.map_or("none", |reading| reading.language.code());
        let sentiment = reading.and_then(|reading| reading.sentiment).map_or("none", |found| found.label.name());
        self.0.feedback.with_label_values(&[language, sentiment]).inc();
    }

    fn ended_flow(&self, result: &FlowResult) {
        self.0.count_flow(result);
    }

    fn fetched_media(&self, became: &MediaBecame) {
        let outcome = match became {
            MediaBecame::Kept { bytes, .. } => {
                self.0.media_bytes.inc_by(*bytes);
                "kept"
            }
            MediaBecame::Again { .. } => "again",
            MediaBecame::Lost { .. } => "lost",
        };
        self.0.media.with_label_values(&[outcome]).inc();
    }

    fn called_hook(&self, hook: &HookName, next: Next) {
        let outcome = match next {
            Next::Delivered => "delivered",
            Next::Again { .. } => "again",
            Next::GiveUp(_) => "given-up",
        };
        self.0.hook_deliveries.with_label_values(&[hook.as_str(), outcome]).inc();
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
