//! The link under an e-mail that stops all messages. Opening it asks, because programs that look for harm open links, too; pressing the
//! button, or the one-click of a mail program (RFC 8058), stops.

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use warp::reply::{Reply, Response};

use super::callbacks::ChannelDoors;
use super::error::Problem;
use crate::domain::consent::{ConsentChange, ConsentChangeKind};
use crate::domain::ids::CallbackReference;
use crate::domain::language::Language;
use crate::domain::signed_reference::Use;
use crate::ports::LoadedMessage;

pub(super) fn routes(doors: &Arc<ChannelDoors>) -> BoxedFilter<(Response,)> {
    let (for_get, for_post) = (Arc::clone(doors), Arc::clone(doors));
    let here = warp::path!("api" / "email" / "unsubscribe" / String);
    let get = here.and(warp::get()).then(move |token: String| {
        let doors = Arc::clone(&for_get);
        async move { ask(&doors, &token).await.unwrap_or_else(Reply::into_response) }
    });
    // What a one-click brings in its body says nothing that the address does not.
    let post = here.and(warp::post()).then(move |token: String| {
        let doors = Arc::clone(&for_post);
        async move { stop(&doors, &token).await.unwrap_or_else(Reply::into_response) }
    });
    get.or(post).unify().boxed()
}

async fn ask(doors: &ChannelDoors, token: &str) -> Result<Response, Problem> {
    Ok(match message(doors, token).await? {
        Some((_, message)) => page(StatusCode::OK, message.language, &texts(message.language).ask),
        None => unknown(),
    })
}

async fn stop(doors: &ChannelDoors, token: &str) -> Result<Response, Problem> {
    let Some((reference, message)) = message(doors, token).await? else { return Ok(unknown()) };
    let now = doors.services.clock.now();
    if !message.contact.consent.stopped {
        let evidence = format!("the link under the e-mail of {}, attempt {}", reference.message, reference.attempt);
        let change =
            ConsentChange { kind: ConsentChangeKind::Stop, at: now, source: "unsubscribe-link".to_owned(), evidence };
        let suppressed = doors.services.store.change_consent(message.contact.id, change, now).await?;
        tracing::info!(message.id = %reference.message, suppressed, "somebody used the link to stop all messages");
    }
    Ok(page(StatusCode::OK, message.language, &texts(message.language).done))
}

/// The message whose link it is; `None` where it is not one of ours or the message is gone.
async fn message(doors: &ChannelDoors, token: &str) -> Result<Option<(CallbackReference, LoadedMessage)>, Problem> {
    let Some(reference) = doors.signer.verify(token, Use::Unsubscribe) else { return Ok(None) };
    Ok(doors.services.store.load(reference.message).await?.map(|message| (reference, message)))
}

struct Texts {
    ask: (&'static str, &'static str, Option<&'static str>),
    done: (&'static str, &'static str, Option<&'static str>),
}

/// Title, sentence, and the button where there is one.
const fn texts(language: Language) -> Texts {
    match language {
        Language::Ar => Texts {
            ask: (
                "إيقاف الرسائل",
                "هل تريد إيقاف جميع رسائلنا إليك، عبر واتساب والرسائل النصية والبريد الإلكتروني؟",
                Some("نعم، أوقفوا الرسائل"),
            ),
            done: ("تم إيقاف الرسائل", "لن نرسل إليك رسائل بعد الآن. إن غيّرت رأيك فأرسل إلينا كلمة «ابدأ».", None),
        },
        Language::En => Texts {
            ask: (
                "Stop messages",
                "Do you want us to stop all our messages to you, over WhatsApp, SMS and e-mail?",
                Some("Yes, stop the messages"),
            ),
            done: (
                "Messages stopped",
                "We will not send you any more messages. If you change your mind, write START to us.",
                None,
            ),
        },
    }
}

fn unknown() -> Response {
    let english = page_text(
        Language::En,
        &("This link is not valid", "Copy the whole link from the e-mail, or answer it.", None),
    );
    let arabic = page_text(Language::Ar, &("هذا الرابط غير صالح", "انسخ الرابط كاملاً من الرسالة، أو أجب عليها.", None));
    whole(StatusCode::NOT_FOUND, Language::Ar, &format!("{arabic}<hr>{english}"))
}

fn page(status: StatusCode, language: Language, text: &(&str, &str, Option<&str>)) -> Response {
    whole(status, language, &page_text(language, text))
}

fn page_text(language: Language, (title, sentence, button): &(&str, &str, Option<&str>)) -> String {
    let direction = if language == Language::Ar { "rtl" } else { "ltr" };
    let button = button.map(|button| format!("<form method=\"post\"><button type=\"submit\">{button}</button></form>"));
    format!(
        "<main lang=\"{}\" dir=\"{direction}\"><h1>{title}</h1><p>{sentence}</p>{}</main>",
        language.code(),
        button.unwrap_or_default()
    )
}

fn whole(status: StatusCode, language: Language, main: &str) -> Response {
    let direction = if language == Language::Ar { "rtl" } else { "ltr" };
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\" dir=\"{direction}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>barid</title></head><body>{main}</body></html>\n",
        language.code()
    );
    let mut response = warp::reply::with_status(warp::reply::html(text), status).into_response();
    let headers = response.headers_mut();
    let policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    // The address is the key to somebody's consent.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
