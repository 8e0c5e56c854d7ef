//! The web server: Meta's callbacks, the API, and what operators probe. Speaks to ports and to [`Operations`]; knows no adapter
//! and no configuration.
//!
//! | listener | routes |
//! |---|---|
//! | public | webhook, API |
//! | operations, never on the public address | metrics, health |

mod address;
mod api;
mod body;
mod callbacks;
mod error;
mod failed_signatures;
mod health;
mod intake;
mod links;
mod metrics;
mod operations;
mod secret;
mod server;
mod summary;
mod unsubscribe;
mod webhook;

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

pub use api::{
    AlertItem, Answered, ApiState, ContactRow, ConversationItem, ConversationShown, ErasureItem, ExchangeItem, Figure,
    Handed, HookDeliveryItem, HookSummary, HookTried, Integration, JobItem, JobRunItem, LiveCheck, LiveCheckStep,
    NewsItem, NewsReplayRequest, NewsReplayed, PushedItem, QuestionItem, ResultRow, ReviewedItem, RowConsent,
    ScoresItem, SuspensionItem, SyncedItem, TemplateItem, TemplateStanding, VersionItem,
};
pub use callbacks::ChannelDoors;
pub use health::{OpsState, ReadyCheck, Refresh};
pub use links::LinkState;
pub use operations::{CampaignVerb, OperationError, Operations, Replay, SuspensionRequest};
pub use server::{ListenError, ServerSettings, bind, serve};
pub use summary::{CampaignSummary, Cost, ForecastSummary, ReminderSummary, Responses, RolloutSummary, StateCounts};
pub use webhook::{META_WEBHOOK_PATH, WebhookState};

/// The routes of one listener.
pub type Routes = BoxedFilter<(Response,)>;

/// What the world may ask.
///
/// ```text
/// GET  /api/whatsapp/webhook                       Meta's verification
/// POST /api/whatsapp/webhook                       signed callbacks
/// POST /api/twilio/{status, inbound}               signed callbacks of Twilio
/// POST /api/email/bounce                           mail that comes back
/// GET  /api/email/unsubscribe/{token}              asks whether to stop
/// POST /api/email/unsubscribe/{token}              stops
/// GET  /r/{token}                                  a tracked link, leads on
/// POST /api/whatsapp/send-message                  one message to one person
/// POST /api/whatsapp/send-survey                   the invitation to a survey, with a tracked link
/// GET  /api/integrations                           all channels: configured or what is missing
/// GET  /api/whatsapp/status                        the integration's registry entry
/// GET  /api/v1/campaigns                           all campaigns
/// GET  /api/v1/campaigns/{name}                    one, with its newest run
/// POST /api/v1/campaigns/{name}/{verb}             start, pause, resume, cancel, test, retry-failed
/// GET  /api/v1/messages?campaign=&phone=&state=    messages, newest first
/// GET  /api/v1/messages/{id}                       one, with its history
/// GET  /api/v1/dead-letters?campaign=&class=&code=&since=   messages that failed on every channel
/// POST /api/v1/dead-letters/replay                 sends some of them once more
/// GET  /api/v1/news?set_aside=&since=&until=       callbacks that are kept, oldest first
/// POST /api/v1/news/replay                         applies some of them again
/// GET  /api/v1/contacts?phone=                     contacts
/// POST /api/v1/contacts/import                     JSON lines
/// GET  /api/v1/templates                           our templates, and where they stand at Meta
/// GET  /api/v1/templates/{name}                    one of them
/// POST /api/v1/templates/{name}/push               hand it in for approval
/// POST /api/v1/templates/{name}/agree              agree to the price of the category that Meta takes it for
/// POST /api/v1/templates/sync                      read where all of them stand
/// GET  /api/v1/template-review                     which of them somebody should look at
/// GET  /api/v1/suspensions?all=                    what is stopped, and with `all=1` what was
/// POST /api/v1/suspensions                         stop a sender, campaign, channel or country
/// GET  /api/v1/suspensions/{id}                    one, in force or past
/// DELETE /api/v1/suspensions/{id}                  let go on
/// GET  /api/v1/hooks                               endpoints of our webhooks
/// GET  /api/v1/hooks/deliveries?hook=&state=&event=&since=&id=   what was told, newest first
/// POST /api/v1/hooks/replay                        tells some of it once more
/// POST /api/v1/hooks/{name}/test                   tries an endpoint
/// GET  /api/v1/jobs                                standing jobs: when each fires next, how it last went
/// GET  /api/v1/jobs/history                        what was run, newest first
/// GET  /api/v1/jobs/{name}/history                 the same of one
/// GET  /api/v1/jobs/runs/{id}                      one run
/// POST /api/v1/jobs/{name}/run                     starts one by hand
/// GET  /api/v1/alerts?all=                         what somebody should look at, and with `all=true` what was
/// GET  /api/v1/conversations?state=&contact=       who talks with a person and who with barid
/// GET  /api/v1/conversations/{contact}?sender=     one, with what was said last
/// POST /api/v1/conversations/{contact}/answer      staff say something
/// POST /api/v1/conversations/{contact}/{verb}      take, hand-back
/// GET  /api/v1/flows/{flow}/results?since=&until=&state=    what came of a flow's conversations, newest first
/// GET  /api/v1/flows/{flow}/scores?since=&until=   NPS, CSAT, CES and how many came to the end
/// GET  /api/v1/feedback                            what contacts sent back, newest first
/// *    the rest of the design's routes             501 until they are built
/// ```
pub fn public_routes(
    webhook: Arc<WebhookState>,
    doors: &Arc<ChannelDoors>,
    links: Arc<LinkState>,
    api: Arc<ApiState>,
) -> Routes {
    let doors = callbacks::routes(doors).or(unsubscribe::routes(doors)).unify().or(links::routes(links)).unify();
    webhook::routes(webhook).or(doors).unify().or(api::routes(api)).unify().recover(error::recover).unify().boxed()
}

/// What only operators may ask.
///
/// ```text
/// GET /metrics         Prometheus
/// GET /health/live     the process answers
/// GET /health/ready    store and queue answer
/// ```
pub fn ops_routes(ops: Arc<OpsState>) -> Routes {
    metrics::routes(Arc::clone(&ops)).or(health::routes(ops)).unify().recover(error::recover).unify().boxed()
}
