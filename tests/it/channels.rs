//! One suite for every channel: whatever a provider or the network does, the same outcome has the same meaning, and nothing is sent
//! twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use barid::domain::channel::Channel;
use barid::domain::failure::FailureClass;
use barid::domain::ids::{CallbackReference, MessageId};
use barid::domain::language::Language;
use barid::domain::message::{Content, Envelope, Recipient};
use barid::domain::phone_number::PhoneNumber;
use barid::domain::signed_reference::ReferenceSigner;
use barid::fallback::email::{self, Email, SmtpServer};
use barid::fallback::sms::Sms;
use barid::fallback::twilio::{self, Origin};
use barid::fallback::twilio_whatsapp::TwilioWhatsApp;
use barid::ports::{Address, Answer, Clock, Fallback as _, Letter, WhatsApp as _};
use barid::simulator::{Fault, MailSettings, Outcome, Settings, Simulator};
use barid::whatsapp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Server, http};
use crate::fakes::Noon;

/// Long enough for a busy machine to answer on loopback, short enough to wait for silence.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What a provider does with the one call that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Accepts,
    RefusesThePerson,
    Throttles,
    HasAFaultAndSaysSo,
    FailsWithoutWords,
    ReadsAndResets,
    ReadsAndIsSilent,
}

const PROVIDERS: [Provider; 7] = [
    Provider::Accepts,
    Provider::RefusesThePerson,
    Provider::Throttles,
    Provider::HasAFaultAndSaysSo,
    Provider::FailsWithoutWords,
    Provider::ReadsAndResets,
    Provider::ReadsAndIsSilent,
];

/// The answer in a word.
pub(crate) fn word(answer: &Answer) -> String {
    match answer {
        Answer::Accepted(_) => "accepted".to_owned(),
        Answer::Refused(refusal) => format!("refused {}", refusal.class.name()),
        Answer::NotSent { .. } => "not sent".to_owned(),
        Answer::Unanswered { .. } => "unanswered".to_owned(),
    }
}

fn expected(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Accepts => &["accepted"],
        Provider::RefusesThePerson => &["refused undeliverable"],
        // A mail server cannot say more than "later".
        Provider::Throttles => &["refused pair-throttled", "refused account-throttled", "refused transient"],
        Provider::HasAFaultAndSaysSo => &["refused transient"],
        Provider::FailsWithoutWords | Provider::ReadsAndResets | Provider::ReadsAndIsSilent => &["unanswered"],
    }
}

fn reference() -> CallbackReference {
    CallbackReference { store: "k7q2".to_owned(), message: MessageId::new(77), attempt: 2 }
}

pub(crate) fn letter(to: Address) -> Letter {
    Letter {
        to,
        reference: reference(),
        language: Language::Ar,
        subject: Some("استبيان".to_owned()),
        text: "مرحباً نادية، رأيكم يهمنا".to_owned(),
        template: None,
        expires_at: Noon.now() + jiff::SignedDuration::from_hours(1),
    }
}

fn phone() -> PhoneNumber {
    PhoneNumber::from_e164("+966500000101").unwrap()
}

fn twilio_client(url: &str) -> Arc<twilio::Client> {
    let settings = twilio::Settings {
        api_url: url.to_owned(),
        account_sid: "AC00000000000000000000000000000001".into(),
        auth_token: "simulator-twilio-token".into(),
        status_callback: None,
        connect_within: CONNECT_WITHIN,
        answer_within: ANSWER_WITHIN,
    };
    Arc::new(twilio::Client::new(&settings, Arc::new(Noon)).unwrap())
}

fn mail_channel(address: &str) -> Email {
    mail_channel_to(&format!("smtp://{address}"), None)
}

/// To that server; an authority may vouch for it.
pub(crate) fn mail_channel_to(url: &str, authority: Option<&str>) -> Email {
    let settings = email::Settings {
        server: SmtpServer::of(url).unwrap(),
        authorities: authority.map(|pem| pem.as_bytes().to_vec()),
        from: "Voice of Customer <voice@example.com>".to_owned(),
        reply_to: None,
        bounces: Some("bounces@example.com".to_owned()),
        unsubscribe: None,
        unsubscribe_url: Some("https://voice.example.com/api/email/unsubscribe/".to_owned()),
        message_micros: 1_000,
        connect_within: CONNECT_WITHIN,
        answer_within: ANSWER_WITHIN,
    };
    Email::new(&settings, ReferenceSigner::new(b"key"), Arc::new(Noon)).unwrap()
}

/// One call over that channel to whatever listens at the address.
async fn call(channel: Channel, address: &str) -> Answer {
    let url = format!("http://{address}");
    match channel {
        Channel::Whatsapp => {
            let client = whatsapp::Client::new(&whatsapp::Settings {
                graph_url: url,
                api_version: "v26.0".to_owned(),
                token: "token".into(),
                senders: HashMap::from([("default".parse().unwrap(), "900000000000001".parse().unwrap())]),
                connect_within: CONNECT_WITHIN,
                answer_within: ANSWER_WITHIN,
                proxy: None,
            })
            .unwrap();
            let envelope = Envelope {
                to: Recipient::Phone(phone()),
                sender: "default".parse().unwrap(),
                reference: reference(),
                in_reply_to: None,
            };
            client.send(&envelope, &Content::Text { body: "hello".to_owned(), preview_url: false }).await
        }
        Channel::TwilioWhatsapp => {
            let origin = Origin::Sender("+15550100001".to_owned());
            let channel = TwilioWhatsApp::new(twilio_client(&url), origin, Arc::new(|_: &_| None), 7_500);
            channel.send(&letter(Address::Phone(phone()))).await
        }
        Channel::Sms => {
            let channel = Sms::new(twilio_client(&url), Origin::Sender("VOC".to_owned()), 7_500);
            channel.send(&letter(Address::Phone(phone()))).await
        }
        Channel::Email => mail_channel(address).send(&letter(Address::Email("nadia@example.com".to_owned()))).await,
    }
}

/// What the provider of that channel answers over HTTP; `None`: it reads the call and does something else.
fn over_http(channel: Channel, provider: Provider) -> Option<String> {
    let meta = |code: u32, status| {
        let error = format!(
            r#"{{"error":{{"message":"(#{code}) no","type":"OAuthException","code":{code},"fbtrace_id":"A"}}}}"#
        );
        http(status, &error)
    };
    let twilio = |code: u32, status| {
        http(status, &format!(r#"{{"code":{code},"message":"no","more_info":"https://www.twilio.com/","status":400}}"#))
    };
    let is_meta = channel == Channel::Whatsapp;
    Some(match (provider, is_meta) {
        (Provider::Accepts, true) => {
            http("200 OK", r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.A=="}]}"#)
        }
        (Provider::Accepts, false) => http("201 Created", r#"{"sid":"SM01","status":"queued","error_code":null}"#),
        (Provider::RefusesThePerson, true) => meta(131_026, "400 Bad Request"),
        (Provider::RefusesThePerson, false) => twilio(30_005, "400 Bad Request"),
        (Provider::Throttles, true) => meta(131_056, "400 Bad Request"),
        (Provider::Throttles, false) => twilio(20_429, "429 Too Many Requests"),
        (Provider::HasAFaultAndSaysSo, true) => meta(131_000, "500 Internal Server Error"),
        (Provider::HasAFaultAndSaysSo, false) => twilio(20_500, "500 Internal Server Error"),
        (Provider::FailsWithoutWords, _) => http("503 Service Unavailable", "<html>no upstream</html>"),
        (Provider::ReadsAndResets | Provider::ReadsAndIsSilent, _) => return None,
    })
}

#[tokio::test]
async fn the_same_outcome_means_the_same_on_every_channel_over_http() {
    for channel in [Channel::Whatsapp, Channel::TwilioWhatsapp, Channel::Sms] {
        for provider in PROVIDERS {
            let answer = over_http(channel, provider);
            let server = Server::start(move |mut connection| {
                let answer = answer.clone();
                async move {
                    while connection.read().await {
                        match &answer {
                            Some(answer) => connection.write(answer).await,
                            None if provider == Provider::ReadsAndResets => return connection.reset(),
                            None => std::future::pending().await,
                        }
                    }
                }
            })
            .await;
            let answer = call(channel, server.url.trim_start_matches("http://")).await;
            let word = word(&answer);
            assert!(expected(provider).contains(&word.as_str()), "{channel:?} {provider:?}: {answer:?}");
            assert_eq!(server.seen(), 1, "{channel:?} {provider:?} was called once");
        }
    }
}

/// A mail server with one kind of behaviour; answers where it listens.
async fn mail_server(provider: Provider) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, provider));
        }
    });
    address
}

async fn converse(stream: TcpStream, provider: Provider) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut reply = "220 here".to_owned();
    loop {
        // The client may be gone already: that is part of what is tested.
        let _ = stream.write_all(format!("{reply}\r\n").as_bytes()).await;
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        reply = match (line.get(..4).unwrap_or_default(), provider) {
            ("RCPT", Provider::RefusesThePerson) => "550 5.1.1 <nadia@example.com>: no such user".to_owned(),
            ("RCPT", Provider::Throttles) => "452 4.5.3 too many".to_owned(),
            ("MAIL", Provider::HasAFaultAndSaysSo) => "451 4.3.0 out of order".to_owned(),
            ("DATA", _) => {
                let _ = stream.write_all(b"354 go on\r\n").await;
                loop {
                    line.clear();
                    if stream.read_line(&mut line).await.unwrap_or(0) == 0 || line == ".\r\n" {
                        break;
                    }
                }
                match provider {
                    Provider::FailsWithoutWords => return,
                    Provider::ReadsAndResets => {
                        let _ = stream.get_ref().set_zero_linger();
                        return;
                    }
                    Provider::ReadsAndIsSilent => std::future::pending().await,
                    _ => "250 2.0.0 taken".to_owned(),
                }
            }
            _ => "250 ok".to_owned(),
        };
    }
}

#[tokio::test]
async fn the_same_outcome_means_the_same_for_mail() {
    for provider in PROVIDERS {
        let answer = call(Channel::Email, &mail_server(provider).await).await;
        let word = word(&answer);
        assert!(expected(provider).contains(&word.as_str()), "{provider:?}: {answer:?}");
        if let Answer::Refused(refusal) = answer {
            assert!(!refusal.details.contains("nadia"), "{provider:?}: {}", refusal.details);
        }
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent_on_any_channel() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for channel in Channel::ALL {
        let answer = call(channel, &nobody).await;
        assert_eq!(word(&answer), "not sent", "{channel:?}: {answer:?}");
    }
}

/// A simulator with Twilio and a mail server.
async fn simulator(twilio: &[(&str, Outcome)]) -> Simulator {
    let mut settings = Settings {
        mail: MailSettings { listen: Some(([127, 0, 0, 1], 0).into()), ..MailSettings::default() },
        ..Settings::default()
    };
    settings.twilio.suffixes = twilio.iter().map(|(suffix, outcome)| ((*suffix).to_owned(), *outcome)).collect();
    Simulator::start(settings).await.unwrap()
}

#[tokio::test]
async fn the_mail_server_sees_each_mail_once_over_few_connections() {
    let simulator = simulator(&[]).await;
    let channel = mail_channel(&simulator.mail_addr().unwrap().to_string());
    let send = async |user: &str| channel.send(&letter(Address::Email(format!("{user}@example.com")))).await;
    for user in ["nadia", "omar"] {
        assert_eq!(word(&send(user).await), "accepted");
    }
    for (user, expected) in [
        ("bounce-550", "refused undeliverable"),
        ("greylist-451", "refused transient"),
        ("greylist-451", "accepted"),
        ("reject-554", "refused content-refused"),
        ("drop-before", "not sent"),
        ("drop-after-dot", "unanswered"),
        ("huda", "accepted"),
    ] {
        assert_eq!(word(&send(user).await), expected, "{user}");
    }
    let mails = simulator.mails();
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.split('@').next().unwrap()).collect();
    assert_eq!(
        to,
        ["nadia", "omar", "greylist-451", "drop-after-dot", "huda"],
        "each once, and what was lost was taken"
    );
    assert_eq!(mails[0].connection, mails[2].connection, "a refusal does not cost the connection");
    let mail = &mails[0];
    assert!(mail.from.starts_with("bounces+") && mail.from.ends_with("@example.com"), "{}", mail.from);
    assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(mail.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    let message_id = mail.header("Message-ID").unwrap();
    assert!(mails.iter().all(|mail| mail.header("Message-ID") == Some(message_id)), "the same message, the same id");
}

#[tokio::test]
async fn a_log_in_that_is_refused_is_about_us() {
    let settings = Settings {
        mail: MailSettings {
            listen: Some(([127, 0, 0, 1], 0).into()),
            user: Some("barid".to_owned()),
            password: "right".to_owned(),
        },
        ..Settings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    let address = simulator.mail_addr().unwrap();
    for (password, expected) in [("right", "accepted"), ("wrong", "refused credentials")] {
        let answer = call(Channel::Email, &format!("barid:{password}@{address}")).await;
        assert_eq!(word(&answer), expected, "{answer:?}");
    }
}

#[tokio::test]
async fn twilio_takes_what_we_send_and_says_so_for_chosen_numbers() {
    let simulator = simulator(&[
        ("0001", Outcome::Fault(Fault::Error(21_614))),
        ("0002", Outcome::Fault(Fault::ResetAfterAccept)),
        ("0003", Outcome::Fault(Fault::Http503Html)),
        ("0004", Outcome::Fault(Fault::Error(21_610))),
    ])
    .await;
    let channel = Sms::new(twilio_client(&simulator.url()), Origin::Sender("+15550100002".to_owned()), 7_500);
    for (number, expected) in [
        ("+966500000101", "accepted"),
        ("+966500000001", "refused undeliverable"),
        ("+966500000002", "unanswered"),
        ("+966500000003", "unanswered"),
        ("+966500000004", "refused opted-out"),
    ] {
        let answer = channel.send(&letter(Address::Phone(PhoneNumber::from_e164(number).unwrap()))).await;
        assert_eq!(word(&answer), expected, "{number}: {answer:?}");
    }
    let ledger = simulator.twilio_ledger();
    let to: Vec<&str> = ledger.iter().map(|row| row.to.as_str()).collect();
    assert_eq!(to, ["+966500000101", "+966500000002"]);
    assert_eq!(ledger[0].validity_period, Some(3_600));
    let wrong = twilio::Settings {
        api_url: simulator.url(),
        account_sid: "AC00000000000000000000000000000001".into(),
        auth_token: "wrong".into(),
        status_callback: None,
        connect_within: CONNECT_WITHIN,
        answer_within: ANSWER_WITHIN,
    };
    let client = Arc::new(twilio::Client::new(&wrong, Arc::new(Noon)).unwrap());
    let stranger = Sms::new(client, Origin::Sender("+15550100002".to_owned()), 7_500);
    let answer = stranger.send(&letter(Address::Phone(phone()))).await;
    let Answer::Refused(refusal) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.class, FailureClass::Credentials);
}

#[tokio::test]
async fn what_is_too_long_is_refused_before_it_costs_anything() {
    let simulator = simulator(&[]).await;
    let channel = Sms::new(twilio_client(&simulator.url()), Origin::Sender("+15550100002".to_owned()), 7_500);
    let long = Letter { text: "س".repeat(671), ..letter(Address::Phone(phone())) };
    assert_eq!(channel.price_micros(&long), 11 * 7_500);
    assert_eq!(word(&channel.send(&long).await), "refused content-refused");
    assert_eq!(simulator.twilio_ledger(), []);
}
