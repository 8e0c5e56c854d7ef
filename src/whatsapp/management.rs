//! Questions to the Graph API about what is ours there. Answers are small and asked for seldom, so they are read whole.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/{business-phone-numbers/phone-numbers,
//! templates/template-management, webhooks/override} and developers.facebook.com/docs/graph-api/reference/debug_token, as checked on 2026-11-22.

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Client, samples, templates};
use crate::domain::cost_report::MetaCost;
use crate::domain::ids::SenderName;
use crate::domain::live_check::{AccountFacts, NumberFacts, TemplateFacts, TokenFacts};
use crate::domain::money::{Currency, Money};
use crate::domain::pricing::{FreeBecause, PriceCategory, ToldKind};
use crate::domain::template::SampleFile;
use crate::domain::template_approval::Submission;
use crate::outgoing::chain;
use crate::ports::{HandedIn, Management};

/// Answers that are longer are not Meta's: a page of 100 templates has some 200 KB.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pages of templates at most: an account has 6,000 at most.
const PAGES_MAX: usize = 60;
/// Meta's code for a token that it does not take.
const TOKEN_REFUSED: i64 = 190;
/// Of Meta's words so many are kept.
const WORDS_MAX: usize = 300;

#[derive(Deserialize)]
struct Whole<T> {
    data: T,
}

#[derive(Deserialize)]
struct Debugged {
    #[serde(default)]
    is_valid: bool,
    app_id: Option<String>,
    /// Seconds since 1970; 0: never.
    #[serde(default)]
    expires_at: i64,
    /// Seconds since 1970; not said of every kind of token.
    #[serde(default)]
    issued_at: i64,
    #[serde(default)]
    scopes: Vec<String>,
    error: Option<Words>,
}

#[derive(Deserialize)]
pub(super) struct Words {
    code: Option<i64>,
    error_subcode: Option<i64>,
    #[serde(default)]
    message: String,
    /// Of what was handed in: in words for people.
    error_user_msg: Option<String>,
    error_data: Option<Value>,
}

impl Words {
    fn sentence(&self) -> String {
        let details =
            self.error_data.as_ref().and_then(|data| data["details"].as_str()).filter(|text| !text.is_empty());
        let message = self.error_user_msg.as_deref().or(details).unwrap_or(&self.message);
        let words = cut(message);
        self.code.map_or_else(|| words.clone(), |code| format!("{code} {words}"))
    }

    /// Why a template was not taken, and what to do.
    fn about_template(&self) -> String {
        let remedy = templates::remedy(self.code, self.error_subcode);
        format!("Meta does not take it ({}); {remedy}", self.sentence().trim_end_matches('.'))
    }
}

#[derive(Deserialize)]
struct Refused {
    error: Words,
}

/// Why a question was not answered.
pub(super) enum Unanswered {
    /// Meta says why.
    Refused(Words),
    /// Something else is in the way.
    Otherwise(String),
}

impl Unanswered {
    pub(super) fn sentence(self) -> String {
        match self {
            Self::Refused(words) => words.sentence(),
            Self::Otherwise(sentence) => sentence,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Number {
    display_phone_number: String,
    verified_name: String,
    status: String,
    name_status: String,
    quality_rating: String,
    throughput: Throughput,
    webhook_configuration: Callbacks,
    whatsapp_business_manager_messaging_limit: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    account_review_status: String,
    business_verification_status: String,
    health_status: Health,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Health {
    can_send_message: String,
    entities: Vec<Entity>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entity {
    errors: Vec<HealthError>,
    additional_info: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HealthError {
    error_code: Option<i64>,
    error_description: String,
}

/// Of Meta's words as many as anybody reads.
fn cut(words: &str) -> String {
    words.chars().take(WORDS_MAX).collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Throughput {
    level: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Callbacks {
    phone_number: Option<String>,
    whatsapp_business_account: Option<String>,
    application: Option<String>,
}

#[derive(Deserialize)]
struct TemplatePage {
    data: Vec<templates::Row>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    category: String,
}

#[derive(Deserialize)]
struct Edited {
    #[serde(default)]
    success: bool,
}

#[derive(Default, Deserialize)]
struct Paging {
    cursors: Option<Cursors>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

/// Page …/whatsapp/analytics, checked 2026-11-22.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Analytics {
    pricing_analytics: AnalyticsData,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnalyticsData {
    data: Vec<AnalyticsPart>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnalyticsPart {
    data_points: Vec<Point>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Point {
    country: Option<String>,
    pricing_type: String,
    pricing_category: String,
    volume: i64,
    cost: Option<serde_json::Number>,
}

impl From<Point> for MetaCost {
    fn from(point: Point) -> Self {
        let kind = match point.pricing_type.as_str() {
            "FREE_CUSTOMER_SERVICE" => ToldKind::Free(FreeBecause::ServiceWindow),
            "FREE_ENTRY_POINT" => ToldKind::Free(FreeBecause::EntryPoint),
            other if other.starts_with("FREE") => ToldKind::Free(FreeBecause::Told),
            _ => ToldKind::Charged,
        };
        Self {
            country: point.country.and_then(|country| country.parse().ok()),
            category: PriceCategory::told(&point.pricing_category),
            kind,
            n: point.volume,
            micros: point.cost.as_ref().and_then(micros),
        }
    }
}

/// A decimal of JSON in millionths, from its digits: no sum is ever made of floating-point numbers. Digits beyond the sixth are cut off.
fn micros(number: &serde_json::Number) -> Option<i64> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let fraction: String = fraction.chars().take(6).collect();
    Money::from_decimal(&format!("{whole}.{fraction}"), Currency::USD).ok().map(|money| money.micros)
}

#[derive(Deserialize)]
struct Subscribed {
    whatsapp_business_api_data: App,
}

#[derive(Deserialize)]
struct App {
    id: String,
}

impl Client {
    /// Asks for something below the version of the API.
    pub(super) async fn question<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, String> {
        self.asked(path, query).await.map_err(|unanswered| unanswered.sentence())
    }

    async fn asked<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Unanswered> {
        let mut url = self.below(path);
        url.query_pairs_mut().extend_pairs(query);
        self.answered(Request::new(Method::GET, url)).await
    }

    /// Hands something in, of a template. Never twice: an answer that is lost is told as such, and the next look at the list shows the truth.
    async fn handed_in<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Result<T, String> {
        let mut request = Request::new(Method::POST, self.below(path));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.to_string().into());
        self.answered(request).await.map_err(|unanswered| match unanswered {
            Unanswered::Refused(words) => words.about_template(),
            Unanswered::Otherwise(because) => {
                format!("it is not known whether Meta took it ({because}); `barid template sync` shows it")
            }
        })
    }

    pub(super) fn below(&self, path: &[&str]) -> Url {
        let mut url: Url = self.root.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    pub(super) async fn answered<T: DeserializeOwned>(&self, mut request: Request) -> Result<T, Unanswered> {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::clone(&self.authorization.load()));
        self.answered_as_it_is(request).await
    }

    /// The same for a request that has its authorization already.
    pub(super) async fn answered_as_it_is<T: DeserializeOwned>(&self, request: Request) -> Result<T, Unanswered> {
        let broken = |error| Unanswered::Otherwise(chain(error));
        let mut response = self.http.execute(request).await.map_err(broken)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Unanswered::Otherwise("it answered more than Meta ever does".to_owned()));
            }
        }
        if let Ok(refused) = serde_json::from_slice::<Refused>(&body) {
            return Err(Unanswered::Refused(refused.error));
        }
        if !status.is_success() {
            return Err(Unanswered::Otherwise(format!("it answered {}", status.as_u16())));
        }
        let foreign = |_| Unanswered::Otherwise("it answered something else than Meta does".to_owned());
        serde_json::from_slice(&body).map_err(foreign)
    }
}

#[async_trait]
impl Management for Client {
    async fn token(&self) -> Result<TokenFacts, String> {
        let token = self.token.load();
        let answer = self.asked::<Whole<Debugged>>(&["debug_token"], &[("input_token", token.expose_secret())]).await;
        let Debugged { is_valid, app_id, expires_at, issued_at, scopes, error } = match answer {
            Ok(answer) => answer.data,
            // The question is asked with the token that it is about.
            Err(Unanswered::Refused(words)) if words.code == Some(TOKEN_REFUSED) => {
                return Ok(TokenFacts { because: Some(words.sentence()), ..TokenFacts::default() });
            }
            Err(unanswered) => return Err(unanswered.sentence()),
        };
        let moment = |second| Timestamp::from_second(second).ok().filter(|at| *at != Timestamp::UNIX_EPOCH);
        Ok(TokenFacts {
            is_valid,
            because: error.map(|error| error.sentence()),
            app_id,
            expires_at: moment(expires_at),
            issued_at: moment(issued_at),
            scopes,
        })
    }

    async fn number(&self, sender: &SenderName) -> Result<NumberFacts, String> {
        let id = self.ids.get(sender).ok_or_else(|| format!("no phone number id is known for sender `{sender}`"))?;
        let fields = "display_phone_number,verified_name,status,name_status,quality_rating,throughput,webhook_configuration,\
                      whatsapp_business_manager_messaging_limit";
        let number: Number = self.question(&[id.as_str()], &[("fields", fields)]).await?;
        let Callbacks { phone_number, whatsapp_business_account, application } = number.webhook_configuration;
        Ok(NumberFacts {
            display_number: number.display_phone_number,
            verified_name: number.verified_name,
            status: number.status,
            quality: number.quality_rating,
            throughput: number.throughput.level,
            callback_url: phone_number.or(whatsapp_business_account).or(application),
            name_status: number.name_status,
            messaging_limit: number.whatsapp_business_manager_messaging_limit,
        })
    }

    async fn account(&self, account: &str) -> Result<AccountFacts, String> {
        let fields = "account_review_status,business_verification_status,health_status";
        let Account { account_review_status, business_verification_status, health_status } =
            self.question(&[account], &[("fields", fields)]).await?;
        let because = health_status.entities.into_iter().flat_map(|entity| {
            let errors = entity.errors.into_iter().map(|error| match error.error_code {
                Some(code) => format!("{code} {}", cut(&error.error_description)),
                None => cut(&error.error_description),
            });
            errors.chain(entity.additional_info.iter().map(|info| cut(info))).collect::<Vec<_>>()
        });
        Ok(AccountFacts {
            review: account_review_status,
            business_verification: business_verification_status,
            can_send: health_status.can_send_message,
            because: because.collect(),
        })
    }

    async fn templates(&self, account: &str) -> Result<Vec<TemplateFacts>, String> {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let mut query = vec![("fields", templates::FIELDS), ("limit", "100")];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page: TemplatePage = self.question(&[account, "message_templates"], &query).await?;
            found.extend(page.data.into_iter().map(TemplateFacts::from));
            after = page.paging.cursors.and_then(|cursors| cursors.after).filter(|_| page.paging.next.is_some());
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn pricing(&self, account: &str, from: Timestamp, to: Timestamp) -> Result<Vec<MetaCost>, String> {
        let fields = format!(
            "pricing_analytics.start({}).end({}).granularity(DAILY).phone_numbers([]).country_codes([])\
             .metric_types([\"COST\",\"VOLUME\"]).dimensions([\"COUNTRY\",\"PRICING_CATEGORY\",\"PRICING_TYPE\"])",
            from.as_second(),
            to.as_second()
        );
        let answer: Analytics = self.question(&[account], &[("fields", &fields)]).await?;
        Ok(answer.pricing_analytics.data.into_iter().flat_map(|part| part.data_points).map(MetaCost::from).collect())
    }

    async fn upload_sample(&self, app: &str, sample: &SampleFile) -> Result<String, String> {
        samples::upload(self, app, sample).await
    }

    async fn create_template(
        &self,
        account: &str,
        submission: &Submission,
        sample: Option<&str>,
    ) -> Result<HandedIn, String> {
        let body = templates::creation(submission, sample);
        let created: Created = self.handed_in(&[account, "message_templates"], &body).await?;
        Ok(HandedIn { id: created.id, status: created.status, category: created.category })
    }

    async fn edit_template(
        &self,
        id: &str,
        submission: &Submission,
        sample: Option<&str>,
        with_category: bool,
    ) -> Result<(), String> {
        let edited: Edited = self.handed_in(&[id], &templates::edit(submission, sample, with_category)).await?;
        if edited.success { Ok(()) } else { Err("Meta says that it did not edit it; push it again later".to_owned()) }
    }

    async fn subscribed_apps(&self, account: &str) -> Result<Vec<String>, String> {
        let answer: Whole<Vec<Subscribed>> = self.question(&[account, "subscribed_apps"], &[]).await?;
        Ok(answer.data.into_iter().map(|app| app.whatsapp_business_api_data.id).collect())
    }
}
