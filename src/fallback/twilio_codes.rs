//! Twilio's codes, each with our failure class. An unknown code is a first-class answer: [`FailureClass::Unrecognised`].
//!
//! Source: www.twilio.com/docs/api/errors with its error dictionary, and www.twilio.com/docs/whatsapp/api/error-code-mapping for
//! what stands behind the 63xxx of WhatsApp; checked on 2026-11-22. Twilio changes titles and splits codes without notice
//! (changelog of 2024-07-10), so titles are for people and decisions look at the number only.

use FailureClass::{
    AccountRestricted, AccountThrottled, ContentRefused, CountryRestricted, Credentials, MarketingLimited,
    NumberThrottled, OptedOut, TemplateUnavailable, Transient, Undeliverable, WindowClosed,
};

use crate::domain::failure::FailureClass;
use crate::domain::provider_code::{Entry, Path, found};

/// In the answer to the call that creates the message.
const A: &[Path] = &[Path::Answer];
/// In a status callback.
const S: &[Path] = &[Path::Status];
const BOTH: &[Path] = &[Path::Answer, Path::Status];

const fn one(
    code: i64,
    class: FailureClass,
    paths: &'static [Path],
    title: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry { from: code, to: code, class, paths, title, meaning }
}

const fn all(
    from: i64,
    to: i64,
    class: FailureClass,
    paths: &'static [Path],
    title: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry { from, to, class, paths, title, meaning }
}

/// The table, in the order of the codes.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    one(20001, ContentRefused, A, "Unknown parameters",
        "Twilio does not know a parameter of the request; report it with the message's history"),
    one(20003, Credentials, A, "Permission Denied",
        "account sid and auth token do not fit together or may not send; check `TWILIO_ACCOUNT_SID` and `TWILIO_AUTH_TOKEN`"),
    one(20004, AccountRestricted, A, "Method not allowed",
        "`[twilio] api_url` does not lead to Twilio's Messages resource; correct it"),
    one(20005, AccountRestricted, A, "Account not active",
        "the Twilio account is suspended or closed; settle it in Twilio's console"),
    one(20006, Credentials, A, "Access Denied",
        "the key may not use this account; use a key of the account, or its auth token"),
    one(20008, Credentials, A, "Test Credentials",
        "test credentials cannot send; set the live account sid and auth token"),
    one(20010, AccountRestricted, A, "Action disabled for account",
        "Twilio has barred this account from sending; ask Twilio's support"),
    all(20101, 20107, Credentials, A, "Invalid Access Token",
        "the access token is wrong, expired or lacks a grant; use the account sid with its auth token"),
    all(20151, 20160, Credentials, A, "Authentication Failed",
        "Twilio could not verify the credentials; check account sid and auth token"),
    one(20403, Credentials, A, "403 Forbidden",
        "the account may not do this; check the account's permissions in Twilio's console"),
    one(20404, Credentials, A, "Not Found",
        "Twilio does not know the account in the address; check `TWILIO_ACCOUNT_SID` and `[twilio] api_url`"),
    one(20409, Transient, A, "Conflict",
        "another request changed the same thing at the same time; it is tried again"),
    one(20413, ContentRefused, A, "Request Entity Too Large",
        "the message is larger than Twilio takes; shorten it"),
    one(20422, ContentRefused, A, "Invalid Parameter",
        "a parameter of the request is not allowed; the details name it"),
    one(20429, AccountThrottled, A, "Too Many Requests",
        "the account makes more calls at once than Twilio allows; barid waits and goes on, nothing to do unless it lasts"),
    // Reference class "permanent". The number is wrong, not the message, so a letter may still reach the person.
    one(21211, Undeliverable, A, "Invalid 'To' Phone Number",
        "the number cannot exist; correct the contact"),
    one(21214, Undeliverable, A, "'To' phone number cannot be reached",
        "Twilio cannot reach this number; check the contact"),
    one(21219, ContentRefused, A, "'To' phone number not verified",
        "a trial account sends to verified numbers only; upgrade the account or verify the number"),
    one(21408, CountryRestricted, A, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
        "this country is not ticked in Twilio's messaging geographic permissions; tick it if you mean to write there"),
    one(21601, AccountRestricted, A, "Phone number is not a valid SMS-capable inbound phone number",
        "`[twilio] sms_from` cannot send SMS; take a number that can"),
    one(21602, ContentRefused, A, "Message body is required",
        "the message has no text; look at its template"),
    one(21603, AccountRestricted, A, "A 'From' or 'MessagingServiceSid' parameter is required to send a message",
        "no sender was given; set `[twilio] sms_from` or `whatsapp_from`"),
    one(21604, Undeliverable, A, "The destination 'To' phone number is required to send an SMS",
        "the contact has no number; add one"),
    one(21605, ContentRefused, A, "Maximum body length is 160 characters",
        "the account uses an interface of Twilio's that takes 160 characters; correct `[twilio] api_url`"),
    one(21606, AccountRestricted, A, "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination.",
        "`[twilio] sms_from` is not yours or may not send to this destination; take another sender"),
    one(21607, AccountRestricted, A, "The 'from' phone number must be the sandbox phone number for trial accounts.",
        "a trial account sends from its sandbox number only; upgrade it"),
    one(21608, ContentRefused, A, "The 'to' phone number provided is not yet verified for this account.",
        "a trial account sends to verified numbers only; upgrade the account or verify the number"),
    one(21609, ContentRefused, A, "Invalid 'StatusCallback'",
        "Twilio cannot use the address for its callbacks; `[server] public_url` must be one that the internet reaches"),
    one(21610, OptedOut, BOTH, "Attempt to send to unsubscribed recipient",
        "the person answered STOP to this sender; nothing more is sent unless they send START"),
    one(21611, AccountThrottled, A, "This 'From' number has exceeded the maximum number of queued messages",
        "Twilio's queue for this sender is full; barid waits and goes on, a faster sender type helps if it lasts"),
    one(21612, Undeliverable, A, "The 'To' phone number is not currently reachable via SMS",
        "no route leads from this sender to this number; another sender may have one"),
    one(21614, Undeliverable, A, "'To' number is not a valid mobile number",
        "the number is not a mobile; correct the contact or rely on another channel"),
    one(21616, AccountRestricted, A, "The 'From' number matches multiple numbers for your account",
        "`[twilio] sms_from` is ambiguous; write it in full with `+` and country code"),
    one(21617, ContentRefused, A, "The concatenated message body exceeds the 1600 character limit",
        "the text is longer than 1,600 characters; shorten the template"),
    one(21618, ContentRefused, A, "The message body cannot be sent",
        "Twilio does not take this text; the details say why"),
    one(21619, ContentRefused, A, "Unable to create record",
        "the message has neither text nor media; look at its template"),
    one(21620, ContentRefused, A, "Invalid media URL(s)",
        "the address of the media is not one that Twilio can fetch; it must be public and https"),
    all(21621, 21622, AccountRestricted, A, "MMS has not been enabled",
        "sender or account cannot send media; send text, or enable MMS at Twilio"),
    one(21623, ContentRefused, A, "Number of media files exceeds allowed limit",
        "the message carries more media than Twilio takes (10, on WhatsApp 1); send fewer"),
    one(21624, ContentRefused, A, "Invalid validity period value",
        "Twilio keeps a message for 1 to 36,000 seconds; report it with the message's history"),
    one(21654, ContentRefused, A, "ContentSid Required",
        "WhatsApp through Twilio needs the sid of an approved content template; add it to the template's `template.toml`"),
    one(21655, ContentRefused, A, "The ContentSid is Invalid",
        "Twilio knows no content template of this sid; correct it in the template's `template.toml`"),
    one(21656, ContentRefused, A, "The ContentVariables Parameter is invalid",
        "the variables do not fit the content template; compare its placeholders with the template's parameters"),
    all(21701, 21705, AccountRestricted, A, "The Messaging Service cannot be used",
        "the messaging service does not exist, is switched off or has no number; put it right in Twilio's console"),
    one(21709, AccountRestricted, A, "Alpha Sender ID is Invalid or Not Authorized for this Messaging Service",
        "the sender's name is not allowed; register it at Twilio or send from a number"),
    one(30001, AccountThrottled, S, "Queue overflow",
        "Twilio's queue for this sender was full and dropped the message; barid waits and sends it again"),
    one(30002, AccountRestricted, S, "Account suspended",
        "Twilio suspended the account after the message was taken; settle it in Twilio's console"),
    one(30003, Transient, S, "Unreachable destination handset",
        "the phone is off or out of reach; it is tried again, then another channel takes over"),
    one(30004, Undeliverable, S, "Message blocked",
        "the person or their carrier blocks messages of this sender; use another channel"),
    one(30005, Undeliverable, S, "Unknown destination handset",
        "the number is not in service; correct the contact"),
    one(30006, Undeliverable, S, "Landline or unreachable carrier",
        "the number is a landline or of a carrier that cannot be reached; use another channel"),
    // Reference class "operator". It is about this text, so the other messages of the channel go on.
    one(30007, ContentRefused, S, "Message filtered",
        "Twilio or a carrier took the text for spam; reword it, drop shortened links, and register the sender where the country asks for it"),
    one(30008, Transient, S, "Unknown error",
        "the carrier gave no reason; it is tried again, then another channel takes over"),
    one(30009, Transient, S, "Missing inbound segment",
        "a part of a long message was lost on the way; it is tried again"),
    one(30010, ContentRefused, S, "Message price exceeds max price",
        "the message would cost more than the account allows for one; raise the limit at Twilio"),
    one(30011, ContentRefused, S, "MMS not supported by the receiving phone number in this region",
        "media cannot be sent to this number; send text"),
    one(30017, Transient, S, "Carrier network congestion",
        "the carrier is overloaded; it is tried again"),
    one(30018, CountryRestricted, S, "Destination carrier requires sender ID pre-registration",
        "this country takes messages of registered senders only; register the sender at Twilio"),
    one(30019, ContentRefused, S, "Content size exceeds carrier limit",
        "the carrier does not take a message of this size; shorten it"),
    all(30020, 30021, Transient, S, "Internal Failure",
        "Twilio had a fault of its own; it is tried again"),
    one(30022, AccountThrottled, S, "US A2P 10DLC - Rate Limits Exceeded",
        "US carriers take fewer messages a second from this registration; barid waits and goes on, a higher trust score raises the rate"),
    one(30023, AccountThrottled, S, "US A2P 10DLC - Daily Message Cap Reached",
        "a US carrier's cap of this day is used up; barid waits and goes on"),
    one(30024, CountryRestricted, S, "Numeric Sender ID Not Provisioned on Carrier",
        "the carrier does not know this sender yet; ask Twilio to provision it"),
    one(30027, AccountThrottled, S, "US A2P 10DLC - T-Mobile Daily Message Limit Reached",
        "T-Mobile's cap of this day is used up; barid waits and goes on"),
    one(30032, CountryRestricted, S, "Toll-Free Number Has Not Been Verified",
        "US and Canadian carriers block toll-free numbers that are not verified; verify it at Twilio"),
    one(30034, CountryRestricted, S, "US A2P 10DLC - Message from an Unregistered Number",
        "US carriers block numbers without an A2P 10DLC registration; register brand and campaign at Twilio"),
    one(30410, Transient, S, "Provider Timeout Error",
        "the carrier did not answer Twilio in time; it is tried again"),
    one(63001, Credentials, BOTH, "Channel could not authenticate the request.",
        "Twilio's own access to WhatsApp is refused; connect the sender again in Twilio's console"),
    one(63002, AccountRestricted, BOTH, "Channel could not find the From address",
        "WhatsApp does not know the sender; check `[twilio] whatsapp_from` and that the sender is registered"),
    one(63003, Undeliverable, BOTH, "Channel could not find To address",
        "the person is not on WhatsApp; another channel takes over"),
    one(63005, ContentRefused, BOTH, "Channel did not accept given content.",
        "WhatsApp does not take this content; the details say why"),
    one(63006, ContentRefused, BOTH, "Could not format given content for the channel.",
        "the content cannot be put into WhatsApp's form; compare the content template with its variables"),
    one(63007, AccountRestricted, BOTH, "Twilio could not find a Channel with the specified From address",
        "`[twilio] whatsapp_from` is not a WhatsApp sender of this account; correct it"),
    one(63008, AccountRestricted, BOTH, "Could not execute the request because the channel module has been misconfigured.",
        "the WhatsApp sender is set up wrongly at Twilio; look at it in Twilio's console"),
    one(63009, Transient, BOTH, "Channel provider returned an internal service error (HTTP 5xx).",
        "WhatsApp had a fault of its own; it is tried again"),
    one(63010, Transient, BOTH, "Twilio's platform encountered an internal error processing this message",
        "Twilio had a fault of its own; it is tried again"),
    one(63011, ContentRefused, BOTH, "Invalid Request: Twilio encountered an error while processing your request",
        "Twilio could not make sense of the request; report it with the message's history"),
    one(63012, Transient, BOTH, "Channel provider returned an internal service error",
        "WhatsApp had a fault of its own; it is tried again"),
    one(63013, AccountRestricted, BOTH, "Channel policy violation",
        "WhatsApp found a breach of its policy; read the notice in Meta's account quality and settle it"),
    one(63014, Undeliverable, BOTH, "Channel message blocked by user action",
        "the person blocked this WhatsApp sender; another channel takes over where they allow it"),
    // Reference class "operator". It is about one person, so the channel is not stopped.
    one(63015, ContentRefused, BOTH, "Channel Sandbox can only send messages to phone numbers that have joined the Sandbox",
        "the sandbox sends only to people who joined it; let the person join, or use a real sender"),
    one(63016, WindowClosed, BOTH, "Failed to send freeform message because you are outside the allowed window.",
        "free text needs a message of the person within 24 hours; use an approved template"),
    one(63017, AccountThrottled, BOTH, "Rate limit exceeded",
        "Twilio's limit for this channel is reached; barid waits and goes on"),
    one(63018, NumberThrottled, BOTH, "Rate limit exceeded for Channel",
        "the WhatsApp sender sent faster than it may; barid waits and goes on"),
    one(63019, Transient, BOTH, "Media failed to download",
        "the media could not be fetched from its address; it is tried again, check the address if it lasts"),
    one(63020, AccountRestricted, BOTH, "Twilio encountered a Business Manager account error",
        "the Meta business account behind the sender is restricted or not verified; settle it in Meta's business manager"),
    one(63021, ContentRefused, BOTH, "Channel invalid content error",
        "WhatsApp does not take this content; the details say why"),
    one(63022, AccountRestricted, BOTH, "Invalid vname certificate",
        "the sender's name certificate is not valid; register the sender again at Twilio"),
    one(63023, Transient, BOTH, "Channel generic error",
        "WhatsApp gave no reason; it is tried again"),
    one(63024, Undeliverable, BOTH, "Invalid message recipient",
        "the number cannot get WhatsApp messages; another channel takes over"),
    one(63027, TemplateUnavailable, BOTH, "Template does not exist for a language and locale",
        "the content template is not approved in this language; submit it and wait for approval"),
    one(63028, ContentRefused, BOTH, "Number of parameters provided does not match the expected number of params",
        "the content template has another number of placeholders than the template's parameters; make them equal"),
    one(63029, Transient, BOTH, "The receiver failed to download the template",
        "the person's phone could not fetch the template; it is tried again"),
    one(63030, ContentRefused, BOTH, "Unsupported parameter for type of channels message",
        "a parameter does not go with this kind of message; report it with the message's history"),
    one(63031, ContentRefused, BOTH, "Channels message cannot have same From and To",
        "the contact has our own number; correct the contact"),
    one(63032, MarketingLimited, BOTH, "We cannot send this message to this user because of a WhatsApp limitation.",
        "Meta lets this person hear no more marketing for now, or holds them in an experiment; another channel takes over"),
    one(63033, Undeliverable, BOTH, "Recipient blocked to receive message",
        "the person blocked this WhatsApp sender; another channel takes over where they allow it"),
    one(63034, ContentRefused, BOTH, "Media exceeds size limit",
        "the media is larger than WhatsApp takes; make it smaller"),
    one(63036, Undeliverable, BOTH, "The specified phone number cannot be reached by RBM at this time.",
        "the phone does not take rich messages now; another channel takes over"),
    one(63037, Transient, BOTH, "Channel Media Upload Error",
        "the media could not be handed to WhatsApp; it is tried again"),
    one(63038, AccountThrottled, BOTH, "Account exceeded the daily messages limit",
        "the account's messages of this day are used up; barid waits and goes on, ask Twilio for a higher limit if it lasts"),
    one(63040, TemplateUnavailable, BOTH, "Template submission failure",
        "the content template was rejected; change it and submit it again"),
    one(63041, TemplateUnavailable, BOTH, "Template paused",
        "Meta paused the template for its quality; wait, or use another one"),
    one(63042, TemplateUnavailable, BOTH, "Template disabled",
        "Meta switched the template off for good; make a new one"),
];

/// The class of a code.
pub fn class_of(code: i64) -> FailureClass {
    entry(code).map_or(FailureClass::Unrecognised, |entry| entry.class)
}

/// What the table says about a code.
pub fn entry(code: i64) -> Option<&'static Entry> {
    found(TABLE, code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider_code::faults;

    #[test]
    fn the_table_is_in_order_and_says_what_to_do() {
        assert_eq!(faults(TABLE), Vec::<String>::new());
    }

    #[test]
    fn every_class_is_the_one_that_the_operator_expects() {
        use FailureClass::*;
        for (codes, class) in [
            (&[20003, 20404, 63001][..], Credentials),
            (&[20429, 30001, 30022, 30023, 63017, 63038], AccountThrottled),
            (&[63018], NumberThrottled),
            (&[21617, 21620, 21623, 21654, 21655, 21656, 63005, 63021, 63028, 63030, 63031], ContentRefused),
            (&[21211, 21612, 21614, 30004, 30005, 30006, 63003, 63014, 63024, 63033], Undeliverable),
            (&[21408, 30034], CountryRestricted),
            (&[21610], OptedOut),
            (&[21603, 21606, 30002, 63002, 63007, 63008, 63013, 63020], AccountRestricted),
            (&[30003, 30008, 63009, 63010, 63012, 63019], Transient),
            (&[63016], WindowClosed),
            (&[63032], MarketingLimited),
            (&[63027, 63040, 63041, 63042], TemplateUnavailable),
            (&[0, -1, 200, 21400, 99999, i64::MAX, i64::MIN], Unrecognised),
        ] {
            for code in codes {
                assert_eq!(class_of(*code), class, "{code}");
            }
        }
    }
}
