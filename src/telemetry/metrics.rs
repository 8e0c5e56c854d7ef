//! Every metric of this service, declared once with its help. Counters count here; gauges of queues and of the store are set by
//! whoever refreshes them.
//!
//! Names have the prefix `barid_`, the unit at the end and `_total` for counters. Labels come from closed sets only, and every
//! combination is there from the start at zero, so that "none yet" differs from "not measured". Never a phone number, an id or a
//! text in a label.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

use crate::domain::alert::{AlertKind, Severity};
use crate::domain::channel::Channel;
use crate::domain::failure::FailureClass;
use crate::domain::flow::{Answer, Flow, FlowResult, FlowStep, QuestionKind, ResultState};
use crate::domain::limits_check::Quality;
use crate::domain::news::{OTHER_KINDS, Source};
use crate::domain::pricing::PriceCategory;
use crate::domain::standing_job::StandingJob;
use crate::domain::suspension::{Cause, Scope};

/// The channels that there are.
pub const CHANNELS: [&str; Channel::ALL.len()] = channels();
/// Who posts callbacks beside Meta.
pub const SOURCES: [&str; 3] = ["twilio-status", "twilio-inbound", "email-bounce"];
/// How such a callback can end.
pub const CALLBACK_RESULTS: [&str; 6] =
    ["kept", "not-genuine", "too-large", "slowed-down", "cut-off", "store-unavailable"];
/// What a call to a provider can end in.
pub const CALL_OUTCOMES: [&str; 4] = ["accepted", "refused", "not-sent", "unanswered"];
/// How a webhook request can end.
pub const WEBHOOK_RESULTS: [&str; 8] =
    ["kept", "verified", "bad-token", "bad-signature", "too-large", "slowed-down", "cut-off", "store-unavailable"];
/// The queues that there are.
pub const QUEUES: [&str; 8] = ["replies", "sending", "retries", "fallbacks", "news", "media", "hooks", "control"];
/// The jobs of the queues; the standing ones come beside them.
const QUEUE_JOBS: [&str; 8] =
    ["run-campaign", "send-message", "feed", "fire", "apply-news", "sweep", "deliver-hook", "fetch-media"];
/// The languages in which feedback may be written, as readers name them.
pub const LANGUAGES: [&str; 6] = ["ar", "en", "mixed", "ar-Latn", "other", "none"];
/// What senders of feedback feel, as readers name it.
pub const SENTIMENTS: [&str; 4] = ["positive", "neutral", "negative", "none"];
/// What a call of an endpoint of our webhooks can end in.
pub const HOOK_OUTCOMES: [&str; 3] = ["delivered", "again", "given-up"];
/// What a try to fetch a file can end in.
pub const MEDIA_OUTCOMES: [&str; 3] = ["kept", "again", "lost"];
/// The limits that a message may wait for.
pub const LIMITS: [&str; 9] =
    ["granted", "number", "pair", "tier", "rate", "budget", "day-budget", "month-budget", "account"];

/// From half a millisecond to a minute: what calls and jobs take.
const SECONDS_BUCKETS: [f64; 16] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// From a tenth of a second to a day: how late things are.
const LATENESS_BUCKETS: [f64; 12] =
    [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $type:ty = $make:ident($name:literal $(, $argument:expr)*);)*) => {
        /// The handles. Whoever counts is given a clone of the one `Arc` that holds them.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $field: $type,)*
        }

        impl Metrics {
            /// Declares all of them, at zero.
            pub fn new() -> Self {
                let registry = Registry::new();
                $(let $field = registered(&registry, $make($name, concat!($($help),+).trim() $(, $argument)*));)*
                Self { registry, $($field,)* }
            }
        }
    };
}

metrics! {
    /// Messages by channel and by what the call for them ended in; where they stand since is asked of the record.
    messages: IntCounterVec = counters("barid_messages_total", &[("channel", &CHANNELS), ("outcome", &CALL_OUTCOMES)]);
    /// Seconds from the beginning of a call to the provider to its answer or its end, by outcome.
    send_duration: HistogramVec = histograms("barid_send_duration_seconds", &SECONDS_BUCKETS, "outcome", &CALL_OUTCOMES);
    /// Seconds between the moment for which a message waited (planned, or held until then) and its call.
    send_lateness: Histogram = histogram("barid_send_lateness_seconds", &LATENESS_BUCKETS);
    /// Messages that a provider refused, by class of the failure.
    failures: IntCounterVec = counters("barid_failures_total", &[("class", &failure_classes())]);
    /// Requests to the webhook by result.
    webhook_requests: IntCounterVec = counters("barid_webhook_requests_total", &[("result", &WEBHOOK_RESULTS)]);
    /// Seconds from the first byte of a callback's head to its acknowledgement.
    webhook_duration: Histogram = histogram("barid_webhook_duration_seconds", &SECONDS_BUCKETS);
    /// Callbacks of other providers than Meta, by who brought them and result.
    callbacks: IntCounterVec = counters("barid_callbacks_total", &[("source", &SOURCES), ("result", &CALLBACK_RESULTS)]);
    /// Messages that gave up one channel for another.
    fallbacks: IntCounterVec = counters("barid_fallbacks_total", &[("from", &CHANNELS), ("to", &CHANNELS)]);
    /// Whether the provider of a channel is left alone because it does not answer.
    channel_sick: IntGaugeVec = int_gauges("barid_channel_sick", "channel", &CHANNELS);
    /// Seconds for which the oldest callback that is kept and not applied has waited.
    news_lag: Gauge = gauge("barid_news_lag_seconds");
    /// Callbacks that are kept and not applied.
    news_waiting: IntGauge = int_gauge("barid_news_waiting");
    /// Pieces of news that changed something, and those that came late, twice or about nothing of ours; bodies that could not be read and were set aside.
    news: IntCounterVec = counters("barid_news_total", &[("effect", &["changed", "unchanged", "set-aside", "foreign"])]);
    /// What contacts sent back, by the language and the sentiment that a reader found in it; `none` where it has no words.
    feedback: IntCounterVec = counters("barid_feedback_total", &[("language", &LANGUAGES), ("sentiment", &SENTIMENTS)]);
    /// Pieces of news of a kind that nothing acts on; they are kept. `unrecognised`: of a kind that barid does not know. `unreadable`: not in the form that their kind has.
    news_unhandled: IntCounterVec = counters("barid_news_unhandled_total", &[("kind", &OTHER_KINDS)]);
    /// Jobs that wait, by queue.
    queue_depth: IntGaugeVec = int_gauges("barid_queue_depth", "queue", &QUEUES);
    /// Seconds for which the oldest job has been due, by queue.
    queue_oldest: GaugeVec = gauges("barid_queue_oldest_seconds", "queue", &QUEUES);
    /// Seconds for which messages waited for a limit.
    limit_wait: HistogramVec = histograms("barid_limit_wait_seconds", &SECONDS_BUCKETS, "limit", &LIMITS);
    /// What messages have cost, in millionths of the currency of `[pricing]`, by channel and by the category under which they were charged. What a later callback takes back is held against what is charged next.
    cost_micros: IntCounterVec = counters("barid_cost_micros_total", &[("channel", &CHANNELS), ("category", &price_categories())]);
    /// People whom a portfolio may write to first in 24 hours, as configured or as Meta says, whichever is less; `+Inf` where nobody is counted.
    tier: GaugeVec = gauges("barid_tier", "portfolio", &[]);
    /// 1 at the quality that Meta gave one of our numbers last.
    number_quality: IntGaugeVec = int_gauges_of_two("barid_number_quality", ("sender", &[]), ("quality", &Quality::ALL.map(Quality::name)));
    /// People of the last 24 hours who count toward the tier, by portfolio.
    tier_used: GaugeVec = gauges("barid_tier_used", "portfolio", &[]);
    /// Messages each second at most from a number now, less than configured after Meta asked to slow down.
    number_rate: GaugeVec = gauges("barid_number_rate", "sender", &[]);
    /// Messages whose call was never answered and of which no callback told anything yet.
    unknown_messages: IntGauge = int_gauge("barid_unknown_messages");
    /// Refusals after which the message waits for another try on the same channel, by their class.
    retries: IntCounterVec = counters("barid_retries_total", &[("class", &failure_classes())]);
    /// Parts of the sending that are suspended now, by what is suspended.
    suspensions: IntGaugeVec = int_gauges("barid_suspensions", "scope", &Scope::KINDS);
    /// Suspensions that there ever were in the record that all processes share, by the class of the refusal or `operator`.
    suspensions_ever: IntCounterVec = counters("barid_suspensions_total", &[("class", &Cause::names())]);
    /// Seconds that a job took, by job.
    job_duration: HistogramVec = histograms("barid_job_duration_seconds", &SECONDS_BUCKETS, "job", &jobs());
    /// Jobs that could not do their work, by job.
    job_errors: IntCounterVec = counters("barid_job_errors_total", &[("job", &jobs())]);
    /// When a standing job of the schedule last did its work, in seconds since 1970; 0 where it never has.
    job_last_success: GaugeVec = gauges("barid_job_last_success_timestamp_seconds", "job", &[]);
    /// Alerts that are open, by what they are about and how urgent they are.
    alerts_open: IntGaugeVec = int_gauges_of_two("barid_alerts_open", ("kind", &AlertKind::ALL.map(AlertKind::name)), ("severity", &Severity::ALL.map(Severity::name)));
    /// Conversations that ended, by flow and by how they ended.
    flow_results: IntCounterVec = counters("barid_flow_results_total", &[("flow", &[]), ("state", &[])]);
    /// What was chosen on the scales of conversations that ended, by flow, scale and step of it: enough for NPS, CSAT and CES of any span.
    flow_scores: IntCounterVec = counters("barid_flow_scores_total", &[("flow", &[]), ("scale", &[]), ("score", &[])]);
    /// Tries to fetch a file that somebody sent, by what became of the file.
    media: IntCounterVec = counters("barid_media_total", &[("outcome", &MEDIA_OUTCOMES)]);
    /// Bytes of the files that were kept.
    media_bytes: IntCounter = counter("barid_media_bytes_total");
    /// Files that are still to be fetched.
    media_waiting: IntGauge = int_gauge("barid_media_waiting");
    /// Calls of endpoints of our webhooks, by endpoint and by what follows for the event that was to be told.
    hook_deliveries: IntCounterVec = counters("barid_hook_deliveries_total", &[("hook", &[]), ("outcome", &HOOK_OUTCOMES)]);
    /// 1 for the state in which a template was last seen at the provider (`unlisted`: not there), 0 for all others.
    template_status: IntGaugeVec = int_gauges_by("barid_template_status", &["template", "language", "status"]);
    /// Events that are still to be told, by endpoint.
    hook_waiting: IntGaugeVec = int_gauges("barid_hook_waiting", "hook", &[]);
    /// Whether an endpoint of our webhooks is told what is due, and not left alone because it fails, is busy or wants nothing any more.
    hook_up: IntGaugeVec = int_gauges("barid_hook_up", "hook", &[]);
    /// Whether the worker of a queue is up.
    worker_up: IntGaugeVec = int_gauges("barid_worker_up", "queue", &QUEUES);
    /// Whether the last reload of the configuration, campaigns and templates succeeded.
    config_reload_success: IntGauge = int_gauge("barid_config_reload_success");
    /// Seconds until the access token expires; `+Inf` when it never does, `NaN` until it was checked.
    token_expires: Gauge = unchecked_gauge("barid_token_expires_seconds");
    /// The version that runs, as a label; always 1.
    build_info: IntGaugeVec = int_gauges("barid_build_info", "version", &[env!("CARGO_PKG_VERSION")]);
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All of them as Prometheus reads them, and the process's own.
    ///
    /// # Errors
    /// Never for metrics that were declared here; the encoder's error otherwise.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        self.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let mut text = Vec::with_capacity(16 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        // The library writes it as Rust does, the format has a plus sign.
        Ok(String::from_utf8_lossy(&text).replace(" inf\n", " +Inf\n"))
    }

    /// Adds the process's own metrics (CPU, memory, open files), which belong to the one registry that is served.
    ///
    /// # Errors
    /// When they were added before.
    pub fn with_process(self) -> Result<Self, prometheus::Error> {
        self.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(self)
    }

    /// Counts one outcome of a message; `outcome` is one of [`CALL_OUTCOMES`].
    pub fn count_message(&self, channel: Channel, outcome: &str) {
        self.messages.with_label_values(&[channel.name(), outcome]).inc();
    }

    /// Counts what was charged.
    pub fn count_cost(&self, channel: Channel, category: PriceCategory, micros: u64) {
        self.cost_micros.with_label_values(&[channel.name(), category.name()]).inc_by(micros);
    }

    /// Counts one callback of another provider than Meta; `result` is one of [`CALLBACK_RESULTS`].
    pub fn count_callback(&self, source: Source, result: &str) {
        self.callbacks.with_label_values(&[source.name(), result]).inc();
    }

    /// Declares the endpoints of our webhooks, at zero: they are as closed a set as the configuration. Without any, there is no queue of
    /// theirs either.
    pub fn with_hooks<'a>(self, hooks: impl IntoIterator<Item = &'a str>) -> Self {
        for hook in hooks {
            for outcome in HOOK_OUTCOMES {
                self.hook_deliveries.with_label_values(&[hook, outcome]);
            }
            self.hook_waiting.with_label_values(&[hook]);
            self.hook_up.with_label_values(&[hook]).set(1);
            self.queue_depth.with_label_values(&["hooks"]);
            self.queue_oldest.with_label_values(&["hooks"]);
            self.worker_up.with_label_values(&["hooks"]);
        }
        self
    }

    /// Declares a flow, at zero: flows are as closed a set as their files, states and scales of questions are closed of themselves.
    pub fn declare_flow(&self, flow: &Flow) {
        for state in ResultState::ALL {
            self.flow_results.with_label_values(&[flow.name.as_str(), state.name()]);
        }
        for question in flow.steps().iter().filter_map(FlowStep::question) {
            if let QuestionKind::Scale { scale, .. } = &question.kind {
                for score in scale.least()..=scale.most() {
                    self.flow_scores.with_label_values(&[flow.name.as_str(), scale.name(), &score.to_string()]);
                }
            }
        }
    }

    /// Counts a conversation that ended.
    pub fn count_flow(&self, result: &FlowResult) {
        let flow = result.flow.as_str();
        if let Some(state) = result.state {
            self.flow_results.with_label_values(&[flow, state.name()]).inc();
        }
        for score in result.answers.iter().filter_map(Answer::score) {
            self.flow_scores.with_label_values(&[flow, score.scale.name(), &score.value.to_string()]).inc();
        }
    }

    /// Counts one request to the webhook; `result` is one of [`WEBHOOK_RESULTS`].
    pub fn count_webhook(&self, result: &str, took: Duration) {
        self.webhook_requests.with_label_values(&[result]).inc();
        self.webhook_duration.observe(took.as_secs_f64());
    }
}

const fn channels() -> [&'static str; Channel::ALL.len()] {
    let mut names = [""; Channel::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Channel::ALL[at].name();
        at += 1;
    }
    names
}

/// Every job that there is.
fn jobs() -> Vec<&'static str> {
    QUEUE_JOBS.into_iter().chain(StandingJob::ALL.map(StandingJob::name)).collect()
}

fn price_categories() -> [&'static str; PriceCategory::ALL.len()] {
    PriceCategory::ALL.map(PriceCategory::name)
}

fn failure_classes() -> [&'static str; FailureClass::ALL.len()] {
    FailureClass::ALL.map(FailureClass::name)
}

/// A declaration that names twice or badly is found by the first test that makes [`Metrics`].
fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let metric = metric.expect("the declaration is well-formed");
    registry.register(Box::new(metric.clone())).expect("each name is declared once");
    metric
}

fn counters(name: &str, help: &str, labels: &[(&str, &[&str])]) -> prometheus::Result<IntCounterVec> {
    let names: Vec<&str> = labels.iter().map(|(label, _)| *label).collect();
    let counters = IntCounterVec::new(Opts::new(name, help), &names)?;
    let mut combinations: Vec<Vec<&str>> = vec![Vec::new()];
    for (_, values) in labels {
        combinations = combinations
            .iter()
            .flat_map(|before| values.iter().map(|value| [before, &[*value][..]].concat()))
            .collect();
    }
    for combination in combinations {
        counters.get_metric_with_label_values(&combination)?;
    }
    Ok(counters)
}

fn counter(name: &str, help: &str) -> prometheus::Result<IntCounter> {
    IntCounter::new(name, help)
}

fn gauge(name: &str, help: &str) -> prometheus::Result<Gauge> {
    Gauge::new(name, help)
}

fn unchecked_gauge(name: &str, help: &str) -> prometheus::Result<Gauge> {
    let gauge = Gauge::new(name, help)?;
    gauge.set(f64::NAN);
    Ok(gauge)
}

fn int_gauge(name: &str, help: &str) -> prometheus::Result<IntGauge> {
    IntGauge::new(name, help)
}

fn gauges(name: &str, help: &str, label: &str, values: &[&str]) -> prometheus::Result<GaugeVec> {
    let gauges = GaugeVec::new(Opts::new(name, help), &[label])?;
    values.iter().try_for_each(|value| gauges.get_metric_with_label_values(&[*value]).map(drop))?;
    Ok(gauges)
}

fn int_gauges(name: &str, help: &str, label: &str, values: &[&str]) -> prometheus::Result<IntGaugeVec> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
    values.iter().try_for_each(|value| gauges.get_metric_with_label_values(&[*value]).map(drop))?;
    Ok(gauges)
}

fn int_gauges_of_two(
    name: &str,
    help: &str,
    (first, firsts): (&str, &[&str]),
    (second, seconds): (&str, &[&str]),
) -> prometheus::Result<IntGaugeVec> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), &[first, second])?;
    for one in firsts {
        seconds.iter().try_for_each(|other| gauges.get_metric_with_label_values(&[*one, *other]).map(drop))?;
    }
    Ok(gauges)
}

/// Whose labels are only known once files are read.
fn int_gauges_by(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(name, help), labels)
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
}

fn histograms(
    name: &str,
    help: &str,
    buckets: &[f64],
    label: &str,
    values: &[&str],
) -> prometheus::Result<HistogramVec> {
    let histograms = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), &[label])?;
    values.iter().try_for_each(|value| histograms.get_metric_with_label_values(&[*value]).map(drop))?;
    Ok(histograms)
}

#[cfg(test)]
mod tests {
    use prometheus::proto::MetricType;

    use super::*;

    #[test]
    fn names_say_their_unit_and_kind_and_have_help() {
        for family in Metrics::new().registry.gather() {
            let (name, help) = (family.name(), family.help());
            assert!(name.starts_with("barid_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(help.len() > 20 && help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
            let is_counter = family.get_field_type() == MetricType::COUNTER;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            if family.get_field_type() == MetricType::HISTOGRAM {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            // What promtool's linter refuses: other units than base units, and the words of types in names.
            for word in
                ["_ms", "milliseconds", "minutes", "hours", "_gauge", "_counter", "_histogram", "_count", "_bucket"]
            {
                assert!(!name.contains(word), "{name}");
            }
        }
    }

    #[test]
    fn everything_is_there_at_zero_from_the_start() {
        let metrics = Metrics::new();
        let text = metrics.text().unwrap();
        for line in [
            r#"barid_messages_total{channel="whatsapp",outcome="unanswered"} 0"#,
            r#"barid_failures_total{class="opted-out"} 0"#,
            r#"barid_webhook_requests_total{result="bad-signature"} 0"#,
            r#"barid_queue_depth{queue="sending"} 0"#,
            "barid_unknown_messages 0",
            "barid_token_expires_seconds NaN",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is missing in\n{text}");
        }
        metrics.token_expires.set(f64::INFINITY);
        assert!(metrics.text().unwrap().contains("\nbarid_token_expires_seconds +Inf\n"));
        metrics.count_message(Channel::Sms, "accepted");
        assert_eq!(metrics.messages.with_label_values(&["sms", "accepted"]).get(), 1);
    }

    #[test]
    fn the_metrics_as_an_operator_finds_them() {
        let text = Metrics::new().text().unwrap();
        let help: String =
            text.lines().filter(|line| line.starts_with("# HELP")).map(|line| format!("{line}\n")).collect();
        insta::assert_snapshot!(help);
    }
}
